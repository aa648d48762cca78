"""The decoder, on hand-made records: what it makes of a process, of damage, and of what is left."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from made import FIRST, MAIN_PID, SECOND, SUPERVISOR, Q, make_scenario, spec
from msgspec import UNSET, UnsetType

from run_scenario.events import types
from run_scenario.events.decoding.decoder import EventDecoder
from run_scenario.events.decoding.event_factory import EventFactory
from run_scenario.events.decoding.sync import SyncDecoder
from run_scenario.events.encoding import as_mapping
from run_scenario.recording import codes
from run_scenario.recording.segment_reader import Wait
from run_scenario.report.reasons import Sentences
from run_scenario.scenario.model import ProcessSpec, QueueSpec, SyncSpec


class Story:
    """A decoder, and records of processes told to it by hand."""

    def __init__(self, *processes: ProcessSpec, queues: Sequence[QueueSpec] = (), flushed: int = 0) -> None:
        scenario = make_scenario(*(processes or (spec("W"),)), queues=queues)
        self.waits: dict[int, list[Wait]] = {}
        """Process id -> what the header of its segment says that it waits for."""
        events = EventFactory("run", "made", 0, 0)

        def segments(pid: int) -> list[Any]:
            return [SimpleNamespace(ppid=0, flushed=lambda queue: flushed, waits=lambda: self.waits.get(pid, []))]

        self.decoder = EventDecoder(scenario, events, SUPERVISOR, segments, "fork", wording=Sentences())
        self._t = 0
        self.tell("MainProcess", MAIN_PID, codes.STARTED, -1, MAIN_PID, SUPERVISOR, "", False)
        self.decoder.take()

    def tell(self, name: str, pid: int, code: int, *fields: Any) -> None:
        """Tell one record from the segment of that process."""
        self._t += SECOND
        reader: Any = SimpleNamespace(name=name, pid=pid, prefix="", worker=0)
        record = [self._t, code, *fields]
        self.decoder.preview([(self._t, reader, record)])
        self.decoder.decode(reader, record)

    def start(self, index: int = 0, name: str = "W", pid: int = FIRST) -> None:
        """Tell that a process has started."""
        self.tell("MainProcess", MAIN_PID, codes.STARTING, index, name)
        self.tell(name, pid, codes.STARTED, index, pid, MAIN_PID, "MainProcess", False)

    def events(self) -> list[dict[str, Any]]:
        """Return the events made since the last time."""
        return [as_mapping(event) for event in self.decoder.take()]


NO_USAGE = [None] * 5


def held(kind: Any, value: int, *deeds: str) -> tuple[list[str], list[str | None], list[str]]:
    """Return who holds a lock after `P acquires` and `P releases`, whose each released was, and who ended with it."""
    events = EventFactory("run", "made", 0, 0)
    decoder = SyncDecoder((SyncSpec(name="it", type=kind, value=value),), events)
    owners: list[str | None] = []
    for name, deed in map(str.split, deeds):
        source: Any = SimpleNamespace(name=name, pid=ord(name), worker=0)
        if deed == "acquires":
            decoder.on_acquired(source, 0, 0, 0, 0, 0)
        elif deed == "releases":
            released: Any = decoder.on_released(source, 0, 0, 0, 0, 0)
            owners.append(released.owner)
        else:
            decoder.write_off(0, name, ord(name))
    return decoder.holders(0), owners, [event.process for event in events.emitted]


@pytest.mark.parametrize("kind", ["Semaphore", "BoundedSemaphore"])
def test_a_semaphore_that_signals_is_held_by_nobody(kind: str) -> None:
    """It begins at 0, or somebody has released it who had not acquired it; until then, who acquires it holds it."""
    assert ([], [None], []) == held(kind, 0, "A releases", "B acquires", "B ends")
    assert (["A"], [], ["A"]) == held(kind, 1, "A acquires", "A ends")
    assert ([], ["A", None], []) == held(kind, 1, "A acquires", "B releases", "A acquires", "A ends", "B releases")
    assert ([], ["A", None], []) == held(kind, 1, "A acquires", "A releases", "A releases", "B acquires", "B ends")
    assert (["B"], ["A"], ["B"]) == held("Lock", 1, "A acquires", "B releases", "B acquires", "B ends")


def test_a_life_is_told() -> None:
    """From starting to joined; the exit is told once, though supervisor and main program both see it."""
    story = Story()
    story.start()
    story.tell("W", FIRST, codes.FINISHED, 0, [0.5, 0.1, 1000, 1, 2])
    story.tell("run-scenario supervisor", SUPERVISOR, codes.EXIT_SEEN, 0, FIRST, 0, [0.4, 0.1, None, 1, 2])
    story.tell("MainProcess", MAIN_PID, codes.REAPED, 0, FIRST, 0, [0.5, 0.1, 2000, 1, 2])
    story.tell("MainProcess", MAIN_PID, codes.JOINED, 0, 0, 0)
    events = story.events()
    assert ["starting", "started", "finished", "exited", "joined"] == [e["event"][8:] for e in events]
    assert [None, FIRST, FIRST, FIRST, FIRST] == [e["pid"] for e in events]
    assert [1, 2, 3, 4, 5] == [e["n"] for e in events]
    assert ("returned", 0, True) == tuple(events[3][key] for key in ("cause", "exitcode", "allowed"))
    assert [] == story.decoder.processes.failures()


def swept(*, seen: bool, state: str | None) -> Story:
    """Return the story of a process that gets SIGTERM and SIGKILL, and of which no end is seen."""
    story = Story()
    story.start()
    story.tell("run-scenario supervisor", SUPERVISOR, codes.SWEEPING, FIRST, 15, "time is up", seen)
    story.tell("run-scenario supervisor", SUPERVISOR, codes.SWEEPING, FIRST, 9, "time is up", seen)
    story.tell("run-scenario supervisor", SUPERVISOR, codes.NOT_ENDED, FIRST, state)
    story.decoder.finish(SECOND * 100)
    return story


def test_sigkill_does_not_end_it() -> None:
    """It is told as what it is, still there: there is no end of it."""
    story = swept(seen=True, state="D")
    events = [e for e in story.events() if e["process"] == "W"]
    assert ["starting", "started", "terminating", "escalated", "not_ended"] == [e["event"][8:] for e in events]
    assert ("D", "error") == (events[-1]["state"], events[-1]["level"])
    assert ["W"] == [found.process for found in story.decoder.processes.survivors]


def test_nobody_can_see_whether_sigkill_has_ended_it() -> None:
    """Neither an end is told, nor that it is there, nor that it does not heed SIGTERM."""
    story = swept(seen=False, state=None)
    events = [e for e in story.events() if e["process"] == "W"]
    assert ["starting", "started", "terminating", "killing", "not_ended"] == [e["event"][8:] for e in events]
    assert (None, "warning") == (events[-1]["state"], events[-1]["level"])
    assert [] == story.decoder.processes.survivors


FORGERIES = [
    (codes.EXIT_SEEN, 0, FIRST, 0, NO_USAGE),
    (codes.ORPHANED, 99, "sh"),
    (codes.SWEEPING, FIRST, 9, "forged", True),
    (codes.NOT_ENDED, FIRST, "D"),
    (codes.STALL, "deadlock", []),
    (codes.TIMED_OUT,),
    (codes.STOPPING, 2),
    (codes.MAIN_EXITED, MAIN_PID, 0, NO_USAGE),
    (codes.LEAKED, ["x"]),
    (codes.HELPER_LOST, 9, "fork server", -9),
    (codes.MANAGER_LOST, 9, -9),
]


@pytest.mark.parametrize("record", FORGERIES)
def test_forged_records_of_the_supervisor_are_ignored(record: tuple[Any, ...]) -> None:
    """What only the supervisor may say counts for nothing in the segment of another process."""
    story = Story()
    story.start()
    story.events()
    story.tell("W", FIRST, *record)
    assert [] == story.events()
    assert (None, False, 0, []) == (
        story.decoder.stall,
        story.decoder.timed_out,
        story.decoder.stop_signal,
        story.decoder.troubles,
    )
    assert ["MainProcess", "W"] == story.decoder.processes.alive()


DAMAGED = [
    (codes.PUT, 99, 1, 1, 0),
    (codes.PUT, 0),
    (codes.GET, "q", 1, 1, 0),
    (codes.GET, 0, 1, 1, 0, "one more"),
    (codes.EMPTY, 0, True, False, 3, SECOND, 1.5, "one more"),
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
]


@pytest.mark.parametrize("record", DAMAGED)
def test_a_damaged_record(record: tuple[Any, ...]) -> None:
    """Records with too few, too many or impossible fields make no event and no exception; they are reported."""
    story = Story(queues=[Q])
    story.start()
    story.events()
    story.tell("W", FIRST, *record)
    assert [] == story.events()
    assert [f"a record of W (pid {FIRST}) is damaged: code {record[0]}"] == story.decoder.troubles


@pytest.mark.parametrize("record", [(255, 1, 2), (0,)])
def test_a_record_of_another_version(record: tuple[Any, ...]) -> None:
    """A code that is not known is passed over: it is no damage."""
    story = Story(queues=[Q])
    story.start()
    story.events()
    story.tell("W", FIRST, *record)
    assert ([], []) == (story.events(), story.decoder.troubles)


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


@pytest.mark.parametrize(
    ("put", "got", "told"),
    [
        (("word",), codes.SAME, "word"),
        (("pkg.Word(text='a')", True), codes.SAME, "<what pkg.Word(text='a') was pickled as>"),
        (("pkg.Word(text='a')", True), "pkg.Word(text='a')", "pkg.Word(text='a')"),
    ],
)
def test_an_object_that_is_pickled_as_something_plain(put: tuple[Any, ...], got: Any, told: str) -> None:
    """What arrives is plain, and not recorded again: where an object was put, it is not that object."""
    story, stamp = Story(queues=[Q]), (MAIN_PID << 40) + 1
    story.start()
    story.events()
    story.tell("MainProcess", MAIN_PID, codes.PUT, 0, stamp, put[0], 0, *put[1:])
    story.tell("W", FIRST, codes.GET, 0, stamp, got, 0)
    assert [("queue.put", put[0]), ("queue.get", told)] == [(e["event"], e["item"]) for e in story.events()]


class _GetWithMore(types.QueueGet, kw_only=True):
    """A `queue.get` as it may become."""

    depth: int | UnsetType = UNSET


def test_a_field_that_was_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new field of an event is recorded, and is in its class: nothing in between knows it by name."""
    monkeypatch.setattr(types, "QueueGet", _GetWithMore)
    story = Story(queues=[Q])
    story.start()
    story.events()
    story.tell("W", FIRST, codes.GET, 0, 1, "item", 0, 7)
    story.tell("W", FIRST, codes.GET, 0, 2, "item", 0)
    assert [7, None] == [event.get("depth") for event in story.events()]


