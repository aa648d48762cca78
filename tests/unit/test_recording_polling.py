"""Answers that are given again and again: one record that counts, exact whatever comes between."""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from time import monotonic_ns
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import fork, in_child, rest

from effort import examples
from run_scenario.recording import codes, layout, polling, streams
from run_scenario.recording import drain as drain_module
from run_scenario.recording import recorder as recorder_module
from run_scenario.recording.drain import Drain
from run_scenario.recording.polling import MOST_OPEN, Polled
from run_scenario.recording.recorder import Recorder
from run_scenario.recording.streams import Content, PollStream, remove

SECOND = 1_000_000_000


def without_until(records: list[list[Any]]) -> list[list[Any]]:
    """Return the records of polls without the time of the last."""
    return [record[:-1] for record in records]


def times(records: list[list[Any]]) -> int:
    """Return how many answers the records of polls stand for."""
    return sum(record[-2] for record in records)


def test_the_same_answer_is_one_record(recorder: Recorder, drain: Drain) -> None:
    """With how often it was given, and until when; an answer that is another begins another."""
    asked = recorder.polled(codes.EVENT_ASKED, 3)
    before = monotonic_ns()
    for answer, often in ((False, 1_000), (True, 1), (False, 7)):
        for _ in range(often):
            asked.note(answer)
    records = drain.rest()
    assert [[3, 0, False, 0, 1_000], [3, 0, True, 0, 1], [3, 0, False, 0, 7]] == without_until(
        [record[2:] for _, _, record in records]
    )
    for (t, _, record), (following, _, _) in pairwise(records):
        assert before < t <= record[-1] <= following


@pytest.mark.parametrize(
    "answer", [0, -(2**63), None, True, False, 1.5, -0.25, float("inf"), 2**63, "text", b"bytes", [1, 2, 3]]
)
def test_any_answer_can_be_counted(recorder: Recorder, drain: Drain, answer: Any) -> None:
    """What has no room in a record of a fixed size is recorded before it, once."""
    asked = recorder.polled(codes.VALUE_READ, 1)
    for _ in range(50):
        asked.note(pickle.loads(pickle.dumps(answer)))  # an equal one, not the same
    *described, record = rest(drain)
    assert [codes.VALUE_READ, 1, 0, 0, 50] == [*record[:3], *record[4:-1]]
    if described:
        (content,) = described
        assert isinstance(record[3], Content)
        assert [codes.CONTENT, record[3].number, 0] == content[:3]
    else:
        assert (type(answer), answer) == (type(record[3]), record[3])


@pytest.mark.parametrize(
    ("code", "place", "fields"),
    [
        (codes.EMPTY, 0, [True, False]),
        (codes.EMPTY, 1, [True, True]),
        (codes.FULL, 0, [True, False]),
        (codes.FULL, 1, [True, True]),
        (codes.ALIVE, 0, [True]),
        (codes.PIPE_POLLED, 1, [1, True, 0]),
    ],
)
def test_it_has_the_fields_of_its_kind(
    recorder: Recorder, drain: Drain, code: int, place: int, fields: list[Any]
) -> None:
    """In front of how often, and until when."""
    for _ in range(3):
        recorder.note_answer((code, 1, place), True)
    assert [[code, 1, *fields, 3]] == without_until(rest(drain))


def test_two_in_turn_fold(recorder: Recorder, drain: Drain) -> None:
    """Each goes on while the other is asked; one that changes does not end the other."""
    one, other = recorder.polled(codes.EMPTY, 0), recorder.polled(codes.EVENT_ASKED, 1)
    for number in range(100):
        one.note(True)
        other.note(number >= 60)
    assert [
        [codes.EMPTY, 0, True, False, 100],
        [codes.EVENT_ASKED, 1, 0, False, 0, 60],
        [codes.EVENT_ASKED, 1, 0, True, 0, 40],
    ] == without_until(rest(drain))


