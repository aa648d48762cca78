"""From records to events: the one place that knows what each record means.

The narrator is told the records in causal order and keeps just enough state to explain them: the lives of the
processes and the books of the queues. It is pure: it reads nothing and writes nothing but events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from run_scenario.engine.accounts import QueueAccount
from run_scenario.engine.events import Event, EventMaker, waited
from run_scenario.engine.exits import MAIN_NAME, RUNNER, Life, explain, signal_name, usage_fields
from run_scenario.engine.output import LineJoiner
from run_scenario.engine.standstill import Standstill, Waiting, read_reports
from run_scenario.model import ProcessSpec, Scenario
from run_scenario.record import codes
from run_scenario.record.reader import Record, SegmentReader

MAIN = -1
_MOST_LEFT_SHOWN = 10

_BY_GUARD = frozenset(
    {
        codes.EXIT_SEEN,
        codes.ORPHANED,
        codes.SWEEPING,
        codes.STALL,
        codes.TIMED_OUT,
        codes.STOPPING,
        codes.MAIN_EXITED,
        codes.LEAKED,
    }
)
"""Records that only the guard makes: in anybody else's segment they are a forgery."""


class Narrator:
    """Tells the log of one run."""

    def __init__(
        self,
        scenario: Scenario,
        events: EventMaker,
        guard_pid: int,
        flushed: Callable[[int, int], int],
        start_method: str,
    ) -> None:
        self._scenario = scenario
        self._events = events
        self._make = events.make
        self._guard_pid = guard_pid
        self._flushed = flushed
        """(process id, queue) -> items written to the pipe, as the process's segment says."""
        self._start_method = start_method
        self.accounts = [QueueAccount(spec) for spec in scenario.queues]
        self.main = Life(MAIN_NAME)
        self.lives = [Life(spec.name, spec) for spec in scenario.processes]
        self._by_pid: dict[int, Life] = {}
        self._reaped: dict[int, tuple[int, list[Any]]] = {}
        self._output = LineJoiner(self._tell_line)
        self._handlers: dict[int, Callable[[SegmentReader, int, list[Any]], None]] = _handlers(self)
        # What the run as a whole has come to, for `verdict`.
        self.refusals: list[tuple[ProcessSpec | None, int, str]] = []
        self.stalled = ""
        self.stall_cause = ""
        self.timed_out = False
        self.stop_signal = 0
        self.troubles: list[str] = []

    @property
    def file(self) -> str:
        """The scenario's file, as the person named it."""
        return self._scenario.file

    # Being told

    def preview(self, records: Sequence[tuple[int, SegmentReader, Record]]) -> None:
        """Look at records before it is their turn: an exit seen is told with what the reaping will say about it."""
        for _, _, record in records:
            if record[1] == codes.REAPED and len(record) == 6:
                self._reaped[record[3]] = record[4], record[5]

    def tell(self, reader: SegmentReader, record: Record) -> None:
        """Turn one record into events (none, one or several); a damaged one into none."""
        handler = self._handlers.get(record[1])
        if handler is None or (record[1] in _BY_GUARD and reader.pid != self._guard_pid):
            return
        try:
            handler(reader, record[0], record[2:])
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            self.troubles.append(f"a record of {reader.name} (pid {reader.pid}) is damaged: code {record[1]}")

    def descriptor_output(self, reader: SegmentReader, t: int, stream: int, text: str) -> None:
        """Tell what a process wrote to descriptor 1 or 2 without going through Python's streams."""
        if reader.pid == self.main.pid and self.main.sent and "resource_tracker" in text:
            return  # multiprocessing's tracker complains that we stopped its main program before it could clean up
        self._output.add(reader.pid, reader.name, stream, "descriptor", t, text)

    def take(self) -> list[Event]:
        """Return the events made since the last time."""
        return self._events.take()

    def alive(self) -> list[str]:
        """Return the names of the processes that have started and not ended."""
        return [life.name for life in self._by_pid.values() if not life.exited]

    def failures(self) -> list[str]:
        """Return a sentence for each process that ended in a way the scenario does not allow."""
        main = [f"the main program failed: {self.main.reason}"] if self.main.exitcode else []
        return main + [f"{life.name}: {life.reason}" for life in self.lives if life.exited and not life.allowed]

    def counts(self) -> dict[str, int]:
        """Return how much of everything there was."""
        books = self.accounts
        return {
            "processes": sum(life.started is not None for life in self.lives),
            "put": sum(a.put for a in books),
            "got": sum(a.got for a in books),
            "dropped": sum(a.dropped for a in books),
            "lost": sum(a.lost for a in books),
            "left": sum(a.left for a in books),
        }

    # Processes

    def _life(self, index: Any) -> Life:
        if index == MAIN:
            return self.main
        if not isinstance(index, int) or index < 0:
            raise IndexError(index)
        return self.lives[index]

    def _process_event(self, t: int, event: str, index: Any, level: str = "info", **fields: Any) -> None:
        life = self._life(index)
        self._make(t, f"process.{event}", life.name, life.pid, level, **fields)

    def on_starting(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        spec = self._scenario.processes[f[0]]
        fields = {"target": spec.target, "daemon": spec.daemon, "delay": spec.delay}
        self._process_event(t, "starting", f[0], by=reader.name, **fields)

    def on_started(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        index, pid, ppid, parent, daemon = f
        life = self._life(index)
        life.pid, life.started = pid, t
        self._by_pid[pid] = life
        method = None if index == MAIN else self._start_method
        fields = {"ppid": ppid, "parent": parent or None, "daemon": daemon, "start_method": method}
        self._process_event(t, "started", index, **fields)

    def on_start_failed(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        message = f"start() failed: {f[2]}"
        fields = {"exception": f[1], "message": message, "traceback": ""}
        self._process_event(t, "failed", f[0], "error", by=reader.name, **fields)

    def on_finished(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        life.outcome, life.usage = "finished", f[1]
        self._process_event(t, "finished", f[0], duration=self._since(life, t))

    def on_exiting(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        life.outcome, life.usage = "exiting", f[2]
        self._process_event(t, "exiting", f[0], exitcode=f[1])

    def on_failed(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        life.outcome, life.usage = "failed", f[4]
        life.exception = f"{f[1]}: {f[2]}" if f[2] else str(f[1])
        self._process_event(t, "failed", f[0], "error", exception=f[1], message=f[2], traceback=f[3])

    def on_joining(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._process_event(t, "joining", f[0], by=reader.name, timeout=f[1])

    def on_joined(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._process_event(t, "joined", f[0], by=reader.name, exitcode=f[1], waited=waited(t, f[2]))

    def on_join_timed_out(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        fields = {"timeout": f[1], "waited": waited(t, f[2])}
        self._process_event(t, "join_timed_out", f[0], "warning", by=reader.name, **fields)

    def on_alive(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._process_event(t, "alive", f[0], by=reader.name, alive=f[1])

    def on_terminating(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._stopping(reader.name, t, f, "terminating", 15)

    def on_killing(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._stopping(reader.name, t, f, "killing", 9)

    def _stopping(self, sender: str, t: int, f: list[Any], event: str, number: int) -> None:
        self._life(f[0]).sent.append((number, sender, f[1]))
        reasons = {"daemon": "the main program ended, and this is a daemon process", "step": "as the scenario says"}
        self._process_event(t, event, f[0], by=sender, reason=reasons.get(f[1], f[1]))

    # Ends

    def on_reaped(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        index, pid, code, usage = f
        self._tell_exit(self._life(index), pid, t, code, usage)

    def on_exit_seen(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        index, pid, code, usage = f
        life = self._life(index) if index >= 0 else self._stranger(pid)
        if pid in self._reaped:
            code, usage = self._reaped[pid]
        if code is None:
            life.seen = t  # its parent will say with which code
        else:
            self._tell_exit(life, pid, t, code, usage)

    def on_main_exited(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._tell_exit(self.main, f[0], t, f[1], f[2])

    def _stranger(self, pid: int) -> Life:
        """Return the life of a process that the scenario does not describe: a child of a target's own making."""
        if pid not in self._by_pid:
            self._by_pid[pid] = Life(f"pid {pid}", pid=pid)
        return self._by_pid[pid]

    def _tell_exit(self, life: Life, pid: int, t: int, code: int | None, usage: list[Any] | None) -> None:
        if life.exited:
            return
        life.pid, life.exited, life.exitcode = pid, True, code
        self._output.flush(pid)
        end = explain(life, code)
        life.allowed, life.reason = end.allowed, end.reason
        self._make(
            t,
            "process.exited",
            life.name,
            pid,
            "info" if end.allowed else "error",
            exitcode=code,
            cause=end.cause,
            signal=end.signal,
            by=end.by,
            reason=end.reason,
            allowed=end.allowed,
            duration=self._since(life, t),
            **usage_fields(usage, life.usage),
        )
        for index, account in enumerate(self.accounts):
            lost = account.write_off(pid, self._flushed(pid, index)) if account.put_by[pid] else []
            if lost:
                fields = {"queue": account.spec.name, "count": len(lost)}
                self._make(t, "queue.items_lost", life.name, pid, "warning", **fields)

    def on_orphaned(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        life = self._stranger(f[0])
        self._make(t, "process.orphaned", life.name, f[0], "warning", ppid=None, command=f[1])

    def on_sweeping(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        pid, number, why = f
        life = self._stranger(pid) if pid != self.main.pid else self.main
        if life.exited:
            return
        escalated = any(sender == RUNNER for _, sender, _ in life.sent)
        life.sent.append((number, RUNNER, why))
        event = "escalated" if escalated else "killing" if number == 9 else "terminating"
        self._make(t, f"process.{event}", life.name, pid, "warning", by=RUNNER, reason=why)

    def _since(self, life: Life, t: int) -> float | None:
        return None if life.started is None else waited(t, life.started)

    # Output and logging

    def on_output(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._output.add(reader.pid, reader.name, f[0], "print", t, f[1])

    def _tell_line(self, t: int, pid: int, process: str, stream: int, via: str, line: str, cut: bool) -> None:
        fields: dict[str, Any] = {"stream": "stderr" if stream == 2 else "stdout", "text": line, "via": via}
        if cut:
            fields["truncated"] = True
        self._make(t, "process.output", process, pid, **fields)

    def on_logged(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        via, level, logger, message, more = f
        known = level if level in ("debug", "info", "warning", "error", "critical") else "info"
        fields = {"message": message, "logger": logger, "via": via, "source": "target", "fields": more}
        self._make(t, "log.message", reader.name, reader.pid, known, **fields)

    # Queues

    def on_put(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        queue, stamp, item, since = f
        account = self.accounts[queue]
        item_id = account.record_put(stamp, item)
        name = account.spec.name
        self._make(
            t,
            "queue.put",
            reader.name,
            reader.pid,
            "debug",
            queue=name,
            item_id=item_id,
            item=item,
            waited=waited(t, since),
        )

    def on_get(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        queue, stamp, item, since = f
        account = self.accounts[queue]
        item_id, put = account.record_get(stamp, reader.name)
        if item == codes.SAME:
            item = put
        name = account.spec.name
        self._make(
            t,
            "queue.get",
            reader.name,
            reader.pid,
            "debug",
            queue=name,
            item_id=item_id,
            item=item,
            waited=waited(t, since),
        )

    def _queue_event(self, reader: SegmentReader, t: int, event: str, queue: int, **fields: Any) -> None:
        name = self.accounts[queue].spec.name
        self._make(t, f"queue.{event}", reader.name, reader.pid, "debug", queue=name, **fields)

    def on_empty(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        queue, answer, by_get = f
        said_empty = self.accounts[queue].said_empty
        (said_empty.add if answer else said_empty.discard)(reader.name)
        self._queue_event(reader, t, "empty", queue, empty=answer, call="get" if by_get else "empty")

    def on_full(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "full", f[0], full=f[1], call="put" if f[2] else "full")

    def on_task_done(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        account = self.accounts[f[0]]
        account.done += 1
        self._queue_event(reader, t, "task_done", f[0], unfinished=account.unfinished)

    def on_queue_joining(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "joining", f[0])

    def on_queue_joined(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "joined", f[0], waited=waited(t, f[1]))

    def on_closed(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "closed", f[0])

    def on_thread_joined(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "thread_joined", f[0], waited=waited(t, f[1]))

    def on_dropped(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        account = self.accounts[f[0]]
        fields = {"queue": account.spec.name, "item_id": account.record_drop(f[1]), "item": f[2], "error": f[3]}
        self._make(t, "queue.item_dropped", reader.name, reader.pid, "error", **fields)

    # The run

    def on_refused(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        for process, queue, text in f[0]:
            spec = self._scenario.processes[process] if process >= 0 else None
            self.refusals.append((spec, queue, text))
        texts = [text for _, _, text in self.refusals]
        reason = "the scenario names code that may not be run, or is not there"
        self._make(t, "scenario.refused", RUNNER, self._guard_pid, "error", reason=reason, problems=texts)

    def on_stall(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self.stall_cause = f[0]
        waiting = read_reports(f[1], lambda pid: self._stranger(pid).name)
        ended = [life.name for life in self.lives if life.exited]
        standstill = Standstill(self._scenario, self.accounts, waiting, ended)
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
            queues=[account.summary() for account in self.accounts],
        )

    def _stalled_process(self, standstill: Standstill, w: Waiting, t: int) -> dict[str, Any]:
        state = {codes.W_EXIT: "exiting", codes.W_SLEEP: "sleeping", codes.MOVING: ""}.get(w.kind, "waiting")
        return {
            "process": w.process,
            "pid": w.pid,
            "state": state or ("running" if w.state == "R" else "sleeping"),
            "waiting_for": standstill.waiting_for(w),
            "queue": standstill.queue_of(w),
            "on_process": standstill.process_of(w),
            "since": self._events.seconds(w.since) if w.kind else None,
            "seconds": waited(t, w.since) if w.kind else None,
            "stack": list(w.stack),
        }

    def on_timed_out(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self.timed_out = True
        self._make(t, "scenario.timed_out", RUNNER, self._guard_pid, "error", timeout=self._scenario.timeout)

    def on_stopping(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self.stop_signal = int(f[0])
        fields = {"signal": signal_name(self.stop_signal)}
        self._make(t, "scenario.interrupted", RUNNER, self._guard_pid, "error", **fields)

    def on_leaked(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        reason = "removed what the run's processes had left in shared memory"
        self._make(t, "ipc.leaked", RUNNER, self._guard_pid, "warning", names=list(f[0]), reason=reason)

    def on_trouble(self, reader: SegmentReader, t: int, f: list[Any]) -> None:
        self.troubles.append(str(f[0]))

    def finish(self, t: int) -> None:
        """Tell what is known only now that everybody is gone: ends nobody explained, items nobody took."""
        for life in [*self.lives, *self._by_pid.values()]:
            if life.pid is not None and not life.exited:
                self._tell_exit(life, life.pid, life.seen or t, None, None)
        self._output.flush_all()
        for account in self.accounts:
            if account.left > 0:
                items = [item for _, item in account.outstanding.values()]
                fields: dict[str, Any] = {"queue": account.spec.name, "count": account.left}
                fields |= {"items": items[:_MOST_LEFT_SHOWN], "pills": sum(item is None for item in items)}
                self._make(t, "queue.left_over", MAIN_NAME, self.main.pid, "warning", **fields)


def _handlers(narrator: Narrator) -> dict[int, Callable[[SegmentReader, int, list[Any]], None]]:
    """Return the methods `on_NAME` by the number of the record NAME."""
    names = {name: value for name, value in vars(codes).items() if isinstance(value, int) and name.isupper()}
    found = {
        number: getattr(narrator, f"on_{name.lower()}", None) for name, number in names.items() if name[:2] != "W_"
    }
    return {number: handler for number, handler in found.items() if handler is not None}
