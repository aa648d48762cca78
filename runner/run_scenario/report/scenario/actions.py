"""What a process did, event by event, as steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.recording.payloads import WITHHELD
from run_scenario.report.scenario.pools import Calls
from run_scenario.report.scenario.recorded import Names, Recorded
from run_scenario.report.scenario.step import Step
from run_scenario.report.scenario.yaml_text import item_of, shown
from run_scenario.report.sentences import Event
from run_scenario.scenario.resources import NAMED_BY
from run_scenario.scenario.steps import VERBS

_GAP = 0.1
"""Seconds in which nothing was recorded, from which on they are a step."""
_NOTIFIES_ALL = 1 << 31
"""What a condition's notify_all() is recorded with, or more."""
UNTIL_ENDED = 3_600
"""Seconds that nobody waits for: something else ends the process before."""
_GAVE_UP = ("queue.empty", "queue.full", "pool.call_failed")
"""What does not say how long it took: as long as its timeout, if it has one."""
_ENDS = ("process.finished", "process.exiting", "process.failed")


class Actions:
    """Makes steps of what one process did."""

    def __init__(
        self,
        names: Names,
        resources: dict[str, Event],
        processes: Iterable[str],
        calls: Calls,
        recorded: Recorded,
    ) -> None:
        """`resources` and `processes` are those that the scenario has; `calls` are those on pools."""
        self._recorded = recorded
        self._names = names
        self._resources = resources
        self._processes = frozenset(processes)
        self._calls = calls
        self._steps: list[Step] = []
        self._last: float | None = None
        self._pending: dict[str, Step] = {}
        """Steps that wait, by the kind of wait and the resource: how they end is told by a later event."""
        self._inside: set[str] = set()
        """Locks whose condition is waited for."""
        self.has_stand_ins = False
        """Whether something that is put or sent is not what it was in the script."""

    def steps(self, events: Iterable[Event], begun: float | None = None) -> list[Step]:
        """Return the steps; `begun` is when the process began, if the time until its first step counts."""
        self._last = begun
        for event in events:
            self._note_gap(event)
            if event["event"] in _ENDS:
                self._end(event)
                break
            self._add(event)
        return self._steps

    def stuck(self, blocked: Event) -> list[Step]:
        """Return the step in which a process was blocked when nothing moved any more, if no event has told of it."""
        operation, resource = blocked["operation"], blocked["resource"]
        if operation in (None, "sleep"):
            return [Step({"sleep": UNTIL_ENDED}, "until the deadline: what it did meanwhile is not recorded")]
        if operation in _BEGUN:
            return []
        until = "for ever" if self._recorded.deadline is None else "until the deadline"
        make, words = _BLOCKED.get(operation), f"here it waited {until}"
        if make is None or resource not in self._resources:
            return [Step(words=f"{words}: for {blocked['waiting_for']}")]
        name = self._names.resource(resource)
        if operation == "result" and not self._calls.is_result_left(resource):
            if self._steps and "next_call" in self._steps[-1].data:  # which waits for its result itself
                self._steps[-1].words = words
            return []
        if operation == "put":
            words += "; with which item is not recorded"
        return [Step(make(f"{name}.{blocked['end']}" if blocked["end"] else name), words)]

    def _note_gap(self, event: Event) -> None:
        waited = event.get("timeout", 0.0) if event["event"] in _GAVE_UP else event.get("waited", 0.0)
        begun = event["t"] - waited
        if self._last is not None and begun - self._last >= _GAP:
            words = "meanwhile the script did what is not recorded"
            gap = round(begun - self._last, 1)
            self._steps.append(Step({"sleep": _whole(gap)}, words))
        # start() takes its time, which nobody records: it is over when the process has begun, if not before.
        begun = self._recorded.begun.get(event["process"], 0.0) if event["event"] == "process.starting" else 0.0
        self._last = max(event["t"], event.get("until", 0.0), begun)

    def _end(self, event: Event) -> None:
        match event["event"]:
            case "process.failed":
                words = f"here it raised {event['exception']}: {event['message']}".rstrip(": ")
                is_main = event["process"] == MAIN_NAME
                code = self._recorded.main_exited.get("exitcode") if is_main else None
                # Python ends with another code than 1 where a script raises KeyboardInterrupt.
                self._steps.append(Step({"exit": code if code and code > 0 else 1}, words))
            case "process.exiting" if event["exitcode"]:
                code = event["exitcode"]
                self._steps.append(Step({"exit": code & 255 if isinstance(code, int) else 1}))

    def _add(self, event: Event) -> None:
        make = _MAKERS.get(event["event"])
        if make is None:
            return
        if event["event"].startswith("process."):
            is_known = event["process"] in self._processes
        else:
            is_known = next(event[key] for key in NAMED_BY if key in event) in self._resources
        if not is_known or event.get("lock", "") in self._inside:
            return
        step = make(self, event)
        if step is not None:
            self._steps.append(step)

    def _name(self, event: Event) -> str:
        key = next(key for key in NAMED_BY if key in event)
        name = self._names.resource(event[key])
        return f"{name}.{event['end']}" if "end" in event else name

    def done_to_process(self, event: Event, verb: str) -> Step:
        """Return the step that does something to a process."""
        step = {verb: self._names.process(event["process"])}
        return Step(step | ({"timeout": event["timeout"]} if event.get("timeout") is not None else {}))

    def answered(self, event: Event, verb: str, words: str = "", **more: Any) -> Step:
        """Return the step that does something to a resource; what was answered over and over is a loop."""
        step = Step({verb: self._name(event)} | more, words)
        times = event.get("times", 1)
        return step if times == 1 else Step({"repeat": times}, words="it was asked over and over", steps=[step])

    # Queues

    def put(self, event: Event, verb: str = "put") -> Step:
        """Return the step that puts or sends an item."""
        item, words = item_of(event)
        dropped = self._recorded.dropped.get((event["process"], event.get("queue", ""), event.get("item_id", 0)))
        if dropped:
            return Step(words=f"here {item} was put in {self._name(event)}, and never arrived: {dropped}")
        self.has_stand_ins |= bool(words)
        step = Step({verb: item, "to": self._name(event)}, words)
        self._pending[f"{verb} {event.get('pipe', event.get('queue'))}"] = step
        return step

    def _found_empty(self, event: Event) -> Step:
        if event["call"] == "empty":
            return self.answered(event, "empty")
        return self.answered(event, "get", **(_timeout(event) or {"block": False}), raises="Empty")

    def _found_full(self, event: Event) -> Step:
        if event["call"] == "full":
            return self.answered(event, "full")
        step = {"put": None, "to": self._name(event)} | (_timeout(event) or {"block": False}) | {"raises": "Full"}
        return Step(step, "its item is not recorded")

    # Locks

    def _acquiring(self, event: Event) -> Step:
        step = self._acquire(event)
        self._pending[f"acquire {self._name(event)}"] = step
        return step

    def _acquired(self, event: Event) -> Step | None:
        pending = self._pending.pop(f"acquire {self._name(event)}", None)
        return self._acquire(event) if pending is None else None

    def _acquire(self, event: Event) -> Step:
        name = self._name(event)
        return Step({"acquire": name}, locks=name, only_with=self._is_of_memory(event))

    def _not_acquired(self, event: Event) -> Step | None:
        name = self._name(event)
        data = {"acquire": name} | (_timeout(event) or {"block": False})
        pending = self._pending.pop(f"acquire {name}", None)
        if pending is None:
            return Step(data)
        pending.data, pending.locks = data, ""
        return None

    def _released(self, event: Event) -> Step:
        name = self._name(event)
        return Step({"release": name}, unlocks=name, only_with=self._is_of_memory(event))

    def _is_of_memory(self, event: Event) -> bool:
        return "lock" in event and self._resources[event["lock"]]["type"] in ("Value", "Array")

    # Waits

    def _waiting(self, event: Event) -> Step:
        step = Step({"wait": self._name(event)})
        self._pending[f"wait {self._name(event)}"] = step
        if "condition" in event:
            self._inside.add(self._lock_of(event["condition"]))
        return step

    def _lock_of(self, condition: str) -> str:
        return str(self._resources[condition]["parameters"].get("lock", condition))

    def _waited(self, event: Event) -> None:
        pending = self._pending.pop(f"wait {self._name(event)}", None)
        if "condition" in event:
            self._inside.discard(self._lock_of(event["condition"]))
        if pending is not None:
            pending.data |= _timeout(event)

    def _broken(self, event: Event) -> None:
        pending = self._pending.pop(f"wait {self._name(event)}", None)
        if pending is not None:
            pending.data |= _timeout(event) | {"raises": "BrokenBarrierError"}

    def _notified(self, event: Event) -> Step:
        if event["most"] >= _NOTIFIES_ALL:
            return Step({"notify_all": self._name(event)})
        return Step({"notify": self._name(event)} | ({} if event["most"] == 1 else {"n": event["most"]}))

    # Pipes

    def _pipe_broken(self, event: Event) -> Step | None:
        raised = event["error"].partition(":")[0]
        if event["call"] == "recv":
            return Step({"recv": self._name(event), "raises": raised})
        sent = self._pending.pop(f"send {event['pipe']}", None)
        if sent is not None:
            sent.data["raises"] = raised
        return None

    def _polled(self, event: Event) -> Step:
        waited = {"timeout": round(event["waited"], 2)} if event["waited"] > 0.001 else {}
        return self.answered(event, "poll", **(_timeout(event) or waited))

    # Shared data

    def _accessed(self, event: Event) -> Step:
        place = {"at": event["index"]} if isinstance(event.get("index"), int) else {}
        whole = event.get("index") is None and event["event"].endswith(".read")
        if "index" in event and not place and not whole:
            part = "all" if event["index"] is None else f"[{event['index']}]"
            return Step(words=f"here {part} of {self._name(event)} was read or written at once")
        if event["event"].endswith(".read"):
            return self.answered(event, "read", **place)
        content, words = shown(event["content"])
        if content == WITHHELD:  # which a number cannot be
            return Step(words=f"here {self._name(event)} was written: what is {words}")
        return Step({"write": content, "to": self._name(event)} | place, words)

    def _called(self, event: Event) -> Step:
        name, method = self._name(event), event["method"]
        given = [shown(argument) for argument in event["arguments"]]
        make = _CALLS.get((method, len(given)))
        data = {} if make is None else make(name, *(value for value, _ in given))
        verb = next(iter(data), "")
        fits = bool(data) and self._resources[event["object"]]["type"] in VERBS[verb].takes
        if not fits or event["keywords"] or event["error"]:
            return Step(words=f"here {name}.{method}() was called, which is no step")
        return Step(data, next((words for _, words in given if words), ""))

    # Pools

    def _pool_called(self, event: Event) -> Step:
        return self._calls.made(event, self._name(event))

    def _pool_returned(self, event: Event) -> Step | None:
        return self._calls.returned(event, self._name(event))

    def _pool_closed(self, event: Event) -> Step:
        executor = self._resources[event["pool"]]["type"] == "executor"
        return Step({"shutdown" if executor else "close": self._name(event)})

    def _pool_joined(self, event: Event) -> Step | None:
        self._pending[f"joined {event['pool']}"] = Step()
        executor = self._resources[event["pool"]]["type"] == "executor"
        return None if executor else Step({"join": self._name(event)})

    def _pool_terminated(self, event: Event) -> Step | None:
        # What `with` does at its end to a pool that has been joined has no effect.
        return None if f"joined {event['pool']}" in self._pending else Step({"terminate": self._name(event)})


