"""The front: starts the guard, follows the run through its segments, tells the log, and says how it ended.

It does no work in the measured processes' way: it only reads their files, every few milliseconds. Whatever happens
here (Ctrl-C, a log that cannot be written), the guard is told to stop and waited for, and the run's folder removed.
"""

from __future__ import annotations

import contextlib
import os
import platform as python_platform
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from run_scenario.engine.folder import make_folder, remove_folder
from run_scenario.engine.guard_handle import Guard, start_guard
from run_scenario.engine.outcome import Outcome
from run_scenario.errors import MachineryError, Status
from run_scenario.record import codes

if TYPE_CHECKING:
    from run_scenario.engine.narrator import Narrator
    from run_scenario.engine.sink import Sink
    from run_scenario.model import Scenario, Step
    from run_scenario.record.drain import Drain, Entry

__all__ = ["Guard", "Outcome", "run", "start_guard"]

_ROUND = 0.02
"""Seconds between two readings of the segments."""
_LAG_NS = 10_000_000
"""How long records rest before they are told, while the run goes on: an exit and its reaping come within that time."""
_TICK = 0.1
"""Seconds between two signs of life, and between two looks at the files of descriptors 1 and 2."""


def run(
    scenario: Scenario, steps: tuple[Step, ...], *, guard: Guard, allow: frozenset[str], sinks: Sequence[Sink]
) -> Outcome:
    """Run a scenario with a guard just started and tell its log to the sinks; return how it ended.

    Raises:
        MachineryError: the run could not be set up or its log not be written; nothing is left behind.
        BrokenPipeError: nobody reads a sink's output any more; the run was stopped.
    """
    try:
        folder = make_folder()
    except MachineryError:
        guard.dismiss()
        raise
    try:
        return _Run(scenario, steps, guard, allow, sinks, folder).execute()
    finally:
        remove_folder(folder)


