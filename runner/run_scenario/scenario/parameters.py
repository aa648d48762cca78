"""Parameters of a scenario in words: `workers=4`, as a command line takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from run_scenario.scenario.expectation_data import one_line

_LONGEST = 40


def assignments(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield each parameter with its value, which is cut where it is long."""
    for name, value in values.items():
        text = one_line(value)
        yield f"{name}={text if len(text) <= _LONGEST else f'{text[: _LONGEST - 1]}…'}"
