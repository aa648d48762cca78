"""What is read of segments beside their records, who waits and what was fed, and when they are closed."""

from __future__ import annotations

import os
import threading
from time import monotonic_ns

from segments import rest

from run_scenario.recording import codes, layout
from run_scenario.recording.drain import Drain
from run_scenario.recording.recorder import Recorder


def test_waits(recorder: Recorder, drain: Drain) -> None:
    """A reader sees who waits for what, since and until when, and that the waiting is over."""
    drain.rest()
    (reader,) = drain.readers
    before = monotonic_ns()
    since = recorder.begin_wait(codes.W_GET, 1)
    (wait,) = reader.waits()
    assert (codes.W_GET, 1, threading.get_native_id(), since, 0) == (
        wait.kind,
        wait.resource,
        wait.thread,
        wait.since,
        wait.until,
    )
    assert before <= since <= monotonic_ns()
    recorder.end_wait()
    assert [] == reader.waits()
    since = recorder.begin_wait(codes.W_PUT, 0, timeout=2.0)
    assert since + 2_000_000_000 == reader.waits()[0].until
    recorder.end_wait()


def test_more_ways_to_wait_than_room(recorder: Recorder, drain: Drain) -> None:
    """Beyond the room for it a wait is simply not known; those that are known stay right."""
    drain.rest()
    for resource_ in range(3 * layout.WAITS):
        recorder.begin_wait(codes.W_GET, resource_)
        recorder.end_wait()
    recorder.begin_wait(codes.W_GET, 5)
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


def test_a_segment_is_closed_once_its_process_has_ended(recorder: Recorder, drain: Drain) -> None:
    """All that it recorded is read before, also what it recorded after the last reading."""
    recorder.emit(codes.CLOSED, 1)
    first = drain.round()
    recorder.emit(codes.CLOSED, 2)
    drain.note_ended(os.getpid(), monotonic_ns())
    second = drain.round()
    assert [[1], [2]] == [[record[2] for _, _, record in records] for records in (first, second)]
    assert [False] == [reader.is_closed for reader in drain.readers]
    assert [] == drain.round()
    assert [True] == [reader.is_closed for reader in drain.readers]


def test_another_process_with_the_same_number_is_still_read(recorder: Recorder, drain: Drain) -> None:
    """Its segment began after the end that was noted."""
    drain.round()
    drain.note_ended(os.getpid(), drain.readers[0].began - 1)
    drain.round()
    recorder.emit(codes.CLOSED, 1)
    assert [[codes.CLOSED, 1]] == [record[1:] for _, _, record in drain.round()]


def test_what_a_quiet_stream_says_at_last_is_read(recorder: Recorder, drain: Drain) -> None:
    """A stream in which there was nothing is looked at more briefly the next time, but looked at."""
    assert [[], [], []] == [drain.round() for _ in range(3)]
    recorder.emit(codes.CLOSED, 1)
    assert 1 == len(drain.round())
    assert not drain.behind
