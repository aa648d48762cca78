"""`worker: thread`: real threads of the main program, each of whose events bears its own name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import METHODS, Result, run, scenario, stopped_at_its_deadline


def play(folder: Path, *processes: dict[str, Any], method: str = "fork", **more: Any) -> Result:
    """Run a scenario of threads."""
    return run(folder, scenario(*processes, worker="thread", **more), "--start-method", method)


def test_names_and_identity(tmp_path: Path) -> None:
    """multiprocessing counts processes alone, threading the threads without a name; all threads are in one process."""
    target = {"target": "actors:tell_thread"}
    result = play(
        tmp_path,
        {"name": "Ada", **target},
        target,
        {"worker": "process", "target": "sleep", "kwargs": {"seconds": 0}},
        {**target, "replicas": 2, "daemon": True},
        {"worker": "process", "target": "sleep", "kwargs": {"seconds": 0}},
    )
    log = result.log
    names = ["Ada", "Thread-1 (tell_thread)", "Process-1", "Thread-2 (tell_thread)", "Thread-3 (tell_thread)"]
    assert [*names, "Process-2"] == [e["process"] for e in log.all("process.starting")]
    threads = [name for name in names if name != "Process-1"]
    main = log.one("process.started", "MainProcess")
    for name in threads:
        daemon = name.endswith(("2 (tell_thread)", "3 (tell_thread)"))
        assert [json.dumps(["MainProcess", name, "Thread", daemon])] == log.output(name)
        started = log.one("process.started", name)
        assert (main["pid"], main["ppid"], "MainProcess", "thread", daemon, None) == tuple(
            started[key] for key in ("pid", "ppid", "parent", "worker", "daemon", "start_method")
        )
    assert 5 == len({started["thread_id"] for started in log.all("process.started", worker="thread")} | {main["pid"]})
    assert (0, "passed") == (result.status, result.outcome)


@pytest.mark.parametrize("method", METHODS)
def test_queues_between_threads_and_processes(tmp_path: Path, method: str) -> None:
    """The same queues serve both; who took and who put an item is told by name, from small records and large ones."""
    queues = {
        "tasks": {"type": "JoinableQueue", "items": [*range(40), "word", [1]], "poison_pills": True},
        "results": {"collect": 42},
    }
    one = {"target": "consume", "from": "tasks", "to": "results"}
    result = play(
        tmp_path,
        {"name": "Thread", "replicas": 3, **one},
        {"name": "Process", "worker": "process", **one},
        queues=queues,
        method=method,
    )
    assert 0 == result.status
    takers = {"Thread-1", "Thread-2", "Thread-3", "Process"}
    pills = [e["process"] for e in result.log.all("queue.get", queue="tasks", item=None)]
    assert sorted(takers) == sorted(pills)
    for name in takers:
        taken = result.log.all("queue.get", name)
        assert len(taken) == len(result.log.all("queue.task_done", name))
        assert len(taken) - 1 == len(result.log.all("queue.put", name, queue="results"))
        assert "returned" == result.log.one("process.exited", name)["cause"]


def test_output_is_that_of_its_thread(tmp_path: Path) -> None:
    """Half lines of two threads do not mix; print, logging and warnings are told as their own thread's."""
    queues = {"a": {"items": ["begin"]}, "b": {}}
    result = play(
        tmp_path,
        {"name": "A", "target": "actors:talk_in_turns", "from": "a", "to": "b", "kwargs": {"word": "ah"}},
        {"name": "B", "target": "actors:talk_in_turns", "from": "b", "to": "a", "kwargs": {"word": "beh"}},
        queues=queues,
    )
    for name, word in (("A", "ah"), ("B", "beh")):
        assert [word * 2, f"{word} without an end"] == result.log.output(name, "stdout")
        assert f"{word} on stderr" in result.log.output(name, "stderr")
        told = [(e["via"], e["message"]) for e in result.log.all("log.message", name)]
        assert ("logging", f"logged {word}") in told
        assert ("warnings", f"warned {word}") in told
    assert [] == result.log.output("MainProcess")


