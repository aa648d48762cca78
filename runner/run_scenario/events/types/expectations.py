"""Events of expectations: what came of each."""

from __future__ import annotations

from typing import Annotated, Any

from run_scenario.events.types.base import Event, Level, Ordinal, about


class ExpectationEvent(Event, kw_only=True):
    """What came of an expectation."""

    expectation: Annotated[str, about("The expectation as it is written, in one line.")]
    pattern: Annotated[str, about("Its pattern, such as exists or leads_to.")]
    file: Annotated[str | None, about("The file in which it stands; null: it goes without saying.")]
    line: Annotated[Ordinal | None, about("Its line there.")]
    because: Annotated[str | None, about("Why it has to hold, in the words of the scenario.")]
    reason: Annotated[str, about("What was found, in one sentence.")]
    evidence: Annotated[
        list[dict[str, Any]],
        about("The events that show it, each with its seq, t, event, process and own fields.", max_length=5),
    ]


class ExpectationPassed(ExpectationEvent, kw_only=True, tag="expectation.passed"):
    """An expectation of the scenario holds."""


class ExpectationFailed(ExpectationEvent, kw_only=True, tag="expectation.failed"):
    """An expectation of the scenario, or one that goes without saying, does not hold."""

    level: Level = "error"


class ExpectationInconclusive(ExpectationEvent, kw_only=True, tag="expectation.inconclusive"):
    """An expectation of the scenario could not be judged: the run was cut short, or its scope never came."""

    level: Level = "warning"
