"""A folder for segments, who writes there and who reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from run_scenario.record.drain import Drain
from run_scenario.record.recorder import Recorder


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Return a folder for segments."""
    (tmp_path / "segments").mkdir()
    return str(tmp_path / "segments")


@pytest.fixture
def recorder(folder: str) -> Recorder:
    """Return a recorder with a segment in that folder."""
    recorder = Recorder()
    recorder.attach(folder, "Ann", 2)
    return recorder


@pytest.fixture
def drain(folder: str) -> Iterator[Drain]:
    """Return a drain of that folder."""
    drain = Drain(folder)
    yield drain
    drain.close()
