"""What follows from facts about a program that was looked at from outside, and how it is said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from run_scenario.inspection import (
    OUTSIDE,
    THREADS,
    Certainty,
    Conclusion,
    ConclusionKind,
    Doubt,
    ProcessFacts,
    Program,
    Role,
    Semaphore,
    StackSource,
    ThreadFacts,
    Wait,
    WaitKind,
    conclude,
)
from run_scenario.report.inspection import as_json, as_text, lines

LOCK = "memory 0:1 7"
PIPE = "pipe:[5] write"


def waiting(kind: WaitKind | None, *keys: str, timed: bool = False, call: str = "") -> Wait:
    """Return a wait."""
    return Wait(kind, call, "", timed, keys)


def process(pid: int, *waits: Wait | None, keys: Iterable[str] = (), parent: int = 1, **facts: Any) -> ProcessFacts:
    """Return a process whose threads are in these waits; None: it runs."""
    threads = tuple(
        ThreadFacts(pid + number, "", "R" if wait is None else "S", wait, moved=wait is None)
        for number, wait in enumerate(waits)
    )
    usual = ProcessFacts(
        pid=pid,
        parent=parent,
        depth=0,
        command="python work.py",
        role="program",
        state="S",
        exitcode=None,
        age=1.0,
        cpu=0.0,
        busy=0.0,
        inside=True,
        is_python=True,
        is_open=True,
        has_handlers=False,
        keys=frozenset(keys),
        threads=threads,
    )
    return usual.replace(**facts)


def program(*processes: ProcessFacts, semaphores: Sequence[Semaphore] = (), **facts: Any) -> Program:
    """Return a program of these processes."""
    usual = Program(
        pid=processes[0].pid,
        processes=processes,
        semaphores=tuple(semaphores),
        hidden=0,
        sees_calls=True,
        changed=False,
        between=0.5,
        stacks=StackSource("py-spy"),
    )
    return usual.replace(**facts)


def found(shown: Program) -> list[tuple[str, str, tuple[int, ...]]]:
    """Return kind, certainty and processes of all that follows."""
    return [(each.kind, each.certainty, tuple(pid for pid, _ in each.actors)) for each in conclude(shown)]


def the(kind: str, shown: Program) -> Conclusion:
    """Return what follows of one kind."""
    (conclusion,) = [each for each in conclude(shown) if each.kind == kind]
    return conclusion


JOINS = waiting("process", "process 20")
ACQUIRES = waiting("semaphore", LOCK)
OWN_LOCK = waiting("lock", THREADS)
A_WHILE = waiting("lock", THREADS, timed=True)


@pytest.mark.parametrize(
    ("wait", "keys", "expected"),
    [
        (ACQUIRES, [LOCK], [("deadlock", "certain", (10, 20))]),
        (OWN_LOCK, [], [("deadlock", "certain", (10, 20))]),
        (waiting("process", "process 30"), [], [("helped", "may_go_on", (10,))]),
        (waiting("socket", OUTSIDE), [], [("helped", "may_go_on", (10,)), ("outside", "may_go_on", (20,))]),
        (waiting(None, OUTSIDE), [], [("helped", "may_go_on", (10,))]),
        (waiting("poll", PIPE, OUTSIDE), [PIPE], [("helped", "may_go_on", (10,)), ("outside", "may_go_on", (20,))]),
        (A_WHILE, [], [("clock_only", "may_go_on", (20,)), ("helped", "may_go_on", (10,))]),
        (None, [], [("computes", "seen", (20,)), ("helped", "may_go_on", (10,))]),
    ],
)
def test_what_a_child_waits_for_decides(wait: Wait | None, keys: list[str], expected: list[Any]) -> None:
    """Its parent, which waits for its end, stands still with it, and only if it is sure to."""
    assert expected == found(program(process(10, JOINS), process(20, wait, keys=keys, parent=10)))


def test_a_pipe_without_writers_is_no_deadlock() -> None:
    """Its end of file has come: who reads from it has only not been scheduled yet."""
    assert [] == found(program(process(10, waiting("read", PIPE))))


def test_one_thread_that_moves_is_enough() -> None:
    """Whoever could be helped by any thread of a process waits for the one in it that still moves."""
    shown = program(process(10, ACQUIRES, keys=[LOCK]), process(20, ACQUIRES, A_WHILE, keys=[LOCK], inside=False))
    assert ("deadlock", "certain", (10,)) not in found(shown)
    assert (20,) == the("helped", shown).others


@pytest.mark.parametrize(("path", "sure"), [("/dev/shm/sem.mp-ab", False), ("/dev/shm/sem.mp-ab (deleted)", True)])
def test_a_child_that_is_only_starting_may_open_a_semaphore(path: str, sure: bool) -> None:
    """As long as that has a name: the child could release it then, though it does not have it yet."""
    waits, starts = process(10, ACQUIRES, keys=[LOCK]), process(20, None, parent=10, role="spawned")
    shown = program(waits, starts, semaphores=[Semaphore(LOCK, path, 0, 1)])
    assert sure == (("deadlock", "certain", (10,)) in found(shown))


def test_what_was_scheduled_between_two_looks_does_not_stand_still() -> None:
    """Though it is in the same wait both times."""
    moved = process(10, OWN_LOCK)
    moved = moved.replace(threads=(moved.threads[0].replace(moved=True),))
    assert [] == [each for each in conclude(program(moved)) if each.kind == "deadlock"]


def test_who_waits_beside_the_program_belongs_to_it() -> None:
    """A process that shares a pipe and waits as well is named with those that it keeps waiting."""
    beside = process(30, OWN_LOCK, keys=[PIPE], inside=False)
    assert ("deadlock", "certain", (10, 30)) in found(program(process(10, waiting("read", PIPE)), beside))


def test_a_zombie_and_a_stopped_process_can_be_waited_for() -> None:
    """The wait for a child that has ended is over at once; one that is stopped may be let go on by anybody."""
    over = process(20, parent=10, state="Z", exitcode=-9)
    may_go_on = ("helped", "may_go_on", (10,))
    assert [("not_waited_for", "seen", (20,)), may_go_on] == found(program(process(10, JOINS), over))
    stopped = process(20, None, parent=10, state="T")
    stopped = stopped.replace(threads=(stopped.threads[0].replace(state="T"),))
    assert [("stopped", "seen", (20,)), may_go_on] == found(program(process(10, JOINS), stopped))


@pytest.mark.parametrize(
    ("facts", "handlers", "certainty", "says"),
    [
        ({}, False, "certain", None),
        ({"hidden": 3}, False, "as_far_as_seen", "3 processes of other users cannot be looked into"),
        ({"changed": True}, False, "possible", "processes came or went"),
        ({"hidden": 3}, True, "possible", "pid 10 might go on by a signal"),
    ],
)
def test_doubts(facts: dict[str, Any], handlers: bool, certainty: str, says: str | None) -> None:
    """What leaves room for something else is said, and it is not called certain then."""
    shown = program(process(10, ACQUIRES, keys=[LOCK], has_handlers=handlers), **facts)
    conclusion = the("deadlock", shown)
    assert certainty == conclusion.certainty
    assert says is None or any(says in line for line in lines(shown, conclusion))


def test_multiprocessings_own_processes_are_not_named() -> None:
    """A fork server and a resource tracker that nobody asks for anything stand still with the program, as they may."""
    server = process(20, waiting("poll", "process 30", "pipe:[8] write"), keys=[PIPE], role="fork_server")
    child = process(30, ACQUIRES, keys=[LOCK], parent=20, role="forked_by_server")
    main = process(10, waiting("poll", PIPE), keys=[LOCK, "pipe:[8] write"])
    shown = program(main, server, child)
    assert [("deadlock", "certain", (10, 30))] == found(shown)
    assert "pid 10 waits for the fork server, pid 20, as join() does" in lines(shown, the("deadlock", shown))[1]


def test_the_end_of_a_file_that_cannot_come() -> None:
    """Who reads from a pipe and has its other end open, too, is told so."""
    shown = program(process(10, waiting("read", PIPE), keys=[PIPE]), process(20, OWN_LOCK, keys=[PIPE]))
    (told,) = lines(shown, the("own_writer", shown))
    assert "pid 10 reads from pipe 5, and has the end for writing open itself, and so has pid 20" in told


def test_unseen_calls() -> None:
    """Where nobody may see in which calls threads sleep, that they do is all that is known."""
    shown = program(process(10, waiting("futex")), process(20, waiting("read"), parent=10), sees_calls=False)
    assert [("asleep", "possible", (10, 20))] == found(shown)
    text = as_text(shown, 1_000)
    assert "sleeps: waits for a lock or a semaphore (which one is not shown)" in text
    assert "sleeps: waits for something to read from a pipe" in text
    assert "at what pid 10 and pid 20 wait is not shown" in text
    assert "sudo run-scenario inspect 10" in text


def test_a_tree() -> None:
    """What a person reads: the processes, what they sleep in, with the lines of their own code."""
    joins = process(10, waiting("process", "process 20", call="wait4"), keys=[LOCK])
    stack = ("/lib/multiprocessing/synchronize.py:95 in SemLock.__enter__", "/home/me/work.py:7 in work")
    child = process(20, waiting("semaphore", LOCK, call="futex"), keys=[LOCK], parent=10, depth=1, role="forked")
    child = child.replace(threads=(child.threads[0].replace(stack=stack),), age=7_200.0)
    shown = program(joins, child, semaphores=[Semaphore(LOCK, "/dev/shm/sem.mp-ab (deleted)", 0, 1)])
    assert [
        "pid 10: python work.py; 1 s old, 0 s of processor time",
        "    sleeps in wait4(): waits for the end of pid 20",
        "  pid 20: a fork of its parent; 2 hours old, 0 s of processor time",
        "      sleeps in futex(): waits for semaphore sem.mp-ab to be released",
        "          work.py:7 in work",
        "(lines of Python: by py-spy)",
        "",
        "Semaphores that are waited for:",
        "  sem.mp-ab: value 0; shared by pid 10 and pid 20",
        "",
        "What follows:",
        "  Certain: the program stands still: nobody who could end these waits can move",
        "    - pid 10 waits for the end of pid 20",
        "    - pid 20 waits for semaphore sem.mp-ab to be released, which only pid 10 and itself can do",
    ] == as_text(shown, 120).splitlines()[:14]


def test_many_threads_are_counted() -> None:
    """Of a pool of hundreds the first are shown, and how many there are besides."""
    shown = program(
        process(10, *[OWN_LOCK] * 300, waiting("poll", *(f"pipe:[{n}] write" for n in range(9)), timed=True))
    )
    text = as_text(shown, 200)
    assert "and 281 more threads" in text
    assert len(text.splitlines()) < 40
    stuck = program(process(10, *[OWN_LOCK] * 300))
    assert "and 280 more threads wait so" == lines(stuck, the("deadlock", stuck))[-1]
    polling = program(process(10, waiting("poll", *(f"pipe:[{n}] write" for n in range(9)), timed=True)))
    assert "something to happen at pipe 0 or pipe 1 or pipe 2 or pipe 3 or 5 more" in as_text(polling, 200)


def test_hostile_names_steer_no_terminal() -> None:
    """A command line, the name of a thread and a frame may hold anything."""
    bad = "\x1b[31mx\n\u202ey\ud800"
    odd = process(10, OWN_LOCK, OWN_LOCK, command=bad)
    threads = tuple(each.replace(name=bad, stack=(f"{bad}:1 in {bad}",)) for each in odd.threads)
    shown = program(
        odd.replace(threads=threads),
        semaphores=[Semaphore(LOCK, f"/dev/shm/sem.{bad}", None, None)],
        stacks=StackSource(bad, bad),
        run=bad,
    )
    text = as_text(shown, 100)
    assert text.replace("\n", "").isprintable()
    assert as_json(shown).isascii()
    assert bad == json.loads(as_json(shown))["processes"][0]["command"]


def test_the_reference_has_every_word() -> None:
    """Fields, kinds and degrees of certainty of the JSON document are all explained."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "inspection.md").read_text(encoding="utf-8")
    values = (Program, ProcessFacts, ThreadFacts, Wait, Semaphore, StackSource, Doubt)
    words = {field for value in values for field in value.__match_args__}
    words |= set(json.loads(as_json(program(process(10, ACQUIRES, keys=[LOCK]))))["conclusions"][0])
    for literal in (ConclusionKind, Certainty, Role, WaitKind):
        words |= set(get_args(literal))
    assert [] == sorted(word for word in words if f"`{word}`" not in page)
