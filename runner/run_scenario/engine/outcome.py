"""How a run ended, as a value."""

from __future__ import annotations

from run_scenario.errors import Problem, Status
from run_scenario.values import Value


class Outcome(Value):
    """How a run ended."""

    status: Status
    outcome: str
    """passed, failed, stalled, timed_out, too_much, interrupted, refused or broken."""
    reasons: tuple[str, ...]
    duration: float
    problems: tuple[Problem, ...] = ()
    """For a refused run: where the scenario names what may not be run."""
