"""Recorder and drain: what one process writes, another reads, whole and in order, whatever happens in between."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest

from run_scenario.record import codes, layout
from run_scenario.record.drain import Drain
from run_scenario.record.reader import SegmentReader
from run_scenario.record.recorder import Recorder

fork = multiprocessing.get_context("fork")


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


def rest(drain: Drain) -> list[list[Any]]:
    """Return all records that are left, without their times."""
    records: list[list[Any]] = []
    while released := drain.rest():
        assert [t for t, _, _ in released] == sorted(t for t, _, _ in released)
        records += [record[1:] for _, _, record in released]
    return records


def in_child(function: Callable[..., None], *args: Any) -> int | None:
    """Run a function in a forked process and return its exit code."""
    process = fork.Process(target=function, args=args)
    process.start()
    process.join(60)
    return process.exitcode


def test_a_round_trip(recorder: Recorder, drain: Drain) -> None:
    """What was recorded is read, in order, with the time and the process it is from."""
    before = monotonic_ns()
    values = [None, True, -1, 2**62, 1.5, "ä\ud800", b"\xff", [1, [2]], {"a": 1, 2: "b"}]
    for value in values:
        recorder.emit(codes.TROUBLE, value)
    released = drain.rest()
    assert [[codes.TROUBLE, value] for value in values] == [record[1:] for _, _, record in released]
    assert all(before <= t <= monotonic_ns() and t == record[0] for t, _, record in released)
    assert {("Ann", os.getpid(), os.getppid())} == {(r.name, r.pid, r.ppid) for _, r, _ in released}
    assert [] == drain.rest()


def test_fixed_records(recorder: Recorder, drain: Drain) -> None:
    """The frequent events come back in the form of the others."""
    recorder.fixed(codes.PUT, layout.V_INT, 1, 77, -(2**63), 5)
    recorder.fixed(codes.PUT, layout.V_NONE, 0, 78, 0, 0)
    recorder.fixed(codes.PUT, layout.V_TRUE, 0, 79, 0, 0)
    recorder.fixed(codes.GET, layout.V_SAME, 1, 77, 0, 9)
    recorder.fixed(codes.TASK_DONE, 0, 1, 0, 0, 0)
    recorder.fixed(codes.EMPTY, layout.V_TRUE, 0, 0, True, 0)
    recorder.fixed(codes.FULL, layout.V_FALSE, 1, 0, False, 0)
    assert [
        [codes.PUT, 1, 77, -(2**63), 5],
        [codes.PUT, 0, 78, None, 0],
        [codes.PUT, 0, 79, True, 0],
        [codes.GET, 1, 77, codes.SAME, 9],
        [codes.TASK_DONE, 1],
        [codes.EMPTY, 0, True, True],
        [codes.FULL, 1, False, False],
    ] == rest(drain)


def test_nothing_is_recorded_without_a_segment(folder: str, drain: Drain) -> None:
    """A recorder that was not attached takes everything and makes nothing."""
    recorder = Recorder()
    recorder.emit(codes.TROUBLE, 1)
    recorder.fixed(codes.PUT, layout.V_INT, 0, 1, 1, 0)
    recorder.waiting(codes.W_GET, 0)
    recorder.moving()
    assert ([], []) == (os.listdir(folder), drain.rest())


def test_both_streams_through_many_chunks(recorder: Recorder, drain: Drain, folder: str) -> None:
    """Records of both kinds keep their common order over many chunks, and chunks that were read are removed."""
    count = 60_000
    for number in range(count):
        recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
        if number % 10 == 0:
            recorder.emit(codes.TROUBLE, number, "x" * 200)
    records = rest(drain)
    assert list(range(count)) == [r[2] for r in records if r[0] == codes.PUT]
    assert list(range(0, count, 10)) == [r[1] for r in records if r[0] == codes.TROUBLE]
    order = [r[2] if r[0] == codes.PUT else r[1] for r in records]
    assert order == sorted(order)
    assert len(os.listdir(folder)) <= 3  # the first chunk, and the last of either stream
    assert [0] == [reader.lost for reader in drain.readers]


def test_a_record_longer_than_a_chunk(recorder: Recorder, drain: Drain) -> None:
    """It gets a chunk of its own; what comes after it is read too."""
    long = "x" * 3_000_000
    for value in ("before", long, "after"):
        recorder.emit(codes.TROUBLE, value)
    assert [[codes.TROUBLE, value] for value in ("before", long, "after")] == rest(drain)


def test_reading_while_others_write(recorder: Recorder, drain: Drain) -> None:
    """A reader beside the writer, over chunk changes of both streams, gets each record once and in order."""
    count = 50_000

    def write() -> None:
        for number in range(count):
            recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
            if number % 7 == 0:
                recorder.emit(codes.TROUBLE, number)

    writer = threading.Thread(target=write)
    writer.start()
    records: list[list[Any]] = []
    while writer.is_alive():
        records += [record[1:] for _, _, record in drain.round()]
    writer.join()
    records += rest(drain)
    assert list(range(count)) == [r[2] for r in records if r[0] == codes.PUT]
    assert list(range(0, count, 7)) == [r[1] for r in records if r[0] == codes.TROUBLE]


def wait_in_turn(folder: str) -> None:
    """Wait in one thread after the other, each with the identifier of the one before if the system will have it so."""
    recorder = Recorder()
    recorder.attach(folder, "Waiting", 1)
    recorder.tell_threads_apart()
    words = []

    def wait(stay: threading.Event | None) -> None:
        recorder.enlist(1)
        words.append((threading.get_ident(), recorder.wait_word(codes.W_GET, 0)))
        recorder.waiting(codes.W_GET, 0)
        if stay is not None:
            stay.wait()
        recorder.moving()
        recorder.dismiss()

    for _ in range(2 * layout.WAITS):
        thread = threading.Thread(target=wait, args=(None,))
        thread.start()
        thread.join()
    assert len(set(words)) == len({ident for ident, _ in words})
    last = threading.Event()
    thread = threading.Thread(target=wait, args=(last,))
    thread.start()
    (path,) = Path(folder).glob("*.0")
    while not (waits := SegmentReader(str(path)).waits()):
        pass
    assert [(codes.W_GET, 0, thread.native_id)] == [(w.kind, w.resource, w.thread) for w in waits]
    last.set()
    thread.join()


def test_wait_words_are_inherited(folder: str) -> None:
    """However many worker threads come and go, the last is known to wait, by its own native id."""
    assert 0 == in_child(wait_in_turn, folder)


def storm(folder: str, threads: int, count: int) -> None:
    """Record from several threads at once."""
    recorder = Recorder()
    recorder.attach(folder, "Storm", 1)
    barrier = threading.Barrier(threads)

    def write(thread: int) -> None:
        barrier.wait()
        for number in range(count):
            recorder.fixed(codes.PUT, layout.V_INT, 0, thread, number, 0)
            recorder.emit(codes.TROUBLE, thread, number, "x" * (number % 300))

    workers = [threading.Thread(target=write, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_a_storm_of_threads(folder: str, drain: Drain) -> None:
    """Six threads that record at once, through chunk changes, lose and tear nothing, and keep their own order."""
    threads, count = 6, 8_000
    assert 0 == in_child(storm, folder, threads, count)
    records = rest(drain)
    for thread in range(threads):
        assert list(range(count)) == [r[3] for r in records if r[0] == codes.PUT and r[2] == thread]
        assert list(range(count)) == [r[2] for r in records if r[0] == codes.TROUBLE and r[1] == thread]
    assert 2 * threads * count == len(records)


def storm_of_workers(folder: str, threads: int, count: int) -> None:
    """Record from several enlisted threads at once, and from the main thread, which is not."""
    recorder = Recorder()
    recorder.attach(folder, "Storm", 1)
    recorder.tell_threads_apart()
    barrier = threading.Barrier(threads + 1)

    def write(thread: int) -> None:
        if thread:
            recorder.enlist(thread)
        barrier.wait()
        for number in range(count):
            recorder.fixed(codes.PUT, layout.V_INT, 0, thread, number, 0)
            recorder.emit(codes.TROUBLE, thread, number)
        recorder.dismiss()
        recorder.emit(codes.TIMED_OUT, thread)

    workers = [threading.Thread(target=write, args=(thread,)) for thread in range(1, threads + 1)]
    for worker in workers:
        worker.start()
    write(0)
    for worker in workers:
        worker.join()
    if os.fork() == 0:
        recorder.emit(codes.TROUBLE, 0, count)
        os._exit(0)
    os.wait()


def test_workers_in_one_process_are_told_apart(folder: str, drain: Drain) -> None:
    """Each record, small or not, says by its speaker which worker's thread made it; a forked child has no workers."""
    threads, count = 6, 3_000
    assert 0 == in_child(storm_of_workers, folder, threads, count)
    made = []
    while released := drain.rest():
        made += released
    assert {codes.PUT, codes.TROUBLE, codes.TIMED_OUT} == {record[1] for _, _, record in made}
    for code, stamp, value in ((codes.PUT, 3, 4), (codes.TROUBLE, 2, 3)):
        for thread in range(threads + 1):
            own = [r for _, by, r in made if r[1] == code and by.worker == thread and by.name != f"pid {by.pid}"]
            assert [thread] * count == [r[stamp] for r in own][:count]
            assert list(range(count)) == [r[value] for r in own][:count]
    assert [0] * (threads + 1) == [by.worker for _, by, r in made if r[1] == codes.TIMED_OUT]
    assert [0] == [by.worker for _, by, r in made if r[1] == codes.TROUBLE and r[3] == count]