def test_an_exception_ends_its_thread_alone(tmp_path: Path) -> None:
    """threading prints it and the program goes on to exit code 0, as in a plain script; the verdict is: failed."""
    result = play(tmp_path, {"name": "F", "target": "fail"}, {"name": "W", "target": "sleep", "kwargs": {"seconds": 0}})
    log = result.log
    assert "RuntimeError" == log.one("process.failed", "F")["exception"]
    lines = log.output("F", "stderr")
    assert ("Exception in thread F:", "RuntimeError: failed on purpose") == (lines[0], lines[-1])
    assert not any("engine" in line for line in lines)
    exited = log.one("process.exited", "F")
    assert (None, "exception", False) == tuple(exited[key] for key in ("exitcode", "cause", "allowed"))
    assert log.events.index(exited) > max(log.events.index(e) for e in log.all("process.output", "F"))
    assert 0 == log.one("process.exited", "MainProcess")["exitcode"]
    assert [1, "F failed: its target raised RuntimeError: failed on purpose"] == [
        result.status,
        *log.finished["reasons"],
    ]


def test_ends_that_are_allowed(tmp_path: Path) -> None:
    """`exitcode: any` allows an exception; sys.exit() ends a thread alone, and is proper where its code is 0."""
    result = play(
        tmp_path,
        {"name": "F", "target": "fail", "exitcode": "any"},
        {"name": "Zero", "target": "exit"},
        {"name": "Three", "target": "exit", "kwargs": {"code": 3}},
    )
    exits = {e["process"]: (e["cause"], e["allowed"]) for e in result.log.all("process.exited", worker="thread")}
    assert {"F": ("exception", True), "Zero": ("sys.exit", True), "Three": ("sys.exit", False)} == exits
    assert 3 == result.log.one("process.exiting", "Three")["exitcode"]
    assert ["Three failed: it called sys.exit(), which in a thread ends that thread alone"] == result.log.finished[
        "reasons"
    ]


def test_the_end_of_the_main_program(tmp_path: Path) -> None:
    """Python waits for threads that are no daemons, joined or not, and cuts daemons off; both are told."""
    daemon = {"name": "Daemon", "target": "actors:say_and_stay", "daemon": True, "join": False}
    result = play(
        tmp_path,
        {"name": "Slow", "target": "actors:outlive_main", "uses": {"event": "there"}, "join_timeout": 0},
        {**daemon, "uses": {"event": "there"}},
        sync={"there": {"type": "Event"}},
    )
    log = result.log
    assert ("passed", []) == (result.outcome, log.all("process.finished", "Daemon"))
    assert log.one("process.alive", "Slow")["alive"] is True
    log.one("process.join_timed_out", "Slow")
    assert ["Slow"] == log.one("process.lingering", "MainProcess")["threads"]
    main, slow, daemon = (log.one("process.exited", name) for name in ("MainProcess", "Slow", "Daemon"))
    assert slow["seq"] < main["seq"] < daemon["seq"]
    assert ("daemon", True, None) == (daemon["cause"], daemon["allowed"], daemon["exitcode"])
    assert daemon["reason"] == "cut off because the main program ended: a daemon thread does not outlive it"
    assert ["here to stay"] == log.output("Daemon")


def test_a_crash_takes_all_threads(tmp_path: Path) -> None:
    """What ends the process ends every thread in it; a process beside it is not concerned."""
    result = play(
        tmp_path,
        {"name": "Apart", "worker": "process", "target": "sleep", "kwargs": {"seconds": 0.1}, "join": False},
        {"name": "W", "target": "hang"},
        {"name": "C", "target": "crash", "kwargs": {"after": 0.2}},
    )
    causes = {e["process"]: e["cause"] for e in result.log.all("process.exited")}
    assert {"MainProcess": "crash", "W": "cut_off", "C": "cut_off"}.items() <= causes.items()
    # On a busy machine the process beside it may still be there, and lose its parent.
    beside = ("Apart", "a process was left behind without its parent")
    assert ["the main program failed: it crashed: SIGSEGV (segmentation fault)"] == [
        reason for reason in result.log.finished["reasons"] if not any(words in reason for words in beside)
    ]
    assert 1 == result.status


