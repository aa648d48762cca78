"""The comparison of runs: what counts as passed, and what the table says of it."""

from __future__ import annotations

import json
from typing import Any

from example_events import event

from run_scenario.events.reading import as_event
from run_scenario.report.comparison import COLUMNS, Combination, Comparison, Meter, explanations, rows

PROCESS, SERIAL = Combination("process", "fork", None), Combination("serial", None, None)


def compared(process: dict[str, Any], serial: dict[str, Any]) -> Comparison:
    """Return a comparison of one run each, that ended so."""
    comparison = Comparison("forks", "forks.yaml", [PROCESS, SERIAL])
    for combination, end in ((PROCESS, process), (SERIAL, serial)):
        meter = Meter()
        ends = event("process.exited", "MainProcess", duration=2.0), event("scenario.finished", **end)
        meter.write([as_event(each) for each in ends])
        comparison.add(combination, meter.measurement())
    return comparison


STALLED = {"outcome": "stalled", "reasons": ["Kant waits for Hegel"]}


def test_a_stall_that_is_expected_has_passed() -> None:
    """Its figures count, the table says that it was expected, and nothing is to be explained."""
    comparison = compared({**STALLED, "exit_status": 0}, {"outcome": "passed", "exit_status": 0, "reasons": []})
    assert comparison.passed
    found = dict(zip(COLUMNS, rows(comparison)[0], strict=True))
    assert ("stalled as expected 1/1", "2.000 s", "1.00") == (found["outcome"], found["wall time"], found["speed-up"])
    assert [] == explanations(comparison)
    (run,) = json.loads(comparison.as_json({}))["combinations"][0]["runs"]
    assert ("stalled", True) == (run["outcome"], run["passed"])


def test_a_stall_that_is_not_expected_has_not() -> None:
    """It has no figures, and its reason stands below the table."""
    comparison = compared({**STALLED, "exit_status": 3}, {"outcome": "passed", "exit_status": 0, "reasons": []})
    assert not comparison.passed
    assert (False, True) == (comparison.have_passed(PROCESS), comparison.have_passed(SERIAL))
    found = dict(zip(COLUMNS, rows(comparison)[0], strict=True))
    assert ("stalled 1/1", "", "") == (found["outcome"], found["wall time"], found["speed-up"])
    assert ["process (fork): Kant waits for Hegel"] == explanations(comparison)
