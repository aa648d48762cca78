"""Is anybody still able to move? And if not, or when time is up: who waits for what, and where in its code?

A deadlock is claimed only when it is certain: every thread of every process of the run is in a wait that has no
timeout and that was recorded as such, the system says that all of them sleep, and between looks none of them has
even been scheduled. What is not known to wait (a target's own sleep, a socket) might move and is given its time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

from run_scenario.engine import platform, platform_sleeps
from run_scenario.record.reader import read_stack_descriptor, read_waits
from run_scenario.values import Value

LOOK_EVERY = 0.2
"""Seconds between two looks."""
LOOKS = 3
"""Looks in a row that must show the same standstill."""

_STACKS_WITHIN = 1.0
"""Seconds the processes get to write down their stacks. They need a thousandth of it, where they get a processor."""
_STACK_PAUSE = 0.005
_STACK_LOOKS = 8
"""How often, so many seconds apart, nothing more is found before they are taken for whole: they come in pieces."""
_MOST_STACK = 65_536

Signature = tuple[tuple[int, ...], ...]


class ProcessReport(Value):
    """What one process does at this moment: state as in proc(5), waits as in `reader.Wait`, stack as text.

    `threads` are native ids and states.
    """

    pid: int
    state: str
    waits: list[tuple[int, int, int, int, int]]
    stack: str
    threads: list[tuple[int, str]]

    def packed(self) -> list[Any]:
        """Return the fields in order, for a record."""
        return [self.pid, self.state, self.waits, self.stack, self.threads]


class StallWatch:
    """Looks at the processes of one run, whose segments lie in `folder`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._last: Signature | None = None
        self._same = 0

    def is_deadlocked(self, main: int, everybody: Callable[[], list[int]]) -> bool:
        """Look once; True after enough looks at the same standstill.

        `everybody` lists all processes of the run. It is only asked when the main program waits, since in a run that
        goes well that alone settles the matter, and going through /proc costs time.
        """
        segments = self._segments()
        signature = self._signature(segments, everybody) if self._is_waiting(segments, main) else None
        self._same = self._same + 1 if signature is not None and signature == self._last else 0
        self._last = signature
        return signature is not None and self._same >= LOOKS - 1

    def _segments(self) -> dict[int, str]:
        """Return the first chunk of each process's segment: its name begins with the process id."""
        found: dict[int, tuple[int, str]] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                pid, _, rest = entry.name.partition("-")
                began, _, ending = rest.partition(".")
                if ending == "0" and pid.isdecimal() and began.isdecimal():
                    found[int(pid)] = max(found.get(int(pid), (0, "")), (int(began), entry.path))
        return {pid: path for pid, (_, path) in found.items()}

    def _is_waiting(self, segments: dict[int, str], pid: int) -> bool:
        waits = read_waits(segments[pid]) if pid in segments else []
        return any(wait.thread == pid for wait in waits) and not any(wait.until for wait in waits)

    def _signature(self, segments: dict[int, str], everybody: Callable[[], list[int]]) -> Signature | None:
        """Return all waits, each with how often its thread was scheduled; None if anybody may still move."""
        pids = everybody()
        if not pids or not all(self._is_waiting(segments, pid) for pid in pids):
            return None
        found: list[tuple[int, ...]] = []
        for pid in pids:
            waits = {wait.thread: wait for wait in read_waits(segments[pid])}
            if platform_sleeps.may_be_woken_by_alarm(pid):
                return None
            for thread, state in platform.threads(pid):
                switches = platform.context_switches(pid, thread)
                if thread not in waits or state != "S" or switches is None:
                    return None
                if not platform_sleeps.waits_for_others(pid, thread):
                    return None
                wait = waits[thread]
                found.append((pid, thread, wait.kind, wait.resource, wait.since, *switches))
        return tuple(found)

    def reports(self, pids: list[int]) -> list[ProcessReport]:
        """Ask each process for its stacks and return what all of them do.

        One without a segment is only just beginning, or is another program that a target has started: of it, no more is
        known than what the system says.
        """
        segments = self._segments()
        stacks = self._ask_for_stacks({pid: segments[pid] for pid in pids if pid in segments})
        reports = []
        for pid in pids:
            stat = platform.process_stat(pid)
            found = read_waits(segments[pid]) if pid in segments else []
            waits = [(w.kind, w.resource, w.thread, w.since, w.until) for w in found]
            state = stat.state if stat else "X"
            reports.append(ProcessReport(pid, state, waits, stacks.get(pid, ""), platform.threads(pid)))
        return reports

    def _ask_for_stacks(self, segments: dict[int, str]) -> dict[int, str]:
        asked = {}
        for pid, path in segments.items():
            file = f"{path[:-2]}.stack"
            if _can_be_asked(pid, path, file) and platform.send_signal(pid, platform.STACK_SIGNAL):
                asked[pid] = file
        until = time.monotonic() + _STACKS_WITHIN
        written, unchanged = dict.fromkeys(asked, ""), dict.fromkeys(asked, 0)
        while unchanged and time.monotonic() < until:
            time.sleep(_STACK_PAUSE)
            for pid in [*unchanged]:
                before, written[pid] = written[pid], _read(asked[pid])
                unchanged[pid] = unchanged[pid] + 1 if written[pid] and written[pid] == before else 0
                if unchanged[pid] >= _STACK_LOOKS:
                    del unchanged[pid]
        return {pid: _read(path) for pid, path in asked.items()}


def _can_be_asked(pid: int, segment: str, file: str) -> bool:
    """Tell whether a process has our handler, and still our file: it may have become another program, or a daemon.

    One that is stopped would answer only when it goes on; one that waits for a signal would take this for it.
    """
    descriptor = read_stack_descriptor(segment)
    stat = platform.process_stat(pid)
    return (
        descriptor > 0
        and stat is not None
        and stat.state not in "Tt"
        and platform.STACK_SIGNAL > 0
        and platform_sleeps.catches_signal(pid, platform.STACK_SIGNAL)
        and platform_sleeps.leads_to(pid, descriptor, file)
        and not platform_sleeps.waits_for_a_signal(pid)
    )


def _read(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read(_MOST_STACK)
    return ""
