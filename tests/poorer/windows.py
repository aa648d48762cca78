"""Runs the command in a Python that has no more than that of Windows has: `python windows.py ARGUMENT…`.

What Windows lacks is taken away after the standard library is imported: its modules are those of this system, and would
not work with less. So what is tried here is the product and the libraries that it leans on. That paths have
backslashes, and files are locked while they are open, is not.

Sources: "Availability" in Python's documentation of os, signal, select, socket, mmap, time and faulthandler.
"""

from __future__ import annotations

import asyncio
import enum
import faulthandler
import importlib.abc
import importlib.metadata
import importlib.resources
import logging.handlers
import mmap
import multiprocessing.connection
import multiprocessing.context
import multiprocessing.managers
import multiprocessing.popen_spawn_posix
import multiprocessing.shared_memory
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from types import ModuleType
from typing import Any

__all__ = ["asyncio", "importlib", "logging", "multiprocessing", "pathlib", "shutil", "subprocess", "tempfile"]

MODULES = ("_posixshmem", "_posixsubprocess", "curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "termios")
MISSING: dict[ModuleType, str] = {
    os: "O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC PRIO_PROCESS P_ALL P_PGID P_PID P_PIDFD "
    "WCONTINUED WEXITED WNOHANG WNOWAIT WSTOPPED WUNTRACED chown confstr ctermid eventfd fchdir fchmod fchown fork "
    "forkpty getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getsid getuid initgroups killpg "
    "lchown lockf major memfd_create minor mkfifo mknod nice openpty pidfd_open pipe2 posix_fadvise posix_fallocate "
    "posix_spawn posix_spawnp pread preadv pwrite pwritev readv register_at_fork sched_getaffinity sched_setaffinity "
    "sched_yield sendfile setegid seteuid setgid setgroups setpgid setpgrp setpriority setsid setuid splice statvfs "
    "sync sysconf tcgetpgrp tcsetpgrp umount uname unshare wait wait3 wait4 waitid writev",
    signal: "ITIMER_PROF ITIMER_REAL ITIMER_VIRTUAL SIG_BLOCK SIG_SETMASK SIG_UNBLOCK alarm getitimer pause "
    "pidfd_send_signal pthread_kill pthread_sigmask setitimer sigpending siginterrupt sigtimedwait sigwait sigwaitinfo",
    select: "epoll poll",
    faulthandler: "register unregister",
    socket: "AF_NETLINK AF_UNIX SCM_RIGHTS SO_PEERCRED",
    mmap: "MAP_ANONYMOUS MAP_PRIVATE MAP_SHARED PROT_READ PROT_WRITE",
    time: "CLOCK_BOOTTIME CLOCK_MONOTONIC CLOCK_REALTIME clock_gettime clock_gettime_ns pthread_getcpuclockid",
}
SIGNALS = ("SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM")


class _NotThere(importlib.abc.MetaPathFinder):
    """Finds no module that Windows has not."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname in MODULES:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def become_poor() -> None:
    """Take away what Windows does not have."""
    uuid.uuid4()  # which finds out now what the system has
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _NotThere())
    there = enum.IntEnum("Signals", {name: int(getattr(signal, name)) for name in SIGNALS})  # type: ignore[misc]
    others = [name for name in signal.Signals.__members__ if name not in SIGNALS]
    signal.Signals = there  # type: ignore[misc,assignment]
    for module, names in MISSING.items():
        for name in [*names.split(), *(others if module is signal else [])]:
            if hasattr(module, name):
                delattr(module, name)
    sys.platform = "win32"


if __name__ == "__main__":
    become_poor()
    from run_scenario.cli import main

    raise SystemExit(main())