@pytest.mark.fault("F47")
def test_order_across_processes(folder: str, drain: Drain) -> None:
    """Two processes that take turns are read in turn."""
    turns = 200
    a, b = os.pipe(), os.pipe()

    def play(name: str, mine: tuple[int, int], other: tuple[int, int], first: int) -> None:
        recorder = Recorder()
        recorder.attach(folder, name, 0)
        for turn in range(first, turns, 2):
            if turn:
                os.read(mine[0], 1)
            recorder.emit(codes.TROUBLE, turn)
            os.write(other[1], b"!")

    processes = [fork.Process(target=play, args=args) for args in (("A", a, b, 0), ("B", b, a, 1))]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    for descriptor in (*a, *b):
        os.close(descriptor)
    assert list(range(turns)) == [record[1] for record in rest(drain)]
    assert ["A", "B"] == sorted(reader.name for reader in drain.readers)


@pytest.mark.fault("F46")
def test_sigkill_loses_nothing(folder: str, drain: Drain) -> None:
    """What was recorded before a kill -9 is there, record by record."""

    def work() -> None:
        recorder = Recorder()
        recorder.attach(folder, "Killed", 0)
        for number in range(5_000):
            recorder.emit(codes.TROUBLE, number)
            recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
        os.kill(os.getpid(), signal.SIGKILL)

    assert -signal.SIGKILL == in_child(work)
    records = rest(drain)
    assert list(range(5_000)) == [r[1] for r in records if r[0] == codes.TROUBLE]
    assert list(range(5_000)) == [r[2] for r in records if r[0] == codes.PUT]


