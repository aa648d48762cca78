"""The parts of the engine that explain: exits, standstills, lines of output, and the narrator, on hand-made records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from run_scenario.engine.accounts import QueueAccount
from run_scenario.engine.events import EventMaker
from run_scenario.engine.exits import Life, explain
from run_scenario.engine.narrator import Narrator
from run_scenario.engine.output import LINE_LIMIT, LineJoiner
from run_scenario.engine.stall import StallWatch
from run_scenario.engine.standstill import Standstill, Waiting, read_stack
from run_scenario.limits import DEFAULTS
from run_scenario.model import Connection, ProcessSpec, QueueSpec, Scenario
from run_scenario.record import codes, layout
from run_scenario.record.reader import Wait

GUARD, MAIN_PID, FIRST = 10, 11, 12
SECOND = 1_000_000_000


def spec(name: str, target: str = "sleep", **more: Any) -> ProcessSpec:
    """Return a process."""
    return ProcessSpec(name=name, named=True, target=target, **more)


def make_scenario(*processes: ProcessSpec, queues: Sequence[QueueSpec] = ()) -> Scenario:
    """Return a scenario of these."""
    return Scenario(
        name="made",
        file="made.yaml",
        path="/nowhere/made.yaml",
        digest="sha256:0",
        processes=tuple(processes),
        queues=tuple(queues),
    )


# Exits


def life(outcome: str = "", *, sent: Sequence[tuple[int, str, str]] = (), started: bool = True, **more: Any) -> Life:
    """Return what was heard of a process."""
    life = Life("W", spec("W", **more))
    life.outcome, life.sent, life.started, life.exception = outcome, list(sent), 1 if started else None, "ValueError: x"
    return life


MAIN_STOP = [(15, "MainProcess", "step")]
DAEMON = [(15, "MainProcess", "daemon")]
SWEPT = [(15, "run-scenario", "the deadline was reached")]
EXITS = [
    (life("finished"), 0, ("returned", None, None, True)),
    (life("finished"), 3, ("vanished", None, None, False)),
    (life("finished", exitcodes=frozenset({3})), 3, ("vanished", None, None, True)),
    (life("failed"), 1, ("exception", None, None, False)),
    (life("failed", exitcodes=frozenset({1})), 1, ("exception", None, None, True)),
    (life("exiting"), 0, ("sys.exit", None, None, True)),
    (life("exiting"), 3, ("sys.exit", None, None, False)),
    (life(""), 0, ("vanished", None, None, False)),
    (life("", any_exitcode=True), 0, ("vanished", None, None, True)),
    (life("", started=False), 1, ("unstarted", None, None, False)),
    (life("", started=False, exitcodes=frozenset({1})), 1, ("unstarted", None, None, True)),
    (life(""), -11, ("crash", "SIGSEGV", None, False)),
    (life(""), -6, ("crash", "SIGABRT", None, False)),
    (life(""), -9, ("signal", "SIGKILL", None, False)),
    (life(""), -60, ("signal", "signal 60", None, False)),
    (life("finished"), -9, ("signal", "SIGKILL", None, False)),
    (life("", sent=MAIN_STOP), -15, ("terminated", "SIGTERM", "MainProcess", True)),
    (life("", sent=[(9, "MainProcess", "step")]), -9, ("killed", "SIGKILL", "MainProcess", True)),
    (life("", sent=MAIN_STOP, exitcodes=frozenset({0})), -15, ("terminated", "SIGTERM", "MainProcess", False)),
    (life("", sent=MAIN_STOP), -9, ("signal", "SIGKILL", None, False)),
    (life("", sent=DAEMON), -15, ("daemon", "SIGTERM", "MainProcess", True)),
    (life("", sent=SWEPT), -15, ("swept", "SIGTERM", "run-scenario", False)),
    (life("", sent=[*SWEPT, (9, "run-scenario", "x")]), -9, ("swept", "SIGKILL", "run-scenario", False)),
    (life("", sent=SWEPT), None, ("swept", "SIGTERM", "run-scenario", False)),
    (life("", sent=MAIN_STOP), 0, ("vanished", None, None, False)),
    (life(""), None, ("unknown", None, None, False)),
    (Life("ForkPoolWorker-1"), 0, ("ended", None, None, True)),
    (Life("Child"), 3, ("ended", None, None, True)),
    (Life("Child"), -11, ("crash", "SIGSEGV", None, False)),
]


@pytest.mark.parametrize(("heard", "code", "expected"), EXITS)
def test_an_exit_is_explained(heard: Life, code: int | None, expected: tuple[Any, ...]) -> None:
    """Cause, signal, sender and whether it is proper follow from the code and from what was heard before."""
    ending = explain(heard, code)
    assert expected == (ending.cause, ending.signal, ending.by, ending.allowed)
    assert ending.reason
    assert "None" not in ending.reason


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("finished", "its target returned"), ("failed", "its target raised ValueError: x"), ("", "it ended")],
)
def test_an_exit_code_that_nobody_learns(outcome: str, words: str) -> None:
    """What the process has said itself is told all the same."""
    assert f"{words}, but nobody could learn its exit code" == explain(life(outcome), None).reason


# Lines


class Lines:
    """A joiner and what it has told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, str, str, bool]] = []
        self.joiner = LineJoiner(self._tell, lambda t, pid, process: None, DEFAULTS.output)

    def _tell(self, t: int, pid: int, process: str, stream: int, via: str, line: str, cut: bool) -> None:
        self.told.append((pid, stream, via, line, cut))

    def add(self, text: str, *, pid: int = 1, stream: int = 1, via: str = "print") -> None:
        """Add a piece of text."""
        self.joiner.add(pid, "W", stream, via, 0, text)

    @property
    def texts(self) -> list[str]:
        """The lines told."""
        return [line for _, _, _, line, _ in self.told]


