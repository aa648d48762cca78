"""What a process takes along when it ends in the middle of a wait: the locks inside queues, events and the like.

multiprocessing has no owner for such a lock, so nobody can give it back. Whoever wants it next waits for ever, or, with
a timeout, is told that there is nothing. What the process waited for, and whether it had the lock, is in its segment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from run_scenario.model import QueueSpec, Resource, SyncSpec
from run_scenario.record import codes
from run_scenario.record.reader import Wait
from run_scenario.values import Value

_READING = (codes.W_GET, codes.W_GET_TIMED)
_WRITING = (codes.W_FEED, codes.W_PUT)
_WAITING = (codes.W_EVENT, codes.W_CONDITION, codes.W_BARRIER, codes.W_ANSWER)
_REASONS = {
    "read": "it ended inside get() with the lock that lets one reader in at a time: nobody can get anything any more",
    "write": "it ended while it wrote an item, with the lock of the writers: what others put never arrives any more",
    "join": "it ended inside join(): the task_done() that finishes the last item waits for its answer for ever",
    "Event": "it ended inside {deed}: whoever calls set(), clear() or is_set() may wait for its answer for ever",
    "Condition": "it ended inside {deed}: whoever notifies may wait for its answer for ever",
    "Barrier": "it ended inside wait(): when the last one comes, all wait for its answer for ever",
}
_FIELDS = {"Event": ("event", "flag"), "Condition": ("condition", "condition"), "Barrier": ("barrier", "barrier")}


class Poison(Value):
    """One object that nobody can use as before; `index` is its position among the scenario's resources."""

    index: int
    event: str
    fields: dict[str, Any]


def poisons(waits: Iterable[Wait], resources: tuple[Resource, ...]) -> list[Poison]:
    """Return what a process has taken along that ended while its threads waited so."""
    found = []
    for wait in waits:
        spec = resources[wait.resource] if wait.resource < len(resources) else None
        if isinstance(spec, QueueSpec):
            side = _side(wait)
            if side:
                fields = {"queue": spec.name, "side": side, "reason": _REASONS[side]}
                found.append(Poison(wait.resource, "queue.poisoned", fields))
        elif isinstance(spec, SyncSpec) and spec.type in _FIELDS and wait.kind in _WAITING:
            group, field = _FIELDS[spec.type]
            deed = {"Event": "set(), clear() or is_set()"}.get(spec.type, "notify()")
            deed = deed if wait.kind == codes.W_ANSWER else "wait()"
            fields = {field: spec.name, "reason": _REASONS[spec.type].format(deed=deed)}
            found.append(Poison(wait.resource, f"{group}.poisoned", fields))
    return found


def _side(wait: Wait) -> str:
    if wait.kind == codes.W_JOIN_QUEUE:
        return "join"
    if not wait.holding:
        return ""
    return "read" if wait.kind in _READING else "write" if wait.kind in _WRITING else ""
