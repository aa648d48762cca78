"""What a process takes along when it ends in the middle of a wait: the locks inside queues, events and the like.

multiprocessing has no owner for such a lock, so nobody can give it back. Whoever wants it next waits for ever, or, with
a timeout, learns that there is nothing. What the process waited for, and whether it had the lock, is in its segment.

What a manager holds has no such locks. There, the thread that served the process goes on waiting in its place, and
acquires what is released, or takes the notice that somebody else waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from run_scenario.events.types import (
    BarrierAbandoned,
    ConditionAbandoned,
    EventAbandoned,
    LockAbandoned,
    QueueAbandoned,
    SemaphoreAbandoned,
)
from run_scenario.recording import codes
from run_scenario.recording.segment_reader import Wait
from run_scenario.scenario.model import QueueSpec, Resource, SyncSpec

_READING = (codes.W_GET, codes.W_GET_TIMED)
_WRITING = (codes.W_FEED, codes.W_PUT)
_WAITING = (codes.W_EVENT, codes.W_CONDITION, codes.W_BARRIER, codes.W_ANSWER)
_REASONS = {
    "read": "it ended inside get() with the lock that lets one reader in at a time: nobody can get anything any more",
    "write": "it ended while it wrote an item, with the lock of the writers: what others put never arrives any more",
    "join": "it ended inside join(): the task_done() that finishes the last item waits for its answer for ever",
    "Event": "it ended inside {call}: whoever calls set(), clear() or is_set() may wait for its answer for ever",
    "Condition": "it ended inside {call}: whoever notifies may wait for its answer for ever",
    "Barrier": "it ended inside wait(): when the last one comes, all wait for its answer for ever",
    "acquire": "it ended inside acquire(): its manager goes on waiting in its place, and keeps what it gets",
    "notice": (
        "it ended inside wait(): its manager goes on waiting in its place, takes the next notice and keeps the lock"
    ),
}

Abandoned = QueueAbandoned | LockAbandoned | SemaphoreAbandoned | EventAbandoned | ConditionAbandoned | BarrierAbandoned


def abandoned_resources(waits: Iterable[Wait], resources: Sequence[Resource]) -> Iterator[tuple[int, Abandoned]]:
    """Yield an event for each object that nobody can use as before, because its process ended while it waited so.

    Before the event stands the position of the object.
    """
    for wait in waits:
        spec = resources[wait.resource] if wait.resource < len(resources) else None
        if isinstance(spec, QueueSpec):
            side = _side(wait)
            if side is not None:
                yield wait.resource, QueueAbandoned(queue=spec.name, side=side, reason=_REASONS[side])
        elif isinstance(spec, SyncSpec) and spec.is_managed:
            if (event := _left_to_manager(spec, wait)) is not None:
                yield wait.resource, event
        elif isinstance(spec, SyncSpec) and wait.kind in _WAITING:
            answers = wait.kind == codes.W_ANSWER
            match spec.type:
                case "Event":
                    call = "set(), clear() or is_set()" if answers else "wait()"
                    yield wait.resource, EventAbandoned(flag=spec.name, reason=_REASONS["Event"].format(call=call))
                case "Condition":
                    reason = _REASONS["Condition"].format(call="notify()" if answers else "wait()")
                    yield wait.resource, ConditionAbandoned(condition=spec.name, reason=reason)
                case "Barrier":
                    yield wait.resource, BarrierAbandoned(barrier=spec.name, reason=_REASONS["Barrier"])


def _left_to_manager(spec: SyncSpec, wait: Wait) -> Abandoned | None:
    """Return the event of what a manager may acquire for a process that is over."""
    if wait.kind == codes.W_CONDITION:
        return LockAbandoned(lock=spec.lock or spec.name, reason=_REASONS["notice"])
    if wait.kind != codes.W_ACQUIRE:
        return None
    if spec.type in ("Semaphore", "BoundedSemaphore"):
        return SemaphoreAbandoned(semaphore=spec.name, reason=_REASONS["acquire"])
    return LockAbandoned(lock=spec.name, reason=_REASONS["acquire"])


def _side(wait: Wait) -> Literal["read", "write", "join"] | None:
    if wait.kind == codes.W_JOIN_QUEUE:
        return "join"
    if wait.holding and wait.kind in _READING:
        return "read"
    if wait.holding and wait.kind in _WRITING:
        return "write"
    return None
