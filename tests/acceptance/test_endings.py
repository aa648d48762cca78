"""How processes end: exit codes as of a plain script, and an explanation of each."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Log, Result, Running, expects, run, scenario, stopped_at_its_deadline

from effort import in_part, often

Play = Callable[..., Result]

ENDINGS: dict[str, tuple[dict[str, Any], int, str, str | None, bool]] = {
    "returns": ({"target": "sleep", "kwargs": {"seconds": 0}}, 0, "returned", None, True),
    "raises": ({"target": "fail"}, 1, "exception", None, False),
    "sys.exit()": ({"target": "actors:leave_silently"}, 0, "sys.exit", None, True),
    "sys.exit('text')": ({"target": "actors:leave_with", "args": ["so long"]}, 1, "sys.exit", None, False),
    "sys.exit(3)": ({"target": "exit", "kwargs": {"code": 3}}, 3, "sys.exit", None, False),
    "sys.exit(256)": ({"target": "exit", "kwargs": {"code": 256}}, 0, "sys.exit", None, True),
    "os._exit(0)": ({"target": "exit", "kwargs": {"code": 0, "hard": True}}, 0, "vanished", None, False),
    "os._exit(300)": ({"target": "exit", "kwargs": {"code": 300, "hard": True}}, 44, "vanished", None, False),
    "SIGSEGV": ({"target": "crash"}, -11, "crash", "SIGSEGV", False),
    "SIGABRT": ({"target": "crash", "kwargs": {"signal": "SIGABRT"}}, -6, "crash", "SIGABRT", False),
    "SIGKILL": ({"target": "crash", "kwargs": {"signal": "SIGKILL"}}, -9, "signal", "SIGKILL", False),
    "SIGTERM": ({"target": "crash", "kwargs": {"signal": "SIGTERM"}}, -15, "signal", "SIGTERM", False),
}
"""What a process does, and of its exit: the code, the cause, the signal, whether it is a proper end by itself."""


@pytest.mark.fault("F17", event="process.exited", status=1)
def test_exit_codes_and_causes(play: Play) -> None:
    """Exit codes are those of a plain script; what they hide is told as the cause."""
    result = play(scenario(*({"name": name, **how} for name, (how, *_) in ENDINGS.items())))
    assert (1, "failed") == (result.status, result.outcome)
    for name, (_, *expected) in ENDINGS.items():
        exited = result.log.one("process.exited", name)
        told = [exited[key] for key in ("exitcode", "cause", "signal", "allowed")]
        assert expected == told, name
        assert exited["exitcode"] == result.log.one("process.joined", name)["exitcode"]
        assert exited["by"] is None
        assert exited["reason"]
    assert "sys.exit" in result.log.one("process.exited", "sys.exit(3)")["reason"]
    assert "os._exit()" in result.log.one("process.exited", "os._exit(300)")["reason"]
    assert "so long" == result.log.one("process.exiting", "sys.exit('text')")["exitcode"]
    assert ["so long"] == result.log.output("sys.exit('text')", "stderr")
    improper = [name for name, (*_, allowed) in ENDINGS.items() if not allowed]
    assert improper == [reason.partition(" ended with")[0] for reason in result.log.finished["reasons"]]


ALLOWED = [
    ({"target": "exit", "kwargs": {"code": 3}, "exitcode": 3}, 0),
    ({"target": "exit", "kwargs": {"code": 3}, "exitcode": [0, 4]}, 1),
    ({"target": "exit", "kwargs": {"code": 3}, "exitcode": [0, 3]}, 0),
    ({"target": "exit", "kwargs": {"code": 3}, "exitcode": "any"}, 0),
    ({"target": "sleep", "kwargs": {"seconds": 0}, "exitcode": 3}, 1),
    ({"target": "exit", "kwargs": {"code": 0, "hard": True}, "exitcode": 0}, 0),
    ({"target": "exit", "kwargs": {"code": 300, "hard": True}, "exitcode": 44}, 0),
    ({"target": "crash", "exitcode": -11}, 0),
    ({"target": "hang", "join_timeout": 0.1, "terminate": True}, 0),
    ({"target": "hang", "join_timeout": 0.1, "terminate": True, "exitcode": 0}, 1),
    ({"target": "hang", "join_timeout": 0.1, "kill": True}, 0),
    ({"target": "ignore_sigterm", "kwargs": {"seconds": 30}, "join_timeout": 0.3, "kill": True}, 0),
    ({"target": "hang", "daemon": True, "join": False}, 0),
    ({"target": "hang", "daemon": True, "join": False, "exitcode": 0}, 1),
]


@pytest.mark.parametrize(("process", "status"), in_part(ALLOWED))
def test_the_file_says_which_end_is_proper(tmp_path: Path, process: dict[str, Any], status: int) -> None:
    """`exitcode` decides whether the run passes or fails."""
    result = run(tmp_path, scenario(process))
    assert (status, ("passed", "failed")[status]) == (result.status, result.outcome)
    assert (status == 0) == result.log.one("process.exited", "Process-1")["allowed"]


@pytest.mark.fault("F16", event="process.exited", status=0)
def test_stopped_by_the_scenario(play: Play) -> None:
    """terminate() and kill() are told with who sent what, and is_alive() is false after the join."""
    result = play(
        scenario(
            {"name": "T", "target": "hang", "join_timeout": 0.3, "terminate": True},
            {"name": "K", "target": "hang", "join_timeout": 0.1, "kill": True},
        )
    )
    assert 0 == result.status
    for name, event, cause, sent in (
        ("T", "process.terminating", "terminated", "SIGTERM"),
        ("K", "process.killing", "killed", "SIGKILL"),
    ):
        log = result.log
        assert "MainProcess" == log.one(event, name)["by"]
        exited = log.one("process.exited", name)
        assert (cause, sent, "MainProcess", True) == tuple(exited[k] for k in ("cause", "signal", "by", "allowed"))
        assert (True, False) == (
            log.all("process.alive", name)[0]["alive"],
            log.all("process.alive", name)[-1]["alive"],
        )


@pytest.mark.fault("F18", event="process.escalated", status=3)
def test_terminate_is_ignored(play: Play) -> None:
    """A process that ignores SIGTERM holds its main program up to the deadline; then it is ended by SIGKILL."""
    process = {"name": "Deaf", "target": "actors:be_deaf", "uses": {"event": "deaf"}}
    main = [{"start": "Deaf"}, {"wait": "deaf"}, {"terminate": "Deaf"}, {"join": "Deaf"}]
    text = scenario(process, sync={"deaf": {"type": "Event"}}, main=main, timeout=1.5)
    result = stopped_at_its_deadline(play, text)
    log = result.log
    assert (3, "timed_out") == (result.status, result.outcome)
    assert log.one("process.terminating", "Deaf", by="MainProcess")["seq"] < log.one("scenario.timed_out")["seq"]
    assert log.one("process.escalated", "Deaf")["seq"] < log.one("process.exited", "Deaf")["seq"]
    exited = log.one("process.exited", "Deaf")
    assert ("SIGKILL", "run-scenario", False) == tuple(exited[key] for key in ("signal", "by", "allowed"))


def test_an_orphan_is_told_and_swept(play: Play) -> None:
    """A child that a target leaves behind, deaf to SIGTERM and in a session of its own, does not outlive the run."""
    parent = {"name": "Parent", "target": "actors:leave_an_orphan"}
    result = play(scenario(parent, expect=expects("process.orphaned")))
    log = result.log
    assert (0, ["the child is there"]) == (result.status, log.output("Parent"))
    orphaned = log.one("process.orphaned")
    exited = log.one("process.exited", orphaned["process"])
    assert orphaned["pid"] == exited["pid"]
    assert ("SIGKILL", "run-scenario") == (exited["signal"], exited["by"])
    assert log.one("process.exited", "Parent")["seq"] < exited["seq"]


@pytest.mark.parametrize("own", ["subprocess", "fork"])
def test_an_orphan_has_the_parent_that_it_had(tmp_path: Path, method: str, own: str) -> None:
    """Not the one that has adopted it, and not the command that it runs."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    given = {"pipe": str(pipe), "own": own}
    parent = {"name": "Parent", "target": "actors:leave_a_child_later", "kwargs": given, "exitcode": "any"}
    others = [{"name": name, "target": "exit", "kwargs": {"code": 0}} for name in ("First", "Second")]
    main = [{"start": "Parent"}, {"wait": "there"}]
    main += [{step: name} for name in ("First", "Second") for step in ("start", "join")] + [{"join": "Parent"}]
    text = scenario(
        {**parent, "uses": {"event": "there"}},
        *others,
        sync={"there": {"type": "Event"}},
        main=main,
        start_method=method,
        expect=expects("process.orphaned"),
    )
    running = Running(tmp_path, text)
    # Whose children there are is noted when somebody has ended: the first, at the latest before the second is seen.
    running.wait_for("process.exited", "Second")
    pipe.write_text("")
    log = running.finish().log
    orphaned, started = log.one("process.orphaned"), log.one("process.started", "Parent")
    assert ("Parent", started["pid"]) == (orphaned["parent"], orphaned["ppid"])


