"""The first eleven scenarios do what the book says, and their logs are what the contract says.

Those for which the start method matters run under each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from bundled_runs import BundledRuns, selected
from support import METHODS, Log, Result, check_order, check_schema, look_at

ELEVEN = {
    "consumers-until-empty",
    "count-down",
    "crash-isolation",
    "daemon",
    "daemon-join",
    "names",
    "outlives-its-join",
    "pids",
    "poison-pill",
    "single-worker",
    "terminate",
}
CPUS = os.cpu_count() or 1
SLEEPY = {"count-down", "names", "daemon", "daemon-join", "outlives-its-join"}
"""They are begun first, since they take longest."""
RUNS = [(name, method) for name in sorted(ELEVEN) for method in METHODS]
PRIMES = [2, 36, 101, 193, 323, 513, 1327, 100000, 9999999, 433785907]

RunOf = Callable[[str, str], Result]
Get = Callable[[str], Result]

every_run = pytest.mark.parametrize(("name", "method"), RUNS)


@pytest.fixture(scope="module")
def run_of(bundled_runs: BundledRuns, request: pytest.FixtureRequest) -> Iterator[RunOf]:
    """Return a function that gives a run of one of them; those that sleep long are begun first."""
    with bundled_runs.ahead(sorted(selected(request), key=lambda run: run[0] not in SLEEPY)):
        yield bundled_runs.get


@pytest.fixture
def get(run_of: RunOf, method: str) -> Get:
    """Return a function that gives the run of a bundled scenario under this test's start method."""
    return lambda name: look_at(run_of(name, method))


def lines_of(log: Log, process: str) -> list[str]:
    """Return what a process printed."""
    return log.output(process, "stdout")


def duration(result: Result) -> float:
    """Return how long the scenario itself took: from the first start to the last exit."""
    started = result.log.all("process.started", "MainProcess")[0]["t"]
    return float(max(e["t"] for e in result.log.all("process.exited")) - started)


@every_run
def test_the_log_keeps_the_contract(run_of: RunOf, name: str, method: str) -> None:
    """Each line fits the schema; numbers, causal order and the books of the queues are checked of every run."""
    result = run_of(name, method)
    check_schema(result.log.events, every=True)
    check_order(result.log.events)
    assert "" == result.stderr or name == "consumers-until-empty"
    assert (name, method) == (result.log.events[0]["scenario"], result.log.events[0]["start_method"])
    for exited in result.log.all("process.exited"):
        assert exited["reason"]
    if name != "consumers-until-empty":
        assert (0, "passed", []) == (result.status, result.outcome, result.log.finished["reasons"])


def test_count_down(get: Get) -> None:
    """A and B count 5…1 side by side, 2.5 s each: both have begun before one is done."""
    result = get("count-down")
    for name in "AB":
        counted = [f"Process {name} counting down: {number}..." for number in (5, 4, 3, 2, 1)]
        assert [f"Process {name} starting...", *counted, f"Process {name} exiting..."] == lines_of(result.log, name)
    lasted = [result.log.one("process.finished", name)["duration"] for name in "AB"]
    assert 2.5 <= min(lasted) <= duration(result)
    first_end = min(e["seq"] for e in result.log.all("process.finished") if e["process"] in "AB")
    assert all(result.log.one("process.started", name)["seq"] < first_end for name in "AB")


def test_names(get: Get) -> None:
    """Two have the names given, the third is Process-3: as they themselves print."""
    log = get("names").log
    for name in ("Worker 1", "Worker 2", "Process-3"):
        assert [f"Starting {name}", f"Exiting {name}"] == lines_of(log, name)
    assert ["Worker 1", "Worker 2", "Process-3"] == [e["process"] for e in log.all("process.starting")]


def test_pids(get: Get, method: str) -> None:
    """The child's parent is the main program (under forkserver, the server), as both sides say."""
    log = get("pids").log
    main, child = log.one("process.started", "MainProcess"), log.one("process.started", "Process-1")
    printed = dict(line.partition(": ")[::2] for line in lines_of(log, "Process-1"))
    assert "Process-1" == printed["Process name"]
    assert (str(child["pid"]), str(child["ppid"])) == (printed["Current process ID"], printed["Parent process ID"])
    assert ("MainProcess", None) == (child["parent"], main["parent"])
    assert (method != "forkserver") == (main["pid"] == child["ppid"])
    assert main["pid"] != child["pid"]


