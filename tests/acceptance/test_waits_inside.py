"""Waits in pools, executors, threads and forked children are known as waits: a deadlock is seen at once, and why."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support import Result, Running, scenario

from live.helper import Helper

Play = Callable[..., Result]


def pooled(*calls: dict[str, Any], **pool: Any) -> str:
    """Return the text of a scenario with one pool, `crew`."""
    return json.dumps({"version": 1, "timeout": 40, "pools": {"crew": {"processes": 1, **pool, "calls": list(calls)}}})


def deadlock(result: Result, kind: str) -> dict[str, Any]:
    """Return the deadlock of a run, which was seen long before the deadline, and is of that kind."""
    stalled = result.log.one("scenario.stalled")
    assert ("deadlock", kind) == (stalled["cause"], stalled["diagnosis"]["kind"]), stalled["reason"]
    assert (3, True) == (result.status, result.log.finished["duration"] < 15)
    return stalled


def test_an_executor_without_workers(play: Play, method: str) -> None:
    """Its worker leaves after so many tasks, and CPython starts no other for what was submitted before (gh-115634)."""
    if method == "fork":
        pytest.skip("an executor's workers that are forked cannot be limited to a number of tasks")
    calls = [{"submit": "power", "args": [n], "kwargs": {"exponent": 2}} for n in range(8)]
    text = json.loads(pooled(*calls, type="executor", maxtasksperchild=3))
    result = play(json.dumps({**text, "start_method": method}))
    stalled = deadlock(result, "no_pool_worker")
    exited = result.log.one("pool.worker_exited")
    assert "none of its workers is left" in stalled["reason"]
    assert f"{exited['process']}, ended with exit code 0 after 3 tasks)" in stalled["reason"]
    assert exited["seq"] in {fact["seq"] for fact in stalled["diagnosis"]["facts"]}


def test_a_worker_that_terminate_does_not_end(play: Play, tmp_path: Path) -> None:
    """terminate() sends SIGTERM once, and then waits for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    calls = [
        {"apply": "actors:use_item", "args": [1]},
        {"apply_async": "actors:tell_and_lock_oneself_out", "args": [str(pipe)]},
    ]
    reader = {"name": "Reader", "target": "actors:read_from", "args": [str(pipe)]}
    main = [
        {"create": "crew"},
        {"next_call": "crew"},
        {"next_call": "crew"},
        {"start": "Reader"},
        {"join": "Reader"},
        {"terminate": "crew"},
    ]
    text = json.loads(pooled(*calls, initializer="actors:ignore_term"))
    result = play(json.dumps({**text, "processes": [reader], "main": main}))
    stalled = deadlock(result, "deaf_pool_workers")
    worker = result.log.one("pool.worker_started")["process"]
    assert (
        f"waits for ever in terminate() of pool 'crew' for {worker}, to which it has sent SIGTERM" in stalled["reason"]
    )


def test_a_result_that_cannot_be_unpickled(play: Play) -> None:
    """The pool's thread that takes results ends by it; another of its threads then runs for ever, for nothing."""
    result = play(pooled({"map": "actors:return_unopenable", "over": [0, 1, 0], "chunksize": 1}))
    stalled, failed = deadlock(result, "pool_thread_ended"), result.log.one("pool.thread_failed")
    assert ("results", "unpickling", "LookupError") == tuple(failed[key] for key in ("thread", "doing", "exception"))
    assert "cannot be unpickled (LookupError: the seal does not fit)" in stalled["reason"]
    assert "crash" not in {e["cause"] for e in result.log.all("process.exited")}, result.log.text()


def test_a_fork_while_a_thread_holds_a_lock(play: Play, method: str) -> None:
    """The child has the lock as it was, and not the thread: under fork nobody can release it there."""
    keeper = {"name": "Keeper", "target": "actors:keep_registry", "worker": "thread"}
    keeper["uses"] = {"held": "held", "enough": "enough"}
    user = {"name": "User", "target": "actors:use_registry", "uses": {"here": "here"}}
    main = [{"start": "Keeper"}, {"wait": "held"}, {"start": "User"}, {"wait": "here"}, {"set": "enough"}]
    sync = {name: {"type": "Event"} for name in ("held", "here", "enough")}
    result = play(scenario(keeper, user, sync=sync, main=[*main, {"join": ["User", "Keeper"]}]))
    if method != "fork":
        assert (0, ["used"]) == (result.status, result.log.output("User"))
        return
    reason = deadlock(result, "locked_inside")["reason"]
    assert reason.startswith("User waits for ever in a lock inside its own process")
    assert "it was forked while Keeper was running in the main program" in reason


