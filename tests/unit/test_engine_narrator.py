"""The narrator, on hand-made records: what it tells of a life, of damage, and of what is left."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from made import FIRST, GUARD, MAIN_PID, SECOND, Q, make_scenario, spec

from run_scenario.engine.events import EventMaker
from run_scenario.engine.narrator import Narrator
from run_scenario.model import ProcessSpec, QueueSpec
from run_scenario.record import codes
from run_scenario.record.reader import Wait


class Story:
    """A narrator, and records of processes told to it by hand."""

    def __init__(self, *processes: ProcessSpec, queues: Sequence[QueueSpec] = (), flushed: int = 0) -> None:
        scenario = make_scenario(*(processes or (spec("W"),)), queues=queues)
        self.waits: dict[int, list[Wait]] = {}
        """Process id -> what the header of its segment says that it waits for."""
        events = EventMaker("run", "made", 0, 0)

        def segments(pid: int) -> list[Any]:
            return [SimpleNamespace(flushed=lambda queue: flushed, waits=lambda: self.waits.get(pid, []))]

        self.narrator = Narrator(scenario, events, GUARD, segments, "fork")
        self._t = 0
        self.tell("MainProcess", MAIN_PID, codes.STARTED, -1, MAIN_PID, GUARD, "", False)
        self.narrator.take()

    def tell(self, name: str, pid: int, code: int, *fields: Any) -> None:
        """Tell one record from the segment of that process."""
        self._t += SECOND
        reader: Any = SimpleNamespace(name=name, pid=pid, prefix="", worker=0)
        record = [self._t, code, *fields]
        self.narrator.preview([(self._t, reader, record)])
        self.narrator.tell(reader, record)

    def start(self, index: int = 0, name: str = "W", pid: int = FIRST) -> None:
        """Tell that a process has started."""
        self.tell("MainProcess", MAIN_PID, codes.STARTING, index, name)
        self.tell(name, pid, codes.STARTED, index, pid, MAIN_PID, "MainProcess", False)

    def events(self) -> list[dict[str, Any]]:
        """Return the events made since the last time."""
        return self.narrator.take()


NO_USAGE = [None] * 5


def test_a_life_is_told() -> None:
    """From starting to joined; the exit is told once, though guard and main program both see it."""
    story = Story()
    story.start()
    story.tell("W", FIRST, codes.FINISHED, 0, [0.5, 0.1, 1000, 1, 2])
    story.tell("run-scenario guard", GUARD, codes.EXIT_SEEN, 0, FIRST, 0, [0.4, 0.1, None, 1, 2])
    story.tell("MainProcess", MAIN_PID, codes.REAPED, 0, FIRST, 0, [0.5, 0.1, 2000, 1, 2])
    story.tell("MainProcess", MAIN_PID, codes.JOINED, 0, 0, 0)
    events = story.events()
    assert ["starting", "started", "finished", "exited", "joined"] == [e["event"][8:] for e in events]
    assert [None, FIRST, FIRST, FIRST, FIRST] == [e["pid"] for e in events]
    assert [1, 2, 3, 4, 5] == [e["n"] for e in events]
    assert ("returned", 0, True) == tuple(events[3][key] for key in ("cause", "exitcode", "allowed"))
    assert [] == story.narrator.processes.failures()


FORGERIES = [
    (codes.EXIT_SEEN, 0, FIRST, 0, NO_USAGE),
    (codes.ORPHANED, 99, "sh"),
    (codes.SWEEPING, FIRST, 9, "forged"),
    (codes.STALL, "deadlock", []),
    (codes.TIMED_OUT,),
    (codes.STOPPING, 2),
    (codes.MAIN_EXITED, MAIN_PID, 0, NO_USAGE),
    (codes.LEAKED, ["x"]),
    (codes.HELPER_LOST, 9, "fork server", -9),
    (codes.MANAGER_LOST, 9, -9),
]


@pytest.mark.parametrize("record", FORGERIES)
def test_forged_records_of_the_guard_are_ignored(record: tuple[Any, ...]) -> None:
    """What only the guard may say counts for nothing in the segment of another process."""
    story = Story()
    story.start()
    story.events()
    story.tell("W", FIRST, *record)
    assert [] == story.events()
    assert ("", False, 0, []) == (
        story.narrator.stall_cause,
        story.narrator.timed_out,
        story.narrator.stop_signal,
        story.narrator.troubles,
    )
    assert ["MainProcess", "W"] == story.narrator.processes.alive()


DAMAGED = [
    (codes.PUT, 99, 1, 1, 0),
    (codes.PUT, 0),
    (codes.GET, "q", 1, 1, 0),
    (codes.STARTED, 0),
    (codes.STARTED, 99, 1, 1, "", False),
    (codes.FINISHED, -7, NO_USAGE),
    (codes.FINISHED, None, None),
    (codes.FAILED, 0, 1),
    (codes.OUTPUT,),
    (codes.OUTPUT, 1, None),
    (codes.LOGGED, 1, 2),
    (codes.REAPED, 0, 1),
    (codes.TASK_DONE, 5),
    (codes.EMPTY, 0, True),
    (codes.DROPPED, 0),
    (255, 1, 2),
    (0,),
]


@pytest.mark.parametrize("record", DAMAGED)
def test_a_damaged_record(record: tuple[Any, ...]) -> None:
    """Records with too few, too many or impossible fields make no event, and never an exception."""
    story = Story(queues=[Q])
    story.start()
    story.events()
    story.tell("W", FIRST, *record)
    assert [] == story.events()


def test_books_are_kept() -> None:
    """Put and get are tied by an id that counts within the queue; what was put by whom vanished is lost."""
    story = Story(spec("P"), queues=[Q])
    story.start(0, "P")
    stamp = FIRST << 40
    for number in (1, 2, 3):
        story.tell("P", FIRST, codes.PUT, 0, stamp + number, number * 10, 0)
    story.tell("MainProcess", MAIN_PID, codes.GET, 0, stamp + 2, codes.SAME, 0)
    story.tell("MainProcess", MAIN_PID, codes.GET, 0, 12345, "stranger", 0)
    story.events()
    story.tell("MainProcess", MAIN_PID, codes.REAPED, 0, FIRST, 0, NO_USAGE)
    exited, lost = story.events()
    assert ("process.exited", "vanished") == (exited["event"], exited["cause"])
    assert ("queue.items_lost", "P") == (lost["event"], lost["process"])


def test_the_end_tells_what_is_left() -> None:
    """Items that nobody took, unfinished lines, and ends that nobody saw are told last."""
    story = Story(queues=[Q], flushed=1)
    story.start()
    story.tell("MainProcess", MAIN_PID, codes.PUT, 0, (MAIN_PID << 40) + 1, None, 0)
    story.tell("W", FIRST, codes.OUTPUT, 1, "no newline", False)
    story.events()
    story.narrator.finish(100 * SECOND)
    events = story.events()
    assert {"process.output", "process.exited", "queue.left_over"} == {e["event"] for e in events}
    left = next(e for e in events if e["event"] == "queue.left_over")
    assert (1, 1, [None]) == (left["count"], left["pills"], left["items"])
    assert {"unknown"} == {e["cause"] for e in events if e["event"] == "process.exited"}


def test_an_end_that_only_the_guard_saw_is_told_in_time() -> None:
    """`t` does not run back: what was seen long ago, but is told only at the end, is stamped when it is told."""
    story = Story()
    story.start()
    story.tell("run-scenario guard", GUARD, codes.EXIT_SEEN, 0, FIRST, None, NO_USAGE)
    for _ in range(5):
        story.tell("MainProcess", MAIN_PID, codes.ALIVE, 0, True)
    story.narrator.finish(100 * SECOND)
    times = [e["t"] for e in story.events()]
    assert sorted(times) == times