def test_daemon(get: Get) -> None:
    """Worker 2 finishes; Worker 1, a daemon, never does and its end is explained; that is after 3 s."""
    result = get("daemon")
    log = result.log
    assert ["Starting Worker 2", "Exiting Worker 2"] == lines_of(log, "Worker 2")
    assert [] == log.all("process.finished", "Worker 1")
    exited = log.one("process.exited", "Worker 1")
    begun = next((each["t"] for each in log.all("process.started", "Worker 1")), exited["t"])
    told = lines_of(log, "Worker 1")  # nothing only where a busy machine has given it no time for that
    assert told == ["Starting Worker 1"] or (told == [] and exited["t"] - begun < 0.5)
    assert ("daemon", "SIGTERM", "MainProcess", -15, True) == tuple(
        exited[key] for key in ("cause", "signal", "by", "exitcode", "allowed")
    )
    assert "the main program ended" in exited["reason"]
    assert "returned" == log.one("process.exited", "Worker 2")["cause"]
    assert (True, False) == tuple(log.one("process.starting", name)["daemon"] for name in ("Worker 1", "Worker 2"))
    assert log.one("process.finished", "MainProcess")["seq"] < exited["seq"]
    assert 3.0 <= duration(result)


def test_daemon_join(get: Get) -> None:
    """join(1) on the daemon times out, is_alive() is true, and the daemon ends with the main program."""
    log = get("daemon-join").log
    timed_out = log.one("process.join_timed_out", "Worker 1")
    assert (1, "MainProcess") == (timed_out["timeout"], timed_out["by"])
    assert 1.0 <= timed_out["waited"]
    assert log.one("process.alive", "Worker 1")["alive"] is True
    assert [] == log.all("process.finished", "Worker 1")
    assert "daemon" == log.one("process.exited", "Worker 1")["cause"]
    joined = log.one("process.joined", "Worker 2")
    order = [timed_out, log.one("process.alive"), joined, log.one("process.exited", "Worker 1")]
    assert sorted(e["seq"] for e in order) == [e["seq"] for e in order]


def test_single_worker(get: Get) -> None:
    """One object goes to one process, which does the work; close and join_thread are told."""
    log = get("single-worker").log
    put, got = log.one("queue.put"), log.one("queue.get")
    assert ("MainProcess", "Process-1", put["item_id"]) == (put["process"], got["process"], got["item_id"])
    assert [True] == ["Fancy Dan" in line and "Process-1" in line for line in lines_of(log, "Process-1")]
    own = log.names("MainProcess")
    assert own.index("queue.put") < own.index("queue.closed") < own.index("queue.thread_joined")


def test_consumers_until_empty(get: Get, method: str) -> None:
    """It passes or hangs; where it hangs, it ends well before its deadline, with a sentence that names the queue.

    Nobody joins the consumers. Where they are slow to start, the main program may be over, and its semaphores gone,
    before the last of them is there: multiprocessing then fails in that consumer, here as in a plain script.
    """
    result = get("consumers-until-empty")
    if result.status == 0:
        assert "passed" == result.outcome
        return
    if result.status == 1:
        assert "fork" != method
        assert ["unstarted"] == [e["cause"] for e in result.log.all("process.exited", allowed=False)]
        assert any(line.startswith("FileNotFoundError") for line in result.log.output("MainProcess", "stderr"))
        return
    assert (3, "stalled") == (result.status, result.outcome)
    stalled = result.log.one("scenario.stalled")
    assert "deadlock" == stalled["cause"]
    assert "'tasks'" in stalled["reason"] or "tasks.join()" in stalled["reason"]
    assert [stalled["reason"]] == result.log.finished["reasons"]
    assert [] == result.log.all("scenario.timed_out")
    assert result.stderr.startswith("run-scenario: consumers-until-empty: stalled after ")