def test_threads_of_one_process(play: Play) -> None:
    """What is not recorded is seen from outside: each of its threads waits for another of the same process."""
    result = play(scenario({"name": "P", "target": "actors:swap_in_threads"}, timeout=40))
    deadlock(result, "unknown")
    [told] = [p for p in result.log.one("scenario.stalled")["processes"] if p["process"] == "P"]
    assert ("thread", "the end of another thread of its own process") == (told["operation"], told["waiting_for"])


@pytest.mark.parametrize("target", ["wait_for_a_late_thread", "wait_for_a_program"])
def test_who_goes_on_is_not_stalled(play: Play, target: str) -> None:
    """A wait in a lock of one's own ends by a timer's thread, or by a program that a thread waits for."""
    result = play(scenario({"name": "P", "target": f"actors:{target}"}))
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))


@pytest.mark.parametrize("how", ["alarm", "setitimer"])
def test_an_alarm_that_nobody_handles(play: Play, how: str) -> None:
    """It ends its process some time later: until then nobody may say that this one waits for ever."""
    taker = {"name": "Taker", "target": "actors:take_until_alarm", "from": {"inbox": "never"}, "exitcode": -14}
    result = play(scenario({**taker, "kwargs": {"seconds": 1.5, "how": how}}, queues={"never": {}}))
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))
    exited = result.log.one("process.exited", "Taker")
    assert (-14, "signal", True) == (exited["exitcode"], exited["cause"], "have it sent to oneself" in exited["reason"])


def test_an_alarm_in_a_child_of_a_target(play: Play) -> None:
    """The child is none of the scenario's: its parent waits for it, and its alarm will end that."""
    joins = {"target": "actors:wait_for_deadly_alarm", "from": {"inbox": "never"}, "children_exitcode": -14}
    result = play(scenario({**joins, "kwargs": {"place": "", "seconds": 1.5}}, queues={"never": {}}))
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))


@pytest.mark.parametrize("duplex", [True, False])
def test_who_was_sent_the_other_end(play: Play, duplex: bool) -> None:
    """A program that is none of the run has it, and sends: no process of the run has it any more."""
    with TemporaryDirectory(prefix="helper-") as folder, Helper(folder, 1.5, network=False) as helper:
        receiver = {"target": "actors:receive_from_stranger", "kwargs": {"place": helper.place}}
        uses = {"mine": "rope.left", "other": "rope.right"}
        result = play(scenario({**receiver, "uses": uses}, pipes={"rope": {"duplex": duplex}}))
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))
    assert 1 == len(result.log.all("pipe.received"))


@pytest.mark.parametrize("where", ["initializer", "at exit"])
def test_who_reads_from_outside_is_left_alone(tmp_path: Path, method: str, where: str) -> None:
    """A named pipe may be written to by anybody: a pool's initializer and what runs at exit may read from one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if where == "initializer":
        call = {"map": "actors:use_item", "over": [1]}
        pool = {"processes": 1, "initializer": "actors:read_from", "initargs": [str(pipe)], "calls": [call]}
        text = json.dumps({"version": 1, "timeout": 60, "start_method": method, "pools": {"crew": pool}})
    else:
        text = scenario({"target": "actors:read_at_exit", "kwargs": {"path": str(pipe)}}, start_method=method)
    running = Running(tmp_path, text)
    with pipe.open("w", encoding="ascii") as writer:  # somebody has opened it for reading
        subprocess.run(["sleep", "1.2"], check=True)  # longer than a deadlock takes to be seen
        writer.write("at last")
    result = running.finish()
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))


def test_a_late_fork_server_is_waited_for(tmp_path: Path) -> None:
    """Nobody but the main program is there any more, and it waits for what the fork server has to say."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = {"name": "P", "target": "actors:read_from", "kwargs": {"path": str(pipe)}}
    running = Running(tmp_path, scenario(reader, start_method="forkserver"))
    server = running.wait_for("process.started", "P")["ppid"]
    os.kill(server, signal.SIGSTOP)
    pipe.write_text("end")
    running.wait_for("process.exited", "P")
    subprocess.run(["sleep", "1.2"], check=True)  # longer than a deadlock takes to be seen
    os.kill(server, signal.SIGCONT)
    result = running.finish()
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))
