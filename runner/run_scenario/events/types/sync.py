"""Events of locks, semaphores, events, conditions and barriers."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from run_scenario.events.types.base import Count, Event, Holders, Level, Reason, Timeout, Times, Until, Waited, about

ReasonOfManager = Annotated[
    str | UnsetType,
    about("Why, in one sentence, where it did not hold it, but its manager may acquire it in its place."),
]


class LockEvent(Event, kw_only=True):
    """What happens to a Lock or an RLock, or to the lock of a condition, a Value or an Array."""

    level: Level = "debug"
    lock: Annotated[str, about("Name of the lock, or of the condition whose lock it is.")]


class SemaphoreEvent(Event, kw_only=True):
    """What happens to a semaphore."""

    level: Level = "debug"
    semaphore: Annotated[str, about("Name of the semaphore.")]


class FlagEvent(Event, kw_only=True):
    """What happens to an Event."""

    level: Level = "debug"
    flag: Annotated[str, about("Name of the event.")]


class ConditionEvent(Event, kw_only=True):
    """What happens to a condition."""

    level: Level = "debug"
    condition: Annotated[str, about("Name of the condition.")]


class BarrierEvent(Event, kw_only=True):
    """What happens to a barrier."""

    level: Level = "debug"
    barrier: Annotated[str, about("Name of the barrier.")]


class LockWaiting(LockEvent, kw_only=True, tag="lock.waiting"):
    """The process begins to wait for the lock."""

    held_by: Holders


class LockAcquired(LockEvent, kw_only=True, tag="lock.acquired"):
    """The process has acquired the lock."""

    waited: Waited


class LockNotAcquired(LockEvent, kw_only=True, tag="lock.not_acquired"):
    """acquire() gave up: at once, or after its timeout."""

    waited: Waited
    held_by: Holders
    times: Times = UNSET
    until: Until = UNSET
    timeout: Timeout = UNSET


class LockReleased(LockEvent, kw_only=True, tag="lock.released"):
    """The process releases the lock."""

    owner: Annotated[str | None, about("Who held it: the process itself, or another; null: nobody.")]


class LockAbandoned(LockEvent, kw_only=True, tag="lock.abandoned"):
    """The process has ended without releasing the lock, or while it waited for a lock that a manager holds."""

    level: Level = "warning"
    reason: ReasonOfManager = UNSET


class SemaphoreWaiting(SemaphoreEvent, kw_only=True, tag="semaphore.waiting"):
    """The process begins to wait for the semaphore."""

    held_by: Holders


class SemaphoreAcquired(SemaphoreEvent, kw_only=True, tag="semaphore.acquired"):
    """The process has acquired the semaphore."""

    waited: Waited


class SemaphoreNotAcquired(SemaphoreEvent, kw_only=True, tag="semaphore.not_acquired"):
    """acquire() gave up: at once, or after its timeout."""

    waited: Waited
    held_by: Holders
    times: Times = UNSET
    until: Until = UNSET
    timeout: Timeout = UNSET


class SemaphoreReleased(SemaphoreEvent, kw_only=True, tag="semaphore.released"):
    """The process releases the semaphore."""

    owner: Annotated[
        str | None,
        about(
            "Who held it: the process itself, or another; null: nobody. Nobody holds a semaphore that signals: one "
            "that begins at 0, or that a process has released which had not acquired it."
        ),
    ]


class SemaphoreAbandoned(SemaphoreEvent, kw_only=True, tag="semaphore.abandoned"):
    """The process has ended without releasing the semaphore, or while it waited for one that a manager holds."""

    level: Level = "warning"
    reason: ReasonOfManager = UNSET


class EventSet(FlagEvent, kw_only=True, tag="event.set"):
    """The process sets the event: all who wait for it go on."""


class EventCleared(FlagEvent, kw_only=True, tag="event.cleared"):
    """The process has cleared the event."""


class EventIsSet(FlagEvent, kw_only=True, tag="event.is_set"):
    """The process has asked is_set()."""

    answer: Annotated[bool, about("What was answered.")]
    times: Times = UNSET
    until: Until = UNSET


class EventWaiting(FlagEvent, kw_only=True, tag="event.waiting"):
    """The process calls wait()."""


class EventWaited(FlagEvent, kw_only=True, tag="event.waited"):
    """wait() has returned: true if the event was set, false after its timeout."""

    answer: Annotated[bool, about("What was answered.")]
    waited: Waited
    timeout: Timeout = UNSET


class EventAbandoned(FlagEvent, kw_only=True, tag="event.abandoned"):
    """The process has ended inside a method of an Event, which waits for the answer of everybody it wakes up."""

    level: Level = "warning"
    reason: Reason


class ConditionWaiting(ConditionEvent, kw_only=True, tag="condition.waiting"):
    """The process calls wait(), which releases the lock."""


class ConditionWaited(ConditionEvent, kw_only=True, tag="condition.waited"):
    """wait() has returned: true if it was notified, false after its timeout."""

    answer: Annotated[bool, about("What was answered.")]
    waited: Waited
    timeout: Timeout = UNSET


class ConditionNotified(ConditionEvent, kw_only=True, tag="condition.notified"):
    """The process calls notify()."""

    most: Annotated[Count, about("How many it notifies at most.")]


class ConditionAbandoned(ConditionEvent, kw_only=True, tag="condition.abandoned"):
    """The process has ended inside a method of a Condition, which waits for the answer of everybody it wakes up."""

    level: Level = "warning"
    reason: Reason


class BarrierWaiting(BarrierEvent, kw_only=True, tag="barrier.waiting"):
    """The process has come to the barrier."""


class BarrierPassed(BarrierEvent, kw_only=True, tag="barrier.passed"):
    """The barrier has opened."""

    number: Annotated[Count, about("What wait() returned, another number for each.")]
    waited: Waited


class BarrierBroken(BarrierEvent, kw_only=True, tag="barrier.broken"):
    """wait() raised: the barrier is broken."""

    waited: Waited
    timeout: Timeout = UNSET


class BarrierAborted(BarrierEvent, kw_only=True, tag="barrier.aborted"):
    """The process calls abort(): all who wait get a BrokenBarrierError."""


class BarrierReset(BarrierEvent, kw_only=True, tag="barrier.reset"):
    """The process calls reset()."""


class BarrierAbandoned(BarrierEvent, kw_only=True, tag="barrier.abandoned"):
    """The process has ended while it waited at a Barrier, which waits for the answer of everybody it lets pass."""

    level: Level = "warning"
    reason: Reason