def test_pieces_become_lines() -> None:
    """A line is told when it is complete, however many pieces it came in."""
    lines = Lines()
    for piece in ("a", "b\nc", "", "d\n\ne"):
        lines.add(piece)
    assert ["ab", "cd", ""] == lines.texts
    lines.joiner.flush(1)
    assert ["ab", "cd", "", "e"] == lines.texts
    lines.joiner.flush(1)
    assert 4 == len(lines.told)


def test_streams_are_not_mixed() -> None:
    """Processes, streams and ways of writing have each their own unfinished line."""
    lines = Lines()
    lines.add("a")
    lines.add("b", pid=2)
    lines.add("c", stream=2)
    lines.add("d", via="descriptor")
    lines.joiner.flush(2)
    assert [(2, 1, "print", "b", False)] == lines.told
    lines.joiner.flush_all()
    assert ["a", "b", "c", "d"] == sorted(lines.texts)


def test_carriage_returns() -> None:
    """Those at the end of a line belong to the line's end; those within are kept."""
    lines = Lines()
    lines.add("a\r\nb\rc\n")
    assert ["a", "b\rc"] == lines.texts


@pytest.mark.parametrize("cuts", [(), (LINE_LIMIT,), (LINE_LIMIT + 1,), (8192,), (5000, 6000, 9000), (1, 2, 3)])
def test_a_long_line_is_one_line(cuts: tuple[int, ...]) -> None:
    """A line longer than the limit is told once, cut, in whatever pieces it comes; the next one is whole."""
    lines = Lines()
    text = "x" * 10_000 + "\nnext\n"
    for start, end in zip((0, *cuts), (*cuts, len(text)), strict=True):
        lines.add(text[start:end])
    assert [("x" * LINE_LIMIT, True), ("next", False)] == [(line, cut) for _, _, _, line, cut in lines.told]


# Standstills


def waiting(process: str, kind: int = codes.MOVING, resource: int = layout.NO_RESOURCE, pid: int = 1) -> Waiting:
    """Return what one process waits for."""
    return Waiting(process, pid, "S", kind, resource, 5, 0, ())


def account(queue: QueueSpec, put: int = 0, got: int = 0, done: int = 0, by: int = 1, taker: str = "C") -> QueueAccount:
    """Return a queue's books after so many puts, gets and task_done()s."""
    account = QueueAccount(queue)
    for number in range(put):
        account.record_put((by << 40) + number, number)
    for number in range(got):
        account.record_get((by << 40) + number, taker)
    for _ in range(done):
        account.record_done(taker)
    return account


