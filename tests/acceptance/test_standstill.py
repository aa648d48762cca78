"""Every run ends: a standstill is recognised and explained, what may still move is left alone, the deadline holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import METHODS, Result, Running, run, scenario

Play = Callable[..., Result]


def consumer(queue: str, **more: Any) -> dict[str, Any]:
    """Return a process that takes from a queue for ever and never calls task_done()."""
    return {"name": "C", "target": "consume", "from": queue, "kwargs": {"task_done": False}, **more}


DEADLOCKS: dict[str, tuple[str, list[str], dict[str, str | None]]] = {
    "nobody ever puts": (
        scenario(consumer("q"), queues={"q": {}}),
        ["C waits for ever for an item from queue 'q'", "nobody ever put one"],
        {"C": "q", "MainProcess": None},
    ),
    "one item too few": (
        scenario(consumer("q"), queues={"q": {"items": [1, 2]}}),
        ["C waits for ever for an item from queue 'q'", "all 2 items put are taken"],
        {"C": "q", "MainProcess": None},
    ),
    "the main program collects too much": (
        scenario(
            {"name": "P", "target": "produce", "to": "q", "kwargs": {"count": 2}, "join": False},
            queues={"q": {"collect": 3}},
        ),
        ["the main program waits for ever for an item from queue 'q'"],
        {"MainProcess": "q"},
    ),
    "task_done() is never called": (
        scenario(consumer("q"), queues={"q": {"type": "JoinableQueue", "items": [1, 2], "poison_pills": True}}),
        ["the main program waits in q.join() for ever", "3 of 3 items"],
        {"MainProcess": "q"},
    ),
    "task_done() is never called, and the taker stays": (
        scenario(consumer("q"), queues={"q": {"type": "JoinableQueue", "items": [1, 2]}}),
        ["the main program waits in q.join() for ever"],
        {"C": "q", "MainProcess": "q"},
    ),
    "the taker is killed before task_done()": (
        scenario(
            {"name": "C", "target": "actors:take_and_crash", "from": "q", "exitcode": "any"},
            queues={"q": {"type": "JoinableQueue", "items": [1, 2]}},
        ),
        ["the main program waits in q.join() for ever", "nobody is left to take them: C has already ended"],
        {"MainProcess": "q"},
    ),
    "join before drain": (
        scenario({"name": "P", "target": "actors:put_large", "to": "q", "kwargs": {"size": 100_000}}, queues={"q": {}}),
        ["P cannot end", "queue 'q'", "before you join()"],
        {"P": None, "MainProcess": None},
    ),
    "a queue with no room": (
        scenario({"name": "P", "target": "produce", "to": "q", "kwargs": {"count": 5}}, queues={"q": {"maxsize": 2}}),
        ["P waits for ever for room in queue 'q'", "maxsize 2"],
        {"P": "q", "MainProcess": None},
    ),
    "a simple queue with no room": (
        scenario(
            {"name": "P", "target": "actors:put_large", "to": "q", "kwargs": {"size": 100_000}},
            queues={"q": {"type": "SimpleQueue"}},
        ),
        ["P waits for ever for room in queue 'q'", "its pipe is full"],
        {"P": "q", "MainProcess": None},
    ),
    "an empty simple queue": (
        scenario(
            {"name": "C", "target": "actors:take", "from": "q", "kwargs": {"count": 2}},
            queues={"q": {"type": "SimpleQueue", "items": [1]}},
        ),
        ["C waits for ever for an item from queue 'q'"],
        {"C": "q", "MainProcess": None},
    ),
    "each waits for the other": (
        scenario(
            {"name": "A", "target": "actors:swap", "from": "q", "to": "r"},
            {"name": "B", "target": "actors:swap", "from": "r", "to": "q"},
            queues={"q": {}, "r": {}},
        ),
        ["A and B wait for each other in a circle: A for an item from queue 'q', which B would put"],
        {"A": "q", "B": "r", "MainProcess": None},
    ),
}


@pytest.mark.parametrize("shape", DEADLOCKS)
@pytest.mark.fault("F07", event="scenario.stalled", status=3)
@pytest.mark.fault("F08", event="scenario.stalled", status=3)
def test_a_deadlock_is_recognised(play: Play, shape: str) -> None:
    """Where nobody can ever move again the run ends at once, with a sentence, stacks and the queues' books."""
    text, words, waiting = DEADLOCKS[shape]
    result = play(text)
    assert (3, "stalled") == (result.status, result.outcome), result.log.text()
    stalled = result.log.one("scenario.stalled")
    assert "deadlock" == stalled["cause"]
    assert [stalled["reason"]] == result.log.finished["reasons"]
    assert [] == [word for word in words if word not in stalled["reason"]], stalled["reason"]
    assert waiting == {p["process"]: p["queue"] for p in stalled["processes"]}
    for process in stalled["processes"]:
        assert process["stack"], process
        assert process["state"] in ("waiting", "exiting"), process
        assert process["since"] <= stalled["t"]
    assert [] == result.log.all("scenario.timed_out")
    assert stalled["t"] < 5
    assert result.seconds < 8
    for ended in waiting:
        assert "run-scenario" == result.log.one("process.exited", ended)["by"]
    assert stalled["reason"] in result.stderr


