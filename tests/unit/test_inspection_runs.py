"""Which files a process has open, as a look from outside finds them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from run_scenario.runtime.inspection.runs import _open_files


def test_a_file_that_is_closed_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are found all the same."""
    paths = [tmp_path / name for name in "abc"]
    files = [path.open("w") for path in paths]
    real, closed = os.readlink, f"/{files[0].fileno()}"

    def readlink(path: str) -> str:
        if path.endswith(closed):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "readlink", readlink)
    found = _open_files(os.getpid())
    for file in files:
        file.close()
    assert {str(path) for path in paths[1:]} == found & {str(path) for path in paths}
    assert set() == _open_files(2**22 + 1)
