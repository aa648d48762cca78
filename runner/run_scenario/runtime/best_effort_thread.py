"""A thread that gets only what the run leaves over: memory for it, if there is any, and time of the processors.

threading.Thread.start() waits until the new thread has given a sign of life: for ever, if that thread has not even the
memory for one (https://github.com/python/cpython/issues/140746). So `BestEffortThread` is not waited for.

A low priority alone does not leave the run its time. Where sessions are scheduled as groups (sched(7), "the autogroup
feature"), nice values count only within a session, and the run has one of its own. So `Throttle` makes pauses.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import time
from collections.abc import Callable

LEAST = 0.02
"""Seconds between two readings of the segments at least."""
_MOST = 0.5
"""Seconds at most, so that a log is never far behind the run in what a person can see."""
_SHARE = 0.06
"""Part of one CPU that is used when the run needs all of them."""
_SPARE = 0.75
"""CPUs that have to be idle, or used by the runner itself, for it to work as much as it likes."""
_WINDOW = 0.2
"""Seconds over which idleness is measured; the system counts in hundredths of a second."""


class BestEffortThread:
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


class Throttle:
    """Decides how long to pause after each piece of work. The clocks come in through the constructor, for tests."""

    def __init__(
        self,
        idle: Callable[[], float | None] | None = None,
        own: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take `idle` (seconds that all CPUs together have been idle, None if unknown) and `own` CPU seconds."""
        self._idle = idle or idle_seconds
        self._own = own
        self._clock = clock
        self._since = clock()
        self._was_idle = self._idle()
        self._was_own = own()
        self.spare = self._was_idle is None
        """Whether the machine has CPU time to spare; until that is known, it has not."""

    def pause(self, busy: float) -> float:
        """Return how many seconds to wait after `busy` seconds of work."""
        self._look()
        return LEAST if self.spare else min(_MOST, max(LEAST, busy / _SHARE))

    def _look(self) -> None:
        now = self._clock()
        passed = now - self._since
        idle = self._idle() if passed >= _WINDOW and self._was_idle is not None else None
        if idle is None or self._was_idle is None:
            return
        own = self._own()
        self.spare = (idle - self._was_idle) + (own - self._was_own) >= _SPARE * passed
        self._since, self._was_idle, self._was_own = now, idle, own


def idle_seconds() -> float | None:
    """Return the seconds that all CPUs together have been idle since the system started; None where nobody counts."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            words = file.readline().split()
        return (int(words[4]) + int(words[5])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
