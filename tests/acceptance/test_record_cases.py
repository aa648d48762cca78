"""What people have reported of multiprocessing, as programs in scripts/cases: `record` says what is true of each.

The programs are those of public reports, made small. Where one gave up waiting after a while, it waits for ever here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from recorded import SCRIPTS, record
from support import METHODS

FORK, OTHERS = ("fork",), ("spawn", "forkserver")


class Case(NamedTuple):
    """What `record` says of a program, and how it ends."""

    status: int
    said: tuple[str, ...]
    """Each of these is on standard error; of a deadlock, the first is the reason, or a part of it."""
    methods: tuple[str, ...] = METHODS
    """The start methods under which it goes so."""
    always: bool = False
    """Whether it is run where there is little time, too."""


CASES = {
    "atexit_fork": Case(
        0,
        ("ends without what it registered with atexit: print (before Python 3.13, a forked process never calls it)",)
        if sys.version_info < (3, 13)
        else (),
        FORK,
    ),
    "bounded_results": Case(
        3,
        (
            "wait for ever for room in queue 'results (bounded_results.py:13)' (maxsize 3, 3 in it): the main program, "
            "who could take from it, waits for the end of Process-",
            "bounded_results.py:18 in <module>",
            "bounded_results.py:8 in show",
        ),
        always=True,
    ),
    "deaf_pool_workers": Case(
        3,
        (
            "the main program waits for ever in terminate() of pool 'pool (deaf_pool_workers.py:24)' for",
            "PoolWorker-1, to which it has sent SIGTERM: it has a handler for it, or ignores it",
            "deaf_pool_workers.py:17 in work",
        ),
    ),
    "event_set_in_handler": Case(
        3,
        (
            "Server waits for ever inside event 'stop (event_set_in_handler.py:16)', in set(), which it called while "
            "it was itself waiting there, as a signal handler may",
            "event_set_in_handler.py:9 in <lambda>",
            "event_set_in_handler.py:11 in serve",
        ),
    ),
    "executor_crash": Case(
        1,
        (
            "was lost with submit(make, …) (call 2, executor_crash.py:26): ended by SIGSEGV",
            "MainProcess        failed with BrokenProcessPool",
            "was ended by SIGSEGV in submit(make, …) (call 2, executor_crash.py:26))",
        ),
    ),
    "executor_max_tasks": Case(
        3,
        (
            "the main program waits for ever for pool 'executor (executor_max_tasks.py:14)': none of its workers is "
            "left, and no other was started in their place",
            "ended with exit code 0 after 2 tasks",
        ),
        OTHERS,
    ),
    "fork_with_held_lock": Case(
        3,
        (
            "Process-1 waits for ever in a lock inside its own process (a threading.Lock, an Event or the like), and "
            "there is no other thread in it",
            "fork_with_held_lock.py:19 in use",
        ),
        FORK,
    ),
    "input_in_child": Case(
        0,
        ("(standard input is /dev/null there, which multiprocessing gives to every process that it starts)",),
        always=True,
    ),
    "join_by_a_sibling": Case(0, ("AssertionError: can only join a child process", "ended with exit code 1"), FORK),
    "lock_held_across_put": Case(
        3,
        (
            "Collector waits for ever for lock 'lock (lock_held_across_put.py:25)', held by Requester, which waits for "
            "room in queue 'box (lock_held_across_put.py:25)'",
            "lock_held_across_put.py:12 in request",
            "lock_held_across_put.py:18 in collect",
        ),
        always=True,
    ),
    "main_fails_with_unread_puts": Case(
        3,
        (
            "the main program cannot end after Empty: it has put items on queue "
            "'big (main_fails_with_unread_puts.py:8)'"
            " that do not fit into its pipe, and a process waits at its end until they are taken (2 of 2 are left); "
            "have them taken before it ends, or give them up with cancel_join_thread()",
        ),
    ),
    "managed_queue_dropped": Case(
        0,
        (
            "(its manager does not hold it any more, as when nobody has a proxy left before this process has its own: "
            "keep one where the process is started)",
        ),
    ),
    "manager_gone_first": Case(
        0, ("Slow               failed with FileNotFoundError", "(the main program had shut SyncManager-1 down after")
    ),
    "manager_lock_killed": Case(
        3,
        (
            "Needy waits for ever for lock 'lock (manager_lock_killed.py:22)': Dying ended without releasing it",
            "Dying              ended with exit code -9: it was ended by SIGKILL",
            "manager_lock_killed.py:15 in need",
        ),
    ),
    "notice_before_wait": Case(
        3,
        (
            "Taker waits for ever for condition 'ready (notice_before_wait.py:16)': it was notified by the main "
            "program after",
            "when nobody waited for it, and the main program, who could notify it, waits for the end of Taker",
            "notice_before_wait.py:10 in take",
        ),
        always=True,
    ),
    "pool_callback_raises": Case(
        3,
        (
            "the main program waits for ever for pool 'pool (pool_callback_raises.py:17)': the pool's thread that "
            "takes results has ended, because a callback raised ValueError: cannot store this",
            "pool_callback_raises.py:19 in <module>",
        ),
    ),
    "pool_in_pool": Case(1, ("AssertionError: daemonic processes are not allowed to have children",)),
    "pool_task_exits": Case(
        3,
        (
            "ended with exit code 1 because task 2 of map(maybe_leave, …) (pool_task_exits.py:16) raised SystemExit, "
            "which ends a worker (an Exception would not), and a Pool never gives a lost task to another worker",
            "the main program waits for ever for pool 'pool (pool_task_exits.py:15)'",
        ),
    ),
    "queue_on_queue": Case(
        3,
        (
            "Server waits for ever for an item from queue 'requests (queue_on_queue.py:19)': of 1 put, 1 dropped, "
            "because it could not be pickled (RuntimeError: Queue objects should only be shared between processes "
            "through inheritance), and Client, who could put another, waits for an item from queue 'answers "
            "(queue_on_queue.py:19)' and the main program, who could put another, waits for the end of Client",
            "never reached 'requests (queue_on_queue.py:19)'",
        ),
    ),
    "task_done_in_finally": Case(
        0, ("ValueError: task_done() called too many times", "Worker             ended with exit code 1")
    ),
    "unloadable_result": Case(
        3,
        (
            "the main program waits for ever for pool 'pool (unloadable_result.py:21)': the pool's thread that takes "
            "results has ended, because what a worker sent cannot be unpickled (TypeError: this letter cannot be "
            "opened)",
        ),
        always=True,
    ),
}


def test_each_program_is_a_case() -> None:
    """None is left out: those of which nothing is to be said have tests of their own."""
    assert {*CASES, "pipe_many_writers"} == {path.stem for path in (SCRIPTS / "cases").glob("*.py")}


@pytest.mark.parametrize(
    ("name", "method"),
    [
        pytest.param(name, method, marks=[] if case.always else [pytest.mark.campaign])
        for name, case in CASES.items()
        for method in case.methods
    ],
)
def test_a_case(tmp_path: Path, name: str, method: str) -> None:
    """The explanation has the cause, by the names and lines of the script; the exit code is the script's, or 3."""
    case = CASES[name]
    recorded = record(tmp_path, SCRIPTS / "cases" / f"{name}.py", method)
    assert [] == [text for text in case.said if text not in recorded.stderr], recorded.stderr
    assert case.status == recorded.status, recorded.stderr
    if case.status == 3:
        stall = recorded.stall()
        assert ("deadlock", True) == (stall["cause"], case.said[0] in stall["reason"])


def test_many_writers(tmp_path: Path, method: str) -> None:
    """Of what several have sent into one pipe, what is received has the number of what was sent, or none."""
    recorded = record(tmp_path, SCRIPTS / "cases" / "pipe_many_writers.py", method)
    assert (0, "[('a', 300), ('b', 300), ('c', 300)]\n") == (recorded.status, recorded.stdout)
    sent = {event["item_id"]: event["item"] for event in recorded.log.all("pipe.sent")}
    received = {event["item_id"]: event["item"] for event in recorded.log.all("pipe.received")}
    assert (150, 150) == (len(sent), len(recorded.log.all("pipe.received")))
    received.pop(None, None)
    assert received == {number: sent[number] for number in received}
