"""A thread that its starter can do without: where there is no memory for it, nobody waits for it.

threading.Thread.start() waits until the new thread has given a sign of life: for ever, if that thread has not even the
memory for one (https://github.com/python/cpython/issues/140746).
"""

from __future__ import annotations

import _thread
import contextlib
from collections.abc import Callable


class SideThread:
    """Does some work in a thread of its own, if there is room for one."""

    def __init__(self, work: Callable[[], None]) -> None:
        """Take what is to be done; it has to keep its exceptions to itself."""
        self._work = work
        self._begun = _thread.allocate_lock()
        """Held by whoever was first: the thread, or else `join`, after which the thread is not to begin any more."""
        self._working = _thread.allocate_lock()

    def start(self) -> None:
        """Begin, if it is possible; come back at once."""
        self._working.acquire()
        with contextlib.suppress(RuntimeError, MemoryError):
            _thread.start_new_thread(self._run, ())

    def join(self) -> None:
        """Wait until the work is done, unless it was never begun; then it never will be."""
        if not self._begun.acquire(blocking=False):
            self._working.acquire()

    def _run(self) -> None:
        if self._begun.acquire(blocking=False):
            try:
                self._work()
            finally:
                self._working.release()
