"""The runner: starts the supervisor, follows the run through its segments, writes the log, and returns how it ended.

It does no work in the measured processes' way: it only reads their files, every few milliseconds. Whatever happens
here (Ctrl-C, a log that cannot be written), the supervisor is stopped and waited for, and the run's folder is
removed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum, auto
from types import FrameType
from typing import TYPE_CHECKING, Any

from run_scenario.errors import MachineryError, Status
from run_scenario.events.outcome import Outcome
from run_scenario.limits import DEFAULTS, Limits
from run_scenario.recording.drain import Retention
from run_scenario.runtime.best_effort_thread import LEAST, BestEffortThread, Throttle
from run_scenario.runtime.platform import system
from run_scenario.runtime.platform.system import default_start_method
from run_scenario.runtime.run_folder import folder_for, hold, remove_folder, remove_sockets, sockets_for
from run_scenario.runtime.run_request import RunRequest, semaphore_prefix
from run_scenario.runtime.supervisor.client import SupervisorClient, start_supervisor
from run_scenario.runtime.supervisor.orders import DONE, LOG_FAILED

if TYPE_CHECKING:
    from run_scenario.events.exit_status import Judge
    from run_scenario.events.reasons import Wording
    from run_scenario.runtime.run_follower import RunFollower, Sink
    from run_scenario.runtime.run_request import Script
    from run_scenario.scenario.model import Scenario, Step

__all__ = ["Outcome", "SupervisorClient", "default_start_method", "run", "start_supervisor"]

_KEPT = 64 * 1024 * 1024
"""Bytes that stay in the folder after they have been read: a runner that is killed leaves a whole recording."""
_LAG_NS = 10_000_000
"""How long records rest before they are decoded, during the run: an exit and its reaping come within that time."""
_PATIENCE = 1.0
"""Seconds after which a second signal is taken to mean: at once."""
_LOG_WITHIN = 5.0
"""Seconds after a stop signal within which somebody must have read the log; otherwise this process just dies of it."""
_RESERVE = 4 << 20
"""Bytes of address space that are kept back: nothing has been written to them, and so they cost no memory."""
_TICK = 0.1
"""Seconds between two signs of life, and between two looks at the files of descriptors 1 and 2."""


def run(
    scenario: Scenario,
    steps: tuple[Step, ...],
    *,
    supervisor: SupervisorClient,
    allow: Mapping[str, str],
    sinks: Sequence[Sink],
    wording: Wording,
    make_judge: Callable[[], Judge] | None = None,
    limits: Limits = DEFAULTS,
    way_to_allow: str = "",
    script: Script | None = None,
    captured: bool = True,
    coverage: str = "",
    control: str = "",
    pipe_capacity: int | None = None,
) -> Outcome:
    """Run a scenario with a supervisor just started and write its log to the sinks; return how it ended.

    `allow` names, for each package whose code may be run, the option or file that allows it; `way_to_allow` says how
    another one, `PKG`, can be allowed. `wording` makes the sentences that the log has. `script` is run in place of a
    scenario, which then only has the name of the run and its deadline. For `captured`, `coverage`, `control` and
    `pipe_capacity` see `RunRequest`.
    `make_judge` is called while the processes start; what it returns judges the log, and its verdicts become events.

    Raises:
        MachineryError: the run could not be set up or its log not be written; nothing is left behind.
        BrokenPipeError: a sink's output was closed; the run was stopped.
    """
    request = RunRequest(
        scenario.replace(expect=()),
        steps,
        os.urandom(6).hex(),
        "",
        (time.monotonic_ns(), time.time_ns()),
        allow,
        limits,
        way_to_allow=way_to_allow,
        capabilities=supervisor.capabilities,
        script=script,
        captured=captured,
        coverage=coverage,
        control=control,
        pipe_capacity=pipe_capacity,
    )
    return _Run(scenario, request, supervisor, sinks, wording, make_judge).execute()


class _Stage(Enum):
    """How far a run has come, seen from the runner: what the supervisor understands, and what it has to end."""

    PREPARING = auto()
    """The supervisor has got nothing: it has nothing to end."""
    SENDING = auto()
    """It has got a part of the request: what is sent now would be taken for the rest of it."""
    RUNNING = auto()
    """It has got the request, and takes orders."""
    OVER = auto()
    """It has sent its last word, or died without one."""


class _Run:
    """One run, seen from the runner."""

    def __init__(
        self,
        scenario: Scenario,
        request: RunRequest,
        supervisor: SupervisorClient,
        sinks: Sequence[Sink],
        wording: Wording,
        make_judge: Callable[[], Judge] | None,
    ) -> None:
        """`request` is as it is sent, but without expectations and folders."""
        self._scenario = scenario
        self._request = request
        self._supervisor = supervisor
        self._sinks = sinks
        self._wording = wording
        self._make_judge = make_judge
        self._passes_on = request.script is not None and not request.control
        """Whether the next signal goes to the script."""
        self._folder = ""
        self._held: int | None = None
        """A descriptor that shows that the folder is looked after."""
        self._sockets = ""
        self._stage = _Stage.PREPARING
        self._stop_signal = 0
        self._stopped_at = 0.0
        self._supervisor_failure = ""
        """Why it was not the supervisor that ended the run."""
        self._others: frozenset[int] = frozenset()

    def execute(self) -> Outcome:
        """Run to the end."""
        limits = None
        run, began = self._request.run, self._request.began[0]
        reserve: list[bytes] = []
        with _signals(self._on_signal) as self._wake_up:
            try:
                reserve.append(bytes(_RESERVE))
                self._others = frozenset(system.children(os.getpid())) - {self._supervisor.pid}
                self._folder = folder_for(run)
                self._sockets = sockets_for(run)
                request = self._request.replace(folder=self._folder, sockets=self._sockets)
                self._send(request)
                limits = system.raise_descriptor_limit()
                for sink in self._sinks:
                    sink.open()
                self._follower = self._start_follower(request)
                self._follow()
                if self._supervisor_failure:
                    self._supervisor.end(self._others)
                return self._conclude()
            except BaseException as error:
                reserve.clear()  # should memory have run out: to clear up takes a little
                if self._stage is _Stage.PREPARING:
                    self._supervisor.cancel()
                elif self._stage is not _Stage.OVER:
                    self._supervisor.stop_and_wait()
                # Where the terminal is gone, so is everybody who could read why the log is not written.
                if self._stop_signal == signal.SIGHUP and isinstance(error, (MachineryError, BrokenPipeError)):
                    return Outcome(Status.HANGUP, "interrupted", (), (time.monotonic_ns() - began) / 1e9)
                raise
            finally:
                with contextlib.ExitStack() as last:  # from the bottom up, each whatever becomes of the others
                    last.callback(system.restore_descriptor_limit, limits)
                    if self._held is not None:
                        last.callback(os.close, self._held)
                    last.callback(system.remove_semaphores, semaphore_prefix(run))
                    last.callback(remove_folder, self._folder)
                    last.callback(remove_sockets, self._sockets)
                    last.callback(self._supervisor.end, self._others)

    def _send(self, request: RunRequest) -> None:
        self._stage = _Stage.SENDING
        self._supervisor.send(request)
        os.makedirs(self._folder, 0o700, exist_ok=True)  # the supervisor does so too, so that it is never left behind
        self._held = hold(self._folder)
        self._stage = _Stage.RUNNING
        if self._stop_signal:
            self._supervisor.stop(self._stop_signal)

    def _start_follower(self, request: RunRequest) -> RunFollower:
        """Prepare to write the log, while the run is already under way."""
        # The types of all events, and msgspec: the supervisor, which has been forked, does not need them.
        from run_scenario.runtime.run_follower import RunFollower

        judge = self._make_judge() if self._make_judge else None
        follower = RunFollower(
            request.replace(scenario=self._scenario),
            self._supervisor.pid,
            self._sinks,
            self._scenario.start_method or self._supervisor.default_start_method(),
            discard=Retention(_KEPT).discard,
            wording=self._wording,
            stop=self._supervisor.stop,
        )
        follower.begin(judge)
        return follower

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Stop the run in an orderly way; should the log still not be out after that, die of the signal."""
        now = time.monotonic()
        if self._passes_on and self._stage is _Stage.RUNNING and number != signal.SIGALRM:
            self._passes_on = False
            self._supervisor.stop(number)
            return
        if self._stop_signal and (number == signal.SIGALRM or now - self._stopped_at > _PATIENCE):
            signal.signal(self._stop_signal, signal.SIG_DFL)
            os.kill(os.getpid(), self._stop_signal)  # the supervisor sees it and clears up
        if not self._stop_signal and number != signal.SIGALRM:
            self._stop_signal, self._stopped_at = number, now
            signal.setitimer(signal.ITIMER_REAL, _LOG_WITHIN)
            if self._stage is _Stage.RUNNING:
                self._supervisor.stop(number)

    # While it runs

    def _follow(self) -> None:
        """Follow the run in a thread that gets only the time that the run leaves over, until the supervisor is done."""
        over = threading.Event()
        failures: list[BaseException] = []
        follower = BestEffortThread(lambda: self._follow_quietly(over, failures))
        follower.start()  # where there is no room for it, the log is written when the run is over
        try:
            word = self._supervisor.final_answer(self._wake_up)
            self._stage = _Stage.OVER
        finally:
            over.set()
            follower.join()
        if word != DONE:
            self._supervisor_failure = f"the supervisor failed: {word}" if word else "the supervisor was killed"
        if failures and not isinstance(failures[0], (MachineryError, BrokenPipeError)):
            raise failures[0]  # if a sink has failed, the others get the rest of the log first

    def _follow_quietly(self, over: threading.Event, failures: list[BaseException]) -> None:
        system.yield_to_others()
        throttle = Throttle()
        pause = LEAST
        try:
            next_tick = 0.0
            while not over.wait(pause):
                began = time.monotonic()
                self._follower.advance(_LAG_NS)
                if began >= next_tick:
                    next_tick = began + _TICK
                    self._follower.look_for_output(time.monotonic_ns())
                    self._supervisor.wake()
                    self._follower.tick()
                pause = throttle.pause(time.monotonic() - began)
        except BaseException as error:
            failures.append(error)
            if self._request.script is None:
                self._supervisor.stop(LOG_FAILED)

    def _conclude(self) -> Outcome:
        why = self._supervisor_failure
        troubles = [f"{why}; the runner ended the run"] if why else []
        return self._follower.conclude(self._stop_signal, troubles, self._supervisor.not_ended)


@contextlib.contextmanager
def _signals(handler: Any) -> Iterator[int]:
    """Have SIGINT, SIGTERM and SIGHUP (and the timer set by them) handled for as long as this lasts.

    Yields a descriptor that becomes readable when one comes.
    """
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM]
    try:
        wake_up, writable = os.pipe()
    except OSError as error:
        raise MachineryError(f"cannot start a run: {error.strerror}; close some programs or raise the limit") from error
    os.set_blocking(writable, False)
    woken_before = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield wake_up
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, old in before.items():
            signal.signal(number, old)
        signal.set_wakeup_fd(woken_before)
        os.close(wake_up)
        os.close(writable)
