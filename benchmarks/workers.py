"""The targets of the measured scenarios; the plain scripts use the same functions."""

from __future__ import annotations

import os
import time
from typing import Any


def nothing() -> None:
    """Return at once."""


def leave() -> None:
    """Print a line, and end without returning."""
    print("leaving", flush=True)
    os._exit(0)


def nap(seconds: float) -> None:
    """Stay alive for a while."""
    time.sleep(seconds)


def put(outbox: Any, count: int, size: int) -> None:
    """Put so many items: integers, or with a size, as many bytes each."""
    item = bytes(size)
    for number in range(count):
        outbox.put(item if size else number)


def put_in_turn(outbox: Any, count: int, pause: float) -> None:
    """Put so many integers, and compute for so many seconds after each."""
    for number in range(count):
        outbox.put(number)
        until = time.perf_counter() + pause
        while time.perf_counter() < until:
            pass


def get(inbox: Any, count: int) -> None:
    """Take so many items."""
    for _ in range(count):
        inbox.get()


def finish(inbox: Any, count: int) -> None:
    """Take so many items and say of each that it is done."""
    for _ in range(count):
        inbox.get()
        inbox.task_done()


def send(connection: Any, count: int) -> None:
    """Send so many integers."""
    for number in range(count):
        connection.send(number)


def receive(connection: Any, count: int) -> None:
    """Receive so many messages."""
    for _ in range(count):
        connection.recv()


def contend(lock: Any, count: int) -> None:
    """Take a lock and give it back, so many times."""
    for _ in range(count):
        with lock:
            pass


def square(number: int) -> int:
    """Return the square of a number: a tiny task."""
    return number * number
