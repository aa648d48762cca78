"""What lies in a run's folder, told as its log: while the run goes on, or when all that is left of it is the folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from run_scenario.engine import platform
from run_scenario.engine.cpus import chosen
from run_scenario.engine.events import EventMaker
from run_scenario.engine.guard_handle import FULL, TOO_MUCH
from run_scenario.engine.narrator import Narrator
from run_scenario.engine.outcome import Outcome
from run_scenario.engine.output import OutputFollower
from run_scenario.errors import MachineryError, Status
from run_scenario.limits import LIMITS
from run_scenario.model import QueueSpec
from run_scenario.record import codes, layout
from run_scenario.record.drain import Drain, Entry
from run_scenario.record.reader import SegmentReader

if TYPE_CHECKING:
    from run_scenario.engine.judging import Judge
    from run_scenario.engine.program import Program
    from run_scenario.engine.sink import Sink

_ENDS = frozenset({codes.REAPED, codes.EXIT_SEEN, codes.MAIN_EXITED})
"""Records of an end: what the process wrote comes before it."""


_MOST_SHOWN = 12
"""Processes whose waits are looked up for a sign of life."""


class Telling:
    """Reads the segments of one run, makes its events, and hands them to the sinks."""

    def __init__(
        self,
        program: Program,
        guard_pid: int,
        sinks: Sequence[Sink],
        method: str,
        *,
        retire: Callable[[str], None],
        clock: Callable[[], int] = time.monotonic_ns,
        stop: Callable[[int], None] | None = None,
    ) -> None:
        """Tell of the run of a program.

        Args:
            program: The run's program.
            guard_pid: The process id of its guard.
            sinks: What it is told to.
            method: How processes are started.
            retire: Is called for each file of the recording that has been read.
            clock: Gives the moment up to which all is recorded, in ns.
            stop: Stops a run by an order (see `guard_handle`); None where there is nothing to be stopped.
        """
        self._scenario = scenario = program.scenario
        self._folder = program.folder
        self._guard_pid = guard_pid
        self._began = program.began[0]
        self._sinks = list(sinks)
        self._limits = program.limits
        self._stop = stop
        self._failure: Exception | None = None
        """Why one of them could not be written to."""
        self._concluding = False
        self._method = method
        self._clock = clock
        self._judge: Judge | None = None
        self._drain = Drain(program.folder, clock, retire)
        self._readers: dict[int, list[SegmentReader]] = {}
        """Process id -> readers of its segments, of the first `_known` that there are."""
        self._known = 0
        self._events = EventMaker(program.run, scenario.name, *program.began)
        self.narrator = Narrator(scenario, self._events, guard_pid, self._segments, method, program.limits)
        self._follower = OutputFollower(program.limits.output)
        self._written: list[tuple[int, SegmentReader, int, str]] = []

    @property
    def missing(self) -> int:
        """How many files of the recording were not there any more."""
        return sum(reader.missing for reader in self._drain.readers)

    def begin(self, judge: Judge | None) -> None:
        """Tell the beginning; the rest is also told to the judge."""
        self._judge = judge
        s = self._scenario
        pinned = chosen(s.cpus)
        self._events.make(
            self._began,
            "scenario.started",
            "run-scenario",
            self._guard_pid,
            title=s.title,
            file=s.file,
            digest=s.digest,
            version=_version(),
            python=sys.version.split()[0],
            platform=platform.system_name(),
            start_method=self._method,
            cpus=len(pinned) if pinned else os.cpu_count() or 1,
            pinned_to=pinned,
            timeout=s.timeout,
            maxsize={each.name: each.maxsize for each in s.resources if isinstance(each, QueueSpec) and each.maxsize},
        )

    def _segments(self, pid: int) -> Sequence[SegmentReader]:
        readers = self._drain.readers
        for reader in readers[self._known :]:
            self._readers.setdefault(reader.pid, []).append(reader)
        self._known = len(readers)
        return self._readers.get(pid, ())

    def tell(self, lag: int) -> bool:
        """Tell the next of what has been recorded, older than `lag` ns; return whether there was anything."""
        told = self._tell_records(self._drain.round(lag=lag))
        if not self._drain.behind:
            self._tell_written(self._clock() - lag)
        told |= self._pass_on()
        if self._drain.is_losing and self._stop is not None:  # also where nothing can be told any more
            self._stop(FULL)
            self._stop = None
        return told

    def _tell_records(self, records: list[Entry]) -> bool:
        self.narrator.preview(self._drain.fresh)
        for t, reader, record in records:
            if self._written:
                self._tell_written(t)
            if record[1] in _ENDS:
                pids = self.narrator.pids_ended_by(record)
                self.look_for_output(t, pids)
                self._tell_written(t, pids)
                if record[1] == codes.EXIT_SEEN and reader.pid == self._guard_pid:
                    self._drain.note_ended(record[3], t)
            self.narrator.tell(reader, record)
        return self._pass_on()

    def look_for_output(self, t: int, pids: Iterable[int] | None = None) -> None:
        """Note what was written to descriptors 1 and 2 up to now (by these processes), to be told at `t` of the log."""
        writers = self._drain.readers if pids is None else [r for pid in pids for r in self._segments(pid)]
        for reader, stream, text in self._follower.news(writers):
            self._written.append((t, reader, stream, text))

    def _tell_written(self, until: int, pids: frozenset[int] | None = None) -> None:
        """Tell what was noted up to a moment, or all that these processes have written."""
        if not self._written:
            return
        later = []
        for entry in self._written:
            t, reader, stream, text = entry
            if t <= until if pids is None else reader.pid in pids:
                self.narrator.descriptor_output(reader, min(t, until), stream, text)
            else:
                later.append(entry)
        self._written = later

    def _pass_on(self) -> bool:
        events = self.narrator.take()
        if events:
            if self._judge is not None:
                self._judge.take(events)
            for sink in tuple(self._sinks):
                try:
                    sink.write(events)
                except (MachineryError, BrokenPipeError) as error:  # the others get the whole log all the same
                    self._failure = self._failure or error
                    if not sink.goes_on:
                        self._sinks.remove(sink)
            if self._stop is not None and not self.narrator.too_much:
                self._check_limits(self._stop)
        if self._failure is not None and not self._concluding:
            raise self._failure
        return bool(events)

    def _check_limits(self, stop: Callable[[int], None]) -> None:
        """Stop the run if more has been told than it may have; a log that is full takes only last words from now on."""
        written = max((sink.written for sink in self._sinks), default=0)
        items = self.narrator.queues.put
        if written <= self._limits.log and items <= self._limits.items:
            return
        name, found = ("log", written) if written > self._limits.log else ("items", items)
        if name == "log":
            self._events.fill_up()
        self.narrator.tell_limit(self._clock(), LIMITS[name], found)
        stop(TOO_MUCH)

    def tick(self) -> None:
        """Show that the run goes on, where somebody looks."""
        from run_scenario.engine.sink import RunState

        sinks = [sink for sink in self._sinks if sink.shows_progress]
        if not sinks:
            return
        elapsed = self._events.seconds(self._clock())
        alive = self.narrator.processes.alive()
        waits = self._waits(alive)
        waiting = waits.get(self.narrator.processes.main.name, "")
        state = RunState(elapsed, self._scenario.timeout, alive, waiting, waits)
        for sink in sinks:
            sink.tick(state)

    def _waits(self, alive: Sequence[str]) -> dict[str, str]:
        """Return what the main program waits for, and the first of the others that live."""
        shown = {self.narrator.processes.main.name, *alive[:_MOST_SHOWN]}
        living = self.narrator.processes.living()
        found: dict[str, str] = {}
        for reader in self._drain.readers:
            name = living.get(reader.pid, "")
            if name in shown:
                waits = [(w.kind, w.resource, w.thread, w.since, w.until) for w in reader.waits()]
                if what := self.narrator.waiting_for(reader.pid, waits):
                    found[name] = what
        return found

    # The end

    def conclude(self, stop_signal: int, troubles: Sequence[str]) -> Outcome:
        """Tell all that is left, now that nobody writes any more, and what the run has come to.

        Raises:
            MachineryError: a log could not be written.
            BrokenPipeError: nobody reads one any more.
        """
        self._concluding = True
        from run_scenario.engine.verdict import conclude

        while records := self._drain.rest():
            self._tell_records(records)
        now = self._clock()
        self.look_for_output(now)
        self._tell_written(now)
        self.narrator.finish(now)
        if not self.narrator.processes.main.exited:
            self.narrator.troubles.append(f"the records of how the run ended are not there: {self._why_gone()}")
        lost = sum(reader.lost for reader in self._drain.readers)
        if lost:
            self.narrator.troubles.append(
                f"{lost:,} events could not be stored: no space left in {self._folder}; set TMPDIR to another folder"
            )
        self.narrator.troubles += troubles
        if self.missing:
            self.narrator.troubles.append(f"{self.missing} files of the recording were removed before they were read")
        if self._events.left_out:
            self.narrator.too_much += f"; {self._events.left_out:,} events after that were left out"
        if isinstance(self._failure, BrokenPipeError):
            stop_signal = stop_signal or signal.SIGPIPE
        elif self._failure is not None:
            self.narrator.troubles.append(str(self._failure))
        outcome = self._judged(conclude(self.narrator, stop_signal, (now - self._began) / 1e9), now)
        for reason in outcome.reasons if outcome.outcome == "broken" else ():
            self._events.make(now, "scenario.failed", "run-scenario", self._guard_pid, "error", reason=reason)
        counts: dict[str, Any] = self.narrator.counts()
        self._events.make(
            now,
            "scenario.finished",
            "run-scenario",
            self._guard_pid,
            "info" if outcome.status is Status.PASSED else "error",
            outcome=outcome.outcome,
            exit_status=int(outcome.status),
            duration=round(outcome.duration, 6),
            counts={"events": self._events.count + 1, **counts, "expectations": len(self._scenario.expect)},
            reasons=list(outcome.reasons),
        )
        self._pass_on()
        self._drain.close()
        if self._failure is not None:
            raise self._failure
        return outcome

    def _why_gone(self) -> str:
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return f"somebody has removed {self._folder}"
        if disk.f_bavail * disk.f_frsize < layout.chunk_size(0):
            return f"there is no space left in {self._folder}; set TMPDIR to another folder"
        return "they were removed, or could not be stored"

    def _judged(self, outcome: Outcome, now: int) -> Outcome:
        """Tell all that is left but the end itself, and then what it is worth."""
        if self._judge is None:
            return outcome
        from run_scenario.engine.judging import judge_outcome

        self._pass_on()

        def tell(event: str, level: str, fields: dict[str, Any]) -> None:
            self._events.make(now, event, "run-scenario", self._guard_pid, level, **fields)

        return judge_outcome(self._judge, outcome, tell)


def _version() -> str:
    from run_scenario import __version__

    return __version__
