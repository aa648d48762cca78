"""Who did how many of something; of a queue, who took what: few tasks by their names, poison pills apart from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from run_scenario.views.text import scrub

_MOST_ITEMS = 12
"""Of one queue, that are named; of more, the counts say enough."""
_WIDEST = 16
"""Characters of an item that is named."""
_MOST_NAMED = 8
"""Of those who did or took something; of more, it is said how many they are."""


@dataclass(slots=True)
class Taking:
    """What one process took from one queue."""

    count: int = 0
    """Items but poison pills."""
    pills: int = 0
    first: list[str] = field(default_factory=list)
    """The first of these items, but those that are too long to be named."""

    def take(self, item: Any) -> None:
        """Note one more item, as the log has it: None is a poison pill."""
        if item is None:
            self.pills += 1
            return
        self.count += 1
        if self.count <= _MOST_ITEMS:
            text = item if isinstance(item, str) else json.dumps(item)
            if len(text) <= _WIDEST:
                self.first.append(text)


def who_took(takings: Mapping[str, Taking]) -> str:
    """Return who took how many items, and which; of many takers, only the first."""
    few = sum(taking.count for taking in takings.values()) <= _MOST_ITEMS
    return _each({name: _told(taking, few) for name, taking in takings.items()})


def shares(counts: Mapping[str, int]) -> str:
    """Return who did how many: of many, only the first."""
    return _each({name: f"{count:,}" for name, count in counts.items()})


def _told(taking: Taking, few: bool) -> str:
    named = f" ({', '.join(map(scrub, taking.first))})" if few and len(taking.first) == taking.count > 0 else ""
    pills = f" + {taking.pills:,} pill{'s' if taking.pills > 1 else ''}" if taking.pills else ""
    return f"{taking.count:,}{named}{pills}"


def _each(told: Mapping[str, str]) -> str:
    parts = [f"{scrub(name)} {text}" for name, text in sorted(told.items())]
    more = len(parts) - _MOST_NAMED
    return ", ".join(parts[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
