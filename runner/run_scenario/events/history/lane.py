"""The lane of a process: since when it lived, when it waited for what, how it ended; and what it did in between."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec import Struct, field

from run_scenario.events.history.rows import Rows
from run_scenario.events.types import Event, ProcessExited

State = Literal["starting", "running", "computing", "competing", "sleeping", "waiting", "ending"]
"""What a process does in a segment of its lane.

Waits are recorded. Between two waits a process runs; where the processor time that the system has counted
leaves no other possibility, that is `computing` or `sleeping` for at least half of the segment. Sleeping is what a
process does without a processor: it may as well wait for something outside of the scenario, or for its turn on a busy
machine. That it was for its turn is shown by the switches that the system has counted: who is `competing` hardly ever
gave its processor up, and lost it again and again, often enough to explain all the time that it had none. `starting`
lasts until the first event of the process itself, `ending` begins when its target is over.
"""

_MOSTLY = 0.5
"""The part of a segment that must certainly have been spent with or without a processor to be called so."""
_NEARLY_ALL = 0.8
"""The part of all that a process ran, from which on its switches are taken to be those of one segment."""
_FORCED = 10
"""How often a process must lose its processor for each time that it gives it up, to be one that competes for it."""
TURN = 0.02
"""Seconds for which the scheduler of a system lets one process compute before the next has its turn, at most."""


class Wait(NamedTuple):
    """A call that waited."""

    start: float
    end: float
    call: str
    """What was called, as code: `tasks.get()`, `Worker 1.join()`."""
    resource: str = ""
    """The queue, pipe, lock or pool that it was called on."""
    sleep: bool = False
    """Whether it waited for nothing but time."""


class Segment(NamedTuple):
    """A part of a lane."""

    start: float
    end: float
    state: State
    what: str = ""
    """What is waited for."""


class FoundEmpty(NamedTuple):
    """That a queue had nothing for a process."""

    queue: str
    call: str
    """`empty` that returned True, or `get` that gave up."""


class Mark(NamedTuple):
    """Something that was done to a process at one moment, or that it asked."""

    t: float
    text: str


class Lane(Struct):
    """What is known of one process, or other worker."""

    name: str
    pid: int | None = None
    worker: str = "process"
    target: str = ""
    parent: str = ""
    """Who has started it, as itself has seen it."""
    starting: float | None = None
    started: float | None = None
    seen: bool = False
    """Whether it has been seen alive."""
    sighted: float | None = None
    """When it was first seen alive by others: all that is known of the beginning of one whose start nobody recorded."""
    latest: Event | None = None
    """What it did last, while it lives."""
    over: float | None = None
    """When its target returned, raised or called sys.exit()."""
    ended: float | None = None
    end: ProcessExited | None = None
    """What was logged of its end."""
    exception: str = ""
    waits: Rows[Wait] = field(default_factory=lambda: Rows(Wait))
    marks: list[Mark] = field(default_factory=list)
    put: Counter[str] = field(default_factory=Counter)
    """Queue or pipe -> items put."""
    got: Counter[str] = field(default_factory=Counter)
    found_empty: FoundEmpty | None = None
    """The queue that it found empty, if that was the last that it did with any queue."""

    @property
    def born(self) -> float | None:
        """When its first event was."""
        return self.starting if self.starting is not None else self.started

    @property
    def cpu(self) -> float | None:
        """Seconds of processor time, as far as the system has counted it."""
        if self.end is None or self.end.cpu_user is None or self.end.cpu_system is None:
            return None
        return self.end.cpu_user + self.end.cpu_system

    @property
    def waited(self) -> float:
        """Seconds that it waited for others."""
        total = until = 0.0
        for wait in self.waits.ascending():
            if not wait.sleep:
                total += max(0.0, wait.end - max(wait.start, until))
                until = max(until, wait.end)
        return total

    @property
    def failed(self) -> bool:
        """Whether it ended in a way that the scenario does not allow."""
        return self.end is not None and not self.end.allowed

    def segments(self, until: float, turn: float = TURN) -> Rows[Segment]:
        """Return what it did, without gaps, from its birth to its end, or `until` where that was not seen.

        `turn` is for how many seconds a process that could compute may have to wait for a processor, each time.
        """
        born = self.born
        if born is None:
            return Rows(Segment, self._as_seen(until))
        end = self.ended if self.ended is not None else max(until, born)
        busy = sum(
            each.end - each.start for each in self._cut(born, end) if each.state in ("running", "starting", "ending")
        )
        ran = sum(each.end - each.start for each in self._cut(born, end) if each.state == "running")
        lone = _NEARLY_ALL * ran if self._competed(ran, turn) else math.inf
        found = self._cut(born, end)
        return Rows(
            Segment, (self._classified(each, busy, lone) if each.state == "running" else each for each in found)
        )

    def _as_seen(self, until: float) -> Iterator[Segment]:
        """Yield the time from when it was first seen; what it did then, nobody knows."""
        if self.sighted is not None:
            yield Segment(self.sighted, max(until if self.ended is None else self.ended, self.sighted), "running")

    def _competed(self, ran: float, turn: float) -> bool:
        """Return whether all that it was without a processor while it ran can have been waiting for its turn."""
        cpu, end = self.cpu, self.end
        if cpu is None or end is None or end.voluntary_switches is None or end.involuntary_switches is None:
            return False
        gave = max(1, end.voluntary_switches - len(self.waits))  # a call that waited has given the processor up
        lost = end.involuntary_switches
        return lost >= _FORCED * gave and ran - cpu <= lost * turn

    def _cut(self, born: float, end: float) -> Iterator[Segment]:
        now = born
        if self.starting is not None:
            now = min(end, self.started if self.started is not None else end)
            if now > born:
                yield Segment(born, now, "starting")
        for wait in self.waits.ascending():
            start, stop = max(now, wait.start), min(wait.end, end)
            if stop <= start:
                continue
            yield from self._running(now, start)
            yield Segment(start, stop, "sleeping" if wait.sleep else "waiting", wait.call)
            now = stop
        yield from self._running(now, end)

    def _running(self, start: float, end: float) -> Iterator[Segment]:
        over = end if self.over is None else min(max(self.over, start), end)
        if over > start:
            yield Segment(start, over, "running")
        if end > over:
            yield Segment(over, end, "ending")

    def _classified(self, segment: Segment, busy: float, lone: float) -> Segment:
        """Return a running segment as what it must have been, by what the system has counted of the whole process.

        One of `lone` seconds or more is all that there is of a process that competed.
        """
        cpu, length = self.cpu, segment.end - segment.start
        if cpu is None or length <= 0:
            return segment
        before = (self.started or 0.0) if self.starting is None else 0.0  # it was prepared before its first event
        if cpu < _MOSTLY * length:
            return segment._replace(state="competing" if length >= lone else "sleeping")
        if cpu - (busy + before - length) > _MOSTLY * length:
            return segment._replace(state="computing")
        return segment
