"""A reading that falls together with a store, and records that their writers have begun and not finished."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import rest

from effort import examples
from run_scenario.recording import codes, layout
from run_scenario.recording.drain import Drain
from run_scenario.recording.recorder import Recorder
from run_scenario.recording.segment_reader import SegmentReader
from run_scenario.recording.streams import FixedStream, remove

SIZE = layout.FIXED.size
LONG = 10**18
"""A lag in ns that holds everything back."""


def put(recorder: Recorder, *numbers: int) -> None:
    """Record puts of these numbers."""
    for number in numbers:
        recorder.fixed(codes.PUT, layout.V_INT, 1, number, ~number, number)


def told(drain: Drain) -> list[Any]:
    """Return what a drain releases until it has read everything."""
    released = drain.round()
    while drain.behind:
        released += drain.round()
    return released


def stamps(records: list[Any]) -> list[int]:
    """Return the stamps of puts, as a drain releases them."""
    return [record[3] for _, _, record in records]


class Store:
    """Bytes of a fixed stream that are not there for the first reading that comes upon them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, hidden: bytes) -> None:
        self.readings = 0
        pread = os.pread

        def torn(file: int, size: int, position: int) -> bytes:
            data = bytearray(pread(file, size, position))
            if (
                os.readlink(f"/proc/self/fd/{file}").endswith(".f1")
                and position < at + len(hidden)
                and at < position + len(data)
            ):
                self.readings += 1
                if self.readings == 1:
                    for n, gone in enumerate(hidden, at - position):
                        if gone and 0 <= n < len(data):
                            data[n] = 0
            return bytes(data)

        monkeypatch.setattr(os, "pread", torn)


@given(hidden=st.binary(min_size=SIZE, max_size=SIZE), place=st.integers(0, 3))
@examples(200)
def test_a_reading_in_the_middle_of_a_store(
    tmp_path_factory: pytest.TempPathFactory, hidden: bytes, place: int
) -> None:
    """Whichever bytes of a record a reading does not show yet, the record is read once, whole and in its turn."""
    folder = str(tmp_path_factory.mktemp("segments"))
    recorder = Recorder()
    recorder.attach(folder, "Ann", 2)
    put(recorder, *range(4))
    drain = Drain(folder)
    with pytest.MonkeyPatch.context() as patch:
        Store(patch, place * SIZE, bytes(byte & 1 for byte in hidden))
        stream = FixedStream(recorder.prefix, remove)
        found: list[Any] = []
        for _ in range(3):
            found += stream.late()
            found += stream.read(1, 1 << 16)[0]
    assert [[codes.PUT, 1, number, ~number, number] for number in range(4)] == sorted(record[1:] for record in found)
    assert 0 == stream.unfinished
    stream.close(1)
    drain.close()


