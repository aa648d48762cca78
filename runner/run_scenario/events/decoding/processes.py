"""Records of processes, decoded: how each began, what was done to it, and how and why it ended."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory, waited
from run_scenario.events.decoding.made import Call
from run_scenario.events.diagnosis.hints import Failure
from run_scenario.events.exit_cause import (
    MAIN_NAME,
    RUNNER,
    ExitCause,
    ProcessState,
    explain,
    explain_thread,
    signal_name,
    usage_of,
)
from run_scenario.events.reasons import BadEnd, BlockRaised, Misreported, NotEnded, Sent, WayOut, Wording
from run_scenario.events.types import Event
from run_scenario.recording.segment_reader import Source
from run_scenario.recording.usage import Packed
from run_scenario.scenario.model import ProcessSpec, StartMethod

MAIN = -1
"""The main program's number where records name a process by its position in the scenario."""

_FIRST_PROCESS = 1
"""The process id of the system's own, which adopts whom nobody else does."""

_MOST_THREAD_NAMES = 10_000


class ProcessDecoder:
    """Emits the events of processes; its methods `on_NAME` take the fields of the records NAME.

    `before_exit(pid, name)` and `after_exit(t, name, pid, thread)` are called around each `process.exited`: what is
    left of the output comes before it, what became of items and locks after it. Its name is None for a process and
    all that runs in it, or that of a thread. `hint(failure)` returns the fields of what explains an exception.
    """

    def __init__(
        self,
        processes: tuple[ProcessSpec, ...],
        events: EventFactory,
        start_method: StartMethod,
        before_exit: Callable[[int, str | None], None],
        after_exit: Callable[[int, str, int, bool], None],
        hint: Callable[[Failure], dict[str, Any]],
        wording: Wording,
    ) -> None:
        self.main = ProcessState(MAIN_NAME)
        self.states = [ProcessState(spec.name, spec) for spec in processes]
        self._given = Counter((MAIN_NAME, RUNNER, *(spec.name for spec in processes)))
        """How many processes have had a name."""
        self._by_pid: dict[int, ProcessState] = {}
        self._reaped: dict[int, tuple[int, Packed]] = {}
        self.survivors: list[NotEnded] = []
        """The processes that could not be ended, and were seen to be there."""
        self.recording_has_ended = False
        self._calls: dict[int, Call] = {}
        self.thread_names: dict[tuple[int, int], str] = {}
        """Of threads that are no workers of a scenario: process id and native id -> name."""
        self._names: dict[int, str] = {}
        """Names of processes that the scenario does not describe."""
        self._emit = events.emit
        self._emit_with = events.emit_with
        self._count_of = events.count_of
        self._start_method = start_method
        self._main_ppid = 0
        self._before_exit = before_exit
        self._after_exit = after_exit
        self._hint = hint
        self._sentence = wording.sentence

    def spec_of(self, source: Source, otherwise: str) -> ProcessSpec | None:
        """Return what is known of a process or thread from its scenario, or from whoever has made it.

        Where nothing is, as of a worker of a pool, it is what is known of the process that is called `otherwise`.
        """
        state = self._state(source.worker - 1) if source.worker else self._by_pid.get(source.pid)
        if state is None or state.spec is None:
            state = next((each for each in self.states if each.name == otherwise), None)
        return None if state is None else state.spec

    def unused(self, name: str) -> str:
        """Return the name of a process that own code makes, with a number where another has had that name."""
        self._given[name] += 1
        number = self._given[name]
        return f"{name} #{number}" if number > 1 else name

    def add(self, index: int, spec: ProcessSpec, call: Call, *, is_copy: bool = False) -> None:
        """Take in a process that own code has made, by multiprocessing or as a copy of itself."""
        self._calls[index] = call
        while len(self.states) < index:  # whoever has made these ended before it said so
            self.states.append(ProcessState("?"))
        state = ProcessState(spec.name, spec, start_method=call.start_method)
        state.parent, state.is_copy = spec.parent, is_copy
        self.states.append(state)

    def note_reaped(self, pid: int, code: int, usage: Packed) -> None:
        """Keep what the reaping of a process will say, for when its exit is emitted."""
        self._reaped[pid] = code, usage

    def note_name(self, pid: int, name: str) -> None:
        """Keep the name of a process that the scenario does not describe: a pool's worker."""
        self._names[pid] = name

    def alive(self) -> list[str]:
        """Return the names of the processes that have started and not ended."""
        threads = [state for state in self.states if state.worker != "process" and state.started is not None]
        return [state.name for state in (*self._by_pid.values(), *threads) if not state.exited]

    def living(self) -> dict[int, str]:
        """Return the names of the processes that have started and not ended, by their pids."""
        return {pid: state.name for pid, state in self._by_pid.items() if not state.exited}

    def ended(self, living: Collection[int]) -> dict[str, str]:
        """Return the scenario's processes that have ended, each with the cause, as far as it is known.

        `living` are the process ids of all that live; empty if that is not known. A process that was started and is
        none of them has ended, even if only its parent, which has yet to wait for it, will learn how.
        """
        causes = {}
        for state in self.states:
            gone = bool(living) and state.worker == "process" and state.pid is not None and state.pid not in living
            if state.exited or state.seen is not None or gone:
                by_now = "exception" if state.outcome == "failed" else ""
                causes[state.name] = state.end.cause if state.end else by_now
        return causes

    def started(self) -> int:
        """Return how many of the scenario's processes have reached their target."""
        return sum(state.started is not None for state in self.states)

    def name_of(self, pid: int) -> str:
        """Return the name of a process, `pid N` for one that the scenario does not describe."""
        state = self._by_pid.get(pid)
        return self._names.get(pid) or (f"pid {pid}" if state is None else state.name)

    def is_missed(self, pid: int) -> bool:
        """Tell whether a process that is over has left others behind who have not been asked to end, either."""
        state = self._by_pid.get(pid)
        if state is not None and any(sender == RUNNER for _, sender, _ in state.sent):
            return False
        others = [state for state in self._by_pid.values() if state.pid != pid and state.seen is None]
        main_goes_on = pid != self.main.pid and not self.main.outcome
        return (main_goes_on and not self.main.exited) or any(not state.exited and not state.sent for state in others)

    def failures(self) -> list[tuple[BadEnd | BlockRaised, int | None]]:
        """Return each process that ended in a way the scenario does not allow, with the number of what shows it."""
        found: list[tuple[BadEnd | BlockRaised, int | None]] = []
        main, failed = self.main, [state for state in self.states if self._has_failed(state)]
        if main.exitcode and main.end is not None and not main.end.allowed:
            found.append((BadEnd(main.name, True, main.end), main.shown_by))
        if not main.exited and main.outcome == "failed":  # a block, after which it goes on
            found.append((BlockRaised(main.exception), None))
        if found:  # what ended with it has no reason of its own
            failed = [state for state in failed if state.worker == "process" or state.outcome]
        return found + [(self._bad_end(state, state.end), state.shown_by) for state in failed if state.end]

    def _has_failed(self, state: ProcessState) -> bool:
        if state.end is None or state.end.allowed:
            return False
        # A process that a target has left behind is not its own failure: it was orphaned.
        made = state.start_method is not None and self.main.spec is None
        return not (made and state.end.cause == "stopped_by_runner")

    def _bad_end(self, state: ProcessState, end: ExitCause) -> BadEnd:
        """Return the end of a process, with what its scenario allows it, or how it could allow this."""
        way_out: WayOut = "listed"
        if self.main.spec is not None or state.worker != "process" or state.spec is None or state.exitcode is None:
            return BadEnd(state.name, False, end)
        maker: ProcessState | None = state
        while maker is not None and maker.spec is not None and maker.start_method is not None:
            name = maker.spec.parent
            maker = next((each for each in self.states if each.name == name), None)
        if maker is not state and maker is not None:
            return BadEnd(state.name, False, end, "children_exitcode", maker.name)
        if state.start_method is not None:
            way_out = "exitcodes"
        elif state.exitcode == 0 and state.spec.exitcodes is None:  # it is not for its exit code that it is not allowed
            way_out = "exitcode"
        codes = sorted(state.spec.exitcodes) if state.spec.exitcodes is not None else [0]
        return BadEnd(state.name, False, end, way_out, allowed=tuple(codes))

    def name_thread(self, source: Source) -> None:
        """Give a thread the name of the worker that was registered with its number (see `Recorder.register`).

        Raises:
            IndexError: there is none.
        """
        source.name = self._state(source.worker - 1).name

    def threads_of(self, pid: int) -> dict[int, str]:
        """Return the workers that are now threads of a process: native thread id -> name."""
        if pid != self.main.pid:
            return {}
        threads = [state for state in self.states if state.worker == "thread" and state.native and not state.exited]
        return {state.native: state.name for state in threads}

    def _state(self, index: Any) -> ProcessState:
        if index == MAIN:
            return self.main
        if not isinstance(index, int) or index < 0:
            raise IndexError(index)
        return self.states[index]

    def _spec(self, index: int) -> ProcessSpec:
        spec = self._state(index).spec
        if spec is None:
            raise IndexError(index)
        return spec

    def _emit_about(self, t: int, state: ProcessState, event: Event) -> None:
        self._emit(t, state.name, state.pid, event)

    def on_main_forked(self, source: Source, t: int, pid: int) -> None:
        self.main.pid = pid
        self._by_pid[pid] = self.main

    def on_starting(
        self, source: Source, t: int, process: int, name: str, threads: list[str] | UnsetType = UNSET
    ) -> None:
        spec, state = self._spec(process), self._state(process)
        if state.start_method is None:
            state.name = str(name)  # an unnamed subclass of Process is called after its class
        event = types.ProcessStarting(
            by=source.name,
            target=spec.target,
            worker=spec.worker,
            daemon=spec.daemon,
            delay=spec.delay,
            threads=threads,
        )
        if process in self._calls:
            event.path, event.arguments, _ = self._calls[process]
        self._emit_about(t, state, event)

    def on_started(
        self,
        source: Source,
        t: int,
        process: int,
        pid: int,
        ppid: int,
        parent: str,
        daemon: bool,
    ) -> None:
        state = self._state(process)
        state.pid, state.started = pid, t
        if state.start_method is None:
            state.parent = parent
        else:  # own code may give several processes the same name; here, they have different ones
            source.name = state.name
        self._by_pid[pid] = state
        if process == MAIN:
            self._main_ppid = ppid
        is_adopted = process != MAIN and ppid in (self._main_ppid, _FIRST_PROCESS)
        event = types.ProcessStarted(
            worker="process",
            ppid=None if is_adopted else ppid,
            parent=state.parent or None,
            daemon=daemon,
            start_method=None if process == MAIN else state.start_method or self._start_method,
        )
        self._emit_about(t, state, event)

    def on_thread_named(self, source: Source, t: int, native: int, name: str) -> None:
        if len(self.thread_names) < _MOST_THREAD_NAMES:
            self.thread_names[source.pid, native] = name

    def on_thread_started(self, source: Source, t: int, process: int, native: int, ident: int, daemon: bool) -> None:
        state = self._state(process)
        state.pid, state.started, state.native = self.main.pid, t, native
        event = types.ProcessStarted(
            worker=state.worker,
            ppid=self._main_ppid,
            parent=MAIN_NAME,
            daemon=daemon,
            start_method=None,
            thread_id=native,
        )
        self._emit_about(t, state, event)

    def on_start_returned(self, source: Source, t: int, process: int, pid: int) -> None:
        state = self._state(process)
        state.pid = pid
        self._by_pid[pid] = state

    def on_start_failed(self, source: Source, t: int, process: int, exception: str, message: str) -> None:
        event = types.ProcessFailed(
            by=source.name, exception=exception, message=f"start() failed: {message}", traceback=""
        )
        self._emit_about(t, self._state(process), event)

    def on_finished(self, source: Source, t: int, process: int, usage: Packed) -> None:
        state = self._state(process)
        state.outcome, state.usage = "finished", usage
        self._emit_about(t, state, types.ProcessFinished(duration=self._since(state, t) or 0.0))

    def on_exiting(self, source: Source, t: int, process: int, exitcode: int | str | None, usage: Packed) -> None:
        state = self._state(process)
        state.outcome, state.usage, state.exited_with = "exiting", usage, exitcode
        self._emit_about(t, state, types.ProcessExiting(exitcode=exitcode))

    def on_failed(
        self,
        source: Source,
        t: int,
        process: int,
        exception: str,
        message: str,
        traceback: str,
        usage: Packed,
        null_input: bool = False,
        through: Sequence[str] = (),
    ) -> None:
        state = self._state(process)
        state.outcome, state.usage = "failed", usage
        state.exception_type = exception
        state.exception = f"{exception}: {message}" if message else str(exception)
        so_far = self._count_of(state.name)
        found = self._hint(Failure(state.name, exception, message, traceback, null_input, so_far, tuple(through)))
        state.hint = found.get("hint", "")
        event = types.ProcessFailed(exception=exception, message=message, traceback=traceback, **found)
        self._emit_about(t, state, event)

    def on_atexit_missed(self, source: Source, t: int, functions: list[str]) -> Event:
        return types.ProcessExitFunctionsMissed(functions=[str(name) for name in functions])

    def on_own_thread_failed(self, source: Source, t: int, thread: str, exception: str, message: str) -> Event:
        return types.ProcessThreadFailed(thread=thread, exception=exception, message=message)

    def on_restarting(self, source: Source, t: int, process: int, before: int, exitcode: int | None) -> None:
        spec, ended = self._spec(process), self._state(process)
        if spec.restart is None:
            raise IndexError(process)
        event = types.ProcessRestarting(
            by=source.name,
            attempt=before + 1,
            maximum=spec.restart.most,
            exitcode=exitcode,
            delay=spec.restart.delay,
        )
        self._emit_about(t, ended, event)
        self.states[process] = ProcessState(spec.name, spec, restarts=before + 1)

    def on_lingering(self, source: Source, t: int, process: int, threads: list[str]) -> None:
        event = types.ProcessLingering(threads=[str(name) for name in threads])
        self._emit_about(t, self._state(process), event)

    def on_joining(self, source: Source, t: int, process: int, timeout: float | None) -> None:
        self._emit_about(t, self._state(process), types.ProcessJoining(by=source.name, timeout=timeout))

    def on_joined(self, source: Source, t: int, process: int, exitcode: int | None, since: int) -> None:
        state = self._state(process)
        if exitcode is None and state.pid is not None and state.worker == "process":
            self._emit_exit(state, state.pid, t, None, None)  # somebody else has waited for it, and keeps the code
        event = types.ProcessJoined(by=source.name, exitcode=exitcode, waited=waited(t, since))
        self._emit_about(t, state, event)

    def on_join_timed_out(self, source: Source, t: int, process: int, timeout: float, since: int) -> None:
        event = types.ProcessJoinTimedOut(by=source.name, timeout=timeout, waited=waited(t, since))
        self._emit_about(t, self._state(process), event)

    def on_alive(self, source: Source, t: int, process: int, alive: bool, *more: int) -> None:
        state = self._state(process)
        self._emit_with(t, state.name, state.pid, types.ProcessAlive(by=source.name, alive=alive), more)

    def on_interrupting(self, source: Source, t: int, process: int, why: str) -> None:
        state = self._state(process)
        state.sent.append((signal.SIGINT, source.name, why))
        self._emit_about(
            t, state, types.ProcessInterrupting(by=source.name, reason=self._sentence(Sent(why, "interrupt")))
        )

    def on_terminating(self, source: Source, t: int, process: int, why: str) -> None:
        state = self._state(process)
        state.sent.append((signal.SIGTERM, source.name, why))
        self._emit_about(
            t, state, types.ProcessTerminating(by=source.name, reason=self._sentence(Sent(why, "terminate")))
        )

    def on_killing(self, source: Source, t: int, process: int, why: str) -> None:
        state = self._state(process)
        state.sent.append((signal.SIGKILL, source.name, why))
        self._emit_about(t, state, types.ProcessKilling(by=source.name, reason=self._sentence(Sent(why, "kill"))))

    def on_raising_signal(self, source: Source, t: int, number: int) -> Event:
        if (state := self._by_pid.get(source.pid)) is not None:
            state.raised_signals.add(number)
        return types.ProcessRaisingSignal(by=source.name, signal=signal_name(number))

    # Ends

    def on_reaped(self, source: Source, t: int, process: int, pid: int, exitcode: int, usage: Packed) -> None:
        self._emit_exit(self._by_pid.get(pid) or self._state(process), pid, t, exitcode, usage)

    def on_waited_for(self, source: Source, t: int, pid: int, exitcode: int, usage: Packed) -> None:
        if (state := self._by_pid.get(pid)) is not None:  # otherwise it is another program
            self._emit_exit(state, pid, t, exitcode, usage)

    def see_exit(self, t: int, process: int, pid: int, exitcode: int | None, usage: Packed) -> ProcessState:
        """Note, and emit if its exit code is known, that the supervisor has seen the end of a process; return which."""
        # Who has been started again is not the one whose end is seen late.
        state = self._by_pid.get(pid) or (self._state(process) if process >= 0 else self._known(pid))
        code: int | None = exitcode
        if pid in self._reaped:
            code, usage = self._reaped[pid]
        if code is None:
            state.seen = t  # its parent will say with which code
            self._settle(state, pid, t)
        else:
            self._emit_exit(state, pid, t, code, usage)
        return state

    def on_main_exited(self, source: Source, t: int, pid: int, exitcode: int, usage: Packed) -> None:
        if self.recording_has_ended:  # and so perhaps what it would have recorded of it
            self.main.exited, self.main.exitcode = True, exitcode
            self.main.end = ExitCause("unknown", None, None, allowed=not exitcode, exitcode=exitcode)
            return
        # What the system counts for it includes all the processes it has waited for; its own word does not.
        self._emit_exit(self.main, pid, t, exitcode, self.main.usage or usage)
        self._cut_threads_off(t)

    def on_misreported(self, source: Source, t: int, process: int, exitcode: int) -> None:
        reason = self._sentence(Misreported())
        event = types.ProcessMisreported(by=source.name, exitcode=exitcode, reason=reason)
        self._emit_about(t, self._state(process), event)

    def on_thread_ended(self, source: Source, t: int, process: int, usage: Packed) -> None:
        state = self._state(process)
        if state.pid is not None:
            self._emit_exit(state, state.pid, t, None, usage)

    def _cut_threads_off(self, t: int) -> None:
        """Emit the ends of threads that were there when their process ended."""
        for state in self.states:
            if state.worker != "process" and state.pid is not None:
                self._emit_exit(state, state.pid, t, None, None)

    def _known(self, pid: int) -> ProcessState:
        """Return the state of a process that the scenario does not describe: a child of a target's own making."""
        if pid not in self._by_pid:
            self._by_pid[pid] = ProcessState(self._names.get(pid, f"pid {pid}"), pid=pid)
        return self._by_pid[pid]

    def _emit_exit(self, state: ProcessState, pid: int, t: int, code: int | None, usage: Packed | None) -> None:
        if state.exited:
            return
        thread = state.worker != "process"
        state.pid, state.exited, state.exitcode = pid, True, code
        self._before_exit(pid, state.name if thread else None)
        end = explain_thread(state, self.main) if thread else explain(state, code)
        if not end.allowed and state.is_to_be_restarted(code):
            end = end.replace(allowed=True, is_restarted=True)
        state.end = end
        used = usage_of(usage, state.usage)
        event = types.ProcessExited(
            level="info" if end.allowed else "error",
            worker=state.worker,
            exitcode=code,
            cause=end.cause,
            signal=end.signal,
            by=end.by,
            reason=self._sentence(end),
            allowed=end.allowed,
            cpu_user=_microseconds(used.cpu_user),
            cpu_system=_microseconds(used.cpu_system),
            max_rss=used.max_rss,
            voluntary_switches=used.voluntary_switches,
            involuntary_switches=used.involuntary_switches,
            duration=self._since(state, t if state.seen is None else state.seen),
        )
        self._emit(t, state.name, pid, event)
        state.shown_by = event.seq or None
        if thread:
            self._after_exit(t, state.name, pid, True)
        else:
            self._settle(state, pid, t)

    def _settle(self, state: ProcessState, pid: int, t: int) -> None:
        """Emit once, as soon as a process is known to be over, what became of what it had put."""
        if not state.settled:
            state.settled = True
            self._after_exit(t, state.name, pid, False)

    def emit_orphaned(self, t: int, pid: int, command: str, parent: int) -> None:
        """Emit that a process has lost its parent, whose process id is given; 0 if that is not known."""
        orphan = self._known(pid)
        name = orphan.parent or (self.name_of(parent) if parent else None)
        named = next((each for each in (self.main, *self.states) if each.name == orphan.parent and each.pid), None)
        event = types.ProcessOrphaned(ppid=named.pid if named else parent or None, parent=name, command=command)
        self._emit(t, orphan.name, pid, event)

    def on_sweeping(self, source: Source, t: int, pid: int, number: int, why: str, seen: bool) -> None:
        state = self._known(pid) if pid != self.main.pid else self.main
        if state.exited:
            return
        # Where nobody sees whether it has ended, nobody knows that it does not heed the first signal.
        escalated = seen and any(sender == RUNNER for _, sender, _ in state.sent)
        state.sent.append((number, RUNNER, why))
        if number == signal.SIGINT:
            return  # it is passed on to all, of which the run has an event
        event: Event
        if escalated:
            event = types.ProcessEscalated(level="warning", by=RUNNER, reason=why)
        elif number == signal.SIGKILL:
            event = types.ProcessKilling(level="warning", by=RUNNER, reason=why)
        else:
            event = types.ProcessTerminating(level="warning", by=RUNNER, reason=why)
        self._emit(t, state.name, pid, event)

    def on_stacks_asked(self, source: Source, t: int, pids: list[int]) -> None:
        for state in (self._by_pid[pid] for pid in pids if pid in self._by_pid):
            state.asked_for_stack = True

    def on_not_ended(self, source: Source, t: int, pid: int, condition: str | None) -> None:
        self.emit_not_ended(t, pid, condition)

    def emit_not_ended(self, t: int, pid: int, condition: str | None) -> None:
        """Emit that SIGKILL has not ended a process, as far as anybody could see (see `Processes.state_of`)."""
        state = self._known(pid) if pid != self.main.pid else self.main
        if state.not_ended:
            return
        state.not_ended = True
        found = NotEnded(state.name, pid, condition)
        if condition is None and not state.sent:
            found = found.replace(session="younger" if state.started is None else "own")
        if condition is not None:
            self.survivors.append(found)
        reason = self._sentence(found)
        level: types.Level = "error" if condition else "warning"
        self._emit(t, state.name, pid, types.ProcessNotEnded(level=level, state=condition, reason=reason))

    def _since(self, state: ProcessState, t: int) -> float | None:
        return None if state.started is None else waited(t, state.started)

    def finish(self, t: int) -> None:
        """Emit the ends that nobody has explained, now that everybody is gone."""
        if self.recording_has_ended:
            return
        self._cut_threads_off(t)
        for state in [*self.states, *self._by_pid.values()]:
            if state.pid is not None and not state.exited and not state.not_ended:
                self._emit_exit(state, state.pid, t, None, None)

    def leave(self, t: int, is_running: Callable[[int], bool], others: Mapping[int, str]) -> bool:
        """Emit, at the end of a block, whose end nobody has seen; return whether any of them still runs.

        `others` are the names of processes of multiprocessing's own, by their ids.
        """
        names = dict(others)
        for state in (*self.states, *self._by_pid.values()):
            if state.pid is not None and state is not self.main and not state.exited:
                names[state.pid] = state.name
        found = {pid: is_running(pid) for pid in names}
        for pid, running in found.items():
            self._emit(t, names[pid], pid, types.ProcessLeft(running=running))
        return any(found.values())


def _microseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
