"""Which of the names that there are a computed one may be, before it is known."""

from __future__ import annotations

import re
from collections.abc import Iterable

from run_scenario.scenario.expressions import Expression, Template


def candidates(name: str | Template | Expression, names: Iterable[str]) -> list[str]:
    """Return those of the names that a computed one may be; one that is not computed is itself."""
    if isinstance(name, str):
        return [name]
    parts = name.parts if isinstance(name, Template) else (name,)
    pattern = re.compile("".join(re.escape(part) if isinstance(part, str) else ".*" for part in parts), re.DOTALL)
    return [each for each in names if pattern.fullmatch(each)]
