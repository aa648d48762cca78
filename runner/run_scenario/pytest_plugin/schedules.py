"""The schedules that tests have found: each is kept beside its test, and tried first the next time.

As Hypothesis keeps examples, but each in a file of its own, for people to read, replay and commit. Tests that run at
the same time (pytest-xdist) have different files.
"""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from run_scenario.api import Exploration

_SUFFIX = ".schedule.json"
_LONGEST = 100
"""Characters of a test's name that are in the name of its file."""


def beside(path: Path, name: str, log: Path) -> Path:
    """Return where the schedule of a test of this name is kept: beside a file.

    In a folder that nobody may write to there is none; then it is beside the log.
    """
    folder = path.parent if os.access(path.parent, os.W_OK) else log.parent
    return folder / f"{_as_file(name)}{_SUFFIX}"


def of_test(item: pytest.Item, number: int, log: Path) -> Path:
    """Return where the schedule of a test in Python is kept; `number` counts its explorations."""
    name = item.nodeid.partition("::")[2].replace("::", ".")
    return beside(item.path, f"{item.path.stem}.{name}{f'-{number}' if number > 1 else ''}", log)


def warn_of(item: pytest.Item, explored: Exploration, kept: Path) -> None:
    """Say of a test that passes that its schedule does not fit any more."""
    first = explored.replayed_first
    if explored.passed and first is not None and first["differs"]:
        text = f"{kept.name} does not fit any more, and can be deleted: {first['differs']}"
        item.warn(pytest.PytestWarning(text))


def _as_file(name: str) -> str:
    """Return the name of a test as that of a file; where characters are lost, with a checksum."""
    plain = re.sub(r"\[(.*)\]", r"-\1", name).replace(":", "=")
    words = re.sub(r"[^\w.=-]+", "-", plain, flags=re.ASCII)[:_LONGEST]
    return words if words == plain else f"{words}-{zlib.crc32(name.encode()):08x}"
