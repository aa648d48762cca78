"""How the supervisor learns of the ends of processes, and of exit codes that it cannot see itself.

A pidfd, or a kqueue, becomes readable when a process ends; without them, each process is looked for every few
milliseconds.

The exit code of a process that the fork server has started goes to the main program, which may never ask for it:

    process ends ─▶ the fork server reaps it, and writes its code into a pipe ─▶ the main program, when it looks

A main program that waits for something else looks late, or never; and where the server was quicker than the supervisor,
nobody could learn the code meanwhile. So the supervisor holds the end of that pipe too. It looks at what is in there
without taking it out, for there it would be missed, and reads it only when the main program is dead.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from selectors import EVENT_READ, BaseSelector

from run_scenario.recording.pid_exists import pid_exists
from run_scenario.runtime.cpython import FORKSERVER_EXITCODE
from run_scenario.runtime.platform import system
from run_scenario.runtime.supervisor.processes import Processes

_PAUSE = 0.01
_SHARE = 20
"""A look is followed by a pause of so many times what it took."""


class ExitWatch:
    """Processes, each with its position in the scenario, until they end."""

    def __init__(self, processes: Processes, selector: BaseSelector) -> None:
        self._processes = processes
        self._selector = selector
        self._by_descriptor: dict[int, tuple[int, int]] = {}
        """Descriptor (see `Processes.open_end`) -> position in the scenario, process id."""
        self._looked_for: dict[int, tuple[int, int | None]] = {}
        """Process id -> position in the scenario, when it began: those of whom no descriptor can be had."""
        self._next = 0.0

    def add(self, index: int, pid: int) -> bool:
        """Wait for the end of a process; return whether there is one: otherwise somebody has waited for it."""
        descriptor = self._processes.open_end(pid)
        if descriptor is not None:
            self._by_descriptor[descriptor] = index, pid
            self._selector.register(descriptor, EVENT_READ)
        elif pid_exists(pid):
            stat = self._processes.stat(pid)
            self._looked_for[pid] = index, stat.started if stat else None
        else:
            return False
        self._processes.note(pid)
        return True

    def watches(self, descriptor: int) -> bool:
        """Return whether that is the descriptor of a process that is watched."""
        return descriptor in self._by_descriptor

    def take(self, descriptor: int) -> tuple[int, int]:
        """Return position and process id of the process whose descriptor is readable; it is not watched any more."""
        index, pid = self._by_descriptor.pop(descriptor)
        self._selector.unregister(descriptor)
        os.close(descriptor)
        self._processes.forget(pid)
        return index, pid

    def most_seconds(self) -> float:
        """Return how long nothing may be looked for."""
        return max(0.0, self._next - time.monotonic()) if self._looked_for else float("inf")

    def look(self, *, at_once: bool = False) -> list[tuple[int, int]]:
        """Return who is over of those that have to be looked for, if it is time (or `at_once`) for it."""
        began = time.monotonic()
        if not self._looked_for or (began < self._next and not at_once):
            return []
        ended = [(index, pid) for pid, (index, started) in self._looked_for.items() if self._is_over(pid, started)]
        for _, pid in ended:
            del self._looked_for[pid]
            self._processes.forget(pid)
        now = time.monotonic()
        self._next = now + max(_PAUSE, _SHARE * (now - began))
        return ended

    def _is_over(self, pid: int, started: int | None) -> bool:
        if started is None:
            return self._processes.is_over(pid)
        stat = self._processes.stat(pid)
        return stat is None or stat.is_over or stat.started != started

    def rest(self) -> list[tuple[int, int]]:
        """Return whoever is over and has not been taken yet."""
        over = [descriptor for descriptor, (_, pid) in self._by_descriptor.items() if self._processes.is_over(pid)]
        return [*map(self.take, over), *self.look(at_once=True)]

    def close(self) -> None:
        """Watch nobody any more."""
        for descriptor in self._by_descriptor:
            os.close(descriptor)

    def index_of(self, pid: int) -> int | None:
        """Return the position of a process that is waited for."""
        if pid in self._looked_for:
            return self._looked_for[pid][0]
        return next((index for index, other in self._by_descriptor.values() if other == pid), None)


class ForkServerExitCodes:
    """The ends of those pipes whose codes may never be read by whom they are for."""

    def __init__(self, *, proc: bool = True) -> None:
        """With `proc`, /proc leads to the descriptors of other processes."""
        self._proc = proc
        self._announced: dict[int, tuple[int, int]] = {}
        """Process id -> descriptor in the main program, and the number of the pipe behind it."""
        self._held: dict[int, tuple[int, int]] = {}
        """Descriptor here -> position in the scenario, process id."""

    def announce(self, pid: int, descriptor: int, number: int) -> None:
        """Note where the main program will learn the exit code of a process."""
        self._announced[pid] = descriptor, number

    def hold(self, main: int, index: int, pid: int) -> int | None:
        """Open the pipe of a process that has ended with a code nobody knows yet; return its descriptor.

        None: it is not there any more, or never was, or there is no way to it.
        """
        if not self._proc or pid not in self._announced:
            return None
        descriptor, number = self._announced.pop(pid)
        with contextlib.suppress(OSError):  # the main program has read it and closed it, or is dead
            held = os.open(f"/proc/{main}/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if os.fstat(held).st_ino == number:
                self._held[held] = index, pid
                return held
            os.close(held)  # it is another one by now
        return None

    def unread(self, main: int, is_over: Callable[[int], bool]) -> list[tuple[int, int]]:
        """Return process id and exit code of those that are over, and whose code the main program has not read."""
        found = []
        for pid in [pid for pid in self._announced if is_over(pid)]:
            held = self.hold(main, 0, pid)
            if held is not None and (process := self.look(held)) is not None:
                found.append(process[1:])
        return found

    def look(self, held: int) -> tuple[int, int, int] | None:
        """Return position, process id and exit code, once the code is in the pipe that has been held."""
        if held not in self._held:
            return None
        seen = system.look_into_pipe(held, FORKSERVER_EXITCODE.size)
        if seen is None:  # it will be read at last
            return None
        index, pid = self._held.pop(held)
        os.close(held)
        return (index, pid, FORKSERVER_EXITCODE.unpack(seen)[0]) if len(seen) == FORKSERVER_EXITCODE.size else None

    def read(self) -> Iterator[tuple[int, int, int]]:
        """Yield position, process id and exit code, where the main program, which is dead, has not read it."""
        while self._held:
            held, (index, pid) = self._held.popitem()
            written = b""
            with contextlib.suppress(OSError):  # nothing has been written
                written = os.read(held, FORKSERVER_EXITCODE.size)
            os.close(held)
            if len(written) == FORKSERVER_EXITCODE.size:
                yield index, pid, FORKSERVER_EXITCODE.unpack(written)[0]
