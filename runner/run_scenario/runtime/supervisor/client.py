"""The runner's side of its supervisor: fork it early, send it the request, stop it, wait for its end."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import time
from typing import TYPE_CHECKING, Any, cast

from run_scenario.errors import MachineryError
from run_scenario.runtime.platform import capabilities, system
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.supervisor.orders import DONE, LOG_FAILED, LOG_WRITTEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_scenario.runtime.run_request import RunRequest
    from run_scenario.scenario.model import StartMethod

_REST_WITHIN = 0.2
"""Seconds that are spent on those of a supervisor that is done: it has tried for long to end them."""
_PAUSE = 0.001
_LOOK_EVERY_MS = 100
_STOP_WITHIN = 15.0
"""Seconds after which a supervisor that has got an order to stop, or should have ended, is itself killed."""
_GONE_WITHIN = 1.0
"""Seconds after which even a killed supervisor is not waited for any longer."""


class SupervisorClient:
    """A supervisor that has been forked and waits for a request; as a context, it is ended if none was sent."""

    def __init__(self, pid: int, orders: int, answers: int, capabilities: Capabilities) -> None:
        """Hold the supervisor `pid`, which reads from the pipe `orders` and writes to the pipe `answers`."""
        self.pid = pid
        self.capabilities = capabilities
        self._folder = ""
        self._is_done = False
        self.not_ended: list[tuple[int, str | None]] = []
        """What a killed supervisor has left and this process could not end: pid, state as `Processes` gives it."""
        self.orders = orders
        self.answers = answers
        self._heard = b""
        """What of the supervisor's answers was read and not yet understood."""
        self._start_method: StartMethod | None = None

    def __enter__(self) -> SupervisorClient:
        return self

    def __exit__(self, *_: object) -> None:
        if self.orders >= 0:
            self.cancel()

    def cancel(self) -> None:
        """End the supervisor: there is nothing to run."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.orders, bytes(8))
        self.end(frozenset())

    def send(self, request: RunRequest) -> None:
        """Send the request to run something.

        Raises:
            MachineryError: the supervisor is dead.
        """
        self._folder = request.folder
        self._send(pickle.dumps(request))

    def send_next(self, changes: Mapping[str, Any]) -> None:
        """Send the request to run something again, which differs from the one before in these fields.

        Raises:
            MachineryError: the supervisor is dead.
        """
        self._folder = changes["folder"]
        self._send(pickle.dumps(changes))

    def _send(self, pickled: bytes) -> None:
        data = len(pickled).to_bytes(8, "little") + pickled
        try:
            while data:
                data = data[os.write(self.orders, data) :]
        except BrokenPipeError:
            raise MachineryError("the run could not begin: its supervisor was killed") from None

    def default_start_method(self) -> StartMethod:
        """Return how multiprocessing starts processes where nobody names a start method: the supervisor's first word.

        So that it need not be imported in this process, too.
        """
        while self._start_method is None:
            name, newline, rest = self._heard.partition(b"\n")
            if newline:
                self._start_method, self._heard = cast("StartMethod", name.decode()), rest
            elif not self._hear():
                self._start_method = system.default_start_method()  # it was killed before it could say so
        return self._start_method

    def _hear(self) -> bool:
        """Wait for more of the supervisor's answers; return whether there may be more. Somebody may have stopped it."""
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        while not poll.poll(_LOOK_EVERY_MS):
            self.wake()
        block = os.read(self.answers, 4096)
        self._heard += block
        return bool(block)

    def stop(self, number: int) -> None:
        """Have the run ended because of that signal."""
        with contextlib.suppress(OSError):
            os.write(self.orders, bytes([number]))

    def final_answer(self, wake_up: int) -> str:
        """Wait for the supervisor's last answer and return it: `done`, why it failed, or nothing if it was killed.

        `wake_up` becomes readable when a signal comes: one that comes just before a read() is not heard in it.
        """
        self.default_start_method()  # its first word, which comes at once
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        poll.register(wake_up, select.POLLIN)
        while not self._heard and self.answers not in dict(poll.poll()):
            os.read(wake_up, 4096)  # the handlers are called now
        answer = (self._heard or os.read(self.answers, 4096)).decode("utf-8", "replace").strip()
        self._is_done = answer == DONE
        return answer

    def release(self) -> None:
        """Let it remove what a run has recorded, which has been read; another run may follow."""
        with contextlib.suppress(OSError):
            os.write(self.orders, LOG_WRITTEN)

    def leave(self) -> None:
        """Leave it to the process of which this one is a copy."""
        os.close(self.orders)
        os.close(self.answers)
        self.orders = -1

    def wake(self) -> None:
        """Have it go on, should somebody have stopped it: nobody else would look after the run meanwhile."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGCONT)  # which means nothing to a process that is not stopped

    def stop_and_wait(self) -> None:
        """Have the run ended because this process cannot follow it, and wait for that, but not for ever."""
        self.stop(LOG_FAILED)
        self.default_start_method()
        if self._heard:
            return
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        if not poll.poll(int(_STOP_WITHIN * 1000)):
            os.kill(self.pid, signal.SIGKILL)

    def end(self, others: frozenset[int]) -> None:
        """Let the supervisor go, which is done or dead, and end everybody whom a dead one has left to this process.

        `others` are children of this process that have nothing to do with the run. Calling it again does nothing.
        """
        if self.orders < 0:
            return
        self.release()
        os.close(self.orders)  # the end of file is what a supervisor that is done waits for
        os.close(self.answers)
        self.orders = -1
        self._wait()
        from run_scenario.runtime.supervisor.processes import (  # 2 ms, not before the fork
            ADOPTED_WITHIN,
            Processes,
            end_left,
        )

        left = Processes(self.capabilities, self.pid, self._folder)
        seconds = _REST_WITHIN if self._is_done or not left.sees_ends else ADOPTED_WITHIN
        still = end_left(left, others, seconds)
        self.not_ended = [(pid, left.state_of(pid)) for pid in still]

    def _wait(self) -> None:
        """Wait for the supervisor's end, but not for ever; wake it, should somebody have stopped it."""
        until = time.monotonic() + _STOP_WITHIN
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self.pid, os.WNOHANG) == (0, 0) and time.monotonic() < until + _GONE_WITHIN:
                self.wake()
                if time.monotonic() > until:
                    os.kill(self.pid, signal.SIGKILL)
                time.sleep(_PAUSE)


def start_supervisor(private: tuple[int, ...] = ()) -> SupervisorClient:
    """Fork the supervisor; call it early, while this process is small and single-threaded.

    `private` are descriptors of this process that none of the run is to have. From then on orphans come to this
    process, should the supervisor be killed.

    Raises:
        MachineryError: no process or no descriptors are left, or this system cannot fork.
        UsageError: the environment takes away a capability that is not known.
    """
    capabilities.check_fork(os.environ)
    found = capabilities.find(os.environ)
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
            for descriptor in private:
                os.close(descriptor)
            from run_scenario.runtime.supervisor.supervisor import serve  # which the runner itself does not need

            serve(orders, answers, found)
        finally:
            os._exit(1)
    os.close(orders)
    os.close(answers)
    return SupervisorClient(pid, orders_to, answers_from, found)
