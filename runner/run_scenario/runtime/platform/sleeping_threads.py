"""What Linux shows of a sleeping thread: whether it is waiting, for sure, for what others have to do.

A part of `platform`: where /proc does not exist or may not be read, nothing is for sure.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

from run_scenario.runtime.platform.local_sockets import peer_of
from run_scenario.runtime.platform.system import STACK_SIGNAL, read_file
from run_scenario.runtime.platform.system_calls import (
    HAS_PAUSE,
    MACHINE,
    PIDFD,
    PIPE,
    SOCKET,
    call_of,
    inode_in,
    link_of,
    may_write,
    polled,
    shared_memory,
)

_OUTSIDE = {
    **dict.fromkeys(("nanosleep", "clock_nanosleep"), "sleep"),
    **dict.fromkeys(("recvfrom", "recvmsg"), "receive"),
    **dict.fromkeys(("sendto", "sendmsg"), "send"),
    **dict.fromkeys(("poll", "ppoll", "select", "pselect6", "epoll_wait"), "select"),
    **dict.fromkeys(("flock", "fcntl"), "lock"),
    "accept": "accept",
    "connect": "connect",
}
"""System call -> what a thread does that sleeps in it."""


def waits_for_others(pid: int, thread: int, *, by_socket: bool) -> bool:
    """Return whether a thread is, for sure, in a system call that ends only by what another process or thread does.

    A call with a timeout, a sleep, a connection to somewhere, a named pipe: all that may go on by itself, or by what a
    stranger does. `by_socket`: whether the processes of a run may be connected by sockets here, as by
    `multiprocessing.Pipe`. Where the file cannot be read, or the machine's call numbers are not known here, nothing is
    for sure.
    """
    name, (_, _, _, fourth, _) = call_of(pid, thread)
    if name == "futex":
        return fourth == 0  # no timeout
    if name in ("wait4", "waitid"):
        return True
    descriptors = _awaited_descriptors(pid, thread)
    return bool(descriptors) and all(_leads_to_others(pid, each, by_socket) for each in descriptors)


def awaited_ends(pid: int, thread: int) -> list[str]:
    """Return which ends of pipes and sockets, used by somebody, would end the wait of a thread, as `open_ends` does.

    Of a socket that is the one to which it is connected; `socket:[0]` if that is not known.
    """
    found = []
    for descriptor in _awaited_descriptors(pid, thread):
        link = link_of(pid, descriptor)
        if link.startswith(PIPE):
            found.append(f"{link} {'read' if may_write(pid, descriptor) else 'write'}")
        elif link.startswith(SOCKET):
            found.append(f"{SOCKET}{peer_of(inode_in(link))}]")
    return found


def open_ends(pid: int) -> set[str]:
    """Return the ends of pipes without a name, and the sockets, that a process has; empty if that may not be seen."""
    try:
        descriptors = [int(name) for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return set()
    found = set()
    for descriptor in descriptors:
        link = link_of(pid, descriptor)
        if link.startswith(PIPE):
            found.add(f"{link} {'write' if may_write(pid, descriptor) else 'read'}")
        elif link.startswith(SOCKET):
            found.add(link)
    return found


def _awaited_descriptors(pid: int, thread: int) -> list[int]:
    """Return the descriptors on which a thread waits to read or write, without a timeout."""
    name, (first, second, third, *_) = call_of(pid, thread)
    if name in ("poll", "ppoll"):
        for_ever = third & 0xFFFFFFFF == 0xFFFFFFFF if name == "poll" else third == 0
        return polled(pid, first, second) if for_ever else []
    return [first] if name in ("read", "readv", "write") else []


def _leads_to_others(pid: int, descriptor: int, by_socket: bool) -> bool:
    """Return whether a descriptor is a pipe without a name, a process's end, or, if they count, a local socket."""
    target = link_of(pid, descriptor)
    if target.startswith(PIPE) or target == PIDFD:
        return True
    return by_socket and _local_socket(pid, descriptor) is not None


def _local_socket(pid: int, descriptor: int) -> str | None:
    """Return the path of a local socket, empty if it has none; None: it is something else."""
    inode = link_of(pid, descriptor).removeprefix(SOCKET).rstrip("]")
    rows = (line.split(maxsplit=7) for line in read_file("/proc/net/unix").splitlines()[1:])
    return next((row[7] if len(row) > 7 else "" for row in rows if row[6:7] == [inode]), None)


_FUTEX_PRIVATE = 0x80
_FUTEX_WAITS = (0, 9)
"""FUTEX_WAIT and FUTEX_WAIT_BITSET, without their flags (linux/futex.h)."""


def waits_for_own_thread(pid: int, thread: int) -> bool:
    """Tell whether a thread is in a wait without a timeout that only a thread of its own process can end.

    So it is in a `threading.Lock`, whose futex is private to the process.
    """
    name, (_, operation, _, timeout, _) = call_of(pid, thread)
    private = bool(operation & _FUTEX_PRIVATE) and operation & 0x7F in _FUTEX_WAITS
    return name == "futex" and not timeout and private