def test_poison_pill(get: Get) -> None:
    """Every task is got once and answered once, each consumer takes one pill, and all are joined by name."""
    result = get("poison-pill")
    log = result.log
    gets = log.all("queue.get", queue="tasks")
    assert sorted(PRIMES) == sorted(e["item"] for e in gets if e["item"] is not None)
    consumers = [f"Consumer-{number + 1}" for number in range(CPUS)]
    assert consumers == sorted(e["process"] for e in gets if e["item"] is None)
    for consumer in consumers:
        done = [e["item"] for e in gets if e["process"] == consumer]
        assert done[-1] is None
        tasks = [f"{consumer} processing task: {item}" for item in done[:-1]]
        assert [*tasks, f"Exiting {consumer}..."] == lines_of(log, consumer)
        assert len(done) == len(log.all("queue.task_done", consumer))
        assert len(done) - 1 == len(log.all("queue.put", consumer, queue="results"))
    assert len(PRIMES) == len(log.all("queue.get", "MainProcess", queue="results"))
    assert "tasks" == log.one("queue.joined", "MainProcess")["queue"]
    assert [0] == sorted({e["unfinished"] for e in log.all("queue.task_done")})[:1]


def test_terminate(get: Get) -> None:
    """The terminated one never cleans up; is_alive() is asked before, right after terminate() and after join()."""
    log = get("terminate").log
    begun = bool(log.all("process.started", "Terminated"))  # on a busy machine it may be over before that, or just then
    assert lines_of(log, "Terminated") in ([], ["Terminated: working"][:begun])
    assert "Left alone: finally cleans up" in lines_of(log, "Left alone")
    own = [(e["event"].removeprefix("process."), e.get("alive")) for e in log.events if e["process"] == "Terminated"]
    own = [
        (name, alive) for name, alive in own if name in ("join_timed_out", "alive", "terminating", "exited", "joined")
    ]
    assert [("join_timed_out", None), ("alive", True), ("terminating", None)] == own[:3]
    assert ["alive", "alive", "exited", "joined"] == sorted(name for name, _ in own[3:])
    assert ("alive", False) == own[-1]
    exited = log.one("process.exited", "Terminated")
    assert ("terminated", "SIGTERM", "MainProcess", -15) == tuple(
        exited[key] for key in ("cause", "signal", "by", "exitcode")
    )


def test_crash_isolation(get: Get, method: str) -> None:
    """One dies by SIGSEGV, one by an exception; both counters reach 1, and all four ends are proper."""
    log = get("crash-isolation").log
    crashed, failed = log.one("process.exited", "Crashing"), log.one("process.exited", "Failing")
    assert ("crash", "SIGSEGV", -11, True) == tuple(crashed[key] for key in ("cause", "signal", "exitcode", "allowed"))
    assert ("exception", None, 1, True) == tuple(failed[key] for key in ("cause", "signal", "exitcode", "allowed"))
    told = log.one("process.failed", "Failing")
    assert ("ValueError", "no such colour") == (told["exception"], told["message"])
    assert told["traceback"].startswith("Traceback (most recent call last):")
    assert "run_scenario/engine" not in told["traceback"]
    for name in ("Counting 1", "Counting 2"):
        assert f"Process {name} counting down: 1..." in lines_of(log, name)
        finished = log.one("process.finished", name)
        assert finished["duration"] >= 2.0
        if method != "forkserver":  # there the main program learns of an end only when it joins
            assert finished["seq"] > crashed["seq"]


def test_outlives_its_join(get: Get) -> None:
    """The join runs out of time, the process does not: multiprocessing waits for it at the main program's end."""
    log = get("outlives-its-join").log
    assert 0.5 == log.one("process.join_timed_out", "Slow")["timeout"]
    assert log.one("process.alive", "Slow")["alive"] is True
    finished = log.one("process.finished", "Slow")
    assert log.one("process.joined", "Quick")["seq"] < finished["seq"]
    assert log.one("process.finished", "MainProcess")["seq"] < finished["seq"]
    assert "returned" == log.one("process.exited", "Slow")["cause"]
    assert ["Starting Slow", "Exiting Slow"] == lines_of(log, "Slow")
