"""Makes the log of a run from what is recorded in its folder, while the run goes on or after it."""

from __future__ import annotations

import contextlib
import errno
import gc
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from run_scenario.counting import plural
from run_scenario.errors import MachineryError, Status
from run_scenario.events import types
from run_scenario.events.decoding.decoder import EventDecoder
from run_scenario.events.decoding.event_factory import EventFactory
from run_scenario.events.decoding.output import OutputFollower
from run_scenario.events.exit_cause import RUNNER
from run_scenario.events.exit_status import conclude, judge_outcome, verdict_event
from run_scenario.events.lines import LOG_FORMAT
from run_scenario.events.outcome import Outcome
from run_scenario.events.reasons import Wording
from run_scenario.limits import LIMITS
from run_scenario.recording import codes, layout, room
from run_scenario.recording.drain import Drain, Entry
from run_scenario.recording.free_threads import is_free_threaded
from run_scenario.recording.pid_exists import pid_exists
from run_scenario.recording.segment_reader import SegmentReader
from run_scenario.runtime.cpus import chosen_cpus
from run_scenario.runtime.platform import system
from run_scenario.runtime.supervisor.orders import LIMIT_EXCEEDED, NO_SPACE
from run_scenario.scenario.model import QueueSpec, StartMethod
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.events.exit_status import Judge
    from run_scenario.events.types import BlockedOperation, Event
    from run_scenario.runtime.run_request import RunRequest

_ENDS = frozenset({codes.REAPED, codes.EXIT_SEEN, codes.MAIN_EXITED})
"""Records of an end: what the process wrote comes before it."""


_LONGEST_EVENT = 1 << 17
"""Bytes in the log that an event has at most, but for those that say how the run ended: texts are cut off before."""
_MOST_UNLOOKED = 50_000
"""Objects that may be made, while events are, before Python looks for circles among them."""
_MOST_SHOWN = 12
"""Processes whose waits are looked up for a sign of life."""


class RunState(Value):
    """Where a run stands; times in seconds."""

    elapsed: float
    timeout: float
    alive: Sequence[str]
    """The names of the processes that live."""
    waits: Mapping[str, BlockedOperation] = {}
    """Process -> what it is blocked in, of those that are known to be; of very many, only some."""


class Sink(Protocol):
    """A consumer of the log, such as the console view or the JSON Lines; called by one thread at a time.

    A view implements it structurally, without importing this layer.
    """

    written: int
    """Bytes of log that it has kept so far: that is limited. 0 for what only shows it."""

    shows_progress: bool
    """Whether `tick` shows anything."""

    @property
    def goes_on(self) -> bool:
        """Whether it can take more after it has raised an error, having other outputs; otherwise it is left alone."""

    def open(self) -> None:
        """Get ready, such as by importing what is heavy: called when the run is on its way, before anything else."""

    def write(self, events: Sequence[Event]) -> None:
        """Take the next events, in the order of the log.

        Raises:
            MachineryError: they could not be written.
            BrokenPipeError: nobody reads them any more.
        """

    def tick(self, state: RunState) -> None:
        """Show that the run goes on; called about ten times a second, or less often on a busy machine."""

    def close(self) -> None:
        """Finish: called once, after the last event, however the run ended."""


