"""Who held a lock or a semaphore, in rows: those who held it at once are below each other."""

from __future__ import annotations

from collections.abc import Iterable

from run_scenario.values import Value
from run_scenario.views.history import Holding
from run_scenario.views.scale import Scale

_MOST = 4
"""Rows of one lock or semaphore."""


class Slots(Value):
    """What is shown of who held a lock or a semaphore."""

    rows: tuple[tuple[Holding, ...], ...]
    """No two of a row at once; there is always one row."""
    left_out: int
    """How many are not in any row, as there were as many others at once."""

    def told(self, resource: str) -> list[str]:
        """Return a sentence about what is left out, if anything is."""
        if not self.left_out:
            return []
        total = self.left_out + sum(map(len, self.rows))
        return [f"{resource}: more than {_MOST} held it at once; {self.left_out:,} of {total:,} times are not drawn"]


def slots(holdings: Iterable[Holding], scale: Scale) -> Slots:
    """Return what is shown at this scale of who held a lock or a semaphore; `holdings` are in order of time."""
    rows: list[list[Holding]] = [[]]
    left_out = 0
    for holding in holdings:
        if not scale.shows(holding.start, holding.end):
            continue
        free = next((row for row in rows if not row or row[-1].end <= holding.start), None)
        if free is None and len(rows) == _MOST:
            left_out += 1
            continue
        if free is None:
            free = []
            rows.append(free)
        free.append(holding)
    return Slots(tuple(map(tuple, rows)), left_out)
