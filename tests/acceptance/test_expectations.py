"""Expectations of real runs: the verdicts in the log, what they make of the exit status, and `check` on the log."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, METHODS, Result, run, scenario, search_path

import commands

QUIET = {"name": "W", "target": "sleep", "kwargs": {"seconds": 0}}
EXISTS = {"exists": {"event": "process.finished", "process": "W"}}
WRONG = {"absent": {"event": "process.finished", "process": "W"}, "because": "it is never to finish"}


def verdicts(result: Result) -> list[tuple[str, int | None]]:
    """Return the verdicts in a log, each with the line of its expectation."""
    found = [e for e in result.log.events if e["event"].startswith("expectation.")]
    assert found == result.log.events[-1 - len(found) : -1]  # they come last, before the end
    return [(e["event"].removeprefix("expectation."), e["line"]) for e in found]


@pytest.mark.parametrize("method", METHODS)
def test_what_is_met(tmp_path: Path, method: str) -> None:
    """The run passes, and every expectation has its event."""
    result = run(tmp_path, scenario(QUIET, expect=[EXISTS, {"exitcodes": {"W": 0}}]), "--start-method", method)
    assert (0, "passed", [("passed", 1), ("passed", 1)]) == (result.status, result.outcome, verdicts(result))
    assert 2 == result.log.finished["counts"]["expectations"]


def test_what_is_not_met(tmp_path: Path) -> None:
    """The run fails with status 1; the event and the last line say which expectation, why, and what shows it."""
    result = run(tmp_path, scenario(QUIET, expect=[EXISTS, WRONG]))
    assert (1, "failed", [("passed", 1), ("failed", 1)]) == (result.status, result.outcome, verdicts(result))
    failed = result.log.one("expectation.failed")
    finished = result.log.one("process.finished", "W")
    assert ("absent: {event: process.finished, process: W}", "it is never to finish") == (
        failed["expectation"],
        failed["because"],
    )
    assert [finished["seq"]] == [e["seq"] for e in failed["evidence"]]
    reason = f"there is process.finished with process 'W' (event {finished['seq']})"
    assert reason == failed["reason"]
    whole = f"the expectation in line 1 failed (it is never to finish): {reason}"
    assert [whole] == result.log.finished["reasons"]
    assert whole in result.stderr


def test_a_lock_that_nobody_uses(tmp_path: Path) -> None:
    """That two never had it at the same time says nothing where nobody ever had it: it is not passed."""
    racing = {"name": "Racer", "replicas": 2, "target": "increment", "uses": {"counter": "total"}}
    racing["kwargs"] = {"times": 10}
    text = scenario(
        racing,
        shared={"total": {"type": "Value", "typecode": "i", "lock": "gate"}},
        sync={"gate": {"type": "Lock"}},
        expect=[{"mutual_exclusion": "gate"}],
    )
    result = run(tmp_path, text)
    assert (1, [("inconclusive", 1)]) == (result.status, verdicts(result))
    reason = result.log.one("expectation.inconclusive")["reason"]
    assert "'gate' never took part" in reason or "there is nothing to judge" in reason


def test_a_failure_on_a_terminal(tmp_path: Path) -> None:
    """The console view shows below it why it matters, what was found, and the events as sentences."""
    (tmp_path / "case.yaml").write_text(scenario(QUIET, expect=[WRONG]))
    done = commands.run(
        [*COMMAND, "case.yaml", "--format", "console"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert 1 == done.returncode
    lines = [line.strip() for line in done.stdout.splitlines()]
    start = next(i for i, line in enumerate(lines) if "not as expected (case.yaml:1): absent: " in line)
    assert "it is never to finish" == lines[start + 1]
    assert lines[start + 2].startswith("there is process.finished with process 'W' (event ")
    assert "W finished: its target returned after " in lines[start + 3]
    assert lines[-1].startswith("failed after ")


CRASH = {"name": "W", "target": "crash"}
CRASH_EXPECTED: list[dict[str, Any]] = [
    {"exitcodes": {"W": -11}},
    {"exists": {"event": "process.exited", "process": "W", "exitcode": -11}},
    {"exists": {"event": "process.exited", "process": "W", "cause": "crash"}},
    {"count": {"event": "process.exited", "signal": "SIGSEGV"}, "is": 1},
]


@pytest.mark.parametrize("expected", CRASH_EXPECTED)
def test_a_crash_that_is_the_point(tmp_path: Path, expected: dict[str, Any]) -> None:
    """Who expects it in so many words need not allow it besides; without that it is a failure."""
    assert 0 == run(tmp_path, scenario(CRASH, expect=[expected])).status
    mentioned = {"order": [{"event": "process.started", "process": "W"}, {"event": "process.exited", "process": "W"}]}
    result = run(tmp_path, scenario(CRASH, expect=[mentioned]))
    assert (1, [("passed", 1)]) == (result.status, verdicts(result))


IMPLIED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a lost item": (
        {"name": "P", "target": "put_and_exit", "to": "q", "kwargs": {"count": 20_000}, "exitcode": "any"},
        {},
        "queue.items_lost",
    ),
    "an item that cannot be pickled": ({"name": "P", "target": "put_unpicklable", "to": "q"}, {}, "queue.item_dropped"),
    "a poison pill that nobody takes": (QUIET, {"items": [1], "poison_pills": 1}, "queue.left_over"),
    "an orphan": ({"name": "P", "target": "actors:leave_an_orphan"}, {}, "process.orphaned"),
}


@pytest.mark.parametrize("name", IMPLIED)
def test_what_goes_without_saying(tmp_path: Path, name: str) -> None:
    """It fails the run, unless an expectation speaks of it: then that one is judged instead."""
    process, queue, event = IMPLIED[name]
    result = run(tmp_path, scenario(process, queues={"q": queue}))
    assert (1, "failed", [("failed", None)]) == (result.status, result.outcome, verdicts(result))
    assert result.log.all(event)
    spoken = scenario(process, queues={"q": queue}, expect=[{"count": {"event": event}, "at_least": 1}])
    result = run(tmp_path, spoken)
    assert (0, [("passed", 1)]) == (result.status, verdicts(result))


def test_a_deadlock(tmp_path: Path) -> None:
    """It has its own status; its log is complete, for nothing could ever have followed."""
    text = scenario(
        {"name": "C", "target": "consume", "from": "q", "kwargs": {"task_done": False}},
        queues={"q": {}},
        expect=[{"exists": {"event": "scenario.stalled"}}, {"exists": {"event": "queue.get"}}],
    )
    result = run(tmp_path, text)
    assert (3, "stalled", [("passed", 1), ("failed", 1)]) == (result.status, result.outcome, verdicts(result))


def test_a_stop_that_is_expected(tmp_path: Path) -> None:
    """It has passed, at a deadlock as at the deadline: status 0, in the log too, and `check` finds the same."""
    stalling = {"name": "C", "target": "consume", "from": "q", "kwargs": {"task_done": False}}
    sleeping = {"name": "W", "target": "sleep", "kwargs": {"seconds": 60}}
    for outcome, process in (("stalled", stalling), ("timed_out", sleeping)):
        expect = [{"exists": {"event": f"scenario.{outcome}"}}]
        text = scenario(process, queues={"q": {}}, timeout=30 if outcome == "stalled" else 0.5, expect=expect)
        result = run(tmp_path, text)
        assert (0, outcome, [("passed", 1)]) == (result.status, result.outcome, verdicts(result))
        assert (0, "info") == (result.log.finished["exit_status"], result.log.finished["level"])
        assert "run-scenario: " not in result.stderr
        assert 0 == check(result.stdout, text, tmp_path).returncode


def test_a_deadline(tmp_path: Path) -> None:
    """What was cut short is not judged as if it had come to its end."""
    text = scenario({"name": "W", "target": "sleep", "kwargs": {"seconds": 60}}, timeout=0.5, expect=[EXISTS])
    result = run(tmp_path, text)
    assert (3, "timed_out", [("inconclusive", 1)]) == (result.status, result.outcome, verdicts(result))


def test_a_scope_that_never_opens(tmp_path: Path) -> None:
    """Nothing was judged, so nothing has passed: status 1."""
    scoped = {**EXISTS, "after": {"event": "process.orphaned"}}
    result = run(tmp_path, scenario(QUIET, expect=[scoped]))
    assert (1, [("inconclusive", 1)]) == (result.status, verdicts(result))
    assert "the expectation in line 1 could not be judged: " in result.stderr


# check


def check(log: str | bytes, text: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Judge a log, given as text, on standard input."""
    (folder / "case.yaml").write_text(text)
    return commands.run(
        [*COMMAND, "check", "-", "case.yaml"],
        input=log.encode() if isinstance(log, str) else log,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search_path()},
        capture_output=True,
        timeout=60,
    )


