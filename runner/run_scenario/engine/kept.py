"""Recordings of runs whose front was killed: kept by the guard, found and told by `run-scenario recover`.

    $TMPDIR/run-scenario-kept-RUN/     private to the user; the newest few alone
        PID-….0, PID-….f1, …           the segments of its processes, and the files of their output
        program                        what was run, and when it began

A folder is only ever taken for one if it is the user's own and nobody else may write there, and what is unpickled of it
can name nothing but the package's own values.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import stat
import time
from typing import Any

from run_scenario.engine.folder import bases, remove_folder
from run_scenario.engine.program import Program
from run_scenario.errors import UsageError
from run_scenario.values import Value

MOST = 5
"""Recordings that are kept at most; the oldest ones go."""
MOST_BYTES = 256 * 1024 * 1024
"""What all of them may take together."""
_PREFIX = "run-scenario-kept-"
_PROGRAM = "program"
_LARGEST_PROGRAM = 64 * 1024 * 1024


class Kept(Value):
    """One recording."""

    run: str
    folder: str
    ended: float
    """When it was kept, in seconds since the epoch."""
    size: int
    """Bytes on disk."""


class Recording(Value):
    """What is needed to tell a recording: the program, the guard's process id, and when all was over (monotonic ns)."""

    program: Program
    guard_pid: int
    ended: int


def keep(program: Program) -> None:
    """Keep the folder of a run that is over and whose front is dead; remove what there is too much of."""
    folder = program.folder
    try:
        recording = Recording(program, os.getpid(), time.monotonic_ns())
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(os.path.join(folder, _PROGRAM), flags, 0o600)
        with open(descriptor, "wb") as file:
            pickle.dump(recording, file)
        os.chmod(folder, 0o700)
        os.rename(folder, os.path.join(os.path.dirname(folder), f"{_PREFIX}{program.run}"))
    except OSError:  # the disk is full, or a target has removed it
        remove_folder(folder)
    _remove_too_many(os.path.dirname(folder))


def _remove_too_many(base: str) -> None:
    room = MOST_BYTES
    for number, kept in enumerate(_in(base)):
        room -= kept.size
        if number >= MOST or (room < 0 and number > 0):  # the newest, however large, is what somebody will ask for
            remove_folder(kept.folder)


def recordings() -> list[Kept]:
    """Return what has been kept, the newest first."""
    found = {kept.folder: kept for base in bases() for kept in _in(base)}
    return sorted(found.values(), key=lambda kept: kept.ended, reverse=True)


def _in(base: str) -> list[Kept]:
    found = []
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _is_own(entry.path):
                size = sum(_size(file) for file in os.scandir(entry.path))
                ended = os.stat(os.path.join(entry.path, _PROGRAM)).st_mtime
                found.append(Kept(entry.name.removeprefix(_PREFIX), entry.path, ended, size))
    return sorted(found, key=lambda kept: kept.ended, reverse=True)


def _size(entry: os.DirEntry[str]) -> int:
    return entry.stat(follow_symlinks=False).st_blocks * 512


def _is_own(folder: str) -> bool:
    """Tell whether a folder belongs to this user and to nobody else: temporary folders are open to all."""
    try:
        status, program = os.lstat(folder), os.lstat(os.path.join(folder, _PROGRAM))
    except OSError:
        return False
    private = not stat.S_IMODE(status.st_mode) & 0o077
    own = status.st_uid == program.st_uid == os.geteuid()
    return own and private and stat.S_ISDIR(status.st_mode) and stat.S_ISREG(program.st_mode)


class _OnlyValues(pickle.Unpickler):
    """Makes values of this package and nothing else: what a target has written there cannot call anything."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("builtins", "frozenset"), ("builtins", "set"), ("builtins", "complex")):
            return super().find_class(module, name)
        if module.startswith("run_scenario.") and name.isidentifier():
            found = super().find_class(module, name)
            if isinstance(found, type) and issubclass(found, Value):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value of a program")


def read(kept: Kept) -> Recording:
    """Return what a kept folder says of its run.

    Raises:
        UsageError: that cannot be read.
    """
    try:
        with open(os.path.join(kept.folder, _PROGRAM), "rb") as file:
            found = _OnlyValues(io.BytesIO(file.read(_LARGEST_PROGRAM))).load()
        if isinstance(found, Recording):
            return found
        why = "it is something else"
    except Exception as error:
        why = str(error)
    raise UsageError(f"the recording in {kept.folder} cannot be read: {why}; another version may have made it")
