"""Runs a command in which some system calls fail: `python denying.py ERRNO NUMBER[,NUMBER…] COMMAND…` (x86_64).

As a container's filter does it (seccomp(2)): the numbers are those of asm/unistd_64.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_LOAD_NUMBER, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06


def deny(number: int, calls: list[int]) -> None:
    """Have these system calls fail with that error, in this process and in all that come of it.

    Raises:
        OSError: the system has no such filters.
    """
    jumps = [(_JUMP_IF_EQUAL, len(calls) - position, 0, call) for position, call in enumerate(calls)]
    program = [(_LOAD_NUMBER, 0, 0, 0), *jumps, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERROR | number)]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    described = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer)))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or library.prctl(_SECCOMP, _FILTER, described, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    deny(getattr(errno, sys.argv[1]), [int(call) for call in sys.argv[2].split(",")])
    os.execvp(sys.argv[3], sys.argv[3:])