def test_the_end_tells_what_is_left() -> None:
    """Items that nobody took, unfinished lines, and ends that nobody saw are told last."""
    story = Story(queues=[Q], flushed=1)
    story.start()
    story.tell("MainProcess", MAIN_PID, codes.PUT, 0, (MAIN_PID << 40) + 1, None, 0)
    story.tell("W", FIRST, codes.OUTPUT, 1, "no newline", False)
    story.events()
    story.decoder.finish(100 * SECOND)
    events = story.events()
    assert {"process.output", "process.exited", "queue.left_over"} == {e["event"] for e in events}
    left = next(e for e in events if e["event"] == "queue.left_over")
    assert (1, 1, [None]) == (left["count"], left["pills"], left["items"])
    assert {"unknown"} == {e["cause"] for e in events if e["event"] == "process.exited"}


def test_an_end_that_only_the_supervisor_saw_is_told_in_time() -> None:
    """`t` does not run back: what was seen long ago, but is told only at the end, is stamped when it is told."""
    story = Story()
    story.start()
    story.tell("run-scenario supervisor", SUPERVISOR, codes.EXIT_SEEN, 0, FIRST, None, NO_USAGE)
    for _ in range(5):
        story.tell("MainProcess", MAIN_PID, codes.ALIVE, 0, True)
    story.decoder.finish(100 * SECOND)
    times = [e["t"] for e in story.events()]
    assert sorted(times) == times


def test_is_alive_that_is_asked_again_and_again() -> None:
    """One event about the process that was asked for."""
    story = Story()
    story.start()
    story.events()
    story.tell("MainProcess", MAIN_PID, codes.ALIVE, 0, True, 5, 60 * SECOND)
    (alive,) = story.events()
    assert ("process.alive", "W", True, 5, 60.0) == tuple(
        alive[key] for key in ("event", "process", "alive", "times", "until")
    )
