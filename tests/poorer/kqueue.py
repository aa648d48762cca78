"""A kqueue as macOS and the BSDs have it, as far as it tells the end of a process, made of what Linux has.

Source: kqueue(2), EVFILT_PROC.
"""

from __future__ import annotations

import errno
import os
import select
from typing import NamedTuple

_pidfd_open = os.pidfd_open
_epoll = select.epoll
_PROCESS, _ADD, _EXIT = -5, 1, 1 << 31


class kevent(NamedTuple):  # noqa: N801  # as in `select`
    """What is asked of a kqueue: here, to tell of the end of a process."""

    ident: int
    filter: int
    flags: int
    fflags: int


class kqueue:  # noqa: N801  # as in `select`
    """A queue that becomes readable when a process in it ends."""

    def __init__(self) -> None:
        self._queue = _epoll()
        self._ends: list[int] = []

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._queue.fileno()

    def control(self, changes: list[kevent], most: int) -> list[kevent]:
        """Add processes to the queue.

        Raises:
            ProcessLookupError: one is not there, or has ended, as with the real one.
        """
        for change in changes:
            assert (_PROCESS, _ADD, _EXIT) == change[1:]
            end = _pidfd_open(change.ident)
            self._ends.append(end)
            self._queue.register(end, select.EPOLLIN)
            if self._queue.poll(0):
                raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return []

    def close(self) -> None:
        """Close it; a copy of the descriptor remains a queue."""
        # The ends stay open: a closed one would not be in the queue any more. A real queue needs no such descriptors.
        self._queue.close()


NAMES = {"KQ_FILTER_PROC": _PROCESS, "KQ_EV_ADD": _ADD, "KQ_NOTE_EXIT": _EXIT, "kqueue": kqueue, "kevent": kevent}
"""What `select` has there."""
