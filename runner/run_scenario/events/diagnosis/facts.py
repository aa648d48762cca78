"""The last facts about each resource: which recorded events a diagnosis may rest on.

Of the events about a resource only the first and the last of each kind are kept, and where it matters who did it, those
of each process. So its size depends on the scenario, not on the length of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeVar, cast

from msgspec import UNSET

from run_scenario.events import types

Key = tuple[Any, ...]
E = TypeVar("E", bound=types.Event)

_TELL_APART: dict[type[types.Event], tuple[str, ...]] = {
    types.QueuePut: ("queue",),
    types.QueueGet: ("queue", "process"),
    types.QueueEmpty: ("queue", "process"),
    types.QueueItemDropped: ("queue",),
    types.QueueGetFailed: ("queue",),
    types.QueueItemsLost: ("queue",),
    types.QueueAbandoned: ("queue", "side"),
    types.LockAcquired: ("lock", "process"),
    types.SemaphoreAcquired: ("semaphore", "process"),
    types.LockAbandoned: ("lock", "process"),
    types.SemaphoreAbandoned: ("semaphore", "process"),
    types.EventSet: ("flag",),
    types.EventCleared: ("flag",),
    types.EventWaiting: ("flag", "process"),
    types.EventWaited: ("flag", "process"),
    types.EventAbandoned: ("flag", "process"),
    types.ConditionNotified: ("condition",),
    types.ConditionWaiting: ("condition", "process"),
    types.ConditionWaited: ("condition", "process"),
    types.ConditionAbandoned: ("condition", "process"),
    types.BarrierAbandoned: ("barrier", "process"),
    types.BarrierWaiting: ("barrier", "process"),
    types.BarrierAborted: ("barrier",),
    types.BarrierReset: ("barrier",),
    types.BarrierBroken: ("barrier", "process"),
    types.PipeBroken: ("pipe", "end", "process"),
    types.PipeEof: ("pipe", "end", "process"),
    types.QueueClosed: ("queue", "process"),
    types.PipeClosed: ("pipe", "end", "process"),
    types.SharedMemoryCreated: ("memory",),
    types.SharedMemoryAttached: ("memory", "process"),
    types.SharedMemoryUnlinked: ("memory",),
    types.ManagerShutDown: ("manager",),
    types.ManagerLost: ("manager",),
    types.PoolWorkerLost: ("pool", "call", "task"),
    types.PoolWorkerFailed: ("pool",),
    types.PoolWorkerStarted: ("pool",),
    types.PoolWorkerExited: ("pool",),
    types.PoolTerminated: ("pool",),
    types.ProcessStarting: ("process",),
    types.ProcessStarted: ("process",),
    types.PoolThreadFailed: ("pool", "thread"),
    types.PoolCrashLoop: ("pool",),
    types.PoolTaskFailed: ("pool", "call"),
    types.PoolNotPickled: ("pool", "call"),
    types.PoolCalled: ("pool", "call"),
    types.PoolResult: ("pool", "call"),
    types.PoolReturned: ("pool", "call"),
    types.PoolCallFailed: ("pool", "call"),
    types.PoolCalledBack: ("pool", "call"),
    types.ProcessAlive: ("by",),
    types.EventIsSet: ("flag", "process"),
    types.PipePolled: ("pipe", "end", "process"),
    types.ProcessFailed: ("process",),
    types.ProcessThreadFailed: ("process", "thread"),
    types.ProcessExited: ("process",),
}
"""Event type -> the fields that tell apart what is kept of it."""
_KEYS = {kind: attrgetter("__class__", *fields) for kind, fields in _TELL_APART.items()}


class Noted:
    """The first and the last event of one kind about one resource, and how many there were."""

    __slots__ = ("count", "first", "last")

    def __init__(self, event: types.Event) -> None:
        self.first = self.last = event
        self.count = 1


class Look:
    """The last answer that a process got when it asked whether a queue is empty, and what had happened by then."""

    __slots__ = ("event", "got", "put")

    def __init__(self, event: types.QueueEmpty, put: int, got: int) -> None:
        self.event, self.put, self.got = event, put, got


class FactBook:
    """Keeps the facts of one run, from its events as they are made."""

    def __init__(self) -> None:
        self._noted: dict[Key, Noted] = {}
        self._seq = 0
        """The number of the last event noted."""
        self._looks: dict[tuple[str, str], Look] = {}
        """Queue and process -> its last look at it."""
        self._gets: dict[str, list[Noted]] = {}
        """Queue -> the gets of each process."""
        self._waiters: dict[str, set[str]] = {}
        """Condition -> who waits on it at this moment."""
        self.workers: dict[str, set[str]] = {}
        """Pool -> its workers that have started and not ended."""
        self.forked_beside: dict[str, types.PoolWorkerStarted | types.ProcessStarting] = {}
        """Process -> its start, if its parent had other threads when it forked it."""
        self.unheard: dict[str, types.ConditionNotified] = {}
        """Condition -> its last notification, if nobody waited then."""
        self.polled: dict[str, types.Event] = {}
        """Process -> the answer that it has got again and again, the last of these."""
        self._also: dict[type[types.Event], Callable[[Any], None]] = {
            types.QueueEmpty: self._note_look,
            types.ProcessAlive: self._note_poll,
            types.EventIsSet: self._note_poll,
            types.PipePolled: self._note_poll,
            types.PoolWorkerStarted: self._note_worker_started,
            types.ProcessStarting: self._note_starting,
            types.PoolWorkerExited: self._note_worker_exited,
            types.ConditionWaiting: self._note_waiting,
            types.ConditionWaited: self._note_waited,
            types.ConditionNotified: self._note_notified,
        }

    def note(self, events: Sequence[types.Event]) -> None:
        """Take the next events, in order; those that were noted before are passed over."""
        if events and events[0].seq <= self._seq:
            events = [event for event in events if event.seq > self._seq]
        noted, keys, also = self._noted, _KEYS, self._also
        # This loop is run for every event of a log: each line of it costs.
        for event in events:
            kind = type(event)
            if kind not in keys:
                continue
            key = keys[kind](event)
            known = noted.get(key)
            if known is not None:
                known.last = event
                known.count += 1
            else:
                noted[key] = known = Noted(event)
                if isinstance(event, types.QueueGet):
                    self._gets.setdefault(event.queue, []).append(known)
            if kind in also:
                also[kind](event)
        if events:
            self._seq = events[-1].seq

    def _note_poll(self, event: types.QueueEmpty | types.ProcessAlive | types.EventIsSet | types.PipePolled) -> None:
        if event.times is not UNSET:
            self.polled[event.by if isinstance(event, types.ProcessAlive) else event.process] = event

    def _note_look(self, event: types.QueueEmpty) -> None:
        self._note_poll(event)
        got = sum(gets.count for gets in self._gets.get(event.queue, ()))
        self._looks[event.queue, event.process] = Look(event, self.count(types.QueuePut, event.queue), got)

    def _note_worker_started(self, event: types.PoolWorkerStarted) -> None:
        self.workers.setdefault(event.pool, set()).add(event.process)
        self._note_starting(event)

    def _note_starting(self, event: types.PoolWorkerStarted | types.ProcessStarting) -> None:
        if event.threads is not UNSET:
            self.forked_beside[event.process] = event

    def _note_worker_exited(self, event: types.PoolWorkerExited) -> None:
        self.workers.setdefault(event.pool, set()).discard(event.process)

    def _note_waiting(self, event: types.ConditionWaiting) -> None:
        self._waiters.setdefault(event.condition, set()).add(event.process)

    def _note_waited(self, event: types.ConditionWaited) -> None:
        self._waiters.setdefault(event.condition, set()).discard(event.process)

    def _note_notified(self, event: types.ConditionNotified) -> None:
        if self._waiters.get(event.condition):
            self.unheard.pop(event.condition, None)
        else:
            self.unheard[event.condition] = event

    def last_look(self, queue: str, process: str) -> Look | None:
        """Return a process's last look at a queue; None if it never looked, or has got something since."""
        look, got = self._looks.get((queue, process)), self.last(types.QueueGet, queue, process)
        if look is None or (got and got.seq > look.event.seq):
            return None
        put = self.first(types.QueuePut, queue)
        if put and look.event.until and put.t <= look.event.until:  # it looked again and again, and saw this as well
            return Look(look.event, self.count(types.QueuePut, queue), look.got)
        return look

    def last_get(self, queue: str) -> types.Event | None:
        """Return the last get from a queue, by whomever."""
        return max((gets.last for gets in self._gets.get(queue, ())), key=attrgetter("seq"), default=None)

    def first(self, kind: type[E], *key: Any) -> E | None:
        """Return the first event of that type about that resource (and process, …); None if there was none."""
        noted = self._noted.get((kind, *key))
        return cast(E, noted.first) if noted else None

    def last(self, kind: type[E], *key: Any) -> E | None:
        """Return the last one."""
        noted = self._noted.get((kind, *key))
        return cast(E, noted.last) if noted else None

    def count(self, kind: type[types.Event], *key: Any) -> int:
        """Return how many there were."""
        noted = self._noted.get((kind, *key))
        return noted.count if noted else 0

    def each(self, kind: type[E], *beginning: Any) -> Iterator[E]:
        """Yield the last events of that type whose key goes on so."""
        wanted = (kind, *beginning)
        size = len(wanted)
        yield from (cast(E, noted.last) for key, noted in self._noted.items() if key[:size] == wanted)
