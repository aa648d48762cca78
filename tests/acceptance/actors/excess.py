"""Too much of everything."""

from __future__ import annotations

import os
import resource
import signal
import threading
from typing import Any


def print_for_ever(text: str, times: int) -> None:
    """Print so many copies of a text in each line, without end."""
    while True:
        print(text * times)


def put_and_wait(outbox: Any, count: int) -> None:
    """Put so many numbers, and wait."""
    for number in range(count):
        outbox.put(number)
    signal.pause()


def fork_for_ever() -> None:
    """Fork processes that wait, without end."""
    while True:
        if os.fork() == 0:
            signal.pause()


def start_threads(count: int) -> None:
    """Start threads that wait."""
    for _ in range(count):
        threading.Thread(target=signal.sigwait, args=([],), daemon=True).start()
    signal.pause()


def write_past_python(megabytes: int, line: str = "0123456789abcde") -> None:
    """Write much to descriptor 1, without Python's streams."""
    text = line.encode() + b"\n"
    for _ in range(megabytes):
        os.write(1, text * (1_048_576 // len(text)))


def put_large_and_small(outbox: Any, size: int) -> None:
    """Put a large item, and then a small one."""
    outbox.put(b"x" * size)
    outbox.put("small")
    outbox.close()
    outbox.join_thread()


def tell_open_files() -> None:
    """Print how many open files this process may have."""
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def print_and_return(text: str, times: int) -> None:
    """Print a text so many times."""
    for _ in range(times):
        print(text)


def put_and_return(outbox: Any, count: int) -> None:
    """Put texts, each recorded with what it says."""
    for number in range(count):
        outbox.put(f"item number {number}")
