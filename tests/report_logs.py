"""Logs made by hand for the tests of the report."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]

_BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)
CORPUS = (
    "</script><script>globalThis.hacked=1</script>",
    "<!--<script>globalThis.hacked=1//",
    "<img src=x onerror=globalThis.hacked=1>",
    "\"'><svg onload=globalThis.hacked=1>",
    "javascript:globalThis.hacked=1",
    "{{script}} ${globalThis.hacked=1} \\u003c/script>",
    "]]></textarea></title></style><base href=//example.invalid>",
    "\x1b[31mred\x07 \u202egnidaer\u202c \u2028 \u2029 \x00 \ud800 \ufeff",
    "__proto__",
    "constructor",
    "é" * 5_000,
)
"""Texts that a page could stumble over."""


def event(name: str, process: str, t: float, level: str = "info", **fields: Any) -> Event:
    """Return an event without its numbers."""
    return {"event": name, "level": level, "t": round(t, 6), "process": process, **fields}


def numbered(events: Iterable[Event]) -> list[Event]:
    """Return the events as a log has them."""
    seen: Counter[str] = Counter()
    pids: dict[str, int] = {}
    told = []
    for seq, each in enumerate(events, 1):
        process = each["process"]
        seen[process] += 1
        moment = (_BEGAN + timedelta(seconds=each["t"])).replace(tzinfo=None).isoformat(timespec="microseconds")
        common = {"timestamp": f"{moment}Z", "seq": seq, "run": "3f2a", "scenario": "made", "n": seen[process]}
        started = each["event"] != "process.starting"
        pid = pids.setdefault(process, 100 + len(pids)) if started else None
        told.append({**each, **common, "pid": pid})
    return told


def _begin(title: str) -> Event:
    return event(
        "scenario.started", "run-scenario", 0.0, title=title, file="made.yaml", digest="sha256:0", version="0.1.0",
        python="3.11.7", platform="Linux", start_method="fork", cpus=2, pinned_to=None, timeout=30.0, maxsize={},
        allowed=[],
    )  # fmt: skip


def _start(process: str, t: float) -> list[Event]:
    born = event(
        "process.starting", process, t, by="MainProcess", target="consume", worker="process", daemon=False, delay=0.0
    )
    runs = event(
        "process.started", process, t + 0.002, worker="process", ppid=2, parent="MainProcess", daemon=False,
        start_method="fork",
    )  # fmt: skip
    return [born, runs]


def _exit(process: str, t: float, **fields: Any) -> Event:
    usual = {
        "worker": "process", "exitcode": 0, "cause": "returned", "signal": None, "by": None, "allowed": True,
        "reason": "its target returned", "duration": 0.1, "cpu_user": 0.01, "cpu_system": 0.0, "max_rss": 9_000_000,
        "voluntary_switches": 1, "involuntary_switches": 0,
    }  # fmt: skip
    return event("process.exited", process, t, **{**usual, **fields})


def _main() -> Event:
    return event(
        "process.started", "MainProcess", 0.01, worker="process", ppid=1, parent=None, daemon=False, start_method=None
    )


def stalled_consumers() -> list[Event]:
    """Return the log of the trap: both consumers find the queue empty and leave, the main program waits for ever."""
    events = [_begin("Consumers that stop when the queue is empty"), _main()]
    for number, t in ((1, 0.02), (2, 0.03)):
        name = f"Consumer-{number}"
        events += _start(name, t)
        events.append(event("queue.empty", name, t + 0.003, "debug", queue="tasks", empty=True, call="empty"))
        events.append(event("process.finished", name, t + 0.004, duration=0.001))
        events.append(_exit(name, t + 0.006))
    for number in (1, 2, 3):
        put = event("queue.put", "MainProcess", 0.04 + number / 1e4, "debug", queue="tasks", item_id=number)
        events.append({**put, "item": number * 10, "waited": 0.0})
    events.append(event("queue.joining", "MainProcess", 0.041, "debug", queue="tasks"))
    waits = "task_done() for every item of queue 'tasks'"
    stuck = {
        "process": "MainProcess", "operation": "join_queue", "resource": "tasks", "resource_type": "JoinableQueue",
        "end": None, "pid": 101, "state": "waiting", "waiting_for": waits, "queue": "tasks", "on_process": None,
        "since": 0.041, "seconds": 0.5, "stack": [],
    }  # fmt: skip
    queue = {"queue": "tasks", "type": "JoinableQueue", "put": 3, "got": 0, "left": 3, "unfinished": 3}
    reason = "the main program waits in tasks.join() for ever"
    events.append(
        event(
            "scenario.stalled",
            "run-scenario",
            0.55,
            "error",
            reason=reason,
            cause="deadlock",
            processes=[stuck],
            queues=[queue],
        )
    )
    swept = {"exitcode": -15, "cause": "stopped_by_runner", "signal": "SIGTERM", "by": "run-scenario", "allowed": False}
    events.append(_exit("MainProcess", 0.56, **swept))
    events.append(
        event("queue.left_over", "MainProcess", 0.561, "warning", queue="tasks", count=3, items=[10, 20, 30], pills=0)
    )
    events.append(_finish(0.562, "stalled", [reason]))
    return numbered(events)


def _finish(t: float, outcome: str, reasons: list[str]) -> Event:
    return event(
        "scenario.finished", "run-scenario", t, outcome=outcome, exit_status=3, duration=t, counts={"events": 1},
        reasons=reasons,
    )  # fmt: skip


def hostile() -> tuple[list[Event], tuple[str, ...]]:
    """Return a log whose names, items and outputs are texts that a page could stumble over; and those texts."""
    events = [_begin(CORPUS[0]), _main()]
    for number, text in enumerate(CORPUS):
        t = 0.1 + number / 100
        events += _start(text, t)
        events.append(event("process.output", text, t + 0.003, stream="stdout", text=text, via="print"))
        events.append(event("queue.put", text, t + 0.004, queue=text, item_id=1, item={text: [text]}, waited=0.0))
        events.append(event("queue.get", "MainProcess", t + 0.005, queue=text, item_id=1, item=text, waited=0.0))
        events.append(event("lock.acquired", text, t + 0.006, lock="lock " + text, waited=0.0))
        events.append(event(text, text, t + 0.007, **{text: text}))
        events.append(_exit(text, t + 0.008, reason=text, signal=text))
    events.append(_finish(0.9, "failed", list(CORPUS)))
    return numbered(events), CORPUS


def long_log(length: int) -> list[Event]:
    """Return a log of that many events: one process puts, four take."""
    chance = random.Random(length)
    events = [_begin("Long"), _main()]
    for number in range(4):
        events += _start(f"Worker-{number}", 0.02 + number / 1e3)
    t, put, got = 0.03, 0, 0
    while len(events) < length - 1:
        t += chance.random() / 1e4
        if got == put or chance.random() < 0.5:
            put += 1
            events.append(
                event("queue.put", "MainProcess", t, "debug", queue="tasks", item_id=put, item=put, waited=0.0)
            )
        else:
            got += 1
            name = f"Worker-{chance.randrange(4)}"
            events.append(event("queue.get", name, t, "debug", queue="tasks", item_id=got, item=got, waited=1e-5))
    events.append(_finish(t, "passed", []))
    return numbered(events)
