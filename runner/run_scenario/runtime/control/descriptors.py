"""What multiprocessing reads from and writes to its pipes, and its waits for that, controlled."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
import sys
from collections.abc import Callable, Container, Iterable
from multiprocessing import connection
from typing import Any

from run_scenario.runtime.control import actors, processes
from run_scenario.runtime.platform.system import set_pipe_capacity
from run_scenario.runtime.primitives import wire

_read, _write = os.read, os.write
_receive: Any = connection.Connection._recv  # type: ignore[attr-defined]
_send: Any = connection.Connection._send  # type: ignore[attr-defined]
_wait: Any = connection.wait
_make_pipe: Any = connection.Pipe
_accept: Any = connection.SocketListener.accept  # type: ignore[attr-defined]
_LATENCY_MS = 2
"""Within which what was written to a socket of the network can be read."""
_LATENCY_WHEN_BUSY_MS = 200
"""The same on a machine that has much to do: so long is waited where nobody else can move."""
_POLLING = 0.001
"""Seconds of the virtual clock that pass between two looks, where nobody else can move."""
_WITHIN = ("acquire", "read")
"""What comes before in the same step: the lock of the readers or writers, the head of the message."""


def _is_readable(descriptor: int, latency: int = _LATENCY_MS) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0) or (_is_of_network(descriptor) and poll.poll(latency)))


def _is_of_network(descriptor: int) -> bool:
    """Tell whether what was written to the other end may still be on its way, though nobody moves."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return False
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        return copy.family != socket.AF_UNIX


def _send_at_once(descriptor: int) -> None:
    """Have nothing of what is written held back until what was sent before is acknowledged (RFC 896): 40 ms."""
    if _is_of_network(descriptor):
        with socket.socket(fileno=os.dup(descriptor)) as copy, contextlib.suppress(OSError):
            copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _when_readable(
    actor: actors.Actor, verb: str, descriptor: int, take: Callable[[], Any], follows: Container[str] = ()
) -> Any:
    """Take what there is to be read, when it is this actor's turn, and return it."""

    def attempt() -> Any:
        return _is_readable(descriptor) and (take(),)

    if _is_of_network(descriptor):
        if found := actor.perform(verb, "", attempt, timeout=_POLLING, follows=follows):
            return found[0]
        _is_readable(descriptor, _LATENCY_WHEN_BUSY_MS)
    return actor.perform(verb, "", attempt, follows=follows)[0]


def read(descriptor: int, size: int) -> bytes:
    """Read as `os.read` does, when it is this actor's turn."""
    actor = actors.current()
    if actor is None:
        return _read(descriptor, size)
    actor.polled = None
    data = _when_readable(actor, "read", descriptor, lambda: _read(descriptor, size), follows=_WITHIN)
    actors.touch_pipe(actor)
    return bytes(data)


def write(descriptor: int, data: bytes) -> int:
    """Write as `os.write` does, as much as there is room for, when it is this actor's turn."""
    actor = actors.current()
    if actor is None:
        return _write(descriptor, data)

    def attempt() -> int:
        # The descriptor is shared with other processes, none of which moves meanwhile.
        _send_at_once(descriptor)
        was_blocking = os.get_blocking(descriptor)
        os.set_blocking(descriptor, False)
        try:
            return _write(descriptor, data)
        except BlockingIOError:
            return 0
        finally:
            os.set_blocking(descriptor, was_blocking)

    written = int(actor.perform("write", "", attempt, follows=_WITHIN))
    actors.touch_pipe(actor)
    return written


def _receive_controlled(self: Any, size: int, read_by: Any = None) -> Any:
    return _receive(self, size, read)


def _send_controlled(self: Any, data: Any, write_by: Any = None) -> Any:
    return _send(self, data, write)


def _wait_controlled(objects: Iterable[Any], timeout: float | None = None) -> list[Any]:
    actor, waited_for = actors.current(), list(objects)
    if actor is None:
        return list(_wait(waited_for, timeout))
    blocks = timeout is None or timeout > 0

    def attempt() -> list[Any]:
        processes.await_exit_codes(waited_for)
        return list(_wait(waited_for, 0))

    if key := processes.key_of_only(waited_for):
        return list(actor.perform("join" if blocks else "look at", key, attempt, blocks=blocks, timeout=timeout) or ())
    found: Any = ()
    if blocks and actor.polled is not None and actor.polled == (waited_for, attempt()):
        # It has found the same before, and has read nothing of it: it polls, and goes on only when another has moved.
        found = actor.perform("wait", "", attempt, timeout=_POLLING, is_waiting=True)
    found = found or actor.perform("wait", "", attempt, blocks=blocks, timeout=timeout)
    if blocks:
        actor.polled = (waited_for, found) if found else None
    return list(found or ())


def _accept_controlled(self: Any) -> Any:
    actor = actors.current()
    if actor is None:
        return _accept(self)
    listening = self._socket.fileno()
    return _when_readable(actor, "accept", listening, lambda: _accept(self))


def receiver(reader: Any) -> Callable[[], bytes]:
    """Return what receives a message on a connection as a plain one does, for `wire.receiver`."""
    plain: Any = connection.Connection

    def receive() -> bytes:
        reader._check_closed()
        return bytes(plain._recv_bytes(reader).getvalue())

    return receive


def sender(writer: Any, check: Callable[[Any], None] = wire.check_size) -> Callable[[Any], None]:
    """Return what sends a message on a connection as a plain one does, for `wire.sender`."""
    plain: Any = connection.Connection

    def send(data: Any) -> None:
        check(data)
        plain._send_bytes(writer, data)

    return send


def _limited(capacity: int) -> Callable[[bool], tuple[Any, Any]]:
    """Return what makes pipes that hold so many bytes; one for both ways is a pair of sockets, and stays as it is."""

    def make_pipe(duplex: bool = True) -> tuple[Any, Any]:
        reader, writer = _make_pipe(duplex)
        if not duplex:
            set_pipe_capacity(writer.fileno(), capacity)
        return reader, writer

    return make_pipe


def install(pipe_capacity: int | None) -> None:
    """Have all connections controlled; `pipe_capacity`: how many bytes each pipe holds, None: as the system has it."""
    connection.Connection._recv = _receive_controlled  # type: ignore[attr-defined]
    connection.Connection._send = _send_controlled  # type: ignore[attr-defined]
    connection.SocketListener.accept = _accept_controlled  # type: ignore[attr-defined]
    if pipe_capacity is not None:
        connection.Pipe = _limited(pipe_capacity)  # type: ignore[assignment]
    for module in list(sys.modules.values()):  # some have it by name
        if module is not None and vars(module).get("wait") is _wait:
            module.wait = _wait_controlled  # type: ignore[attr-defined]