def test_a_reader_that_is_held_up_in_the_middle_of_a_reading(
    recorder: Recorder, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand records that were stored meanwhile are no holes, and come in their order."""
    put(recorder, *range(2_500))
    Store(monkeypatch, 0, b"\1" * (2_000 * SIZE))
    assert list(range(2_500)) == stamps(told(drain))


class Hole:
    """A place that has been handed out, and is filled later."""

    def __init__(self, path: str, place: int) -> None:
        self._path = path
        self._at = place * SIZE
        with open(path, "rb") as file:
            file.seek(self._at)
            self._record = file.read(SIZE)
        self.store(bytes(SIZE))

    def store(self, record: bytes) -> None:
        with open(self._path, "r+b") as file:
            file.seek(self._at)
            file.write(record)

    def fill(self) -> None:
        """Store what was there."""
        self.store(self._record)


def test_a_hole_is_filled_after_its_chunk_was_left(recorder: Recorder, folder: str, drain: Drain) -> None:
    """A thread that is interrupted for long holds nobody up, and what it stores at last is read."""
    put(recorder, *range(10_000))
    path = f"{recorder.prefix}.f1"
    hole = Hole(path, 7)
    assert [n for n in range(10_000) if n != 7] == stamps(told(drain))
    assert Path(path).exists()
    assert 1 == drain.readers[0].unfinished
    hole.fill()
    assert [7] == stamps(drain.round())
    assert (0, 0) == (drain.readers[0].unfinished, drain.readers[0].damaged)
    assert not Path(path).exists()


def test_a_hole_that_is_filled_is_not_overtaken(recorder: Recorder, drain: Drain) -> None:
    """What was read before it was filled, and held back, comes after it."""
    put(recorder, 0, 1, 2)
    hole = Hole(f"{recorder.prefix}.f1", 1)
    assert [] == drain.round(lag=LONG)
    hole.fill()
    assert [0, 1, 2] == stamps(drain.round())


def test_the_time_is_taken_before_the_place(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a thread is interrupted between the two, no later place has an earlier time."""
    put(recorder, 0)
    interruptions = iter([put])

    def interrupted() -> int:
        for interrupt in interruptions:
            interrupt(recorder, 1)
        return monotonic_ns()

    monkeypatch.setattr("run_scenario.recording.recorder.monotonic_ns", interrupted)
    put(recorder, 2)
    rows = [*layout.FIXED.iter_unpack(Path(f"{recorder.prefix}.f1").read_bytes()[: 3 * SIZE])]
    assert ([0, 1, 2], sorted(rows)) == ([row[4] for row in rows], rows)


def test_what_a_process_has_begun_is_told(recorder: Recorder, drain: Drain) -> None:
    """Holes and a last record that was not finished are counted when their process is over, too, and are no damage."""
    put(recorder, *range(6))
    path = f"{recorder.prefix}.f1"
    Hole(path, 2)
    Hole(path, 5).store(b"\1" * 9)  # of the last one, the beginning was stored
    recorder.emit(codes.TROUBLE, "whole")
    end = Path(f"{recorder.prefix}.0").read_bytes().rstrip(b"\0")
    recorder.emit(codes.TROUBLE, "begun")
    with open(f"{recorder.prefix}.0", "r+b") as file:
        file.seek(len(end) + 6)
        file.write(bytes(100))
    assert 5 == len(rest(drain))
    (reader,) = drain.readers
    assert (3, 0) == (reader.unfinished, reader.damaged)
    drain.note_ended(os.getpid(), monotonic_ns())
    assert [] == drain.round()
    assert (True, 3, 0) == (reader.is_closed, reader.unfinished, reader.damaged)


def overwrite_the_middle(recorder: Recorder) -> None:
    """Destroy a general record that others follow."""
    recorder.emit(codes.TROUBLE, "x" * 50)
    recorder.emit(codes.TROUBLE, "after")
    with open(f"{recorder.prefix}.0", "r+b") as file:
        file.seek(layout.header_size(2) + 30)
        file.write(b"?")


def overwrite_a_sealed_chunk(recorder: Recorder) -> None:
    """Destroy the first record of a chunk that has been left."""
    for _ in range(50):
        recorder.emit(codes.TROUBLE, "x" * 5_000)
    with open(f"{recorder.prefix}.0", "r+b") as file:
        file.seek(layout.header_size(2) + 30)
        file.write(b"?")


def store_no_record(recorder: Recorder) -> None:
    """Store bytes with a proper checksum that are no record."""
    recorder._write(layout.RECORD.pack(1, crc32(b"\xc0")) + b"\xc0")


def store_an_impossible_time(recorder: Recorder) -> None:
    """Store a record from the future."""
    put(recorder, 0)
    Hole(f"{recorder.prefix}.f1", 0).store(layout.FIXED.pack(1 << 62, codes.PUT, 1, 0, 1, 1, 1, 1))


def cut_a_chunk(recorder: Recorder) -> None:
    """Cut off the end of a chunk that has been left."""
    put(recorder, *range(5_000))
    os.truncate(f"{recorder.prefix}.f1", 100 * SIZE + 5)


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (overwrite_the_middle, 1),
        (overwrite_a_sealed_chunk, 1),
        (store_no_record, 1),
        (store_an_impossible_time, 1),
        (cut_a_chunk, 3_996),
    ],
)
def test_damage_is_told(recorder: Recorder, drain: Drain, change: Callable[[Recorder], None], least: int) -> None:
    """What was stored and cannot be read any more is counted, and not called unfinished."""
    change(recorder)
    rest(drain)
    (reader,) = drain.readers
    drain.close()
    assert (least, 0) == (reader.damaged, reader.unfinished)


def test_a_chunk_that_is_gone_is_told(recorder: Recorder, drain: Drain) -> None:
    """Also if no other comes after it."""
    put(recorder, *range(5_000))
    os.unlink(f"{recorder.prefix}.f2")
    assert 4_096 == len(rest(drain))
    drain.close()
    assert [1] == [reader.missing for reader in drain.readers]


@pytest.mark.parametrize("small", [False, True], ids=["general", "fixed"])
def test_a_signal_handler_in_the_middle_of_making_a_chunk(
    recorder: Recorder, drain: Drain, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    """The chunk that it leaves without use is no hole: nothing is missed, and nothing held up."""
    new_chunk = recorder._new_chunk
    inside = []

    def record(number: int) -> None:
        put(recorder, number) if small else recorder.emit(codes.PUT, 1, number, "x" * 1_000, 0)

    def interrupted(*args: Any) -> Any:
        made = new_chunk(*args)
        if not inside:
            inside.append(1)
            record(0)
        return made

    put(recorder, -1)
    monkeypatch.setattr(recorder, "_new_chunk", interrupted)
    for number in range(1, 5_000):
        record(number)
    assert [-1, *range(5_000)] == sorted(stamps(told(drain)))
    (reader,) = drain.readers
    assert (0, 0, 0, 0) == (reader.unfinished, reader.damaged, reader.missing, reader.lost)


def test_threads_count_what_was_lost(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what several threads cannot store, each record is counted."""
    recorder = Recorder()
    recorder.attach(folder, "Ann", 2)

    def full(*args: Any) -> Any:
        raise OSError

    monkeypatch.setattr(recorder, "_new_chunk", full)
    threads = [threading.Thread(target=put, args=(recorder, *range(5_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20_000 == SegmentReader(f"{recorder.prefix}.0").lost
