"""Files of segments that have been read, kept for a while: whoever has read them may be killed before he has told."""

from __future__ import annotations

import os
from collections import deque

from run_scenario.record.reader import remove

_LEAST_FREE = 256 * 1024 * 1024
"""Bytes that are left to the run itself on the disk."""


class Shelf:
    """Keeps the files that were put there last, up to so many bytes, as long as the disk has room for all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._files: deque[tuple[str, int]] = deque()

    def put(self, path: str) -> None:
        """Take a file that has been read."""
        try:
            size = os.stat(path).st_size
            self._files.append((path, size))
            self._size += size
            disk = os.statvfs(path) if self._most else None
        except OSError:
            return
        most = self._most if disk is not None and disk.f_bavail * disk.f_frsize > _LEAST_FREE else 0
        while self._size > most:
            oldest, size = self._files.popleft()
            self._size -= size
            remove(oldest)
