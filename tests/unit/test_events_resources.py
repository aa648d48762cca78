"""events/history/resources.py: who did which task, and that a poison pill is none."""

from __future__ import annotations

from typing import Any

import pytest

from run_scenario.events.history.resources import ConsumerStatistics
from run_scenario.report.summary import who_took


def takings(**taken: list[Any]) -> dict[str, ConsumerStatistics]:
    """Return what these processes have taken."""
    found = {}
    for name, items in taken.items():
        found[name] = ConsumerStatistics()
        for item in items:
            found[name].take(item)
    return found


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ({}, ""),
        ({"B": [36, "x", None], "A": [2]}, "A 1 (2), B 2 (36, x) + 1 pill"),
        ({"A": [None, None]}, "A 0 + 2 pills"),
        ({"A": []}, "A 0"),
        ({"A": [1] * 7, "B": [2] * 6}, "A 7, B 6"),
        ({"A": list(range(2_000))}, "A 2,000"),
        ({"A": ["a" * 17], "B": [[1, 2]]}, "A 1, B 1 ([1, 2])"),
        ({"A": ["\x1b[31m"]}, "A 1 (\\x1b[31m)"),
        ({f"P{number}": [] for number in range(10)}, ", ".join(f"P{n} 0" for n in range(8)) + " and 2 more"),
    ],
)
def test_who_took(taken: dict[str, list[Any]], expected: str) -> None:
    """Tasks are named while they are few and short; of many takers, only the first are."""
    assert expected == who_took(takings(**taken))
