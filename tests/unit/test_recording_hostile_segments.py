"""What a process may do to its own segment, and what else may lie there: the reader gets less, never an error."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from segments import fork, rest

from run_scenario.recording import codes, layout
from run_scenario.recording.drain import Drain
from run_scenario.recording.recorder import Recorder
from run_scenario.recording.segment_reader import SegmentReader


def first_chunk(folder: str) -> str:
    """Return the path of the only segment."""
    (name,) = [name for name in os.listdir(folder) if name.endswith(".0")]
    return f"{folder}/{name}"


def overwrite(path: str, at: int, data: bytes) -> None:
    """Write into a file."""
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


HEADER = layout.header_size(2)


@pytest.mark.fault("F45")
def test_a_torn_tail(recorder: Recorder, folder: str, drain: Drain) -> None:
    """A record that was not finished is not read, nor does it hide those before it."""
    recorder.emit(codes.TROUBLE, "whole")
    path = first_chunk(folder)
    end = HEADER + 8 + struct.unpack_from("<I", Path(path).read_bytes(), HEADER)[0]
    recorder.emit(codes.TROUBLE, "torn")
    overwrite(path, end + 12, b"\0\0\0")
    assert [[codes.TROUBLE, "whole"]] == rest(drain)


def test_a_hole(recorder: Recorder, folder: str, drain: Drain) -> None:
    """A fixed record whose writer was interrupted for good is left out; those around it are read."""
    for number in range(3):
        recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
    path = first_chunk(folder)[:-1] + "f1"
    overwrite(path, layout.FIXED.size, bytes(layout.FIXED.size))
    assert [0, 2] == [record[2] for record in rest(drain)]


@pytest.mark.parametrize("size", [0, 1, 7, 40, 511, 512, 2000, HEADER, HEADER + 3, HEADER + 20])
def test_a_truncated_segment(recorder: Recorder, folder: str, drain: Drain, size: int) -> None:
    """The reader of a file that its process has cut gets less, not an error."""
    recorder.emit(codes.TROUBLE, "x" * 100)
    recorder.fixed(codes.PUT, layout.V_INT, 0, 1, 1, 0)
    os.truncate(first_chunk(folder), size)
    assert [codes.TROUBLE] not in [record[:1] for record in rest(drain)]
    for reader in drain.readers:
        assert [] == [wait for wait in reader.waits() if wait.kind]
        assert 0 == reader.flushed(0) == reader.flushed(1) == reader.flushed(99)
        assert 0 == reader.lost


def test_truncated_while_it_is_read(recorder: Recorder, folder: str, drain: Drain) -> None:
    """The same after the reader has opened it, and for later chunks that are cut or removed."""
    for number in range(30_000):
        recorder.emit(codes.TROUBLE, number)
        recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
    drain.round()
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        os.truncate(path, 600) if name.endswith(".0") else os.unlink(path)
    for _ in range(10):
        drain.round()
    drain.rest()


@pytest.mark.parametrize("seed", range(30))
def test_garbage(recorder: Recorder, folder: str, drain: Drain, seed: int) -> None:
    """Whatever bytes a process writes over its own records, reading ends and gives well-formed records."""
    import random

    random_ = random.Random(seed)
    for number in range(200):
        recorder.emit(codes.TROUBLE, number, "text" * (number % 5))
        recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
    path = first_chunk(folder)
    for _ in range(20):
        at = random_.randrange(layout.CHUNKS_AT, HEADER + 6_000)
        overwrite(path, at, random_.randbytes(random_.choice((1, 4, 30))))
        overwrite(path[:-1] + "f1", random_.randrange(9_000), random_.randbytes(random_.choice((1, 8, 48))))
    for _ in range(5):
        for t, _, record in drain.round():
            assert type(t) is int
            assert type(record[1]) is int
    for reader in drain.readers:
        reader.waits()
        reader.flushed(0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\xc0",
        b"\x90",
        b"\x91\x01",
        b"\x92\xa1a\x01",
        b"\x92\x01\xa1a",
        b"\x81\x01\x02",
        b"\xdd\xff\xff\xff\xff",
    ],
)
def test_a_record_that_is_none(recorder: Recorder, folder: str, drain: Drain, body: bytes) -> None:
    """Bytes with a proper checksum that are no record are passed over, and what follows is read."""
    from zlib import crc32

    recorder._write(layout.RECORD.pack(len(body), crc32(body)) + body)
    recorder.emit(codes.TROUBLE, "after")
    follows = [] if body == b"" else [[codes.TROUBLE, "after"]]  # a length of 0 means that nothing is there yet
    assert follows == rest(drain)


def test_foreign_files(recorder: Recorder, folder: str, drain: Drain) -> None:
    """What is no segment, or a link to something else, is not read."""
    Path(folder, "1-1.0").write_bytes(b"")
    Path(folder, "2-2.0").write_bytes(b"not a segment" * 1000)
    Path(folder, "notes.txt").write_text("hello")
    Path(folder, "3-3.0").mkdir()
    recorder.emit(codes.TROUBLE, 1)
    assert [[codes.TROUBLE, 1]] == rest(drain)
    assert ["Ann"] == [reader.name for reader in drain.readers]


def test_a_link_is_not_followed(folder: str, tmp_path: Path, drain: Drain) -> None:
    """A process cannot have the reader open another file by a link in its place."""
    other = tmp_path / "other"
    other.mkdir()
    recorder = Recorder()
    recorder.attach(str(other), "Other", 0)
    Path(folder, "4-4.0").symlink_to(f"{recorder.prefix}.0")
    assert [] == rest(drain)
    assert [] == drain.readers


def test_a_pipe_is_not_waited_for(folder: str) -> None:
    """A named pipe in a segment's place, to which nobody writes, does not hold the reader up."""
    os.mkfifo(f"{folder}/5-5.0")

    def read() -> None:
        assert [] == Drain(folder).rest()

    process = fork.Process(target=read)
    process.start()
    process.join(10)
    process.kill()
    process.join()
    assert 0 == process.exitcode


def test_no_segment() -> None:
    """A single file that is none is a ValueError."""
    with pytest.raises(ValueError, match="is not a segment"):
        SegmentReader(__file__)
