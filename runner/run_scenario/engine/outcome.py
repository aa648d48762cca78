"""How a run ended, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from run_scenario.errors import Problem, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    status: Status
    outcome: str
    """passed, failed, stalled, timed_out, interrupted, refused or broken."""
    reasons: tuple[str, ...]
    duration: float
    problems: tuple[Problem, ...] = ()
    """For a refused run: where the scenario names what may not be run."""
