"""The steps of `main:` are done in their order, with what each call would do in a script."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Result, scenario

from run_scenario import bundled
from run_scenario.loader.reading.steps import BESIDE
from run_scenario.scenario.steps import VERBS

Play = Callable[..., Result]

WORKER = {"name": "W", "target": "print_info"}


def test_the_schema_knows_every_verb() -> None:
    """The schema and the table name the same verbs, with the same words, and nothing but what stands beside them."""
    properties = json.loads(bundled.schema_text("scenario"))["$defs"]["stepMapping"]["properties"]
    assert {*VERBS, *BESIDE} == set(properties)
    assert all(properties[name]["description"].startswith(verb.help) for name, verb in VERBS.items())
    assert {option for verb in VERBS.values() for option in verb.options} <= set(properties)


def test_steps_replace_the_derived_ones(play: Play) -> None:
    """Nothing is started, put or joined but what the steps say; what is left is joined at the end, as in a script."""
    other = {"name": "O", "target": "print_info"}
    result = play(scenario(WORKER, other, main=[{"print": "before"}, {"start": "O"}, {"print": "after"}]))
    assert 0 == result.status
    assert ["O"] == [e["process"] for e in result.log.all("process.starting")]
    assert ["before", "after"] == result.log.output("MainProcess")
    done = result.log.one("process.finished", "MainProcess")["seq"]
    assert [] == [e for e in result.log.all("process.joining") if e["seq"] < done]


def test_the_life_of_a_process(play: Play) -> None:
    """Each question about a process is answered as it is in a script at that place."""
    steps: list[dict[str, Any]] = [
        {"is_alive": "W"},
        {"exitcode": "W"},
        {"join": "W", "raises": "AssertionError"},
        {"terminate": "W", "raises": "AttributeError"},
        {"start": "W"},
        {"start": "W", "raises": "AssertionError"},
        {"is_alive": "W"},
        {"close": "W", "raises": "ValueError"},
        {"join": "W", "timeout": 0.01},
        {"kill": "W"},
        {"join": "W"},
        {"is_alive": "W"},
        {"exitcode": "W"},
        {"close": "W"},
        {"is_alive": "W", "raises": "ValueError"},
    ]
    result = play(scenario({"name": "W", "target": "hang", "exitcode": -9}, main=steps))
    assert (0, [False, True, False]) == (result.status, [e["alive"] for e in result.log.all("process.alive")])
    assert [None, -9] == [e["result"] for e in result.log.all("step.called", method="exitcode")]
    raised = [(e["method"], e["exception"]) for e in result.log.all("step.raised")]
    assert [
        *(("join", "AssertionError"), ("terminate", "AttributeError"), ("start", "AssertionError")),
        *(("close", "ValueError"), ("is_alive", "ValueError")),
    ] == raised
    assert "killed" == result.log.one("process.exited", "W")["cause"]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="Process.interrupt() is there from Python 3.14 on")
@pytest.mark.parametrize(("exitcode", "status"), [({}, 0), ({"exitcode": 0}, 1)])
def test_a_process_is_interrupted(play: Play, exitcode: dict[str, int], status: int) -> None:
    """KeyboardInterrupt is raised in it, and it ends with 1, as is right unless the scenario says otherwise."""
    steps = [{"start": "W"}, {"wait": "up"}, {"interrupt": "W"}, {"join": "W"}]
    worker = {"name": "W", "target": "with_cleanup", "kwargs": {"seconds": 30}, "uses": {"ready": "up"}, **exitcode}
    result = play(scenario(worker, sync={"up": {"type": "Event"}}, main=steps))
    assert status == result.status
    assert "MainProcess" == result.log.one("process.interrupting", "W")["by"]
    assert "KeyboardInterrupt" == result.log.one("process.failed", "W")["exception"]
    exited = result.log.one("process.exited", "W")
    assert (1, "interrupted", "SIGINT", "MainProcess") == tuple(
        exited[key] for key in ("exitcode", "cause", "signal", "by")
    )
    assert "MainProcess called interrupt(), which sends SIGINT" in exited["reason"]


def test_an_unexpected_exception_ends_the_main_program(play: Play) -> None:
    """As in a script: exit code 1, the traceback on standard error, the rest is not done."""
    steps = [{"get_nowait": "tasks"}, {"print": "never"}]
    result = play(scenario(WORKER, queues={"tasks": {}}, main=steps))
    assert (1, []) == (result.status, result.log.output("MainProcess", "stdout"))
    assert "Empty" == result.log.one("process.failed", "MainProcess")["exception"]
    result = play(scenario(WORKER, queues={"tasks": {}}, main=[{"get_nowait": "tasks", "raises": "Full"}]))
    assert (1, []) == (result.status, result.log.all("step.raised"))


def test_queues(play: Play) -> None:
    """Items of any kind are put and got; what blocks has its timeout."""
    steps: list[dict[str, Any]] = [
        {"put": {"a": [1, None]}, "to": "tasks"},
        {"put_nowait": 5, "to": "tasks", "raises": "Full"},
        {"put": 5, "to": "tasks", "timeout": 0.01, "raises": "Full"},
        {"full": "tasks"},
        {"qsize": "tasks"},
        {"get": "tasks"},
        {"task_done": "tasks"},
        {"task_done": "tasks", "raises": "ValueError"},
        {"join_queue": "tasks"},
        {"get": "tasks", "block": False, "raises": "Empty"},
        {"get": "tasks", "timeout": 0.01, "raises": "Empty"},
        {"empty": "tasks"},
        {"put": 1, "to": "simple"},
        {"get": "simple"},
        {"close": "simple"},
        {"close": "tasks"},
        {"join_thread": "tasks"},
    ]
    queues = {"tasks": {"type": "JoinableQueue", "maxsize": 1}, "simple": {"type": "SimpleQueue"}}
    result = play(scenario(WORKER, queues=queues, main=steps))
    assert 0 == result.status
    assert [{"a": [1, None]}, 1] == [e["item"] for e in result.log.all("queue.get")]
    assert [1] == [e["result"] for e in result.log.all("step.called", method="qsize")]
    assert ["Full", "Full", "ValueError", "Empty", "Empty"] == [e["exception"] for e in result.log.all("step.raised")]


def test_locks_and_their_kin(play: Play) -> None:
    """Every verb of the section `sync` does what the method of the same name does."""
    steps: list[dict[str, Any]] = [
        {"acquire": "gate"},
        {"acquire": "gate", "block": False},
        {"acquire": "gate", "timeout": 0.01},
        {"release": "gate"},
        {"release": "gate", "raises": "ValueError"},
        {"wait": "go", "timeout": 0.01},
        {"set": "go"},
        {"is_set": "go"},
        {"wait": "go"},
        {"clear": "go"},
        {"notify": "door", "raises": "AssertionError"},
        {"acquire": "door"},
        {"notify": "door", "n": 2},
        {"notify_all": "door"},
        {"wait": "door", "timeout": 0.01},
        {"release": "door"},
        {"wait": "line"},
        {"abort": "line"},
        {"wait": "line", "raises": "BrokenBarrierError"},
        {"reset": "line"},
        {"wait": "line"},
    ]
    objects = {
        "gate": {"type": "Lock"},
        "go": {"type": "Event"},
        "door": {"type": "Condition"},
        "line": {"type": "Barrier", "parties": 1},
    }
    result = play(scenario(WORKER, sync=objects, main=steps))
    assert 0 == result.status
    assert 2 == len(result.log.all("lock.not_acquired", lock="gate"))
    assert [False, True] == [e["answer"] for e in result.log.all("event.waited")]
    assert 2 == len(result.log.all("barrier.passed"))
    assert ["ValueError", "AssertionError", "BrokenBarrierError"] == [
        e["exception"] for e in result.log.all("step.raised")
    ]


def test_pipes_values_and_pools(play: Play) -> None:
    """The main program may have an end of a pipe, read and write values, and use a pool when it wants."""
    steps: list[dict[str, Any]] = [
        {"write": 7, "to": "hits"},
        {"read": "hits"},
        {"start": "P"},
        {"send": 1, "to": "rope.left"},
        {"poll": "rope.left", "timeout": 10},
        {"recv": "rope.left"},
        {"close": "rope.left"},
        {"send": 2, "to": "rope.left", "raises": "OSError"},
        {"use": "crunch"},
        {"active_children": True},
        {"cpu_count": True},
        {"join": "P"},
    ]
    text = scenario(
        {"name": "P", "target": "pong", "uses": {"connection": "rope.right"}},
        pipes={"rope": {}},
        shared={"hits": {"type": "Value", "typecode": "i"}},
        pools={"crunch": {"processes": 1, "calls": [{"map": "square", "over": [3]}]}},
        main=steps,
    )
    result = play(text)
    assert (0, 7) == (result.status, result.log.one("value.final")["content"])
    assert "pong 1" == result.log.one("pipe.received", "MainProcess")["item"]
    assert [9] == result.log.one("pool.returned")["result"]
    assert {"active_children", "cpu_count"} == {e["method"] for e in result.log.all("step.called")}
    assert "P has nobody left to play with" == result.log.output("P")[-1]


POOLS = {
    "crunch": {
        "processes": 1,
        "calls": [
            {"map_async": "square", "over": [1, 2]},
            {"apply_async": "square", "args": [7]},
            {"apply_async": "square", "args": [8], "raises": "ValueError"},
        ],
    },
    "other": {"type": "executor", "processes": 1, "calls": [{"submit": "square", "args": [4]}]},
}
POOL_STEPS: list[dict[str, Any]] = [
    {"create": ["crunch", "other"]},
    {"next_call": ["crunch", "other"]},
    {"start": "P"},
    {"join": "crunch", "raises": "ValueError"},
    {"next_call": "crunch"},
    {"join": "P"},
    {"result": ["other", "crunch", "crunch"]},
    {"close": "crunch"},
    {"next_call": "crunch"},
    {"join": "crunch"},
    {"shutdown": "other"},
]


def test_pools_step_by_step(play: Play) -> None:
    """Two pools are created, called, asked and ended when the main program wants it; the plain script does the same."""
    result = play(scenario({"name": "P", "target": "print_info"}, pools=POOLS, main=POOL_STEPS))
    log = result.log
    assert (0, "") == (result.status, result.stderr)
    returned = [(e["pool"], e["result"]) for e in log.all("pool.returned")]
    assert [("other", 16), ("crunch", [1, 4]), ("crunch", 49)] == returned
    joined = log.one("process.joined", "P")["seq"]
    assert all(joined < e["seq"] for e in log.all("pool.returned"))
    assert (
        max(e["seq"] for e in log.all("pool.called", pool="crunch", call=1)) < log.one("process.starting", "P")["seq"]
    )
    assert "ValueError" == log.one("step.raised")["exception"]
    assert ("ValueError", "Pool not running") == tuple(
        log.one("pool.call_failed")[key] for key in ("exception", "message")
    )
    assert {"crunch", "other"} == {e["pool"] for e in log.all("pool.joined")}


def test_calls_on_pools_in_blocks(play: Play) -> None:
    """Their results have names, and are arguments of later calls; a loop makes its call in each turn."""
    path = Path(__file__).parents[1] / "examples" / "python" / "pools-in-blocks.yaml"
    result = play(str(path))
    log = result.log
    assert (0, "") == (result.status, result.stderr)
    total = "9 [81, 100] 513 None [513, 4] [6561, 10000] 8"
    assert ["nothing is left", total, "1 [1, 1]", "4 [16, 1]"] == log.output("MainProcess")
    assert [[[9], [10]], [[1, 9], [2, 9]]] == [
        sorted(e["arguments"] for e in log.all("pool.task_started", pool="crunch", call=call)) for call in (2, 3)
    ]
    assert 2 == len(log.all("pool.created", pool="brief")) == len(log.all("pool.joined", pool="brief"))


def test_processes_are_started_in_blocks(play: Play) -> None:
    """Ends of pipes stay open in the main program until the block has started who uses them; then EOF arrives."""
    ends: list[dict[str, Any]] = [
        {
            "try": [{"repeat": "forever", "steps": [{"recv": "line-$i.left", "as": "x"}, {"print": "$x"}]}],
            "except": {"EOFError": [{"print": "no more"}]},
        },
    ]
    steps: list[dict[str, Any]] = [
        {
            "for": "n",
            "in": [1, 2],
            "steps": [{"start": "A-$n"}, {"send": "$n", "to": "line-${n}.right"}, {"close": "line-${n}.right"}],
        },
        {"join": "A"},
    ]
    result = play(
        scenario(
            {"name": "A", "replicas": 2, "steps": ends}, pipes={"line": {"replicas": 2, "duplex": False}}, main=steps
        )
    )
    assert (0, "") == (result.status, result.stderr)
    assert [["1", "no more"], ["2", "no more"]] == [result.log.output(f"A-{n}") for n in (1, 2)]


def test_a_pool_is_terminated(play: Play) -> None:
    """A step may stop a pool in the middle of its work; without any, the end of the main program does so."""
    calls = [{"apply_async": "sleep_for", "args": [600]}, {"apply": "square", "args": [3]}]
    pools = {"crunch": {"processes": 2, "calls": calls}}
    # Tasks are taken in order: when the second is done, a worker has the first.
    steps: list[dict[str, Any]] = [{"create": "crunch"}, {"next_call": ["crunch", "crunch"]}]
    text = {"version": 1, "timeout": 30, "pools": pools}
    orderly = play(json.dumps({**text, "main": [*steps, {"terminate": "crunch"}, {"join": "crunch"}]}))
    assert (0, "") == (orderly.status, orderly.stderr)
    assert orderly.log.one("pool.terminated")["seq"] < orderly.log.one("pool.joined")["seq"]
    assert "SIGTERM" in [e["signal"] for e in orderly.log.all("pool.worker_exited")]
    left = play(json.dumps({**text, "main": steps}))
    assert 0 == left.status
    assert "pool 'crunch' is never closed" in left.stderr
    assert "SIGTERM" in [e["signal"] for e in left.log.all("pool.worker_exited")]
    exited = left.log.one("process.exited", "MainProcess")["seq"]
    assert all(e["seq"] < exited for e in left.log.all("pool.worker_exited"))


def test_replicas_are_meant_together(play: Play) -> None:
    """The name of replicas stands for all of them, in their order; a list of names for each."""
    result = play(
        scenario({**WORKER, "replicas": 3}, main=[{"start": ["W-3", "W-1"]}, {"start": "W-2"}, {"join": "W"}])
    )
    assert ["W-3", "W-1", "W-2"] == [e["process"] for e in result.log.all("process.starting")]
    assert ["W-1", "W-2", "W-3"] == [e["process"] for e in result.log.all("process.joined")]


def test_a_hang_of_the_main_program_is_explained(play: Play) -> None:
    """The steps wait as other calls do: a deadlock with the main program in it is recognised."""
    steps = [{"acquire": "gate"}, {"start": "C"}, {"join": "C"}, {"release": "gate"}]
    child = {"name": "C", "target": "hold_lock", "uses": {"lock": "gate"}}
    result = play(scenario(child, sync={"gate": {"type": "Lock"}}, main=steps))
    assert (3, "deadlock") == (result.status, result.log.one("scenario.stalled")["cause"])


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGABRT", "SIGUSR1"])
def test_a_process_sends_a_signal_to_itself(play: Play, name: str) -> None:
    """It is recorded before it is sent, and explains the end, which the scenario has to allow."""
    steps: list[dict[str, Any]] = [{"print": "before"}, {"raise_signal": name}, {"print": "after"}]
    number = signal.Signals[name]
    result = play(scenario({"name": "P", "steps": steps, "exitcode": -number}))
    exited = result.log.one("process.exited", "P")
    assert (0, ["before"]) == (result.status, result.log.output("P"))
    assert (-number, "signal", name, "P") == tuple(exited[key] for key in ("exitcode", "cause", "signal", "by"))
    assert f"it sent {name} to itself by raise_signal()" == exited["reason"]
    assert exited["seq"] > result.log.one("process.raising_signal", "P", signal=name)["seq"]
    assert 1 == play(scenario({"name": "P", "steps": steps})).status


def test_a_signal_to_itself_that_is_handled(play: Play) -> None:
    """SIGINT is a KeyboardInterrupt, in the main program as well."""
    interrupted: list[dict[str, Any]] = [
        {"try": [{"raise_signal": "SIGINT"}], "except": {"KeyboardInterrupt": [{"print": "interrupted"}]}}
    ]
    result = play(scenario({"name": "P", "steps": interrupted}, main=[*interrupted, {"start": "P"}, {"join": "P"}]))
    assert (0, "") == (result.status, result.stderr)
    assert [["interrupted"], ["interrupted"]] == [result.log.output(name) for name in ("MainProcess", "P")]


@pytest.mark.parametrize("step", [{"join": "W"}, {"start": "X"}, {"set": "W"}, {"strat": "W"}])
def test_impossible_steps_are_refused_before_the_run(play: Play, step: dict[str, Any]) -> None:
    """Nothing runs if a step cannot be done."""
    result = play(scenario(WORKER, main=[step]))
    assert (2, []) == (result.status, result.log.events)
    assert "error" in result.stderr
