"""Makes every Python that finds this on its PYTHONPATH as poor as one on macOS: in all processes of a run.

Taken away is what Python's documentation says is not on macOS. What the kernel would refuse (prctl) is for a filter,
and /proc for a mount. A kqueue is imitated, as far as it tells the end of a process.

Sources: "Availability" in Python's documentation of os, signal, select, socket, resource and time; "qsize" in that of
multiprocessing; kqueue(2).
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]  # what multiprocessing itself is made of
import os
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))
from poorer import kqueue

_bind = socket.socket.bind
_LONGEST = 104
"""Bytes of a socket's path, with a zero at its end (unix(4) of macOS)."""

MISSING: dict[Any, str] = {
    os: "confstr eventfd memfd_create pidfd_open pipe2 posix_fadvise posix_fallocate sched_getaffinity "
    "sched_setaffinity setns splice unshare waitid copy_file_range getrandom preadv2 pwritev2",
    select: "epoll",
    signal: "SIGRTMAX SIGRTMIN pidfd_send_signal sigtimedwait sigwaitinfo SIGPWR SIGSTKFLT SIGPOLL",
    socket: "AF_NETLINK SO_PEERCRED",
    resource: "RUSAGE_THREAD RLIMIT_SIGPENDING prlimit",
    time: "CLOCK_BOOTTIME pthread_getcpuclockid",
}


class SemLock(_multiprocessing.SemLock):  # type: ignore[misc, no-any-unimported]
    """A semaphore that does not say how many there are."""

    def _get_value(self) -> int:
        raise NotImplementedError


class _Socket(socket.socket):
    """A socket whose path has to be short."""

    def bind(self, address: Any) -> None:
        if self.family == socket.AF_UNIX:
            assert not isinstance(address, str) or not address.startswith("\0"), "no abstract sockets here"
            if len(os.fsencode(address)) >= _LONGEST:
                raise OSError("AF_UNIX path too long")
        _bind(self, address)


def become_poor() -> None:
    """Take away what macOS does not have, and imitate what it has instead."""
    for module, names in MISSING.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    for name, value in kqueue.NAMES.items():
        setattr(select, name, value)
    _multiprocessing.SemLock = SemLock
    socket.socket = _Socket  # type: ignore[misc]
    sys.platform = "darwin"


become_poor()
