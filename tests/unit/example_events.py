"""Events made by hand for the tests of the views; each is valid by the schema unless a test breaks it on purpose."""

from __future__ import annotations

from typing import Any

from run_scenario.events.types.runs import BlockedOperation

Event = dict[str, Any]

_EXITED = {
    "worker": "process",
    "exitcode": 0,
    "cause": "returned",
    "signal": None,
    "by": None,
    "reason": "its target returned",
    "allowed": True,
    "cpu_user": 0.01,
    "cpu_system": 0.0,
    "max_rss": 9_000_000,
    "voluntary_switches": 3,
    "involuntary_switches": 0,
    "duration": 2.0,
}
_VERDICT = {
    "expectation": "absent: {event: process.exited, exitcode: 3}",
    "pattern": "absent",
    "file": "my.yaml",
    "line": 12,
    "because": "nobody may fail",
    "reason": "there is process.exited with exitcode 3 (event 7)",
    "evidence": [{"event": "process.exited", "seq": 7, "t": 1.5, "process": "Worker 1", **_EXITED, "exitcode": 3}],
}
_DIAGNOSIS = {
    "cause": "deadlock",
    "kind": "unknown",
    **{name: [] for name in ("waits", "cycle", "could_have_moved", "resources", "facts")},
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "scenario.started": {
        "log_format": 2,
        "title": "A daemon",
        "file": "daemon.yaml",
        "digest": "sha256:" + "0" * 64,
        "version": "0.1.0",
        "python": "3.11.7",
        "platform": "Linux x86_64",
        "start_method": "fork",
        "cpus": 2,
        "pinned_to": None,
        "allowed": [],
        "timeout": 10.0,
        "capabilities": dict.fromkeys(("pidfd", "proc", "children", "syscall", "subreaper", "epoll"), True),
        "maxsize": {},
        "params": {},
    },
    "scenario.stalled": {
        "reason": "nobody fills 'tasks' any more",
        "cause": "deadlock",
        "processes": [],
        "queues": [],
        "diagnosis": _DIAGNOSIS,
        "threads": [],
    },
    "scenario.signalled": {
        "signal": "SIGINT",
        "reason": "A waits for an item from queue 'tasks'",
        "processes": [],
        "queues": [],
        "diagnosis": _DIAGNOSIS,
        "threads": [],
    },
    "scenario.timed_out": {"timeout": 10.0},
    "scenario.limit_reached": {
        "limit": "processes",
        "most": 5,
        "found": 6,
        "option": "--max-processes",
        "reason": "more processes at once (6) than the 5 that --max-processes allows",
    },
    "process.output_cut_off": {
        "most": 1024,
        "option": "--max-output",
        "reason": "more output of one process than the 1 KiB that --max-output allows",
    },
    "scenario.interrupted": {"signal": "SIGINT"},
    "scenario.refused": {"reason": "a target is not allowed", "problems": ["'mypkg' is not allowed"]},
    "scenario.failed": {"reason": "no more processes"},
    "scenario.finished": {
        "outcome": "passed",
        "exit_status": 0,
        "duration": 3.0123,
        "counts": {"events": 12, "processes": 2},
        "reasons": [],
    },
    "process.starting": {"by": "MainProcess", "target": "sleep", "worker": "process", "daemon": False, "delay": 0.0},
    "process.started": {
        "worker": "process",
        "ppid": 10,
        "parent": "MainProcess",
        "daemon": False,
        "start_method": "fork",
    },
    "process.finished": {"duration": 2.0},
    "process.exiting": {"exitcode": 3},
    "process.failed": {"exception": "ValueError", "message": "boom", "traceback": "ValueError: boom"},
    "process.exited": _EXITED,
    "process.lingering": {"threads": ["Thread-1"]},
    "process.restarting": {"by": "MainProcess", "attempt": 1, "maximum": 3, "exitcode": 1, "delay": 0.5},
    "process.joining": {"by": "MainProcess", "timeout": None},
    "process.joined": {"by": "MainProcess", "exitcode": 0, "waited": 2.0},
    "process.join_timed_out": {"by": "MainProcess", "timeout": 1.0, "waited": 1.0},
    "process.alive": {"by": "MainProcess", "alive": True},
    "process.terminating": {"by": "MainProcess", "reason": "the scenario says so"},
    "process.killing": {"by": "MainProcess", "reason": "the scenario says so"},
    "process.raising_signal": {"by": "Worker 1", "signal": "SIGTERM"},
    "process.escalated": {"by": "run-scenario", "reason": "it ignores SIGTERM"},
    "process.orphaned": {"ppid": 10, "parent": "Worker 1", "command": "sleep 60"},
    "process.misreported": {"by": "MainProcess", "exitcode": 255, "reason": "nobody knows"},
    "process.not_ended": {"state": "D", "reason": "it sleeps"},
    "process.output": {"stream": "stdout", "text": "hello", "via": "print"},
    "queue.put": {"queue": "tasks", "item_id": 1, "item": 7, "waited": 0.0},
    "queue.get": {"queue": "tasks", "item_id": 1, "item": 7, "waited": 0.0},
    "queue.empty": {"queue": "tasks", "empty": True, "call": "empty"},
    "queue.full": {"queue": "tasks", "full": False, "call": "full"},
    "queue.task_done": {"queue": "tasks", "unfinished": 2},
    "queue.joining": {"queue": "tasks"},
    "queue.joined": {"queue": "tasks", "waited": 0.5},
    "queue.closed": {"queue": "tasks"},
    "queue.thread_joined": {"queue": "tasks", "waited": 0.004},
    "queue.item_dropped": {"queue": "tasks", "item_id": 1, "item": "<lambda>", "error": "cannot pickle it"},
    "queue.get_failed": {"queue": "tasks", "item_id": 1, "item": "<Job object>", "error": "TypeError: no"},
    "queue.item_mutated": {"queue": "tasks", "item_id": 1, "put": [1], "got": [2]},
    "queue.items_lost": {"queue": "tasks", "count": 3},
    "queue.left_over": {"queue": "tasks", "count": 2, "items": [7, None], "pills": 1},
    "queue.abandoned": {"queue": "tasks", "side": "read", "reason": "it ended inside get()"},
    **{
        f"{kind}.{deed}": {kind: "gate", **fields}
        for kind in ("lock", "semaphore")
        for deed, fields in {
            "waiting": {"held_by": ["A"]},
            "acquired": {"waited": 0.5},
            "not_acquired": {"waited": 0.0, "held_by": ["A"]},
            "released": {"owner": "A"},
            "abandoned": {},
        }.items()
    },
    "pipe.sent": {"pipe": "rope", "end": "left", "item_id": 1, "item": 7},
    "pipe.send_waited": {"pipe": "rope", "end": "left", "waited": 0.3},
    "pipe.received": {"pipe": "rope", "end": "right", "item_id": 1, "item": 7, "waited": 0.2},
    "pipe.eof": {"pipe": "rope", "end": "right", "waited": 0.0},
    "pipe.broken": {"pipe": "rope", "end": "left", "call": "send", "error": "BrokenPipeError: gone", "item_id": 2},
    "pipe.polled": {"pipe": "rope", "end": "left", "ready": False, "waited": 0.5},
    "pipe.closed": {"pipe": "rope", "end": "left"},
    "pipe.left_over": {"pipe": "rope", "end": "right", "count": 2, "items": [7, 8]},
    "value.read": {"value": "hits", "content": 7},
    "value.written": {"value": "hits", "content": 8},
    "value.overwritten": {"value": "hits", "lost": 8, "writer": "A"},
    "value.final": {"value": "hits", "content": 9},
    "array.read": {"array": "row", "index": 2, "content": 7},
    "array.written": {"array": "row", "index": "0:2", "content": [1, 2]},
    "array.overwritten": {"array": "row", "index": 2, "lost": 8, "writer": "A"},
    "array.stripped": {"array": "row", "index": 2, "written": "a\0", "read": "a"},
    "process.exit_functions_missed": {"functions": ["clean_up"]},
    "array.final": {"array": "row", "content": [1, 2]},
    "shared_memory.created": {"memory": "board", "name": "mp-1", "size": 64},
    "shared_memory.attached": {"memory": "board", "name": "mp-1", "size": 64},
    "shared_memory.closed": {"memory": "board"},
    "shared_memory.unlinked": {"memory": "board"},
    "manager.started": {"manager": "SyncManager-1", "manager_pid": 7, "address": "127.0.0.1:5000"},
    "manager.lost": {"manager": "SyncManager-1", "manager_pid": 7, "exitcode": -9, "signal": "SIGKILL"},
    "manager.shut_down": {"manager": "SyncManager-1", "manager_pid": 7},
    "manager.called": {
        "object": "stock",
        "method": "pop",
        "arguments": ["pears"],
        "keywords": {},
        "result": 2,
        "error": None,
        "waited": 0.2,
    },
    "pool.created": {"pool": "crunch", "type": "Pool", "processes": 2},
    "pool.worker_started": {"pool": "crunch", "ppid": 10},
    "pool.worker_failed": {"pool": "crunch", "exception": "ValueError", "message": "boom"},
    "pool.worker_exited": {"pool": "crunch", "exitcode": 0, "signal": None, "tasks": 3},
    "pool.worker_lost": {"pool": "crunch", "exitcode": -9, "signal": "SIGKILL", "call": 1, "method": "map", "task": 2}
    | {"exception": None},
    "pool.thread_failed": {
        "pool": "crunch",
        "thread": "results",
        "doing": "unpickling",
        "exception": "TypeError",
        "message": "cannot be opened",
    },
    "pool.crash_loop": {"pool": "crunch", "workers": 12, "reason": "ValueError: boom"},
    "pool.called": {"pool": "crunch", "call": 1, "method": "map", "function": "square", "tasks": 3},
    "pool.task_started": {"pool": "crunch", "call": 1, "method": "map", "task": 2, "arguments": [7]},
    "pool.task_finished": {"pool": "crunch", "call": 1, "method": "map", "task": 2, "result": 49, "duration": 0.5},
    "pool.task_failed": {
        "pool": "crunch",
        "call": 1,
        "method": "map",
        "task": 2,
        "duration": 0.5,
        "exception": "ValueError",
        "message": "boom",
    },
    "pool.result": {"pool": "crunch", "call": 1, "method": "imap", "position": 0, "result": 49, "waited": 0.0},
    "pool.returned": {"pool": "crunch", "call": 1, "method": "map", "result": [49], "waited": 0.5},
    "pool.called_back": {
        "pool": "crunch",
        "call": 1,
        "method": "map_async",
        "keyword": "callback",
        "function": "announce",
        "argument": [49],
    },
    "pool.call_failed": {"pool": "crunch", "call": 1, "method": "map", "exception": "TimeoutError", "message": ""},
    "pool.closed": {"pool": "crunch"},
    "pool.terminated": {"pool": "crunch"},
    "pool.joined": {"pool": "crunch", "waited": 0.0},
    "pool.exception_not_retrieved": {
        "pool": "crunch",
        "call": 1,
        "method": "apply_async",
        "task": 0,
        "function": "square",
        "exception": "ValueError",
        "message": "boom",
        "calls": 3,
    },
    "pool.left_over": {
        "pool": "crunch",
        "call": 1,
        "method": "map_async",
        "tasks": 3,
        "given": 4,
        "terminated": "with",
    },
    "step.called": {"subject": "Worker 1", "method": "exitcode", "result": -15},
    "step.raised": {"subject": "tasks", "method": "get", "exception": "Empty", "message": ""},
    "event.set": {"flag": "go"},
    "event.cleared": {"flag": "go"},
    "event.is_set": {"flag": "go", "answer": False},
    "event.waiting": {"flag": "go"},
    "event.waited": {"flag": "go", "answer": True, "waited": 0.2},
    "event.abandoned": {"flag": "go", "reason": "it ended inside wait()"},
    "condition.waiting": {"condition": "door"},
    "condition.abandoned": {"condition": "door", "reason": "it ended inside wait()"},
    "condition.waited": {"condition": "door", "answer": False, "waited": 1.0},
    "condition.notified": {"condition": "door", "most": 1},
    "barrier.waiting": {"barrier": "line"},
    "barrier.passed": {"barrier": "line", "number": 0, "waited": 0.3},
    "barrier.broken": {"barrier": "line", "waited": 2.0},
    "barrier.aborted": {"barrier": "line"},
    "barrier.reset": {"barrier": "line"},
    "barrier.abandoned": {"barrier": "line", "reason": "it ended inside wait()"},
    "helper.lost": {
        "helper": "fork server",
        "helper_pid": 7,
        "exitcode": -9,
        "signal": "SIGKILL",
        "reason": "nobody knows exit codes",
    },
    "recording.incomplete": {"missing": "resources after the first 1,024"},
    "resource.made": {
        "resource": "tasks (crawl.py:12)",
        "type": "Queue",
        "variable": "tasks",
        "file": "/home/ada/crawl.py",
        "line": 12,
        "manager": False,
        "parameters": {"maxsize": 3},
    },
    "ipc.leaked": {"names": ["/psm_1"], "reason": "removed what was left"},
    "expectation.passed": {**_VERDICT, "because": None, "evidence": []},
    "expectation.failed": _VERDICT,
    "expectation.inconclusive": {**_VERDICT, "file": None, "line": None},
    "log.message": {"message": "hi", "logger": "app", "via": "logging", "source": "target", "fields": {"answer": 42}},
}

