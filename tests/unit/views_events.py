"""Events made by hand for the tests of the views; each is valid by the schema unless a test breaks it on purpose."""

from __future__ import annotations

from typing import Any

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
_DEFAULTS: dict[str, dict[str, Any]] = {
    "scenario.started": {
        "title": "A daemon",
        "file": "daemon.yaml",
        "digest": "sha256:" + "0" * 64,
        "version": "0.1.0",
        "python": "3.11.7",
        "platform": "Linux x86_64",
        "start_method": "fork",
        "cpus": 2,
        "pinned_to": None,
        "timeout": 10.0,
    },
    "scenario.stalled": {"reason": "nobody fills 'tasks' any more", "cause": "deadlock", "processes": [], "queues": []},
    "scenario.timed_out": {"timeout": 10.0},
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
    "process.joining": {"by": "MainProcess", "timeout": None},
    "process.joined": {"by": "MainProcess", "exitcode": 0, "waited": 2.0},
    "process.join_timed_out": {"by": "MainProcess", "timeout": 1.0, "waited": 1.0},
    "process.alive": {"by": "MainProcess", "alive": True},
    "process.terminating": {"by": "MainProcess", "reason": "the scenario says so"},
    "process.killing": {"by": "MainProcess", "reason": "the scenario says so"},
    "process.escalated": {"by": "run-scenario", "reason": "it ignores SIGTERM"},
    "process.orphaned": {"ppid": 10, "command": "sleep 60"},
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
    "queue.item_mutated": {"queue": "tasks", "item_id": 1, "put": [1], "got": [2]},
    "queue.items_lost": {"queue": "tasks", "count": 3},
    "queue.left_over": {"queue": "tasks", "count": 2, "items": [7, None], "pills": 1},
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
    "array.final": {"array": "row", "content": [1, 2]},
    "shared_memory.created": {"memory": "board", "name": "mp-1", "size": 64},
    "shared_memory.attached": {"memory": "board", "name": "mp-1", "size": 64},
    "shared_memory.closed": {"memory": "board"},
    "shared_memory.unlinked": {"memory": "board"},
    "manager.started": {"manager": "SyncManager-1", "manager_pid": 7, "address": "127.0.0.1:5000"},
    "manager.shut_down": {"manager": "SyncManager-1", "manager_pid": 7},
    "manager.called": {
        "object": "stock",
        "method": "pop",
        "arguments": ["pears"],
        "result": 2,
        "error": None,
        "waited": 0.2,
    },
    "event.set": {"flag": "go"},
    "event.cleared": {"flag": "go"},
    "event.is_set": {"flag": "go", "answer": False},
    "event.waiting": {"flag": "go"},
    "event.waited": {"flag": "go", "answer": True, "waited": 0.2},
    "condition.waiting": {"condition": "door"},
    "condition.waited": {"condition": "door", "answer": False, "waited": 1.0},
    "condition.notified": {"condition": "door", "most": 1},
    "barrier.waiting": {"barrier": "line"},
    "barrier.passed": {"barrier": "line", "number": 0, "waited": 0.3},
    "barrier.broken": {"barrier": "line", "waited": 2.0},
    "barrier.aborted": {"barrier": "line"},
    "barrier.reset": {"barrier": "line"},
    "ipc.leaked": {"names": ["/psm_1"], "reason": "removed what was left"},
    "log.message": {"message": "hi", "logger": "app", "via": "logging", "source": "target", "fields": {"answer": 42}},
}

NAMES = tuple(_DEFAULTS)


def event(name: str, process: str = "Worker 1", t: float = 0.0, **fields: Any) -> Event:
    """Return an event with all its fields."""
    if name.startswith("scenario."):
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
    return {**common, **_DEFAULTS.get(name, {}), **fields}
