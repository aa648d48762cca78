"""runtime/run_folder.py: where a run's sockets lie, and that nobody else's folder is taken for that or removed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from run_scenario.runtime.run_folder import make_for_sockets, remove_sockets, sockets_for

RUN = "0123456789ab"


def test_sockets_lie_in_a_short_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the run's own folder where that is short enough, otherwise in one of that name elsewhere."""
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert f"/var/tmp/run-scenario-{RUN}" == sockets_for(RUN)
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    assert f"/tmp/run-scenario-{RUN}" == sockets_for(RUN)


def test_length_is_counted_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path of 40 umlauts has 80 bytes, and it is bytes that the system counts."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        wide = Path(folder) / ("ä" * 40)
        wide.mkdir()
        monkeypatch.setenv("TMPDIR", str(wide))
        assert f"/tmp/run-scenario-{RUN}" == sockets_for(RUN)


def test_a_folder_that_is_there_already(tmp_path: Path) -> None:
    """It may be somebody else's: it is not used."""
    taken = tmp_path / "taken"
    taken.mkdir()
    assert "" == make_for_sockets(str(taken), "/elsewhere")
    made = tmp_path / "made"
    assert str(made) == make_for_sockets(str(made), "/elsewhere")
    assert 0o700 == made.stat().st_mode & 0o777


def test_what_is_not_this_users_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of that name that somebody else has made, and a link to one, are left alone."""
    (tmp_path / "socket").touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    remove_sockets(str(tmp_path))
    assert ["socket"] == os.listdir(tmp_path)
    monkeypatch.undo()
    remove_sockets(str(tmp_path))
    assert not tmp_path.exists()
