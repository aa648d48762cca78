"""From records to events: the one place that knows what each record means.

The decoder takes the records in causal order and hands each to the decoder whose matter it is: processes, queues,
and, here, output and the run as a whole. They keep just enough state to explain what they emit. All is pure: nothing
is read, and nothing written but events.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, get_args

import msgspec
from msgspec import UNSET

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory, Owner
from run_scenario.events.decoding.made import Call, handles, resource_made, with_names
from run_scenario.events.decoding.output import LineJoiner, Via
from run_scenario.events.decoding.pipes import PipeDecoder
from run_scenario.events.decoding.pools import PoolDecoder
from run_scenario.events.decoding.processes import ProcessDecoder
from run_scenario.events.decoding.queues import QueueDecoder
from run_scenario.events.decoding.shared import SharedDecoder
from run_scenario.events.decoding.sync import SyncDecoder, abandoned_resources
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.diagnosis.hints import Failure, hint
from run_scenario.events.diagnosis.reports import blocked_operation, read_reports
from run_scenario.events.exit_cause import MAIN_NAME, RUNNER, signal_name, signal_of
from run_scenario.events.outcome import OutcomeName
from run_scenario.events.reasons import HelperGone, LimitExceeded, MemoryRemoved, Refusals, Wording
from run_scenario.events.types import Event
from run_scenario.limits import DEFAULTS, LIMITS, Limit, Limits
from run_scenario.recording import codes
from run_scenario.recording.data import RecordedArgument, RecordedResource
from run_scenario.recording.process_report import Packed, ProcessReport
from run_scenario.recording.segment_reader import PackedWait, Source, Wait
from run_scenario.recording.streams import Record
from run_scenario.recording.usage import Packed as PackedUsage
from run_scenario.scenario.expected_ends import ExpectedEnds
from run_scenario.scenario.families import family_of
from run_scenario.scenario.model import Location, PoolCall, ProcessSpec, QueueSpec, Scenario, StartMethod
from run_scenario.scenario.resources import PoolSpec, recorded_resource

_BY_SUPERVISOR = frozenset(
    {
        codes.EXIT_SEEN,
        codes.ORPHANED,
        codes.SWEEPING,
        codes.NOT_ENDED,
        codes.STACKS_ASKED,
        codes.STALL,
        codes.SIGNALLED,
        codes.TIMED_OUT,
        codes.STOPPING,
        codes.MAIN_FORKED,
        codes.MAIN_EXITED,
        codes.LEAKED,
        codes.LIMIT,
        codes.HELPER_LOST,
        codes.MANAGER_LOST,
        codes.MEMORY_LEFT,
    }
)
"""Records that only the supervisor makes: in anybody else's segment they are a forgery."""


_AFTER_END = frozenset(
    {codes.STALL, codes.TIMED_OUT, codes.STOPPING, codes.NOT_ENDED, codes.LEAKED, codes.TROUBLE, codes.MAIN_EXITED}
)
"""Records that say what they say even if others are missing."""


Logging = Literal["logging", "structlog", "warnings"]
Helper = Literal["fork server", "resource tracker"]

_USUAL_LENGTH = 6
"""Of the records of which there are many: those that `recorder.fixed` makes."""

_EARLIER = "of an earlier block"
"""What a resource is called that an earlier block of the program has made, whatever it is."""


class Segment(Protocol):
    """What the decoder asks of a segment that is still there when its process is over."""

    name: str
    """Of its process, as multiprocessing has it."""
    ppid: int
    """Process id of its parent, when it began to record."""

    def flushed(self, queue: int) -> int:
        """Return how many items have reached a queue's pipe."""

    def waits(self) -> Sequence[Wait]:
        """Return what its threads waited for."""


