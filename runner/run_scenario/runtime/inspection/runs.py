"""Which run of run-scenario a process belongs to, and where its log is: by what the run's processes have open.

runner       holds the run's folder, and has the log open
 └ supervisor, main program, and those of its processes that record     have mapped a segment in the folder
    └ other programs, and processes that have not yet recorded          are below one of these
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from run_scenario.runtime.platform import system
from run_scenario.runtime.run_folder import PREFIX

_FOLDER = re.compile(rf"(/.*/{PREFIX}([0-9a-f]{{12}}))")
_SEGMENT = re.compile(rf"(?m) {_FOLDER.pattern}/[^/\n]+\.0$")
"""The first file of a segment, as it is mapped; when the run is over, it is called deleted."""
_LOOKED_AT = 1 << 16
"""Bytes at either end of a file in which the id of a run is looked for: each event of a log has it."""


def run_of(pid: int, parents: Mapping[int, int]) -> dict[str, Any]:
    """Return `run`, `folder` and `logs` as `Program` has them; nothing if the process belongs to no run.

    `parents` are those of all processes.
    """
    line = list(_line(pid, parents))
    found = _recorded_in(pid) or _run_by(pid) or next(filter(None, map(_recorded_in, line)), None)
    if found is None:
        return {}
    folder, run = found[1], found[2]
    holders = [each for each in line if folder in _open_files(each)]
    logs = {path for each in holders for path in _open_files(each) if _is_log(path, run)}
    return {"run": run, "folder": folder, "logs": tuple(sorted(logs))}


def _line(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    """Yield a process, its parent, the parent of that, and so on."""
    seen = set()
    while pid and pid not in seen:
        seen.add(pid)
        yield pid
        pid = parents.get(pid, 0)


def _recorded_in(pid: int) -> re.Match[str] | None:
    return _SEGMENT.search(system.read_file(f"/proc/{pid}/maps"))


def _run_by(pid: int) -> re.Match[str] | None:
    """Return the run whose runner a process is: what runs it may be a program that is recorded itself."""
    held = {match[1]: match for path in _open_files(pid) if (match := _FOLDER.fullmatch(path))}
    return next(iter(held.values())) if len(held) == 1 else None  # it may run several scenarios at once


def _open_files(pid: int) -> set[str]:
    folder, found = f"/proc/{pid}/fd", set()
    with contextlib.suppress(OSError):  # it belongs to somebody else
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):  # it has just closed this one
                found.add(os.readlink(f"{folder}/{name}"))
    return found


def _is_log(path: str, run: str) -> bool:
    """Tell whether a path is that of a file with events of the run."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            begin = file.read(_LOOKED_AT)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOOKED_AT))
            return f'"{run}"'.encode() in begin + file.read()
    except OSError:
        return False
