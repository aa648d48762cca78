"""Is anybody still able to move? And if not, or when time is up: who waits for what, and where in its code?

A deadlock is claimed only when it is certain: every thread of every process of the run is in a wait that has no
timeout and that was recorded as such, the system says that all of them sleep, and between looks none of them has
even been scheduled. What is not known to wait (a target's own sleep, a socket) might move and is given its time.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from run_scenario.engine import platform
from run_scenario.record.drain import Drain
from run_scenario.record.reader import SegmentReader
from run_scenario.values import Value

LOOK_EVERY = 0.2
"""Seconds between two looks."""
LOOKS = 3
"""Looks in a row that must show the same standstill."""

_STACKS_WITHIN = 0.15
"""Seconds the processes get to write down their stacks."""
_MOST_STACK = 8_192

Signature = tuple[tuple[int, ...], ...]


class ProcessReport(Value):
    """What one process does at this moment: state as in proc(5), waits as in `reader.Wait`, stack as text."""

    pid: int
    state: str
    waits: list[tuple[int, int, int, int, int]]
    stack: str

    def packed(self) -> list[Any]:
        """Return the fields in order, for a record."""
        return [self.pid, self.state, self.waits, self.stack]


class StallWatch:
    """Looks at the processes of one run, whose segments lie in `folder`."""

    def __init__(self, folder: str) -> None:
        self._drain = Drain(folder)  # only to find segments; the front reads them
        self._last: Signature | None = None
        self._same = 0

    def is_deadlocked(self, pids: list[int]) -> bool:
        """Look once at these processes, which must be all of the run; True after enough looks at a standstill."""
        signature = self._signature(pids)
        self._same = self._same + 1 if signature is not None and signature == self._last else 0
        self._last = signature
        return signature is not None and self._same >= LOOKS - 1

    def _readers(self) -> dict[int, SegmentReader]:
        self._drain.discover()
        return {reader.pid: reader for reader in self._drain.readers}

    def _signature(self, pids: list[int]) -> Signature | None:
        """Return all waits, each with how often its thread was scheduled; None if anybody may still move."""
        readers = self._readers()
        found: list[tuple[int, ...]] = []
        for pid in pids:
            waits = {wait.thread: wait for wait in readers[pid].waits()} if pid in readers else {}
            if pid not in waits or any(wait.until for wait in waits.values()):
                return None
            for thread, state in platform.threads(pid):
                switches = platform.context_switches(pid, thread)
                if thread not in waits or state != "S" or switches is None:
                    return None
                wait = waits[thread]
                found.append((pid, thread, wait.kind, wait.resource, wait.since, *switches))
        return tuple(found) if found else None

    def reports(self, pids: list[int]) -> list[ProcessReport]:
        """Ask each process for its stacks and return what all of them do; processes without a segment are left out."""
        readers = self._readers()
        known = [pid for pid in pids if pid in readers]
        stacks = self._ask_for_stacks({pid: f"{readers[pid].prefix}.stack" for pid in known})
        reports = []
        for pid in known:
            stat = platform.process_stat(pid)
            waits = [(w.kind, w.resource, w.thread, w.since, w.until) for w in readers[pid].waits()]
            reports.append(ProcessReport(pid, stat.state if stat else "X", waits, stacks.get(pid, "")))
        return reports

    def _ask_for_stacks(self, files: dict[int, str]) -> dict[int, str]:
        asked = {}
        for pid, path in files.items():
            if platform.STACK_SIGNAL and os.path.exists(path) and platform.send_signal(pid, platform.STACK_SIGNAL):
                asked[pid] = path
        until = time.monotonic() + _STACKS_WITHIN
        missing = set(asked)
        while missing and time.monotonic() < until:
            time.sleep(0.005)
            missing = {pid for pid in missing if not _is_complete(asked[pid])}
        return {pid: _read(path) for pid, path in asked.items()}

    def close(self) -> None:
        """Close the files."""
        self._drain.close()


def _is_complete(path: str) -> bool:
    # faulthandler writes thread by thread, the main thread ("Current thread" or the oldest) among the last.
    return "most recent call first" in _read(path)


def _read(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read(_MOST_STACK)
    return ""
