"""What exploring has shown, as values, and the one function that says what it comes to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from run_scenario.exploration.comparison import Difference
from run_scenario.exploration.schedule import NO_HAZARDS, Hazards, Schedule
from run_scenario.values import Value

VerdictName = Literal["found", "not_found", "inconclusive"]


KEPT = "kept"
"""In place of a strategy, of a finding: it is the schedule that was kept from another time."""


class Finding(Value):
    """A run that somebody should see: what it came to, and the schedule that leads there."""

    number: int
    """In which schedule it was found, counted from 1; 0: in that which was kept from another time."""
    strategy: str
    """How that was chosen: "usual" is the first one, `KEPT` that with the number 0."""
    outcome: str
    reasons: tuple[str, ...]
    schedule: Schedule
    """The shortest that was found to lead to the same outcome."""
    switches_before: int
    """How many switches the one had that was found first."""
    replays: int = 0
    """How often that schedule was replayed."""
    replays_alike: int = 0
    """In how many of these replays it came to the same outcome."""
    good: Schedule | None = None
    """The schedule nearest to it, of those that were tried, that goes well; None: none was found near it."""
    difference: Difference | None = None
    """The first step at which the causes of both differ."""


class First(Value):
    """The schedule that was kept from another time and is tried first: what came of it."""

    outcome_before: str
    """The outcome that it led to when it was kept."""
    outcome: str
    """The one that it led to now."""
    differs: str = ""
    """Where it does not fit the scenario any more; empty: it fits."""


class Explored(Value):
    """What was done, and what came of it."""

    schedules: int
    """How many schedules were tried."""
    seconds: float
    orders: int
    """How many different orders of operations were among them; those that only swap independent ones are the same."""
    orders_once: int
    """How many of these were seen only once."""
    steps: int
    """Of all of them together."""
    seed: int
    finding: Finding | None = None
    lost: tuple[str, ...] = ()
    """Why some of the runs were not in control; each reason once."""
    is_in_control: bool = True
    """Whether a fault that was planted was found in runs like these."""
    not_judged: tuple[str, ...] = ()
    """Expectations that were left out: they are about the machine, and not about the order."""
    beside: tuple[str, ...] = ()
    """What else was not controlled, and has happened within a step, as it happens."""
    by_chance: int = 0
    """How many of the schedules were chosen by chance, and not one after the other."""
    delays: int | None = None
    """With how many delays at most all schedules were tried; None: that is not known."""
    is_complete: bool = False
    """Whether these are all schedules that there are."""
    hazards: Hazards = NO_HAZARDS
    first: First | None = None


class Verdict(Value):
    """What it comes to."""

    name: VerdictName
    chance_of_new: float | None = None
    """The chance that the next schedule shows an order that was not seen yet (Good and Turing's estimate)."""
    most_chance: float | None = None
    """With 95 % confidence, a schedule chosen so finds something with at most this chance (the rule of three)."""
    reasons: Sequence[str] = ()
    """Why nothing can be said, if so."""


def verdict(explored: Explored) -> Verdict:
    """Return what exploring comes to: no other place says that nothing was found."""
    finding = explored.finding
    if finding is not None and finding.replays and finding.replays_alike == finding.replays:
        return Verdict("found")
    reasons = list(explored.lost)
    if not explored.is_in_control:
        reasons.insert(0, "a fault that was planted in a run of the same kind was not found: it is not in control")
    if finding is not None:
        again = f"{finding.replays_alike} of {finding.replays}"
        reasons.insert(0, f"a run came to `{finding.outcome}`, but its schedule leads there in {again} replays only")
    if finding is None and not explored.schedules:
        reasons.append("there was no time for a single schedule")
    if reasons:
        return Verdict("inconclusive", reasons=reasons)
    if not explored.by_chance:
        return Verdict("not_found")
    # The upper bound of a chance of which nothing was seen in n tries: 1 - 0.05 ** (1 / n), about 3 / n.
    most = 1 - math.exp(math.log(0.05) / explored.by_chance)
    return Verdict("not_found", explored.orders_once / explored.schedules, most)
