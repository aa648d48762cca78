"""The parts of the engine that explain, on hand-made records: exits and standstills."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from made import Q, make_scenario, spec

from run_scenario.engine.accounts import QueueAccount
from run_scenario.engine.exits import Life, explain
from run_scenario.engine.stall import StallWatch
from run_scenario.engine.standstill import Standstill, Waiting, read_stack
from run_scenario.model import Connection, QueueSpec
from run_scenario.record import codes, layout


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