def test_a_crash_that_is_the_point(tmp_path: Path) -> None:
    """Where an expectation names the end of the main program, it is no failure, nor is that of its threads."""
    processes = {"name": "W", "target": "hang"}, {"name": "C", "target": "crash"}
    named = {"exists": {"event": "process.exited", "process": "MainProcess", "cause": "crash"}}
    result = play(tmp_path, *processes, expect=[named])
    assert (0, "passed", []) == (result.status, result.outcome, result.log.finished["reasons"])
    result = play(tmp_path, *processes, expect=[{"exitcodes": {"MainProcess": -6}}])
    assert (1, "failed") == (result.status, result.outcome)


def test_a_deadlock_names_threads(tmp_path: Path) -> None:
    """Two threads that wait for each other are found out at once; each is reported with its own wait and stack."""
    one = {"target": "actors:swap"}
    result = play(
        tmp_path,
        {"name": "Left", "from": "to_left", "to": "to_right", **one},
        {"name": "Right", "from": "to_right", "to": "to_left", **one},
        queues={"to_left": {}, "to_right": {}},
    )
    stalled = result.log.one("scenario.stalled")
    assert (3, "deadlock") == (result.status, stalled["cause"])
    assert stalled["reason"] == (
        "Left and Right wait for each other in a circle: Left for an item from queue 'to_left', which Right would "
        "put; Right for an item from queue 'to_right', which Left would put"
    )
    told = {p["process"]: p for p in stalled["processes"]}
    assert ["MainProcess", "Left", "Right"] == list(told)
    assert "Left" == told["MainProcess"]["on_process"]
    for name in ("Left", "Right"):
        assert ("waiting", f"to_{name.lower()}") == (told[name]["state"], told[name]["queue"])
        assert told[name]["stack"][-1].endswith("in swap")
    assert [] == result.log.all("scenario.timed_out")


def test_a_deadline_tells_what_threads_do(tmp_path: Path) -> None:
    """One computes, one sleeps: each is reported as what it is, and where it is in its code."""
    busy = {"name": "Busy", "target": "actors:burst", "kwargs": {"seconds": 60}}
    text = scenario(busy, {"name": "Idle", "target": "hang"}, worker="thread", timeout=1.5)
    result = stopped_at_its_deadline(lambda text: run(tmp_path, text), text)
    told = {p["process"]: p for p in result.log.one("scenario.stalled")["processes"]}
    assert told["Busy"]["stack"][0].endswith("in burst")
    assert told["Idle"]["stack"][-1].endswith("in hang")
    assert ("waiting", "the end of its sleep") == (told["Idle"]["state"], told["Idle"]["waiting_for"])


def test_usage_is_the_threads_own(tmp_path: Path) -> None:
    """Processor time and switches are counted per thread; memory, which they share, is not."""
    result = play(
        tmp_path,
        {"name": "Busy", "target": "spin", "kwargs": {"seconds": 0.2}},
        {"name": "Idle", "target": "sleep", "kwargs": {"seconds": 0.2}},
    )
    busy, idle = (result.log.one("process.exited", name) for name in ("Busy", "Idle"))
    assert busy["cpu_user"] + busy["cpu_system"] >= 0.19
    assert idle["cpu_user"] + idle["cpu_system"] < busy["cpu_user"] + busy["cpu_system"]
    assert idle["voluntary_switches"] >= 1
    assert busy["max_rss"] is None


def test_a_process_class_is_refused(tmp_path: Path) -> None:
    """No thread can run a subclass of Process; the error has its place and its way out."""
    result = play(
        tmp_path,
        {"name": "W", "target": "actors:Worker", "kwargs": {"word": "x"}, "to": "q"},
        queues={"q": {"collect": 1}},
    )
    assert (2, "refused") == (result.status, result.outcome)
    assert "write `worker: process` for it, or give a function" in result.stderr
