"""The folder of a run: segments and output files, each with a name of ours, none of them nested; and its sockets.

The path of a socket has at most 107 characters (unix(7)), on macOS 103. Where TMPDIR is too long for that, sockets lie
in a folder of their own, which has the same name in another place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from run_scenario.errors import MachineryError
from run_scenario.runtime.platform import system

PREFIX = "run-scenario-"
"""What the name of a run's folder begins with, before the run's id."""
STOPPED = "stopped"
"""A file that is in the folder as soon as the run is being stopped."""
_BLOCK = "block-"
"""What the name of a file begins with in which a block of shared memory is noted."""
_LEAST_INODES = 16
"""Supervisor and main program have some ten files; that others find no room is noticed where they record."""
_LONGEST_FOR_SOCKETS = 84
"""Bytes of a folder's path; multiprocessing's names for sockets have some twenty."""


_IN_MEMORY = "/dev/shm"
"""A file system that is no disk: what is there for a moment costs a tenth there."""
_LEAST_IN_MEMORY = 256 << 20
"""Bytes that are to be free there: the run needs room for its own shared memory, too."""


def folder_for(run: str, *, in_memory: bool = False) -> str:
    """Return the absolute path of the folder that a run will have; it is not made yet.

    If it is to be in memory, it is where there is room for that, and TMPDIR names no other place.

    Raises:
        MachineryError: there is nowhere to make it, or no more files can be made there.
    """
    for folder in _possible(run, [*_memory(), *bases()] if in_memory else bases()):
        if not _has_inodes(os.path.dirname(folder)):
            raise MachineryError(
                f"there are too few inodes left in {os.path.dirname(folder)} for what a run records (df -i): remove "
                "files there, or set TMPDIR to another folder"
            )
        return folder
    raise MachineryError("cannot make a temporary folder: set TMPDIR to a folder that can be written to")


def _memory() -> list[str]:
    if os.environ.get("TMPDIR") or not os.path.isdir(_IN_MEMORY):
        return []
    found = os.statvfs(_IN_MEMORY)
    return [_IN_MEMORY] if found.f_bavail * found.f_frsize >= _LEAST_IN_MEMORY else []


def _has_inodes(folder: str) -> bool:
    found = os.statvfs(folder)
    return not found.f_files or found.f_favail >= _LEAST_INODES  # no number of files: there is no such limit


def sockets_for(run: str, own: str = "") -> str:
    """Return the absolute path of the folder that a run's sockets will lie in, where possible the run's own folder.

    It is not made yet; empty: there is nowhere to make it. `own` is the run's, if it is in memory.
    """
    for folder in (*([own] if own else []), *_possible(run, _for_sockets())):
        if len(os.fsencode(folder)) <= _LONGEST_FOR_SOCKETS:
            return folder
    return ""


def _possible(run: str, bases: list[str]) -> Iterator[str]:
    for base in bases:
        if os.access(base, os.W_OK | os.X_OK):
            yield os.path.join(base, f"{PREFIX}{run}")


def bases() -> list[str]:
    """Return the folders in which that of a run may be, the one that is tried first at the runner."""
    return _folders(os.environ.get("TMPDIR"), "/tmp", "/var/tmp")


def places() -> list[str]:
    """Return the folders in which a run may have something."""
    return [*_for_sockets(), *_folders(_IN_MEMORY)]


def _for_sockets() -> list[str]:
    """Return the folders in which a run's sockets may lie; the last may vanish when its user logs out."""
    return [*bases(), *_folders(os.environ.get("XDG_RUNTIME_DIR"))]


def _folders(*paths: str | None) -> list[str]:
    return list(dict.fromkeys(os.path.abspath(path) for path in paths if path and os.path.isdir(path)))


def make_for_sockets(sockets: str, folder: str) -> str:
    """Make the folder for sockets, unless it is the run's; return its path, empty if it could not be made."""
    if sockets and sockets != folder:
        try:
            os.mkdir(sockets, 0o700)  # which fails if anybody else has made it: where it lies, everybody may write
        except OSError:
            return ""
    return sockets


def hold(folder: str) -> int:
    """Show, until the descriptor is closed that this returns, that somebody looks after a run's folder.

    Raises:
        OSError: the folder is not there, or out of descriptors.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    system.lock(descriptor, shared=True)  # a file system without locks: it is never taken for deserted, see `is_held`
    return descriptor


def is_held(folder: str) -> bool:
    """Return whether anybody looks after a run's folder, in whatever container; True if that is not known."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return not system.lock(descriptor, shared=False)
    finally:
        os.close(descriptor)


def remove_sockets(sockets: str) -> None:
    """Remove the folder for sockets, unless it is somebody else's: then it was not made, but found there."""
    with contextlib.suppress(OSError):
        if os.lstat(sockets).st_uid == os.geteuid():
            remove_folder(sockets)


class Block(NamedTuple):
    """A block of shared memory that own code has made."""

    number: int
    """By which records name it."""
    file: str
    """Which file it is (see `cpython.memory_file`)."""
    name: str


def note_block(folder: str, file: str, number: int, name: str) -> None:
    """Note which block of shared memory has a number.

    Raises:
        OSError: there is no room, or the folder is gone.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(f"{folder}/{_BLOCK}{file}", flags, 0o600)
    try:
        os.write(descriptor, f"{number} ".encode() + os.fsencode(name))
    finally:
        os.close(descriptor)


def number_of_block(folder: str, file: str) -> int | None:
    """Return the number of a block; None if it has none (yet)."""
    found = _block(folder, file)
    return None if found is None else found.number


def blocks(folder: str) -> list[Block]:
    """Return all that were noted."""
    try:
        files = [name.removeprefix(_BLOCK) for name in os.listdir(folder) if name.startswith(_BLOCK)]
    except OSError:
        return []
    return [block for file in sorted(files) if (block := _block(folder, file)) is not None]


def _block(folder: str, file: str) -> Block | None:
    with contextlib.suppress(OSError, ValueError), open(f"{folder}/{_BLOCK}{file}", "rb") as noted:
        number, _, name = noted.read().partition(b" ")
        return Block(int(number), file, os.fsdecode(name))
    return None


def remove_folder(folder: str) -> None:
    """Remove a run's folder with all in it, following no links; what cannot be removed is left without an error."""
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        remove_folder(entry.path)
                    else:
                        os.unlink(entry.path)
        os.rmdir(folder)
