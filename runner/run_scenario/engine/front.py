"""The front: starts the guard, follows the run through its segments, tells the log, and says how it ended.

It does no work in the measured processes' way: it only reads their files, every few milliseconds. Whatever happens
here (Ctrl-C, a log that cannot be written), the guard is told to stop and waited for, and the run's folder removed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from run_scenario.engine.folder import folder_for, remove_folder
from run_scenario.engine.guard_handle import DONE, UNTOLD, Guard, start_guard
from run_scenario.engine.outcome import Outcome
from run_scenario.engine.side_thread import SideThread
from run_scenario.engine.start_method import default_start_method
from run_scenario.errors import MachineryError, Status
from run_scenario.limits import DEFAULTS, Limits

if TYPE_CHECKING:
    from run_scenario.engine.judging import Judge
    from run_scenario.engine.program import Program
    from run_scenario.engine.sink import Sink
    from run_scenario.engine.telling import Telling
    from run_scenario.model import Scenario, Step

__all__ = ["Guard", "Outcome", "default_start_method", "run", "start_guard"]

_KEPT = 64 * 1024 * 1024
"""Bytes of what has been read and told that stay in the folder: a front that is killed leaves a whole recording."""
_LAG_NS = 10_000_000
"""How long records rest before they are told, while the run goes on: an exit and its reaping come within that time."""
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
    guard: Guard,
    allow: frozenset[str],
    sinks: Sequence[Sink],
    make_judge: Callable[[], Judge] | None = None,
    limits: Limits = DEFAULTS,
) -> Outcome:
    """Run a scenario with a guard just started and tell its log to the sinks; return how it ended.

    `make_judge` is called while the processes start; what it returns judges the log, and its verdicts become events.

    Raises:
        MachineryError: the run could not be set up or its log not be written; nothing is left behind.
        BrokenPipeError: nobody reads a sink's output any more; the run was stopped.
    """
    return _Run(scenario, steps, guard, allow, sinks, make_judge, limits).execute()


class _Run:
    """One run, seen from the front."""

    def __init__(
        self,
        scenario: Scenario,
        steps: tuple[Step, ...],
        guard: Guard,
        allow: frozenset[str],
        sinks: Sequence[Sink],
        make_judge: Callable[[], Judge] | None,
        limits: Limits,
    ) -> None:
        self._scenario = scenario
        self._steps = steps
        self._guard = guard
        self._allow = allow
        self._sinks = sinks
        self._make_judge = make_judge
        self._limits = limits
        self._run = os.urandom(6).hex()
        self._folder = ""
        self._offered = False
        """Whether the guard has begun to get the program, and so has something to end."""
        self._sent = False
        self._stop_signal = 0
        self._stopped_at = 0.0
        self._last_word = ""
        self._heard = False
        """Whether the guard has said its last word, or has died without one."""
        self._others: frozenset[int] = frozenset()

    def execute(self) -> Outcome:
        """Run to the end."""
        from run_scenario.engine import platform
        from run_scenario.engine.program import Program, semaphore_prefix

        limits = None
        began = time.monotonic_ns(), time.time_ns()
        reserve: list[bytes] = []
        with _signals(self._on_signal):
            try:
                reserve.append(bytes(_RESERVE))
                scenario = self._scenario.replace(expect=())
                program = Program(scenario, self._steps, self._run, self._folder, began, self._allow, self._limits)
                self._others = frozenset(platform.children(os.getpid())) - {self._guard.pid}
                self._folder = folder_for(self._run)
                program = program.replace(folder=self._folder)
                self._send(program)
                limits = platform.raise_descriptor_limit()
                for sink in self._sinks:
                    sink.open()
                self._telling = self._begin_to_tell(program)
                self._follow()
                if self._last_word != DONE:
                    self._guard.end(self._others)
                return self._conclude()
            except BaseException as error:
                reserve.clear()  # should memory have run out: to clear up takes a little
                if not self._offered:
                    self._guard.dismiss()
                elif not self._heard:
                    self._guard.stop_and_wait()
                # Where the terminal is gone, so is everybody who could read why the log is not written.
                if self._stop_signal == signal.SIGHUP and isinstance(error, (MachineryError, BrokenPipeError)):
                    return Outcome(Status.HANGUP, "interrupted", (), (time.monotonic_ns() - began[0]) / 1e9)
                raise
            finally:
                with contextlib.ExitStack() as last:  # from the bottom up, each whatever becomes of the others
                    last.callback(platform.restore_descriptor_limit, limits)
                    last.callback(platform.remove_semaphores, semaphore_prefix(self._run))
                    last.callback(remove_folder, self._folder)
                    last.callback(self._guard.end, self._others)

    def _send(self, program: Program) -> None:
        self._offered = True
        self._guard.send(program)
        os.makedirs(self._folder, 0o700, exist_ok=True)  # the guard does so too, so that it is never left behind
        self._sent = True
        if self._stop_signal:
            self._guard.stop(self._stop_signal)

    def _begin_to_tell(self, program: Program) -> Telling:
        """Prepare to tell the log, while the run is already under way."""
        from run_scenario.engine.telling import Telling
        from run_scenario.record.shelf import Shelf

        judge = self._make_judge() if self._make_judge else None
        telling = Telling(
            program.replace(scenario=self._scenario),
            self._guard.pid,
            self._sinks,
            self._scenario.start_method or default_start_method(),
            retire=Shelf(_KEPT).put,
            stop=self._guard.stop,
        )
        telling.begin(judge)
        return telling

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Stop the run in an orderly way; should the log still not be out after that, die of the signal."""
        now = time.monotonic()
        if self._stop_signal and (number == signal.SIGALRM or now - self._stopped_at > _PATIENCE):
            signal.signal(self._stop_signal, signal.SIG_DFL)
            os.kill(os.getpid(), self._stop_signal)  # the guard sees it and clears up
        if not self._stop_signal and number != signal.SIGALRM:
            self._stop_signal, self._stopped_at = number, now
            signal.setitimer(signal.ITIMER_REAL, _LOG_WITHIN)
            if self._sent:
                self._guard.stop(number)

    # While it runs

    def _follow(self) -> None:
        """Tell the log in a thread that gets only the time the run leaves over, until the guard says it is over."""
        over = threading.Event()
        failures: list[BaseException] = []
        follower = SideThread(lambda: self._follow_quietly(over, failures))
        follower.start()  # where there is no room for it, all is told when the run is over
        try:
            self._last_word = self._guard.last_word()
            self._heard = True
        finally:
            over.set()
            follower.join()
        if failures and not isinstance(failures[0], (MachineryError, BrokenPipeError)):
            raise failures[0]  # otherwise a sink has failed: the others are to have their end before that is told

    def _follow_quietly(self, over: threading.Event, failures: list[BaseException]) -> None:
        from run_scenario.engine import platform
        from run_scenario.engine.pace import LEAST, Pace

        platform.yield_to_others()
        pace = Pace()
        pause = LEAST
        try:
            next_tick = 0.0
            while not over.wait(pause):
                began = time.monotonic()
                self._telling.tell(_LAG_NS)
                if began >= next_tick:
                    next_tick = began + _TICK
                    self._telling.look_for_output(time.monotonic_ns())
                    platform.wake(self._guard.pid)
                    self._telling.tick()
                pause = pace.pause(time.monotonic() - began)
        except BaseException as error:
            failures.append(error)
            self._guard.stop(UNTOLD)

    def _conclude(self) -> Outcome:
        troubles = []
        if self._last_word != DONE:
            why = f"the guard failed: {self._last_word}" if self._last_word else "the guard was killed"
            troubles.append(f"{why}; the run was ended by its other watcher")
        return self._telling.conclude(self._stop_signal, troubles)


@contextlib.contextmanager
def _signals(handler: Any) -> Any:
    """Have SIGINT, SIGTERM and SIGHUP (and the timer set by them) handled for as long as this lasts."""
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, old in before.items():
            signal.signal(number, old)
