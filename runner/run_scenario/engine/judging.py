"""What the front needs of whoever judges the log, and how verdicts are told and change a run's outcome.

The judge itself is a matter of the room `expect`; it is handed in by the door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from run_scenario.engine.outcome import Outcome
from run_scenario.errors import Status
from run_scenario.expectations import Expectation

ENDED = ("passed", "failed", "stalled")
"""Outcomes of runs whose logs are complete: all that could happen has happened."""

_LEVELS = {"passed": "info", "failed": "error", "inconclusive": "warning"}
_NOT_SHOWN = frozenset(("level", "timestamp", "run", "scenario", "pid", "n"))
_MOST_REASONS = 20

Tell = Callable[[str, str, dict[str, Any]], None]
"""Makes an event of its name, its level and its fields."""


class Verdict(Protocol):
    """What was found about an expectation."""

    @property
    def expectation(self) -> Expectation:
        """What was expected."""

    @property
    def result(self) -> str:
        """passed, failed or inconclusive."""

    @property
    def reason(self) -> str:
        """Why, in one sentence."""

    @property
    def evidence(self) -> Sequence[Mapping[str, Any]]:
        """The events that show it."""


class Judge(Protocol):
    """Judges the log of one run while it is told."""

    def take(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take the next events into account, in the order of the log."""

    def finish(self, complete: bool) -> Sequence[Verdict]:
        """Return what was found; `complete`: nothing is missing at the end of the log."""


def judge_outcome(judge: Judge, outcome: Outcome, tell: Tell) -> Outcome:
    """Tell the verdicts, and return what they make of the outcome.

    A run that was stopped, broken or refused stays so; one that ended fails if an expectation has not passed.
    """
    if outcome.outcome == "refused":
        return outcome
    verdicts = judge.finish(outcome.outcome in ENDED)
    for verdict in verdicts:
        tell(*told(verdict))
    unmet = [_sentence(verdict) for verdict in verdicts if verdict.result != "passed"]
    if not unmet or outcome.status not in (Status.PASSED, Status.FAILED):
        return outcome
    return outcome.replace(status=Status.FAILED, outcome="failed", reasons=(*outcome.reasons, *unmet)[:_MOST_REASONS])


def told(verdict: Verdict) -> tuple[str, str, dict[str, Any]]:
    """Return the name, the level and the fields of a verdict's event."""
    expectation = verdict.expectation
    fields = {
        "expectation": expectation.text,
        "pattern": expectation.pattern,
        "file": expectation.where.file if expectation.where else None,
        "line": expectation.where.line if expectation.where else None,
        "because": expectation.because or None,
        "reason": verdict.reason,
        "evidence": [
            {field: value for field, value in event.items() if field not in _NOT_SHOWN} for event in verdict.evidence
        ],
    }
    return f"expectation.{verdict.result}", _LEVELS[verdict.result], fields


def _sentence(verdict: Verdict) -> str:
    expectation = verdict.expectation
    if expectation.where is None:
        event = (expectation.matchers[0].events or ("",))[0]
        return (
            f"{expectation.because}: {verdict.reason} (if that is the point, expect it: `exists: {{event: {event}}}`)"
        )
    unmet = "failed" if verdict.result == "failed" else "could not be judged"
    because = f" ({expectation.because})" if expectation.because else ""
    return f"the expectation in line {expectation.where.line} {unmet}{because}: {verdict.reason}"
