"""The exit status of a run, and its outcome: what its facts and the verdicts on its log come to, with the reasons.

This is the only place that decides it. The command exits with the status, the log's last event carries it, and the
Python API and pytest take it from there.

    the run's facts ─▶ conclude() ─▶ Outcome ─▶ judge_outcome() ─▶ Outcome ─▶ scenario.finished ─▶ Outcome.read()
                                       verdicts ──┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from run_scenario.errors import Problem, Status
from run_scenario.events import types
from run_scenario.events.outcome import Outcome, OutcomeName
from run_scenario.events.reasons import Quoted, Reason, StoodStill, Stopped, Survivor, Unmet
from run_scenario.events.types.expectations import (
    ExpectationEvent,
    ExpectationFailed,
    ExpectationInconclusive,
    ExpectationPassed,
)
from run_scenario.events.types.runs import ScenarioFinished
from run_scenario.scenario.expectations import Expectation

if TYPE_CHECKING:
    from run_scenario.events.decoding.decoder import EventDecoder

Event = Mapping[str, Any]

_BY_SIGNAL = {1: Status.HANGUP, 2: Status.INTERRUPTED, 13: Status.BROKEN_PIPE, 15: Status.TERMINATED}
_STOPPED = {"stalled": "scenario.stalled", "timed_out": "scenario.timed_out"}
"""Outcomes that a scenario can expect, each with the event that an expectation of it names."""
_NOT_SHOWN = frozenset(("level", "timestamp", "run", "scenario", "pid", "n"))
_MOST_REASONS = 20


def has_passed(end: ScenarioFinished) -> bool:
    """Return whether a `scenario.finished` says that the run went as its scenario says."""
    return end.outcome == "passed" or end.exit_status == Status.PASSED


# From the facts


def conclude(decoder: EventDecoder, stop_signal: int, duration: float) -> Outcome:
    """Return the outcome of a run that is over, before its log is judged.

    What kept it from being run at all weighs most, a process that failed least.
    """
    stop_signal = stop_signal or decoder.stop_signal
    if decoder.refusals:
        quoted = tuple(Quoted(f"{text}; {hint}" if hint else text) for _, text, hint in decoder.refusals)
        problems = tuple(Problem(*refusal) for refusal in decoder.refusals)
        shown_by = (decoder.stopped_by.get("refused"),) * len(quoted)
        return Outcome(Status.INVALID, "refused", quoted, duration, problems, shown_by=shown_by)
    if stop_signal:
        status, shown_by = _BY_SIGNAL.get(stop_signal, Status.INTERRUPTED), (decoder.stopped_by.get("interrupted"),)
        return Outcome(status, "interrupted", (Stopped(stop_signal),), duration, shown_by=shown_by)
    if decoder.limit_exceeded:
        shown_by = (decoder.stopped_by.get("limit_exceeded"),)
        return Outcome(Status.STOPPED, "limit_exceeded", (decoder.limit_exceeded,), duration, shown_by=shown_by)
    troubles: list[Reason] = [*map(Survivor, decoder.processes.survivors), *map(Quoted, decoder.troubles)]
    if troubles:
        return Outcome(Status.MACHINERY, "internal_error", tuple(troubles[:10]), duration)
    if decoder.stall is not None:
        outcome: OutcomeName = "timed_out" if decoder.timed_out else "stalled"
        shown_by = (decoder.stopped_by.get("stalled"),)
        return Outcome(Status.STOPPED, outcome, (StoodStill(decoder.stall),), duration, shown_by=shown_by)
    failures, code = decoder.processes.failures(), decoder.processes.main.exitcode
    if failures:
        reasons: tuple[Reason, ...] = tuple(reason for reason, _ in failures)
        shown_by = tuple(seq for _, seq in failures)
        return Outcome(Status.FAILED, "failed", reasons, duration, exitcode=code, shown_by=shown_by)
    return Outcome(Status.PASSED, "passed", (), duration, exitcode=code)


# From the verdicts


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
    def evidence(self) -> Sequence[Event]:
        """The events that show it."""


class Judge(Protocol):
    """Judges the log of one run while it is written. It is the layer `expect` that has one."""

    def take_types(self, events: Sequence[types.Event]) -> None:
        """Take the next events, in the order of the log."""

    def finish(self, complete: bool) -> Sequence[Verdict]:
        """Return what was found; `complete`: nothing is missing at the end of the log."""


_EVENTS: dict[str, type[ExpectationEvent]] = {
    "passed": ExpectationPassed,
    "failed": ExpectationFailed,
    "inconclusive": ExpectationInconclusive,
}
"""What was found -> the event that says so."""


def judge_outcome(outcome: Outcome, verdicts: Sequence[Verdict], events: Sequence[ExpectationEvent]) -> Outcome:
    """Return what the verdicts, for which the log has these events, make of an outcome.

    A run that ended fails if an expectation has not passed. One that was stopped has passed if the scenario expects
    exactly that: all expectations have passed, and one of them names the stop. What is broken or refused stays so.
    """
    unmet = [verdict for verdict in verdicts if verdict.result != "passed"]
    if outcome.outcome in _STOPPED:
        stop = _STOPPED[outcome.outcome]
        if not unmet and any(_expects(verdict.expectation, stop) for verdict in verdicts):
            return outcome.replace(status=Status.PASSED)
        return outcome
    if not unmet or outcome.status not in (Status.PASSED, Status.FAILED):
        return outcome
    found = [Unmet(verdict.expectation, verdict.result, verdict.reason) for verdict in unmet]
    reasons = (*outcome.reasons, *found)[:_MOST_REASONS]
    of_unmet = [event.seq or None for event in events if not isinstance(event, ExpectationPassed)]
    shown_by = (*outcome.shown_by, *of_unmet)[:_MOST_REASONS]
    return outcome.replace(status=Status.FAILED, outcome="failed", reasons=reasons, unmet=len(unmet), shown_by=shown_by)


def expects_stop(expectation: Expectation) -> bool:
    """Return whether an expectation names a stop of the run as one that there is to be."""
    return any(_expects(expectation, stop) for stop in _STOPPED.values())


def _expects(expectation: Expectation, event: str) -> bool:
    """Return whether an expectation names an event as one that there is to be."""
    if expectation.pattern in ("absent", "not"):
        return False
    if expectation.parts:
        return any(_expects(part, event) for part in expectation.parts)
    return any(event in (matcher.events or ()) for matcher in expectation.own_matchers())


def verdict_event(verdict: Verdict) -> ExpectationEvent:
    """Return the event that a log has for a verdict."""
    expectation = verdict.expectation
    return _EVENTS[verdict.result](
        expectation=expectation.text,
        pattern=expectation.pattern,
        file=expectation.where.file if expectation.where else None,
        line=expectation.where.line if expectation.where else None,
        because=expectation.because or None,
        reason=verdict.reason,
        evidence=[
            {field: value for field, value in event.items() if field not in _NOT_SHOWN} for event in verdict.evidence
        ],
    )
