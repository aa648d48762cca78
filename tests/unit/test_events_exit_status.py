"""What a run's outcome, its exit status and its reasons are made of: the verdicts on its log, and its last event."""

from __future__ import annotations

from typing import Any

import pytest

from expecting import expectations
from run_scenario.errors import Status
from run_scenario.events.exit_status import judge_outcome, verdict_event
from run_scenario.events.outcome import Outcome
from run_scenario.events.reasons import Quoted
from run_scenario.expect import Verdict

STALL = "- exists: {event: scenario.stalled}"
DEADLINE = "- exists: {event: scenario.timed_out}"
OTHER = "- exists: {event: process.exited}"


def judged(outcome: str, status: Status, text: str, *results: Any) -> tuple[Status, str]:
    """Return status and outcome of a run, judged by the expectations in `text`, of which each has this result."""
    verdicts = [Verdict(each, result, "why", ()) for each, result in zip(expectations(text), results, strict=True)]
    events = [verdict_event(verdict) for verdict in verdicts]
    found = judge_outcome(Outcome(status, outcome, (Quoted("it stood still"),), 1.0), verdicts, events)
    return found.status, found.outcome


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("stalled", STALL),
        ("stalled", "- {count: {event: scenario.stalled}, is: 1}"),
        ("stalled", "- order: [{event: process.exited}, {event: scenario.stalled}]"),
        ("stalled", "- all_of: [{absent: {event: process.failed}}, {exists: {event: scenario.stalled}}]"),
        ("stalled", "- any_of: [{exists: {event: process.failed}}, {exists: {event: scenario.stalled}}]"),
        ("timed_out", DEADLINE),
    ],
)
def test_a_stop_that_is_expected_by_name_has_passed(outcome: str, text: str) -> None:
    """The status is 0, and the outcome still says how it ended."""
    assert (Status.PASSED, outcome) == judged(outcome, Status.STOPPED, text, "passed")


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("stalled", OTHER),
        ("stalled", "- absent: {event: scenario.stalled}"),
        ("stalled", "- not: {exists: {event: scenario.stalled}}"),
        ("stalled", "- any_of: [{absent: {event: scenario.stalled}}, {exists: {event: process.exited}}]"),
        ("stalled", DEADLINE),
        ("timed_out", STALL),
        ("limit_exceeded", STALL),
    ],
)
def test_a_stop_that_is_not_expected_by_name_stays_one(outcome: str, text: str) -> None:
    """Other expectations, or one that there is no stop, do not make it pass."""
    assert (Status.STOPPED, outcome) == judged(outcome, Status.STOPPED, text, "passed")


@pytest.mark.parametrize("result", ["failed", "inconclusive"])
def test_all_other_expectations_have_to_pass_too(result: str) -> None:
    """A stop that is expected does not make up for something that is not as expected."""
    assert (Status.STOPPED, "stalled") == judged("stalled", Status.STOPPED, f"{STALL}\n{OTHER}", "passed", result)


@pytest.mark.parametrize(
    ("outcome", "status", "result", "expected"),
    [
        ("passed", Status.PASSED, "passed", (Status.PASSED, "passed")),
        ("passed", Status.PASSED, "failed", (Status.FAILED, "failed")),
        ("passed", Status.PASSED, "inconclusive", (Status.FAILED, "failed")),
        ("failed", Status.FAILED, "passed", (Status.FAILED, "failed")),
        ("internal_error", Status.MACHINERY, "failed", (Status.MACHINERY, "internal_error")),
        ("interrupted", Status.INTERRUPTED, "inconclusive", (Status.INTERRUPTED, "interrupted")),
    ],
)
def test_verdicts_on_a_run_that_ended(outcome: str, status: Status, result: str, expected: Any) -> None:
    """It fails if one is not met; what is broken or interrupted stays so."""
    assert expected == judged(outcome, status, OTHER, result)


def test_the_last_event_says_it_all() -> None:
    """It is read as it was written; the status is that of the command, where it is known."""
    end = {
        "event": "scenario.finished",
        "outcome": "failed",
        "exit_status": 1,
        "duration": 2.5,
        "reasons": ["A"],
    }
    assert Outcome(Status.FAILED, "failed", (Quoted("A"),), 2.5) == Outcome.read(end)
    assert Status.MACHINERY is Outcome.read(end, 4).status
    assert Status.MACHINERY is Outcome.read({**end, "exit_status": {}}).status
    assert [True, False] == [Outcome.read({**end, "outcome": o}).is_complete for o in ("stalled", "timed_out")]


@pytest.mark.parametrize("last", [None, {"event": "queue.put"}])
def test_a_log_without_an_end(last: dict[str, Any] | None) -> None:
    """The machinery has failed, whatever the command says; nothing that depends on the rest is decided."""
    found = Outcome.read(last, -9, "killed")
    assert (Status.MACHINERY, "internal_error", (Quoted("killed"),)) == (found.status, found.outcome, found.reasons)
    assert not found.is_complete
