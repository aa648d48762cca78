"""Exit codes that the fork server has handed to a main program which never asks for them.

    process ends ─▶ the fork server reaps it, and writes its code into a pipe ─▶ the main program, when it looks

A main program that waits for something else looks late, or never; and where the server was quicker than the guard,
nobody could learn the code meanwhile. So the guard holds the end of that pipe too. It looks at what is in there without
taking it out, for there it would be missed, and reads it only when the main program is dead.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator

from run_scenario.engine import platform

_CODE = struct.Struct("q")
"""As multiprocessing.forkserver writes it."""


class ServerCodes:
    """The ends of those pipes whose codes may never be read by whom they are for."""

    def __init__(self) -> None:
        self._announced: dict[int, tuple[int, int]] = {}
        """Process id -> descriptor in the main program, and the number of the pipe behind it."""
        self._held: dict[int, tuple[int, int]] = {}
        """Descriptor here -> position in the scenario, process id."""

    def announce(self, pid: int, descriptor: int, number: int) -> None:
        """Note where the main program will learn the exit code of a process."""
        self._announced[pid] = descriptor, number

    def hold(self, main: int, index: int, pid: int) -> int | None:
        """Open the pipe of a process that has ended with a code nobody knows yet; return its descriptor.

        None: it is not there any more, or never was.
        """
        if pid not in self._announced:
            return None
        descriptor, number = self._announced.pop(pid)
        with contextlib.suppress(OSError):  # the main program has read it and closed it, or is dead
            held = os.open(f"/proc/{main}/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if os.fstat(held).st_ino == number:
                self._held[held] = index, pid
                return held
            os.close(held)  # it is another one by now
        return None

    def look(self, held: int) -> tuple[int, int, int] | None:
        """Return position, process id and exit code, once the code is in the pipe that has been held."""
        if held not in self._held:
            return None
        seen = platform.look_into_pipe(held, _CODE.size)
        if seen is None:  # it will be read at last
            return None
        index, pid = self._held.pop(held)
        os.close(held)
        return (index, pid, _CODE.unpack(seen)[0]) if len(seen) == _CODE.size else None

    def read(self) -> Iterator[tuple[int, int, int]]:
        """Yield position, process id and exit code, where the main program, which is dead, has not read it."""
        while self._held:
            held, (index, pid) = self._held.popitem()
            written = b""
            with contextlib.suppress(OSError):  # nothing has been written
                written = os.read(held, _CODE.size)
            os.close(held)
            if len(written) == _CODE.size:
                yield index, pid, _CODE.unpack(written)[0]
