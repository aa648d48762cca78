"""What one thread sleeps in, and by which keys (see `inspection`) another one could end that."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from run_scenario.inspection import OUTSIDE, THREADS, Semaphore, Wait, WaitKind, process_key
from run_scenario.runtime.platform.local_sockets import peer_of
from run_scenario.runtime.platform.system import read_file
from run_scenario.runtime.platform.system_calls import (
    PIDFD,
    PIPE,
    SOCKET,
    Arguments,
    call_of,
    inode_in,
    link_of,
    may_write,
    polled,
    read_memory,
    shared_memory,
)

_CHILDREN = "children"
"""Stands for the keys of all children of a process, until these are put in its place."""
_FOR_EVER = 0xFFFFFFFF
"""A timeout of -1 in milliseconds, as poll(2) and epoll_wait(2) take it."""
_FUTEX_PRIVATE = 0x80
_SEMAPHORE_BYTES = 8
_LOW = 0xFFFFFFFF
_TIMED = {"nanosleep", "clock_nanosleep", "restart_syscall"}
_KINDS: dict[str, WaitKind] = {
    "nanosleep": "sleep",
    "clock_nanosleep": "sleep",
    "accept": "accept",
    "connect": "socket",
    "flock": "file_lock",
    "fcntl": "file_lock",
    "select": "poll",
    "pselect6": "poll",
}
"""Calls of which no more is looked at than their name -> what the thread waits for."""
_CHANNELS: tuple[tuple[str, WaitKind], ...] = (
    ("pipe_read", "read"),
    ("pipe_write", "write"),
    ("futex", "futex"),
    ("do_wait", "process"),
    ("nanosleep", "sleep"),
    ("epoll", "poll"),
    ("ep_poll", "poll"),
    ("poll_schedule", "poll"),
    ("unix_stream", "socket"),
    ("accept", "accept"),
    ("n_tty_read", "input"),
)
"""Parts of the names of places in the kernel -> what a thread waits for there, where its call cannot be seen."""


def wait_of(pid: int, thread: int, children: Iterable[int], sees_calls: bool = True) -> Wait:
    """Return what a sleeping thread of a process with these children sleeps in; `sees_calls` as the system shows it."""
    channel = read_file(f"/proc/{pid}/task/{thread}/wchan").strip()
    channel = "" if channel == "0" else channel
    name, arguments = call_of(pid, thread) if sees_calls else ("", (0, 0, 0, 0, 0))
    if not name:
        kind = next((kind for part, kind in _CHANNELS if part in channel), None)
        return Wait(kind, "", channel, timed=kind == "sleep")
    reader = _READERS.get(name)
    if reader is not None:
        kind, timed, keys = reader(pid, name, arguments)
    else:
        kind, timed, keys = _KINDS.get(name), name in _TIMED, [OUTSIDE]
    if keys == [_CHILDREN]:
        keys = [process_key(child) for child in children] or [OUTSIDE]
    return Wait(kind, name, channel, timed, tuple(dict.fromkeys(keys)))


_Found = tuple[WaitKind | None, bool, list[str]]
"""What is waited for, whether only for some time, and the keys."""


def _transfer(pid: int, name: str, arguments: Arguments) -> _Found:
    descriptor = arguments[0]
    key = _key(pid, descriptor)
    if key.startswith(SOCKET):
        return "socket", False, [key]
    if key != OUTSIDE:
        return "write" if name.startswith("write") else "read", False, [key]
    return "socket" if link_of(pid, descriptor).startswith(SOCKET) else "input", False, [OUTSIDE]


def _poll(pid: int, name: str, arguments: Arguments) -> _Found:
    address, count, timeout, *_ = arguments
    timed = timeout & _FOR_EVER != _FOR_EVER if name == "poll" else timeout != 0
    return "poll", timed, _keys(pid, polled(pid, address, count))


def _epoll(pid: int, name: str, arguments: Arguments) -> _Found:
    words = [line.split() for line in read_file(f"/proc/{pid}/fdinfo/{arguments[0]}").splitlines()]
    watched = [int(each[1]) for each in words if each[:1] == ["tfd:"]]  # proc(5)
    return "poll", arguments[3] & _FOR_EVER != _FOR_EVER, _keys(pid, watched)


def _futex(pid: int, name: str, arguments: Arguments) -> _Found:
    address, operation, _, timeout, _ = arguments
    if operation & _FUTEX_PRIVATE:
        return "lock", bool(timeout), [THREADS]
    file = next((file for first, end, file, _ in shared_memory(pid) if first <= address < end), "")
    if not file:  # memory of its own, whatever the call says; so it is where a C library waits for the end of a thread
        return "lock", bool(timeout), [THREADS]
    return "semaphore", bool(timeout), [f"memory {file}"]


def _wait4(pid: int, name: str, arguments: Arguments) -> _Found:
    child = arguments[0]
    one = 0 < child < 1 << 31
    return "process", False, [process_key(child) if one else _CHILDREN]


def _waitid(pid: int, name: str, arguments: Arguments) -> _Found:
    kind, number, *_ = arguments
    if kind == os.P_PID:
        return "process", False, [process_key(number)]
    return "process", False, [_CHILDREN if kind == os.P_ALL else OUTSIDE]


_READERS: dict[str, Callable[[int, str, Arguments], _Found]] = {
    **dict.fromkeys(("read", "readv", "write", "writev", "recvfrom", "recvmsg", "sendto", "sendmsg"), _transfer),
    **dict.fromkeys(("poll", "ppoll"), _poll),
    "epoll_wait": _epoll,
    "futex": _futex,
    "wait4": _wait4,
    "waitid": _waitid,
}


def _keys(pid: int, descriptors: list[int]) -> list[str]:
    return [_key(pid, descriptor) for descriptor in descriptors] or [OUTSIDE]


def _key(pid: int, descriptor: int) -> str:
    """Return the key of what would end a wait at a descriptor."""
    link = link_of(pid, descriptor)
    if link.startswith(PIPE):
        return f"{link} {'read' if may_write(pid, descriptor) else 'write'}"
    if link.startswith(SOCKET):
        peer = peer_of(inode_in(link))
        return f"{SOCKET}{peer}]" if peer else OUTSIDE
    if link == PIDFD:
        words = read_file(f"/proc/{pid}/fdinfo/{descriptor}").split()
        number = words[words.index("Pid:") + 1] if "Pid:" in words else "0"
        return process_key(int(number)) if number.isdecimal() and number != "0" else OUTSIDE
    return OUTSIDE


def fork_server_wait(wait: Wait, children: Iterable[int]) -> Wait:
    """Return what a fork server waits for: the end of its children, and requests of those who could make one.

    It listens at a socket, too; but only a process that has the other end of its pipe knows the address.
    """
    pipes = [key for key in wait.keys if key.startswith(PIPE)]
    return wait.replace(keys=(*(process_key(child) for child in children), *pipes) or (OUTSIDE,))


def semaphore_at(pid: int, thread: int) -> Semaphore | None:
    """Return the semaphore that a thread of a process waits at, with its value where that may be read.

    glibc keeps the value in the lower half of eight bytes, and who waits in the upper one (nptl/sem_waitcommon.c); the
    futex is the lower half. Where a value could be taken, nobody sleeps.
    """
    name, (address, operation, *_) = call_of(pid, thread)
    if name != "futex" or operation & _FUTEX_PRIVATE:
        return None
    for first, end, file, path in shared_memory(pid):
        if first <= address < end:
            data = read_memory(pid, address, _SEMAPHORE_BYTES) if _is_semaphore(path) else b""
            both = int.from_bytes(data, "little")
            value, waiting = (both & _LOW, both >> 32) if data else (None, None)
            return Semaphore(f"memory {file}", path, value, waiting)
    return None


def _is_semaphore(path: str) -> bool:
    return path.startswith("/dev/shm/sem.")


def shared_keys(pid: int, awaited: frozenset[str], ends: Iterable[str]) -> Iterator[str]:
    """Yield those of the awaited keys that a process has: by its descriptors' `ends`, and by its memory."""
    yield from awaited.intersection(ends)
    if any(key.startswith("memory ") for key in awaited):
        for _, _, file, _ in shared_memory(pid):
            if f"memory {file}" in awaited:
                yield f"memory {file}"
