"""Every bundled scenario ends as it is to end, under each start method, and shows what its description promises.

The first eleven are looked at in test_bundled_runs.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from bundled_runs import BundledRuns, selected
from support import METHODS, Log, Result, check_schema, look_at
from test_bundled_runs import ELEVEN

from effort import in_part
from intended import STALLING
from run_scenario import bundled

_START_METHOD = re.compile(r"^start_method: (\w+)", re.MULTILINE)
FIXED = {path.stem: (_START_METHOD.findall(path.read_text()) or [None])[0] for path in bundled.scenarios()}
RUNS = [(name, method) for name in FIXED if name not in ELEVEN for method in METHODS if FIXED[name] in (None, method)]
"""Where the file itself says how processes are started, that is how."""

RunOf = Callable[[str, str], Result]
Get = Callable[[str], Log]


@pytest.fixture(scope="module")
def run_of(bundled_runs: BundledRuns, request: pytest.FixtureRequest) -> Iterator[RunOf]:
    """Return a function that gives the run of a bundled scenario under a start method."""
    with bundled_runs.ahead(selected(request)):
        yield bundled_runs.get


@pytest.fixture(params=METHODS)
def get(request: pytest.FixtureRequest, run_of: RunOf) -> Get:
    """Return a function that gives the log of a bundled scenario under this test's start method."""
    return lambda name: look_at(run_of(name, request.param)).log


@pytest.mark.parametrize(("name", "method"), in_part(RUNS, 4))
def test_it_ends_as_intended(run_of: RunOf, name: str, method: str) -> None:
    """All pass; what is to stall stalls, which is recognised long before its deadline, with the whole reason."""
    result = run_of(name, method)
    reasons = result.log.finished["reasons"]
    assert (0, "") == (result.status, result.stderr), reasons
    check_schema(result.log.events, every=True)
    assert (name, method) == (result.log.events[0]["scenario"], result.log.events[0]["start_method"])
    if name in STALLING:
        stalled = result.log.one("scenario.stalled")
        assert ("stalled", "deadlock", [stalled["reason"]]) == (result.outcome, stalled["cause"], reasons)
        assert any(all(text in stalled["reason"] for text in words) for words in STALLING[name]), stalled["reason"]
        assert [] == result.log.all("scenario.timed_out")
    else:
        assert ("passed", []) == (result.outcome, reasons)


def causes(log: Log) -> dict[str, tuple[str, int]]:
    """Return cause and exit code of each process that the scenario describes."""
    described = {e["process"] for e in log.all("process.starting")}
    exits = [e for e in log.all("process.exited") if e["process"] in described]
    return {e["process"]: (e["cause"], e["exitcode"]) for e in exits}


def heard(log: Log) -> dict[str, str]:
    """Return which processes have returned, and which have failed, as they have said themselves.

    Under the start method forkserver, a main program that never comes to join them does not learn their exit codes.
    """
    ends = [e for e in log.events if e["event"] in ("process.finished", "process.failed")]
    return {e["process"]: e["event"].removeprefix("process.") for e in ends}


def order(log: Log, *wanted: tuple[str, str]) -> list[int]:
    """Return at which lines these events of these processes stand."""
    return [log.one(event, process)["seq"] for event, process in wanted]


def got(log: Log, process: str, queue: str) -> list[object]:
    """Return the items that a process got from a queue, in order."""
    return [e["item"] for e in log.all("queue.get", process, queue=queue)]


# Processes


def test_start_methods(get: Get) -> None:
    """Each process says by which method it was started."""
    log = get("start-methods")
    method = log.events[0]["start_method"]
    assert f"Process-1 was started by {method}: its memory is" in log.output("Process-1")[0]
    assert "Whose child am I" == log.output("Process-2")[0]


