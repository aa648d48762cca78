"""Everything that differs between operating systems: process trees, exits, threads, parent and child.

Linux is served fully. Where something does not exist the functions here answer "not known" (None, an empty list,
False), and whoever asks promises less; see docs/reference/platforms.md. What a sleeping thread waits for, for sure, is
asked in `sleeping_threads`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from run_scenario.recording.pid_exists import pid_exists
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.scenario.model import StartMethod

IS_LINUX = sys.platform.startswith("linux")

STACK_SIGNAL = int(signal.SIGRTMAX) - 1 if hasattr(signal, "SIGRTMAX") else 0
"""Asks a process to write down its Python stacks; a real-time signal that nothing else uses. 0: there is none."""

_MOST_DESCRIPTORS = 65_536
_LOW = 5
"""The nice value of a thread that yields to others."""

_PF_EXITING = 0x4
_PF_FORKNOEXEC = 0x40
_PF_KTHREAD = 0x00200000
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SPLICE_F_NONBLOCK = 2
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class ProcessStat(Value):
    """A process as /proc/PID/stat describes it; `exitcode` is known only while it is a zombie."""

    state: str
    ppid: int
    started: int
    exitcode: int | None
    cpu_user: float
    cpu_system: float
    threads: int = 1
    session: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it can be waited for, or has been: a zombie whose threads still run keeps its children."""
        return self.state in "ZX" and self.threads <= 1


def default_start_method() -> StartMethod:
    """Return how multiprocessing starts processes where nobody names a start method.

    The runner asks its supervisor instead, which needs multiprocessing in any case.
    """
    import multiprocessing

    return cast("StartMethod", multiprocessing.get_all_start_methods()[0])  # the default, says the documentation


def system_name() -> str:
    """Return system, release, machine and C library, in the form of `platform.platform()`.

    That one starts a process, `uname -p`, and reads the interpreter's executable.
    """
    try:
        system, _, release, _, machine = os.uname()
        library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, AttributeError, ValueError):
        import platform

        return platform.platform()
    return "-".join([system, release, machine, *(["with", library.replace(" ", "")] if library else [])])


def _prctl(option: int, value: int) -> bool:
    import ctypes  # costs 10 ms: the supervisor and the runner pay it while others are busy

    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError, TypeError):  # there is no such call, or no C library without a name
        return False


def become_subreaper() -> bool:
    """Make orphaned descendants children of this process; return whether that works here (prctl(2), Linux)."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: int) -> bool:
    """Have a signal sent to this process when the thread that forked it ends; return whether that works here."""
    return _prctl(_PR_SET_PDEATHSIG, number)


def lock(descriptor: int, *, shared: bool) -> bool:
    """Lock an open file or folder until it is closed; return whether that works here, and now (flock(2)).

    A shared lock is waited for; one of its own is had at once or not at all.
    """
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def signal_thread(pid: int, thread: int, number: int) -> bool:
    """Send a signal to one thread of a process; return whether it was there to get it (tgkill(2), Linux)."""
    import ctypes

    send = getattr(ctypes.CDLL(None), "tgkill", None)  # glibc has it from 2.30 on
    if send is not None:
        return bool(send(pid, thread, number) == 0)
    # A signal for the whole process is handled by its main thread, unless that one blocks it.
    return thread == pid and send_signal(pid, number)


def yield_to_others() -> bool:
    """Give the calling thread a low priority; return whether that works here.

    On Linux each thread has a nice value of its own (setpriority(2)); elsewhere it is the whole process's. Not the
    lowest: beside two busy loops in the same session, a thread at 19 was late by 0.6 s, and at times
    by 1.6; at 5 it is 0.2 s. The run itself was as quick with both (see `best_effort_thread`).
    """
    if not IS_LINUX:
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW)
    except OSError:
        return False
    return True


def raise_descriptor_limit() -> tuple[int, int] | None:
    """Allow this process as many descriptors as it may have; return the limits before, None if nothing changed."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return None
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ImportError, ValueError, OSError):
        return None  # then as many processes can be followed as the limit allows
    return soft, hard


def most_descriptors() -> int | None:
    """Return how many descriptors this process may allow itself; None if there is no limit, or none is known."""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    except (ImportError, ValueError, OSError):
        return None
    return None if hard == resource.RLIM_INFINITY else hard


def set_descriptor_limit(number: int) -> None:
    """Allow this process and its children so many descriptors.

    Raises:
        ValueError, OSError: it is more than may be allowed here.
    """
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


def restore_descriptor_limit(limits: tuple[int, int] | None) -> None:
    """Undo `raise_descriptor_limit`."""
    if limits is not None:
        import resource

        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def usable_cpus() -> tuple[int, ...] | None:
    """Return the ids of the CPUs that this process may use; None where no process can be pinned to any."""
    try:
        return tuple(sorted(os.sched_getaffinity(0)))
    except (OSError, AttributeError):
        return None


