"""The front's hold on its guard: fork it early, hand it the program, tell it to stop, see it off."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from run_scenario.errors import MachineryError

_ADOPTED_WITHIN = 5.0
"""Seconds that are spent on ending the processes of a killed guard."""
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
        self._wait()

    def send(self, program: bytes) -> None:
        """Hand over the pickled program.

        Raises:
            MachineryError: the guard is dead.
        """
        data = len(program).to_bytes(8, "little") + program
        try:
            while data:
                data = data[os.write(self.orders, data) :]
        except BrokenPipeError:
            raise MachineryError("the run could not begin: its guard was killed") from None

    def stop(self, number: int) -> None:
        """Have the run ended because of that signal."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self.orders, bytes([number]))

    def wait_until_done(self) -> bool:
        """Wait for the guard's last word; return whether it was that nothing is left (or that it is dead)."""
        return os.read(self.answers, 64).startswith(b"done")

    def stop_and_wait(self) -> None:
        """Have the run ended because this process cannot follow it, and wait for that, but not for ever."""
        self.stop(signal.SIGTERM)
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        if not poll.poll(int(_STOP_WITHIN * 1000)):
            os.kill(self.pid, signal.SIGKILL)

    def _wait(self) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self.orders)
        os.close(self.answers)

    def end(self, others: frozenset[int]) -> None:
        """Wait for the guard, and should it have been killed, end everybody it leaves to this process.

        `others` are children of this process that have nothing to do with the run.
        """
        from run_scenario.engine import platform

        for pid in reversed(platform.descendants(self.pid)):
            platform.send_signal(pid, signal.SIGKILL)
        self._wait()
        until = time.monotonic() + _ADOPTED_WITHIN
        while (left := [p for p in platform.children(os.getpid()) if p not in others]) and time.monotonic() < until:
            for pid in left:
                platform.send_signal(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def start_guard() -> Guard:
    """Fork the guard; call it early, while this process is small and single-threaded.

    Raises:
        MachineryError: no process or no descriptors are left.
    """
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
            from run_scenario.engine import guard

            guard.serve(orders, answers)
        finally:
            os._exit(1)
    os.close(orders)
    os.close(answers)
    return Guard(pid, orders_to, answers_from)