@pytest.mark.fault("F22", event="process.orphaned", status=1)
def test_a_killed_process_orphans_its_child(play: Play) -> None:
    """The child of a process in the middle of the tree is told as an orphan, and ended."""
    result = play(scenario({"name": "Middle", "target": "actors:start_a_child", "args": [60], "exitcode": -9}))
    orphaned = result.log.one("process.orphaned")
    assert result.log.one("process.exited", orphaned["process"])["by"] == "run-scenario"


@pytest.mark.fault("F20", event="process.lingering", status=0)
def test_a_thread_outlives_the_target(play: Play) -> None:
    """A process ends only when its last thread does; the target's return comes before, the exit after it."""
    result = play(scenario({"name": "Parent", "target": "actors:leave_a_thread", "args": [0.8]}))
    log = result.log
    assert (0, ["the thread is done"]) == (result.status, log.output("Parent"))
    names = log.names("Parent")
    assert names.index("process.finished") < names.index("process.output") < names.index("process.exited")
    assert "returned" == log.one("process.exited", "Parent")["cause"]


@pytest.mark.fault("F20", event="process.lingering", status=3)
def test_a_thread_that_never_ends(play: Play) -> None:
    """The deadline holds; the report says that the process is on its way out."""
    parent = {"name": "Parent", "target": "actors:leave_a_thread", "args": [600]}
    result = stopped_at_its_deadline(play, scenario(parent, timeout=1.5))
    assert (3, "timed_out") == (result.status, result.outcome)
    stuck = {p["process"]: p for p in result.log.one("scenario.stalled")["processes"]}
    assert ("exiting", "waiting") == (stuck["Parent"]["state"], stuck["MainProcess"]["state"])
    assert "Parent" == stuck["MainProcess"]["on_process"]
    assert "its threads" in stuck["Parent"]["waiting_for"]


