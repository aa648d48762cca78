"""What goes through pipes, told; and what was sent and never received."""

from __future__ import annotations

from collections import deque
from typing import Any

from run_scenario.engine.events import EventMaker, waited
from run_scenario.engine.exits import MAIN_NAME
from run_scenario.model import PIPE_ENDS, PipeSpec, Resource
from run_scenario.record import codes
from run_scenario.record.reader import Speaker

_MOST_LEFT_SHOWN = 10


class PipeAccount:
    """The books of one direction of a pipe: what was sent and is not yet received, in order."""

    def __init__(self) -> None:
        self.under_way: deque[tuple[int, Any]] = deque()
        """Number and description of each object; the oldest first."""
        self.sent = 0


class PipeTeller:
    """Tells the events of pipes; its methods `on_NAME` take the records NAME.

    A pipe carries no numbers of ours: the n-th object received at one end is the n-th sent at the other.
    """

    def __init__(self, resources: tuple[Resource, ...], events: EventMaker) -> None:
        self._resources = resources
        self._make = events.make
        self._accounts: dict[tuple[int, int], PipeAccount] = {}
        """By the pipe's position, and the end at which it was sent."""

    def _spec(self, index: int) -> PipeSpec:
        spec = self._resources[index]
        if not isinstance(spec, PipeSpec):
            raise IndexError(index)
        return spec

    def _account(self, index: int, end: int) -> PipeAccount:
        return self._accounts.setdefault((index, end), PipeAccount())

    def _tell(self, reader: Speaker, t: int, deed: str, f: list[Any], level: str = "debug", **fields: Any) -> None:
        place = {"pipe": self._spec(f[0]).name, "end": PIPE_ENDS[f[1]]}
        self._make(t, f"pipe.{deed}", reader.name, reader.pid, level, **place, **fields)

    def on_pipe_sent(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._spec(f[0])
        account = self._account(f[0], f[1])
        account.sent += 1
        account.under_way.append((account.sent, f[2]))
        self._tell(reader, t, "sent", f, item_id=account.sent, item=f[2])

    def on_pipe_send_waited(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "send_waited", f, waited=waited(t, f[3]))

    def on_pipe_received(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._spec(f[0])
        under_way = self._account(f[0], 1 - f[1]).under_way
        item_id, sent = under_way.popleft() if under_way else (None, None)
        item = sent if f[2] == codes.SAME else f[2]
        self._tell(reader, t, "received", f, item_id=item_id, item=item, waited=waited(t, f[3]))

    def on_pipe_eof(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "eof", f, waited=waited(t, f[3]))

    def on_pipe_broken(self, reader: Speaker, t: int, f: list[Any]) -> None:
        """Tell a call that failed; what was being sent is not under way."""
        self._spec(f[0])
        under_way = self._account(f[0], f[1]).under_way
        item_id = under_way.pop()[0] if f[3] and under_way else None
        call = "send" if f[3] else "recv"
        self._tell(reader, t, "broken", f, "warning", call=call, error=f[2], item_id=item_id)

    def on_pipe_polled(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "polled", f, ready=bool(f[2]), waited=waited(t, f[3]))

    def on_pipe_closed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "closed", f)

    def tell_left_over(self, t: int, main_pid: int | None) -> None:
        """Tell, when everybody is gone, what was sent and never received."""
        for (index, end), account in sorted(self._accounts.items()):
            if account.under_way:
                items = [item for _, item in account.under_way][:_MOST_LEFT_SHOWN]
                fields: dict[str, Any] = {"pipe": self._spec(index).name, "end": PIPE_ENDS[1 - end]}
                fields |= {"count": len(account.under_way), "items": items}
                self._make(t, "pipe.left_over", MAIN_NAME, main_pid, "warning", **fields)
