"""What really goes wrong with multiprocessing: what docs/reference/faults.md promises and no other test shows.

Each test with the mark `fault` runs the real thing. That the run ended, told the event named, had the exit status
named, left nothing and nobody behind, and has a log in order, is checked of all alike (conftest.py, support.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Log, Result, Running, expects, scenario, stopped_at_its_deadline

Play = Callable[..., Result]
fault = pytest.mark.fault


def victim(target: str, told: str = "told", **more: Any) -> dict[str, Any]:
    """Return a process that says who it is and is then killed."""
    return {"name": "Victim", "target": f"actors:{target}", "to": {"told": told}, "exitcode": -9, **more}


def killer(target: str, **more: Any) -> dict[str, Any]:
    """Return the process that kills the victim, and then needs what the victim has used."""
    return {"name": "Killer", "target": f"actors:{target}", **more}


# Queues


@fault("F01", event="queue.abandoned", status=3)
def test_a_reader_killed_inside_get(play: Play) -> None:
    """The lock of the readers is gone with it: said at once, and again by the deadlock that comes of it."""
    result = play(
        scenario(
            victim("announce_and_take", **{"from": {"inbox": "q"}}),
            killer("kill_then_put_and_take", **{"from": {"inbox": "told", "queue": "q"}}),
            queues={"q": {}, "told": {}},
        )
    )
    poisoned = result.log.one("queue.abandoned", "Victim")
    assert ("q", "read") == (poisoned["queue"], poisoned["side"])
    assert poisoned["seq"] < result.log.one("scenario.stalled")["seq"]
    reason = result.log.finished["reasons"][0]
    assert "queue 'q' is broken: Victim, which was ended by SIGKILL, was inside get()" in reason


@fault("F01", event="queue.abandoned", status=0)
def test_others_do_not_find_what_is_there(play: Play) -> None:
    """With a timeout nobody hangs, but the queue seems empty though it is not: the event says why."""
    result = play(
        scenario(
            victim("announce_and_take", **{"from": {"inbox": "q"}}),
            killer("kill_then_try", **{"from": {"inbox": "told", "queue": "q"}}),
            queues={"q": {}, "told": {}},
            expect=expects("queue.left_over"),
        )
    )
    assert ["Empty 1"] == result.log.output("Killer")
    assert "read" == result.log.one("queue.abandoned", "Victim")["side"]


@fault("F02", event="queue.abandoned", status=3)
def test_a_writer_killed_in_the_midst_of_an_item(play: Play) -> None:
    """Whoever reads waits for the rest of the item for ever."""
    result = play(
        scenario(
            victim("put_large_and_tell", to={"outbox": "q", "told": "told"}, kwargs={"size": 200_000}),
            killer("kill_then_take", **{"from": {"inbox": "told", "queue": "q"}}),
            queues={"q": {}, "told": {}},
        )
    )
    poisoned = result.log.one("queue.abandoned", "Victim")
    assert ("q", "write") == (poisoned["queue"], poisoned["side"])
    assert "queue 'q' is broken: Victim" in result.log.finished["reasons"][0]


@fault("F06", event="scenario.stalled", status=3)
def test_empty_and_get_are_two_things(play: Play) -> None:
    """Two have seen that the queue is not empty, one gets the item, the other waits for ever."""
    worker = {"name": "W", "replicas": 2, "target": "actors:look_then_take", "from": "q", "uses": {"barrier": "line"}}
    line = {"type": "Barrier", "parties": 2}
    steps = [{"put": 7, "to": "q"}, {"start": "W-1"}, {"start": "W-2"}, {"join": "W-1"}, {"join": "W-2"}]
    result = play(scenario(worker, queues={"q": {"type": "SimpleQueue"}}, sync={"line": line}, main=steps))
    assert 1 == len(result.log.all("queue.get"))
    assert "for an item from queue 'q': the one item put is taken" in result.log.finished["reasons"][0]


@fault("F08", event="queue.abandoned", status=3)
def test_a_joiner_of_a_queue_is_killed(play: Play) -> None:
    """The last task_done() waits for the answer of who is gone."""
    result = play(
        scenario(
            victim("announce_and_join", uses={"queue": "q"}),
            killer("kill_then_finish", **{"from": {"inbox": "told", "queue": "q"}}),
            queues={"q": {"type": "JoinableQueue"}, "told": {}},
            # The item is there before anybody joins: join() of a queue on which nothing was put comes back at once.
            main=[{"put": 1, "to": "q"}, {"start": ["Victim", "Killer"]}, {"join": ["Victim", "Killer"]}],
        )
    )
    assert "join" == result.log.one("queue.abandoned", "Victim")["side"]
    assert "Killer waits for ever inside q.task_done()" in result.log.finished["reasons"][0]


# Synchronization


@fault("F10", event="lock.abandoned", status=3)
def test_the_holder_of_a_lock_is_killed(play: Play) -> None:
    """Whoever wants it next waits for ever: said of the one that is gone, and of the one that waits."""
    result = play(
        scenario(
            victim("acquire_and_wait", uses={"lock": "gate"}),
            killer("kill_then_acquire", **{"from": {"inbox": "told"}, "uses": {"lock": "gate"}}),
            queues={"told": {}},
            sync={"gate": {"type": "Lock"}},
        )
    )
    assert "gate" == result.log.one("lock.abandoned", "Victim")["lock"]
    assert (
        "Killer waits for ever for lock 'gate': Victim ended without releasing it (Victim was ended by SIGKILL)"
        == result.log.finished["reasons"][0]
    )


@fault("F11", event="event.abandoned", status=3)
def test_a_waiter_for_an_event_is_killed(play: Play) -> None:
    """set() waits for ever for the answer of who is gone (gh-75158)."""
    result = play(
        scenario(
            victim("wait_at", uses={"event": "go"}),
            killer("kill_then_set", **{"from": {"inbox": "told"}, "uses": {"event": "go"}}),
            queues={"told": {}},
            sync={"go": {"type": "Event"}},
        )
    )
    assert "go" == result.log.one("event.abandoned", "Victim")["flag"]
    assert "Killer waits for ever inside event 'go'" in result.log.finished["reasons"][0]
    assert "Victim" in result.log.finished["reasons"][0]


@fault("F11", event="condition.abandoned", status=3)
def test_a_waiter_for_a_condition_is_killed(play: Play) -> None:
    """notify() waits for ever for the answer of who is gone."""
    result = play(
        scenario(
            victim("announce_and_wait_for_notice", uses={"condition": "door"}),
            killer("kill_then_notify", **{"from": {"inbox": "told"}, "uses": {"condition": "door"}}),
            queues={"told": {}},
            sync={"door": {"type": "Condition"}},
        )
    )
    assert "door" == result.log.one("condition.abandoned", "Victim")["condition"]


@fault("F12", event="barrier.abandoned", status=3)
def test_a_party_is_killed_at_its_barrier(play: Play) -> None:
    """The last one to come waits for ever for the answer of who is gone (gh-123899)."""
    result = play(
        scenario(
            victim("wait_at", uses={"event": "line"}),
            killer("kill_then_meet", **{"from": {"inbox": "told"}, "uses": {"barrier": "line"}}),
            queues={"told": {}},
            sync={"line": {"type": "Barrier", "parties": 2}},
        )
    )
    assert "line" == result.log.one("barrier.abandoned", "Victim")["barrier"]
    reason = result.log.finished["reasons"][0]
    assert "Killer waits for ever at barrier 'line': Victim ended while it waited there" in reason


# Processes


@pytest.mark.parametrize("method", ["fork", "spawn"])
@fault("F25", event="process.exited", status=0)
@fault("F26", event="process.join_timed_out", status=0)
def test_an_end_is_seen_although_join_does_not_see_it(play: Play, method: str) -> None:
    """A grandchild holds the sentinel open: join(1) waits all of its second, the log has the end when it came."""
    parent = {"name": "Parent", "target": "actors:leave_an_orphan_and_tell", "to": {"told": "told"}}
    onlooker = {"name": "Onlooker", "target": "actors:wait_for_end", "from": {"inbox": "told"}}
    main = [{"start": ["Parent", "Onlooker"]}, {"join": "Onlooker"}, {"join": "Parent", "timeout": 1}]
    text = scenario(parent, onlooker, queues={"told": {}}, main=main, expect=expects("process.orphaned"))
    result = play(text)
    exited, joined = result.log.one("process.exited", "Parent"), result.log.one("process.join_timed_out", "Parent")
    assert ("returned", 0) == (exited["cause"], exited["exitcode"])
    assert exited["seq"] < joined["seq"]
    assert 1.0 <= joined["waited"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
@fault("F27", event="process.exited", status=0)
def test_somebody_else_waits_for_a_child(play: Play, method: str) -> None:
    """multiprocessing never learns the exit code that a thread's waitpid(-1) has taken; the log has it."""
    child = {"name": "Child", "target": "exit", "kwargs": {"code": 3}, "exitcode": "any"}
    thief = {"name": "Thief", "target": "actors:reap_anybody", "worker": "thread"}
    steps = [{"start": "Child"}, {"start": "Thief"}, {"join": "Thief"}, {"join": "Child"}]
    result = play(scenario(child, thief, main=steps))
    assert {None} == {e["exitcode"] for e in result.log.all("process.joined", "Child")}
    exited = result.log.one("process.exited", "Child")
    assert exited["exitcode"] in (3, None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python warns of it from 3.12 on")
@fault("F30", event="log.message", status=0)
def test_a_fork_while_threads_run(play: Play) -> None:
    """Where the scenario's own code forks with threads, Python's warning of it is an event."""
    result = play(scenario({"name": "Forker", "target": "actors:fork_with_threads"}))
    assert "multi-threaded" in result.log.one("log.message", "Forker", logger="DeprecationWarning")["message"]


@pytest.mark.parametrize("method", ["forkserver"])
@fault("F31", event="process.misreported", status=1)
def test_the_fork_server_is_killed(play: Play, method: str) -> None:
    """multiprocessing says 255 of a process that lives: the log says so, and how it really ends."""
    process = {"name": "Survivor", "target": "actors:kill_parent", "to": "q"}
    result = play(scenario(process, queues={"q": {"collect": 1}}, expect=expects("process.orphaned")))
    log = result.log
    assert ("fork server", "SIGKILL") == tuple(log.one("helper.lost")[key] for key in ("helper", "signal"))
    assert 255 == log.one("process.misreported", "Survivor")["exitcode"]
    assert 255 == log.one("process.joined", "Survivor")["exitcode"]
    exited = log.one("process.exited", "Survivor")
    assert ("run-scenario", "stopped_by_runner") == (exited["by"], exited["cause"])
    assert exited["exitcode"] < 0
    assert log.one("process.joined", "Survivor")["seq"] < exited["seq"]


# Pools


def pooled(*calls: dict[str, Any], **more: Any) -> str:
    """Return the text of a scenario with one pool of two workers."""
    pools = {"crunch": {"processes": 2, "calls": list(calls)}}
    return json.dumps({"version": 1, "timeout": 30, "pools": pools, **more})


@fault("F35", event="pool.worker_lost", status=3)
def test_an_idle_worker_is_killed(play: Play) -> None:
    """It took the lock of the pool's task queue along: the next task reaches nobody, not even the replacement."""
    result = play(pooled({"apply": "actors:kill_the_other_worker", "args": [1]}, {"apply": "square", "args": [2]}))
    lost = result.log.one("pool.worker_lost")
    assert ("SIGKILL", None, None) == tuple(lost[key] for key in ("signal", "call", "task"))
    reason = result.log.finished["reasons"][0]
    assert f"{lost['process']} was ended by SIGKILL while it waited for a task" in reason


@fault("F36", event="pool.thread_failed", status=3)
def test_an_exception_that_cannot_be_unpickled(play: Play) -> None:
    """The thread that takes the results dies of it, and map() would wait for ever (gh-79492)."""
    result = play(pooled({"map": "actors:fail_unloadably", "over": [7]}))
    reason = result.log.finished["reasons"][0]
    assert "because what a worker sent cannot be unpickled" in reason
    assert "task 0 of map() had raised Demanding, and its result never came" in reason
    assert ("results", "unpickling") == tuple(result.log.one("pool.thread_failed")[key] for key in ("thread", "doing"))


# What the system keeps


@fault("F39", event="ipc.leaked", status=1)
def test_everybody_is_killed_the_tracker_too(tmp_path: Path, method: str) -> None:
    """Semaphores and shared memory that nobody is left to remove are removed by their names, and told."""
    text = scenario(
        {"name": "P", "target": "actors:keep_own_memory"},
        shared={"board": {"type": "SharedMemory", "size": 100}},
        sync={"gate": {"type": "Lock"}},
        start_method=method,
    )
    running = Running(tmp_path, text)
    own = running.wait_for("process.output", "P")["text"]
    trackers = [pid for pid in running.survivors() if b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    pids = [Log(running.events).one("process.started", name)["pid"] for name in ("MainProcess", "P")]
    assert trackers
    for pid in (*trackers, *pids):
        with contextlib.suppress(ProcessLookupError):  # the supervisor may be quicker
            os.kill(pid, signal.SIGKILL)
    result = running.finish()
    leaked = result.log.one("ipc.leaked")["names"]
    created = {event["memory"].split()[0]: event["name"] for event in result.log.all("shared_memory.created")}
    assert own == created["block"]
    assert {own, created["board"]} <= set(leaked)
    assert all(result.log.events[0]["run"] in name for name in leaked)


@fault("F38", event="scenario.failed", status=4)
def test_too_few_descriptors(tmp_path: Path, method: str) -> None:
    """What there is no room for is not begun; the message says how to get room."""
    workers = {"name": "W", "replicas": 60, "target": "hang"}
    shell = ("sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh")
    text = scenario(workers, queues={"q": {}}, start_method=method)
    result = Running(tmp_path, text, shell=shell).finish()
    reason = result.log.one("scenario.failed")["reason"]
    assert "ulimit -n 256" in reason
    assert reason in result.stderr
    assert [] == result.log.all("process.starting")


@fault("F38", event="scenario.failed", status=4)
@pytest.mark.parametrize("begun", [False, True])
def test_too_few_processes(tmp_path: Path, control_group: Path, method: str, begun: bool) -> None:
    """What surely has no room is not begun; what has none on the way is cleared away, and said to be so."""
    helpers = {"fork": 0, "spawn": 1, "forkserver": 2}[method]
    # The runner and (soon) its thread, supervisor, main program; three processes, one of the three threads that feed.
    (control_group / "pids.max").write_text(str(4 + helpers + 2 + 2 * begun))
    shell = ("sh", "-c", f'echo $$ > {control_group}/cgroup.procs; exec "$@"', "sh")
    workers = {"name": "W", "replicas": 3, "target": "actors:put_and_take", "uses": {"outbox": "q", "inbox": "r"}}
    text = scenario(workers, queues={"q": {}, "r": {}}, start_method=method)
    result = Running(tmp_path, text, shell=shell).finish()
    assert begun == bool(result.log.all("process.starting"))
    words = ("cannot start the thread of a queue", "no more resources") if begun else ("has room for",)
    assert any(each in result.log.all("scenario.failed")[0]["reason"] for each in words)


@fault("F38", event="scenario.failed", status=4)
def test_descriptors_run_out_on_the_way(play: Play) -> None:
    """Half a graph is cleared away: nobody of it stays, and the log has what had happened until then."""
    hoarder = {"name": "Hoarder", "target": "actors:take_all_descriptors", "worker": "thread"}
    steps = [{"start": "W-1"}, {"start": "Hoarder"}, {"join": "Hoarder"}, {"start": "W-2"}]
    result = play(scenario({"name": "W", "replicas": 2, "target": "hang"}, hoarder, main=steps))
    assert "the machine has no more resources" in result.log.one("scenario.failed")["reason"]
    assert "run-scenario" == result.log.one("process.exited", "W-1")["by"]


@fault("F47", event="queue.get", status=0)
def test_a_hundred_turns_are_in_order(play: Play) -> None:
    """Two processes that take turns are told in turn: every put before its get, which comes before the next put."""
    ends = {"from": {"inbox": "there"}, "to": {"outbox": "back"}}
    players = [{"name": "A", "target": "actors:serve_first", **ends, "kwargs": {"turns": 100}}]
    ends = {"from": {"inbox": "back"}, "to": {"outbox": "there"}}
    players += [{"name": "B", "target": "actors:serve_back", **ends, "kwargs": {"turns": 100}}]
    log = play(scenario(*players, queues={"there": {}, "back": {}})).log
    told = [(e["event"], e["process"], e["item"]) for e in log.events if e["event"] in ("queue.put", "queue.get")]
    turn = [("queue.put", "A"), ("queue.get", "B"), ("queue.put", "B"), ("queue.get", "A")]
    assert [(*step, number) for number in range(100) for step in turn] == told
    times = [event["t"] for event in log.events]
    assert sorted(times) == times


@fault("F19", event="process.escalated", status=3)
def test_a_daemon_that_is_deaf_for_ever(play: Play) -> None:
    """Its parent hangs at its own end, as it would; here, no longer than to the deadline."""
    deaf = {"name": "Deaf", "target": "actors:be_deaf", "uses": {"event": "ready"}, "daemon": True, "join": False}
    first = {"name": "First", "target": "wait_for_event", "uses": {"event": "ready"}}
    result = stopped_at_its_deadline(play, scenario(deaf, first, sync={"ready": {"type": "Event"}}, timeout=2))
    assert "run-scenario" == result.log.one("process.exited", "Deaf")["by"]
    assert "SIGKILL" == result.log.one("process.exited", "Deaf")["signal"]
    assert 1 == len(result.log.all("process.terminating", "Deaf", by="MainProcess"))