def putter(target: str, *args: Any) -> dict[str, Any]:
    """Return a process that takes its time before it puts what others wait for."""
    return {"name": "P", "target": f"actors:{target}", "to": "q", "kwargs": dict(zip(("seconds",), args, strict=True))}


WAITERS = [
    {"name": "C", "target": "actors:take", "from": "q"},
    {"name": "D", "target": "actors:swap", "from": "r", "to": "s"},
]
SLOW = 2.0
"""Seconds: longer than it takes to recognise a standstill."""
MOVING: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "one sleeps": ([putter("sleep_then_put", SLOW)], {}),
    "one computes": ([putter("compute_then_put", SLOW)], {}),
    "one waits for another program": ([putter("run_command_then_put", SLOW)], {}),
    "one waits for its own thread, which sleeps": ([putter("thread_then_put", SLOW)], {}),
    "one waits with a timeout": (
        [
            {"name": "T", "target": "actors:take_with_timeout", "from": "t", "kwargs": {"seconds": SLOW}},
            {"name": "P", "target": "produce", "to": "q", "kwargs": {"count": 1}, "delay": SLOW},
        ],
        {"t": {}},
    ),
    "one waits for room with a timeout": (
        [
            {"name": "T", "target": "actors:put_with_timeout", "to": "t", "kwargs": {"seconds": SLOW}},
            {"name": "P", "target": "produce", "to": "q", "kwargs": {"count": 1}, "delay": SLOW},
        ],
        {"t": {"maxsize": 1}},
    ),
    "the main program joins with a timeout": (
        [
            {"name": "H", **consumer("t"), "join_timeout": SLOW, "terminate": True},
            {"name": "P", "target": "produce", "to": "q", "kwargs": {"count": 1}},
        ],
        {"t": {}},
    ),
}


def move(folder: Path, shape: str, method: str) -> Result:
    """Run a scenario in which all others wait for one that is slow."""
    processes, queues = MOVING[shape]
    if shape == "the main program joins with a timeout":
        text = scenario(*processes, queues={"q": {"collect": 1}, **queues})
    else:
        relay = {"name": "R", "target": "actors:swap", "from": "q", "to": "r"}
        text = scenario(relay, WAITERS[1], *processes, queues={"q": {}, "r": {}, "s": {"collect": 1}, **queues})
    return run(folder, text, "--start-method", method)


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory):
    """Run all of them, a few at a time: they spend their time asleep."""
    folder = tmp_path_factory.mktemp("moving")
    with ThreadPoolExecutor(4) as pool:
        yield {(s, m): pool.submit(move, folder, s, m) for s in MOVING for m in METHODS}


@pytest.mark.parametrize("shape", MOVING)
def test_what_can_still_move_is_left_alone(moving: Any, shape: str, method: str) -> None:
    """While one sleeps, computes or waits for something that will come, nobody is called stalled."""
    result = moving[shape, method].result()
    assert [] == result.log.all("scenario.stalled"), result.log.text()
    assert (0, "passed") == (result.status, result.outcome)
    assert result.log.finished["duration"] >= SLOW