def test_own_resources(get: Get) -> None:
    """Each prints its own: ids, threads, files, memory, time, context switches."""
    log = get("own-resources")
    for name in ("First", "Second"):
        lines = log.output(name, "stdout")
        started = log.one("process.started", name)
        assert f"{name}: process id {started['pid']}, child of {started['ppid']}" == lines[0]
        assert ["thread", "files", "most", "time", "it"] == [line.split()[-1] for line in lines[1:]]
    first, second = (log.one("process.exited", name) for name in ("First", "Second"))
    assert 0.1 < first["cpu_user"] + first["cpu_system"]
    assert 0.3 < second["cpu_user"] + second["cpu_system"]


def test_own_memory(get: Get) -> None:
    """What one fills, the other does not have."""
    log = get("own-memory")
    large, small = (log.one("process.exited", name)["max_rss"] for name in ("Large", "Small"))
    assert large - small > 90 << 20
    assert ["Large holds 100 MB of its own"] == log.output("Large")


def test_context_switches(get: Get) -> None:
    """Who sleeps gives way of its own will, again and again."""
    assert get("context-switches").one("process.exited", "Sleeping")["voluntary_switches"] >= 90


def test_speed_up(get: Get) -> None:
    """Both compute at the same time, or by turns: each has begun before the other is done."""
    log = get("speed-up")
    began = max(log.one("process.started", name)["seq"] for name in ("One", "Two"))
    assert began < min(log.one("process.finished", name)["seq"] for name in ("One", "Two"))


def test_zombie(get: Get) -> None:
    """Whoever has ended and was not waited for is a zombie, unless the fork server is its parent."""
    log = get("zombie")
    by_server = log.events[0]["start_method"] == "forkserver"
    pid = log.one("process.started", "Quick")["pid"]
    assert (f"process ID: {pid}, a sibling: a zombie" in log.output("Looking")) != by_server
    assert order(log, ("process.finished", "Looking"), ("process.joined", "Quick")) == sorted(
        order(log, ("process.finished", "Looking"), ("process.joined", "Quick"))
    )


def test_own_child(get: Get) -> None:
    """The process waits for its child."""
    assert ["Parent has a child", "Parent: the child has ended with exit code 0"] == get("own-child").output("Parent")


# Daemons


@pytest.mark.fault("F21", event="process.failed", status=0)
def test_daemon_children(get: Get) -> None:
    """Only the daemon may not have a child."""
    log = get("daemon-children")
    failed = log.one("process.failed", "Daemon")
    assert ("AssertionError", "daemonic processes are not allowed to have children") == (
        failed["exception"],
        failed["message"],
    )
    assert {"Daemon": ("exception", 1), "Ordinary": ("returned", 0)} == causes(log)


def test_daemon_cleanup(get: Get) -> None:
    """The daemon is terminated in the midst of its work."""
    log = get("daemon-cleanup")
    assert ["Worker: working"] == log.output("Worker")
    assert ("daemon", -15) == causes(log)["Worker"]


@pytest.mark.fault("F19", event="process.terminating", status=0)
def test_deaf_daemon(get: Get) -> None:
    """The main program terminates the daemon, and has to wait for it all the same."""
    log = get("deaf-daemon")
    assert ["Deaf ignoring SIGTERM", "Exiting Deaf"] == log.output("Deaf")
    steps = order(log, ("process.finished", "MainProcess"), ("process.terminating", "Deaf"), ("process.exited", "Deaf"))
    assert sorted(steps) == steps
    assert ("returned", 0) == causes(log)["Deaf"]


def test_threads_take_turns(get: Get) -> None:
    """With an interpreter lock the run takes the sum of what they compute; without one, the log says so."""
    log = get("threads-take-turns")
    assert log.finished["duration"] >= 0.6 or log.events[0].get("free_threaded")


# Endings


def test_kill_and_terminate(get: Get) -> None:
    """SIGTERM is ignored, SIGKILL cannot be."""
    log = get("kill-and-terminate")
    assert {"Terminated": ("returned", 0), "Killed": ("killed", -9)} == causes(log)
    steps = order(log, ("process.terminating", "Terminated"), ("process.finished", "Terminated"))
    assert sorted(steps) == steps