@pytest.mark.parametrize("small", [True, False])
def test_an_effect_in_between_ends_it(recorder: Recorder, drain: Drain, small: bool) -> None:
    """What was asked before it comes before it in the log, and what is asked after it comes after."""
    asked = recorder.polled(codes.EMPTY, 0)
    for number in range(3):
        for _ in range(10):
            asked.note(True)
        if small:
            recorder.fixed(codes.PUT, layout.V_INT, 1, number, 0, 0)
        else:
            recorder.emit(codes.TROUBLE, str(number))
    records = rest(drain)
    assert [codes.EMPTY, codes.PUT if small else codes.TROUBLE] * 3 == [record[0] for record in records]
    assert [10] * 3 == [record[-2] for record in records[::2]]


def test_an_effect_of_another_thread_does_not_end_it(recorder: Recorder, drain: Drain) -> None:
    """And what another thread asks is counted apart."""
    asked = recorder.polled(codes.EMPTY, 0)

    def other() -> None:
        recorder.emit(codes.TROUBLE, "other")
        for _ in range(20):
            asked.note(True)

    for _ in range(3):
        for _ in range(10):
            asked.note(True)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    records = [record for record in rest(drain) if record[0] == codes.EMPTY]
    assert 30 in [record[-2] for record in records]
    assert 90 == times(records)


def test_threads_that_ask_the_same_at_once(recorder: Recorder, drain: Drain) -> None:
    """However they interrupt each other, every answer is counted."""
    asked = recorder.polled(codes.EMPTY, 0)
    done = threading.Barrier(4)

    def ask() -> None:
        for _ in range(20_000):
            asked.note(True)
        done.wait()  # nobody gets the number of one that has ended

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [20_000] * 4 == [record[-2] for record in rest(drain)]


def test_a_forked_child_counts_its_own(recorder: Recorder, drain: Drain) -> None:
    """It has its parent's objects, but not its counters."""
    asked = recorder.polled(codes.EMPTY, 0)

    def child() -> None:
        for _ in range(5):
            asked.note(True)

    for _ in range(10):
        asked.note(True)
    assert 0 == in_child(child)
    asked.note(True)
    by_pid = {reader.pid == os.getpid(): record[-2] for _, reader, record in drain.rest()}
    assert {True: 11, False: 5} == by_pid


def test_it_can_be_sent_to_a_child() -> None:
    """What it was in the middle of stays behind."""
    asked = pickle.loads(pickle.dumps(Polled(recorder_module.recorder, codes.EMPTY, 3, 1)))
    assert (codes.EMPTY, 3, 1) == asked.key


def test_more_than_can_go_on_at_once(recorder: Recorder, drain: Drain) -> None:
    """All are over then; none is missed."""
    for _ in range(3):
        for place in range(MOST_OPEN + 10):
            recorder.note_answer((codes.ARRAY_READ, 0, place), 7)
    records = rest(drain)
    assert 3 * (MOST_OPEN + 10) == times(records)


def test_through_many_chunks(recorder: Recorder, drain: Drain, folder: str) -> None:
    """One that goes on in a chunk that was left long ago is still read, and its chunk removed once it is over."""
    goes_on, changes = recorder.polled(codes.EMPTY, 0), recorder.polled(codes.VALUE_READ, 1)
    found = []
    for number in range(20_000):
        goes_on.note(True)
        changes.note(number)
        if number % 1_000 == 0:
            found += [record for _, _, record in drain.round()]
    assert any(name.endswith(".p1") for name in os.listdir(folder))
    recorder.emit(codes.TROUBLE, "end")
    found += [[0, *record] for record in rest(drain)]
    assert list(range(20_000)) == [record[4] for record in found if record[1] == codes.VALUE_READ]
    assert 20_000 == times([record for record in found if record[1] == codes.EMPTY])
    (reader,) = drain.readers
    assert (0, 0, 0, 0) == (reader.unfinished, reader.damaged, reader.missing, reader.lost)
    assert not any(name.endswith(".p1") for name in os.listdir(folder))


