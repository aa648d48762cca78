"""What a run has left whose supervisor and runner were killed in the same instant: nobody was there to clear up.

The same is left of a recorded block whose program was killed.

Only what is surely the run's own is found, and removed: its folders, which no other user can write to; processes that
write their output into these; semaphores and shared memory that are called after it.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import stat
from collections.abc import Iterator

from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.recording.segment_reader import SegmentReader
from run_scenario.runtime.platform import system
from run_scenario.runtime.run_folder import PREFIX, is_held, places, remove_folder
from run_scenario.runtime.run_request import semaphore_prefix
from run_scenario.runtime.supervisor.supervisor import SEGMENT_NAME
from run_scenario.values import Value

_OF_A_RUN = re.compile(rf"{PREFIX}(?P<run>[0-9a-f]{{12}})")
_WITHIN_MS = 5_000
"""How long a process that was killed has to end."""


class Leftover(Value):
    """What is left of one run."""

    run: str
    folders: tuple[str, ...]
    processes: tuple[tuple[int, int], ...]
    """Process id, and when it began (see `system.ProcessStat`)."""
    names: tuple[str, ...]
    """Semaphores and shared memory, as they are called in /dev/shm."""


def leftovers() -> list[Leftover]:
    """Return what is left of runs that nobody looks after any more, in the order of their ids."""
    folders: dict[str, list[str]] = {}
    for place in places():
        with contextlib.suppress(OSError):
            for name in os.listdir(place):
                folder = os.path.join(place, name)
                if (match := _OF_A_RUN.fullmatch(name)) and _is_own(folder):
                    folders.setdefault(match["run"], []).append(folder)
    return [_left(run, found) for run, found in sorted(folders.items()) if any(map(_is_deserted, found))]


def remove(left: Leftover) -> list[int]:
    """End the processes and remove the rest; return the ids of those that do not end."""
    for pid, began in left.processes:
        system.send_signal(pid, signal.SIGKILL, began)
    stuck = [pid for pid, _ in left.processes if not _ends(pid)]
    system.remove_semaphores(semaphore_prefix(left.run))
    for folder in left.folders:
        remove_folder(folder)
    return stuck


def _is_own(folder: str) -> bool:
    with contextlib.suppress(OSError):
        status = os.lstat(folder)
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return False


def _is_deserted(folder: str) -> bool:
    """Tell whether a run, or a block, has been recorded in a folder that nobody looks after any more."""
    return any(segment.name in (SEGMENT_NAME, MAIN_NAME) for segment in _segments(folder)) and not is_held(folder)


def _segments(folder: str) -> Iterator[SegmentReader]:
    names = []
    with contextlib.suppress(OSError):  # it is removed just now
        names = [name for name in os.listdir(folder) if name.endswith(".0")]
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            segment = SegmentReader(os.path.join(folder, name), discard=lambda path: None)
            segment.close()
            yield segment


def _left(run: str, folders: list[str]) -> Leftover:
    processes = []
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if os.path.isdir("/proc") else ():
        began = system.process_stat(pid)
        if began and not began.is_over and any(system.leads_into(folder, pid) for folder in folders):
            processes.append((pid, began.started))
    names = system.shared_names(semaphore_prefix(run))
    return Leftover(run, tuple(folders), tuple(processes), tuple(names))


def _ends(pid: int) -> bool:
    descriptor = system.open_pidfd(pid)
    if descriptor is None:
        return not system.is_running(pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        return bool(ended.poll(_WITHIN_MS))
    finally:
        os.close(descriptor)
