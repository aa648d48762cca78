"""Data that YAML does not have: it arrives as what it is, wherever it travels, and own objects do their work."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from actors import data
from support import COMMAND, Result, run, scenario, search_path

import commands
from effort import in_part
from run_scenario import load
from run_scenario import run as run_in_python

Play = Callable[..., Result]

FORMS: list[tuple[Any, str]] = [
    ({"tuple": [1, {"tuple": []}]}, "(1, ())"),
    ({"set": [3, "a", {"tuple": [1]}][:1]}, "set[3]"),
    ({"set": []}, "set[]"),
    ({"dict": [[1, "a"], [{"tuple": [1, 2]}, {"bytes": "é"}]]}, "{1: 'a', (1, 2): b'\\xc3\\xa9'}"),
    ({"dict": [["tuple", [1]]]}, "{'tuple': [1]}"),
    ({"tuple": [1], "more": 2}, "{'tuple': [1], 'more': 2}"),
    ({"object": "chair", "price": 3}, "{'object': 'chair', 'price': 3}"),
    ({"hex": "00 ff"}, "b'\\x00\\xff'"),
    ({"date": "2026-01-31"}, "datetime.date(2026, 1, 31)"),
    ({"datetime": "2026-01-31T12:30+01:00"}, "datetime.datetime(2026, 1, 31, 12, 30, tzinfo="),
    ([{"a": {"tuple": [1]}}], "[{'a': (1,)}]"),
    ({"object": "actors.data:Task", "args": [4], "kwargs": {"factor": 5}}, "4 by 5"),
    ({"object": "actors.data:make", "args": [4]}, "4 by 10"),
]


def _expected(lines: list[str], prefix: str = "") -> None:
    """Compare what was printed with what each form stands for."""
    assert [prefix + text for _, text in FORMS] == [
        line[: len(prefix + text)] for line, (_, text) in zip(lines, FORMS, strict=True)
    ]


def test_wherever_data_travels(play: Play) -> None:
    """Arguments, items, what the main program puts and sends: each form is what it stands for."""
    forms = [form for form, _ in FORMS]
    result = play(
        scenario(
            {"name": "Args", "target": "actors.data:show", "args": forms},
            {"name": "Kwargs", "target": "actors.data:show", "kwargs": {f"k{n}": f for n, f in enumerate(forms)}},
            {"name": "Queue", "target": "actors.data:show_received", "from": "q", "kwargs": {"count": len(forms)}},
            {
                "name": "Pipe",
                "target": "actors.data:show_received",
                "from": {"inbox": "p.right"},
                "kwargs": {"count": len(forms)},
            },
            queues={"q": {}},
            pipes={"p": {}},
            main=[
                {"start": ["Args", "Kwargs", "Queue", "Pipe"]},
                *({"put": form, "to": "q"} for form in forms),
                *({"send": form, "to": "p.left"} for form in forms),
                {"join": ["Args", "Kwargs", "Queue", "Pipe"]},
            ],
        )
    )
    assert 0 == result.status, result.stderr
    _expected(result.log.output("Args"))
    _expected(result.log.output("Queue"))
    _expected(result.log.output("Pipe"))
    kwargs = result.log.output("Kwargs")
    assert len(FORMS) == len(kwargs)
    assert "('k0', (1, ()))" == kwargs[0]


def test_in_pools_and_shared_objects(play: Play) -> None:
    """Calls, initializers, and what shared objects hold in the beginning."""
    forms = [form for form, _ in FORMS]
    result = play(
        scenario(
            {"name": "Looks", "target": "actors.data:look", "uses": {"mapping": "stock", "numbers": "few"}},
            shared={
                "stock": {"type": "dict", "value": {"dict": [[1, {"tuple": [1, 2]}]]}},
                "few": {"type": "ShareableList", "value": [1, {"hex": "0a"}]},
            },
            pools={
                "pool": {
                    "processes": 1,
                    "initializer": "actors.data:remember",
                    "initargs": [{"object": "actors.data:Task", "args": [1]}, {"tuple": [1]}],
                    "calls": [
                        {"map": "actors.data:shown", "over": forms},
                        {"apply": "actors.data:show", "args": [{"tuple": [1]}], "kwargs": {"a": {"set": [1]}}},
                    ],
                }
            },
        )
    )
    assert 0 == result.status, result.stderr
    assert ["{1: (1, 2)} [1, b'\\n']"] == result.log.output("Looks")
    _expected(result.log.one("pool.returned", call=1)["result"])
    worker = result.log.one("pool.worker_started")["process"]
    assert ["initialized with 1 by 2 (1,)", "(1,)", "('a', {1})"] == result.log.output(worker)


def test_own_tasks_do_their_work(play: Play) -> None:
    """Items are the objects themselves, made by the main program; the consumer asks them to process themselves."""
    result = play(
        scenario(
            {"name": "Worker", "target": "consume", "from": "tasks", "to": "results"},
            queues={
                "tasks": {
                    "type": "JoinableQueue",
                    "items": [
                        {"object": "actors.data:Task", "args": [21]},
                        {"object": "actors.data:Callback", "args": [{"tuple": [1]}]},
                        {"call": "actors.data:shown", "args": [{"set": [2, 1]}]},
                    ],
                    "poison_pills": True,
                },
                "results": {"collect": 3},
            },
        )
    )
    assert 0 == result.status, result.stderr
    main = result.log.one("process.started", "MainProcess")["pid"]
    assert [
        f"actors.data.Task(number=21, factor=2, made_by={main})",
        "actors.data.Callback(parts='<tuple>')",
    ] == [event["item"] for event in result.log.all("queue.put", queue="tasks")][:2]
    assert [42, "called with ((1,),)", "set[1, 2]"] == [
        event["item"] for event in result.log.all("queue.get", queue="results")
    ]


def test_in_steps_it_is_made_each_time(play: Play) -> None:
    """With expressions in it; objects, calls and sets by the process that does the step, lines of files before."""
    result = play(
        scenario(
            {
                "name": "P",
                "steps": [
                    {
                        "for": "k",
                        "in": [1, 2],
                        "steps": [
                            {
                                "put": {
                                    "object": "actors.data:Task",
                                    "args": ["$k"],
                                    "kwargs": {"factor": "${k * 10}"},
                                },
                                "to": "q",
                            },
                            {"put": {"tuple": ["$name", {"set": ["$k"]}, {"dict": [[1, "$k"]]}]}, "to": "q"},
                        ],
                    },
                    {"put": {"call": "square", "args": ["${3 + 4}"]}, "to": "q"},
                    {"let": {"date": {"bytes": "a"}}},
                    {"put": "$date", "to": "q"},
                ],
            },
            {"name": "C", "target": "actors.data:show_received", "from": "q", "kwargs": {"count": 6}},
            queues={"q": {}},
        )
    )
    assert 0 == result.status, result.stderr
    assert ["1 by 10", "('P', {1}, {1: 1})", "2 by 20", "('P', {2}, {1: 2})", "square(7)", "b'a'"] == result.log.output(
        "C"
    )
    maker = result.log.one("process.started", "P")["pid"]
    assert f"actors.data.Task(number=1, factor=10, made_by={maker})" == result.log.all("queue.put")[0]["item"]


@pytest.mark.parametrize("item", [{"object": "actors.data:Nothing"}, {"object": "subprocess:Popen"}, {"file": "none"}])
def test_in_steps_it_is_checked_before(tmp_path: Path, item: Any) -> None:
    """What may not be made by a step, or is not there, is refused before anything is started."""
    text = scenario({"name": "P", "steps": [{"put": item, "to": "q"}]}, queues={"q": {"collect": 1}})
    result = run(tmp_path, text)
    assert (2, "refused") == (result.status, result.outcome)
    assert [] == result.log.all("process.starting")


def test_a_call_that_returns_a_task_is_no_answer(play: Play) -> None:
    """What was to be the object itself, and is a call that makes one, fails instead of doing nothing."""
    result = play(
        scenario(
            {"name": "Worker", "target": "consume", "from": "tasks"},
            queues={
                "tasks": {"type": "JoinableQueue", "items": [{"call": "actors.data:make", "args": [4]}], "join": False}
            },
        )
    )
    assert 1 == result.status
    message = result.log.one("process.failed", "Worker")["message"]
    assert "make(4) returned another task, a Task, which nobody asks to do its work" in message
    assert "write `object` instead of `call`" in message


REFUSED = [
    ({"object": "actors.data:Odd"}, "cannot make 'actors.data:Odd': LookupError: not today"),
    ({"set": [{"object": "actors.data:Unhashable"}]}, "cannot make a set: TypeError: unhashable type: 'Unhashable'"),
    ({"object": "actors.data:Task"}, "missing a required argument: 'number'"),
    ({"object": "actors.data:Tsk"}, "did you mean 'Task'?"),
    ({"object": "actors.data:os.getpid"}, "leads into os, which does not belong to a package you have allowed"),
    ({"object": "actors.data:Any"}, "does not belong to a package you have allowed"),
    ({"object": "subprocess:Popen", "args": ["true"]}, "'subprocess', which you have not allowed"),
    ({"call": "actors.data:Task", "args": [4]}, "write `{object: 'actors.data:Task'}`"),
    ({"file": "nothing.txt"}, "cannot read the file 'nothing.txt' in "),
    ({"file": "link.txt"}, "a link leads out of the scenario's folder"),
    ({"file": "folder"}, "it is no regular file"),
    ({"file": "fifo"}, "it is no regular file"),
    ({"file": "binary"}, "it is no UTF-8 at byte 1"),
    ({"file": "large"}, "it has more than 16,777,216 bytes"),
]


@pytest.mark.parametrize(("item", "why"), in_part(REFUSED, 3), ids=lambda value: str(value)[:40])
def test_what_cannot_be_made_is_refused(tmp_path: Path, item: Any, why: str) -> None:
    """Before anything is started, with its place; and nothing is made unless all of it may be."""
    (tmp_path / "link.txt").symlink_to("/etc/hostname")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "binary").write_bytes(b"a\xff")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(16 * 1024 * 1024 + 1)
    path = tmp_path / "refused.yaml"
    loud = {"object": "actors.data:Loud"}
    path.write_text(scenario({"target": "actors.data:show", "uses": {"q": "q"}}, queues={"q": {"items": [item, loud]}}))
    result = run(tmp_path, str(path))
    assert (2, "refused") == (result.status, result.outcome)
    assert why in result.stderr
    assert "refused.yaml:1:" in result.stderr
    assert [] == result.log.all("process.starting")
    if "Loud is made" in result.log.output("MainProcess"):
        assert "cannot make" in why


def test_the_lines_of_a_file(tmp_path: Path, method: str) -> None:
    """As items, as an argument, and what a pool goes over; the file is beside the scenario, wherever one stands."""
    (tmp_path / "words.txt").write_text("one\n\ndrei\u00e9\n", encoding="utf-8")
    path = tmp_path / "lines.yaml"
    words = {"file": "words.txt"}
    path.write_text(
        scenario(
            {"name": "Shows", "target": "actors.data:show", "args": [words]},
            queues={"q": {"items": words, "collect": 3}},
            pools={"pool": {"processes": 1, "calls": [{"imap": "actors.data:shown", "over": words, "timeout": 20}]}},
        )
    )
    result = run(tmp_path, str(path), "--start-method", method)
    assert 0 == result.status, result.stderr
    assert ["one", "", "drei\u00e9"] == [event["item"] for event in result.log.all("queue.get")]
    assert ["['one', '', 'drei\u00e9']"] == result.log.output("Shows")
    assert ["'one'", "''", "'drei\u00e9'"] == [event["result"] for event in result.log.all("pool.result")]


def test_the_script_makes_the_same(tmp_path: Path) -> None:
    """What `run-scenario python` writes prints what the scenario's processes print."""
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    forms = [*(form for form, _ in FORMS), {"file": "words.txt"}]
    path = tmp_path / "same.yaml"
    path.write_text(
        scenario(
            {"name": "Args", "target": "actors.data:show", "args": forms},
            {"name": "Worker", "target": "consume", "from": "tasks"},
            queues={
                "tasks": {
                    "type": "JoinableQueue",
                    "items": [
                        {"call": "actors.data:show", "args": [{"object": "actors.data:Task", "args": [1]}]},
                        {"object": "actors.data:Callback", "args": [{"date": "2026-01-31"}]},
                    ],
                    "poison_pills": True,
                },
            },
        )
    )
    result = run(tmp_path, str(path))
    assert 0 == result.status, result.stderr
    printed = sorted(result.log.output("Args") + result.log.output("Worker"))
    environment = {**os.environ, "PYTHONPATH": search_path()}
    made = commands.run([*COMMAND, "python", str(path)], capture_output=True, text=True, check=True)
    (tmp_path / "same.py").write_text(made.stdout)
    ran = subprocess.run(
        [sys.executable, "same.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    def without_addresses(lines: list[str]) -> list[str]:
        return sorted(line for line in lines if " object at 0x" not in line and "processing task: show(" not in line)

    assert without_addresses(printed) == without_addresses(ran.stdout.splitlines())


def test_the_plan_shows_what_is_made(tmp_path: Path) -> None:
    """Each form is written as Python writes it."""
    forms = [{"set": [2, 1]}, {"object": "pkg.tasks:Task", "args": [{"hex": "00"}], "kwargs": {"a": {"tuple": [1]}}}]
    path = tmp_path / "plan.yaml"
    path.write_text(
        scenario({"name": "W", "target": "pkg:f", "args": forms, "from": "q"}, queues={"q": {"items": forms}})
    )
    shown = commands.run([*COMMAND, "plan", str(path)], capture_output=True, text=True, check=True).stdout
    assert "args=({2, 1}, pkg.tasks.Task(b'\\x00', a=(1,)))" in shown
    assert "for item in [{2, 1}, pkg.tasks.Task(b'\\x00', a=(1,))]: q.put(item)" in shown


LISTED: dict[str, Any] = {
    "sync": {"gate": {"type": "Lock"}, "door": {"type": "Lock"}},
    "queues": {"x": {}, "y": {}},
    "pipes": {"p": {}},
}


def test_a_list_of_resources(play: Play, tmp_path: Path) -> None:
    """A parameter gets them in their order; each is recorded by its name; the script says the same."""
    text = scenario(
        {
            "name": "Transfer",
            "target": "actors.data:transfer",
            "uses": {"locks": ["gate", "door"], "ends": ["p.left", "p.right"]},
            "to": {"outboxes": ["x", "y"]},
        },
        {"name": "Gather", "target": "actors.data:gather", "from": {"inboxes": ["x", "y"]}},
        **LISTED,
    )
    result = play(text)
    assert 0 == result.status, result.stderr
    assert (["across"], ["[0, 1]"]) == (result.log.output("Transfer"), result.log.output("Gather"))
    assert ["gate", "door"] == [event["lock"] for event in result.log.all("lock.acquired", "Transfer")]
    assert [("x", 0), ("y", 1)] == [(event["queue"], event["item"]) for event in result.log.all("queue.put")]
    (tmp_path / "listed.yaml").write_text(text)
    made, plan = (
        subprocess.run(
            [sys.executable, "-m", "run_scenario", command, "listed.yaml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in ("python", "plan")
    )
    assert "kwargs={'outboxes': [x, y], 'locks': [gate, door], 'ends': [p_left, p_right]}" in plan
    (tmp_path / "listed.py").write_text(made)
    environment = {**os.environ, "PYTHONPATH": search_path()}
    ran = subprocess.run(
        [sys.executable, "listed.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert ["[0, 1]", "across"] == sorted(ran.stdout.splitlines())


class Kind(IntEnum):
    """Not plain data, although it looks like an int."""

    ONE = 1


class Pair(NamedTuple):
    """Not plain data, although it is a tuple."""

    left: int
    right: int


AS_IT_IS: list[Any] = [
    (1, (2,), []),
    {1: "a", (1, 2): {"b": (3,)}, None: b"\x00\xff"},
    {"tuple of": (1,), "set": "x", "b": [{2.5: True}]},
    set(),
    date(2026, 1, 31),
    datetime(2026, 1, 31, 12, 30, 1, 5, tzinfo=UTC),
    "line\u2028separator \x85 \ufeff \U0001f600 \t\n\x00 '\"",
    -0.0,
    1e16,
    2**63 - 1,
    [True, None, 1.0],
]


def test_in_python_data_arrives_as_it_is() -> None:
    """Arguments, items and values of a dictionary, whatever type they are of; elsewhere a tuple is a list."""
    result = run_in_python(
        {
            "queues": {"q": {"items": tuple(AS_IT_IS)}},
            "processes": (
                {"name": "Args", "target": data.show, "args": tuple(AS_IT_IS)},
                {"name": "Kwargs", "target": data.show, "kwargs": {"a": (1,), "b": {3, 1}}},
                {"name": "Items", "target": data.show_received, "from": {"inbox": "q"}, "kwargs": {"count": 11}},
                {"name": "Own", "target": data.show, "args": [{"object": data.Task, "args": (4,)}]},
            ),
            "expect": [{"exists": {"event": "queue.put", "item": [1, (2,), []]}}],
            "pools": {"p": {"processes": 1, "calls": [{"starmap": data.show, "over": [((1,), 2)]}]}},
        }
    )
    assert result.passed, f"{result} {result.stderr}"
    expected = [data.shown(value) for value in AS_IT_IS]
    assert expected == result.log.output("Args")
    assert expected == result.log.output("Items")
    assert ["('a', (1,))", "('b', {1, 3})"] == result.log.output("Kwargs")
    assert ["4 by 2"] == result.log.output("Own")
    worker = result.log.one("pool.worker_started")["process"]
    assert ["(1,)", "2"] == result.log.output(worker)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, Kind.ONE, Pair(1, 2), data.Task(1), data.show, frozenset(), bytearray(b"x"), range(3), 1 + 2j],
    ids=lambda value: type(value).__name__,
)
def test_in_python_what_cannot_arrive_is_refused(value: Any) -> None:
    """Wherever it stands in data: what is not written must not become something else."""
    for held in (value, [value], (value,), {"a": value}, {1: value}):
        for source in (
            {"processes": [{"target": "sleep", "args": [held]}]},
            {"processes": [{"target": data.show, "kwargs": {"a": held}}]},
            {"queues": {"q": {"items": [held]}}, "processes": [{"target": "sleep"}]},
            {"main": [{"put": held, "to": "q"}], "processes": [{"target": "sleep"}]},
        ):
            with pytest.raises(TypeError, match="scenario"):
                load(source)


def test_in_python_code_stands_where_it_is_named() -> None:
    """A function or class given is allowed thereby: as a target, as work, in a call, an initializer, an object."""
    result = run_in_python(
        {
            "queues": {
                "tasks": {
                    "type": "JoinableQueue",
                    "items": [{"call": data.shown, "args": ((1,),)}, {"object": data.Callback}, 5],
                    "poison_pills": True,
                },
                "results": {"collect": 3},
            },
            "processes": [
                {"target": "consume", "from": "tasks", "to": "results", "kwargs": {"work": data.shown}},
            ],
            "pools": {
                "p": {"processes": 1, "initializer": data.remember, "calls": [{"map": data.shown, "over": [(1,)]}]}
            },
        }
    )
    assert result.passed, f"{result} {result.stderr}"
    assert ["(1,)", data.shown(data.Callback())[:22], "5"] == [
        str(event["item"])[:22] for event in result.log.of("queue.get", queue="results")
    ]