def test_exit_codes(get: Get) -> None:
    """What each exit code stands for is told beside it."""
    assert {
        "Returns": ("returned", 0),
        "Leaves with 3": ("sys.exit", 3),
        "Leaves with 1": ("sys.exit", 1),
        "Fails": ("exception", 1),
        "Is aborted": ("crash", -6),
        "Is killed": ("signal", -9),
    } == causes(get("exit-codes"))


def test_exit_codes_lie(get: Get) -> None:
    """Three failures have exit code 0."""
    log = get("exit-codes-lie")
    assert {
        "Thread failed": ("returned", 0),
        "256 failures": ("sys.exit", 0),
        "300 failures": ("sys.exit", 44),
        "Hard exit": ("vanished", 0),
    } == causes(log)
    assert "RuntimeError: failed on purpose" == log.output("Thread failed", "stderr")[-1]


def test_sys_exit(get: Get) -> None:
    """The others go on."""
    log = get("sys-exit")
    assert {"Leaving": ("sys.exit", 2), "Staying": ("returned", 0)} == causes(log)


def test_orphan(get: Get) -> None:
    """The child goes on without its parent, and is ended after the run."""
    log = get("orphan")
    assert ("terminated", -15) == causes(log)["Parent"]
    orphans = {e["pid"] for e in log.all("process.orphaned")}
    assert orphans
    assert orphans <= {e["pid"] for e in log.all("process.exited")}


def test_lingering_thread(get: Get) -> None:
    """The process with an ordinary thread ends a second after its target."""
    log = get("lingering-thread")
    lingering = log.one("process.lingering")
    assert ("Ordinary", 1) == (lingering["process"], len(lingering["threads"]))
    assert log.one("process.exited", "Ordinary")["t"] - log.one("process.started", "Ordinary")["t"] >= 1.0
    assert [] == log.all("process.lingering", "Daemonic")


@pytest.mark.fault("F28", event="process.exited", status=0)
def test_never_joined(get: Get) -> None:
    """The main program is done at once, and ends after both."""
    log = get("never-joined")
    steps = order(
        log, ("process.finished", "MainProcess"), ("process.joining", "Slow"), ("process.exited", "MainProcess")
    )
    assert sorted(steps) == steps


# Queues


def test_waiting_get(get: Get) -> None:
    """The first get() waits for the producer, for about two seconds."""
    first = get("waiting-get").all("queue.get", "Consumer")[0]
    assert (0, True) == (first["item"], first["waited"] > 0.1)


def test_giving_up(get: Get) -> None:
    """The consumer takes what is there and gives up; what comes later is left over."""
    log = get("giving-up")
    assert [1, 2, 3] == got(log, "Consumer", "numbers")
    assert ("get", True) == tuple(log.all("queue.empty", "Consumer")[-1][key] for key in ("call", "empty"))
    assert [4] == log.one("queue.left_over")["items"]


def test_pipeline(get: Get) -> None:
    """The order is kept from step to step, and one pill ends them all."""
    log = get("pipeline")
    assert [2, 3, 5, 7, 11, None] == got(log, "Squaring", "numbers")
    assert [4, 9, 25, 49, 121, None] == got(log, "Doubting", "squares")
    assert [f"{n} is not a prime number." for n in (4, 9, 25, 49, 121)] == got(log, "MainProcess", "answers")[:5]


@pytest.mark.parametrize(("name", "count"), [("shared-work", 6), ("even-shares", 6)])
def test_work_is_shared(get: Get, name: str, count: int) -> None:
    """Each task is done once, by whoever was free; each worker leaves by a pill of its own."""
    gets = get(name).all("queue.get", queue="tasks")
    workers = {e["process"] for e in get(name).all("process.starting")}
    assert count == len([e for e in gets if e["item"] is not None])
    assert sorted(workers) == sorted(e["process"] for e in gets if e["item"] is None)