class _Run:
    """One run, seen from the front."""

    def __init__(
        self,
        scenario: Scenario,
        steps: tuple[Step, ...],
        guard: Guard,
        allow: frozenset[str],
        sinks: Sequence[Sink],
        folder: str,
    ) -> None:
        self._scenario = scenario
        self._steps = steps
        self._guard = guard
        self._allow = allow
        self._sinks = sinks
        self._folder = folder
        self._stop_signal = 0
        self._guard_done = False
        self._others: frozenset[int] = frozenset()

    def execute(self) -> Outcome:
        """Run to the end."""
        import pickle

        run = os.urandom(6).hex()
        began, wall = time.monotonic_ns(), time.time_ns()
        with _signals(self._on_signal):
            try:
                from run_scenario.engine.program import Program

                program = Program(self._scenario, self._steps, run, self._folder, self._allow)
                self._guard.send(pickle.dumps(program))
                for sink in self._sinks:
                    sink.open()
                self._set_up(run, began, wall)
                self._follow()
            except BaseException:
                self._guard.stop_and_wait()
                raise
            finally:
                self._guard.end(self._others)
            return self._conclude(began)

    def _set_up(self, run: str, began: int, wall: int) -> None:
        """Prepare to tell the log, while the run is already under way."""
        from run_scenario.engine import platform
        from run_scenario.engine.events import EventMaker
        from run_scenario.engine.narrator import Narrator
        from run_scenario.engine.output import OutputFollower
        from run_scenario.record.drain import Drain

        self._others = frozenset(platform.children(os.getpid())) - {self._guard.pid}
        platform.become_subreaper()  # should the guard be killed, its children come to us
        _raise_descriptor_limit()
        self._drain: Drain = Drain(self._folder)
        self._events = EventMaker(run, self._scenario.name, began, wall)
        method = self._scenario.start_method or _default_start_method()
        self._narrator: Narrator = Narrator(self._scenario, self._events, self._guard.pid, self._flushed, method)
        self._follower = OutputFollower()
        s = self._scenario
        self._events.make(
            began,
            "scenario.started",
            "run-scenario",
            self._guard.pid,
            title=s.title,
            file=s.file,
            digest=s.digest,
            version=_version(),
            python=python_platform.python_version(),
            platform=python_platform.platform(),
            start_method=method,
            cpus=os.cpu_count() or 1,
            timeout=s.timeout,
        )

    def _flushed(self, pid: int, queue: int) -> int:
        return max((r.flushed(queue) for r in self._drain.readers if r.pid == pid), default=0)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signal = self._stop_signal or number
        self._guard.stop(number)

    # While it runs

    def _follow(self) -> None:
        """Tell the log in a thread that gets only the time the run leaves over, until the guard says it is over."""
        over = threading.Event()
        failures: list[BaseException] = []
        follower = threading.Thread(target=self._follow_quietly, args=(over, failures), name="follower")
        follower.start()
        try:
            self._guard_done = self._guard.wait_until_done()
        finally:
            over.set()
            follower.join()
        if failures:
            raise failures[0]

    def _follow_quietly(self, over: threading.Event, failures: list[BaseException]) -> None:
        from run_scenario.engine import platform

        platform.yield_to_others()
        try:
            next_tick = 0.0
            while not over.wait(_ROUND):
                told = self._tell(over)
                now = time.monotonic()
                if now >= next_tick:
                    next_tick = now + _TICK
                    self._tell_descriptor_output(time.monotonic_ns())
                    told |= self._pass_on()
                    if not told:
                        self._tick()
        except BaseException as error:
            failures.append(error)
            self._guard.stop(signal.SIGTERM)

    def _tell(self, over: threading.Event) -> bool:
        """Tell what has been recorded; return whether there was anything."""
        told = False
        while not over.is_set():
            told |= self._tell_records(self._drain.round(lag=_LAG_NS))
            if not self._drain.behind:
                break
        return told

    def _tell_records(self, records: list[Entry]) -> bool:
        self._narrator.processes.preview(self._drain.fresh)
        tell = self._narrator.tell
        for t, reader, record in records:
            if record[1] in _ENDS:  # what it wrote comes before its end, and so does what it could not write itself
                about = record[3] if record[1] != codes.MAIN_EXITED else record[2]
                self._tell_descriptor_output(t, {about, self._narrator.processes.main.pid})
            tell(reader, record)
        return self._pass_on()

    def _tell_descriptor_output(self, t: int, pids: set[int | None] | None = None) -> None:
        """Tell what was written to descriptors 1 and 2, by these processes or by all, as of the moment `t`."""
        readers = self._drain.readers if pids is None else [r for r in self._drain.readers if r.pid in pids]
        for reader, stream, text in self._follower.news(readers):
            self._narrator.descriptor_output(reader, t, stream, text)

    def _pass_on(self) -> bool:
        events = self._narrator.take()
        if events:
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
        self._tell_descriptor_output(now)
        self._narrator.finish(now)
        lost = sum(reader.lost for reader in self._drain.readers)
        if lost:
            self._narrator.troubles.append(f"{lost} events could not be stored: no space left in {self._folder}")
        if not self._guard_done:
            self._narrator.troubles.append("the guard was killed; the run was ended by its other watcher")
        outcome = conclude(self._narrator, self._stop_signal, (now - began) / 1e9)
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
            counts={"events": self._events.count + 1, **counts},
            reasons=list(outcome.reasons),
        )
        self._pass_on()
        self._drain.close()
        return outcome


_ENDS = frozenset({codes.REAPED, codes.EXIT_SEEN, codes.MAIN_EXITED})


@contextlib.contextmanager
def _signals(handler: Any) -> Any:
    """Have SIGINT, SIGTERM and SIGHUP end the run in an orderly way for as long as this lasts."""
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _raise_descriptor_limit() -> None:
    """One descriptor per process is kept open here; the run's own processes were forked with the limit as it was."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard == resource.RLIM_INFINITY or soft < hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard > 0 else 65_536, hard))
    except (ImportError, ValueError, OSError):
        return  # then as many processes can be followed as the limit allows


def _default_start_method() -> str:
    if not sys.platform.startswith("linux"):
        return "spawn"
    return "forkserver" if sys.version_info >= (3, 14) else "fork"


def _version() -> str:
    from run_scenario import __version__

    return __version__