class EventDecoder:
    """Tells the log of one run."""

    def __init__(
        self,
        scenario: Scenario,
        events: EventFactory,
        supervisor_pid: int,
        segments: Callable[[int], Sequence[Segment]],
        start_method: StartMethod,
        limits: Limits = DEFAULTS,
        *,
        wording: Wording,
        first: tuple[int, int] = (0, 0),
    ) -> None:
        """Tell with `events`; `segments(pid)` are those of a process, whose headers say where it has ended.

        `first` are the numbers of the first resource and the first process that this log may tell of.
        """
        self._wording = wording
        self._facts = FactBook()
        self._scenario = scenario
        self._processes = list(scenario.processes)
        self._resources = [*scenario.resources, *[recorded_resource("Lock", _EARLIER, 0, "")] * first[0]]
        self._names: Counter[str] = Counter()
        """How many of what own code has made have a name."""
        self._makers: dict[str, str] = {}
        """What own code has made -> who has made it."""
        self._given: dict[str, list[str]] = {}
        """Resource, or end of a pipe -> the processes and pools of own code that were given it."""
        self._given_more: set[str] = set()
        """Those of them that may have been given more than what is recorded of them."""
        self._events = events
        self._emit = events.emit
        self._supervisor_pid = supervisor_pid
        self._segments = segments
        self._limits = limits
        self._output = LineJoiner(self._emit_line, self._emit_cut_off, limits.output)
        self.queues = QueueDecoder(scenario.queues, events)
        self.processes = ProcessDecoder(
            scenario.processes, events, start_method, self._output.flush, self._write_off, self._hint, wording
        )
        self.processes.main.allowed_exitcodes = scenario.main_exitcodes
        self._expected_ends = ExpectedEnds(scenario.expect)
        if scenario.script:
            self.processes.main.spec = self._expected_ends.allow(ProcessSpec(MAIN_NAME, True, scenario.script))
        self.sync = SyncDecoder(self._resources, events)
        self.pipes = PipeDecoder(self._resources, events)
        self.shared = SharedDecoder(self._resources, events)
        self.pools = PoolDecoder(
            self._resources, events, self.processes.note_name, self._main_is_over, self._hint, self._write_off
        )
        decoders = (self, self.processes, self.queues, self.sync, self.pipes, self.shared, self.pools)
        self._handlers = {code: handler for decoder in decoders for code, handler in _handlers(decoder).items()}
        if first != (0, 0):
            self._leave_earlier_out(*first)
        # What the run as a whole has come to, for `verdict`.
        self.refusals: list[tuple[Location, str, str]] = []
        self.stall: types.ScenarioStalled | None = None
        self.timed_out = False
        self.limit_exceeded: LimitExceeded | None = None
        self.stop_signal = 0
        self.stopped_by: dict[OutcomeName, int | None] = {}
        """How the run was ended -> the number of the event that says so."""
        self.troubles: list[str] = []
        self.recording_has_ended = False
        """Whether there was no room for more, while the script went on."""
        self.goes_on = False
        """Whether, at the end of a block, processes of it still ran."""

    @property
    def file(self) -> str:
        """The scenario's file, as the person named it."""
        return self._scenario.file

    # Decoding

    def decode(self, source: Source, record: Record) -> None:
        """Turn one record into events (none, one or several); a damaged one into none."""
        # This is run for every record of a run: each line of it costs.
        code = record[1]
        found = self._handlers.get(code)
        if self.recording_has_ended and code not in _AFTER_END:
            return
        pid = source.pid
        if found is None or (code in _BY_SUPERVISOR and pid != self._supervisor_pid):
            return
        handler, length = found
        try:
            if source.worker:
                self.processes.name_thread(source)
            if length == _USUAL_LENGTH == len(record):
                t, _, about, number, value, since = record
                event = handler(source, t, about, number, value, since)
            else:  # twice as dear
                event = handler(source, record[0], *record[2:length])
            if event is None:
                return
            if length is None or len(record) <= length:
                self._emit(record[0], source.name, pid, event)
            else:
                self._events.emit_with(record[0], source.name, pid, event, record[length:])
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            self.troubles.append(f"a record of {source.name} (pid {pid}) is damaged: code {code}")

    def _leave_earlier_out(self, resource: int, process: int) -> None:
        """Leave records out that are about what has a number before these: an earlier block has made it."""
        first = {**dict.fromkeys(("index", "queue", "pipe", "pool"), resource), "process": process}
        said: list[int] = []

        def from_now(handler: Callable[..., Event | None], least: int) -> Callable[..., Event | None]:
            def handle(source: Source, t: int, number: int, *fields: Any) -> Event | None:
                if not isinstance(number, int) or not 0 <= number < least:  # -1 is the main program
                    return handler(source, t, number, *fields)
                if not said:
                    said.append(t)
                    self.emit_incomplete(t, "what an earlier block has made")
                return None

            return handle

        for code, (handler, length) in self._handlers.items():
            about = handler.__code__.co_varnames[3:4]
            if about and about[0] in first:
                self._handlers[code] = from_now(handler, first[about[0]]), length

    def preview(self, records: Sequence[tuple[int, Source, Record]]) -> None:
        """Look at records before it is their turn: an exit seen is emitted with what the reaping will say about it."""
        for _, _, record in records:
            if record[1] == codes.REAPED and len(record) == 6 and isinstance(record[3], int):
                self.processes.note_reaped(record[3], record[4], record[5])

    def pids_ended_by(self, record: Record) -> frozenset[int]:
        """Return whose output has to be emitted before this record of an end: its own process's, and the main one's.

        A spawned child that fails before its target was called still writes to what it has inherited from the main
        program.
        """
        about = record[2 if record[1] == codes.MAIN_EXITED else 3 :][:1]
        return frozenset(pid for pid in (*about, self.processes.main.pid) if isinstance(pid, int))

    def add_output(self, source: Source, t: int, stream: int, text: str) -> None:
        """Tell what a process wrote to descriptor 1 or 2 without going through Python's streams."""
        self._output.add(source.pid, source.name, stream, "descriptor", t, text)

    def take(self) -> list[Event]:
        """Return the events made since the last time."""
        events = self._events.take()
        self._facts.note(events)
        return events

    def counts(self) -> dict[str, int]:
        """Return how much of everything there was."""
        return {"processes": self.processes.started(), **self.queues.counts()}

    def blocked_operation(self, pid: int, waits: list[PackedWait]) -> types.BlockedOperation:
        """Return what a process is blocked in, by what its threads wait for."""
        found = read_reports([ProcessReport(pid, "S", waits)], self.processes.name_of, lambda _: {})
        return blocked_operation(found[0], self._described(), self._events.seconds)

    def _described(self, *, with_calls: bool = False) -> Scenario:
        """Return the scenario, with what own code has made until now; on request, with its calls on pools as well."""
        if not self._makers and len(self._processes) == len(self._scenario.processes):
            return self._scenario
        made = [
            self.pools.with_calls(index) if with_calls and isinstance(spec, PoolSpec) else spec
            for index, spec in enumerate(self._resources)
        ]
        return self._scenario.replace(made=tuple(made), processes=tuple(self._processes))

    def _write_off(self, t: int, name: str, pid: int, thread: bool) -> None:
        """Tell what is lost, or held for ever, now that a process or one of its threads is over."""
        if not thread:
            segments = self._segments(pid)
            self.queues.write_off(t, name, pid, lambda queue: max((s.flushed(queue) for s in segments), default=0))
            if self.processes.is_missed(pid):
                self._emit_abandoned(t, name, pid, [wait for segment in segments for wait in segment.waits()])
        self.sync.write_off(t, name, pid, thread)

    def _hint(self, failure: Failure) -> dict[str, Any]:
        """Return the fields `hint` and `hint_seq` of a failure; none where nothing explains it."""
        self._facts.note(self._events.emitted)
        found = hint(failure, self._described(), self._facts)
        if found is None:
            return {}
        return {"hint": self._wording.sentence(found)} | ({} if found.seq is None else {"hint_seq": found.seq})

    def _main_is_over(self) -> bool:
        return bool(self.processes.main.outcome)

    def _emit_abandoned(self, t: int, name: str, pid: int, waits: list[Wait]) -> None:
        for index, event in abandoned_resources(waits, self._resources, self._wording):
            self.sync.note_abandoned(index, name)
            self._emit(t, name, pid, event)

    def on_exit_seen(
        self, source: Source, t: int, process: int, pid: int, exitcode: int | None, usage: PackedUsage
    ) -> None:
        state = self.processes.see_exit(t, process, pid, exitcode, usage)
        # Whoever the runner has ended was at work until then; and without its main program, a pool notices nothing.
        by_runner = state.end is not None and state.end.cause == "stopped_by_runner"
        if state.exitcode is not None and not by_runner and not self.processes.main.exited:
            self.pools.see_exit(t, state.name, pid, state.exitcode)

    # What own code makes

    def on_resource_made(
        self,
        source: Source,
        t: int,
        index: int,
        kind: str,
        variable: str,
        file: str,
        line: int,
        size: int,
        lock: int,
        more: dict[str, Any],
    ) -> None:
        place = f"{variable or kind}{{}} ({os.path.basename(file)}:{line})"
        self._names[place] += 1
        name = place.format(f" #{self._names[place]}" if self._names[place] > 1 else "")
        spec = recorded_resource(kind, name, size, self._resources[lock].name if lock >= 0 else "")
        while len(self._resources) < index:  # whoever has made these ended before it said so
            self._resources.append(recorded_resource("Lock", "?", 0, ""))
        self._resources.append(spec)
        self._makers[name] = source.name
        if isinstance(spec, PoolSpec):
            more = dict(more)
            self._note_given(name, more.pop("given", ()), whole=more.pop("given_all", False))
        if isinstance(spec, QueueSpec):
            self.queues.add(index, spec)
        self.sync.add(index, spec)
        self._emit(t, source.name, source.pid, resource_made(spec, variable, file, line, more, self._resources))

    def on_pool_call_made(
        self,
        source: Source,
        t: int,
        pool: int,
        call: int,
        method: str,
        function: str,
        callback: str,
        failed: str,
        file: str,
        line: int,
    ) -> None:
        place = f"{os.path.basename(file)}:{line}" if file else ""
        made = PoolCall(method, function, callback=callback, error_callback=failed, number=call, place=place)
        self.pools.add_call(pool, made)

    def on_process_made(
        self,
        source: Source,
        t: int,
        process: int,
        name: str,
        target: str,
        daemon: bool,
        path: str,
        arguments: list[RecordedArgument],
        start_method: StartMethod,
        given: Sequence[RecordedResource] = (),
        whole: bool = False,
    ) -> None:
        allowed = self._allowed_of_children(source)
        spec = ProcessSpec(
            self.processes.unused(name),
            True,
            target,
            daemon=daemon,
            any_exitcode=allowed is None,
            also_exitcodes=(allowed or frozenset()) | {0},  # however it ends with that
            children_exitcodes=allowed,
            parent=source.name,  # also if that is the main program, of whose plan it is no part
        )
        spec = self._expected_ends.allow(spec, family_of(spec.name))
        self._note_given(spec.name, given, whole=whole)
        self.processes.add(process, spec, Call(path, with_names(arguments, self._resources), start_method))
        self._processes.append(spec)

    def _note_given(self, name: str, given: Sequence[RecordedResource], *, whole: bool) -> None:
        for handle in handles(given, self._resources):
            self._given.setdefault(handle, []).append(name)
        if not whole:
            self._given_more.add(name)

    def _allowed_of_children(self, source: Source) -> frozenset[int] | None:
        maker = self.processes.spec_of(source, self._makers.get(self.pools.of_worker.get(source.pid, ""), ""))
        return frozenset() if maker is None else maker.children_exitcodes

    def on_forking(
        self, source: Source, t: int, process: int, function: str, file: str, line: int, threads: Any = UNSET
    ) -> None:
        where = "" if function in ("", "<module>") else f" in {function}"
        spec = ProcessSpec(
            self.processes.unused(f"fork of {source.name}"),
            True,
            f"os.fork(){where} ({os.path.basename(file)}:{line})",
            any_exitcode=True,  # it may as well have become another program
            children_exitcodes=self._allowed_of_children(source),
            parent=source.name,
        )
        self.processes.add(process, spec, Call("", [], "fork"), is_copy=True)
        self._processes.append(spec)
        self.processes.on_starting(source, t, process, spec.name, threads)

    def on_not_recorded(self, source: Source, t: int, what: str) -> None:
        self.emit_incomplete(t, what)

    def emit_incomplete(self, t: int, what: str) -> None:
        """Emit that something of a script is not recorded."""
        self._emit_of_run(t, types.RecordingIncomplete(missing=what))

    def end_recording(self, t: int, why: str) -> None:
        """Take in that not all is recorded from now on: what seems to be missing proves nothing any more."""
        if not self.recording_has_ended:
            self.emit_incomplete(t, f"what comes after this: {why}")
            self.recording_has_ended = self.processes.recording_has_ended = True

    def on_orphaned(self, source: Source, t: int, pid: int, command: str, parent: int = 0) -> None:
        # It has written down itself who its parent was, unless it has recorded nothing before it lost it.
        noted = [segment.ppid for segment in self._segments(pid) if segment.ppid != self._supervisor_pid]
        self.processes.emit_orphaned(t, pid, command, parent or next(iter(noted), 0))

    # Output and logging

    def on_output(self, source: Source, t: int, stream: int, text: str, by_logging: bool) -> None:
        self._output.add(source.pid, source.name, stream, "logging" if by_logging else "print", t, text)

    def _emit_line(self, t: int, pid: int, process: str, stream: int, via: Via, line: str, cut: bool) -> None:
        event = types.ProcessOutput(stream="stderr" if stream == 2 else "stdout", text=line, via=via)
        if cut:
            event.truncated = True
        if via == "descriptor":
            event.order = "unknown"
        self._emit(t, process, pid, event)

    def _emit_cut_off(self, t: int, pid: int, process: str) -> None:
        limit, most = LIMITS["output"], self._limits.output
        event = types.ProcessOutputCutOff(most=most, option=limit.option, reason=limit.exceeded(most))
        self._emit(t, process, pid, event)

    def on_logged(
        self,
        source: Source,
        t: int,
        via: Logging,
        level: types.Level,
        logger: str,
        message: str,
        fields: dict[str, Any],
    ) -> Event:
        return types.LogMessage(
            level=level if level in get_args(types.Level) else "info",
            message=message,
            logger=logger,
            via=via,
            source="target",
            fields=fields,
        )

    # Steps of `main`

    def on_step_called(self, source: Source, t: int, subject: str, method: str, result: Any) -> Event:
        return types.StepCalled(subject=subject or None, method=method, result=result)

    def on_step_raised(self, source: Source, t: int, subject: str, method: str, exception: str, message: str) -> Event:
        return types.StepRaised(subject=subject or None, method=method, exception=exception, message=message)

    # The run

    def _emit_of_run(self, t: int, event: Event) -> None:
        self._emit(t, RUNNER, self._supervisor_pid, event)

    def _emit_stop(self, t: int, outcome: OutcomeName, event: Event) -> None:
        self._emit_of_run(t, event)
        self.stopped_by[outcome] = event.seq or None

    def on_refused(self, source: Source, t: int, refusals: list[tuple[int, int, str, str, str]]) -> None:
        self.refusals = [
            (Location(self.file, line or 1, column or 1), text, way_out) for line, column, _, text, way_out in refusals
        ]
        self.processes.main.outcome = "refused"
        reason = self._wording.sentence(Refusals(tuple(kind for _, _, kind, _, _ in refusals)))
        problems = [f"{text}; {way_out}" if way_out else text for _, text, way_out in self.refusals]
        lines = [where.line for where, _, _ in self.refusals]
        self._emit_stop(t, "refused", types.ScenarioRefused(reason=reason, problems=problems, lines=lines))

    def on_stall(self, source: Source, t: int, cause: Literal["deadlock", "deadline"], reports: list[Packed]) -> None:
        event = types.ScenarioStalled(cause=cause, **self._who_waits(t, cause, reports))
        self._explain_waits(event)
        self.stall = event
        self._emit_stop(t, "stalled", event)

    def on_signalled(self, source: Source, t: int, number: int, reports: list[Packed]) -> None:
        event = types.ScenarioSignalled(signal=signal_name(number), **self._who_waits(t, "signal", reports))
        self._explain_waits(event)
        self._emit_of_run(t, event)

    def _who_waits(
        self, t: int, cause: Literal["deadlock", "deadline", "signal"], packed: list[Packed]
    ) -> dict[str, Any]:
        """Return the fields of who waits for what, without words."""
        # 12 ms, which only a run that stands still has to pay.
        from run_scenario.events.diagnosis.diagnosis import diagnose, stuck_process, stuck_thread, undecided
        from run_scenario.events.diagnosis.graph import Situation, WaitForGraph

        self._facts.note(self._events.emitted)
        reports = [ProcessReport(*each) for each in packed]
        names = self._names_of([report.pid for report in reports])
        waiting = read_reports(
            reports,
            lambda pid: names.get(pid, f"pid {pid}"),
            self.processes.threads_of,
            self.processes.thread_names,
        )
        situation = Situation(
            scenario=self._described(with_calls=True),
            waiting=waiting,
            ended=self.processes.ended({report.pid for report in reports}),
            ledgers=self.queues.ledgers,
            holders=self.sync.holders,
            facts=self._facts,
            name_of=self.processes.name_of,
            seconds=self._events.seconds,
            makers=self._makers,
            given=self._given,
            given_more=self._given_more,
        )
        graph, now = WaitForGraph(situation), self._events.seconds(t)
        return {
            "reason": "",
            "processes": [stuck_process(graph, w, now) for w in waiting if not w.thread],
            "threads": [stuck_thread(graph, w, now) for w in waiting if w.thread],
            "queues": [ledger.summary() for ledger in self.queues.ledgers.values()],
            "diagnosis": undecided(graph, cause) if self.recording_has_ended else diagnose(graph, cause, now),
        }

    def _explain_waits(self, event: types.WhoWaits) -> None:
        event.reason, wanted = self._wording.deadlock(event)
        told = iter(wanted)
        event.processes = [msgspec.structs.replace(each, waiting_for=next(told)) for each in event.processes]
        event.threads = [msgspec.structs.replace(each, waiting_for=next(told)) for each in event.threads]

    def _names_of(self, pids: Sequence[int]) -> dict[int, str]:
        """Return a name for each process, no two the same; of one that the scenario does not describe, its own."""
        names: dict[int, str] = {}
        taken: set[str] = set()
        for pid in pids:
            name = self.processes.name_of(pid)
            if name == f"pid {pid}":
                name = next((segment.name for segment in self._segments(pid) if segment.name), name)
            # Two that nothing is known of may have the same: managers that different processes have started.
            names[pid] = f"pid {pid}" if name in taken else name
            taken.add(name)
        return names

    def on_timed_out(self, source: Source, t: int) -> None:
        self.timed_out = True
        self._emit_of_run(t, types.ScenarioTimedOut(timeout=self._scenario.timeout))

    def on_stopping(self, source: Source, t: int, number: int) -> None:
        self.stop_signal = int(number)
        self._emit_stop(t, "interrupted", types.ScenarioInterrupted(signal=signal_name(self.stop_signal)))

    def on_limit(self, source: Source, t: int, limit: str, found: int) -> None:
        self.emit_limit(t, LIMITS[limit], found)

    def emit_limit(self, t: int, limit: Limit, found: int) -> None:
        """Emit, once, that the run is ended because there is more of it than was allowed."""
        if self.limit_exceeded:
            return
        most = getattr(self._limits, limit.name)
        self.limit_exceeded = LimitExceeded(limit.name, most, found)
        event = types.ScenarioLimitReached(
            limit=limit.name,  # type: ignore[arg-type]  # the others end no run
            most=most,
            found=found,
            option=limit.option,
            reason=limit.exceeded(most, found),
        )
        self._emit_stop(t, "limit_exceeded", event)

    def on_leaked(self, source: Source, t: int, names: list[str]) -> None:
        self._emit_of_run(t, types.IpcLeaked(names=list(names), reason=self._wording.sentence(MemoryRemoved())))

    def on_helper_lost(self, source: Source, t: int, pid: int, helper: Helper, exitcode: int | None) -> None:
        event = types.HelperLost(
            helper=helper,
            helper_pid=pid,
            exitcode=exitcode,
            signal=signal_of(exitcode),
            reason=self._wording.sentence(HelperGone(helper)),
        )
        self._emit_of_run(t, event)

    def on_trouble(self, source: Source, t: int, text: str) -> None:
        self.troubles.append(str(text))

    def finish(self, t: int, is_running: Callable[[int], bool] | None = None) -> None:
        """Tell what is known only now that everybody is gone: ends nobody explained, items nobody took.

        At the end of a block, after which the program goes on, `is_running` says of a process id whether there is one.
        """
        if is_running is None:
            self.processes.finish(t)
        elif not self.recording_has_ended:
            self.goes_on = self.processes.leave(t, is_running, {**self.shared.managers, **self.pools.workers})
        self._output.flush_all()
        if self.recording_has_ended:
            return
        self.queues.emit_left_over(t, self._owner)
        self.pipes.emit_left_over(t, self._owner)
        self.shared.emit_left_over(t, self._owner)
        self._facts.note(self._events.emitted)
        self.pools.emit_unheard(t, self._owner, self._facts, ended_well=self.processes.main.exitcode == 0)

    def _owner(self, resource: str) -> Owner:
        """Return who has made a resource: the main program, or the process whose own code has."""
        maker = self._makers.get(resource, "")
        state = next((each for each in self.processes.states if each.name == maker), self.processes.main)
        return state.name, state.pid


def _handlers(decoder: object) -> dict[int, tuple[Callable[..., Event | None], int | None]]:
    """Return a decoder's methods `on_NAME` by the number of the record NAME, each with the length of that record.

    Each takes the source of the record, its time and its fields. It returns the event that it is, about its source;
    what a longer record has at its end are the optional fields of that event. Or it emits events itself, several or
    about others, and is given all that the record has: then there is no length.
    """
    return {number: (getattr(decoder, name), length) for number, name, length in _methods(type(decoder))}  # type: ignore[arg-type]


@functools.cache
def _methods(decoder: Any) -> list[tuple[int, str, int | None]]:
    """Return, of the class of a decoder, the records that it has methods for: number, name of the method, length."""
    numbers = {name: value for name, value in vars(codes).items() if isinstance(value, int) and name[:2] != "W_"}
    named = [(number, f"on_{name.lower()}") for name, number in numbers.items()]
    return [(number, name, _record_length(getattr(decoder, name))) for number, name in named if hasattr(decoder, name)]


def _record_length(handler: Callable[..., Event | None]) -> int | None:
    if handler.__annotations__["return"] == "None":
        return None
    return handler.__code__.co_argcount - 1  # self, source, t and the fields; the record has t, its code and the fields