def test_what_is_not_known_to_wait_is_left_alone(tmp_path: Path) -> None:
    """A target that reads from outside may get something at any time: only the deadline ends its waiting."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    listener = {"name": "L", "target": "actors:listen_then_put", "to": "q", "kwargs": {"path": str(pipe)}}
    sleeper = {"name": "S", "target": "sleep", "kwargs": {"seconds": SLOW}}
    running = Running(tmp_path, scenario(listener, sleeper, queues={"q": {"collect": 1}}))
    running.wait_for("process.exited", "S")
    pipe.write_text("at last")
    result = running.finish()
    assert (0, "at last") == (result.status, result.log.one("queue.get")["item"])


def test_the_deadline_holds(play: Play, method: str) -> None:
    """At the deadline comes a report, with stacks and counts, then the end of everybody: status 3."""
    result = play(
        scenario(
            {"name": "H", "target": "hang"},
            {"name": "S", "target": "spin", "kwargs": {"seconds": 60}},
            consumer("q"),
            queues={"q": {"type": "JoinableQueue", "items": ["a", "b"], "join": False}, "r": {"items": [1, 2, 3]}},
            timeout=1.2,
        )
    )
    log = result.log
    assert (3, "timed_out") == (result.status, result.outcome)
    assert 1.2 <= log.finished["duration"] < 4
    stalled, timed_out = log.one("scenario.stalled"), log.one("scenario.timed_out")
    assert ("deadline", stalled["seq"] + 1, 1.2) == (stalled["cause"], timed_out["seq"], timed_out["timeout"])
    stuck = {p["process"]: p for p in stalled["processes"]}
    assert {"MainProcess", "H", "S", "C"} == set(stuck)
    assert ("H", "the end of H") == (stuck["MainProcess"]["on_process"], stuck["MainProcess"]["waiting_for"])
    assert ("q", "an item from queue 'q'", "waiting") == tuple(
        stuck["C"][key] for key in ("queue", "waiting_for", "state")
    )
    assert any("in hang" in frame for frame in stuck["H"]["stack"])
    assert any("in spin" in frame for frame in stuck["S"]["stack"])
    assert any("in consume" in frame for frame in stuck["C"]["stack"])
    assert "running" == stuck["S"]["state"]
    assert {"queue": "q", "type": "JoinableQueue", "put": 2, "got": 2, "left": 0, "unfinished": 2} == stalled["queues"][
        0
    ]
    assert (3, 0, 3, None) == tuple(stalled["queues"][1][key] for key in ("put", "got", "left", "unfinished"))
    assert 3 == log.one("queue.left_over")["count"]
    for name in ("H", "S", "C"):
        exited = log.one("process.exited", name)
        assert ("swept", "run-scenario", False) == tuple(exited[key] for key in ("cause", "by", "allowed"))
        # A fork server may take the exit code of its children to its grave.
        assert exited["exitcode"] in ((-15, None) if method == "forkserver" else (-15,))


def test_the_deadline_on_the_command_line(tmp_path: Path) -> None:
    """--timeout wins over the file."""
    result = run(tmp_path, scenario({"target": "hang"}), "--timeout", "0.7")
    assert (3, 0.7) == (result.status, result.log.one("scenario.timed_out")["timeout"])


def test_a_deadline_before_anything_has_begun(tmp_path: Path) -> None:
    """A main program that has just been forked is reported by its name, and is ended by the signal that it gets."""
    log = run(tmp_path, scenario({"target": "hang"}), "--timeout", "0.000001").log
    exited = log.one("process.exited", "MainProcess")
    assert (-15, "run-scenario") == (exited["exitcode"], exited["by"])
    assert "MainProcess" == log.one("scenario.stalled")["processes"][0]["process"]
    assert 3 == log.finished["exit_status"]


@pytest.mark.fault("F18", event="process.exited", status=3)
def test_a_stopped_process_is_ended(tmp_path: Path, method: str) -> None:
    """SIGSTOP keeps a process from heeding SIGTERM, not the run from ending."""
    result = run(tmp_path, scenario({"name": "S", "target": "actors:stop"}, timeout=1, start_method=method))
    assert (3, "timed_out") == (result.status, result.outcome)
    assert "run-scenario" == result.log.one("process.exited", "S")["by"]
    assert result.seconds < 5
