"""In which system call a thread sleeps, and what its descriptors are, as Linux shows it in /proc.

A part of `platform`: where a file may not be read, or the machine's numbers are not known here, the answer is empty.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from run_scenario.runtime.platform.system import read_file

MACHINE = os.uname().machine if hasattr(os, "uname") else ""
_LIKE_ARM = ("aarch64", "riscv64", "loongarch64")
"""Machines that have the numbers of asm-generic/unistd.h."""
_CALLS = {
    "x86_64": {"0": "read", "1": "write", "7": "poll", "19": "readv", "20": "writev", "23": "select", "34": "pause"}
    | {"35": "nanosleep", "42": "connect", "43": "accept", "44": "sendto", "45": "recvfrom", "46": "sendmsg"}
    | {"47": "recvmsg", "61": "wait4", "72": "fcntl", "73": "flock", "128": "rt_sigtimedwait", "202": "futex"}
    | {"219": "restart_syscall", "230": "clock_nanosleep", "232": "epoll_wait", "247": "waitid", "270": "pselect6"}
    | {"271": "ppoll", "281": "epoll_wait", "288": "accept"},
} | dict.fromkeys(
    _LIKE_ARM,
    {"22": "epoll_wait", "25": "fcntl", "32": "flock", "63": "read", "64": "write", "65": "readv"}
    | {"66": "writev", "72": "pselect6", "73": "ppoll", "95": "waitid", "98": "futex", "101": "nanosleep"}
    | {"115": "clock_nanosleep", "128": "restart_syscall", "137": "rt_sigtimedwait", "202": "accept", "203": "connect"}
    | {"206": "sendto", "207": "recvfrom", "211": "sendmsg", "212": "recvmsg", "242": "accept", "260": "wait4"},
)
"""System call numbers by machine (asm/unistd.h) in which processes wait."""
HAS_PAUSE = MACHINE not in _LIKE_ARM
"""Whether there is a call pause(2); otherwise the C library polls nothing instead."""
_POLLED = struct.Struct("=ihh")
"""One descriptor that is polled: its number, what is asked, what was found (poll(2))."""
_MOST_POLLED = 1_000
_MAY_WRITE = 0o200
"""Mode of a descriptor's name in /proc, where it was opened for writing (proc(5))."""
PIPE, SOCKET, PIDFD = "pipe:[", "socket:[", "anon_inode:[pidfd]"
"""How /proc/PID/fd names a pipe without a name, and a socket, before its inode; and a process's end."""

Arguments = tuple[int, int, int, int, int]


def call_of(pid: int, thread: int) -> tuple[str, Arguments]:
    """Return the system call that a thread sleeps in, and its first arguments; none of these known here: an empty name.

    See proc(5), /proc/PID/task/TID/syscall.
    """
    words = read_file(f"/proc/{pid}/task/{thread}/syscall").split()
    name = _CALLS.get(MACHINE, {}).get(words[0], "") if len(words) > 6 else ""
    if not name:
        return "", (0, 0, 0, 0, 0)
    first, second, third, fourth, fifth = (int(word, 16) for word in words[1:6])
    return name, (first, second, third, fourth, fifth)


def link_of(pid: int, descriptor: int) -> str:
    """Return what a descriptor leads to, as /proc names it."""
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return ""


def may_write(pid: int, descriptor: int) -> bool:
    """Return whether a descriptor was opened for writing."""
    try:
        return bool(os.lstat(f"/proc/{pid}/fd/{descriptor}").st_mode & _MAY_WRITE)
    except OSError:
        return False


def inode_in(link: str) -> int:
    """Return the inode of a pipe or a socket, from its name in /proc; 0: it has none."""
    number = link.partition("[")[2].rstrip("]")
    return int(number) if number.isdecimal() else 0


def polled(pid: int, address: int, count: int) -> list[int]:
    """Return the descriptors that a thread polls, from the memory of its process; empty if that may not be read."""
    if count > _MOST_POLLED:
        return []
    found = read_memory(pid, address, count * _POLLED.size)
    return [descriptor for descriptor, _, _ in _POLLED.iter_unpack(found)] if found else []


def read_memory(pid: int, address: int, size: int) -> bytes:
    """Return what is in the memory of a process; empty if that may not be read."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            found = os.pread(memory.fileno(), size, address)
    except (OSError, OverflowError):
        return b""
    return found if len(found) == size else b""


def shared_memory(pid: int) -> Iterator[tuple[int, int, str, str]]:
    """Yield the places that a process shares with others: first and last address, device and inode, path."""
    for line in read_file(f"/proc/{pid}/maps").splitlines():
        place, access, _, device, inode, *path = line.split(maxsplit=5)
        if access.endswith("s"):
            first, _, end = place.partition("-")
            yield int(first, 16), int(end, 16), f"{device} {inode}", path[0].strip() if path else ""