class RunFollower:
    """Reads the segments of one run, makes its events, and hands them to the sinks."""

    def __init__(
        self,
        request: RunRequest,
        supervisor_pid: int,
        sinks: Sequence[Sink],
        method: StartMethod,
        *,
        discard: Callable[[str], None],
        wording: Wording,
        clock: Callable[[], int] = time.monotonic_ns,
        stop: Callable[[int], None] | None = None,
    ) -> None:
        """Follow the run that was asked for.

        Args:
            request: What was asked for.
            supervisor_pid: The process id of its supervisor.
            sinks: Where its log is written.
            method: How processes are started.
            discard: Is called for each file of the recording that has been read.
            wording: Makes the sentences that the log has.
            clock: Gives the moment up to which all is recorded, in ns.
            stop: Stops a run by an order (see `supervisor.orders`); None where there is nothing to be stopped.
        """
        self._scenario = scenario = request.scenario
        self._wording = wording
        self._folder = request.folder
        self._allow = request.allow
        self._supervisor_pid = supervisor_pid
        self._script = request.script
        self._is_block = request.script is not None and request.script.is_block
        self._began = request.began[0]
        self._sinks = list(sinks)
        self._limits = request.limits
        self._capabilities = request.capabilities
        self._stop = stop
        self._failure: Exception | None = None
        """Why one of them could not be written to."""
        self._concluding = False
        self._is_over = False
        """Whether the last event has been emitted."""
        self._method = method
        self._clock = clock
        self._judge: Judge | None = None
        # Processes that outlive a block go on with their recordings: what is later than its end is passed over.
        self._drain = Drain(request.folder, time.monotonic_ns if self._is_block else clock, discard)
        self._readers: dict[int, list[SegmentReader]] = {}
        """Process id -> readers of its segments, of the first `_known` that there are."""
        self._known = 0
        self._events = EventFactory(request.run, scenario.name, *request.began)
        if stop is not None:
            self._events.hand_on_after(max(1, self._limits.log // _LONGEST_EVENT), self._pass_on)
        self.decoder = EventDecoder(
            scenario,
            self._events,
            supervisor_pid,
            self._segments,
            method,
            request.limits,
            wording=wording,
            first=request.first,
        )
        self._follower = OutputFollower(request.limits.output)
        self._written: list[tuple[int, SegmentReader, int, str]] = []

    @property
    def missing(self) -> int:
        """How many files of the recording were not there any more."""
        return sum(reader.missing for reader in self._drain.readers)

    def begin(self, judge: Judge | None) -> None:
        """Emit the beginning; the judge takes all later events as well."""
        self._judge = judge
        s = self._scenario
        pinned = chosen_cpus(s.cpus, affinity=self._capabilities.affinity)
        event = types.ScenarioStarted(
            log_format=LOG_FORMAT,
            title=s.title,
            file=s.file,
            digest=s.digest,
            version=_version(),
            python=self._python_version(),
            platform=system.system_name(),
            start_method=self._method,
            cpus=len(pinned) if pinned else os.cpu_count() or 1,
            pinned_to=pinned,
            timeout=None if s.timeout == math.inf else s.timeout,
            capabilities=types.Capabilities(**self._capabilities.by_name()),
            maxsize={each.name: each.maxsize for each in s.resources if isinstance(each, QueueSpec) and each.maxsize},
            allowed=self._allowed(),
            params=s.params,
        )
        if is_free_threaded() and not (self._script and self._script.interpreter):
            event.free_threaded = True
        if s.script:
            event.script = True
        if s.description:
            event.description = s.description
        if s.may_hang:
            event.may_hang = True
        self._emit(self._began, event)

    def _emit(self, t: int, event: types.Event) -> None:
        """Emit an event of the run as a whole."""
        self._events.emit(t, RUNNER, self._supervisor_pid, event)

    def _python_version(self) -> str:
        other = self._script.interpreter if self._script else None
        return other.name if other else sys.version.split()[0]

    def _allowed(self) -> list[types.Consent]:
        """Return what of that which was allowed the scenario makes use of, and who has allowed it."""
        wanted = self._scenario.packages
        return [
            types.Consent(package=package, by=by)
            for package, by in sorted(self._allow.items())
            if package.partition(".")[0] in wanted
        ]

    def _segments(self, pid: int) -> Sequence[SegmentReader]:
        readers = self._drain.readers
        for reader in readers[self._known :]:
            self._readers.setdefault(reader.pid, []).append(reader)
        self._known = len(readers)
        return self._readers.get(pid, ())

    def advance(self, lag: int) -> bool:
        """Emit the events of what has been recorded, older than `lag` ns; return whether there were any."""
        with _collecting_seldom():
            emitted = self._decode(self._drain.round(lag=lag, patient=True))
        if not self._drain.behind:
            self._decode_output(self._clock() - lag)
        emitted |= self._pass_on()
        # Also where nothing can be written any more.
        if self._drain.is_losing and self._stop is not None and self._script is None:
            self._stop(NO_SPACE)
            self._stop = None
        return emitted

    def _decode(self, records: list[Entry]) -> bool:
        end = self._end()  # asked for after the records: so it is known before any is decoded that came later
        self.decoder.preview(self._drain.fresh)
        until = self._clock() if self._is_block else None
        decode, ends = self.decoder.decode, _ENDS
        for t, reader, record in records:
            if until is not None and t > until:
                continue
            if end is not None and t >= end.t:
                self.decoder.end_recording(t, end.reason(self._folder))
            if self._written:
                self._decode_output(t)
            if record[1] in ends:
                pids = self.decoder.pids_ended_by(record)
                self.look_for_output(t, pids)
                self._decode_output(t, pids)
                if record[1] == codes.EXIT_SEEN and reader.pid == self._supervisor_pid:
                    self._drain.note_ended(record[3], t)
            decode(reader, record)
        return self._pass_on()

    def _end(self) -> room.End | None:
        """Return when there was no room for records any more, of a script, which goes on nevertheless."""
        if self._script is None:
            return None
        end = room.find_end(self._folder)
        if end is None and self._drain.is_losing and not self._is_block:  # whose folder is taken away at its end
            end = room.End(0, errno.ENOSPC)
        return end

    def look_for_output(self, t: int, pids: Iterable[int] | None = None) -> None:
        """Note what was written to descriptors 1 and 2 up to now (by these processes), to be logged at `t`."""
        writers = self._drain.readers if pids is None else [r for pid in pids for r in self._segments(pid)]
        for reader, stream, text in self._follower.news(writers):
            self._written.append((t, reader, stream, text))

    def _decode_output(self, until: int, pids: frozenset[int] | None = None) -> None:
        """Emit what was written up to a moment, or all that these processes have written."""
        if not self._written:
            return
        later = []
        for entry in self._written:
            t, reader, stream, text = entry
            if t <= until if pids is None else reader.pid in pids:
                self.decoder.add_output(reader, min(t, until), stream, text)
            else:
                later.append(entry)
        self._written = later

    def _pass_on(self) -> bool:
        events = self.decoder.take()
        if events:
            if self._judge is not None:
                self._judge.take_types(events)
            failure = self._write(events)
            if failure is not None and self._script is not None and not self._is_over:
                nobody = isinstance(failure, BrokenPipeError)
                self.decoder.emit_incomplete(self._clock(), "the log: nobody reads it" if nobody else str(failure))
            else:
                self._failure = self._failure or failure
            if self._stop is not None and not self.decoder.limit_exceeded:
                self._check_limits(self._stop)
        if self._failure is not None and not self._concluding:
            raise self._failure
        return bool(events)

    def _write(self, events: Sequence[Event]) -> Exception | None:
        """Write events to the sinks; return why that failed at one of them, if it did: the others get the whole log."""
        failure: Exception | None = None
        for sink in tuple(self._sinks):
            try:
                sink.write(events)
            except (MachineryError, BrokenPipeError) as error:
                failure = failure or error
                if not sink.goes_on:
                    self._sinks.remove(sink)
        return failure

    def _check_limits(self, stop: Callable[[int], None]) -> None:
        """Stop the run if its log has grown past a limit; a full log takes only the last events from now on.

        The nearer it is to the limit, the fewer events are written at once: it ends with the one that is too much.
        """
        written = max((sink.written for sink in self._sinks), default=0)
        self._events.hand_on_after(max(1, (self._limits.log - written) // _LONGEST_EVENT), self._pass_on)
        if self._script is not None:  # which is recorded as far as it goes, and not stopped
            if written > self._limits.log and not self._events.is_full:
                self.decoder.emit_incomplete(self._clock(), LIMITS["log"].exceeded(self._limits.log, written))
                self._events.fill_up()
            return
        items = self.decoder.queues.put
        if written <= self._limits.log and items <= self._limits.items:
            return
        name, found = ("log", written) if written > self._limits.log else ("items", items)
        if name == "log":
            self._events.fill_up()
        self.decoder.emit_limit(self._clock(), LIMITS[name], found)
        stop(LIMIT_EXCEEDED)

    def tick(self) -> None:
        """Show that the run goes on, where somebody looks."""
        sinks = [sink for sink in self._sinks if sink.shows_progress]
        if not sinks:
            return
        elapsed = self._events.seconds(self._clock())
        alive = self.decoder.processes.alive()
        state = RunState(elapsed, self._scenario.timeout, alive, self._waits(alive))
        for sink in sinks:
            sink.tick(state)

    def _waits(self, alive: Sequence[str]) -> dict[str, BlockedOperation]:
        """Return what the main program is blocked in, and the first of the others that live."""
        shown = {self.decoder.processes.main.name, *alive[:_MOST_SHOWN]}
        living = self.decoder.processes.living()
        found: dict[str, BlockedOperation] = {}
        for reader in self._drain.readers:
            name = living.get(reader.pid, "")
            if name in shown:
                waits = [wait.packed() for wait in reader.waits()]
                blocked = self.decoder.blocked_operation(reader.pid, waits)
                if blocked.operation is not None:
                    found[name] = blocked
        return found

    # The end

    def conclude(
        self, stop_signal: int, troubles: Sequence[str], not_ended: Sequence[tuple[int, str | None]] = ()
    ) -> Outcome:
        """Emit all that is left, now that nobody writes any more, and the outcome of the run.

        `not_ended` are processes (id, state) that the runner could not end in the place of a killed supervisor.

        Raises:
            MachineryError: a log could not be written.
            BrokenPipeError: one was closed by its reader.
        """
        self._concluding = True
        with _collecting_seldom():
            while records := self._drain.rest():
                self._decode(records)
        now = self._clock()
        self.look_for_output(now)
        self._decode_output(now)
        for pid, state in not_ended:
            self.decoder.processes.emit_not_ended(now, pid, state)
        # What comes from here on is logged of a run that is over.
        ended = now if self.decoder.recording_has_ended else self._events.latest
        self.decoder.finish(now, self._is_running if self._is_block else None)
        main = self.decoder.processes.main
        if not main.exited and not main.not_ended and not self._is_block:
            self.decoder.troubles.append(f"the records of the end of the run are missing: {self._why_gone()}")
        readers = self._drain.readers
        lost = sum(reader.lost for reader in readers)
        if lost and self._script is None:
            self.decoder.troubles.append(
                f"{plural(lost, 'event')} could not be stored: no space left in {self._folder}; "
                "set TMPDIR to another folder"
            )
        self.decoder.troubles += troubles
        if self.missing:
            self.decoder.troubles.append(
                f"{plural(self.missing, 'file', 'was')} removed from the recording before it could be read"
            )
        damaged = sum(reader.damaged for reader in readers)
        if damaged:
            self.decoder.troubles.append(
                f"{damaged:,} or more events could not be read: the recording in {self._folder} is damaged; "
                "look for a target that writes there"
            )
        if self.decoder.limit_exceeded is not None and self._script is None:
            self.decoder.limit_exceeded = self.decoder.limit_exceeded.replace(left_out=self._events.left_out)
        if isinstance(self._failure, BrokenPipeError):
            stop_signal = stop_signal or signal.SIGPIPE
        elif self._failure is not None:
            self.decoder.troubles.append(str(self._failure))
        outcome = self._judged(conclude(self.decoder, stop_signal, (ended - self._began) / 1e9), now)
        if outcome.outcome == "internal_error":
            failed = [types.ScenarioFailed(reason=self._wording.sentence(reason)) for reason in outcome.reasons]
            for event in failed:
                self._emit(now, event)
            outcome = outcome.replace(shown_by=tuple(event.seq or None for event in failed))
        counts = self.decoder.counts()
        unfinished = sum(reader.unfinished for reader in readers)
        if unfinished and not self.decoder.goes_on:  # otherwise they may be finished just now
            counts["unfinished_records"] = unfinished
        finished = types.ScenarioFinished(
            level="info" if outcome.status is Status.PASSED else "error",
            outcome=outcome.outcome,
            exit_status=int(outcome.status),
            duration=round(outcome.duration, 6),
            counts={"events": self._events.count + 1, **counts, "expectations": len(self._scenario.expect)},
            reasons=[self._wording.sentence(reason) for reason in outcome.reasons],
            shown_by=list(outcome.shown_by),
        )
        self._pass_on()
        self._emit(now, finished)
        self._is_over = True
        self._pass_on()
        self._drain.close()
        if self._failure is not None:
            raise self._failure
        return outcome

    def _is_running(self, pid: int) -> bool:
        return system.is_running(pid) if self._capabilities.proc else pid_exists(pid)

    def _why_gone(self) -> str:
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return f"somebody has removed {self._folder}"
        if disk.f_bavail * disk.f_frsize < layout.chunk_size(0):
            return f"there is no space left in {self._folder}; set TMPDIR to another folder"
        return "they were removed, or could not be stored"

    def _judged(self, outcome: Outcome, now: int) -> Outcome:
        """Emit all that is left but the end itself, and then the verdicts."""
        if self._judge is None:
            return outcome
        self._pass_on()
        if outcome.outcome == "refused":  # there is no run that could be judged
            return outcome
        breaks_off = self.decoder.recording_has_ended or self._events.left_out or self.decoder.goes_on
        verdicts = self._judge.finish(outcome.is_complete and not breaks_off)
        events = [verdict_event(verdict) for verdict in verdicts]
        for event in events:
            self._emit(now, event)
        return judge_outcome(outcome, verdicts, events)


@contextlib.contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Have Python look for circles less often: records and events have none, and looking took a sixth of the time."""
    before = gc.get_threshold()
    if before[0]:  # otherwise it does not look at all
        gc.set_threshold(max(_MOST_UNLOOKED, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _version() -> str:
    from run_scenario import __version__

    return __version__