def test_check_finds_what_the_run_found(tmp_path: Path) -> None:
    """The same expectations have the same verdicts, with the same reasons and evidence."""
    text = scenario(QUIET, expect=[EXISTS, WRONG, {"duration": "run", "at_most": 60}, {"not": {"overlap": ["W", "W"]}}])
    result = run(tmp_path, text)
    done = check(result.stdout, text, tmp_path)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    kept = ("event", "level", "expectation", "line", "because", "evidence")  # the file is another
    before = [e for e in result.log.events if e["event"].startswith("expectation.")]
    assert [[e[k] for k in kept] for e in before] == [[e[k] for k in kept] for e in told]
    last, own = result.log.finished, [e for e in result.log.events if e["process"] == "run-scenario"]
    assert [(last["seq"] + k, len(own) + k) for k in range(1, 5)] == [(e["seq"], e["n"]) for e in told]
    assert 1 == done.returncode
    assert b"3 expectations met, 1 not" in done.stderr


def test_check_by_other_expectations(tmp_path: Path) -> None:
    """A log is judged by whatever scenario is given; several runs in it one by one."""
    log = "".join(run(tmp_path, scenario(QUIET)).stdout for _ in range(2))
    done = check(log, scenario(QUIET, expect=[EXISTS]), tmp_path)
    assert (0, 2) == (done.returncode, done.stdout.count(b"expectation.passed"))
    assert 2 == done.stderr.count(b": 1 expectation met\n")
    assert 1 == check(log, scenario(QUIET, expect=[WRONG]), tmp_path).returncode


