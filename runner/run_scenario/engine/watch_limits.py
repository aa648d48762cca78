"""What the guard looks at while a run goes on: is there more of it than was allowed?"""

from __future__ import annotations

import os
import time

from run_scenario.engine import platform
from run_scenario.engine.stall import LOOK_EVERY
from run_scenario.limits import KIBI, MEBI, Limits

_MORE = 128 * MEBI
"""Bytes that may be recorded, and not yet told, or kept for `recover`, beyond those that the log may have."""
_OF_SEGMENT = 512 * KIBI
"""Bytes that are taken for each process before it has recorded anything, and a little more."""
_SHARE = 20
"""A look is followed by a pause of so many times what it took."""


class LimitWatch:
    """Counts the processes and threads of a run, and the bytes in its folder."""

    def __init__(self, limits: Limits, folder: str) -> None:
        self._limits = limits
        self._folder = folder
        self._next = 0.0

    def exceeded(self) -> tuple[str, int] | None:
        """Return the limit that is exceeded, by its name, and how much was found; None also where it was not looked.

        To be called in the guard, below which all processes of the run are.
        """
        began = time.monotonic()
        if began < self._next:
            return None
        found = self._look()
        now = time.monotonic()
        self._next = now + max(LOOK_EVERY, _SHARE * (now - began))
        return found

    def _look(self) -> tuple[str, int] | None:
        recorded, segments = _bytes_in(self._folder)
        if recorded > self._limits.log + _MORE + segments * _OF_SEGMENT:
            return "log", recorded
        pids = platform.descendants(os.getpid())
        if len(pids) > self._limits.processes:
            return "processes", len(pids)
        threads = sum(platform.thread_count(pid) for pid in pids)
        if threads > self._limits.threads:
            return "threads", threads
        return None


def _bytes_in(folder: str) -> tuple[int, int]:
    """Return what the files in a folder take on the disk, and how many segments are among them."""
    total = segments = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                total += entry.stat(follow_symlinks=False).st_blocks * 512
                segments += entry.name.endswith(".0")
    except OSError:  # files come and go; a target may have removed all of them
        pass
    return total, segments
