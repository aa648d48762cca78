"""Records of locks, semaphores, events, conditions and barriers, decoded; who holds what, and what is lost with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory, timeout_of, waited
from run_scenario.events.reasons import Inside, TakenAlong, Wording
from run_scenario.events.types import (
    BarrierAbandoned,
    ConditionAbandoned,
    Event,
    EventAbandoned,
    LockAbandoned,
    QueueAbandoned,
    SemaphoreAbandoned,
)
from run_scenario.recording import codes
from run_scenario.recording.segment_reader import Source, Wait
from run_scenario.scenario.model import QueueSpec, Resource, SharedSpec, SyncSpec

SEMAPHORES = ("Semaphore", "BoundedSemaphore")
Key = tuple[int, int]
"""Who holds: a process id, and the number of the worker's thread there, 0 for the process itself."""


class Hold:
    """One process or thread that has acquired and not released."""

    def __init__(self, process: str, key: Key, times: int = 0) -> None:
        self.process, self.key, self.times = process, key, times


class SyncDecoder:
    """Emits the events of synchronization objects; its methods `on_NAME` take the fields of the records NAME.

    These are fixed records: the position of the object, the timeout of the call if it has one, a value, and since when.
    """

    def __init__(self, resources: Sequence[Resource], events: EventFactory) -> None:
        self._resources = resources
        self._emit = events.emit
        self.holds: dict[int, dict[Key, Hold]] = {}
        """Position of a lock or semaphore -> who holds it -> the hold."""
        self.abandoned: dict[int, list[str]] = {}
        """Position -> names of the processes that have ended without releasing it."""
        self._waited: dict[int, list[str]] = {}
        """Position of what a manager holds -> names of the processes that have ended while they waited for it."""
        self._signals: set[int] = set()
        """Positions of the semaphores that signal: one process releases, another acquires, and nobody holds them.

        So do those that begin at 0, and those that somebody has released who had not acquired them.
        """
        for index, spec in enumerate(resources):
            self.add(index, spec)

    def add(self, index: int, spec: Resource) -> None:
        """Take in what a program has made."""
        if isinstance(spec, SyncSpec) and spec.type in SEMAPHORES and spec.value == 0:
            self._signals.add(index)

    def spec(self, index: int) -> SyncSpec | SharedSpec:
        """Return the synchronization object at a position, or the Value or Array that has a lock of its own."""
        spec = self._resources[index]
        if not isinstance(spec, SyncSpec | SharedSpec):
            raise IndexError(index)
        return spec

    def holders(self, index: int) -> list[str]:
        """Return the names of the processes that hold it, those that have ended included.

        What nobody has acquired who could record it, a manager may have acquired for who ended while it waited for it.
        """
        found = [hold.process for hold in self.holds.get(index, {}).values()]
        return found or ([] if index in self._signals else self._waited.get(index, []))

    def note_abandoned(self, index: int, process: str) -> None:
        """Note that a process has ended while it waited for what a manager holds, if a manager holds it."""
        spec = self._resources[index]
        if isinstance(spec, SyncSpec) and spec.is_managed:
            if spec.type == "Condition" and spec.lock:
                index = next(at for at, other in enumerate(self._resources) if other.name == spec.lock)
            self._waited.setdefault(index, []).append(process)

    def _name(self, index: int) -> str:
        return self.spec(index).name

    def _of_lock(self, lock: type[Event], semaphore: type[Event], index: int, **fields: Any) -> Event:
        """Return the event of what is acquired and released there: of a condition or a value, that is its own lock."""
        spec = self.spec(index)
        if spec.type in SEMAPHORES:
            return semaphore(semaphore=spec.name, **fields)  # type: ignore[call-arg]  # each such event names it
        return lock(lock=spec.name, **fields)  # type: ignore[call-arg]

    def on_acquiring(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return self._of_lock(types.LockWaiting, types.SemaphoreWaiting, index, held_by=self.holders(index))

    def on_acquired(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        if index not in self._signals:
            holds = self.holds.setdefault(index, {})
            key = source.pid, source.worker
            holds.setdefault(key, Hold(source.name, key)).times += 1
        return self._of_lock(types.LockAcquired, types.SemaphoreAcquired, index, waited=waited(t, since))

    def on_not_acquired(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        found = {"waited": waited(t, since), "held_by": self.holders(index), "timeout": timeout_of(timeout)}
        return self._of_lock(types.LockNotAcquired, types.SemaphoreNotAcquired, index, **found)

    def on_released(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        """Emit a release; only a Lock's or a semaphore's may come from somebody who does not hold it."""
        holds = self.holds.setdefault(index, {})
        key = source.pid, source.worker
        hold = holds.get(key) or next(iter(holds.values()), None)
        owner = hold.process if hold else None
        if key not in holds and self.spec(index).type in SEMAPHORES:
            self._signals.add(index)
            holds.clear()
            self.abandoned.pop(index, None)
            hold = None
        if hold is not None:
            hold.times -= 1
            if not hold.times:
                del holds[hold.key]
                self._forgive(index, hold.process)
        return self._of_lock(types.LockReleased, types.SemaphoreReleased, index, owner=owner)

    def _forgive(self, index: int, process: str) -> None:
        gone = self.abandoned.get(index, [])
        if process in gone:
            gone.remove(process)

    def on_event_set(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.EventSet(flag=self._name(index))

    def on_event_cleared(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.EventCleared(flag=self._name(index))

    def on_event_asked(self, source: Source, t: int, index: int, timeout: int, answer: Any, since: int) -> Event:
        return types.EventIsSet(flag=self._name(index), answer=bool(answer))

    def on_event_waiting(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.EventWaiting(flag=self._name(index))

    def on_event_waited(self, source: Source, t: int, index: int, timeout: int, answer: Any, since: int) -> Event:
        return types.EventWaited(
            flag=self._name(index), answer=bool(answer), waited=waited(t, since), timeout=timeout_of(timeout)
        )

    def on_condition_waiting(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.ConditionWaiting(condition=self._name(index))

    def on_condition_woken(self, source: Source, t: int, index: int, timeout: int, answer: Any, since: int) -> Event:
        return types.ConditionWaited(
            condition=self._name(index), answer=bool(answer), waited=waited(t, since), timeout=timeout_of(timeout)
        )

    def on_condition_notified(self, source: Source, t: int, index: int, timeout: int, most: int, since: int) -> Event:
        return types.ConditionNotified(condition=self._name(index), most=most)

    def on_barrier_waiting(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.BarrierWaiting(barrier=self._name(index))

    def on_barrier_passed(self, source: Source, t: int, index: int, timeout: int, number: int, since: int) -> Event:
        return types.BarrierPassed(barrier=self._name(index), number=number, waited=waited(t, since))

    def on_barrier_broken(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.BarrierBroken(barrier=self._name(index), waited=waited(t, since), timeout=timeout_of(timeout))

    def on_barrier_aborted(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.BarrierAborted(barrier=self._name(index))

    def on_barrier_reset(self, source: Source, t: int, index: int, timeout: int, value: Any, since: int) -> Event:
        return types.BarrierReset(barrier=self._name(index))

    def write_off(self, t: int, process: str, pid: int, thread: bool = False) -> None:
        """Emit what a process or a thread that is over still held: it will not release it any more."""
        for index, holds in self.holds.items():
            gone = self.abandoned.setdefault(index, [])
            for hold in holds.values():
                ended = hold.process == process if thread else hold.key[0] == pid
                if not ended or hold.process in gone:
                    continue
                gone.append(hold.process)
                event = self._of_lock(types.LockAbandoned, types.SemaphoreAbandoned, index)
                self._emit(t, hold.process, pid, event)


# What a process takes along when it ends


_READING = (codes.W_GET, codes.W_GET_TIMED)
_WRITING = (codes.W_FEED, codes.W_PUT)
_WAITING = (codes.W_EVENT, codes.W_CONDITION, codes.W_BARRIER, codes.W_ANSWER)
_OF_QUEUES: dict[str, Inside] = {"read": "queue_read", "write": "queue_write", "join": "queue_join"}

Abandoned = QueueAbandoned | LockAbandoned | SemaphoreAbandoned | EventAbandoned | ConditionAbandoned | BarrierAbandoned


def abandoned_resources(
    waits: Iterable[Wait], resources: Sequence[Resource], wording: Wording
) -> Iterator[tuple[int, Abandoned]]:
    """Yield an event for each object that nobody can use as before, because its process ended while it waited so.

    Before the event stands the position of the object.
    """

    def why(inside: Inside) -> str:
        return wording.sentence(TakenAlong(inside))

    for wait in waits:
        spec = resources[wait.resource] if wait.resource < len(resources) else None
        if isinstance(spec, QueueSpec):
            side = _side(wait)
            if side is not None:
                yield wait.resource, QueueAbandoned(queue=spec.name, side=side, reason=why(_OF_QUEUES[side]))
        elif isinstance(spec, SyncSpec) and spec.is_managed:
            if (event := _left_to_manager(spec, wait, why)) is not None:
                yield wait.resource, event
        elif isinstance(spec, SyncSpec) and wait.kind in _WAITING:
            answers = wait.kind == codes.W_ANSWER
            match spec.type:
                case "Event":
                    reason = why("event_answer" if answers else "event_wait")
                    yield wait.resource, EventAbandoned(flag=spec.name, reason=reason)
                case "Condition":
                    reason = why("condition_answer" if answers else "condition_wait")
                    yield wait.resource, ConditionAbandoned(condition=spec.name, reason=reason)
                case "Barrier":
                    yield wait.resource, BarrierAbandoned(barrier=spec.name, reason=why("barrier_wait"))


def _left_to_manager(spec: SyncSpec, wait: Wait, why: Callable[[Inside], str]) -> Abandoned | None:
    """Return the event of what a manager may acquire for a process that is over."""
    if wait.kind == codes.W_CONDITION:
        return LockAbandoned(lock=spec.lock or spec.name, reason=why("manager_notice"))
    if wait.kind != codes.W_ACQUIRE:
        return None
    if spec.type in ("Semaphore", "BoundedSemaphore"):
        return SemaphoreAbandoned(semaphore=spec.name, reason=why("manager_acquire"))
    return LockAbandoned(lock=spec.name, reason=why("manager_acquire"))


def _side(wait: Wait) -> Literal["read", "write", "join"] | None:
    if wait.kind == codes.W_JOIN_QUEUE:
        return "join"
    if wait.holding and wait.kind in _READING:
        return "read"
    if wait.holding and wait.kind in _WRITING:
        return "write"
    return None