def test_check_a_log_that_breaks_off(tmp_path: Path) -> None:
    """A torn last line is left out, and what has no end is judged as cut short."""
    whole = run(tmp_path, scenario(QUIET)).stdout.encode()
    torn = whole[: whole.index(b'"process.finished"')]
    done = check(torn, scenario(QUIET, expect=[EXISTS]), tmp_path)
    assert (1, 1) == (done.returncode, done.stdout.count(b"expectation.inconclusive"))
    assert b"the last line is torn, and was left out" in done.stderr
    assert b"has no end: it was cut short" in done.stderr


NO_ID = b'{"event": "queue.get", "t": 0, "seq": 7, "run": "r", "process": "W", "queue": "q"}\n'


def test_check_an_event_that_lacks_a_field(tmp_path: Path) -> None:
    """It is told which, and no fault of run-scenario."""
    text = scenario({"name": "W", "target": "produce", "to": "q"}, queues={"q": {}}, expect=[{"conserved": "q"}])
    done = check(NO_ID, text, tmp_path)
    assert 2 == done.returncode
    assert b"event 7 of run r, queue.get, is malformed: 'item_id'" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("log", [b"", b"hello\n", b"{}\n", b'{"event": 1}\n[]\n', b"\xff\n", b"[" * 10_000 + b"\n"])
def test_check_what_is_no_log(tmp_path: Path, log: bytes) -> None:
    """It is an error with status 2 and a sentence."""
    done = check(log, scenario(QUIET, expect=[EXISTS]), tmp_path)
    assert (2, b"") == (done.returncode, done.stdout)
    assert done.stderr.startswith(b"run-scenario: ")
    assert b"Traceback" not in done.stderr
