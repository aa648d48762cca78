"""Recordings of runs whose runner was killed: few, small, private, and never a way in."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from run_scenario.errors import UsageError
from run_scenario.recording.drain import Retention
from run_scenario.runtime import archive
from run_scenario.runtime.run_request import RunRequest
from run_scenario.scenario.model import Scenario


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the temporary folder of this test, the first that recordings are looked for in."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def make(base: Path, run: str, size: int = 100) -> RunRequest:
    """Return the request of a run that has left a folder with a file of so many bytes."""
    folder = base / f"run-scenario-{run}"
    folder.mkdir()
    (folder / "1-1.0").write_bytes(b"x" * size)
    scenario = Scenario(name=run, file=f"{run}.yaml", path=f"/{run}.yaml", digest="")
    return RunRequest(scenario, (), run, str(folder), (1, 2), {})


def own(base: Path) -> list[archive.ArchivedRun]:
    """Return the recordings in this test's folder."""
    return [found for found in archive.recordings() if found.folder.startswith(str(base))]


def test_what_was_kept_is_found(base: Path) -> None:
    """The folder has another name, is the user's alone, and says what was run."""
    request = make(base, "aa")
    archive.store(request)
    (found,) = own(base)
    assert ("aa", str(base / "run-scenario-kept-aa")) == (found.run, found.folder)
    assert 0o700 == os.stat(found.folder).st_mode & 0o777
    recording = archive.read(found)
    assert (request, os.getpid()) == (recording.request, recording.supervisor_pid)


def test_the_newest_are_kept(base: Path) -> None:
    """Of more than a handful the oldest ones go."""
    names = [f"{number:02}" for number in range(archive.MOST + 3)]
    for age, name in enumerate(names):
        archive.store(make(base, name))
        file = base / f"run-scenario-kept-{name}" / "request"
        if file.exists():
            os.utime(file, (1000 + age, 1000 + age))
    assert names[-archive.MOST :] == sorted(found.run for found in own(base))


def test_they_do_not_fill_the_disk(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them together have a size that they may not exceed."""
    monkeypatch.setattr(archive, "MOST_BYTES", 300_000)
    for name in ("aa", "bb", "cc"):
        archive.store(make(base, name, 120_000))
    assert 2 == len(own(base))


def test_the_newest_is_kept_however_large(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is about to ask for it; what is older makes room."""
    monkeypatch.setattr(archive, "MOST_BYTES", 300_000)
    archive.store(make(base, "aa"))
    archive.store(make(base, "bb", 400_000))
    assert ["bb"] == [found.run for found in own(base)]


def test_what_others_have_put_there_is_not_touched(base: Path) -> None:
    """A folder that others may write to, a link and a file are no recordings."""
    archive.store(make(base, "aa"))
    os.chmod(base / "run-scenario-kept-aa", 0o770)
    (base / "run-scenario-kept-bb").symlink_to(base / "run-scenario-kept-aa")
    (base / "run-scenario-kept-cc").write_text("")
    (base / "run-scenario-kept-dd").mkdir(0o700)
    assert [] == own(base)


class Hostile:
    """Calls something when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("called",)


@pytest.mark.parametrize("content", [pickle.dumps(Hostile()), b"", b"garbage", pickle.dumps("text")])
def test_nothing_is_called_by_a_recording(base: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a target has written in place of the request, it is refused in a sentence."""
    monkeypatch.chdir(base)
    archive.store(make(base, "aa"))
    (found,) = own(base)
    Path(found.folder, "request").write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read"):
        archive.read(found)
    assert not (base / "called").exists()


@pytest.mark.parametrize(("most", "left"), [(0, []), (250, ["1", "2"]), (1000, ["0", "1", "2"])])
def test_what_was_read_stays_for_a_while(tmp_path: Path, most: int, left: list[str]) -> None:
    """Files that were read are removed, but for so many bytes of the last ones."""
    retention = Retention(most)
    for name in ("0", "1", "2"):
        (tmp_path / name).write_bytes(b"x" * 100)
        retention.discard(str(tmp_path / name))
    retention.discard(str(tmp_path / "nowhere"))
    assert left == sorted(os.listdir(tmp_path))
