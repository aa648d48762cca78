"""The front: starts the guard, follows the run through its segments, tells the log, and says how it ended.

It does no work in the measured processes' way: it only reads their files, every few milliseconds. Whatever happens
here (Ctrl-C, a log that cannot be written), the guard is told to stop and waited for, and the run's folder removed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from run_scenario.engine.folder import folder_for, remove_folder
from run_scenario.engine.guard_handle import DONE, Guard, start_guard
from run_scenario.engine.outcome import Outcome
from run_scenario.errors import Status
from run_scenario.record import codes

if TYPE_CHECKING:
    from run_scenario.engine.judging import Judge
    from run_scenario.engine.narrator import Narrator
    from run_scenario.engine.program import Program
    from run_scenario.engine.sink import Sink
    from run_scenario.model import Scenario, Step
    from run_scenario.record.drain import Drain, Entry
    from run_scenario.record.reader import SegmentReader

__all__ = ["Guard", "Outcome", "default_start_method", "run", "start_guard"]

_LAG_NS = 10_000_000
"""How long records rest before they are told, while the run goes on: an exit and its reaping come within that time."""
_PATIENCE = 1.0
"""Seconds after which a second signal is taken to mean: at once."""
_LOG_WITHIN = 5.0
"""Seconds after a stop signal within which somebody must have read the log; otherwise this process just dies of it."""
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
) -> Outcome:
    """Run a scenario with a guard just started and tell its log to the sinks; return how it ended.

    `make_judge` is called while the processes start; what it returns judges the log, and its verdicts become events.

    Raises:
        MachineryError: the run could not be set up or its log not be written; nothing is left behind.
        BrokenPipeError: nobody reads a sink's output any more; the run was stopped.
    """
    return _Run(scenario, steps, guard, allow, sinks, make_judge).execute()


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
    ) -> None:
        self._scenario = scenario
        self._steps = steps
        self._guard = guard
        self._allow = allow
        self._sinks = sinks
        self._make_judge = make_judge
        self._judge: Judge | None = None
        self._run = os.urandom(6).hex()
        self._folder = ""
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
        from run_scenario.engine.program import Program

        limits = None
        program = Program(self._scenario.replace(expect=()), self._steps, self._run, self._folder, self._allow)
        began, wall = time.monotonic_ns(), time.time_ns()
        with _signals(self._on_signal):
            try:
                self._others = frozenset(platform.children(os.getpid())) - {self._guard.pid}
                platform.become_subreaper()  # should the guard be killed, its children come to us
                self._folder = folder_for(self._run)
                self._send(program.replace(folder=self._folder))
                limits = platform.raise_descriptor_limit()
                for sink in self._sinks:
                    sink.open()
                self._set_up(began, wall)
                self._follow()
                if self._last_word != DONE:
                    self._guard.end(self._others)
                return self._conclude(began)
            except BaseException:
                if not self._heard:
                    self._guard.stop_and_wait()
                raise
            finally:
                self._guard.end(self._others)
                remove_folder(self._folder)
                platform.remove_semaphores(program.semaphore_prefix)
                platform.restore_descriptor_limit(limits)

    def _send(self, program: Program) -> None:
        import pickle

        self._guard.send(pickle.dumps(program))
        os.makedirs(self._folder, 0o700, exist_ok=True)  # the guard does so too, so that it is never left behind
        self._sent = True
        if self._stop_signal:
            self._guard.stop(self._stop_signal)

    def _set_up(self, began: int, wall: int) -> None:
        """Prepare to tell the log, while the run is already under way."""
        from run_scenario.engine import platform
        from run_scenario.engine.events import EventMaker
        from run_scenario.engine.narrator import Narrator
        from run_scenario.engine.output import OutputFollower
        from run_scenario.record.drain import Drain

        self._judge = self._make_judge() if self._make_judge else None
        self._drain: Drain = Drain(self._folder)
        self._events = EventMaker(self._run, self._scenario.name, began, wall)
        method = self._scenario.start_method or default_start_method()
        self._narrator: Narrator = Narrator(self._scenario, self._events, self._guard.pid, self._segments, method)
        self._follower = OutputFollower()
        self._written: list[tuple[int, SegmentReader, int, str]] = []
        s = self._scenario
        pinned = _pinned(s)
        self._events.make(
            began,
            "scenario.started",
            "run-scenario",
            self._guard.pid,
            title=s.title,
            file=s.file,
            digest=s.digest,
            version=_version(),
            python=sys.version.split()[0],
            platform=platform.system_name(),
            start_method=method,
            cpus=len(pinned) if pinned else os.cpu_count() or 1,
            pinned_to=pinned,
            timeout=s.timeout,
        )

    def _segments(self, pid: int) -> list[SegmentReader]:
        return [reader for reader in self._drain.readers if reader.pid == pid]

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
        follower = threading.Thread(target=self._follow_quietly, args=(over, failures), name="follower")
        follower.start()
        try:
            self._last_word = self._guard.last_word()
            self._heard = True
        finally:
            over.set()
            follower.join()
        if failures:
            raise failures[0]

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
                told = self._tell()
                if began >= next_tick:
                    next_tick = began + _TICK
                    self._look_for_output(time.monotonic_ns())
                    if not told:
                        self._tick()
                pause = pace.pause(time.monotonic() - began)
        except BaseException as error:
            failures.append(error)
            self._guard.stop(signal.SIGTERM)

    def _tell(self) -> bool:
        """Tell the next of what has been recorded; return whether there was anything."""
        told = self._tell_records(self._drain.round(lag=_LAG_NS))
        if not self._drain.behind:
            self._tell_written(time.monotonic_ns() - _LAG_NS)
        return told | self._pass_on()

    def _tell_records(self, records: list[Entry]) -> bool:
        self._narrator.preview(self._drain.fresh)
        for t, reader, record in records:
            self._tell_written(t)
            if record[1] in _ENDS:  # what it wrote comes before its end
                self._look_for_output(t)
                self._tell_written(t, self._narrator.pids_ended_by(record))
            self._narrator.tell(reader, record)
        return self._pass_on()

    def _look_for_output(self, t: int) -> None:
        """Note what was written to descriptors 1 and 2 up to now, to be told when the log has come to `t`."""
        for reader, stream, text in self._follower.news(self._drain.readers):
            self._written.append((t, reader, stream, text))

    def _tell_written(self, until: int, pids: frozenset[int] | None = None) -> None:
        """Tell what was noted up to a moment, or all that these processes have written."""
        if not self._written:
            return
        later = []
        for entry in self._written:
            t, reader, stream, text = entry
            if t <= until if pids is None else reader.pid in pids:
                self._narrator.descriptor_output(reader, min(t, until), stream, text)
            else:
                later.append(entry)
        self._written = later

    def _pass_on(self) -> bool:
        events = self._narrator.take()
        if events:
            if self._judge is not None:
                self._judge.take(events)
            for sink in self._sinks:
                sink.write(events)
        return bool(events)

    def _tick(self) -> None:
        from run_scenario.engine.sink import RunState

        elapsed = self._events.seconds(time.monotonic_ns())
        alive = self._narrator.processes.alive()
        state = RunState(elapsed, self._scenario.timeout, alive, self._main_waits_for())
        for sink in self._sinks:
            sink.tick(state)

    def _main_waits_for(self) -> str:
        pid = self._narrator.processes.main.pid
        for reader in self._drain.readers:
            if reader.pid == pid:
                waits = [(w.kind, w.resource, w.thread, w.since, w.until) for w in reader.waits()]
                return self._narrator.waiting_for(reader.pid, waits)
        return ""

    # The end

    def _conclude(self, began: int) -> Outcome:
        from run_scenario.engine.verdict import conclude

        while records := self._drain.rest():
            self._tell_records(records)
        now = time.monotonic_ns()
        self._look_for_output(now)
        self._tell_written(now)
        self._narrator.finish(now)
        if not self._narrator.processes.main.exited:
            self._narrator.troubles.append("the records of how the run ended are gone: a target removed them")
        lost = sum(reader.lost for reader in self._drain.readers)
        if lost:
            self._narrator.troubles.append(f"{lost} events could not be stored: no space left in {self._folder}")
        if self._last_word != DONE:
            why = f"the guard failed: {self._last_word}" if self._last_word else "the guard was killed"
            self._narrator.troubles.append(f"{why}; the run was ended by its other watcher")
        outcome = self._judged(conclude(self._narrator, self._stop_signal, (now - began) / 1e9), now)
        for reason in outcome.reasons if outcome.outcome == "broken" else ():
            self._events.make(now, "scenario.failed", "run-scenario", self._guard.pid, "error", reason=reason)
        counts: dict[str, Any] = self._narrator.counts()
        self._events.make(
            now,
            "scenario.finished",
            "run-scenario",
            self._guard.pid,
            "info" if outcome.status is Status.PASSED else "error",
            outcome=outcome.outcome,
            exit_status=int(outcome.status),
            duration=round(outcome.duration, 6),
            counts={"events": self._events.count + 1, **counts, "expectations": len(self._scenario.expect)},
            reasons=list(outcome.reasons),
        )
        self._pass_on()
        self._drain.close()
        return outcome

    def _judged(self, outcome: Outcome, now: int) -> Outcome:
        """Tell all that is left but the end itself, and then what it is worth."""
        if self._judge is None:
            return outcome
        from run_scenario.engine.judging import judge_outcome

        self._pass_on()

        def tell(event: str, level: str, fields: dict[str, Any]) -> None:
            self._events.make(now, event, "run-scenario", self._guard.pid, level, **fields)

        return judge_outcome(self._judge, outcome, tell)


_ENDS = frozenset({codes.REAPED, codes.EXIT_SEEN, codes.MAIN_EXITED})


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


def _pinned(scenario: Scenario) -> list[int] | None:
    """Return the CPUs that the main program will be pinned to; None: to none, or it will refuse the scenario."""
    if scenario.cpus is None:
        return None
    from run_scenario.engine.consent import RefusedError
    from run_scenario.engine.cpus import choose

    try:
        return list(choose(scenario.cpus))
    except RefusedError:
        return None


def default_start_method() -> str:
    """Return how multiprocessing starts processes here where a scenario does not say."""
    if not sys.platform.startswith("linux"):
        return "spawn"
    return "forkserver" if sys.version_info >= (3, 14) else "fork"


def _version() -> str:
    from run_scenario import __version__

    return __version__
