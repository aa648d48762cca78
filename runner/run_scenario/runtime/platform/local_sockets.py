"""Which local socket is connected to which: /proc does not say it, but the kernel answers when it is asked.

A part of `platform`: where it cannot be asked, nothing is known.
"""

from __future__ import annotations

import contextlib
import socket
import struct

_HEADER = struct.Struct("=IHHII")
"""Of a netlink message: its length, its type, flags, a number, the sender (netlink(7))."""
_REQUEST = struct.Struct("=BBHIIIII")
"""Family, protocol, padding, states, inode, what is asked, a cookie of two words (sock_diag(7))."""
_ANSWER = struct.Struct("=BBBxIII")
"""Family, type, state, inode, the cookie; attributes follow."""
_ATTRIBUTE = struct.Struct("=HHI")
"""Length, type, and here a number."""
_NETLINK_SOCK_DIAG = 4
_BY_FAMILY = 20
_IS_REQUEST = 1
_ALL_STATES = _NO_COOKIE = 0xFFFFFFFF
_SHOW_PEER = 4
_PEER = 2


def peer_of(inode: int) -> int:
    """Return the inode of the socket that a local socket, by its inode, is connected to; 0 if that is not known."""
    request = _REQUEST.pack(socket.AF_UNIX, 0, 0, _ALL_STATES, inode, _SHOW_PEER, _NO_COOKIE, _NO_COOKIE)
    header = _HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _IS_REQUEST, 1, 0)
    answer = b""
    with (
        contextlib.suppress(OSError, AttributeError),
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel,
    ):
        kernel.settimeout(1)
        kernel.send(header + request)
        answer = kernel.recv(4096)
    return _peer_in(answer)


def _peer_in(answer: bytes) -> int:
    if len(answer) < _HEADER.size or _HEADER.unpack_from(answer)[1] != _BY_FAMILY:
        return 0
    at = _HEADER.size + _ANSWER.size
    while at + _ATTRIBUTE.size <= len(answer):
        length, kind, number = _ATTRIBUTE.unpack_from(answer, at)
        if kind == _PEER:
            return int(number)
        at += max(4, length + 3 & ~3)
    return 0