def test_failures_are_shown_with_the_targets_own_frames(play: Play) -> None:
    """The traceback in the log begins at the target; what Python prints of it is output as ever."""
    result = play(scenario({"name": "F", "target": "actors:take", "args": [None]}))
    failed = result.log.one("process.failed", "F")
    assert ("AttributeError", "'NoneType' object has no attribute 'get'") == (failed["exception"], failed["message"])
    lines = failed["traceback"].splitlines()
    assert "actors/queues.py" in lines[1]
    assert "AttributeError: 'NoneType' object has no attribute 'get'" in result.log.output("F", "stderr")


def test_processor_time_is_told(play: Play) -> None:
    """A process that computes has used its time, one that sleeps has not."""
    result = play(
        scenario(
            {"name": "Busy", "target": "spin", "kwargs": {"seconds": 0.4}},
            {"name": "Idle", "target": "sleep", "kwargs": {"seconds": 0.1}},
        )
    )
    busy, idle = (result.log.one("process.exited", name) for name in ("Busy", "Idle"))
    assert 0.35 <= busy["cpu_user"] + busy["cpu_system"] <= busy["t"]
    assert idle["cpu_user"] + idle["cpu_system"] < busy["cpu_user"] + busy["cpu_system"]
    assert all(e["max_rss"] > 1_000_000 for e in (busy, idle))
    assert all(type(e[key]) is int for e in (busy, idle) for key in ("voluntary_switches", "involuntary_switches"))


