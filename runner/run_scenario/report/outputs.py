"""Where lines go: standard output, or a log file that may have been cut off in the middle of a line."""

from __future__ import annotations

import contextlib
import json
import os
import select
from pathlib import Path
from typing import Self

from run_scenario.errors import MachineryError, reason_of
from run_scenario.ownership import open_to_write

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
            # To be healed, a file must be read too. A pipe must not: opened for both, it would not wait for its reader.
            access = os.O_RDWR if _is_readable_file(path) else os.O_WRONLY
            descriptor = open_to_write(path, access | os.O_APPEND)
        except OSError as error:
            raise cannot_write(path, error) from None
        try:
            if access == os.O_RDWR:
                heal(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise cannot_write(path, error) from None
        output = cls(descriptor, path)
        output._owned = True
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
                self._cut_off(data[: len(data) - len(rest)])
                raise cannot_write(self._name, error) from None
            rest = rest[written:]

    def _cut_off(self, written: bytes) -> None:
        """Remove the half line at the end of what was written before a failure, where it went to the end of a file."""
        torn = len(written) - (written.rfind(b"\n") + 1)
        with contextlib.suppress(OSError):
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)  # fails for what is no file
            if torn and end == os.fstat(self._descriptor).st_size:
                os.ftruncate(self._descriptor, end - torn)
                os.lseek(self._descriptor, end - torn, os.SEEK_SET)

    def close(self) -> None:
        """Close the file, if it was opened here.

        Raises:
            MachineryError: what was written did not reach the file (a network file system reports that only now).
        """
        if self._owned:
            self._owned = False
            try:
                os.close(self._descriptor)
            except OSError as error:
                raise cannot_write(self._name, error) from None


def cannot_write(name: str, error: OSError) -> MachineryError:
    """Return the error that names what could not be written, and why."""
    return MachineryError(f"cannot write the log to {name}: {reason_of(error)}")


def heal(descriptor: int) -> None:
    """Make the file end at the end of a line: half a record is cut off, a whole one gets its newline.

    A writer that was killed, or a disk that was full, leaves half a record; the next one would be glued to it, and
    both be lost. Only what begins like a JSON object and is none is removed.
    """
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _LONGEST_TAIL, max(0, size - _LONGEST_TAIL))
    line = tail[tail.rfind(b"\n") + 1 :]
    if not line:
        return
    if line.startswith(b"{") and not _is_json(line):
        os.ftruncate(descriptor, size - len(line))
    else:
        os.write(descriptor, b"\n")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_readable_file(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.R_OK)
