"""Messages on a pipe, exactly as `multiprocessing.connection.Connection` writes and reads them, in fewer steps.

A message is its length as four bytes in network order (`-1` and eight bytes from 2 GiB on) and then its bytes. A
Connection goes through several Python calls and a BytesIO for each; for small messages, one `os.read` or `os.write`
mostly does. That pays for the recording of a put or a get. Whatever is not plain sailing is left to the Connection.
"""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

from run_scenario.limits import DEFAULTS, LIMITS, MEBI

_LENGTH = struct.Struct("!i")
_pack, _unpack = _LENGTH.pack, _LENGTH.unpack
loads = ForkingPickler.loads
PLAIN = frozenset({int, str, float, bool, type(None), bytes})
"""Types whose values nobody can change on the way, and that are pickled without asking anybody how."""
SMALL = 16_384
"""Up to this length a Connection, too, writes length and bytes at once."""

_SIZED = frozenset({str, bytes})
_MOST_PICKLED = 64_000

most_bytes = DEFAULTS.payload
"""Longest message that is sent from this process, see `check_size`."""

if os.name != "posix":  # there, a Connection is something else
    raise ImportError("the wire format is known for POSIX only")


def check_size(data: Any) -> None:
    """Check that a message is not longer than one may be.

    Raises:
        ValueError: it is.
    """
    if len(data) > most_bytes:
        raise ValueError(LIMITS["payload"].exceeded(most_bytes, len(data)))


def pickled(obj: Any) -> Any:
    """Return `obj` as ForkingPickler pickles it.

    Of something plain, `pickle.dumps` makes the same bytes in a quarter of the time; of what is large, it copies more.
    """
    kind = type(obj)
    if kind in PLAIN and (kind not in _SIZED or len(obj) <= _MOST_PICKLED):
        return pickle.dumps(obj)
    return ForkingPickler.dumps(obj)


def sender(writer: Any, check: Callable[[Any], None] = check_size) -> Callable[[Any], None]:
    """Return what sends a message on this Connection; the caller holds the lock, as with `send_bytes`."""
    descriptor, write = writer.fileno(), os.write

    def send(data: Any) -> None:
        length = len(data)
        if length > SMALL or length > most_bytes:
            check(data)
            writer._send_bytes(data)
            return
        message = _pack(length) + data
        written = write(descriptor, message)
        if written != length + 4:
            writer._send(message[written:])

    return send


def receiver(reader: Any) -> Callable[[], bytes | memoryview]:
    """Return what receives a message on this Connection, for `unpickle`; the caller has the lock, as with `recv_bytes`.

    It raises what `recv_bytes` raises: EOFError where nobody can write any more, OSError for a closed Connection or a
    message that breaks off.
    """
    read = os.read

    def receive() -> bytes | memoryview:
        descriptor = reader._handle
        if descriptor is None:
            reader._check_closed()  # which raises
        head = read(descriptor, 4)
        if len(head) != 4:
            if not head:
                raise EOFError
            head += reader._recv(4 - len(head)).getvalue()
        (length,) = _unpack(head)
        if not 0 <= length <= SMALL:
            return _receive_large(reader, length)
        data = read(descriptor, length)
        if len(data) != length:
            data += reader._recv(length - len(data)).getvalue()
        return data

    return receive


def _receive_large(reader: Any, length: int) -> memoryview:
    """Receive into one buffer what a Connection puts together from pieces, each in a new buffer as long as the rest."""
    if length == -1:
        (length,) = struct.unpack("!Q", reader._recv(8).getvalue())
    descriptor, read_into = reader._handle, os.readv
    data, at = _buffer(length), 0
    while at < length:
        count = read_into(descriptor, [data[at:]])
        if count == 0 and at == 0:
            raise EOFError
        if count == 0:
            raise OSError("got end of file during message")
        at += count
    return data


_spare: list[bytearray] = []
"""A buffer for the next large message: to have a new one from the system costs more than to read into it."""
_MOST_KEPT = 4 * MEBI


def _buffer(length: int) -> memoryview:
    kept = _spare.pop() if _spare else b""  # whoever takes it has it alone, be it a thread or a signal handler
    return memoryview(kept if len(kept) >= length else bytearray(length))[:length]


def unpickle(message: bytes | memoryview) -> Any:
    """Return what was pickled in a message that has been received, which cannot be used any more."""
    try:
        return loads(message)
    finally:
        if isinstance(message, memoryview):
            buffer: Any = message.obj
            message.release()
            if len(buffer) <= _MOST_KEPT and not _spare:
                _spare.append(buffer)