def test_uneven_shares(get: Get) -> None:
    """Each has done its own three tasks, which take the one much longer than the other."""
    log = get("uneven-shares")
    assert ([0.6, 0.6, 0.6, None], [0.1, 0.1, 0.1, None]) == (got(log, "Unlucky", "long"), got(log, "Lucky", "short"))
    assert 1.8 <= log.one("process.finished", "Unlucky")["duration"]


def test_out_of_order(get: Get) -> None:
    """The answers come as they are ready: the last task is answered first."""
    log = get("out-of-order")
    assert [1.2, 0.6, 0.1] == [e["item"] for e in log.all("queue.put", "MainProcess")]
    assert [0.1, 0.6, 1.2] == got(log, "MainProcess", "answers")


def test_back_pressure(get: Get) -> None:
    """The producer waits for room."""
    puts = get("back-pressure").all("queue.put", "Producer")
    assert 11 == len(puts)
    assert sum(e["waited"] for e in puts) > 0.5


def test_two_producers(get: Get) -> None:
    """The numbers of each arrive in its order."""
    items = got(get("two-producers"), "MainProcess", "numbers")
    assert ([1, 2, 3], [10, 20, 30]) == ([n for n in items if n < 10], [n for n in items if n >= 10])


def test_joined_queue(get: Get) -> None:
    """The join of the queue returns after the last task_done(), not when the queue is empty."""
    log = get("joined-queue")
    done = log.all("queue.task_done", "Worker")
    assert 0 == done[-1]["unfinished"]
    assert done[-1]["seq"] < log.one("queue.joined")["seq"]


def test_simple_queue(get: Get) -> None:
    """put() returns only while the reader takes."""
    log = get("simple-queue")
    said = next(e for e in log.all("process.output", "Sender") if "has put" in e["text"])
    assert log.one("process.starting", "Late")["seq"] < said["seq"]


# Faults


def test_drain_before_join(get: Get) -> None:
    """Both texts are taken before the join begins."""
    log = get("drain-before-join")
    assert log.all("queue.get", "MainProcess")[-1]["seq"] < log.one("process.joining", "Sender")["seq"]


def test_items_that_vanish(get: Get) -> None:
    """It is told what became of them."""
    dropped = get("unpicklable-item").one("queue.item_dropped", "Sender")
    assert (2, "results") == (dropped["item_id"], dropped["queue"])
    assert "finished" == heard(get("unpicklable-item"))["Sender"]
    assert get("lost-items").one("queue.items_lost", "Hurrying")["count"] > 0
    assert "Hurrying" not in heard(get("lost-items"))


@pytest.mark.fault("F05", event="queue.item_mutated", status=0)
def test_mutated_item(get: Get) -> None:
    """What arrives is what became of the item after put(), and that is told."""
    log = get("mutated-item")
    told = log.one("queue.item_mutated")
    assert (["as it was put"], ["changed after put()"]) == (told["put"], told["got"])
    assert told["put"] == log.one("queue.put", item_id=told["item_id"])["item"]
    assert told["got"] == log.one("queue.get", item_id=told["item_id"])["item"]


@pytest.mark.fault("F09", event="process.failed", status=0)
def test_unloadable_item(get: Get) -> None:
    """It is the taker that fails."""
    log = get("unloadable-item")
    assert {"Sender": ("returned", 0), "Taker": ("exception", 1)} == causes(log)
    assert "this object cannot be unpickled" == log.one("process.failed", "Taker")["message"]
    failed = log.one("queue.get_failed", "Taker")
    assert failed["error"].endswith("this object cannot be unpickled")
    assert failed["item"] == log.one("queue.put", item_id=failed["item_id"])["item"]


def test_missing_pill(get: Get) -> None:
    """All tasks are done, and one worker has left."""
    log = get("missing-pill")
    assert 4 == len([e for e in log.all("queue.get", queue="tasks") if e["item"] is not None])
    assert ["finished"] == list(heard(log).values())


def test_dead_consumer(get: Get) -> None:
    """The consumer has failed before."""
    assert "failed" == heard(get("dead-consumer"))["Consumer"]
