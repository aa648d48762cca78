"""Prints the lowest versions that pyproject.toml allows, as constraints for pip.

    python -m tools.lower_bounds test >lowest.txt         the package's own dependencies, and those of the extra `test`
    pip install '.[test]' -c lowest.txt

A dependency whose lower bound is no released version cannot be installed so: write down the lowest that there is.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def lowest(project: Mapping[str, Any], extras: Iterable[str]) -> Iterator[str]:
    """Yield `NAME==VERSION` for each dependency, and each one of these extras and of those that they name.

    Raises:
        ValueError: a dependency has no lower bound.
    """
    left = list(project["dependencies"])
    for extra in extras:
        left += project["optional-dependencies"][extra]
    while left:
        wanted = Requirement(left.pop(0))
        if wanted.name == project["name"]:
            for extra in sorted(wanted.extras):
                left += project["optional-dependencies"][extra]
            continue
        bounds = [each.version for each in wanted.specifier if each.operator == ">="]
        if not bounds:
            raise ValueError(f"{wanted} has no lower bound")
        yield f"{wanted.name}=={bounds[0]}"


if __name__ == "__main__":
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    print(*lowest(document["project"], sys.argv[1:]), sep="\n")
