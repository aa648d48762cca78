"""What a name stands for in the log of a script, and the judge that waits until it knows."""

from __future__ import annotations

from typing import Any

import pytest

from expecting import log
from run_scenario import EventLog, loader
from run_scenario.expect import LateJudge, Verdict
from run_scenario.scenario.families import family_of

MADE = log(
    ("MainProcess", "process.started"),
    ("MainProcess", "queue.put", {"queue": "tasks (a.py:3)", "item_id": 1, "item": 1}),
    ("MainProcess", "queue.put", {"queue": "each (a.py:4)", "item_id": 2, "item": 2}),
    ("MainProcess", "queue.put", {"queue": "each #2 (a.py:4)", "item_id": 3, "item": 3}),
    ("Worker", "process.started"),
    ("Worker", "queue.get", {"queue": "tasks (a.py:3)", "item_id": 1, "item": 1}),
    ("Worker #2", "process.started"),
    ("Worker #2", "queue.get", {"queue": "each (a.py:4)", "item_id": 2, "item": 2}),
    ("Job-1", "process.started"),
    ("Worker", "process.exited", {"exitcode": 0}),
    ("Worker #2", "process.exited", {"exitcode": 3}),
    ("run-scenario", "scenario.finished", {"outcome": "passed", "exit_status": 0}),
)
VERDICTS = [
    ("conserved: tasks", "passed"),
    ("conserved: tasks (a.py:3)", "passed"),
    ("conserved: each", "failed"),
    ("conserved: each (a.py:4)", "passed"),
    ("conserved: 'each #2 (a.py:4)'", "failed"),
    ("conserved: eahc", "inconclusive"),
    ("{count: {event: queue.put, queue: each}, is: 2}", "passed"),
    ("{count: {event: queue.put, queue: {one_of: [tasks, each]}}, is: 3}", "passed"),
    ("exists: {event: queue.get, process: Worker, item: 2}", "passed"),
    ("exists: {event: queue.get, process: 'Worker #2', item: 1}", "failed"),
    ("exitcodes: {Worker: 0}", "failed"),
    ("exitcodes: {Worker: [0, 3]}", "passed"),
    ("absent: {event: process.failed, process: Job}", "passed"),
    ("absent: {event: process.failed, process: Jub}", "inconclusive"),
]


def judged(text: str, events: list[dict[str, Any]]) -> Verdict:
    """Return the verdict on the only expectation of a file."""
    document = f"version: 1\nexpect:\n  - {text}\n"
    judge = LateJudge(loader.load_text(document, use_cache=False, kind="expectations").require().expect)
    for event in events:
        judge.take([event])
    (verdict,) = (each for each in judge.finish(True) if each.expectation.where is not None)
    return verdict


@pytest.mark.parametrize(("text", "result"), VERDICTS)
def test_what_a_name_stands_for(text: str, result: str) -> None:
    """A variable for all that it had, a process's name for all that have it, a whole name for one resource alone."""
    assert result == judged(text, MADE).result


def test_a_name_that_was_probably_meant() -> None:
    """It is the short one."""
    assert "'eahc' never took part: there is no event of it; did you mean 'each'?" == judged("fifo: eahc", MADE).reason


def test_a_long_log_is_judged_alike() -> None:
    """It is kept in a file, and is read from there."""
    put = [{**MADE[1], "seq": number, "item_id": number, "item": "x" * 2000} for number in range(20, 3020)]
    verdict = judged("{count: {event: queue.put, queue: tasks}, is: 3001}", [*MADE[:-1], *put, MADE[-1]])
    assert ("passed", 3) == (verdict.result, verdict.expectation.where.line if verdict.expectation.where else 0)


def test_in_python_it_is_the_same() -> None:
    """The methods of a log take the same names."""
    events = EventLog(MADE)
    assert events.conserved("tasks")
    assert not events.conserved("each")
    assert 2 == len(events.of("queue.put", queue="each"))
    assert 2 == len(events.of("process.exited", "Worker"))


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("tasks (script.py:12)", "tasks"),
        ("left, right (script.py:1)", "left, right"),
        ("tasks #12 (script.py:12)", "tasks"),
        ("Worker #2", "Worker"),
        ("ForkPoolWorker-3", "ForkPoolWorker"),
        ("MainProcess", ""),
        ("tasks (of mine)", ""),
        ("(script.py:12)", ""),
        ("-1", ""),
    ],
)
def test_families(name: str, family: str) -> None:
    """The number and the place are left out."""
    assert family == family_of(name)
