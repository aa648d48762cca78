"""Every run ends: a deadlock is recognised and explained, what may still move is left alone, the deadline holds."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import Result, Running, run, scenario, stopped_at_its_deadline

from effort import in_part

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
    "nobody takes what is joined": (
        scenario(
            {"name": "P", "target": "produce", "to": "q", "kwargs": {"count": 2}},
            queues={"q": {"type": "JoinableQueue"}},
            main=[{"start": "P"}, {"join": "P"}, {"join_queue": "q"}, {"get": "q"}, {"get": "q"}],
        ),
        ["task_done() is missing for 2 of 2 items, and no other process takes from it"],
        {"MainProcess": "q"},
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


@pytest.mark.parametrize("shape", in_part(DEADLOCKS, 2))
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
    for ended in waiting:
        assert "run-scenario" == result.log.one("process.exited", ended)["by"]
    assert stalled["reason"] in result.stderr


SURPRISES: dict[str, tuple[str, str, str, list[str]]] = {
    "set() inside the process's own wait()": (
        scenario(
            {"name": "Server", "target": "actors:set_in_own_handler", "uses": {"event": "stop"}},
            sync={"stop": {"type": "Event"}},
        ),
        "waits_for_itself",
        "Server waits for ever inside event 'stop', in set(), which it called while it was itself waiting there",
        ["set"],
    ),
    "all are joined before a bounded queue is emptied": (
        scenario(
            {"name": "D", "replicas": 4, "target": "produce", "to": "results", "kwargs": {"count": 1}},
            queues={"results": {"maxsize": 2}},
            main=[{"start": "D"}, {"join": "D"}, {"get": "results"}],
        ),
        "cycle",
        " wait for ever for room in queue 'results' (maxsize 2, 2 in it): the main program would take from it, but "
        "first it waits for the end of D-",
        ["first_put", "last_put"],
    ),
    "notify() comes before wait()": (
        scenario(
            {
                "name": "Taker",
                "target": "actors:wait_once_told",
                "uses": {"condition": "ready", "event": "go"},
            },
            sync={"ready": {"type": "Condition"}, "go": {"type": "Event"}},
            main=[
                {"start": "Taker"},
                *({verb: "ready"} for verb in ("acquire", "notify", "release")),
                {"set": "go"},
                {"join": "Taker"},
            ],
        ),
        "nobody_notifies",
        "when nobody waited for it, and nobody is left who could notify it again",
        ["notified_nobody", "waiting"],
    ),
    "one of two is notified": (
        scenario(
            {"name": "W", "replicas": 2, "steps": [{"with": "door", "steps": [{"release": "here"}, {"wait": "door"}]}]},
            {"name": "N", "steps": [*[{"acquire": "here"}] * 2, {"with": "door", "steps": [{"notify": "door"}]}]},
            sync={"door": {"type": "Condition"}, "here": {"type": "Semaphore", "value": 0}},
        ),
        "nobody_notifies",
        " (1 process at most), after which W-",
        ["notified", "waiting", "woken"],
    ),
    "who is notified waits again": (
        scenario(
            {"name": "W", "steps": [{"with": "door", "steps": [{"release": "here"}, *[{"wait": "door"}] * 2]}]},
            {"name": "N", "steps": [{"acquire": "here"}, {"with": "door", "steps": [{"notify_all": "door"}]}]},
            sync={"door": {"type": "Condition"}, "here": {"type": "Semaphore", "value": 0}},
        ),
        "nobody_notifies",
        ", after which W woke up, and waits again, and nobody is left who could notify it again",
        ["notified", "waiting", "woken"],
    ),
    "an event is set and cleared while somebody waits": (
        scenario(
            {"name": "W", "steps": [{"release": "here"}, {"wait": "go"}, {"clear": "go"}, {"wait": "go"}]},
            {"name": "S", "steps": [{"acquire": "here"}, {"set": "go"}]},
            sync={"go": {"type": "Event"}, "here": {"type": "Semaphore", "value": 0}},
        ),
        "event_never_set",
        " (after which W woke up, and waits again) and cleared by W after ",
        ["set", "cleared", "waiting", "woken"],
    ),
    "the only one who puts fails": (
        scenario(
            {
                "name": "P",
                "exitcode": 1,
                "steps": [{"put": 1, "to": "q"}, {"raise": "ValueError", "message": "no ink"}],
            },
            {"name": "C", "steps": [{"repeat": 2, "steps": [{"get": "q"}]}]},
            queues={"q": {}},
        ),
        "starved_get",
        "the one item put is taken, and nobody is left who could put another (P has failed: ValueError: no ink)",
        ["failed", "ended"],
    ),
    "one of those who meet exits": (
        scenario(
            {"name": "A", "steps": [{"wait": "line"}]},
            {
                "name": "B",
                "exitcode": 3,
                "steps": [
                    {"let": {"comes": "${random() > 2}"}},
                    {"if": "$comes", "then": [{"wait": "line"}]},
                    {"exit": 3},
                ],
            },
            sync={"line": {"type": "Barrier", "parties": 2}},
        ),
        "barrier_short",
        "it opens when 2 have come, only 1 did, and nobody else is left (B has ended with exit code 3)",
        ["ended"],
    ),
    "a lock is held while a put waits for room": (
        scenario(
            {
                "name": "Requester",
                "target": "actors:put_while_holding",
                "uses": {"lock": "gate", "event": "there"},
                "to": {"queue": "box"},
            },
            {
                "name": "Collector",
                "target": "actors:acquire_then_take",
                "uses": {"lock": "gate", "event": "there"},
                "from": {"queue": "box"},
            },
            queues={"box": {"maxsize": 1}},
            sync={"gate": {"type": "Lock"}, "there": {"type": "Event"}},
        ),
        "cycle",
        "Requester and Collector wait for each other in a circle: Requester for room in queue 'box' (maxsize 1, 1 in "
        "it), from which Collector would take; Collector for lock 'gate', which Requester holds",
        ["acquired"],
    ),
    "nobody joins who cannot end": (
        scenario(
            {"name": "Idle", "target": "sleep", "kwargs": {"seconds": 0}},
            queues={"big": {}, "none": {}},
            main=[
                {"start": "Idle"},
                {"put": "x" * 50_000, "to": "big"},
                {"put": "x" * 50_000, "to": "big"},
                {"get": "none", "timeout": 0.05},
            ],
        ),
        "exit_blocked_by_feeder",
        "the main program cannot end after Empty: it has put items on queue 'big' that do not fit into its pipe, and a "
        "process waits at its end until they are taken (2 of 2 are left); have them taken before it ends, or give "
        "them up with cancel_join_thread()",
        ["failed"],
    ),
    "empty() says True before anything is put": (
        scenario(
            {"name": "C", "replicas": 2, "target": "consume_until_empty", "from": "tasks"},
            queues={"tasks": {"type": "JoinableQueue"}},
            main=[{"start": "C"}, {"join": "C"}, {"put": 1, "to": "tasks"}, {"join_queue": "tasks"}],
        ),
        "unfinished_join",
        "task_done() is missing for 1 of 1 item, and nobody is left to take them: C-1 and C-2 left as soon as empty() "
        "said True, before anything was put on the queue",
        ["found_empty_before_first_put", "first_put"],
    ),
}


@pytest.mark.parametrize("shape", SURPRISES)
def test_the_facts_decide(play: Play, shape: str) -> None:
    """What is surprising is explained by recorded events: each fact has the number of one in the same log."""
    text, kind, words, roles = SURPRISES[shape]
    result = play(text)
    stalled = result.log.one("scenario.stalled")
    diagnosis = stalled["diagnosis"]
    assert (3, "deadlock", kind) == (result.status, stalled["cause"], diagnosis["kind"])
    assert words in stalled["reason"]
    facts = diagnosis["facts"]
    assert set(roles) <= {fact["role"] for fact in facts}
    for fact in facts:
        told = result.log.events[fact["seq"] - 1]
        assert (told["event"], told["process"], told["t"]) == (fact["event"], fact["process"], fact["t"])
    assert {wait["process"] for wait in diagnosis["waits"]} <= {p["process"] for p in stalled["processes"]}
    if kind == "cycle":
        links = diagnosis["cycle"]
        assert [link["next"] for link in links] == [*(link["process"] for link in links[1:]), links[0]["process"]]


def putter(target: str, *args: Any) -> dict[str, Any]:
    """Return a process that takes its time before it puts what others wait for."""
    return {"name": "P", "target": f"actors:{target}", "to": "q", "kwargs": dict(zip(("seconds",), args, strict=True))}


WAITERS = [
    {"name": "C", "target": "actors:take", "from": "q"},
    {"name": "D", "target": "actors:swap", "from": "r", "to": "s"},
]
SLOW = 2.0
"""Seconds: longer than it takes to recognise a deadlock."""
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
def moving(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
    """Run those that are tested, a few at a time: they spend their time asleep."""
    folder = tmp_path_factory.mktemp("moving")
    tests = [item.callspec.params for item in request.session.items if "moving" in getattr(item, "fixturenames", ())]
    with ThreadPoolExecutor(4) as pool:
        yield {(p["shape"], p["method"]): pool.submit(move, folder, p["shape"], p["method"]) for p in tests}


@pytest.mark.parametrize("shape", in_part(MOVING, 2))
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


def test_an_end_that_the_fork_server_has_yet_to_tell(tmp_path: Path) -> None:
    """Whoever joins a process that has ended learns it from the fork server: until it has slept, nobody is stuck."""
    ends = {"name": "E", "target": "actors:stop_parent"}
    running = Running(tmp_path, scenario(ends, start_method="forkserver"))
    server = running.wait_for("process.started", "E")["ppid"]
    running.wait_for("process.exited", "E")
    subprocess.run(["sleep", "1.2"], check=True)  # longer than a deadlock takes to be seen
    os.kill(server, signal.SIGCONT)
    result = running.finish()
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))


def test_the_deadline_holds(play: Play, method: str) -> None:
    """At the deadline comes a report, with stacks and counts, then the end of everybody: status 3."""
    text = scenario(
        {"name": "H", "target": "hang"},
        {"name": "S", "target": "spin", "kwargs": {"seconds": 60}},
        consumer("q"),
        queues={"q": {"type": "JoinableQueue", "items": ["a", "b"], "join": False}, "r": {"items": [1, 2, 3]}},
        timeout=1.2,
    )
    result = stopped_at_its_deadline(play, text)
    log, deadline = result.log, result.log.events[0]["timeout"]
    assert (3, "timed_out") == (result.status, result.outcome)
    assert 1.2 <= deadline <= log.finished["duration"]
    stalled, timed_out = log.one("scenario.stalled"), log.one("scenario.timed_out")
    assert ("deadline", stalled["seq"] + 1, deadline) == (stalled["cause"], timed_out["seq"], timed_out["timeout"])
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
        assert ("stopped_by_runner", "run-scenario", False) == tuple(exited[key] for key in ("cause", "by", "allowed"))
        # A fork server may take the exit code of its children to its grave.
        assert exited["exitcode"] in ((-15, None) if method == "forkserver" else (-15,))


@pytest.mark.campaign
def test_a_process_whose_threads_compute_does_not_sleep(play: Play) -> None:
    """While one of its threads has the interpreter, the main thread waits for that: the process computes."""
    text = scenario({"name": "T", "target": "actors:compute_in_threads"}, timeout=2)
    result = stopped_at_its_deadline(play, text)
    stalled = result.log.one("scenario.stalled")
    assert ["running"] == [p["state"] for p in stalled["processes"] if p["process"] == "T"]
    assert "the main program waits for the end of T; T computes" == stalled["reason"]


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
    text = scenario({"name": "S", "target": "actors:stop"}, timeout=1.5, start_method=method)
    result = stopped_at_its_deadline(lambda text: run(tmp_path, text), text)
    assert (3, "timed_out") == (result.status, result.outcome)
    assert "run-scenario" == result.log.one("process.exited", "S")["by"]


def test_a_stack_is_read_beside_threads_that_run(play: Play) -> None:
    """Who waits leaves its own stack; those of threads that run are not touched, and nobody ends by the reading."""
    waiting = {"name": "W", "target": "actors:hang_beside_runners", "replicas": 4, "kwargs": {"count": 2}}
    result = stopped_at_its_deadline(play, scenario(waiting, timeout=3))
    stalled = result.log.one("scenario.stalled")
    stuck = {each["process"]: each for each in stalled["processes"]}
    for name in ("W-1", "W-2", "W-3", "W-4"):
        assert any("in hang_here" in frame for frame in stuck[name]["stack"]), stuck[name]
        assert not any(frame.endswith(("in _run", "in _deep")) for frame in stuck[name]["stack"])
    assert {"stopped_by_runner"} == {e["cause"] for e in result.log.all("process.exited")}
    assert 3 == result.status
