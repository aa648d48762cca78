"""Records of pipes, decoded; and what was sent and never received."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory, Owner, timeout_of, waited
from run_scenario.events.types import Event
from run_scenario.recording.segment_reader import Source
from run_scenario.scenario.model import PIPE_ENDS, PipeEnd, PipeSpec, Resource

_MOST_LEFT_SHOWN = 10
_MOST_UNMATCHED = 1000
"""Objects received of which it is not known which they were, from which on none is looked for any more."""
_TORN = "<cannot be unpickled"
"""How what was received is described that may be no object that was sent, but parts of several."""


class PipeLedger:
    """One direction of a pipe: what was sent and is not yet received.

    A pipe carries no numbers of ours. While one process sends and one receives, the n-th object received is the n-th
    sent. With more of them, the order on the wire is not that of the records: an object then has a number only if
    nothing else that is under way looks the same.

    Objects may look different where they arrive, and those then seem to be under way for ever. As soon as as many were
    received as were sent, none is. If that does not come about, objects are only counted, so that memory is bounded.
    """

    def __init__(self) -> None:
        self.under_way: dict[int, Any] = {}
        """Number -> description, in the order of sending."""
        self.sent = 0
        self.unmatched = 0
        """How many objects were received of which it is not known which they were, and none was struck out."""
        self.forgotten = 0
        """How many of those sent are only counted; none of them is struck out."""
        self._torn = False
        """Whether what was received may not have been an object that was sent, so that counting does not tell."""
        self._last_of: dict[tuple[int, int], int] = {}
        """Sender -> the number of what it has sent last."""
        self._senders: set[tuple[int, int]] = set()
        self._receivers: set[tuple[int, int]] = set()
        self._alike: dict[str, list[int]] | None = None
        """From the second sender or receiver on: description -> numbers of those under way that look so."""
        self._mixed: set[str] = set()
        """Descriptions of which one was received, and it is not known which of several."""

    @property
    def left(self) -> int:
        """How many objects were sent and not received."""
        return len(self.under_way) + self.forgotten - self.unmatched

    def send(self, source: Source, item: Any) -> int:
        """Enter an object; return its number."""
        self._note(self._senders, source)
        self.sent += 1
        self._last_of[source.pid, source.worker] = self.sent
        if self.forgotten:
            self.forgotten += 1
            return self.sent
        self.under_way[self.sent] = item
        if self._alike is not None:
            self._alike.setdefault(_looks(item), []).append(self.sent)
        return self.sent

    def take_back(self, source: Source) -> int | None:
        """Strike out what a process has sent last, which did not get away; return its number."""
        number = self._last_of.get((source.pid, source.worker))
        if number is not None and self.forgotten:
            self.forgotten -= 1
            return number
        if number is None or number not in self.under_way:
            return None
        self._strike(number)
        return number

    def receive(self, source: Source, item: Any) -> int | None:
        """Strike an object out; return its number if it is known."""
        self._note(self._receivers, source)
        if self._alike is None:
            number = next(iter(self.under_way), None)
            if number is not None:
                del self.under_way[number]
            return number
        self._torn = self._torn or (isinstance(item, str) and item.startswith(_TORN))
        number = self._find(item, self._alike)
        if self.unmatched and self.left <= 0 and not self._torn:
            self._forget()
            self.unmatched = self.forgotten = 0
        elif self.unmatched > _MOST_UNMATCHED and not self.forgotten:
            self.forgotten = len(self.under_way)
            self._forget()
        return number

    def _forget(self) -> None:
        self.under_way.clear()
        self._mixed.clear()
        self._alike = {}

    def _find(self, item: Any, alike_of: dict[str, list[int]]) -> int | None:
        """Strike an object out by what it looks like; return its number if it is known."""
        looks = _looks(item)
        alike = alike_of.get(looks, [])
        if not alike:
            self.unmatched += 1
            return None
        certain = len(alike) == 1 and looks not in self._mixed
        number = alike[0]
        self._strike(number)
        if not alike_of.get(looks):
            self._mixed.discard(looks)
        elif not certain:
            self._mixed.add(looks)
        return number if certain else None

    def _note(self, known: set[tuple[int, int]], source: Source) -> None:
        known.add((source.pid, source.worker))
        if len(known) > 1 and self._alike is None:
            self._alike = {}
            for number, item in self.under_way.items():
                self._alike.setdefault(_looks(item), []).append(number)

    def _strike(self, number: int) -> None:
        item = self.under_way.pop(number)
        if self._alike is not None and number in (alike := self._alike.get(_looks(item), [])):
            alike.remove(number)
            if not alike:
                del self._alike[_looks(item)]


def _looks(item: Any) -> str:
    """Return what an object looks like, as something that can be compared."""
    return repr(item)


class PipeDecoder:
    """Emits the events of pipes; its methods `on_NAME` take the fields of the records NAME.

    `end` is 0 for the left one, 1 for the right one.
    """

    def __init__(self, resources: Sequence[Resource], events: EventFactory) -> None:
        self._resources = resources
        self._emit = events.emit
        self._ledgers: dict[tuple[int, int], PipeLedger] = {}
        """By the pipe's position, and the end at which it was sent."""

    def _name(self, pipe: int) -> str:
        spec = self._resources[pipe]
        if not isinstance(spec, PipeSpec):
            raise IndexError(pipe)
        return spec.name

    def _place(self, pipe: int, end: int) -> tuple[str, PipeEnd]:
        return self._name(pipe), PIPE_ENDS[end]

    def _ledger(self, pipe: int, end: int) -> PipeLedger:
        return self._ledgers.setdefault((pipe, end), PipeLedger())

    def on_pipe_sent(self, source: Source, t: int, pipe: int, end: int, item: Any, since: int) -> Event:
        name, at = self._place(pipe, end)
        number = self._ledger(pipe, end).send(source, item)
        return types.PipeSent(pipe=name, end=at, item_id=number, item=item)

    def on_pipe_send_waited(self, source: Source, t: int, pipe: int, end: int, value: Any, since: int) -> Event:
        name, at = self._place(pipe, end)
        return types.PipeSendWaited(pipe=name, end=at, waited=waited(t, since))

    def on_pipe_received(self, source: Source, t: int, pipe: int, end: int, item: Any, since: int) -> Event:
        name, at = self._place(pipe, end)
        item_id = self._ledger(pipe, 1 - end).receive(source, item)
        return types.PipeReceived(pipe=name, end=at, item_id=item_id, item=item, waited=waited(t, since))

    def on_pipe_eof(self, source: Source, t: int, pipe: int, end: int, value: Any, since: int) -> Event:
        name, at = self._place(pipe, end)
        return types.PipeEof(pipe=name, end=at, waited=waited(t, since))

    def on_pipe_broken(self, source: Source, t: int, pipe: int, end: int, error: str, sending: bool) -> Event:
        """Emit a call that failed; what was being sent is not under way."""
        name, at = self._place(pipe, end)
        item_id = self._ledger(pipe, end).take_back(source) if sending else None
        return types.PipeBroken(pipe=name, end=at, call="send" if sending else "recv", error=error, item_id=item_id)

    def on_pipe_polled(self, source: Source, t: int, pipe: int, end: int, ready: Any, since: int) -> Event:
        packed, end = divmod(end, 2)
        name, at = self._place(pipe, end)
        return types.PipePolled(
            pipe=name, end=at, ready=bool(ready), waited=waited(t, since), timeout=timeout_of(packed)
        )

    def on_pipe_closed(self, source: Source, t: int, pipe: int, end: int, value: Any, since: int) -> Event:
        name, at = self._place(pipe, end)
        return types.PipeClosed(pipe=name, end=at)

    def emit_left_over(self, t: int, owner: Callable[[str], Owner]) -> None:
        """Emit, when everybody is gone, what was sent and never received."""
        for (pipe, end), ledger in sorted(self._ledgers.items()):
            if ledger.left > 0:
                name, at = self._place(pipe, 1 - end)
                # Where some were received of which it is not known which they were, neither is it known what is left.
                items = [] if ledger.unmatched else list(ledger.under_way.values())
                event = types.PipeLeftOver(pipe=name, end=at, count=ledger.left, items=items[:_MOST_LEFT_SHOWN])
                self._emit(t, *owner(name), event)
