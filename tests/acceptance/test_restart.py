"""Processes that are started again after their end, as a supervisor does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import METHODS, Result, scenario

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)

TRIES = {"tries": {"type": "Value", "typecode": "i"}}
COUNT: list[dict[str, Any]] = [
    {"read": "tries", "as": "tried"},
    {"write": "${tried + 1}", "to": "tries"},
    {"print": "try $tried"},
]


def worker(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a process that counts how often it was started."""
    return {"name": "Worker", "steps": [*COUNT, *steps], **more}


@every_method
def test_until_it_succeeds(play: Play, method: str) -> None:
    """It is started again after each failure; only its last end counts."""
    failing = worker({"if": "${tried < 2}", "then": [{"exit": 3}]}, restart={"max": 5})
    expect = [{"exitcodes": {"Worker": 0}}]
    result = play(scenario(failing, shared=TRIES, start_method=method, expect=expect))
    log = result.log
    assert (0, ["try 0", "try 1", "try 2"]) == (result.status, log.output("Worker"))
    assert [(1, 5, 3), (2, 5, 3)] == [
        (e["attempt"], e["maximum"], e["exitcode"]) for e in log.all("process.restarting", "Worker")
    ]
    exits = log.all("process.exited", "Worker")
    assert [(3, True), (3, True), (0, True)] == [(e["exitcode"], e["allowed"]) for e in exits]
    assert exits[0]["reason"].endswith("; it is to be started again")
    assert 3 == len({e["pid"] for e in exits}) == len(log.all("process.starting", "Worker"))


@every_method
def test_not_for_ever(play: Play, method: str) -> None:
    """After so many restarts it is given up, and has failed."""
    failing = worker({"raise": "RuntimeError"}, restart={"when": "failure", "max": 2})
    result = play(scenario(failing, shared=TRIES, start_method=method))
    assert (1, 3) == (result.status, len(result.log.all("process.exited", "Worker")))
    assert [True, True, False] == [e["allowed"] for e in result.log.all("process.exited", "Worker")]
    assert 1 == len(result.log.one("scenario.finished")["reasons"])


def test_always(play: Play) -> None:
    """A proper end is followed by a start, too, if the file says so."""
    result = play(scenario(worker(restart={"when": "always", "max": 2}), shared=TRIES))
    assert (0, ["try 0", "try 1", "try 2"]) == (result.status, result.log.output("Worker"))
    assert [0, 0] == [e["exitcode"] for e in result.log.all("process.restarting")]


def test_one_that_is_killed(play: Play) -> None:
    """A signal is a failure like any other."""
    killed = {"name": "Worker", "target": "actors:die_once", "uses": {"tries": "tries"}, "restart": {"max": 1}}
    result = play(scenario(killed, shared=TRIES))
    assert 0 == result.status
    assert [-9, 0] == [e["exitcode"] for e in result.log.all("process.exited", "Worker")]


@every_method
def test_several_at_the_same_time(play: Play, method: str) -> None:
    """Each replica is started again for itself, while others run; items are worked off by whoever lives."""
    steps: list[dict[str, Any]] = [
        {
            "repeat": "forever",
            "steps": [
                {"get": "tasks", "as": "task"},
                {"if": "${task is None}", "then": ["break"]},
                {"put": "$task", "to": "results"},
                {"if": "${task % 2 == 0}", "then": [{"exit": 1}]},
            ],
        }
    ]
    workers = {"name": "Worker", "replicas": 2, "restart": {"max": 10}, "steps": steps}
    tasks = {"items": [1, 2, 3, 4, 5, 6], "poison_pills": 2}
    queues = {"tasks": tasks, "results": {"collect": 6}}
    result = play(scenario(workers, queues=queues, start_method=method))
    assert 0 == result.status
    assert [1, 2, 3, 4, 5, 6] == sorted(e["item"] for e in result.log.all("queue.get", "MainProcess"))
    assert 3 == len(result.log.all("process.restarting"))


def test_the_main_program_says_when(play: Play) -> None:
    """With steps of its own, it supervises where a step says so."""
    failing = worker({"if": "${tried < 1}", "then": [{"exit": 3}]}, restart={"max": 1})
    steps = [{"start": "Worker"}, {"supervise": "Worker"}, {"print": "for good"}]
    result = play(scenario(failing, shared=TRIES, main=steps))
    assert (0, ["for good"]) == (result.status, result.log.output("MainProcess"))
    assert 2 == len(result.log.all("process.exited", "Worker"))


@every_method
def test_a_process_supervises_its_own(play: Play, method: str) -> None:
    """Whoever starts a process starts it again."""
    child = worker({"if": "${tried < 2}", "then": [{"exit": 3}]}, restart={"max": 2, "delay": 0.01})
    result = play(
        scenario({"name": "Boss", "target": "print_info", "processes": [child]}, shared=TRIES, start_method=method)
    )
    assert 0 == result.status
    assert {"Boss"} == {e["by"] for e in result.log.all("process.restarting")}
    assert 3 == len(result.log.all("process.exited", "Worker"))


def test_a_pipe_stays_open_for_the_next(play: Play) -> None:
    """Who is started again still has its end; EOF comes when it has ended for good."""
    failing = worker(
        {"send": "$tried", "to": "line.right"}, {"if": "${tried < 1}", "then": [{"exit": 3}]}, restart={"max": 1}
    )
    steps: list[dict[str, Any]] = [
        {"recv": "line.left"},
        {"recv": "line.left"},
        {"recv": "line.left", "raises": "EOFError"},
    ]
    reader = {"name": "Reader", "steps": steps}
    result = play(scenario(failing, reader, shared=TRIES, pipes={"line": {"duplex": False}}))
    assert 0 == result.status
    assert [0, 1] == [e["item"] for e in result.log.all("pipe.received", "Reader")]