def test_fork_gives_a_new_segment(recorder: Recorder, folder: str, drain: Drain) -> None:
    """A forked child of a recorded process never writes into its parent's segment; it makes one at its first record."""
    recorder.emit(codes.TROUBLE, "parent before")
    recorder.fixed(codes.PUT, layout.V_INT, 0, 1, 1, 0)
    recorder.waiting(codes.W_GET, 1)

    def child() -> None:
        assert 1 == sum(name.endswith(".0") for name in os.listdir(folder))
        recorder.fixed(codes.PUT, layout.V_INT, 0, 2, 2, 0)
        recorder.emit(codes.TROUBLE, "child")

    process = fork.Process(target=child, name="Child")
    process.start()
    process.join()
    assert 0 == process.exitcode
    recorder.emit(codes.TROUBLE, "parent after")
    told = [(reader.name, reader.pid, record[-1]) for _, reader, record in drain.rest() if record[1] == codes.TROUBLE]
    assert [
        ("Ann", os.getpid(), "parent before"),
        ("Child", process.pid, "child"),
        ("Ann", os.getpid(), "parent after"),
    ] == told
    assert [codes.W_GET] == [wait.kind for reader in drain.readers for wait in reader.waits()]


def test_a_fork_after_the_end(recorder: Recorder, folder: str) -> None:
    """A straggler that outlives the run's folder records into nothing, without an error."""

    def child() -> None:
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)
        recorder.emit(codes.TROUBLE, 1)
        recorder.emit(codes.TROUBLE, 2)
        recorder.fixed(codes.PUT, layout.V_INT, 0, 2, 2, 0)

    assert 0 == in_child(child)


