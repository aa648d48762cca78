"""Which message of a queue is which: their stamps, kept beside the pipe, so that its bytes are the plain ones.

The n-th message written is the n-th read: each side has a lock that lets one in at a time. Whoever writes a message
stores the stamp of its item in the n-th place of a ring before, and whoever has read the n-th finds it there. The rings
of all queues of a run are in one file, which each process maps once.

    written | read | stamp, mark | stamp, mark | …      words of eight bytes, a ring for each queue

The mark, made of a message's bytes, shows whether it is the message that was read. Where somebody who is not
recorded has read some, those are passed over.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Callable
from typing import Any, cast
from zlib import crc32

from run_scenario.recording.recorder import recorder

PLACES = 8192
"""Messages that can be under way in a pipe: 64 KiB hold 8,192 of the shortest, which have eight bytes."""
_HEAD = 16
_PLACE = 16
_RING = _HEAD + _PLACE * PLACES
UNKNOWN = 0
"""Stands for the stamp of a message that was written by somebody who is not recorded."""
_MOST_MARKED = 4096
"""Bytes of a message from which its mark is made."""
_MOST_PASSED = 256
"""Messages that are looked through for the one that was read."""

_mapped: dict[str, memoryview] = {}
"""Path of the run's file of rings -> its words; a forked child inherits it."""


def _path(folder: str) -> str:
    return f"{folder}/rings"


def _words_of_all() -> memoryview:
    """Return the words of the run's file, or, where there is no run, of memory that only forked children share."""
    folder, queues, _ = recorder.run_ref
    path = _path(folder)
    if path not in _mapped:
        size = _RING * max(1, queues)
        if not folder:
            return memoryview(mmap.mmap(-1, size)).cast("q")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # what was recorded is over, and its folder gone; the queue goes on
            return memoryview(mmap.mmap(-1, _RING)).cast("q")
        try:
            _mapped.clear()  # a process is of one run at a time: the file of another one is let go
            os.ftruncate(descriptor, size)  # always the same: whoever comes second changes nothing
            _mapped[path] = memoryview(mmap.mmap(descriptor, size)).cast("q")
        finally:
            os.close(descriptor)
    return _mapped[path]


def _mark_of_long(data: Any) -> int:
    return crc32(data[:_MOST_MARKED], len(data))


class MessageNumbers:
    """The messages of one queue, by its position among the queues."""

    def __init__(self, queue: int) -> None:
        """Make room for the messages, or find the room that the process has made which made the queue.

        Raises:
            OSError: there is none.
        """
        words = _words_of_all()
        ring = _RING // 8
        first = queue * ring if len(words) >= (queue + 1) * ring else 0
        if (path := _path(recorder.run_ref.folder)) in _mapped and hasattr(os, "posix_fallocate"):
            # The space is taken now: a full disk must be an error here, not a SIGBUS at some later store.
            with contextlib.suppress(FileNotFoundError):  # gone just now
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    os.posix_fallocate(descriptor, first * 8, _RING)
                finally:
                    os.close(descriptor)
        self._words: Any = words[first : first + ring]
        # A checksum of what can have few values tells which it is: without payloads, the length has to do.
        marks = (crc32, _mark_of_long) if recorder.run_ref.payloads else (len, len)
        self._mark, self._mark_of_long = cast("tuple[Callable[[Any], int], Callable[[Any], int]]", marks)

    # The next and `read` are run for every item: each line of them costs.

    def write(self, stamp: int, data: Any) -> None:
        """Note which message comes next; the caller has the lock of the writers, and writes it after that."""
        words = self._words
        number = words[0]
        words[0] = number + 1
        at = 2 + 2 * (number % PLACES)
        words[at] = stamp
        words[at + 1] = self._mark(data) if len(data) <= _MOST_MARKED else self._mark_of_long(data)

    def take_back(self) -> None:
        """Note that it was not written."""
        self._words[0] -= 1

    def read(self, data: Any) -> int:
        """Return the stamp of the message that was just read; the caller has the lock of the readers.

        It is `UNKNOWN` if it was written by somebody who is not recorded.
        """
        words = self._words
        mark = self._mark(data) if len(data) <= _MOST_MARKED else self._mark_of_long(data)
        number = words[1]
        at = 2 + 2 * (number % PLACES)
        if words[at + 1] != mark or number >= words[0]:
            return self._find(number, mark)
        words[1] = number + 1
        stamp: int = words[at]
        return stamp

    def _find(self, first: int, mark: int) -> int:
        """Return the stamp of the next message, from one on, that has this mark."""
        words = self._words
        for number in range(first, min(words[0], first + _MOST_PASSED)):
            at = 2 + 2 * (number % PLACES)
            if words[at + 1] == mark:
                words[1] = number + 1
                stamp: int = words[at]
                return stamp
        return UNKNOWN
