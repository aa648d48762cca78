"""What asks the same again and again, and counts for itself how often."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEAST = 100_000
"""Times that a question is asked before the answer may change, where asking is quick."""


def _until(ask: Callable[[], Any], wanted: Any, started: Any, least: int) -> int:
    """Ask until the answer is this one; return how often it was asked. After `least` times, say so."""
    asked = 1
    while ask() != wanted:
        asked += 1
        if asked == least:
            started.set()
    return asked


def _gets(tasks: Any, **settings: Any) -> bool:
    try:
        tasks.get(**settings)
    except queue.Empty:
        return False
    return True


def poll(
    how: str,
    started: Any,
    event: Any = None,
    value: Any = None,
    tasks: Any = None,
    lock: Any = None,
    connection: Any = None,
    held: Any = None,
    least: int = LEAST,
) -> None:
    """Ask in this way until it changes, and print how often that was; what is a lock, only once the other has it."""
    if held is not None:
        held.wait()
    questions: dict[str, tuple[Callable[[], Any], Any]] = {
        "is_set": (lambda: event.is_set(), True),
        "value": (lambda: value.value, 1),
        "two_in_turn": (lambda: event.is_set() or value.value == 1, True),
        "element": (lambda: value[2], 1),
        "text": (lambda: value.value, b"b"),
        "empty": (lambda: tasks.empty(), False),
        "full": (lambda: tasks.full(), True),
        "get_nowait": (lambda: _gets(tasks, block=False), True),
        "get_at_once": (lambda: _gets(tasks, timeout=0), True),
        "poll": (lambda: connection.poll(), True),
        "acquire": (lambda: lock.acquire(False), True),
        "acquire_at_once": (lambda: lock.acquire(timeout=0), True),
    }
    ask, wanted = questions[how]
    print(_until(ask, wanted, started, least))


def change(
    how: str,
    started: Any,
    event: Any = None,
    value: Any = None,
    tasks: Any = None,
    lock: Any = None,
    connection: Any = None,
    held: Any = None,
) -> None:
    """Wait until the other has asked often enough, and change what it asks for."""
    if lock is not None:
        lock.acquire()
        held.set()
    started.wait()
    if event is not None:
        event.set()
    if tasks is not None:
        tasks.put(1)
    if lock is not None:
        lock.release()
    if connection is not None:
        connection.send(1)
    if how == "element":
        value[2] = 1
    elif value is not None:
        value.value = b"b" if how == "text" else 1


def poll_for_ever(value: Any) -> None:
    """Ask for ever."""
    while not value.value:
        pass


def poll_between_pauses(value: Any, pause: float) -> None:
    """Ask every now and then, and print how often."""
    asked = 1
    while not value.value:
        asked += 1
        time.sleep(pause)
    print(asked)


def write_the_same(value: Any, started: Any, path: str) -> None:
    """Write what is there already, while the other asks; make a file when it is written."""
    started.wait()
    value.value = 0
    Path(path).touch()


def ask_and_write(value: Any, started: Any, path: str) -> None:
    """Read again and again until the other has written, and many times after that; write what was read, plus one."""
    started.set()
    while not os.path.exists(path):
        read = value.value
    for _ in range(1000):
        read = value.value
    value.value = read + 1
