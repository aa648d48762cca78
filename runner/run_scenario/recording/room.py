"""Whether there is room for records: when it ended for the first process of a run, the recording ends for all.

From then on the records of one process would be there and those of another not, and what seems to be missing would
prove nothing. So that moment is noted in the run's folder, where every process looks before it takes more room, and the
log ends there. It is a symbolic link that leads nowhere: it needs neither space nor a file descriptor.
"""

from __future__ import annotations

import contextlib
import errno
import os
from time import monotonic_ns
from typing import NamedTuple

_FULL = "full"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_SUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_BLOCK = 4096
"""Bytes that a file system takes at least for what is written."""
_MARGIN_NS = 10_000_000
"""By so much the moment is put earlier: the record for which there was no room is older than this finding."""


class End(NamedTuple):
    """When and why a recording has ended."""

    t: int
    """By the monotonic clock, in ns."""
    errno: int
    """What the system said; 0: nothing, it was larger than it may be."""

    def reason(self, folder: str) -> str:
        """Return why, in words."""
        if not self.errno:
            return f"what is recorded in {folder} has grown too large, faster than the log could be written"
        hint = "; set TMPDIR to another folder" if self.errno in _NO_SPACE else ""
        return f"there is no room for more records in {folder}: {os.strerror(self.errno).lower()}{hint}"


def note_end(folder: str, number: int) -> None:
    """Note that there is no room from now on, for whatever reason; only the first time counts."""
    if not folder:  # a block has just ended
        return
    with contextlib.suppress(OSError):
        os.symlink(f"{monotonic_ns() - _MARGIN_NS}:{number}", f"{folder}/{_FULL}")


def find_end(folder: str) -> End | None:
    """Return when the recording has ended; None: it goes on."""
    try:
        t, _, number = os.readlink(f"{folder}/{_FULL}").partition(":")
        return End(int(t), int(number))
    except (OSError, ValueError):
        return None


def take(descriptor: int, size: int) -> None:
    """Take the space of a new file now: a full disk must be an error here, not a SIGBUS at some later store.

    Not everywhere is there a posix_fallocate(): not on macOS, and with musl as C library only where the file system has
    it. Elsewhere glibc writes into each block, and so does this.

    Raises:
        OSError: there is no room.
    """
    try:
        os.posix_fallocate(descriptor, 0, size)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NOT_SUPPORTED:
            raise
        os.ftruncate(descriptor, size)
        for block in range(0, size, _BLOCK):
            os.pwrite(descriptor, b"\0", block)


def check_room(folder: str) -> None:
    """Check that more room may be taken.

    Raises:
        OSError: the recording has ended.
    """
    if os.path.lexists(f"{folder}/{_FULL}"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)