def _timeout(event: Event) -> dict[str, Any]:
    """Return the timeout that a call was given, as a step has it; nothing if it was given none."""
    return {"timeout": _whole(round(event["timeout"], 3))} if "timeout" in event else {}


def _whole(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds


def _of_process(verb: str) -> _Maker:
    return lambda actions, event: actions.done_to_process(event, verb)


def _of(verb: str) -> _Maker:
    return lambda actions, event: actions.answered(event, verb)


_Maker = Callable[[Actions, Event], Step | None]
_MAKERS: dict[str, _Maker] = {
    "process.starting": _of_process("start"),
    "process.joining": _of_process("join"),
    "process.alive": _of_process("is_alive"),
    "process.interrupting": _of_process("interrupt"),
    "process.terminating": _of_process("terminate"),
    "process.killing": _of_process("kill"),
    "queue.put": Actions.put,
    "queue.get": _of("get"),
    "queue.empty": Actions._found_empty,
    "queue.full": Actions._found_full,
    "queue.task_done": _of("task_done"),
    "queue.joining": _of("join_queue"),
    "queue.closed": _of("close"),
    "queue.thread_joined": _of("join_thread"),
    "event.set": _of("set"),
    "event.cleared": _of("clear"),
    "event.is_set": _of("is_set"),
    "event.waiting": Actions._waiting,
    "event.waited": Actions._waited,
    "condition.waiting": Actions._waiting,
    "condition.waited": Actions._waited,
    "condition.notified": Actions._notified,
    "barrier.waiting": Actions._waiting,
    "barrier.passed": Actions._waited,
    "barrier.broken": Actions._broken,
    "barrier.aborted": _of("abort"),
    "barrier.reset": _of("reset"),
    "pipe.sent": lambda actions, event: actions.put(event, "send"),
    "pipe.received": _of("recv"),
    "pipe.eof": lambda actions, event: actions.answered(event, "recv", raises="EOFError"),
    "pipe.broken": Actions._pipe_broken,
    "pipe.polled": Actions._polled,
    "pipe.closed": _of("close"),
    "value.read": Actions._accessed,
    "value.written": Actions._accessed,
    "array.read": Actions._accessed,
    "array.written": Actions._accessed,
    "manager.called": Actions._called,
    "pool.created": _of("create"),
    "pool.called": Actions._pool_called,
    "pool.returned": Actions._pool_returned,
    "pool.call_failed": Actions._pool_returned,
    "pool.closed": Actions._pool_closed,
    "pool.joined": Actions._pool_joined,
    "pool.terminated": Actions._pool_terminated,
    **{
        f"{family}.{event}": make
        for family in ("lock", "semaphore")
        for event, make in {
            "waiting": Actions._acquiring,
            "acquired": Actions._acquired,
            "not_acquired": Actions._not_acquired,
            "released": Actions._released,
        }.items()
    },
}
"""Event -> what makes a step of it; none where an earlier one says it already."""
_CALLS: dict[tuple[str, int], Callable[..., dict[str, Any]]] = {
    ("append", 1): lambda name, value: {"append": value, "to": name},
    ("extend", 1): lambda name, values: {"extend": values, "to": name},
    ("update", 1): lambda name, values: {"update": values, "to": name},
    ("pop", 1): lambda name, key: {"pop": name, "at": key},
    ("__len__", 0): lambda name: {"len": name},
    ("_getvalue", 0): lambda name: {"read": name},
    ("copy", 0): lambda name: {"read": name},
    ("__getitem__", 1): lambda name, key: {"read": name, "at": key},
    ("__setitem__", 2): lambda name, key, value: {"write": value, "to": name, "at": key},
    ("__getattribute__", 1): lambda name, key: {"read": name, "at": key},
    ("__setattr__", 2): lambda name, key, value: {"write": value, "to": name, "at": key},
    ("put", 1): lambda name, item: {"put": item, "to": name},
    ("get", 0): lambda name: {"get": name},
    ("task_done", 0): lambda name: {"task_done": name},
    ("join", 0): lambda name: {"join_queue": name},
}
"""Method of what a manager holds, and how many arguments it was given -> the step, from its name and them."""
_BEGUN = ("acquire", "wait", "join", "join_queue", "send", "exit")
"""What a process is blocked in of which the log has the beginning, too; or the end of all steps."""
_BLOCKED: dict[str, Callable[[str], dict[str, Any]]] = {
    "get": lambda name: {"get": name},
    "put": lambda name: {"put": None, "to": name},
    "recv": lambda name: {"recv": name},
    "result": lambda name: {"result": name},
    "join_pool": lambda name: {"join": name},
    "join_thread": lambda name: {"join_thread": name},
}
"""What a process is blocked in -> the step, where the log has it only when it is over."""
