"""Records of threads that run side by side: what the interpreter lock makes one step is one step without it, too."""

from __future__ import annotations

import itertools
import mmap
import sys
import threading
from collections.abc import Callable
from typing import Any, Literal


def is_free_threaded() -> bool:
    """Tell whether threads of this process run side by side: Python has, or uses, no interpreter lock."""
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


class _LockedChunk:
    """A chunk into which one thread at a time writes. A signal handler may write in the middle of its thread's call."""

    def __init__(self, chunk: mmap.mmap) -> None:
        self._chunk = chunk
        self._lock = threading.RLock()

    def write(self, record: bytes) -> int:
        with self._lock:
            return self._chunk.write(record)

    def seek(self, position: int, whence: Literal[0, 2]) -> None:
        with self._lock:
            self._chunk.seek(position, whence)


def writing(chunk: mmap.mmap) -> Callable[[bytes], Any]:
    """Return the method that appends to a chunk."""
    return _LockedChunk(chunk).write if is_free_threaded() else chunk.write


def places(step: int, first: int = 0) -> Callable[[], int]:
    """Return what gives each caller a number of its own: the first, and then each time so many more."""
    take = itertools.count(first, step).__next__
    if not is_free_threaded():
        return take
    lock = threading.RLock()

    def take_alone() -> int:
        with lock:
            return take()

    return take_alone
