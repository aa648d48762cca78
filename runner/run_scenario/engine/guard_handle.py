"""The front's hold on its guard: fork it early, hand it the program, tell it to stop, see it off."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import time
from typing import TYPE_CHECKING

from run_scenario.errors import MachineryError

if TYPE_CHECKING:
    from run_scenario.engine.program import Program

_ADOPTED_WITHIN = 5.0
"""Seconds that are spent on ending the processes of a killed guard."""
TOO_MUCH = 255
"""Stands for a signal's number where the run is to be ended because of a limit; the front has told of it."""
UNTOLD = 254
"""Stands for a signal's number where the run is to be ended because its log cannot be written any more."""
FULL = 253
"""Stands for a signal's number where the run is to be ended because there is no room for what it records."""
DONE = "done"
"""The guard's last word when nothing of the run is left."""
_TRACKERS_WITHIN = 1.0
"""Seconds that multiprocessing's resource trackers get of those."""
_PAUSE = 0.001
TOLD = b"\0"
"""The front's last order: it has done with the run. A front that is killed does not give it."""
_STOP_WITHIN = 15.0
"""Seconds after which a guard that was told to stop is itself killed."""


class Guard:
    """A guard that has been forked and waits for its program."""

    def __init__(self, pid: int, orders: int, answers: int) -> None:
        """Hold the guard `pid`, which reads from the pipe `orders` and writes to the pipe `answers`."""
        self.pid = pid
        self.orders = orders
        self.answers = answers

    def dismiss(self) -> None:
        """End the guard: there is nothing to run."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.orders, bytes(8))
        self.end(frozenset())

    def send(self, program: Program) -> None:
        """Hand over the program.

        Raises:
            MachineryError: the guard is dead.
        """
        pickled = pickle.dumps(program)
        data = len(pickled).to_bytes(8, "little") + pickled
        try:
            while data:
                data = data[os.write(self.orders, data) :]
        except BrokenPipeError:
            raise MachineryError("the run could not begin: its guard was killed") from None

    def stop(self, number: int) -> None:
        """Have the run ended because of that signal."""
        with contextlib.suppress(OSError):
            os.write(self.orders, bytes([number]))

    def last_word(self) -> str:
        """Wait for the guard's last word and return it: `done`, why it failed, or nothing if it was killed."""
        return os.read(self.answers, 4096).decode("utf-8", "replace").strip()

    def stop_and_wait(self) -> None:
        """Have the run ended because this process cannot follow it, and wait for that, but not for ever."""
        self.stop(UNTOLD)
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        if not poll.poll(int(_STOP_WITHIN * 1000)):
            os.kill(self.pid, signal.SIGKILL)

    def end(self, others: frozenset[int]) -> None:
        """Let the guard go, which is done or dead, and end everybody whom a dead one has left to this process.

        `others` are children of this process that have nothing to do with the run. Calling it again does nothing.
        """
        if self.orders < 0:
            return
        with contextlib.suppress(OSError):
            os.write(self.orders, TOLD)
        os.close(self.orders)  # the end of file is what a guard that is done waits for
        os.close(self.answers)
        self.orders = -1
        self._wait()
        _end_adopted(others)

    def _wait(self) -> None:
        """Wait for the guard's end; wake it, should somebody have stopped it."""
        from run_scenario.engine import platform

        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                platform.wake(self.pid)
                time.sleep(_PAUSE)


def _end_adopted(others: frozenset[int]) -> None:
    """End those whom a dead guard has left; resource trackers get a moment to remove what is registered with them."""
    from run_scenario.engine import platform

    until = time.monotonic() + _ADOPTED_WITHIN
    patience = time.monotonic() + _TRACKERS_WITHIN
    while (left := [p for p in platform.children(os.getpid()) if p not in others]) and time.monotonic() < until:
        # A fork server stays as long as its children do, so those are not left to this process before they are ended.
        everybody = [*left, *(pid for child in left for pid in platform.descendants(child))]
        at_once = [pid for pid in everybody if time.monotonic() > patience or not platform.is_helper(pid)]
        for pid in at_once:
            platform.send_signal(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0 if pid in at_once else os.WNOHANG)
        if not at_once:
            time.sleep(_PAUSE)


def start_guard() -> Guard:
    """Fork the guard; call it early, while this process is small and single-threaded.

    From then on orphans come to this process, should the guard be killed.

    Raises:
        MachineryError: no process or no descriptors are left.
    """
    from run_scenario.engine import platform

    platform.become_subreaper()  # before the fork: what that imports, the guard needs as well, and so does not
    try:
        orders, orders_to = os.pipe()
        answers_from, answers = os.pipe()
        pid = os.fork()
    except OSError as error:
        raise MachineryError(f"cannot start a run: {error.strerror}; close some programs or raise the limit") from error
    if pid == 0:
        try:
            os.close(orders_to)
            os.close(answers_from)
            from run_scenario.engine.guard_process import serve

            serve(orders, answers)
        finally:
            os._exit(1)
    os.close(orders)
    os.close(answers)
    return Guard(pid, orders_to, answers_from)
