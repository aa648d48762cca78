"""Runs of one scenario with different workers, compared: figures from their logs alone.

events ─Meter─▶ Measurement, one a run ─Comparison─▶ medians with spread ─▶ table or JSON
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Any

from run_scenario.counting import plural
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.exit_status import has_passed
from run_scenario.events.history.history import History
from run_scenario.report.text import sanitize
from run_scenario.report.watcher import HistoryWatcher
from run_scenario.values import Value

FIGURES = ("wall", "cpu", "start_up", "voluntary_switches", "involuntary_switches", "max_rss")
"""What is measured of a run, by its name in JSON; seconds, counts, bytes."""


class Combination(Value):
    """One way of running the scenario."""

    workers: str
    start_method: str | None
    """None where nothing is started by one: threads and plain calls."""
    cpus: int | None
    """None: those of the scenario."""
    parameters: str = ""
    """The values of its `matrix`, as in `workers=4, size=10`; empty without one."""

    @property
    def label(self) -> str:
        """What it is called in a sentence: `process (spawn, 2 CPUs)`."""
        details = [self.start_method or ""]
        if self.cpus is not None:
            details.append(plural(self.cpus, "CPU"))
        details.append(self.parameters)
        shown = ", ".join(detail for detail in details if detail)
        return f"{self.workers} ({shown})" if shown else self.workers


class Measurement(Value):
    """The result of one run; `figures` are those of FIGURES that its log has."""

    outcome: str
    passed: bool
    """Whether it went as the scenario says, such as one that stalled because it had to."""
    reason: str
    """Why it did not pass."""
    figures: Mapping[str, float]


class Meter(HistoryWatcher):
    """A sink that measures one run. The runner's own processes are no part of the figures."""

    def __init__(self) -> None:
        super().__init__(History(detailed=False))

    def measurement(self) -> Measurement:
        """Return the result of the run; what a thread has used is part of its process."""
        lanes = self._history.processes.values()
        ends = [lane.end for lane in lanes if lane.end is not None and lane.end.worker == "process"]
        figures: dict[str, float] = {"cpu": round(sum((end.cpu_user or 0) + (end.cpu_system or 0) for end in ends), 6)}
        for name in ("voluntary_switches", "involuntary_switches", "max_rss"):
            if ends:
                figures[name] = sum(getattr(end, name) or 0 for end in ends)
        main = next((end for end in ends if end.process == MAIN_NAME), None)
        if main is not None and main.duration is not None:
            figures["wall"] = main.duration
        start_ups = [
            lane.started - lane.starting for lane in lanes if lane.started is not None and lane.starting is not None
        ]
        if start_ups:
            figures["start_up"] = round(median(start_ups), 6)
        end = self._history.end
        if end is None:
            return Measurement("internal_error", False, "", figures)
        passed = has_passed(end)
        return Measurement(end.outcome, passed, "" if passed or not end.reasons else end.reasons[0], figures)


class Comparison:
    """All runs of all combinations of one scenario."""

    def __init__(
        self,
        scenario: str,
        file: str,
        combinations: Sequence[Combination],
        params: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        """`params`: the values of all parameters, by what the combinations call them."""
        self._scenario = scenario
        self._file = file
        self._params = params
        self.runs: dict[Combination, list[Measurement]] = {combination: [] for combination in combinations}

    def add(self, combination: Combination, measurement: Measurement) -> None:
        """Add the result of a run."""
        self.runs[combination].append(measurement)

    @property
    def passed(self) -> bool:
        """Whether every run has passed."""
        return all(map(self.have_passed, self.runs))

    def have_passed(self, combination: Combination) -> bool:
        """Whether every run of a combination has passed."""
        return all(run.passed for run in self.runs[combination])

    def figure(self, combination: Combination, name: str) -> tuple[float, float, float] | None:
        """Return median, least and most of a figure over the runs that passed; None if there are none."""
        found = [run.figures[name] for run in self.runs[combination] if run.passed and name in run.figures]
        return (round(median(found), 6), min(found), max(found)) if found else None

    def speed_up(self, combination: Combination) -> float | None:
        """Return how many times faster than the serial runs on the same CPUs it is, by medians of wall time."""
        alike = (c for c in self.runs if (c.cpus, c.parameters) == (combination.cpus, combination.parameters))
        serial = next((c for c in alike if c.workers == "serial"), None)
        one, other = (self.figure(c, "wall") if c is not None else None for c in (serial, combination))
        return round(one[0] / other[0], 3) if one and other and other[0] else None

    def outcomes(self, combination: Combination) -> Counter[str]:
        """Return how many runs had which outcome."""
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
            "params": dict(self._params.get(c.parameters, {})),
            "outcomes": dict(self.outcomes(c)),
            "reasons": self.reasons(c),
            "speed_up": self.speed_up(c),
            **figures,
            "runs": [{"outcome": run.outcome, "passed": run.passed, **run.figures} for run in self.runs[c]],
        }


def rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a row of text for each combination, in the order of COLUMNS."""
    return [_row(comparison, combination) for combination in comparison.runs]


COLUMNS = (
    "parameters",
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
    found = Counter(_outcome(run) for run in comparison.runs[c])
    outcomes = [f"{outcome} {count}/{runs}" for outcome, count in found.items()]
    factor = comparison.speed_up(c)
    return (
        sanitize(c.parameters),
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


def _outcome(run: Measurement) -> str:
    return f"{run.outcome} as expected" if run.passed and run.outcome != "passed" else run.outcome


def _seconds(middle: float, least: float, most: float) -> str:
    spread = "" if least == most else f" ({least:.3f}–{most:.3f})"
    return f"{middle:.3f} s{spread}"


def explanations(comparison: Comparison) -> list[str]:
    """Return a line for each combination of which a run did not pass: why."""
    return [
        sanitize(f"{combination.label}: {reason}")
        for combination in comparison.runs
        for reason in comparison.reasons(combination)
    ]
