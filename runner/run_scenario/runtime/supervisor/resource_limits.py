"""What the supervisor looks at while a run goes on: is there more of it than was allowed?"""

from __future__ import annotations

import os
import time

from run_scenario.limits import KIBI, MEBI, Limits
from run_scenario.runtime.platform import system
from run_scenario.runtime.supervisor.deadlock_detector import LOOK_EVERY
from run_scenario.runtime.supervisor.processes import Processes

_MORE = 128 * MEBI
"""Bytes that may be recorded, and not yet decoded, or archived for `recover`, beyond those that the log may have."""
_OF_SEGMENT = 512 * KIBI
"""Bytes that are taken for each process before it has recorded anything, and a little more."""
_SHARE = 20
"""A look is followed by a pause of so many times what it took."""


class ResourceLimits:
    """Counts the processes and threads of a run, its memory, and the bytes in its folder."""

    def __init__(self, limits: Limits, folder: str, processes: Processes) -> None:
        self._processes = processes
        self._limits = limits
        self._folder = folder
        self._next = 0.0

    def exceeded(self) -> tuple[str, int] | None:
        """Return the limit that is exceeded, by its name, and how much was found; None also where it was not looked."""
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
        pids = self._processes.listed()
        if len(pids) > self._limits.processes:
            return "processes", len(pids)
        threads = sum(system.thread_count(pid) for pid in pids) if self._processes.means.proc else 0
        if threads > self._limits.threads:
            return "threads", threads
        if self._limits.memory is not None and self._processes.means.proc:
            memory = sum(system.memory_of(pid) for pid in pids)
            if memory > self._limits.memory:
                return "memory", memory
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
