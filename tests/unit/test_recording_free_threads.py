"""Recording where threads run side by side: what the interpreter lock makes one step elsewhere is one step there, too.

A free-threaded Python is imitated: what is one call into C becomes one in which another thread may run.
"""

from __future__ import annotations

import itertools
import mmap
import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from run_scenario.recording import codes, layout
from run_scenario.recording.drain import Drain
from run_scenario.recording.free_threads import is_free_threaded
from run_scenario.recording.recorder import Recorder

THREADS, EACH = 4, 25


class TornMap(mmap.mmap):
    """A map whose write() is as that of Python 3.13t: the position is read, and set when the bytes are there."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        at = self.tell()
        if at + len(data) > len(self):
            raise ValueError("data out of range")
        os.sched_yield()
        self[at : at + len(data)] = data
        self.seek(at + len(data))
        return len(data)


class TornCount:
    """A counter of which two threads may get the same number."""

    def __init__(self, start: int, step: int = 1) -> None:
        self._next, self._step = start, step

    def __next__(self) -> int:
        number = self._next
        os.sched_yield()
        self._next = number + self._step
        return number


@pytest.fixture
def torn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Return a function that takes, or leaves, the interpreter lock."""
    monkeypatch.setattr(mmap, "mmap", TornMap)
    monkeypatch.setattr(itertools, "count", TornCount)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield lambda gil: monkeypatch.setattr(sys, "_is_gil_enabled", lambda: gil, raising=False)
    sys.setswitchinterval(before)


def record_side_by_side(folder: str, work: Callable[[Recorder, int], None]) -> list[object]:
    """Return what is read after several threads have recorded at once."""
    recorder = Recorder()
    recorder.attach(folder, "Ann", 1)
    together = threading.Barrier(THREADS)

    def run(number: int) -> None:
        together.wait()
        for each in range(EACH):
            work(recorder, number * EACH + each)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(
        record[-1] for _, _, record in Drain(folder).rest() if record[1] in (codes.TROUBLE, codes.TASK_DONE, codes.PUT)
    )


def general(recorder: Recorder, number: int) -> None:
    recorder.emit(codes.TROUBLE, number)


def fixed(recorder: Recorder, number: int) -> None:
    recorder.fixed(codes.PUT, layout.V_INT, 0, 1, 1, number)


@pytest.mark.parametrize("work", [general, fixed])
def test_no_record_is_lost(folder: str, torn: Callable[[bool], None], work: Callable[[Recorder, int], None]) -> None:
    """Each has a place of its own."""
    torn(False)
    assert is_free_threaded()
    assert [*range(THREADS * EACH)] == record_side_by_side(folder, work)


def test_the_imitation_loses_records(folder: str, torn: Callable[[bool], None]) -> None:
    """Without our lock, what a thread writes in the middle of the call of another is overwritten."""
    torn(True)
    assert not is_free_threaded()
    recorder = Recorder()
    recorder.attach(folder, "Ann", 1)
    write = TornMap.write

    def in_the_middle(self: TornMap, data: bytes) -> int:
        at = self.tell()
        TornMap.write = write  # type: ignore[method-assign]
        other = threading.Thread(target=general, args=(recorder, 2))
        other.start()
        other.join()
        self[at : at + len(data)] = data
        return len(data)

    TornMap.write = in_the_middle  # type: ignore[method-assign]
    try:
        general(recorder, 1)
    finally:
        TornMap.write = write  # type: ignore[method-assign]
    assert [1] == [record[-1] for _, _, record in Drain(folder).rest()]
