"""The runner's side of its supervisor: fork it early, send it the request, stop it, wait for its end."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import time
from typing import TYPE_CHECKING

from run_scenario.errors import MachineryError
from run_scenario.runtime.platform import capabilities
from run_scenario.runtime.platform.capabilities import Capabilities

if TYPE_CHECKING:
    from run_scenario.runtime.run_request import RunRequest
    from run_scenario.runtime.supervisor.processes import Processes

_ADOPTED_WITHIN = 5.0
"""Seconds that are spent on ending the processes of a killed supervisor."""
_REST_WITHIN = 0.2
"""Seconds that are spent on those of a supervisor that is done: it has tried for long to end them."""
TOO_MUCH = 255
"""Stands for a signal's number where the run is to be ended because of a limit, which the runner has reported."""
LOG_FAILED = 254
"""Stands for a signal's number where the run is to be ended because its log cannot be written any more."""
FULL = 253
"""Stands for a signal's number where the run is to be ended because there is no room for what it records."""
DONE = "done"
"""The supervisor's last word when nothing of the run is left."""
_TRACKERS_WITHIN = 1.0
"""Seconds that multiprocessing's resource trackers get of those."""
_PAUSE = 0.001
LOG_WRITTEN = b"\0"
"""The runner's last order: the log is written. A runner that is killed does not give it."""
_STOP_WITHIN = 15.0
"""Seconds after which a supervisor that has got an order to stop, or should have ended, is itself killed."""
_GONE_WITHIN = 1.0
"""Seconds after which even a killed supervisor is not waited for any longer."""


class SupervisorClient:
    """A supervisor that has been forked and waits for a request; as a context, it is dismissed if none was sent."""

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

    def __enter__(self) -> SupervisorClient:
        return self

    def __exit__(self, *_: object) -> None:
        if self.orders >= 0:
            self.dismiss()

    def dismiss(self) -> None:
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
        pickled = pickle.dumps(request)
        data = len(pickled).to_bytes(8, "little") + pickled
        try:
            while data:
                data = data[os.write(self.orders, data) :]
        except BrokenPipeError:
            raise MachineryError("the run could not begin: its supervisor was killed") from None

    def stop(self, number: int) -> None:
        """Have the run ended because of that signal."""
        with contextlib.suppress(OSError):
            os.write(self.orders, bytes([number]))

    def last_word(self, wake_up: int) -> str:
        """Wait for the supervisor's last word and return it: `done`, why it failed, or nothing if it was killed.

        `wake_up` becomes readable when a signal comes: one that comes just before a read() is not heard in it.
        """
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        poll.register(wake_up, select.POLLIN)
        while self.answers not in dict(poll.poll()):
            os.read(wake_up, 4096)  # the handlers are called now
        word = os.read(self.answers, 4096).decode("utf-8", "replace").strip()
        self._is_done = word == DONE
        return word

    def wake(self) -> None:
        """Have it go on, should somebody have stopped it: nobody else would look after the run meanwhile."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGCONT)  # which means nothing to a process that is not stopped

    def stop_and_wait(self) -> None:
        """Have the run ended because this process cannot follow it, and wait for that, but not for ever."""
        self.stop(LOG_FAILED)
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
        with contextlib.suppress(OSError):
            os.write(self.orders, LOG_WRITTEN)
        os.close(self.orders)  # the end of file is what a supervisor that is done waits for
        os.close(self.answers)
        self.orders = -1
        self._wait()
        from run_scenario.runtime.supervisor.processes import Processes  # 2 ms, not before the fork

        left = Processes(self.capabilities, self.pid, self._folder)
        seconds = _REST_WITHIN if self._is_done or not left.sees_ends else _ADOPTED_WITHIN
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


def end_left(processes: Processes, others: frozenset[int] = frozenset(), seconds: float = _ADOPTED_WITHIN) -> list[int]:
    """End the processes that a dead supervisor has left; resource trackers get a moment to remove what they know of.

    After so many seconds they are left, and returned: SIGKILL does not end a process in uninterruptible sleep.
    """
    until = time.monotonic() + seconds
    patience = time.monotonic() + _TRACKERS_WITHIN
    while (left := _find_left(processes, others)) and time.monotonic() < until:
        # A fork server stays as long as its children do, so those are not left to this process before they are ended.
        everybody = [*left, *(pid for child in left for pid in processes.descendants(child))]
        for pid in everybody:
            if time.monotonic() > patience or not processes.is_auxiliary(pid):
                processes.send(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE)
    return [pid for pid in left if not processes.is_over(pid)]


def _find_left(processes: Processes, others: frozenset[int]) -> list[int]:
    """Return who is left of a run, ended children of this process that nobody has waited for among them."""
    if processes.means.proc and processes.means.subreaper:
        return [pid for pid in processes.children(os.getpid()) if pid not in others]
    return [*processes.living()] if processes.folder else []  # without a folder nothing has been run


def start_supervisor() -> SupervisorClient:
    """Fork the supervisor; call it early, while this process is small and single-threaded.

    From then on orphans come to this process, should the supervisor be killed.

    Raises:
        MachineryError: no process or no descriptors are left.
        UsageError: the environment takes away a capability that is not known.
    """
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
            from run_scenario.runtime.supervisor.supervisor import serve  # which the runner itself does not need

            serve(orders, answers, found)
        finally:
            os._exit(1)
    os.close(orders)
    os.close(answers)
    return SupervisorClient(pid, orders_to, answers_from, found)
