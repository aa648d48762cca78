"""One pass over a log's events, to a `History`; what is not known (a log of another version) is passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from run_scenario.views.history import Event, History, Holding, Mark, Stuck, Wait
from run_scenario.views.history_notes import (
    SHARED,
    Notes,
    actor,
    deed_of,
    name_of,
    number,
    resource_of,
    room_of,
)
from run_scenario.views.takings import Taking

OTHER = {"left": "right", "right": "left"}
_MOST_MARKS = 1_000
_STATES = {
    "sleeping": "sleeps, or waits for something outside the scenario",
    "running": "computes",
    "exiting": "is about to end",
}


def read(events: Iterable[Event]) -> History:
    """Return what the events of one run tell."""
    reader = _Reader()
    for event in events:
        reader.take(event)
    return reader.finish()


class _Reader(Notes):
    def take(self, event: Event) -> None:
        history = self.history
        history.events += 1
        kind = str(event.get("event"))
        room = kind.partition(".")[0]
        t = number(event.get("t"))
        if room == "expectation" or kind == "scenario.finished":
            history.end = event if kind == "scenario.finished" else history.end
            return
        history.last = max(history.last, t)
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, event, t)
        elif room in SHARED and event.get(SHARED[room]):
            self.used(event)

    def finish(self) -> History:
        """Close what is open at the end of the log."""
        for name in list(self.open):
            self.close_wait(name, self.end_of(name))
        self.history.holdings += self.never_released()
        self.history.holdings.sort(key=lambda holding: holding.start)
        self.held.clear()
        return self.history

    # The scenario

    def scenario_started(self, event: Event, t: float) -> None:
        history = self.history
        history.facts = event
        history.run, history.scenario = str(event.get("run", "")), str(event.get("scenario", ""))
        history.title = str(event.get("title") or event.get("scenario") or "")

    def stalled(self, event: Event, t: float) -> None:
        self.history.stall = event
        for each in event.get("processes") or ():
            name, what = str(each.get("process")), str(each.get("waiting_for") or "")
            state = str(each.get("state"))
            doing = f"waits for {what}" if what else _STATES.get(state, state)
            resource, other = str(each.get("resource") or each.get("queue") or ""), str(each.get("on_process") or "")
            self.history.stuck.append(Stuck(name, doing, resource, other))
            if what and name not in self.open and isinstance(each.get("since"), int | float):
                self.begin_wait(name, each["since"], what, resource)

    # Processes

    def starting(self, event: Event, t: float) -> None:
        lane = self.lane(name_of(event))
        lane.starting, lane.target = t, str(event.get("target", ""))
        lane.worker, lane.parent = str(event.get("worker", "process")), str(event.get("by") or "")
        lane.daemon = bool(event.get("daemon"))
        delay = number(event.get("delay"))
        if delay and lane.parent:
            self.lane(lane.parent).waits.append(Wait(t - delay, t, f"sleep({delay:g})", "", sleep=True))

    def started(self, event: Event, t: float) -> None:
        lane = self.lane(name_of(event))
        lane.started, lane.pid = t, event.get("pid")
        lane.parent = lane.parent or str(event.get("parent") or "")
        lane.daemon, lane.worker = bool(event.get("daemon")), str(event.get("worker", "process"))

    def over(self, event: Event, t: float) -> None:
        lane = self.lane(name_of(event))
        lane.over = t
        if event.get("event") == "process.failed":
            lane.exception = str(event.get("exception"))

    def exited(self, event: Event, t: float) -> None:
        name = name_of(event)
        lane = self.lane(name)
        lane.ended, lane.end = t, event
        lane.pid = event.get("pid") or lane.pid
        self.close_wait(name, t)

    def joining(self, event: Event, t: float) -> None:
        self.begin_wait(actor(event), t, f"{name_of(event)}.join()", "")

    def joined(self, event: Event, t: float) -> None:
        self.end_wait(event, actor(event), t, f"{name_of(event)}.join()", "")

    def done_to(self, event: Event, t: float) -> None:
        lane = self.lane(name_of(event))
        verb = {"terminating": "terminates", "killing": "kills", "escalated": "kills"}[deed_of(event)]
        if len(lane.marks) < _MOST_MARKS:
            why = f": {event['reason']}" if event.get("reason") else ""
            lane.marks.append(Mark(t, f"{actor(event)} {verb} it{why}"))

    # Queues and pipes

    def put(self, event: Event, t: float) -> None:
        queue, name = str(event.get("queue")), name_of(event)
        self.end_wait(event, name, t, f"{queue}.put()", queue)
        self.give(self.channel(queue, "queue"), name, t, ("queue", queue, event.get("item_id")), event.get("item"))

    def get(self, event: Event, t: float) -> None:
        queue, name = str(event.get("queue")), name_of(event)
        self.end_wait(event, name, t, f"{queue}.get()", queue)
        self.take_up(self.channel(queue, "queue"), name, t, ("queue", queue, event.get("item_id")), event.get("item"))

    def sent(self, event: Event, t: float) -> None:
        pipe, end, name = str(event.get("pipe")), str(event.get("end")), name_of(event)
        channel = self.channel(f"{pipe}.{end}", "pipe")
        self.give(channel, name, t, ("pipe", pipe, end, event.get("item_id")), event.get("item"))

    def received(self, event: Event, t: float) -> None:
        pipe, end, name = str(event.get("pipe")), str(event.get("end")), name_of(event)
        self.end_wait(event, name, t, f"{pipe}.{end}.recv()", pipe)
        other = OTHER.get(end, end)
        channel = self.channel(f"{pipe}.{other}", "pipe")
        self.take_up(channel, name, t, ("pipe", pipe, other, event.get("item_id")), event.get("item"))

    def asked(self, event: Event, t: float) -> None:
        name, queue = name_of(event), str(event.get("queue"))
        self.end_wait(event, name, t, f"{queue}.get()", queue)
        lane = self.lane(name)
        lane.found_empty = queue if event.get("empty") else ""
        lane.got[queue] += 0  # it would have taken something
        self.channel(queue, "queue").takers.setdefault(name, Taking())

    def missing(self, event: Event, t: float) -> None:
        channel = self.channel(str(event.get("queue")), "queue")
        count = event.get("count", 1)
        channel.missing += count if isinstance(count, int) else 1
        self.changed(channel, t)

    def left_over(self, event: Event, t: float) -> None:
        queue = event.get("queue")
        end = str(event.get("end"))
        name = str(queue) if queue is not None else f"{event.get('pipe')}.{OTHER.get(end, end)}"
        channel = self.channel(name, "queue" if queue is not None else "pipe")
        channel.left, channel.items_left = event.get("count"), list(event.get("items") or ())

    # Locks and semaphores

    def acquired(self, event: Event, t: float) -> None:
        name, resource = name_of(event), resource_of(event)
        self.end_wait(event, name, t, f"{resource}.acquire()", resource)
        self.used(event)
        self.held.setdefault((resource, name), []).append(t)

    def released(self, event: Event, t: float) -> None:
        resource = resource_of(event)
        owner = str(event.get("owner") or name_of(event))
        starts = self.held.get((resource, owner), [])
        if not starts:
            return
        start = starts.pop()
        if not starts or room_of(event) == "semaphore":
            self.history.holdings.append(Holding(resource, owner, start, t))

    # Pools

    def worker_started(self, event: Event, t: float) -> None:
        name, pool = name_of(event), str(event.get("pool"))
        lane = self.lane(name)
        lane.started, lane.pid, lane.target = t, event.get("pid"), f"pool {pool}"
        self.used(event)
        self._rest(name, pool, t)

    def task_started(self, event: Event, t: float) -> None:
        self.close_wait(name_of(event), t)
        self.used(event)

    def task_over(self, event: Event, t: float) -> None:
        self._rest(name_of(event), str(event.get("pool")), t)

    def _rest(self, name: str, pool: str, t: float) -> None:
        self.begin_wait(name, t, f"the next task of {pool}", pool)

    def worker_exited(self, event: Event, t: float) -> None:
        name = name_of(event)
        lane = self.lane(name)
        self.close_wait(name, t)
        if lane.end is None:
            cause = "signal" if event.get("signal") else "ended"
            lane.ended, lane.end = t, {"cause": cause, "allowed": cause != "signal", **event}


def _waits(call: str, room: str) -> Callable[[_Reader, Event, float], None]:
    def begin(reader: _Reader, event: Event, t: float) -> None:
        resource = resource_of(event)
        if room != "queue":
            reader.used(event)
        reader.begin_wait(name_of(event), t, f"{resource}.{call}()", resource)

    return begin


def _waited(call: str) -> Callable[[_Reader, Event, float], None]:
    def end(reader: _Reader, event: Event, t: float) -> None:
        resource = resource_of(event)
        shown = f"{resource}.{event.get('method') or call}()"
        reader.end_wait(event, name_of(event), t, shown, resource)
        room = room_of(event)
        if room not in ("queue", "pipe"):
            reader.used(event)

    return end


_HANDLERS: dict[str, Callable[[_Reader, Event, float], None]] = {
    "scenario.started": _Reader.scenario_started,
    "scenario.stalled": _Reader.stalled,
    "process.starting": _Reader.starting,
    "process.started": _Reader.started,
    "process.finished": _Reader.over,
    "process.exiting": _Reader.over,
    "process.failed": _Reader.over,
    "process.exited": _Reader.exited,
    "process.joining": _Reader.joining,
    "process.joined": _Reader.joined,
    "process.join_timed_out": _Reader.joined,
    "process.terminating": _Reader.done_to,
    "process.killing": _Reader.done_to,
    "process.escalated": _Reader.done_to,
    "queue.put": _Reader.put,
    "queue.get": _Reader.get,
    "queue.empty": _Reader.asked,
    "queue.joining": _waits("join", "queue"),
    "queue.joined": _waited("join"),
    "queue.thread_joined": _waited("join_thread"),
    "queue.item_dropped": _Reader.missing,
    "queue.items_lost": _Reader.missing,
    "queue.left_over": _Reader.left_over,
    "pipe.sent": _Reader.sent,
    "pipe.send_waited": _waited("send"),
    "pipe.received": _Reader.received,
    "pipe.eof": _waited("recv"),
    "pipe.polled": _waited("poll"),
    "pipe.left_over": _Reader.left_over,
    "lock.waiting": _waits("acquire", "lock"),
    "lock.acquired": _Reader.acquired,
    "lock.not_acquired": _waited("acquire"),
    "lock.released": _Reader.released,
    "semaphore.waiting": _waits("acquire", "semaphore"),
    "semaphore.acquired": _Reader.acquired,
    "semaphore.not_acquired": _waited("acquire"),
    "semaphore.released": _Reader.released,
    "event.waiting": _waits("wait", "event"),
    "event.waited": _waited("wait"),
    "condition.waiting": _waits("wait", "condition"),
    "condition.waited": _waited("wait"),
    "barrier.waiting": _waits("wait", "barrier"),
    "barrier.passed": _waited("wait"),
    "barrier.broken": _waited("wait"),
    "manager.called": _waited("call"),
    "pool.worker_started": _Reader.worker_started,
    "pool.task_started": _Reader.task_started,
    "pool.task_finished": _Reader.task_over,
    "pool.task_failed": _Reader.task_over,
    "pool.worker_exited": _Reader.worker_exited,
    "pool.result": _waited("result"),
    "pool.returned": _waited("call"),
    "pool.call_failed": _waited("call"),
    "pool.joined": _waited("join"),
}