def pin_to_cpus(cpus: tuple[int, ...]) -> None:
    """Have this process, and the children that it will have, run on these CPUs alone (sched_setaffinity(2)).

    Raises:
        OSError: none of them can be used.
    """
    os.sched_setaffinity(0, cpus)


def open_pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends, or None where there is none."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def open_exit_queue(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends, by kqueue(2); None: it is gone, or has none.

    macOS and the BSDs have it instead of a pidfd. What has ended and has not been waited for cannot be added any more.
    """
    bsd: Any = select
    try:
        queue = bsd.kqueue()
        try:
            note = bsd.kevent(pid, bsd.KQ_FILTER_PROC, bsd.KQ_EV_ADD, bsd.KQ_NOTE_EXIT)
            queue.control([note], 0)
            return os.dup(queue.fileno())
        finally:
            queue.close()
    except ProcessLookupError:
        return _readable() if pid_exists(pid) else None
    except (OSError, AttributeError):
        return None


def _readable() -> int:
    """Return a descriptor that is readable, and stays so."""
    reader, writer = os.pipe()
    os.close(writer)
    return reader


def process_stat(pid: int) -> ProcessStat | None:
    """Return what /proc knows of the process, or None if it is gone (or there is no /proc)."""
    text = read_file(f"/proc/{pid}/stat")
    if not text:
        return None
    fields = text.rpartition(")")[2].split()
    try:
        exitcode = None
        if fields[0] in "ZX" and len(fields) > 49:
            exitcode = os.waitstatus_to_exitcode(int(fields[49]))
        user, system = int(fields[11]) / _TICKS, int(fields[12]) / _TICKS
        ppid, session, threads, started = (int(fields[n]) for n in (1, 3, 17, 19))
        return ProcessStat(fields[0], ppid, started, exitcode, user, system, threads, session)
    except (ValueError, IndexError):
        return None


def age_of(stat: ProcessStat) -> float:
    """Return for how many seconds a process has been there; 0 where that is not known."""
    try:
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - stat.started / _TICKS)
    except (AttributeError, OSError):
        return 0.0


def is_running(pid: int) -> bool:
    """Return whether a process is there and has not ended."""
    stat = process_stat(pid)
    return stat is not None and not stat.is_over


def context_switches(pid: int, thread: int | None = None) -> tuple[int, int] | None:
    """Return voluntary and involuntary context switches of a process's main thread, or of the thread named."""
    path = f"/proc/{pid}/status" if thread is None else f"/proc/{pid}/task/{thread}/status"
    text = read_file(path)
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
        state = read_file(f"/proc/{pid}/task/{name}/stat").rpartition(")")[2].split()[:1]
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
        found += [int(word) for word in read_file(f"/proc/{pid}/task/{task}/children").split()]
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


def thread_count(pid: int) -> int:
    """Return how many threads a process has; 0 if it is gone, or that is not known here."""
    fields = read_file(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[17]) if len(fields) > 17 else 0


