"""From records to events: the one place that knows what each record means.

The narrator is told the records in causal order and hands each to the teller whose matter it is: processes, queues,
and, here, output and the run as a whole. They keep just enough state to explain what they tell. All is pure: nothing
is read, and nothing written but events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from run_scenario.engine.events import Event, EventMaker, waited
from run_scenario.engine.exits import RUNNER, signal_name, signal_of
from run_scenario.engine.output import LineJoiner
from run_scenario.engine.pipe_teller import PipeTeller
from run_scenario.engine.poison import poisons
from run_scenario.engine.pool_teller import PoolTeller
from run_scenario.engine.process_teller import ProcessTeller
from run_scenario.engine.queue_teller import QueueTeller
from run_scenario.engine.shared_teller import SharedTeller
from run_scenario.engine.standstill import Standstill, Waiting, read_reports
from run_scenario.engine.sync_teller import SyncTeller
from run_scenario.limits import DEFAULTS, LIMITS, Limit, Limits
from run_scenario.model import Location, ProcessSpec, Resource, Scenario
from run_scenario.record import codes
from run_scenario.record.reader import Record, Speaker, Wait

_BY_GUARD = frozenset(
    {
        codes.EXIT_SEEN,
        codes.ORPHANED,
        codes.SWEEPING,
        codes.STALL,
        codes.TIMED_OUT,
        codes.STOPPING,
        codes.MAIN_FORKED,
        codes.MAIN_EXITED,
        codes.LEAKED,
        codes.LIMIT,
        codes.HELPER_LOST,
        codes.MANAGER_LOST,
    }
)
"""Records that only the guard makes: in anybody else's segment they are a forgery."""


_LOSSES = {
    "fork server": "whoever asks for the exit codes of its children is told 255, whether they have ended or not",
    "resource tracker": "multiprocessing starts another; what the lost one knew of is removed by run-scenario",
}
"""What it means that one of multiprocessing's own processes is gone before its time."""


class Segment(Protocol):
    """What the narrator asks of a segment that is still there when its process is over."""

    def flushed(self, queue: int) -> int:
        """Return how many items have reached a queue's pipe."""

    def waits(self) -> Sequence[Wait]:
        """Return what its threads waited for."""