Q = QueueSpec(name="q")
JOINED = QueueSpec(name="q", type="JoinableQueue")
TAKER = spec("C", "consume", connections=(Connection("inbox", "q", "from"),))
EMPTY_TAKER = spec("C", "consume_until_empty", connections=(Connection("inbox", "q", "from"),))
MAIN = waiting("MainProcess", codes.W_JOIN_PROCESS, 0)
REASONS = [
    (
        account(Q),
        [MAIN, waiting("C", codes.W_GET, 0)],
        [],
        "C waits for ever for an item from queue 'q', on which nobody ever put one",
    ),
    (account(Q, 3, 3), [waiting("C", codes.W_GET, 0)], [], "all 3 items put are taken"),
    (
        account(Q, 3, 3),
        [waiting("C", codes.W_GET, 0), waiting("D", codes.W_GET, 0)],
        [],
        "C and D wait for ever for an item",
    ),
    (
        account(Q, 3, 2, by=9),
        [waiting("C", codes.W_GET, 0)],
        [],
        "from queue 'q': of 3 put, 2 taken and 1 broken off while it was being written, and nobody is left",
    ),
    (account(Q, 3, 2, by=1), [waiting("C", codes.W_GET, 0)], [], "nobody can ever move again"),
    (
        account(JOINED, 3, 0),
        [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)],
        ["C"],
        "the main program waits in q.join() for ever: task_done() is missing for 3 of 3 items, "
        "and nobody is left to take them: C has already ended",
    ),
    (
        account(JOINED, 3, 3, 1),
        [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)],
        ["C"],
        "2 of 3 items: C ended without calling it for every item taken",
    ),
    (
        account(Q, 2, 0, by=7),
        [MAIN, waiting("P", codes.W_EXIT, pid=7)],
        [],
        "P cannot end: it has put items on queue 'q' that do not fit into its pipe",
    ),
    (
        account(QueueSpec(name="q", maxsize=2), 2),
        [MAIN, waiting("P", codes.W_PUT, 0)],
        [],
        "P waits for ever for room in queue 'q' (maxsize 2, 2 in it): nobody is left who takes from it",
    ),
    (account(QueueSpec(name="q", type="SimpleQueue"), 2), [waiting("P", codes.W_PUT, 0)], [], "its pipe is full"),
    (
        account(Q),
        [MAIN, waiting("C", codes.W_TASK, 0)],
        [],
        "nobody can ever move again: the main program waits for the end of C; C waits for its turn to call task_done()",
    ),
]


@pytest.mark.parametrize(("books", "who", "ended", "words"), REASONS)
def test_a_standstill_is_explained(books: QueueAccount, who: list[Waiting], ended: list[str], words: str) -> None:
    """The sentence names who waits for what and why it will not come."""
    standstill = Standstill(make_scenario(TAKER, queues=[books.spec]), [books], who, ended)
    assert words in standstill.reason("deadlock")


RELAYS = [
    spec(name, "reply", connections=(Connection("inbox", inbox, "from"), Connection("outbox", outbox, "to")))
    for name, inbox, outbox in (("A", "a", "b"), ("B", "b", "c"), ("C", "c", "a"))
]


def test_a_circle_is_explained() -> None:
    """Processes that wait for an item from one another are told as a circle, and only while all of them wait."""
    queues = [QueueSpec(name=name) for name in "abc"]
    scenario = make_scenario(*RELAYS, queues=queues)
    who = [waiting(name, codes.W_GET, number) for number, name in enumerate("ABC")]
    books = [account(queue) for queue in queues]
    assert (
        "A, C and B wait for each other in a circle: A for an item from queue 'a', which C would put; "
        "C for an item from queue 'c', which B would put; B for an item from queue 'b', which A would put"
    ) == Standstill(scenario, books, who, []).reason("deadlock")
    assert "circle" not in Standstill(scenario, books, who[:2], ["C"]).reason("deadlock")


