"""Targets that fail with words which say nothing about the cause."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import select
import signal
import sys
import threading
import time
from typing import Any

from actors.faults import wait_until_asleep
from actors.shared import siblings


def append_when_told(log: Any, go: Any, ready: Any) -> None:
    """Say that one is there; use a manager's list when there is something on the other queue and the manager is gone.

    By then the main program, which has shut it down, has nothing to do but to wait for the end of this process.
    """
    [manager] = [int(pid) for pid in siblings() if int(pid) != os.getpid()]
    main, end = multiprocessing.parent_process(), os.pidfd_open(manager)
    assert main is not None
    assert main.pid is not None
    ready.put("here")
    go.get()
    select.select([end], [], [])
    wait_until_asleep(main.pid)
    log.append("late")


def read_line(item: Any = None) -> Any:
    """Read a line from standard input, in another way than by input()."""
    line = input()
    return line or item


def crash_at(item: Any) -> Any:
    """End the worker by SIGABRT if the item is 1."""
    if item == 1:
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        os.abort()
    return item


def wait_at_the_gate(gate: Any) -> None:
    """Wait at a barrier."""
    gate.wait()


def abort_the_gate(gate: Any) -> None:
    """Abort a barrier at which somebody waits."""
    while not gate.n_waiting:
        time.sleep(0.01)
    gate.abort()


def say_much(line: Any) -> None:
    """Send to somebody who listens only once."""
    while True:
        line.send("word")


def listen_once(line: Any) -> None:
    """Receive one object, and end."""
    line.recv()


def send_and_write(conn: Any, over: Any) -> None:
    """Send to nobody, and handle that; then write into a pipe of one's own that nobody reads."""
    over.wait()
    with contextlib.suppress(BrokenPipeError):
        conn.send(1)
    reads, writes = os.pipe()
    os.close(reads)
    os.write(writes, b"x")


def close_and_say_so(conn: Any, over: Any) -> None:
    """Close one's end."""
    conn.close()
    over.set()


def wait_at_two(one: Any, two: Any) -> None:
    """Wait at a barrier that is aborted, and handle that; then in vain at another."""
    with contextlib.suppress(threading.BrokenBarrierError):
        one.wait()
    two.wait(timeout=0.2)


def abort_one(one: Any) -> None:
    """Abort a barrier at which somebody waits."""
    abort_the_gate(one)


def listen_twice(line: Any) -> None:
    """Receive one object more than there is."""
    line.recv()
    line.recv()


@atexit.register
def at_import() -> None:
    """Registered by whoever imports this module: in a forked process, its parent."""


class Cleaner:
    """What registers a method of its own."""

    def clean(self) -> None:
        """Say so."""
        print("cleaned", flush=True)


def register_some(log: Any = None) -> Any:
    """Register two functions with atexit, and take one of them back."""
    cleaner = Cleaner()
    atexit.register(cleaner.clean)
    atexit.register(at_import)
    atexit.unregister(at_import)
    return log


def write_zeros(board: Any) -> None:
    """Write bytes with zeros at their end, and in their middle, into a ShareableList, and read them."""
    board[0] = b"\1\0\2\0"
    board[1] = "a\0b"
    sys.stdout.write(f"{board[0]!r} {board[1]!r}\n")
