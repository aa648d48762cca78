"""Recorder and drain: what one process writes, another reads, whole and in order, whatever happens in between."""

from __future__ import annotations

import os
import resource
import signal
import threading
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest
from segments import fork, in_child, rest

from run_scenario.recording import codes, layout
from run_scenario.recording.drain import Drain
from run_scenario.recording.recorder import Recorder
from run_scenario.recording.segment_reader import SegmentReader


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
    recorder.fixed(codes.PUT, layout.V_BYTES, 0, 80, 41, 0)
    recorder.fixed(codes.PIPE_SENT, layout.V_BYTES, 2, 1, 41, 0)
    recorder.fixed(codes.GET, layout.V_SAME, 1, 77, 0, 9)
    recorder.fixed(codes.TASK_DONE, 0, 1, 0, 0, 0)
    recorder.fixed(codes.EMPTY, layout.V_TRUE, 0, 0, True, 0)
    recorder.fixed(codes.FULL, layout.V_FALSE, 1, 0, False, 0)
    assert [
        [codes.PUT, 1, 77, -(2**63), 5],
        [codes.PUT, 0, 78, None, 0],
        [codes.PUT, 0, 79, True, 0],
        [codes.PUT, 0, 80, "<bytes of 41>", 0, False, None],
        [codes.PIPE_SENT, 2, 1, "<bytes of 41>", 0, None],
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
    recorder.begin_wait(codes.W_GET, 0)
    recorder.end_wait()
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
    recorder.distinguish_threads()
    words = []

    def wait(stay: threading.Event | None) -> None:
        recorder.register(1)
        words.append((threading.get_ident(), recorder.wait_word(codes.W_GET, 0)))
        recorder.begin_wait(codes.W_GET, 0)
        if stay is not None:
            stay.wait()
        recorder.end_wait()
        recorder.unregister()

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
    recorder.distinguish_threads()
    barrier = threading.Barrier(threads + 1)

    def write(thread: int) -> None:
        if thread:
            recorder.register(thread)
        barrier.wait()
        for number in range(count):
            recorder.fixed(codes.PUT, layout.V_INT, 0, thread, number, 0)
            recorder.emit(codes.TROUBLE, thread, number)
        recorder.unregister()
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
    recorder.begin_wait(codes.W_GET, 1)

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
