"""The outcome of a run, as a value: the command, the Python API and pytest hold one; `exit_status` decides which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from run_scenario.errors import Problem, Status
from run_scenario.events.reasons import Quoted, Reason
from run_scenario.values import Value

_COMPLETE = ("passed", "failed", "stalled")
"""Outcomes of runs whose logs are complete: all that could happen has happened."""

OutcomeName = Literal[
    "passed", "failed", "stalled", "timed_out", "limit_exceeded", "interrupted", "refused", "internal_error"
]


class Outcome(Value):
    """How a run ended."""

    status: Status
    outcome: OutcomeName
    reasons: tuple[Reason, ...]
    """`report.reasons` has their sentences."""
    duration: float
    problems: tuple[Problem, ...] = ()
    """For a refused run: where the scenario names what may not be run."""
    exitcode: int | None = None
    """The main program's exit code, of a run that was not stopped; None: it is not known."""
    unmet: int = 0
    """How many expectations were not met."""
    shown_by: tuple[int | None, ...] = ()
    """For each reason, the number of the event that shows it; None: there is none. Empty if that is not known."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing at the end of the log: all that could happen has happened."""
        return self.outcome in _COMPLETE

    @classmethod
    def read(cls, last: Mapping[str, Any] | None, status: int | None = None, otherwise: str = "") -> Outcome:
        """Return the outcome that the last event of a log says.

        Args:
            last: That event; None if the log is empty.
            status: The exit status of the command that wrote the log, where that is known.
            otherwise: Why the log has no end, if it has none: then the run's own machinery failed.
        """
        if last is None or last.get("event") != "scenario.finished":
            return cls(_status(status), "internal_error", (Quoted(otherwise),) if otherwise else (), 0.0)
        given = last.get("reasons")
        # Somebody may have damaged it.
        reasons = tuple(Quoted(str(each)) for each in given) if isinstance(given, list) else ()
        status = last.get("exit_status") if status is None else status
        outcome: OutcomeName = last["outcome"] if last.get("outcome") in get_args(OutcomeName) else "internal_error"
        return cls(_status(status), outcome, reasons, last.get("duration") or 0.0)


def _status(number: object) -> Status:
    known = {int(status): status for status in Status}
    return known.get(number, Status.MACHINERY) if isinstance(number, int) else Status.MACHINERY
