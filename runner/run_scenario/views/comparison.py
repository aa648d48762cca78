"""Runs of one scenario with different workers, compared: figures from their logs alone.

events ─Meter─▶ Measurement, one a run ─Comparison─▶ medians with spread ─▶ table or JSON
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from run_scenario.values import Value
from run_scenario.views.text import scrub
from run_scenario.views.watcher import Watcher

FIGURES = ("wall", "cpu", "start_up", "voluntary_switches", "involuntary_switches", "max_rss")
"""What is measured of a run, by its name in JSON; seconds, counts, bytes."""


class Combination(Value):
    """One way of running the scenario."""

    workers: str
    start_method: str | None
    """None where nothing is started by one: threads and plain calls."""
    cpus: int | None
    """None: as the scenario says."""

    @property
    def label(self) -> str:
        """What it is called in a sentence: `process (spawn, 2 CPUs)`."""
        details = [self.start_method or ""]
        if self.cpus is not None:
            details.append("1 CPU" if self.cpus == 1 else f"{self.cpus} CPUs")
        told = ", ".join(detail for detail in details if detail)
        return f"{self.workers} ({told})" if told else self.workers


class Measurement(Value):
    """What one run came to; `figures` are those of FIGURES that its log tells."""

    outcome: str
    reason: str
    figures: Mapping[str, float]


class Meter(Watcher):
    """A sink that measures one run. The runner's own processes are no part of the figures."""

    def __init__(self) -> None:
        self._starting: dict[str, float] = {}
        self._start_ups: list[float] = []
        self._sums: Counter[str] = Counter()
        self._wall: float | None = None
        self._end: Mapping[str, Any] = {}

    def write(self, events: list[dict[str, Any]]) -> None:
        """Take the next events into account."""
        for event in events:
            match event.get("event"):
                case "process.starting":
                    self._starting[event["process"]] = event["t"]
                case "process.started" if event["process"] in self._starting:
                    self._start_ups.append(event["t"] - self._starting[event["process"]])
                case "process.exited":
                    self._add_exit(event)
                case "scenario.finished":
                    self._end = event

    def _add_exit(self, event: Mapping[str, Any]) -> None:
        if event["worker"] != "process":
            return  # what a thread has used is part of its process
        if event["process"] == "MainProcess":
            self._wall = event["duration"]
        self._sums["cpu"] += (event["cpu_user"] or 0) + (event["cpu_system"] or 0)
        for key in ("voluntary_switches", "involuntary_switches", "max_rss"):
            self._sums[key] += event[key] or 0

    def measurement(self) -> Measurement:
        """Return what the run came to."""
        figures: dict[str, float] = {**self._sums, "cpu": round(self._sums["cpu"], 6)}
        if self._wall is not None:
            figures["wall"] = self._wall
        if self._start_ups:
            figures["start_up"] = round(median(self._start_ups), 6)
        reasons = self._end.get("reasons") or [""]
        return Measurement(str(self._end.get("outcome", "broken")), str(reasons[0]), figures)


