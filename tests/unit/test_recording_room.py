"""When there is no room for records any more: noted once, where every process of a run looks."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from time import monotonic_ns

import pytest

from run_scenario.recording.recorder import Recorder
from run_scenario.recording.room import check_room, find_end, note_end, take


def test_the_first_end_counts(tmp_path: Path) -> None:
    """It says when and why; whoever finds no room later changes nothing."""
    folder = str(tmp_path)
    assert find_end(folder) is None
    check_room(folder)
    before = monotonic_ns()
    note_end(folder, errno.ENOSPC)
    note_end(folder, errno.EMFILE)
    end = find_end(folder)
    assert end is not None
    assert before - 10_000_000 <= end.t <= monotonic_ns()
    reason = f"there is no room for more records in {folder}: no space left on device; set TMPDIR to another folder"
    assert reason == end.reason(folder)
    with pytest.raises(OSError, match="No space left"):
        check_room(folder)


@pytest.mark.parametrize(
    ("number", "said"), [(errno.EMFILE, "too many open files"), (0, "has grown too large, faster than the log")]
)
def test_what_another_folder_does_not_help(tmp_path: Path, number: int, said: str) -> None:
    """The advice is given where it helps."""
    note_end(str(tmp_path), number)
    end = find_end(str(tmp_path))
    assert end is not None
    assert said in end.reason(str(tmp_path))
    assert "TMPDIR" not in end.reason(str(tmp_path))


def test_after_the_end_no_process_takes_room(tmp_path: Path) -> None:
    """A process that begins then records nothing; one that has a segment counts what it could not store."""
    recorder = Recorder()
    recorder.attach(str(tmp_path), "Ann", 0)
    files = {path.name for path in tmp_path.iterdir()}
    note_end(str(tmp_path), 0)
    for _ in range(3000):
        recorder.emit(1, "x" * 100)
    with pytest.raises(OSError, match="No space left"):
        Recorder().attach(str(tmp_path), "Bob", 0)
    assert files | {"full"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("error", [errno.EOPNOTSUPP, errno.EINVAL, None])
def test_room_is_taken_without_the_call_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int | None
) -> None:
    """It writes into each block, so that a full disk is noticed now, as on macOS, or with musl."""

    def refuse(descriptor: int, first: int, size: int) -> None:
        raise OSError(error, "refused")

    if error is None:
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", refuse)
    with (tmp_path / "chunk").open("wb") as file:
        take(file.fileno(), 100_000)
        status = os.fstat(file.fileno())
    assert 100_000 == status.st_size
    assert 100_000 <= status.st_blocks * 512 < 200_000
    assert bytes(100_000) == (tmp_path / "chunk").read_bytes()


def test_no_room_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the call says of a full disk is passed on."""

    def refuse(descriptor: int, first: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with (tmp_path / "chunk").open("wb") as file, pytest.raises(OSError, match="full"):
        take(file.fileno(), 100_000)
    assert b"" == (tmp_path / "chunk").read_bytes()
