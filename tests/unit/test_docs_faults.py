"""docs/reference/faults.md has a row for each fault, and says of each what the tests say that show it."""

from __future__ import annotations

import json

import pytest

import faults
from run_scenario import bundled
from run_scenario.errors import Status

SHOWN = faults.shown()
EVENTS = json.loads(bundled.schema_text("event"))["properties"]["event"]["enum"]


def test_the_table_is_what_the_tests_say() -> None:
    """The file has not drifted; `python tests/faults.py` writes it anew."""
    assert faults.document() == faults.DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("row", faults.ROWS)
def test_every_fault_is_shown(row: str) -> None:
    """No row is without a test."""
    assert [entry for entry in SHOWN if entry.row == row]


@pytest.mark.parametrize("entry", SHOWN, ids=lambda entry: f"{entry.row}-{entry.test}")
def test_marks_make_sense(entry: faults.Shown) -> None:
    """A mark names a row, an event and a status that exist; one of a real run names a status."""
    assert entry.row in faults.ROWS
    assert entry.event is None or entry.event in EVENTS
    assert all(status in set(Status) | {-9} for status in entry.statuses)
    assert entry.statuses or entry.file.startswith("unit/")
