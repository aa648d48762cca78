"""The comparison of runs: what counts as passed, and what the table says of it."""

from __future__ import annotations

import io
import json
from typing import Any

from example_events import event
from rich.console import Console

from run_scenario.events.encoding import as_event
from run_scenario.report.comparison import COLUMNS, Combination, Comparison, Meter, explanations, rows
from run_scenario.report.terminal.tables import render_table

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


def test_a_column_that_is_to_be_watched_stays_in_a_narrow_table() -> None:
    """Others are left out before it, and a line says which."""
    values = (
        "",
        "process",
        "fork",
        "",
        "passed 5/5",
        "0.123 s (0.111–0.222)",
        "1.0",
        "0.1 s",
        "9 ms",
        "1",
        "2",
        "9 MB",
    )

    def headers(watched: str) -> tuple[str, str]:
        console = Console(file=io.StringIO(), width=80)
        table = render_table(console, COLUMNS, [(values, "")], left=5, watched=watched)
        return table.splitlines()[0], table.splitlines()[-1]

    assert "memory" not in headers("")[0]
    assert "memory" in headers("")[1]
    shown, left_out = headers("Watch for: memory, and forced.")
    assert ("memory" in shown, "forced" in shown, "switches" in shown) == (True, True, False)
    assert "too narrow to show: start-up, switches" in left_out
    assert "memory" in headers("Watch for: switches-of-memory")[1]