def waits_for_processes(pid: int, thread: int) -> bool:
    """Tell whether a thread is in a wait without a timeout that ends by what some process does with it.

    So it is in a semaphore that processes share, and at a pipe or a local socket. Who has these is another question.
    """
    name, (_, operation, _, timeout, _) = call_of(pid, thread)
    if name == "futex":
        return not timeout and not operation & _FUTEX_PRIVATE and operation & 0x7F in _FUTEX_WAITS
    descriptors = _awaited_descriptors(pid, thread)
    return bool(descriptors) and all(link_of(pid, each).startswith((PIPE, SOCKET)) for each in descriptors)


def outside_call(pid: int, thread: int) -> str:
    """Return what a thread sleeps in that may go on by itself, or by what a stranger does: one of `codes.OUTSIDE`.

    Empty, if that is not known.
    """
    return _OUTSIDE.get(call_of(pid, thread)[0], "")


def awaited_memory(pid: int, thread: int) -> str:
    """Return the file, by device and inode, in whose memory the semaphore lies that a thread waits at; else nothing."""
    name, (address, *_) = call_of(pid, thread)
    return next((file for first, end, file, _ in shared_memory(pid) if first <= address < end), "") if name else ""


def mapped_memory(pid: int) -> set[str]:
    """Return the files, by device and inode, whose memory a process shares with others."""
    return {file for _, _, file, _ in shared_memory(pid)}


def awaited_child(pid: int, thread: int) -> int:
    """Return the child for whose end a thread waits without a timeout, -1 if it is any of them, 0 if it does not."""
    name, (first, second, third, *_) = call_of(pid, thread)
    if name == "wait4" and not third & os.WNOHANG:
        return first if 0 < first < 1 << 31 else -1
    if name == "waitid" and first == os.P_PID:
        return second
    return 0


def waits_for_a_request(pid: int, thread: int) -> bool:
    """Return whether a thread of multiprocessing's own waits for requests: of a fork server, of a resource tracker."""
    name, (first, _, _, fourth, _) = call_of(pid, thread)
    if name == "epoll_wait":
        return fourth & 0xFFFFFFFF == 0xFFFFFFFF
    return name == "read" and _leads_to_others(pid, first, by_socket=False)


def serves(pid: int, thread: int, sockets: str) -> bool:
    """Return whether a thread of a manager waits for who connects to it, or has: at a socket in the folder `sockets`.

    Nobody but the processes of the run gets there. A thread that does what was asked for may wait for another one.
    """
    name, (first, *_) = call_of(pid, thread)
    if name not in ("accept", "read"):
        return waits_for_own_thread(pid, thread)
    path = _local_socket(pid, first)
    return path is not None and path.startswith(f"{sockets}/")


def pauses(pid: int, thread: int) -> bool:
    """Return whether a thread waits in a lock of its process for some time only."""
    name, (_, operation, _, timeout, _) = call_of(pid, thread)
    return name == "futex" and bool(timeout) and bool(operation & _FUTEX_PRIVATE)


def _set_of(numbers: Iterable[int]) -> int:
    """Return signals as a set of bits, as proc(5) has them."""
    return sum(1 << (number - 1) for number in numbers)


_CRASHES = (signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS, signal.SIGILL)
_OF_C_LIBRARY = (32, 33)
_HANDLED_ANYWAY = _set_of({signal.SIGINT, *_CRASHES, *_OF_C_LIBRARY, STACK_SIGNAL} - {0})
"""Signals whose handlers say nothing of a program: Python's own, ours, faulthandler's, and those for its threads."""


def waits_for_a_signal(pid: int) -> bool:
    """Return whether a process's main thread is in pause(2), which any signal that is handled ends."""
    words = read_file(f"/proc/{pid}/syscall").split()
    if not HAS_PAUSE:
        return len(words) > 2 and words[0] == "73" and int(words[2], 16) == 0
    return MACHINE == "x86_64" and words[:1] == ["34"]


_ENDING = (signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD, signal.SIGPIPE)
_HANDLED_BY_ENDING = _HANDLED_ANYWAY | _set_of(_ENDING)
"""With those that come when a process of the run ends, or is to end, or writes where nobody reads any more."""


def has_handlers(pid: int) -> bool:
    """Return whether a process has handlers for signals, by which anything may go on in it, or that is not known."""
    return _handles_others_than(pid, _HANDLED_ANYWAY)


def may_be_woken_by_signal(pid: int) -> bool:
    """Return whether a process has timers, or handlers for signals that anybody may send so that it goes on."""
    return bool(read_file(f"/proc/{pid}/timers")) or _handles_others_than(pid, _HANDLED_BY_ENDING)


def _handles_others_than(pid: int, signals: int) -> bool:
    for line in read_file(f"/proc/{pid}/status").splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) & ~signals)
    return True


def catches_signal(pid: int, number: int) -> bool:
    """Return whether a process has a handler of its own for a signal (SigCgt in proc(5))."""
    for line in read_file(f"/proc/{pid}/status").splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def leads_to(pid: int, descriptor: int, path: str) -> bool:
    """Return whether a process's descriptor is that file."""
    return link_of(pid, descriptor) == path