def memory_of(pid: int) -> int:
    """Return how many bytes of memory a process takes, of what it shares its share (Pss in proc(5)); 0 if unknown."""
    for line in read_file(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def command_of(pid: int) -> str:
    """Return a short name of what the process runs, or an empty text."""
    return read_file(f"/proc/{pid}/comm").strip()


def is_ending(pid: int) -> bool:
    """Return whether a process is on its way out, or gone."""
    flags = _flags(pid)
    return flags is None or bool(flags & _PF_EXITING)


def is_executing(pid: int) -> bool:
    """Return whether a process is just being replaced by another program: it has no command line for that moment."""
    return not read_file(f"/proc/{pid}/cmdline") and not is_ending(pid)


def is_auxiliary(pid: int) -> bool:
    """Return whether a process is a fork server or a resource tracker, which multiprocessing starts by itself.

    Copies of multiprocessing, such as loky's, start theirs by the same words.
    The processes that a fork server forks have its command line as well, but have not been executed: PF_FORKNOEXEC.
    """
    command = read_file(f"/proc/{pid}/cmdline")
    if "forkserver import main" not in command and "resource_tracker import main" not in command:
        return False
    return not is_copy(pid)


def is_copy(pid: int) -> bool:
    """Return whether a process is a copy of another, made by fork(), that has not been executed; True if it is gone."""
    flags = _flags(pid)
    return flags is None or bool(flags & _PF_FORKNOEXEC)


def is_kernel_thread(pid: int) -> bool:
    """Return whether a process is none, but a thread of the kernel."""
    return bool((_flags(pid) or 0) & _PF_KTHREAD)


def _flags(pid: int) -> int | None:
    flags = read_file(f"/proc/{pid}/stat").rpartition(")")[2].split()[6:7]
    return int(flags[0]) if flags else None


def send_signal(pid: int, number: int, started: int | None = None, *, pidfd: bool = True) -> bool:
    """Send a signal; return whether the process was there to get it.

    With `started` (see `ProcessStat`), only the process that began then gets it, no other that has its id by now;
    without a `pidfd`, it could still be another's in the microseconds between the look and the signal.
    """
    try:
        if started is None or not pidfd:
            stat = process_stat(pid) if started is not None else None
            if started is not None and (stat is None or stat.started != started):
                return False
            os.kill(pid, number)
            return True
        descriptor = os.pidfd_open(pid)  # whose process stays the same, whatever becomes of the id
        try:
            stat = process_stat(pid)
            if stat is None or stat.started != started:
                return False
            signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return True


def shared_names(prefix: str) -> list[str]:
    """Return the names of semaphores and shared memory that begin with `prefix` (as in SemLock: `/mp…`).

    glibc keeps the semaphore `/NAME` as the file /dev/shm/sem.NAME (sem_overview(7)), shared memory as /dev/shm/NAME
    (shm_overview(7)).
    """
    starts = f"sem.{prefix.lstrip('/')}", prefix.lstrip("/")
    with contextlib.suppress(OSError):
        return sorted(name for name in os.listdir("/dev/shm") if name.startswith(starts))
    return []


def remove_semaphores(prefix: str) -> list[str]:
    """Remove semaphores and shared memory whose name begins with `prefix`; return their names."""
    removed = []
    for name in shared_names(prefix):
        with contextlib.suppress(OSError):
            os.unlink(f"/dev/shm/{name}")
            removed.append(name)
    return removed


def is_block_there(name: str, file: str) -> bool:
    """Return whether shared memory of that name is there, and is the file `DEVICE-INODE`, in hexadecimal numbers."""
    with contextlib.suppress(OSError, ValueError):
        status = os.lstat(f"/dev/shm/{name}")
        return f"{status.st_dev:x}-{status.st_ino:x}" == file
    return False


def leads_into(folder: str, pid: int) -> bool:
    """Return whether standard output or standard error of a process is a file in a folder, as far as /proc shows it."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{descriptor}").startswith(f"{folder}/"):
                return True
    return False


def is_fatal(pid: int, number: int) -> bool:
    """Return whether a signal ends a process: it neither handles, ignores nor blocks it (SigCgt, SigIgn, SigBlk)."""
    lines = read_file(f"/proc/{pid}/status").splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigCgt:", "SigIgn:", "SigBlk:"))]
    return bool(masks) and not any(mask >> (number - 1) & 1 for mask in masks)


def set_pipe_capacity(descriptor: int, capacity: int) -> int:
    """Have a pipe hold so many bytes, or a few more; return how many.

    The system makes a power of two of whole pages of it: 4,096 bytes are the least on most machines.

    Raises:
        OSError: it does not allow so many.
    """
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, capacity)


def possible_pipe_capacity(wanted: int) -> int:
    """Return how many bytes a pipe holds that is to hold so many.

    Raises:
        OSError: the system does not allow so many.
    """
    reader, writer = os.pipe()
    try:
        return set_pipe_capacity(writer, wanted)
    finally:
        os.close(reader)
        os.close(writer)


def look_into_pipe(descriptor: int, size: int) -> bytes | None:
    """Return what is next in a pipe without taking it out, if there is anything; None: that cannot be seen.

    Source: tee(2), which only Linux has.
    """
    import ctypes

    tee = getattr(ctypes.CDLL(None, use_errno=True), "tee", None)
    if tee is None:
        return None
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        count = tee(descriptor, writer, ctypes.c_size_t(size), _SPLICE_F_NONBLOCK)
        if count < 0 and ctypes.get_errno() != errno.EAGAIN:
            return None
        return os.read(reader, size) if count > 0 else b""
    finally:
        os.close(reader)
        os.close(writer)


def user_behind(own: tuple[str, int], peer: tuple[str, int]) -> int | None:
    """Return the id of the user who has opened a connection over IPv4 to this machine from this machine.

    -1: nobody has, or not any more; None: it is not known. `own` and `peer` are the addresses of its two ends (see
    proc_net_tcp in the kernel's documentation).
    """
    wanted = [_in_table(*peer), _in_table(*own)]
    table = read_file("/proc/net/tcp")
    if not table:
        return None
    rows = (line.split() for line in table.splitlines()[1:])
    return next((int(row[7]) for row in rows if row[1:3] == wanted), -1)


def _in_table(host: str, port: int) -> str:
    number = int.from_bytes(bytes(map(int, host.split("."))), sys.byteorder)
    return f"{number:08X}:{port:04X}"


def read_file(path: str) -> str:
    """Return the text of a file of /proc; empty where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    data = b""
    try:
        while block := os.read(descriptor, 65536):  # /proc gives a page at a time
            data += block
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return data.decode("utf-8", "replace")
