"""Where lines go: standard output, or a log file that may have been cut off in the middle of a line."""

from __future__ import annotations

import errno
import json
import os
import select
import stat
from typing import Self

from run_scenario.errors import MachineryError

_LONGEST_TAIL = 1 << 20
"""How far back, in bytes, the end of a log is searched for the beginning of its last line."""


class Output:
    """A file descriptor that whole lines are written to, each batch with one call.

    Every failure to write, half a batch included, is an error: never silence.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._owned = False

    @classmethod
    def log(cls, path: str) -> Self:
        """Open a log file to append to it, its torn tail healed.

        Raises:
            MachineryError: it cannot be opened for writing.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.ENXIO, errno.ESPIPE, errno.EINVAL):
                raise cannot_write(path, error) from None
            descriptor = _open_write_only(path)  # a pipe, a terminal, or a file that may be written but not read
        output = cls(descriptor, path)
        output._owned = True
        try:
            heal(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise cannot_write(path, error) from None
        return output

    def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            BrokenPipeError: nobody reads it any more.
            MachineryError: it could not be written.
        """
        rest = memoryview(data)
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except BlockingIOError:  # somebody made the pipe that we share with them non-blocking
                select.select((), (self._descriptor,), ())
                continue
            except BrokenPipeError:
                raise
            except OSError as error:
                raise cannot_write(self._name, error) from None
            rest = rest[written:]

    def close(self) -> None:
        """Close the file, if it was opened here.

        Raises:
            MachineryError: what was written did not reach the file (a network file system tells it only now).
        """
        if self._owned:
            self._owned = False
            try:
                os.close(self._descriptor)
            except OSError as error:
                raise cannot_write(self._name, error) from None


def cannot_write(name: str, error: OSError) -> MachineryError:
    """Return the error that names what could not be written, and why."""
    reason = error.strerror or str(error)
    return MachineryError(f"cannot write the log to {name}: {reason[:1].lower()}{reason[1:]}")


def heal(descriptor: int) -> None:
    """Make the file end at the end of a line: half a record is cut off, a whole one gets its newline.

    A writer that was killed, or a disk that was full, leaves half a record; the next one would be glued to it, and
    both be lost. Only what begins like a JSON object and is none is removed.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
        return
    try:
        tail = os.pread(descriptor, _LONGEST_TAIL, max(0, status.st_size - _LONGEST_TAIL))
    except OSError:
        return  # it may be written but not read
    line = tail[tail.rfind(b"\n") + 1 :]
    if not line:
        return
    if line.startswith(b"{") and not _is_json(line):
        os.ftruncate(descriptor, status.st_size - len(line))
    else:
        os.write(descriptor, b"\n")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _open_write_only(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise cannot_write(path, error) from None
