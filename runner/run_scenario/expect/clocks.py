"""Which event can have caused which: a vector clock for each process, carried along by everything that orders them.

After C. Fidge, "Timestamps in message-passing systems that preserve the partial ordering" (1988) and F. Mattern,
"Virtual time and global states of distributed systems" (1989); locks, semaphores and events hand clocks on as in
C. Flanagan and S. Freund, "FastTrack" (2009).

What orders events of different processes: a start and what is started; an end and the join that waited for it; a put
and its get, a send and its receipt; task_done() and the join of its queue; a release and what is acquired later; an
event that is set and a wait that it ended; a notification and who was woken; a barrier; a pool's call, its tasks and
their result. What passes through shared memory or through a manager orders nothing: that one comes later is then a
matter of luck.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from run_scenario.expect.verdicts import Event

Clock = dict[str, int]
Key = tuple[Any, ...]

_BY_ANOTHER = frozenset(
    (
        "process.starting",
        "process.joining",
        "process.joined",
        "process.join_timed_out",
        "process.alive",
        "process.interrupting",
        "process.terminating",
        "process.killing",
    )
)
"""Events that are about one process and done by another, who stands in `by`."""

_OTHER = {"left": "right", "right": "left"}


def _merge(into: Clock, other: Clock) -> None:
    for actor, moment in other.items():
        if into.get(actor, 0) < moment:
            into[actor] = moment


class _Round:
    """One round of a barrier that has opened."""

    def __init__(self, clock: Clock, parties: int) -> None:
        self.clock = clock
        self.left = parties


class Clocks:
    """The clocks of all processes, as of the last event seen."""

    def __init__(self) -> None:
        self._clocks: defaultdict[str, Clock] = defaultdict(dict)
        self._carried: dict[Key, Clock] = {}
        """What waits to be taken up: by a started process, with an item, at a lock."""
        self._coming: dict[str, list[Clock]] = {}
        """Barrier -> the clocks of those who have come and not yet passed."""
        self._rounds: dict[str, _Round] = {}
        self._handlers: dict[str, Callable[[Event, Clock], None]] = {
            "process.starting": lambda e, c: self._leave(("start", e["process"]), c),
            "process.started": lambda e, c: self._take(("start", e["process"]), c),
            "process.interrupting": lambda e, c: self._leave(("stop", e["process"]), c),
            "process.terminating": lambda e, c: self._leave(("stop", e["process"]), c),
            "process.killing": lambda e, c: self._leave(("stop", e["process"]), c),
            "process.exited": self._exited,
            "process.joined": lambda e, c: _merge(c, self._clocks[e["process"]]),
            "process.alive": self._alive,
            "queue.put": lambda e, c: self._leave(("item", e["queue"], e["item_id"]), c),
            "queue.get": lambda e, c: self._take(("item", e["queue"], e["item_id"]), c),
            "queue.task_done": lambda e, c: self._add(("done", e["queue"]), c),
            "queue.joined": lambda e, c: self._look(("done", e["queue"]), c),
            "pipe.sent": lambda e, c: self._leave(("sent", e["pipe"], e["end"], e["item_id"]), c),
            "pipe.received": lambda e, c: self._take(("sent", e["pipe"], _OTHER[e["end"]], e["item_id"]), c),
            "pipe.closed": lambda e, c: self._add(("closed", e["pipe"], e["end"]), c),
            "pipe.eof": lambda e, c: self._look(("closed", e["pipe"], _OTHER[e["end"]]), c),
            "lock.released": lambda e, c: self._add(("lock", e["lock"]), c),
            "lock.acquired": lambda e, c: self._look(("lock", e["lock"]), c),
            "semaphore.released": lambda e, c: self._add(("semaphore", e["semaphore"]), c),
            "semaphore.acquired": lambda e, c: self._look(("semaphore", e["semaphore"]), c),
            "event.set": lambda e, c: self._add(("flag", e["flag"]), c),
            "event.waited": lambda e, c: self._look(("flag", e["flag"]), c) if e["answer"] else None,
            "event.is_set": lambda e, c: self._look(("flag", e["flag"]), c) if e["answer"] else None,
            "condition.notified": lambda e, c: self._add(("condition", e["condition"]), c),
            "condition.waited": lambda e, c: self._look(("condition", e["condition"]), c) if e["answer"] else None,
            "barrier.waiting": lambda e, c: self._coming.setdefault(e["barrier"], []).append(dict(c)),
            "barrier.passed": self._passed,
            "pool.created": lambda e, c: self._add(("pool", e["pool"]), c),
            "pool.worker_started": lambda e, c: self._look(("pool", e["pool"]), c),
            "pool.worker_exited": lambda e, c: self._add(("workers", e["pool"]), c),
            "pool.joined": lambda e, c: self._look(("workers", e["pool"]), c),
            "pool.called": lambda e, c: self._add(("call", e["pool"], e["call"]), c),
            "pool.task_started": lambda e, c: self._look(("call", e["pool"], e["call"]), c),
            "pool.task_finished": lambda e, c: self._add(("tasks", e["pool"], e["call"]), c),
            "pool.task_failed": lambda e, c: self._add(("tasks", e["pool"], e["call"]), c),
            "pool.not_pickled": lambda e, c: self._look(("tasks", e["pool"], e["call"]), c),
            "pool.result": lambda e, c: self._look(("tasks", e["pool"], e["call"]), c),
            "pool.returned": lambda e, c: self._look(("tasks", e["pool"], e["call"]), c),
            "pool.call_failed": lambda e, c: self._look(("tasks", e["pool"], e["call"]), c),
        }

    def see(self, event: Event) -> None:
        """Take the next event; one of another version, that lacks a field, orders nothing."""
        actor = self.actor(event)
        clock = self._clocks[actor]
        clock[actor] = clock.get(actor, 0) + 1
        handler = self._handlers.get(event["event"])
        if handler is not None:
            with contextlib.suppress(KeyError):
                handler(event, clock)

    def actor(self, event: Event) -> str:
        """Return the name of the process that did it."""
        done_by = event.get("by") if event["event"] in _BY_ANOTHER else None
        return str(done_by or event["process"])

    def now(self, event: Event) -> Clock:
        """Return the clock of the event seen last: for each process, up to which of its events this one depends."""
        return self._clocks[self.actor(event)]

    def _leave(self, key: Key, clock: Clock) -> None:
        self._carried[key] = dict(clock)

    def _add(self, key: Key, clock: Clock) -> None:
        _merge(self._carried.setdefault(key, {}), clock)

    def _take(self, key: Key, clock: Clock) -> None:
        _merge(clock, self._carried.pop(key, {}))

    def _look(self, key: Key, clock: Clock) -> None:
        _merge(clock, self._carried.get(key, {}))

    def _exited(self, event: Event, clock: Clock) -> None:
        stop = self._carried.pop(("stop", event["process"]), None)
        if stop is not None and event["cause"] in ("interrupted", "terminated", "killed"):
            _merge(clock, stop)

    def _alive(self, event: Event, clock: Clock) -> None:
        if event["alive"] is False:
            _merge(clock, self._clocks[event["process"]])

    def _passed(self, event: Event, clock: Clock) -> None:
        name = event["barrier"]
        current = self._rounds.get(name)
        if current is None or not current.left:
            coming = self._coming.pop(name, [])
            together: Clock = {}
            for each in coming:
                _merge(together, each)
            current = self._rounds[name] = _Round(together, len(coming))
        current.left -= 1
        _merge(clock, current.clock)