def fill_the_disk(folder: str, fixed: bool) -> None:
    """Record more than the file-size limit has room for."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    recorder = Recorder()
    recorder.attach(folder, "Full", 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    for number in range(10_000):
        if fixed:
            recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
        else:
            recorder.emit(codes.TROUBLE, number, "x" * 50)


@pytest.mark.parametrize("fixed", [False, True], ids=["general", "fixed"])
def test_a_full_disk(folder: str, drain: Drain, fixed: bool) -> None:
    """What cannot be stored any more is counted; what was stored is whole, and the process lives on."""
    assert 0 == in_child(fill_the_disk, folder, fixed)
    records = rest(drain)
    kept = [record[2 if fixed else 1] for record in records]
    assert list(range(len(kept))) == kept
    assert [10_000 - len(kept)] == [reader.lost for reader in drain.readers]
    assert len(kept) < 10_000


# What a process may do to its own files


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
    assert rest(drain) in ([[codes.TROUBLE, "after"]], [])  # a length of 0 means that nothing is there yet
    assert body == b"" or drain.readers


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


# Waiting


def test_waits(recorder: Recorder, drain: Drain) -> None:
    """A reader sees who waits for what, since and until when, and that the waiting is over."""
    drain.rest()
    (reader,) = drain.readers
    before = monotonic_ns()
    since = recorder.waiting(codes.W_GET, 1)
    (wait,) = reader.waits()
    assert (codes.W_GET, 1, threading.get_native_id(), since, 0) == (
        wait.kind,
        wait.resource,
        wait.thread,
        wait.since,
        wait.until,
    )
    assert before <= since <= monotonic_ns()
    recorder.moving()
    assert [] == reader.waits()
    since = recorder.waiting(codes.W_PUT, 0, timeout=2.0)
    assert since + 2_000_000_000 == reader.waits()[0].until
    recorder.moving()


def test_more_ways_to_wait_than_room(recorder: Recorder, drain: Drain) -> None:
    """Beyond the room for it a wait is simply not known; those that are known stay right."""
    drain.rest()
    for resource_ in range(3 * layout.WAITS):
        recorder.waiting(codes.W_GET, resource_)
        recorder.moving()
    recorder.waiting(codes.W_GET, 5)
    assert [5] == [wait.resource for wait in drain.readers[0].waits()]


def test_what_a_feeder_has_written(recorder: Recorder, drain: Drain) -> None:
    """The count of items in the pipe goes on where it was, per queue."""
    drain.rest()
    sent: list[bytes] = []
    send = recorder.feeding(1, sent.append)
    for _ in range(3):
        send(b"item")
    assert ([b"item"] * 3, 0, 3) == (sent, drain.readers[0].flushed(0), drain.readers[0].flushed(1))


def test_many_readers_have_bounded_memory(folder: str, drain: Drain) -> None:
    """However far a process is ahead, a round reads a bounded part, and all rounds together everything."""
    recorder = Recorder()
    recorder.attach(folder, "Ahead", 1)
    count = 200_000
    for number in range(count):
        recorder.fixed(codes.PUT, layout.V_INT, 0, number, number, 0)
    first = drain.round()
    assert 0 < len(first) < count // 10
    assert drain.behind
    assert list(range(count)) == [record[4] for _, _, record in first] + [record[3] for record in rest(drain)]
