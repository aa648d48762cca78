"""The front: starts the guard, follows the run through its segments, tells the log, and says how it ended.

It does no work in the measured processes' way: it only reads their files, every few milliseconds. Whatever happens
here (Ctrl-C, a log that cannot be written), the guard is told to stop and waited for, and the run's folder removed.
"""

from __future__ import annotations

import contextlib
import os
import platform as python_platform
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from run_scenario.errors import MachineryError, Problem, Status
from run_scenario.record import codes

if TYPE_CHECKING:
    from run_scenario.engine.narrator import Narrator
    from run_scenario.engine.sink import Sink
    from run_scenario.model import Scenario, Step
    from run_scenario.record.drain import Drain, Entry

_ROUND = 0.02
"""Seconds between two readings of the segments."""
_LAG_NS = 10_000_000
"""How long records rest before they are told, while the run goes on: an exit and its reaping come within that time."""
_TICK = 0.1
"""Seconds between two signs of life, and between two looks at the files of descriptors 1 and 2."""
_ADOPTED_WITHIN = 5.0
"""Seconds that are spent on ending the processes of a killed guard."""
_STOP_WITHIN = 15.0
"""Seconds after which a guard that was told to stop is itself killed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    status: Status
    outcome: str
    """passed, failed, stalled, timed_out, interrupted, refused or broken."""
    reasons: tuple[str, ...]
    duration: float
    problems: tuple[Problem, ...] = ()
    """For a refused run: where the scenario names what may not be run."""


@dataclass(slots=True)
class Guard:
    """A guard that has been forked and waits for its program."""

    pid: int
    orders: int
    answers: int

    def dismiss(self) -> None:
        """End the guard: there is nothing to run."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.orders, bytes(8))
        self._wait()

    def send(self, program: bytes) -> None:
        """Hand over the pickled program."""
        data = len(program).to_bytes(8, "little") + program
        while data:
            data = data[os.write(self.orders, data) :]

    def stop(self, number: int) -> None:
        """Have the run ended because of that signal."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self.orders, bytes([number]))

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


def run(
    scenario: Scenario, steps: tuple[Step, ...], *, guard: Guard, allow: frozenset[str], sinks: Sequence[Sink]
) -> Outcome:
    """Run a scenario with a guard just started and tell its log to the sinks; return how it ended.

    Raises:
        MachineryError: the run could not be set up or its log not be written; nothing is left behind.
        BrokenPipeError: nobody reads a sink's output any more; the run was stopped.
    """
    folder = _make_folder()
    try:
        return _Run(scenario, steps, guard, allow, sinks, folder).execute()
    finally:
        from run_scenario.engine.folder import remove_folder

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
                self._set_up(run, began, wall)
                self._follow()
            except BaseException:
                self._guard.stop(signal.SIGTERM)
                self._await_guard()
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
        poll = select.poll()
        poll.register(self._guard.answers, select.POLLIN)
        next_tick = 0.0
        while not poll.poll(int(_ROUND * 1000)):
            told = self._tell()
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + _TICK
                self._tell_descriptor_output(time.monotonic_ns())
                told |= self._pass_on()
                if not told:
                    self._tick()
        self._guard_done = os.read(self._guard.answers, 64).startswith(b"done")

    def _await_guard(self) -> None:
        poll = select.poll()
        poll.register(self._guard.answers, select.POLLIN)
        if not poll.poll(int(_STOP_WITHIN * 1000)):
            os.kill(self._guard.pid, signal.SIGKILL)

    def _tell(self) -> bool:
        """Tell what has been recorded; return whether there was anything."""
        told = False
        while True:
            told |= self._tell_records(self._drain.round(lag=_LAG_NS))
            if not self._drain.behind:
                break
        return told

    def _tell_records(self, records: list[Entry]) -> bool:
        self._narrator.preview(self._drain.fresh)
        tell = self._narrator.tell
        for t, reader, record in records:
            if record[1] in _ENDS:  # what it wrote comes before its end, and so does what it could not write itself
                about = record[3] if record[1] != codes.MAIN_EXITED else record[2]
                self._tell_descriptor_output(t, {about, self._narrator.main.pid})
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
        alive = self._narrator.alive()
        for sink in self._sinks:
            sink.tick(RunState(elapsed, self._scenario.timeout, alive, ""))

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


def _make_folder() -> str:
    for base in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp"):
        if base and os.path.isdir(base):
            folder = os.path.join(os.path.abspath(base), f"run-scenario-{os.urandom(8).hex()}")
            with contextlib.suppress(OSError):
                os.mkdir(folder, 0o700)
                return folder
    raise MachineryError("cannot make a temporary folder: set TMPDIR to a folder that can be written to")


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