NAMES = tuple(_DEFAULTS)


_STATUSES = {
    "passed": 0,
    "failed": 1,
    "refused": 2,
    "stalled": 3,
    "timed_out": 3,
    "limit_exceeded": 3,
    "internal_error": 4,
    "interrupted": 130,
}
"""Outcome -> the exit status that it usually has."""


def event(name: str, process: str = "Worker 1", t: float = 0.0, **fields: Any) -> Event:
    """Return an event with all its fields."""
    if name.startswith(("scenario.", "expectation.")):
        process = "run-scenario"
    common = {
        "event": name,
        "level": "info",
        "timestamp": "2026-01-31T12:00:00.000000Z",
        "t": t,
        "seq": 1,
        "run": "3f2a",
        "scenario": "daemon",
        "process": process,
        "pid": 12,
        "n": 1,
    }
    made = {**common, **_DEFAULTS.get(name, {}), **fields}
    if name == "scenario.finished" and "exit_status" not in fields:
        made["exit_status"] = _STATUSES[made["outcome"]]
    return made


def blocked(process: str, operation: str, **fields: Any) -> BlockedOperation:
    """Return what a process is blocked in."""
    nothing = dict.fromkeys(("resource", "resource_type", "end", "on_process", "since"))
    return BlockedOperation(**{"process": process, "operation": operation, **nothing, **fields})
