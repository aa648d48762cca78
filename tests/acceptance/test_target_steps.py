"""The steps that `targets NAME` shows do what the target does: the same events, in the same order."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from support import Event, run

from effort import in_part
from run_scenario import targets

QUEUE, JOINABLE = {"queues": {"inbox": {}}}, {"queues": {"inbox": {"type": "JoinableQueue"}}}
LOCK = {"sync": {"lock": {"type": "Lock"}}}
PIPE: dict[str, Any] = {"pipes": {"rope": {}}}
VALUE = {"shared": {"counter": {"type": "Value", "typecode": "i", "value": 0}}}
START: list[Any] = [{"start": "It"}]
JOIN: list[Any] = [{"join": "It"}]


ASK = {"empty": "inbox", "as": "nothing_there"}
UNTIL_IT_IS_THERE: list[Any] = [ASK, {"while": "$nothing_there", "steps": [ASK]}]
"""A put hands an item to a thread, which writes it a little later."""


def put(*items: Any, to: str = "inbox") -> list[Any]:
    """Return the steps that put items on a queue."""
    return [{"put": item, "to": to} for item in items]


def send(*items: Any) -> list[Any]:
    """Return the steps that send items to the process."""
    return [{"send": item, "to": "rope.left"} for item in items]


SETTINGS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "produce": ({"queues": {"outbox": {}}}, [*START, {"repeat": 10, "steps": [{"get": "outbox"}]}]),
    "consume": (JOINABLE, [*START, *put("a", [1], None), {"join_queue": "inbox"}]),
    "consume_until_empty": (JOINABLE, [*put("a"), *UNTIL_IT_IS_THERE, *START, {"join_queue": "inbox"}]),
    "consume_until_timeout": (QUEUE, [*put("a", 2), *START]),
    "relay": ({"queues": {"inbox": {}, "outbox": {}}}, [*START, *put(1, "b", None), *[{"get": "outbox"}] * 3]),
    "reply": ({"queues": {"inbox": {}, "outbox": {}}}, [*START, *put("question"), {"get": "outbox"}]),
    "hold_lock": (LOCK, START),
    "hold_lock_twice": ({"sync": {"lock": {"type": "RLock"}}}, START),
    "hold_two_locks": ({"sync": {"first": {"type": "Lock"}, "second": {"type": "Lock"}}}, START),
    "use_slot": ({"sync": {"semaphore": {"type": "Semaphore", "value": 2}}}, START),
    "wait_for_event": ({"sync": {"event": {"type": "Event"}}}, [*START, {"set": "event"}]),
    "set_event": ({"sync": {"event": {"type": "Event"}}}, [*START, {"wait": "event"}]),
    "wait_for_notice": (
        {"sync": {"condition": {"type": "Condition"}}},
        [
            {"let": {"over": False}},
            *START,
            {
                "while": "${not over}",
                "steps": [
                    {"with": "condition", "steps": [{"notify_all": "condition"}]},
                    {"join": "It", "timeout": 0.05},
                    {"is_alive": "It", "as": "alive"},
                    {"let": {"over": "${not alive}"}},
                ],
            },
        ],
    ),
    "notify": ({"sync": {"condition": {"type": "Condition"}}}, START),
    "meet": ({"sync": {"barrier": {"type": "Barrier", "parties": 2}}}, [*START, {"wait": "barrier"}]),
    "count_down": ({}, START),
    "sleep": ({}, START),
    "receive_until_eof": (PIPE, [*START, *send(1, 2), {"close": "rope.left"}]),
    "receive": (PIPE, [*START, *send(1)]),
    "ping": (PIPE, [*START, *[{"recv": "rope.left"}, *send("pong")] * 3]),
    "pong": (PIPE, [*START, *[*send(1), {"recv": "rope.left"}] * 2, {"close": "rope.left"}]),
    "poll": (PIPE, [*send(1), *START]),
    "fail": ({}, START),
    "exit": ({}, START),
    "increment": (VALUE, START),
    "increment_with_lock": (VALUE, START),
}
"""Target -> the resources that it gets, and what the main program does until it waits for the target's end."""

CONNECTION = "rope.right"
SAID = ("event", "stream", "text", "queue", "pipe", "end", "item", "content", "lock", "semaphore", "flag", "condition")
SAID += ("barrier", "value", "answer", "ready", "empty", "call", "exitcode", "cause", "exception", "message")


def events_of(folder: Path, process: str, name: str) -> list[dict[str, Any]]:
    """Return what a process called It does, in a setting for a target: what its events say that no clock decides."""
    resources, main = SETTINGS[name]
    sections = [f"{key}: {json.dumps(value)}" for key, value in {**resources, "main": [*main, *JOIN]}.items()]
    text = "\n".join(["version: 1", "timeout: 30", *sections, "processes:", textwrap.indent(process, "  ")])
    (folder / "setting.yaml").write_text(text, encoding="utf-8")
    result = run(folder, "setting.yaml", cwd=folder)
    return [said(event) for event in result.log.events if event["process"] == "It" and is_its_own(event)]


def is_its_own(event: Event) -> bool:
    """Return whether an event is of what the process does, and no matter of who is sooner."""
    return (
        event["event"] not in ("process.joining", "process.joined", "process.join_timed_out", "process.alive")
        and not event["event"].endswith(("waiting", "_waited"))
        and event.get("stream") != "stderr"
    )


def said(event: Event) -> dict[str, Any]:
    """Return the part of an event that is the same in each run."""
    return {key: event[key] for key in SAID if key in event}


def bound(name: str) -> str:
    """Return the keys by which a target gets the resources of its setting."""
    target = targets.find(name)
    assert target is not None
    lines: dict[str, list[str]] = {}
    for parameter in target.parameters:
        if parameter.is_resource and parameter.required:
            resource = CONNECTION if parameter.name == "connection" else parameter.name
            lines.setdefault(parameter.direction or "uses", []).append(f"{parameter.name}: {resource}")
    return "".join(f"  {key}: {{{', '.join(pairs)}}}\n" for key, pairs in lines.items())


WITH_STEPS = [name for name in targets.names() if (target := targets.find(name)) and target.steps]


def test_every_target_with_steps_is_tested() -> None:
    """None is left out."""
    assert sorted(SETTINGS) == sorted(WITH_STEPS)


@pytest.mark.parametrize("name", in_part(WITH_STEPS, 6))
def test_the_steps_do_what_the_target_does(name: str, tmp_path: Path) -> None:
    """Its events are the same, one by one: what it prints, gets, puts, holds, and how it ends."""
    target = targets.find(name)
    assert target is not None
    steps = target.steps.replace("connection", CONNECTION)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    by_target = events_of(tmp_path / "a", f"- name: It\n  target: {name}\n{bound(name)}", name)
    by_steps = events_of(tmp_path / "b", f"- name: It\n  steps:\n{textwrap.indent(steps, '    ')}", name)
    assert len(by_target) > 3
    assert by_target == by_steps