class Narrator:
    """Tells the log of one run."""

    def __init__(
        self,
        scenario: Scenario,
        events: EventMaker,
        guard_pid: int,
        segments: Callable[[int], Sequence[Segment]],
        start_method: str,
        limits: Limits = DEFAULTS,
    ) -> None:
        """Tell with `events`; `segments(pid)` are those of a process, whose headers say where it has ended."""
        self._scenario = scenario
        self._events = events
        self._make = events.make
        self._guard_pid = guard_pid
        self._segments = segments
        self._limits = limits
        self._output = LineJoiner(self._tell_line, self._tell_cut_off, limits.output)
        self.queues = QueueTeller(scenario.queues, events)
        self.processes = ProcessTeller(scenario.processes, events, start_method, self._output.flush, self._write_off)
        self.processes.main.meant = scenario.main_exitcodes
        self.sync = SyncTeller(scenario.resources, events)
        self.pipes = PipeTeller(scenario.resources, events)
        shared = SharedTeller(scenario.resources, events)
        self.pools = PoolTeller(scenario.resources, events, self.processes.note_name, self._main_is_over)
        tellers = (self, self.processes, self.queues, self.sync, self.pipes, shared, self.pools)
        self._handlers = {code: handler for teller in tellers for code, handler in _handlers(teller).items()}
        # What the run as a whole has come to, for `verdict`.
        self.refusals: list[tuple[ProcessSpec | None, int, str]] = []
        self.stalled = ""
        self.stall_cause = ""
        self.timed_out = False
        self.too_much = ""
        self.stop_signal = 0
        self.troubles: list[str] = []

    @property
    def file(self) -> str:
        """The scenario's file, as the person named it."""
        return self._scenario.file

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The scenario's resources, by the positions that records name."""
        return self._scenario.resources

    @property
    def cpus_where(self) -> Location | None:
        """Where the scenario's file says which CPUs are to be used."""
        return self._scenario.cpus_where

    # Being told

    def tell(self, reader: Speaker, record: Record) -> None:
        """Turn one record into events (none, one or several); a damaged one into none."""
        handler = self._handlers.get(record[1])
        if handler is None or (record[1] in _BY_GUARD and reader.pid != self._guard_pid):
            return
        try:
            if reader.worker:
                self.processes.name_speaker(reader)
            handler(reader, record[0], record[2:])
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            self.troubles.append(f"a record of {reader.name} (pid {reader.pid}) is damaged: code {record[1]}")

    def preview(self, records: Sequence[tuple[int, Speaker, Record]]) -> None:
        """Look at records before it is their turn: an exit seen is told with what the reaping will say about it."""
        for _, _, record in records:
            if record[1] == codes.REAPED and len(record) == 6 and isinstance(record[3], int):
                self.processes.note_reaped(record[3], record[4], record[5])

    def pids_ended_by(self, record: Record) -> frozenset[int]:
        """Return whose output has to be told before this record of an end: its process's own, and the main program's.

        A spawned child that fails before its target was called still writes to what it has inherited from the main
        program.
        """
        about = record[2 if record[1] == codes.MAIN_EXITED else 3 :][:1]
        return frozenset(pid for pid in (*about, self.processes.main.pid) if isinstance(pid, int))

    def descriptor_output(self, reader: Speaker, t: int, stream: int, text: str) -> None:
        """Tell what a process wrote to descriptor 1 or 2 without going through Python's streams."""
        main = self.processes.main
        if reader.pid == main.pid and main.sent and "resource_tracker" in text:
            return  # multiprocessing's tracker complains that we stopped its main program before it could clean up
        self._output.add(reader.pid, reader.name, stream, "descriptor", t, text)

    def take(self) -> list[Event]:
        """Return the events made since the last time."""
        return self._events.take()

    def counts(self) -> dict[str, int]:
        """Return how much of everything there was."""
        return {"processes": self.processes.started(), **self.queues.counts()}

    def waiting_for(self, pid: int, waits: Sequence[tuple[int, ...]]) -> str:
        """Return what a process waits for in a few words; empty if it is not known to wait."""
        found = read_reports([(pid, "S", waits, "")], self.processes.name_of, lambda _: {})
        standstill = Standstill(self._scenario, self.queues.accounts, found, [])
        return standstill.waiting_for(found[0]) or ""

    def _write_off(self, t: int, name: str, pid: int, thread: bool) -> None:
        """Tell what is lost, or held for ever, now that a process or one of its threads is over."""
        if not thread:
            segments = self._segments(pid)
            count = len(self.queues.accounts)
            flushed = [max((s.flushed(index) for s in segments), default=0) for index in range(count)]
            self.queues.write_off(t, name, pid, flushed)
            if self.processes.is_missed(pid):
                self._tell_poisons(t, name, pid, [wait for segment in segments for wait in segment.waits()])
        self.sync.write_off(t, name, pid, thread)

    def _main_is_over(self) -> bool:
        return bool(self.processes.main.outcome)

    def _tell_poisons(self, t: int, name: str, pid: int, waits: list[Wait]) -> None:
        for poison in poisons(waits, self._scenario.resources):
            self._make(t, poison.event, name, pid, "warning", **poison.fields)
            if poison.event == "queue.poisoned":
                self.queues.accounts[poison.index].poisoned.append((poison.fields["side"], name))
            else:
                self.sync.poisoned.setdefault(poison.index, []).append(name)

    # Output and logging

    def on_output(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._output.add(reader.pid, reader.name, f[0], "logging" if f[2] else "print", t, f[1])

    def _tell_line(self, t: int, pid: int, process: str, stream: int, via: str, line: str, cut: bool) -> None:
        fields: dict[str, Any] = {"stream": "stderr" if stream == 2 else "stdout", "text": line, "via": via}
        if cut:
            fields["truncated"] = True
        self._make(t, "process.output", process, pid, **fields)

    def _tell_cut_off(self, t: int, pid: int, process: str) -> None:
        limit, most = LIMITS["output"], self._limits.output
        fields = {"most": most, "option": limit.option, "reason": limit.exceeded(most)}
        self._make(t, "process.output_cut_off", process, pid, "warning", **fields)

    def on_logged(self, reader: Speaker, t: int, f: list[Any]) -> None:
        via, level, logger, message, more = f
        known = level if level in ("debug", "info", "warning", "error", "critical") else "info"
        fields = {"message": message, "logger": logger, "via": via, "source": "target", "fields": more}
        self._make(t, "log.message", reader.name, reader.pid, known, **fields)

    # Steps of `main`

    def on_main_called(self, reader: Speaker, t: int, f: list[Any]) -> None:
        fields = {"subject": f[0] or None, "method": f[1], "result": f[2]}
        self._make(t, "main.called", reader.name, reader.pid, "info", **fields)

    def on_main_raised(self, reader: Speaker, t: int, f: list[Any]) -> None:
        fields = {"subject": f[0] or None, "method": f[1], "exception": f[2], "message": f[3]}
        self._make(t, "main.raised", reader.name, reader.pid, "info", **fields)

    # The run

    def on_refused(self, reader: Speaker, t: int, f: list[Any]) -> None:
        for process, queue, text in f[0]:
            spec = self._scenario.processes[process] if process >= 0 else None
            self.refusals.append((spec, queue, text))
        self.processes.main.outcome = "refused"
        texts = [text for _, _, text in self.refusals]
        reason = "the scenario names code or CPUs that may not be used, or are not there"
        self._make(t, "scenario.refused", RUNNER, self._guard_pid, "error", reason=reason, problems=texts)

    def on_stall(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self.stall_cause = f[0]
        waiting = read_reports(f[1], self.processes.name_of, self.processes.threads_of)
        standstill = Standstill(
            self._scenario,
            self.queues.accounts,
            waiting,
            self.processes.ended(),
            self.processes.stopped(),
            self.sync,
            self.pools,
        )
        self.stalled = standstill.reason(f[0])
        self._make(
            t,
            "scenario.stalled",
            RUNNER,
            self._guard_pid,
            "error",
            reason=self.stalled,
            cause=f[0],
            processes=[self._stalled_process(standstill, w, t) for w in waiting],
            queues=[account.summary() for account in self.queues.accounts],
        )

    def _stalled_process(self, standstill: Standstill, w: Waiting, t: int) -> dict[str, Any]:
        state = {codes.W_EXIT: "exiting", codes.W_SLEEP: "sleeping", codes.MOVING: ""}.get(w.kind, "waiting")
        return {
            "process": w.process,
            "pid": w.pid,
            "state": state or ("running" if w.state == "R" else "sleeping"),
            "waiting_for": standstill.waiting_for(w),
            "queue": standstill.queue_of(w),
            "resource": standstill.resource_of(w),
            "on_process": standstill.process_of(w),
            "since": self._events.seconds(w.since) if w.kind else None,
            "seconds": waited(t, w.since) if w.kind else None,
            "stack": list(w.stack),
        }

    def on_timed_out(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self.timed_out = True
        self._make(t, "scenario.timed_out", RUNNER, self._guard_pid, "error", timeout=self._scenario.timeout)

    def on_stopping(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self.stop_signal = int(f[0])
        fields = {"signal": signal_name(self.stop_signal)}
        self._make(t, "scenario.interrupted", RUNNER, self._guard_pid, "error", **fields)

    def on_limit(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self.tell_limit(t, LIMITS[f[0]], f[1])

    def tell_limit(self, t: int, limit: Limit, found: int) -> None:
        """Tell, once, that the run is ended because there is more of it than was allowed."""
        if self.too_much:
            return
        most = getattr(self._limits, limit.name)
        self.too_much = limit.exceeded(most, found)
        fields = {"limit": limit.name, "most": most, "found": found, "option": limit.option, "reason": self.too_much}
        self._make(t, "scenario.limit_reached", RUNNER, self._guard_pid, "error", **fields)

    def on_leaked(self, reader: Speaker, t: int, f: list[Any]) -> None:
        reason = "removed what the run's processes had left in shared memory"
        self._make(t, "ipc.leaked", RUNNER, self._guard_pid, "warning", names=list(f[0]), reason=reason)

    def on_helper_lost(self, reader: Speaker, t: int, f: list[Any]) -> None:
        pid, helper, code = f
        fields = {"helper": helper, "helper_pid": pid, "exitcode": code, "signal": signal_of(code)}
        fields["reason"] = _LOSSES.get(helper, "")
        self._make(t, "helper.lost", RUNNER, self._guard_pid, "warning", **fields)

    def on_trouble(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self.troubles.append(str(f[0]))

    def finish(self, t: int) -> None:
        """Tell what is known only now that everybody is gone: ends nobody explained, items nobody took."""
        self.processes.finish(t)
        self._output.flush_all()
        self.queues.tell_left_over(t, self.processes.main.pid)
        self.pipes.tell_left_over(t, self.processes.main.pid)


def _handlers(teller: object) -> dict[int, Callable[[Speaker, int, list[Any]], None]]:
    """Return a teller's methods `on_NAME` by the number of the record NAME."""
    names = {name: value for name, value in vars(codes).items() if isinstance(value, int) and name[:2] != "W_"}
    found = {number: getattr(teller, f"on_{name.lower()}", None) for name, number in names.items()}
    return {number: handler for number, handler in found.items() if handler is not None}
