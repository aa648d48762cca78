"""Who took what from a queue: tasks by their names as long as they are few, and poison pills apart from them."""

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
MOST_TAKERS = 8
"""That are named; of more, it is said how many they are."""


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
    parts = []
    for name, taking in sorted(takings.items())[:MOST_TAKERS]:
        named = f" ({', '.join(map(scrub, taking.first))})" if few and len(taking.first) == taking.count > 0 else ""
        pills = f" + {taking.pills:,} pill{'s' if taking.pills > 1 else ''}" if taking.pills else ""
        parts.append(f"{scrub(name)} {taking.count:,}{named}{pills}")
    more = len(takings) - MOST_TAKERS
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")
