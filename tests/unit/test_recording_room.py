"""When there is no room for records any more: noted once, where every process of a run looks."""

from __future__ import annotations

import errno
from pathlib import Path
from time import monotonic_ns

import pytest

from run_scenario.recording.recorder import Recorder
from run_scenario.recording.room import check_room, find_end, note_end


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