@pytest.mark.parametrize(
    ("stopped", "words"),
    [
        ({"C": "was terminated"}, "queue 'q' is broken: C, which was terminated, was inside get()"),
        ({}, "nobody can ever move again"),
    ],
)
def test_a_broken_queue_is_explained(stopped: dict[str, str], words: str) -> None:
    """Who waits although items are there cannot have the lock: a process that a signal has ended took it along."""
    other = spec("D", "consume", connections=(Connection("inbox", "q", "from"),))
    scenario = make_scenario(TAKER, other, queues=[Q])
    reason = Standstill(scenario, [account(Q, 2)], [waiting("D", codes.W_GET, 0)], ["C"], stopped).reason("deadlock")
    assert words in reason
    assert ("so D can never get the 2 items that are there" in reason) == bool(stopped)


def test_who_owes_task_done_is_named() -> None:
    """Of the takers that have ended, only those are named that took more than they have finished."""
    books = account(JOINED, 3, 2, 1, taker="C")
    books.record_get((1 << 40) + 2, "D")
    books.record_done("D")
    other = spec("D", "consume", connections=(Connection("inbox", "q", "from"),))
    scenario = make_scenario(TAKER, other, queues=[JOINED])
    who = [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)]
    assert "1 of 3 items: C ended without" in Standstill(scenario, [books], who, ["C", "D"]).reason("deadlock")


def test_the_trap_of_empty() -> None:
    """Consumers that left after empty() said True, and one that was too late after it said False, are told as such."""
    books = account(JOINED, 2)
    books.said_empty.add("C")
    scenario = make_scenario(EMPTY_TAKER, queues=[JOINED])
    left = Standstill(scenario, [books], [waiting("MainProcess", codes.W_JOIN_QUEUE, 0)], ["C"]).reason("deadlock")
    assert "C left as soon as empty() said True, which it also does while an item is still on its way" in left
    late = Standstill(scenario, [account(JOINED, 2, 2, 2)], [MAIN, waiting("C", codes.W_GET, 0)], []).reason("deadlock")
    assert "the last one by another consumer after empty() had said False" in late


def test_the_deadline_is_explained() -> None:
    """At the deadline it is told what each was doing, of many only the first."""
    books = account(Q)
    many = [waiting(f"W{number}") for number in range(9)]
    standstill = Standstill(make_scenario(TAKER, queues=[Q]), [books], [MAIN, *many], [])
    reason = standstill.reason("deadline")
    assert reason.startswith("the deadline was reached: the main program waits for the end of C; W0 sleeps, or waits")
    assert reason.endswith("and 4 more")
    assert "no process of the run is left" in Standstill(make_scenario(TAKER), [], [], []).reason("deadline")


def test_a_process_that_does_not_record_is_reported(tmp_path: Path) -> None:
    """Of another program, or a process that is just beginning, the report knows what the system says."""
    report = StallWatch(str(tmp_path)).reports([os.getpid()])[0]
    assert (os.getpid(), [], "") == (report.pid, report.waits, report.stack)
    assert os.getpid() in dict(report.threads)


def test_what_does_not_exist_is_waited_for() -> None:
    """Numbers that a process has written into its own header are not trusted."""
    wild = [waiting("C", kind, 999) for kind in (codes.W_GET, codes.W_PUT, codes.W_JOIN_QUEUE, codes.W_JOIN_PROCESS)]
    wild.append(waiting("C", 200, 0))
    standstill = Standstill(make_scenario(TAKER, queues=[Q]), [account(Q)], wild, [])
    assert standstill.reason("deadlock")
    for one in wild:
        assert standstill.process_of(one) is None
        standstill.waiting_for(one)


def test_a_stack_is_read() -> None:
    """Of what faulthandler wrote, the main thread's frames are kept, without those below the target."""
    text = (
        'Thread 0x01 (most recent call first):\n  File "/lib/threading.py", line 1 in run\n\n'
        'Current thread 0x02 (most recent call first):\n  File "/lib/connection.py", line 5 in _recv\n'
        '  File "/home/me/work.py", line 7 in mine\n  File "/lib/multiprocessing/process.py", line 108 in run\n'
        '  File "/lib/below.py", line 1 in below\n'
    )
    assert ("/lib/connection.py:5 in _recv", "/home/me/work.py:7 in mine") == read_stack(text)
    assert () == read_stack("") == read_stack("garbage\n  File x")
    assert 20 == len(read_stack("Current thread (most recent call first):\n" + '  File "a", line 1 in f\n' * 100))


# The narrator


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
