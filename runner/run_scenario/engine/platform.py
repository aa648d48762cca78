"""Everything that differs between operating systems: process trees, exits, threads, parent and child.

Linux is served fully. Where something does not exist the functions here answer "not known" (None, an empty list,
False), and whoever asks promises less; see docs/platforms.md.
"""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import sys
import threading

from run_scenario.values import Value

IS_LINUX = sys.platform.startswith("linux")

STACK_SIGNAL = int(signal.SIGRTMAX) - 1 if hasattr(signal, "SIGRTMAX") else 0
"""Asks a process to write down its Python stacks; a real-time signal that nothing else uses. 0: there is none."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Usage(Value):
    """What a process has used: seconds of CPU, bytes, context switches; None where it is not known."""

    cpu_user: float | None = None
    cpu_system: float | None = None
    max_rss: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None

    def packed(self) -> list[float | int | None]:
        """Return the fields in order, for a record."""
        return [self.cpu_user, self.cpu_system, self.max_rss, self.voluntary_switches, self.involuntary_switches]

    @classmethod
    def of_rusage(cls, usage: object) -> Usage:
        """Take it from what `os.wait4` returned (getrusage(2): ru_maxrss counts kilobytes on Linux, bytes on macOS)."""
        get = usage.__getattribute__
        unit = 1 if sys.platform == "darwin" else 1024
        return cls(get("ru_utime"), get("ru_stime"), get("ru_maxrss") * unit, get("ru_nvcsw"), get("ru_nivcsw"))


class ProcessStat(Value):
    """A process as /proc/PID/stat tells it; `exitcode` is known only while it is a zombie."""

    state: str
    ppid: int
    started: int
    exitcode: int | None
    cpu_user: float
    cpu_system: float


def _prctl(option: int, value: int) -> bool:
    import ctypes  # costs 10 ms: the guard and the front pay it while others are busy

    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def become_subreaper() -> bool:
    """Make orphaned descendants children of this process; return whether that works here (prctl(2), Linux)."""
    return IS_LINUX and _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """Have the kernel kill this process when the thread that forked it ends; return whether that works here."""
    return IS_LINUX and _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def yield_to_others() -> bool:
    """Give the calling thread the lowest priority; return whether that works here.

    On Linux each thread has a nice value of its own (setpriority(2)); elsewhere it is the whole process's.
    """
    if not IS_LINUX:
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    except OSError:
        return False
    return True


def open_pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends, or None where there is none."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def process_stat(pid: int) -> ProcessStat | None:
    """Return what /proc knows of the process, or None if it is gone (or there is no /proc)."""
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return None
    fields = text.rpartition(")")[2].split()
    try:
        exitcode = None
        if fields[0] in "ZX" and len(fields) > 49:
            exitcode = os.waitstatus_to_exitcode(int(fields[49]))
        user, system = int(fields[11]) / _TICKS, int(fields[12]) / _TICKS
        return ProcessStat(fields[0], int(fields[1]), int(fields[19]), exitcode, user, system)
    except (ValueError, IndexError):
        return None


def context_switches(pid: int, thread: int | None = None) -> tuple[int, int] | None:
    """Return voluntary and involuntary context switches of a process's main thread, or of the thread named."""
    path = f"/proc/{pid}/status" if thread is None else f"/proc/{pid}/task/{thread}/status"
    text = _read(path)
    found = [int(line.split()[1]) for line in text.splitlines() if "voluntary_ctxt_switches" in line]
    return (found[0], found[1]) if len(found) == 2 else None


def threads(pid: int) -> list[tuple[int, str]]:
    """Return native id and state (R, S, D, T, Z…) of each thread of a process."""
    try:
        names = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found = []
    for name in names:
        state = _read(f"/proc/{pid}/task/{name}/stat").rpartition(")")[2].split()[:1]
        found.append((int(name), state[0] if state else "Z"))
    return found


def children(pid: int) -> list[int]:
    """Return the process ids of the living and zombie children of a process."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        found += [int(word) for word in _read(f"/proc/{pid}/task/{task}/children").split()]
    return found


def descendants(pid: int) -> list[int]:
    """Return all processes below `pid`, parents before children."""
    found: list[int] = []
    queue = [pid]
    while queue:
        below = children(queue.pop())
        found += below
        queue += below
    return found


def command_of(pid: int) -> str:
    """Return a short name of what the process runs, or an empty text."""
    return _read(f"/proc/{pid}/comm").strip()


def send_signal(pid: int, number: int) -> bool:
    """Send a signal; return whether the process was there to get it."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def remove_semaphores(prefix: str) -> list[str]:
    """Remove named semaphores whose name begins with `prefix` (as in SemLock: `/mp…`); return the names removed.

    glibc keeps the semaphore `/NAME` as the file /dev/shm/sem.NAME (sem_overview(7)).
    """
    removed = []
    for path in glob.glob(f"/dev/shm/sem.{glob.escape(prefix.lstrip('/'))}*") if IS_LINUX else []:
        with contextlib.suppress(OSError):
            os.unlink(path)
            removed.append(os.path.basename(path))
    return sorted(removed)


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 65536).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
