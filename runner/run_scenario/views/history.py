"""What a log tells, as pictures need it: a lane for each process, what went through each queue, who held which lock.

    events ─history_events.read()─▶ History ─▶ timeline, table, graph, SVG, Perfetto

Times are seconds since the run began. Names and texts are those of the log: each view makes them fit for where it puts
them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, NamedTuple

from run_scenario.views.takings import Taking

Event = Mapping[str, Any]

State = Literal["starting", "running", "computing", "competing", "sleeping", "waiting", "ending"]
"""What a process does in a segment of its lane.

`waiting` is told by the log. Between two waits a process runs; where the processor time that the system has counted
leaves no other possibility, that is `computing` or `sleeping` for at least half of the segment. Sleeping is what a
process does without a processor: it may as well wait for something outside of the scenario, or for its turn on a busy
machine. That it was for its turn is told by the switches that the system has counted: who is `competing` hardly ever
gave its processor up, and lost it again and again, often enough to explain all the time that it had none. `starting`
lasts until the process says its first word, `ending` begins when its target is over.
"""

_MOSTLY = 0.5
"""The part of a segment that must certainly have been spent with or without a processor to be called so."""
_NEARLY_ALL = 0.8
"""The part of all that a process ran, from which on its switches are taken to be those of one segment."""
_FORCED = 10
"""How often a process must lose its processor for each time that it gives it up, to be one that competes for it."""
_TURN = 0.02
"""Seconds for which the scheduler of a system lets one process compute before the next has its turn, at most."""

RUNNER = "run-scenario"
MAIN = "MainProcess"


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


class Tie(NamedTuple):
    """An item on its way through a queue or a pipe."""

    put: float
    got: float
    giver: str
    taker: str
    channel: str
    item: Any


class Mark(NamedTuple):
    """Something that was done to a process at one moment, or that it asked."""

    t: float
    text: str


@dataclass(slots=True)
class Lane:
    """What is known of one process, or other worker."""

    name: str
    pid: int | None = None
    worker: str = "process"
    parent: str = ""
    target: str = ""
    daemon: bool = False
    starting: float | None = None
    started: float | None = None
    over: float | None = None
    """When its target returned, raised or called sys.exit()."""
    ended: float | None = None
    end: Event | None = None
    """What was logged of its end."""
    exception: str = ""
    waits: list[Wait] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    put: Counter[str] = field(default_factory=Counter)
    """Queue or pipe -> items put."""
    got: Counter[str] = field(default_factory=Counter)
    found_empty: str = ""
    """The queue that was said to be empty, if that was the last that it did with any queue."""

    @property
    def born(self) -> float | None:
        """When it was first heard of."""
        return self.starting if self.starting is not None else self.started

    @property
    def cpu(self) -> float | None:
        """Seconds of processor time, as far as the system has told."""
        end = self.end or {}
        user, system = end.get("cpu_user"), end.get("cpu_system")
        return None if user is None or system is None else float(user) + float(system)

    @property
    def waited(self) -> float:
        """Seconds that it waited for others."""
        total = until = 0.0
        for wait in sorted(self.waits):
            if not wait.sleep:
                total += max(0.0, wait.end - max(wait.start, until))
                until = max(until, wait.end)
        return total

    @property
    def failed(self) -> bool:
        """Whether it ended in a way that the scenario does not allow."""
        return self.end is not None and not self.end.get("allowed", True)

    def segments(self, until: float, turn: float = _TURN) -> list[Segment]:
        """Return what it did, without gaps, from its birth to its end, or `until` where that was not seen.

        `turn` is for how many seconds a process that could compute may have to wait for a processor, each time.
        """
        born = self.born
        if born is None:
            return []
        end = self.ended if self.ended is not None else max(until, born)
        found = list(self._cut(born, end))
        busy = sum(each.end - each.start for each in found if each.state in ("running", "starting", "ending"))
        ran = sum(each.end - each.start for each in found if each.state == "running")
        lone = _NEARLY_ALL * ran if self._competed(ran, turn) else math.inf
        return [self._classified(each, busy, lone) if each.state == "running" else each for each in found]

    def _competed(self, ran: float, turn: float) -> bool:
        """Return whether all that it was without a processor while it ran can have been waiting for its turn."""
        end = self.end or {}
        gave, lost = end.get("voluntary_switches"), end.get("involuntary_switches")
        if self.cpu is None or gave is None or lost is None:
            return False
        gave = max(1, gave - len(self.waits))  # a call that waited has given the processor up
        return bool(lost >= _FORCED * gave and ran - self.cpu <= lost * turn)

    def _cut(self, born: float, end: float) -> Iterator[Segment]:
        now = born
        if self.starting is not None:
            now = min(end, self.started if self.started is not None else end)
            if now > born:
                yield Segment(born, now, "starting")
        for wait in sorted(self.waits):
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
        before = (self.started or 0.0) if self.starting is None else 0.0  # it was prepared before its first word
        if cpu < _MOSTLY * length:
            return segment._replace(state="competing" if length >= lone else "sleeping")
        if cpu - (busy + before - length) > _MOSTLY * length:
            return segment._replace(state="computing")
        return segment


@dataclass(slots=True)
class Channel:
    """What went through a queue, or in one direction through a pipe."""

    name: str
    kind: str
    put: int = 0
    got: int = 0
    missing: int = 0
    """Dropped or lost: put, but never arrived."""
    left: int | None = None
    items_left: list[Any] = field(default_factory=list)
    depths: list[tuple[float, int]] = field(default_factory=list)
    """When its length changed, and to what: what was put and not got yet."""
    most: int = 0
    tied: int = 0
    """Gets whose put is known."""
    on_the_way: float = 0.0
    """Seconds that these items together spent between put and get."""
    longest: float = 0.0
    givers: Counter[str] = field(default_factory=Counter)
    takers: defaultdict[str, Taking] = field(default_factory=lambda: defaultdict(Taking))

    @property
    def remaining(self) -> int:
        """Items that nobody took."""
        return max(0, self.put - self.got - self.missing) if self.left is None else self.left

    def levels(self, first: float, last: float) -> Iterator[tuple[float, float, int]]:
        """Yield from when to when it had which length, from `first` to `last`, and from its first event on."""
        start, depth = -math.inf, -1
        for t, after in chain(self.depths, [(math.inf, 0)]):
            begin, end = max(start, first), min(t, last)
            if depth >= 0 and begin <= end and (t > first or start >= first):
                yield begin, end, depth
            start, depth = t, after

    @property
    def mean(self) -> float | None:
        """Seconds that an item was on its way, on average."""
        return self.on_the_way / self.tied if self.tied else None


class Holding(NamedTuple):
    """That a process held a lock or a semaphore."""

    resource: str
    holder: str
    start: float
    end: float
    released: bool = True


@dataclass(slots=True)
class Resource:
    """Anything else that processes share: a lock, an event, a value, a pool."""

    name: str
    kind: str
    users: Counter[str] = field(default_factory=Counter)
    """Process -> how often it used it: acquired a lock, passed a barrier, did a task of a pool; 0 if it only tried."""


class Stuck(NamedTuple):
    """What a process waited for when nothing moved any more."""

    process: str
    doing: str
    resource: str
    on_process: str


@dataclass(slots=True)
class History:
    """All that is known of a run."""

    run: str = ""
    scenario: str = ""
    title: str = ""
    facts: Event = field(default_factory=dict)
    """The run's first event."""
    lanes: dict[str, Lane] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    ties: list[Tie] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    stall: Event | None = None
    stuck: list[Stuck] = field(default_factory=list)
    end: Event | None = None
    last: float = 0.0
    """When the last event was that happened in the run, not to it: verdicts come later."""
    events: int = 0

    @property
    def passed(self) -> bool:
        """Whether it ended as the scenario wants it."""
        return self.end is not None and self.end.get("outcome") == "passed"

    def holdings_by_resource(self) -> dict[str, list[Holding]]:
        """Return who held each lock and semaphore, in the order of time."""
        found: dict[str, list[Holding]] = {}
        for holding in self.holdings:
            found.setdefault(holding.resource, []).append(holding)
        return found

    def segments(self) -> dict[str, list[Segment]]:
        """Return the segments of each lane."""
        cpus = self.facts.get("cpus")
        turn = _TURN * max(1.0, len(self.lanes) / cpus if isinstance(cpus, int) and cpus > 0 else 1.0)
        return {name: lane.segments(self.last, turn) for name, lane in self.lanes.items()}
