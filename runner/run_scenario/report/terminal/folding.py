"""Long repeats are folded: what one process does again and again is shown a few times, and counted from then on.

    events ──▶ Folding.add() ──▶ groups of events, each of which is one line

Only what is shown is folded; a log has every event. Two events are *alike* if the same process does the same to the
same resource, or prints the same text but for its numbers. Of those that are alike the first `_SHOWN` are shown, until
something happens that is not a repeat by its nature: a process starts, fails, ends. The others are held back, but for
those that come so slowly that they can be read, and come out as one group; as single ones, if they are few. They come
out when something new happens, so that lines stand in the order in which things happened, and at the latest after a
second, so that somebody who watches sees that it goes on.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from run_scenario.events import types
from run_scenario.events.types import Event
from run_scenario.values import Value

_SHOWN = 3
"""Lines of events that are alike, before they are held back."""
_FEW = 9
"""Held back, and yet not folded: a line that counts them would say less than they do."""
_FEW_WORDS = 40
"""The same for lines that a program prints itself: they may be its results."""
_WORDS = (types.ProcessOutput, types.LogMessage)
_SLOW = 0.1
"""Seconds between two that are alike, from which on both can be read as they come."""
_LONGEST = 1.0
"""Seconds for which events are held back."""
_MOST_HELD = 10_000
"""Events that are held back at once, and _MOST_KINDS: kinds that are known, for a program may print anything."""
_MOST_KINDS = 1_000
_LONGEST_TEXT = 200
"""Characters of a printed text by which it is compared."""

_ALIKE: dict[type[Event], tuple[str, ...]] = {
    types.QueuePut: ("queue",),
    types.QueueGet: ("queue",),
    types.QueueTaskDone: ("queue",),
    types.QueueEmpty: ("queue", "call", "empty"),
    types.QueueFull: ("queue", "call", "full"),
    types.PipeSent: ("pipe", "end"),
    types.PipeSendWaited: ("pipe", "end"),
    types.PipeReceived: ("pipe", "end"),
    types.PipePolled: ("pipe", "end", "ready"),
    types.LockWaiting: ("lock",),
    types.LockAcquired: ("lock",),
    types.LockNotAcquired: ("lock",),
    types.LockReleased: ("lock",),
    types.SemaphoreWaiting: ("semaphore",),
    types.SemaphoreAcquired: ("semaphore",),
    types.SemaphoreNotAcquired: ("semaphore",),
    types.SemaphoreReleased: ("semaphore",),
    types.EventSet: ("flag",),
    types.EventCleared: ("flag",),
    types.EventIsSet: ("flag", "answer"),
    types.EventWaiting: ("flag",),
    types.EventWaited: ("flag", "answer"),
    types.ConditionWaiting: ("condition",),
    types.ConditionWaited: ("condition", "answer"),
    types.ConditionNotified: ("condition",),
    types.BarrierWaiting: ("barrier",),
    types.BarrierPassed: ("barrier",),
    types.ValueRead: ("value",),
    types.ValueWritten: ("value",),
    types.ValueOverwritten: ("value",),
    types.ArrayRead: ("array",),
    types.ArrayWritten: ("array",),
    types.ArrayOverwritten: ("array",),
    types.ManagerCalled: ("object", "method"),
    types.PoolCalled: ("pool", "method"),
    types.PoolTaskStarted: ("pool", "method"),
    types.PoolTaskFinished: ("pool", "method"),
    types.PoolResult: ("pool", "method"),
    types.PoolReturned: ("pool", "method"),
    types.StepCalled: ("subject", "method"),
    types.ProcessAlive: ("alive",),
    types.ProcessOutput: ("stream",),
    types.LogMessage: ("logger",),
}
"""What may be done again and again -> the fields by which two events of one process are alike."""
_MERGED = frozenset((types.QueuePut, types.QueueGet, types.QueueTaskDone, types.QueueEmpty))
"""Those of which neighbours are one line in any case, however few they are."""
_NUMBER = re.compile(r"\d+")

_Kind = tuple[Any, ...]


class Group(Value):
    """Events that are one line."""

    events: tuple[Event, ...]
    follows: bool = False
    """Whether others that are alike were shown before it."""


class Folding:
    """Turns events, batch by batch, into groups; which those are does not depend on the batches, but for neighbours."""

    def __init__(self) -> None:
        self._shown: Counter[_Kind] = Counter()
        """How many lines of a kind were shown, since something happened that is no repeat."""
        self._latest: dict[_Kind, float] = {}
        """When the latest of a kind happened, since then."""
        self._held: dict[_Kind, list[Group]] = {}
        self._since = 0.0
        """When the first of those happened that are held back."""
        self._count = 0
        """How many events are held back."""

    def add(self, events: Iterable[Event]) -> Iterator[Group]:
        """Yield what is to be shown now that these have happened."""
        for kind, neighbours in itertools.groupby(events, key=_kind):
            if kind is None:
                yield from self._forget()
                yield from (Group((event,)) for event in neighbours)
            elif kind[1] in _MERGED:
                yield from self._add(kind, Group(tuple(neighbours)))
            else:
                for event in neighbours:
                    yield from self._add(kind, Group((event,)))

    def overdue(self, now: float) -> Iterator[Group]:
        """Yield what was held back for as long as anything is; `now` in seconds since the run began."""
        if self._held and now - self._since >= _LONGEST:
            yield from self.rest()

    def rest(self) -> Iterator[Group]:
        """Yield all that is held back."""
        held, self._held, self._count = self._held, {}, 0
        groups = []
        for (_, type_, *_), units in held.items():
            if len(units) <= (_FEW_WORDS if type_ in _WORDS else _FEW):
                groups += units
            else:
                groups.append(Group(tuple(event for unit in units for event in unit.events), follows=True))
        yield from sorted(groups, key=lambda group: group.events[0].seq)

    def _forget(self) -> Iterator[Group]:
        """Yield all that is held back; what comes next is no repeat of anything before."""
        yield from self.rest()
        self._shown.clear()
        self._latest.clear()

    def _add(self, kind: _Kind, group: Group) -> Iterator[Group]:
        t = group.events[0].t
        yield from self.overdue(t)
        if len(self._latest) > _MOST_KINDS:
            yield from self._forget()
        is_slow = t - self._latest.get(kind, t) >= _SLOW
        self._latest[kind] = group.events[-1].t
        if is_slow or self._shown[kind] < _SHOWN:
            self._shown[kind] += 1
            yield from self.rest()
            yield group
            return
        if not self._held:
            self._since = t
        self._held.setdefault(kind, []).append(group)
        self._count += len(group.events)
        if self._count > _MOST_HELD:
            yield from self.rest()


def _kind(event: Event) -> _Kind | None:
    """Return what events that are alike have in common; None for one that is no repeat by its nature."""
    fields = _ALIKE.get(type(event))
    if fields is None:
        return None
    kind = (event.process, type(event), *(getattr(event, field) for field in fields))
    if isinstance(event, types.ProcessOutput):
        return (*kind, _NUMBER.sub("0", event.text[:_LONGEST_TEXT]))
    if isinstance(event, types.LogMessage):
        return (*kind, _NUMBER.sub("0", event.message[:_LONGEST_TEXT]))
    return kind