def test_no_room(recorder: Recorder, drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be stored is counted as lost, and asking goes on."""

    def full(*args: Any) -> Any:
        raise OSError

    monkeypatch.setattr(recorder, "_new_chunk", full)
    asked = recorder.polled(codes.EMPTY, 0)
    for _ in range(5):
        asked.note(True)
    assert [] == rest(drain)
    assert [5] == [reader.lost for reader in drain.readers]


# Whoever comes in between


@pytest.mark.parametrize("effect", [True, False])
def test_a_signal_handler_at_any_moment(recorder: Recorder, drain: Drain, effect: bool) -> None:
    """One that asks the same, or has an effect, makes no answer disappear and none appear twice."""
    asked = recorder.polled(codes.EMPTY, 0)
    by_handler = 0

    def handler(*_: object) -> None:
        nonlocal by_handler
        by_handler += 1
        asked.note(True)
        if effect:
            recorder.emit(codes.TROUBLE, "effect")

    previous = signal.signal(signal.SIGALRM, handler)
    plain, armed = 0, -1
    try:
        while by_handler < 300:
            if armed < by_handler:
                armed = by_handler
                signal.setitimer(signal.ITIMER_REAL, 0.0001)
            asked.note(True)
            plain += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    recorder.emit(codes.TROUBLE, "end")  # until then, one that was interrupted may have stored an older number
    records = [record for record in rest(drain) if record[0] == codes.EMPTY]
    assert plain + by_handler == times(records)
    assert effect == (len(records) > 100)


def after_instructions(number: int, handler: Callable[[], None]) -> Callable[..., Any]:
    """Return a trace function that runs a handler as our instruction with this number begins, and then rests."""
    left = [number]
    sys._getframe().f_trace_opcodes = True  # of any frame: Python 3.12 asks for it before a trace function is set

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in (polling.__file__, recorder_module.__file__):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and left[0] >= 0:
            left[0] -= 1
            if left[0] < 0:
                sys.settrace(None)
                handler()
        return trace

    return trace


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("before", [[], [True, True], [True, "effect"], [True, "effect", True, False], [False]])
def test_a_signal_handler_at_each_instruction(
    recorder: Recorder, drain: Drain, before: list[bool | str], effect: bool
) -> None:
    """As above, whatever was noted before, and without leaving to chance where the handler comes."""
    asked = recorder.polled(codes.EMPTY, 0)
    noted = handled = 0

    def handler() -> None:
        nonlocal handled
        handled += 1
        asked.note(True)
        if effect:
            recorder.emit(codes.TROUBLE, "effect")

    tracing = sys.gettrace()
    for number in count():
        for answer in before:
            if answer == "effect":
                recorder.emit(codes.TROUBLE, "before")
            else:
                asked.note(answer)
                noted += answer is True
        expected = handled + 1
        sys.settrace(after_instructions(number, handler))
        asked.note(True)
        sys.settrace(tracing)
        noted += 1
        if handled < expected:
            break  # there are no more instructions
    assert handled > 10
    recorder.emit(codes.TROUBLE, "end")
    records = [record for record in rest(drain) if record[0] == codes.EMPTY and record[2] is True]
    assert noted + handled == times(records)


@pytest.mark.parametrize("attempt", range(20))
def test_a_kill_loses_one_at_most(folder: str, attempt: int) -> None:
    """The process counts for itself what it came back from; it may have begun one more."""
    own = memoryview(mmap.mmap(-1, 8)).cast("q")

    def ask() -> None:
        recorder = Recorder()
        recorder.attach(folder, "Killed", 1)
        asked = recorder.polled(codes.EMPTY, 0)
        for number in count(1):
            asked.note(True)
            own[0] = number

    process = fork.Process(target=ask)
    process.start()
    while own[0] < 1_000 * (attempt + 1):
        time.sleep(0.0001)
    process.kill()
    process.join()
    drain = Drain(folder)
    (record,) = rest(drain)
    drain.close()
    assert record[-2] - own[0] in (0, 1)


def at_hidden(monkeypatch: pytest.MonkeyPatch, change: Callable[[int, bytearray], None]) -> None:
    """Have what is read of polls be changed: `change` gets the number of the reading and its bytes."""
    pread, readings = os.pread, count()

    def torn(file: int, size: int, position: int) -> bytes:
        data = bytearray(pread(file, size, position))
        if os.readlink(f"/proc/self/fd/{file}").endswith(".p1"):
            change(next(readings), data)
        return bytes(data)

    monkeypatch.setattr(os, "pread", torn)


@given(hidden=st.binary(min_size=72, max_size=72), reading=st.integers(0, 4), is_over=st.booleans())
@examples(200)
def test_a_reading_in_the_middle_of_a_store(
    tmp_path_factory: pytest.TempPathFactory, hidden: bytes, reading: int, is_over: bool
) -> None:
    """Whichever bytes a reading does not show yet, in the end it is what was stored, and never more before."""
    folder = str(tmp_path_factory.mktemp("segments"))
    recorder = Recorder()
    recorder.attach(folder, "Ann", 2)
    asked = recorder.polled(codes.EMPTY, 0)
    for _ in range(0x1234):
        asked.note(True)
    if is_over:
        recorder.emit(codes.TROUBLE, "over")

    def hide(number: int, data: bytearray) -> None:
        for n in range(min(len(data), len(hidden)) if number == reading else 0):
            if hidden[n] & 1:
                data[n] = 0

    with pytest.MonkeyPatch.context() as patch:
        at_hidden(patch, hide)
        stream = PollStream(recorder.prefix, remove)
        found: list[Any] = []
        for _ in range(4):
            found += stream.late()
            found += stream.read(1, 1 << 16)[0]
            assert all(0 < record[-2] <= 0x1234 for record in found)
    assert 0x1234 == found[-1][-2]
    assert is_over == (not stream.polls)
    stream.close(1)


@given(words=st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 3))
@examples(100)
def test_whatever_is_stored_there(tmp_path_factory: pytest.TempPathFactory, words: tuple[int, int, int]) -> None:
    """A process that writes into its own file harms nobody else: the reader goes on, and each count is a count."""
    folder = str(tmp_path_factory.mktemp("segments"))
    recorder = Recorder()
    recorder.attach(folder, "Ann", 2)
    for code in (codes.EMPTY, codes.FULL):
        recorder.note_answer((code, 0, 0), True)
    with open(f"{recorder.prefix}.p1", "r+b") as file:
        file.seek(8 * layout.POLL_TIMES)
        file.write(layout.POLL_WORDS.pack(*words))
    drain = Drain(folder)
    found = [*rest(drain), *rest(drain)]
    drain.close()
    assert [codes.EMPTY, codes.FULL] == [record[0] for record in found[:2]]
    assert all(record[-2] >= 1 for record in found)


# What a reader does while it goes on


class Clock:
    """Stands for the monotonic clock wherever polls are recorded or read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = monotonic_ns()
        for module in (polling, recorder_module, streams, drain_module):
            monkeypatch.setattr(module, "monotonic_ns", self.read)

    def read(self) -> int:
        """Return the time, a little later each time."""
        self.now += 100
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that moves by order."""
    return Clock(monkeypatch)


@pytest.fixture
def follow(clock: Clock, folder: str, recorder: Recorder) -> Iterator[Callable[[], list[Any]]]:
    """Return what does one round of a reader that waits for polls to end, and gives their records."""
    drain = Drain(folder, clock.read)
    last = 0

    def follow() -> list[Any]:
        nonlocal last
        released = drain.round(patient=True)
        for t, _, _ in released:
            assert last <= t, "the log goes back"
            last = t
        return [record for _, _, record in released]

    yield follow
    drain.close()


@pytest.mark.campaign
def test_an_hour_of_polling_is_a_small_log(clock: Clock, recorder: Recorder, follow: Callable[[], list[Any]]) -> None:
    """A dozen records, the first after a second, and all together exactly how often it was asked."""
    asked = recorder.polled(codes.EMPTY, 0)
    found: list[Any] = []
    for tenth in range(36_000):
        for _ in range(3):
            asked.note(True)
        clock.advance(0.1)
        found += follow()
        assert found or tenth < 12
    recorder.emit(codes.TROUBLE, "end")
    found += [record for _ in range(6) for record in follow()]
    assert 108_000 == times(found[:-1])
    assert len(found) <= 15
    assert codes.TROUBLE == found[-1][1]
    assert all(before[-1] <= after[-1] for before, after in pairwise(found[:-1]))


def test_others_wait_a_second_at_most(
    clock: Clock, recorder: Recorder, folder: str, follow: Callable[[], list[Any]]
) -> None:
    """What another process records comes after the first answer, and not later than a second."""
    other = Recorder()
    other.attach(folder, "Bob", 1)
    asked = recorder.polled(codes.EMPTY, 0)
    found: list[Any] = []
    for number in range(1_000):
        asked.note(True)
        if number % 10 == 5:
            other.emit(codes.TROUBLE, clock.now)
        clock.advance(0.01)
        for record in follow():
            found.append(record)
            if record[1] == codes.TROUBLE:
                assert clock.now - record[2] < 1.1 * SECOND
    asked.note(False)
    recorder.emit(codes.JOINED, 0)
    for _ in range(3):
        clock.advance(1)
        found += follow()
    assert codes.JOINED == found.pop()[1]
    polls = [record for record in found if record[1] == codes.EMPTY]
    assert 1_001 == times(polls)
    assert len(polls) <= 14
    assert 100 == len(found) - len(polls)


def test_one_that_rests_holds_nobody_up(
    clock: Clock, recorder: Recorder, folder: str, follow: Callable[[], list[Any]]
) -> None:
    """Who asked once and does something else is not waited for; what it asks later is a continuation."""
    other = Recorder()
    other.attach(folder, "Bob", 1)
    asked = recorder.polled(codes.EMPTY, 0)
    asked.note(True)
    other.emit(codes.TROUBLE, "first")
    assert [] == follow()
    clock.advance(0.06)
    assert [codes.EMPTY, codes.TROUBLE] == [record[1] for _ in range(6) for record in follow()]
    other.emit(codes.TROUBLE, "second")
    assert [codes.TROUBLE] == [record[1] for record in follow()]
    asked.note(True)
    asked.note(True)
    asked.note(False)
    recorder.emit(codes.TROUBLE, "over")
    later = [record for _ in range(6) for record in follow()]
    assert [[0, True, False, 2], [0, False, False, 1]] == without_until([record[2:] for record in later[:2]])


def test_what_was_asked_comes_before_what_followed(
    clock: Clock, recorder: Recorder, folder: str, follow: Callable[[], list[Any]]
) -> None:
    """The answer before a change stands before the change, and the change before the answer after it."""
    other = Recorder()
    other.attach(folder, "Bob", 1)
    asked = recorder.polled(codes.EVENT_ASKED, 0)
    found: list[Any] = []
    for _ in range(50):
        asked.note(False)
        clock.advance(0.01)
        found += follow()
    other.fixed(codes.EVENT_SET, layout.V_INT, 0, 0, 0, 0)
    asked.note(True)
    recorder.emit(codes.TROUBLE, "seen")
    found += [record for _ in range(6) for record in follow()]
    assert [codes.EVENT_ASKED, codes.EVENT_SET, codes.EVENT_ASKED, codes.TROUBLE] == [record[1] for record in found]
    assert [50, 1] == [record[-2] for record in found if record[1] == codes.EVENT_ASKED]
