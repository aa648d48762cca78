"""What the front hands to the guard, and the guard to the main program it forks."""

from __future__ import annotations

from run_scenario import model
from run_scenario.limits import DEFAULTS, Limits
from run_scenario.values import Value


def semaphore_prefix(run: str) -> str:
    """Return what the names of a run's semaphores begin with (see multiprocessing.synchronize.SemLock)."""
    return f"/mp-{run}"


class Program(Value):
    """Everything the main program and the guard need to know of a run."""

    scenario: model.Scenario
    steps: tuple[model.Step, ...]
    run: str
    """The run's id: twelve hexadecimal digits."""
    folder: str
    """Where the segments lie."""
    began: tuple[int, int]
    """The run's beginning by the monotonic and by the wall clock, in ns."""
    allow: frozenset[str]
    """Packages whose code the person running has allowed."""
    limits: Limits = DEFAULTS
