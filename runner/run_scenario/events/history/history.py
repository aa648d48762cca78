"""`History`: takes the events of a run one by one, and knows after each of them what is true.

Times are seconds since the run began. Names and texts are those of the log: each view makes them fit for where it puts
them.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from run_scenario.events import types as log
from run_scenario.events.encoding import as_event
from run_scenario.events.exit_cause import RUNNER, Cause
from run_scenario.events.exit_status import has_passed
from run_scenario.events.history.lane import TURN, FoundEmpty, Lane, Mark, Segment, Wait
from run_scenario.events.history.resources import (
    Channel,
    ConsumerStatistics,
    Content,
    LockHold,
    Message,
    PoolWork,
    Resource,
    Sent,
)
from run_scenario.events.history.rows import Rows
from run_scenario.events.types.expectations import ExpectationEvent
from run_scenario.events.types.pipes import PipeEvent
from run_scenario.events.types.pools import PoolEvent
from run_scenario.events.types.processes import ProcessActionEvent
from run_scenario.events.types.queues import QueueEvent
from run_scenario.events.types.runs import RunEvent
from run_scenario.events.types.shared import ArrayEvent, MemoryEvent, ValueEvent
from run_scenario.events.types.sync import BarrierEvent, ConditionEvent, FlagEvent, LockEvent, SemaphoreEvent

OTHER_END = {"left": "right", "right": "left"}
_MOST_MARKS = 1_000
_SENDS: dict[type, str] = {log.ProcessInterrupting: "interrupts", log.ProcessTerminating: "terminates"}

_RESOURCES: tuple[tuple[type[log.Event], str, str], ...] = (
    (LockEvent, "lock", "lock"),
    (SemaphoreEvent, "semaphore", "semaphore"),
    (FlagEvent, "flag", "event"),
    (ConditionEvent, "condition", "condition"),
    (BarrierEvent, "barrier", "barrier"),
    (ValueEvent, "value", "value"),
    (ArrayEvent, "array", "array"),
    (MemoryEvent, "memory", "shared memory"),
    (log.ManagerCalled, "object", "managed object"),
    (PoolEvent, "pool", "pool"),
)
"""Events of a resource, the field that names it, and what sort of resource it is."""
_USES = frozenset(
    (
        *(log.LockAcquired, log.SemaphoreAcquired, log.BarrierPassed),
        *(log.EventSet, log.EventCleared, log.EventIsSet, log.EventWaited, log.ConditionNotified, log.ConditionWaited),
        *(log.ValueRead, log.ValueWritten, log.ArrayRead, log.ArrayWritten),
        *(log.SharedMemoryCreated, log.SharedMemoryAttached, log.ManagerCalled, log.PoolCalled, log.PoolTaskStarted),
    )
)
"""The events that are a use each; a use has up to four others, about how it went on."""
_BY_OTHERS = frozenset(
    kind for kind in log.ALL if issubclass(kind, ProcessActionEvent) or kind is log.ProcessMisreported
)
"""Events that are about one process and done by another, who stands in `by`."""
_AFTER_THE_RUN = frozenset(
    kind for kind in log.ALL if issubclass(kind, ExpectationEvent) or kind is log.ScenarioFinished
)
"""Events about a run that are no part of its time."""
_SORTS: dict[type[log.Event], str] = {
    kind: sort for kind in log.ALL for base, _, sort in _RESOURCES if issubclass(kind, base)
}
"""Type of an event -> the sort of its resource, of those that nothing goes through."""
_FIELDS: dict[type[log.Event], str] = {
    **{kind: "queue" for kind in log.ALL if issubclass(kind, QueueEvent)},
    **{kind: "pipe" for kind in log.ALL if issubclass(kind, PipeEvent)},
    **{kind: field for kind in log.ALL for base, field, _ in _RESOURCES if issubclass(kind, base)},
}
"""Type of an event -> the field that names its resource."""
_PROCESS_EVENTS = tuple(
    kind for kind in log.ALL if log.name_of(kind).startswith("process.") and kind is not log.ProcessOutput
)
_BEGINNINGS: dict[type[log.Event], str] = {
    log.QueueJoining: "join",
    log.LockWaiting: "acquire",
    log.SemaphoreWaiting: "acquire",
    log.EventWaiting: "wait",
    log.ConditionWaiting: "wait",
    log.BarrierWaiting: "wait",
}
"""Type of an event -> the call on its resource that begins to wait."""
_RETURNS: dict[type[log.Event], str] = {
    log.QueueJoined: "join",
    log.QueueThreadJoined: "join_thread",
    log.PipeSendWaited: "send",
    log.PipeEof: "recv",
    log.PipePolled: "poll",
    log.LockNotAcquired: "acquire",
    log.SemaphoreNotAcquired: "acquire",
    log.EventWaited: "wait",
    log.ConditionWaited: "wait",
    log.BarrierPassed: "wait",
    log.BarrierBroken: "wait",
    log.ManagerCalled: "call",
    log.PoolResult: "result",
    log.PoolReturned: "call",
    log.PoolCallFailed: "call",
    log.PoolJoined: "join",
}
"""Type of an event -> the call on its resource that is over."""

_HANDLERS: dict[type[log.Event], Callable[[Any, Any], object]] = {}
"""Type of an event -> the method of `History` that takes it."""
H = TypeVar("H", bound=Callable[[Any, Any], object])


def _on(*kinds: type[log.Event]) -> Callable[[H], H]:
    """Have a method take the events of these types; one that is defined later takes them instead."""

    def register(handler: H) -> H:
        _HANDLERS.update(dict.fromkeys(kinds, handler))
        return handler

    return register


class History(Struct, eq=False):
    """All that is known of a run; while it goes on, of what it has done until now.

    `detailed`: also when everything was, which takes memory for each event: how long each wait and each item on its
    way took, how long queues were when, who held what from when to when. Without, there is what the processes and the
    queues have done so far, in memory that depends on their number.
    """

    detailed: bool = True
    started: log.ScenarioStarted | None = None
    stall: log.ScenarioStalled | None = None
    end: log.ScenarioFinished | None = None
    lanes: dict[str, Lane] = field(default_factory=dict)
    """Those that did anything, or had anything done to them."""
    processes: dict[str, Lane] = field(default_factory=dict)
    """Those of the lanes that events of processes are about, and the workers that a pool has lost."""
    channels: dict[str, Channel[Sent]] = field(default_factory=dict)
    """Queues that something went through, or was looked for in; the directions of pipes, as `PIPE.END` of who sends."""
    queues: dict[str, Channel[Sent]] = field(default_factory=dict)
    """All queues that events are about."""
    resources: dict[str, Resource] = field(default_factory=dict)
    pools: dict[str, PoolWork] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    """Of values and arrays."""
    stuck: list[log.StuckProcess] = field(default_factory=list)
    """What each process did when nothing moved any more."""
    waiting: dict[str, tuple[float, str, str]] = field(default_factory=dict)
    """Process -> since when it waits, in which call, on which resource."""
    held: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """Lock or semaphore, and who holds it -> since when, each time that it was acquired."""
    lock_holds: Rows[LockHold] = field(default_factory=lambda: Rows(LockHold))
    """Those that are over; after `close()` all, in the order of time."""
    signals: set[str] = field(default_factory=set)
    """Semaphores that somebody released who had not acquired them: nobody holds them."""
    messages: Rows[Message] = field(default_factory=lambda: Rows(Message))
    last: float = 0.0
    """When the last event was that happened in the run, not to it: verdicts come later."""
    events: int = 0

    @property
    def title(self) -> str:
        """What the scenario is called."""
        return "" if self.started is None else self.started.title or self.started.scenario

    @property
    def passed(self) -> bool:
        """Whether it ended as the scenario wants it."""
        return self.end is not None and has_passed(self.end)

    def lock_holds_by_resource(self) -> dict[str, Rows[LockHold]]:
        """Return who held each lock and semaphore, in the order of time."""
        found: dict[str, Rows[LockHold]] = {}
        for hold in self.lock_holds:
            holds = found.get(hold.resource)
            if holds is None:
                holds = found[hold.resource] = Rows(LockHold)
            holds.append(hold)
        return found

    def segments(self) -> dict[str, Rows[Segment]]:
        """Return the segments of each lane."""
        return {name: self.segments_of(lane) for name, lane in self.lanes.items()}

    def segments_of(self, lane: Lane) -> Rows[Segment]:
        """Return the segments of a lane."""
        cpus = 0 if self.started is None else self.started.cpus
        turn = TURN * max(1.0, len(self.lanes) / cpus) if cpus > 0 else TURN
        return lane.segments(self.last, turn)

    def add(self, event: log.Event) -> None:
        """Take the next event into account."""
        self.events += 1
        kind = type(event)
        if kind in _AFTER_THE_RUN:
            self.end = event if isinstance(event, log.ScenarioFinished) else self.end
            return
        if event.t > self.last:
            self.last = event.t
        lane = self.lanes.get(event.process)
        if lane is not None and lane.latest is not None and kind not in _BY_OTHERS:
            lane.latest = event
        handler = (_HANDLERS if self.detailed else _COUNTED).get(kind)
        if handler is not None:
            handler(self, event)

    def close(self) -> None:
        """Note that the log has no more events: what is open ends where the log does."""
        for name in list(self.waiting):
            lane = self.lanes.get(name)
            self._close_wait(name, self.last if lane is None or lane.ended is None else lane.ended)
        self.lock_holds.extend(self._never_released())
        self.lock_holds.sort("start")
        self.held.clear()

    def _never_released(self) -> list[LockHold]:
        """Return what is held at the end of the log; the end of who holds it releases nothing.

        That it has become free is only known from somebody else having acquired it.
        """
        taken: dict[str, list[float]] = {resource: [] for resource, _ in self.held}
        for each in self.lock_holds:
            if each.resource in taken:
                taken[each.resource].append(each.start)
        locks = {name for name, each in self.resources.items() if each.kind != "semaphore"}
        held = {key: starts[:1] if key[0] in locks else starts for key, starts in self.held.items()}
        for (resource, _), starts in held.items():
            taken[resource].extend(starts)
        for times in taken.values():
            times.sort()
        found = []
        for (resource, holder), starts in held.items():
            for start in starts:
                after = bisect_right(taken[resource], start)
                lost = resource in locks and after < len(taken[resource])
                end = taken[resource][after] if lost else self.last
                found.append(LockHold(resource, holder, start, end, False))
        return found

    # What events are about

    def _lane(self, name: str) -> Lane:
        lane = self.lanes.get(name)
        if lane is None:
            lane = self.lanes[name] = self.processes.get(name) or Lane(name)
        return lane

    @_on(*_PROCESS_EVENTS)
    def _process(self, event: log.Event) -> Lane:
        """Note that an event of processes is about somebody; return the lane, of which nothing may be shown yet."""
        lane = self.processes.get(event.process)
        if lane is None:
            lane = self.processes[event.process] = self.lanes.get(event.process) or Lane(event.process)
        lane.pid = lane.pid or event.pid
        return lane

    def _lane_about(self, event: log.Event) -> Lane:
        self._process(event)
        return self._lane(event.process)

    def _queue(self, name: str) -> Channel[Sent]:
        channel = self.channels.get(name)
        if channel is None:
            channel = self.channels[name] = self._mentioned(name)
        return channel

    def _mentioned(self, name: str) -> Channel[Sent]:
        channel = self.queues.get(name)
        if channel is None:
            maxsize = {} if self.started is None else self.started.maxsize
            bound = maxsize.get(name, 0)
            channel = self.queues[name] = Channel(name, "queue", name, bound if isinstance(bound, int) else 0)
        return channel

    def _pipe(self, name: str, end: str) -> Channel[Sent]:
        """Return what is sent at that end of a pipe."""
        called = f"{name}.{end}"
        channel = self.channels.get(called)
        if channel is None:
            channel = self.channels[called] = Channel(called, "pipe", name)
        return channel

    @_on(*(kind for kind in _FIELDS if not issubclass(kind, PipeEvent)))
    def _about(self, event: log.Event) -> None:
        """Note that there is what an event is about."""
        if isinstance(event, QueueEvent):
            self._mentioned(event.queue)
        elif isinstance(event, PoolEvent):
            self._pool(event)
        elif type(event) in _SORTS:
            self._used(event)

    # Waits

    def _begin_wait(self, name: str, t: float, call: str, resource: str) -> None:
        if self.detailed:
            self.waiting[name] = (t, call, resource)

    def _close_wait(self, name: str, t: float) -> None:
        since = self.waiting.pop(name, None)
        if since is not None and t > since[0]:
            self._lane(name).waits.append(Wait(since[0], t, since[1], since[2]))

    def _end_wait(self, name: str, t: float, waited: float, call: str, resource: str) -> None:
        """Note a wait by what is logged at its end; that it had begun may have been logged, too."""
        if not self.detailed:
            return
        since = self.waiting.pop(name, None)
        start = t - waited
        if since is not None:
            start = max(since[0], start) if waited else since[0]
        if t > start:
            self._lane(name).waits.append(Wait(start, t, call, resource))

    @_on(*_BEGINNINGS)
    def _call_waits(self, event: log.Event) -> None:
        resource = getattr(event, _FIELDS[type(event)])
        self._about(event)
        self._begin_wait(event.process, event.t, f"{resource}.{_BEGINNINGS[type(event)]}()", resource)

    @_on(*_RETURNS)
    def _call_returned(self, event: Any) -> None:
        resource, waited = getattr(event, _FIELDS[type(event)]), getattr(event, "waited", 0.0)
        method = getattr(event, "method", "") or _RETURNS[type(event)]
        on = f"{resource}.{event.end}" if isinstance(event, PipeEvent) else resource
        self._end_wait(event.process, event.t, waited, f"{on}.{method}()", resource)
        self._about(event)

    # The scenario

    @_on(log.ScenarioStarted)
    def _scenario_started(self, event: log.ScenarioStarted) -> None:
        self.started = event

    @_on(log.ScenarioStalled)
    def _stalled(self, event: log.ScenarioStalled) -> None:
        self.stall = event
        for each in event.processes:
            stuck = replace(each, resource=each.resource or each.queue)
            self.stuck.append(stuck)
            if stuck.waiting_for and stuck.process not in self.waiting and stuck.since is not None:
                self._begin_wait(stuck.process, stuck.since, stuck.waiting_for, stuck.resource or "")

    # Processes

    @_on(log.ProcessStarting)
    def _starting(self, event: log.ProcessStarting) -> None:
        lane = self._lane_about(event)
        lane.starting, lane.target, lane.worker = event.t, event.target, event.worker
        if event.delay and event.by and self.detailed:
            sleep = Wait(event.t - event.delay, event.t, f"sleep({event.delay:g})", "", sleep=True)
            self._lane(event.by).waits.append(sleep)

    @_on(log.ProcessStarted)
    def _started(self, event: log.ProcessStarted) -> None:
        lane = self._lane_about(event)
        lane.started, lane.pid, lane.seen, lane.latest = event.t, event.pid, True, event
        lane.worker, lane.parent = event.worker, event.parent or ""

    @_on(log.ProcessFinished, log.ProcessExiting, log.ProcessFailed)
    def _over(self, event: log.ProcessFinished | log.ProcessExiting | log.ProcessFailed) -> None:
        lane = self._lane_about(event)
        lane.over = event.t
        if isinstance(event, log.ProcessFailed):
            lane.exception = event.exception

    @_on(log.ProcessExited)
    def _exited(self, event: log.ProcessExited) -> None:
        lane = self._lane_about(event)
        lane.ended, lane.end, lane.latest = event.t, event, None
        lane.pid = event.pid or lane.pid
        self._close_wait(event.process, event.t)

    @_on(log.ProcessJoining)
    def _joining(self, event: log.ProcessJoining) -> None:
        self._process(event)
        self._begin_wait(event.by or RUNNER, event.t, f"{event.process}.join()", "")

    @_on(log.ProcessJoined, log.ProcessJoinTimedOut)
    def _joined(self, event: log.ProcessJoined | log.ProcessJoinTimedOut) -> None:
        self._process(event)
        self._end_wait(event.by or RUNNER, event.t, event.waited, f"{event.process}.join()", "")

    @_on(log.ProcessInterrupting, log.ProcessTerminating, log.ProcessKilling, log.ProcessEscalated)
    def _signalled(
        self, event: log.ProcessInterrupting | log.ProcessTerminating | log.ProcessKilling | log.ProcessEscalated
    ) -> None:
        lane = self._lane_about(event)
        verb = _SENDS.get(type(event), "kills")
        if len(lane.marks) < _MOST_MARKS:
            why = f": {event.reason}" if event.reason else ""
            lane.marks.append(Mark(event.t, f"{event.by or RUNNER} {verb} it{why}"))

    @_on(log.ProcessRaisingSignal)
    def _raising_signal(self, event: log.ProcessRaisingSignal) -> None:
        lane = self._lane_about(event)
        if len(lane.marks) < _MOST_MARKS:
            lane.marks.append(Mark(event.t, f"it sends {event.signal} to itself"))

    @_on(log.ProcessRestarting)
    def _restarting(self, event: log.ProcessRestarting) -> None:
        """Keep what is over under a name of its own: what comes is another process."""
        lane = self._lane_about(event)
        lane.name = f"{event.process} ({event.attempt})"
        for lanes in (self.lanes, self.processes):
            if lanes.pop(event.process, None) is not None:
                lanes[lane.name] = lane

    @_on(log.ProcessOrphaned, log.ProcessNotEnded, log.ProcessLeft)
    def _seen(self, event: log.ProcessOrphaned | log.ProcessNotEnded | log.ProcessLeft) -> None:
        lane = self._process(event)
        lane.seen = True
        if lane.born is None and lane.sighted is None:
            lane.sighted = event.t

    # Queues and pipes

    @_on(log.QueuePut)
    def _put(self, event: log.QueuePut) -> None:
        channel = self._queue(event.queue)
        if self.detailed and (event.waited or event.process in self.waiting):
            self._end_wait(event.process, event.t, event.waited, f"{event.queue}.put()", event.queue)
        self._give(channel, event)

    @_on(log.QueueGet)
    def _get(self, event: log.QueueGet) -> None:
        channel = self._queue(event.queue)
        if self.detailed and (event.waited or event.process in self.waiting):
            self._end_wait(event.process, event.t, event.waited, f"{event.queue}.get()", event.queue)
        self._take(channel, event)

    @_on(log.PipeSent)
    def _sent(self, event: log.PipeSent) -> None:
        self._give(self._pipe(event.pipe, event.end), event)

    @_on(log.PipeReceived)
    def _received(self, event: log.PipeReceived) -> None:
        call = f"{event.pipe}.{event.end}.recv()"
        self._end_wait(event.process, event.t, event.waited, call, event.pipe)
        self._take(self._pipe(event.pipe, OTHER_END.get(event.end, event.end)), event)

    def _give(self, channel: Channel[Sent], event: log.QueuePut | log.PipeSent) -> None:
        sent = Sent(event.t, sys.intern(event.process), event.item) if self.detailed else None
        channel.add_put(event.item_id, sent)
        channel.producers[event.process] += 1
        if self.detailed:
            lane = self._lane(event.process)
            lane.put[channel.name] += 1
            lane.found_empty = None
            channel.note_depth(event.t)

    def _take(self, channel: Channel[Sent], event: log.QueueGet | log.PipeReceived) -> None:
        put = channel.add_get(event.item_id)
        channel.consumers[event.process].take(event.item)
        if not self.detailed:
            return
        lane = self._lane(event.process)
        lane.got[channel.name] += 1
        lane.found_empty = None
        if put is not None:
            channel.add_way(event.t - put.t)
            self.messages.append(Message(put.t, event.t, put.producer, event.process, channel.name, put.item))
        channel.note_depth(event.t)

    @_on(log.QueueEmpty)
    def _asked(self, event: log.QueueEmpty) -> None:
        channel = self._queue(event.queue)
        self._end_wait(event.process, event.t, 0.0, f"{event.queue}.get()", event.queue)
        lane = self._lane(event.process)
        lane.found_empty = FoundEmpty(event.queue, event.call) if event.empty else None
        lane.got[event.queue] += 0  # it would have taken something
        channel.consumers.setdefault(event.process, ConsumerStatistics())

    @_on(log.QueueItemDropped, log.QueueItemsLost, log.QueueGetFailed)
    def _missing(self, event: log.QueueItemDropped | log.QueueItemsLost | log.QueueGetFailed) -> None:
        channel = self._queue(event.queue)
        channel.missing += event.count if isinstance(event, log.QueueItemsLost) else 1
        if self.detailed:
            channel.note_depth(event.t)

    @_on(log.QueueLeftOver, log.PipeLeftOver)
    def _left_over(self, event: log.QueueLeftOver | log.PipeLeftOver) -> None:
        if isinstance(event, log.QueueLeftOver):
            channel = self._queue(event.queue)
        else:
            channel = self._pipe(event.pipe, OTHER_END.get(event.end, event.end))
        channel.left, channel.items_left = event.count, event.items

    # Everything else that is shared

    def _used(self, event: log.Event) -> None:
        """Note that a process has to do with a resource, and that it used it once more if the event is a use."""
        kind = type(event)
        name, sort = getattr(event, _FIELDS[kind]), _SORTS[kind]
        if not name:
            return
        resource = self.resources.get(name)
        if resource is None:
            resource = self.resources[name] = Resource(name, sort)
        if sort == "condition" and resource.kind == "lock":  # who waits or notifies has acquired its lock before
            resource.kind, resource.users = sort, Counter(dict.fromkeys(resource.users, 0))
        if event.process != RUNNER:
            of_its_lock = sort == "lock" and resource.kind == "condition"
            is_use = kind in _USES and not of_its_lock
            resource.users[event.process] += (getattr(event, "times", 1) or 1) if is_use else 0

    @_on(log.LockAcquired, log.SemaphoreAcquired)
    def _acquired(self, event: log.LockAcquired | log.SemaphoreAcquired) -> None:
        name = event.lock if isinstance(event, log.LockAcquired) else event.semaphore
        self._end_wait(event.process, event.t, event.waited, f"{name}.acquire()", name)
        self._used(event)
        if name in self.signals:
            return
        self.held.setdefault((name, event.process), []).append(event.t)

    @_on(log.LockReleased, log.SemaphoreReleased)
    def _released(self, event: log.LockReleased | log.SemaphoreReleased) -> None:
        name = event.lock if isinstance(event, log.LockReleased) else event.semaphore
        if isinstance(event, log.SemaphoreReleased) and event.owner != event.process:
            self._nobody_holds(name)
            return
        owner = event.owner or event.process
        starts = self.held.get((name, owner), [])
        if not starts:
            return
        start = starts.pop()
        if not starts or isinstance(event, log.SemaphoreReleased):
            self.lock_holds.append(LockHold(name, owner, start, event.t))

    def _nobody_holds(self, semaphore: str) -> None:
        """Note that somebody releases a semaphore who has not acquired it: it signals, and nobody holds it."""
        if semaphore in self.signals:
            return
        self.signals.add(semaphore)
        self.lock_holds = Rows(LockHold, (hold for hold in self.lock_holds if hold.resource != semaphore))
        self.held = {key: starts for key, starts in self.held.items() if key[0] != semaphore}

    @_on(log.ValueRead, log.ValueWritten, log.ValueOverwritten, log.ValueFinal)
    def _value(self, event: log.ValueRead | log.ValueWritten | log.ValueOverwritten | log.ValueFinal) -> None:
        self._used(event)
        content = self.contents.setdefault(event.value, Content())
        if isinstance(event, log.ValueOverwritten):
            content.overwritten += 1
        else:
            content.see(event.content)
            content.written += isinstance(event, log.ValueWritten)

    @_on(log.ArrayWritten, log.ArrayOverwritten, log.ArrayFinal)
    def _array(self, event: log.ArrayWritten | log.ArrayOverwritten | log.ArrayFinal) -> None:
        self._used(event)
        content = self.contents.setdefault(event.array, Content())
        if isinstance(event, log.ArrayFinal):  # all else is about single elements
            content.last = event.content
        content.written += isinstance(event, log.ArrayWritten)
        content.overwritten += isinstance(event, log.ArrayOverwritten)

    # Pools

    def _work(self, event: PoolEvent) -> PoolWork:
        work = self.pools.get(event.pool)
        if work is None:
            work = self.pools[event.pool] = PoolWork()
        return work

    def _pool(self, event: PoolEvent) -> None:
        self._work(event)
        self._used(event)

    @_on(log.PoolCreated)
    def _pool_created(self, event: log.PoolCreated) -> None:
        self._pool(event)
        self._work(event).is_executor = event.type == "executor"

    @_on(log.PoolWorkerStarted)
    def _pool_worker_started(self, event: log.PoolWorkerStarted) -> None:
        lane = self._lane(event.process)
        lane.started, lane.pid, lane.seen, lane.target = event.t, event.pid, True, f"pool {event.pool}"
        self._pool(event)
        self._rest(event)

    @_on(log.PoolTaskStarted)
    def _task_started(self, event: log.PoolTaskStarted) -> None:
        self._close_wait(event.process, event.t)
        self._pool(event)

    @_on(log.PoolTaskFinished, log.PoolTaskFailed)
    def _task_over(self, event: log.PoolTaskFinished | log.PoolTaskFailed) -> None:
        work = self._work(event)
        work.tasks += 1
        work.failed += isinstance(event, log.PoolTaskFailed)
        work.done_by[event.process] += 1
        self._rest(event)

    def _rest(self, event: PoolEvent) -> None:
        self._begin_wait(event.process, event.t, _next_task(event), event.pool)

    @_on(log.PoolWorkerLost)
    def _pool_worker_lost(self, event: log.PoolWorkerLost) -> None:
        self._pool(event)
        work, lane = self._work(event), self._lane(event.process)
        work.lost += event.call is not None  # one that waits for a task loses none
        if event.exception is not None:  # that its task raised it came first, as if the task had only failed
            work.tasks -= 1
            work.failed -= 1
            work.done_by[event.process] -= 1
            work.done_by += Counter()  # leaves out who has done nothing
            lane.exception = event.exception
            if lane.waits and lane.waits[-1].call == _next_task(event):  # it did not go on to wait for another
                lane.waits.pop()
        self.processes[event.process] = lane
        if lane.end is not None:
            lane.end = replace(lane.end, allowed=False, cause=_cause_of_loss(event))

    @_on(log.PoolWorkerExited)
    def _pool_worker_exited(self, event: log.PoolWorkerExited) -> None:
        work, lane = self._work(event), self._lane(event.process)
        self._close_wait(event.process, event.t)
        if lane.end is None:
            lane.ended, lane.end = event.t, _end_of_worker(event, by_pool=not work.is_executor)


def read(lines: Iterable[Mapping[str, Any]]) -> History:
    """Return the history of a run, of which these are the lines of the log."""
    history = History()
    for line in lines:
        history.add(as_event(line))
    history.close()
    return history


def _next_task(event: PoolEvent) -> str:
    """Return what a worker of a pool waits for between its tasks."""
    return f"the next task of {event.pool}"


def _cause_of_loss(event: log.PoolWorkerLost) -> Cause:
    if event.signal:
        return "signal"
    return "exception" if event.exception is not None else "vanished"


def _end_of_worker(event: log.PoolWorkerExited, *, by_pool: bool) -> log.ProcessExited:
    """Return the end of a worker of a pool as that of a process, of which only its pool knows.

    With `by_pool`, SIGTERM is how the pool ends its workers: if somebody else has sent it, the worker is lost, and that
    is the next event. An executor does so only once it is broken.
    """
    is_terminated = by_pool and event.signal == "SIGTERM"
    return log.ProcessExited(
        **{name: getattr(event, name) for name in log.Event.__struct_fields__},
        worker="process",
        exitcode=event.exitcode,
        cause="terminated" if is_terminated else "signal" if event.signal else "ended",
        signal=event.signal,
        by=None,
        reason="",
        allowed=is_terminated or not event.signal,
        cpu_user=None,
        cpu_system=None,
        max_rss=None,
        voluntary_switches=None,
        involuntary_switches=None,
        duration=None,
    )


_COUNTED = {
    kind: handler
    for kind, handler in _HANDLERS.items()
    if kind in _PROCESS_EVENTS or issubclass(kind, RunEvent | QueueEvent | PoolEvent | ValueEvent | ArrayEvent)
}
"""Those for a history without details."""