class Comparison:
    """All runs of all combinations of one scenario."""

    def __init__(self, scenario: str, file: str, combinations: Sequence[Combination]) -> None:
        self._scenario = scenario
        self._file = file
        self.runs: dict[Combination, list[Measurement]] = {combination: [] for combination in combinations}

    def add(self, combination: Combination, measurement: Measurement) -> None:
        """Take a run into account."""
        self.runs[combination].append(measurement)

    @property
    def passed(self) -> bool:
        """Whether every run has passed."""
        return all(run.outcome == "passed" for runs in self.runs.values() for run in runs)

    def figure(self, combination: Combination, name: str) -> tuple[float, float, float] | None:
        """Return median, least and most of a figure over the runs that passed; None if there are none."""
        found = [run.figures[name] for run in self.runs[combination] if run.outcome == "passed" and name in run.figures]
        return (round(median(found), 6), min(found), max(found)) if found else None

    def speed_up(self, combination: Combination) -> float | None:
        """Return how many times faster than the serial runs on the same CPUs it is, by medians of wall time."""
        serial = next((c for c in self.runs if c.workers == "serial" and c.cpus == combination.cpus), None)
        one, other = (self.figure(c, "wall") if c is not None else None for c in (serial, combination))
        return round(one[0] / other[0], 3) if one and other and other[0] else None

    def outcomes(self, combination: Combination) -> Counter[str]:
        """Return how often which outcome came about."""
        return Counter(run.outcome for run in self.runs[combination])

    def reasons(self, combination: Combination) -> list[str]:
        """Return why runs did not pass, each reason once."""
        return list(dict.fromkeys(run.reason for run in self.runs[combination] if run.reason))

    def as_json(self, facts: Mapping[str, Any]) -> str:
        """Return all of it as one JSON document; `facts` are about the machine and the comparison as a whole."""
        combinations = [self._combination(combination) for combination in self.runs]
        document = {"scenario": self._scenario, "file": self._file, **facts, "combinations": combinations}
        return json.dumps(document, indent=2) + "\n"

    def _combination(self, c: Combination) -> dict[str, Any]:
        figures = {}
        for name in FIGURES:
            found = self.figure(c, name)
            figures[name] = None if found is None else dict(zip(("median", "min", "max"), found, strict=True))
        return {
            "workers": c.workers,
            "start_method": c.start_method,
            "cpus": c.cpus,
            "outcomes": dict(self.outcomes(c)),
            "reasons": self.reasons(c),
            "speed_up": self.speed_up(c),
            **figures,
            "runs": [{"outcome": run.outcome, **run.figures} for run in self.runs[c]],
        }


def rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a row of text for each combination, in the order of COLUMNS."""
    return [_row(comparison, combination) for combination in comparison.runs]


COLUMNS = (
    "workers",
    "start",
    "CPUs",
    "outcome",
    "wall time",
    "speed-up",
    "cpu time",
    "start-up",
    "switches",
    "forced",
    "memory",
)

NOTES = (
    "Medians of the runs that passed (least–most). speed-up: wall time of serial, divided by this one. start-up: from "
    "start() to the target, per worker. switches: how often it waited; forced: how often it was interrupted in its "
    "work. memory: the peaks of all its processes, added up. serial: the main program calls each target itself."
)
"""What the columns mean."""


def _row(comparison: Comparison, c: Combination) -> tuple[str, ...]:
    def text(name: str, form: Any) -> str:
        found = comparison.figure(c, name)
        return "" if found is None else form(*found)

    runs = len(comparison.runs[c])
    outcomes = [f"{outcome} {count}/{runs}" for outcome, count in comparison.outcomes(c).items()]
    factor = comparison.speed_up(c)
    return (
        c.workers,
        c.start_method or "–",
        "" if c.cpus is None else str(c.cpus),
        ", ".join(outcomes),
        text("wall", _seconds),
        "" if factor is None else f"{factor:.2f}",
        text("cpu", _seconds),
        text("start_up", lambda middle, *_: f"{middle * 1000:.2f} ms"),
        text("voluntary_switches", lambda middle, *_: f"{middle:,.0f}"),
        text("involuntary_switches", lambda middle, *_: f"{middle:,.0f}"),
        text("max_rss", lambda middle, *_: f"{middle / (1 << 20):,.0f} MB"),
    )


def _seconds(middle: float, least: float, most: float) -> str:
    spread = "" if least == most else f" ({least:.3f}–{most:.3f})"
    return f"{middle:.3f} s{spread}"


def explanations(comparison: Comparison) -> list[str]:
    """Return a line for each combination of which a run did not pass: why."""
    return [
        scrub(f"{combination.label}: {reason}")
        for combination in comparison.runs
        for reason in comparison.reasons(combination)
    ]
