"""What Linux says of a sleeping thread: whether it is waiting, for sure, for what others have to do.

A part of `platform`: where /proc does not exist or may not be read, nothing is for sure.
"""

from __future__ import annotations

import os
import signal

from run_scenario.engine.platform import read_file

_MACHINE = os.uname().machine if hasattr(os, "uname") else ""
_WAITING_CALLS = {
    "x86_64": {"0": "read", "1": "write", "7": "poll", "19": "readv", "61": "wait4", "202": "futex", "247": "waitid"}
    | {"271": "ppoll"},
    "aarch64": {"63": "read", "64": "write", "65": "readv", "73": "ppoll", "95": "waitid", "98": "futex"}
    | {"260": "wait4"},
}
"""System call numbers by machine (asm/unistd.h) in which processes wait for each other."""
_ALARMS = [getattr(signal, name) for name in ("SIGALRM", "SIGVTALRM", "SIGPROF") if hasattr(signal, name)]


def waits_for_others(pid: int, thread: int) -> bool:
    """Tell whether a thread is, for sure, in a system call that ends only by what another process or thread does.

    /proc/PID/task/TID/syscall (proc(5)) gives the number and arguments of the call that a sleeping thread is in. A call
    with a timeout, a sleep, a connection to somewhere: all that may go on by itself. Where the file cannot be read, or
    the machine's call numbers are not known here, nothing is for sure.
    """
    words = read_file(f"/proc/{pid}/task/{thread}/syscall").split()
    name = _WAITING_CALLS.get(_MACHINE, {}).get(words[0]) if words else None
    if name is None or len(words) < 7:
        return False
    if name == "futex":
        return int(words[4], 16) == 0  # no timeout
    if name == "poll":
        return int(words[3], 16) & 0xFFFFFFFF == 0xFFFFFFFF  # -1: for ever
    if name == "ppoll":
        return int(words[3], 16) == 0
    return True


def waits_for_a_signal(pid: int) -> bool:
    """Tell whether a process's main thread is in pause(2), which any signal that is handled ends."""
    words = read_file(f"/proc/{pid}/syscall").split()
    if _MACHINE == "aarch64":  # which has no such call: the C library polls nothing
        return len(words) > 2 and words[0] == "73" and int(words[2], 16) == 0
    return _MACHINE == "x86_64" and words[:1] == ["34"]


def may_be_woken_by_alarm(pid: int) -> bool:
    """Tell whether a process has handlers for the signals of timers, which can come out of nowhere."""
    return any(catches_signal(pid, number) for number in _ALARMS)


def catches_signal(pid: int, number: int) -> bool:
    """Tell whether a process has a handler of its own for a signal (SigCgt in proc(5))."""
    for line in read_file(f"/proc/{pid}/status").splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def leads_to(pid: int, descriptor: int, path: str) -> bool:
    """Tell whether a process's descriptor is that file."""
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}") == path
    except OSError:
        return False