def test_two_hundred_processes(tmp_path: Path, method: str) -> None:
    """Two hundred at once (fewer where each is slow to start) are no trouble: each has its life in the log."""
    count = 200 if method == "fork" else often(60, 20)
    workers = {"name": "Worker", "replicas": count, "target": "consume", "from": "q", "kwargs": {"task_done": False}}
    text = scenario(workers, queues={"q": {"items": list(range(200)), "poison_pills": True}}, timeout=100)
    result = run(tmp_path, text, "--start-method", method)
    assert (0, count) == (result.status, result.log.finished["counts"]["processes"])
    assert count == len(result.log.all("process.exited", cause="returned")) - 1
    assert {f"Worker-{n}" for n in range(1, count + 1)} == {
        e["process"] for e in result.log.all("queue.get", item=None)
    }


def test_nothing_is_told_twice(tmp_path: Path) -> None:
    """A run that is read while it goes on has the same lines as a whole."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    first = {"name": "A", "target": "count_down", "kwargs": {"interval": 0.05}}
    last = {"name": "B", "target": "actors:read_from", "args": [str(pipe)]}
    running = Running(tmp_path, scenario(first, last))
    running.wait_for("process.output", "A", text="Process A counting down: 1...")
    assert running.process.poll() is None
    pipe.write_text("to its end")
    result = running.finish()
    counted = [f"Process A counting down: {number}..." for number in (5, 4, 3, 2, 1)]
    assert ["Process A starting...", *counted, "Process A exiting..."] == result.log.output("A")
    assert ["to its end"] == result.log.output("B")


@pytest.mark.fault("F25", event="process.exited", status=1)
def test_an_exit_is_told_when_it_happens(tmp_path: Path, method: str) -> None:
    """Also while the main program, whom the fork server would tell the code, waits for somebody else."""
    ends = {"name": "E", "target": "exit", "kwargs": {"code": 3, "hard": True}, "exitcode": 3, "replicas": 8}
    running = Running(tmp_path, scenario({"name": "S", "target": "hang"}, ends, start_method=method))
    told = {(e["process"], e["exitcode"]) for e in (running.wait_for("process.exited") for _ in range(8))}
    known = Log(running.events).all("process.started", "S")
    started = known[0] if known else running.wait_for("process.started", "S")
    os.kill(started["pid"], signal.SIGKILL)
    result = running.finish()
    assert {(f"E-{number}", 3) for number in range(1, 9)} == told
    assert [1] * 9 == [len(result.log.all("process.exited", name)) for name in ("S", *dict(told))]


def test_a_copy_of_a_process_is_not_its_end(play: Play) -> None:
    """What os.fork() in a target has made returns from it, too: the process itself has finished once, at last."""
    result = play(scenario({"name": "P", "target": "actors:fork_and_return"}))
    log = result.log
    assert (0, ["parent"], ["child"]) == (result.status, log.output("P"), log.output("fork of P"))
    assert log.one("process.finished", "P")["seq"] > log.all("process.output", "P", text="parent")[0]["seq"]
    assert "ended" == log.one("process.exited", "fork of P")["cause"]


def test_what_allows_an_end_with_exit_code_zero(play: Play) -> None:
    """os._exit(0) says that all is well, in the middle of the work: it has to be allowed by name, and that is said."""
    leaves = {"name": "Leaves", "target": "exit", "kwargs": {"code": 0, "hard": True}}
    result = play(scenario(leaves))
    assert (1, True) == (
        result.status,
        result.log.finished["reasons"][0].endswith("(to allow that, write `exitcode: 0`)"),
    )
    assert 0 == play(scenario({**leaves, "exitcode": 0})).status
