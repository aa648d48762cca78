"""What happens to processes, told: how each began, what was done to it, and how and why it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from run_scenario.engine.events import EventMaker, waited
from run_scenario.engine.exits import (
    MAIN_NAME,
    RUNNER,
    Life,
    expectation,
    explain,
    explain_thread,
    usage_fields,
)
from run_scenario.model import ProcessSpec
from run_scenario.record.reader import Speaker

MAIN = -1
"""The main program's number where records name a process by its position in the scenario."""


class ProcessTeller:
    """Tells the events of processes; its methods `on_NAME` take the records NAME.

    `before_exit(pid, name)` and `after_exit(t, name, pid, thread)` are called around each `process.exited`: what is
    left of the output comes before it, what became of items and locks after it. Its name is None for a process and
    all that runs in it, or that of a thread.
    """

    def __init__(
        self,
        processes: tuple[ProcessSpec, ...],
        events: EventMaker,
        start_method: str,
        before_exit: Callable[[int, str | None], None],
        after_exit: Callable[[int, str, int, bool], None],
    ) -> None:
        self.main = Life(MAIN_NAME)
        self.lives = [Life(spec.name, spec) for spec in processes]
        self._by_pid: dict[int, Life] = {}
        self._reaped: dict[int, tuple[int, list[Any]]] = {}
        self._names: dict[int, str] = {}
        """Names of processes that the scenario does not describe."""
        self._make = events.make
        self._start_method = start_method
        self._main_ppid = 0
        self._before_exit = before_exit
        self._after_exit = after_exit

    def note_reaped(self, pid: int, code: int, usage: list[Any]) -> None:
        """Keep what the reaping of a process will say, for when its exit is told."""
        self._reaped[pid] = code, usage

    def note_name(self, pid: int, name: str) -> None:
        """Keep the name of a process that the scenario does not describe: a pool's worker."""
        self._names[pid] = name

    def alive(self) -> list[str]:
        """Return the names of the processes that have started and not ended."""
        threads = [life for life in self.lives if life.worker != "process" and life.started is not None]
        return [life.name for life in (*self._by_pid.values(), *threads) if not life.exited]

    def living(self) -> dict[int, str]:
        """Return the names of the processes that have started and not ended, by their pids."""
        return {pid: life.name for pid, life in self._by_pid.items() if not life.exited}

    def ended(self) -> list[str]:
        """Return the names of the scenario's processes that have ended."""
        return [life.name for life in self.lives if life.exited or life.seen is not None]

    def stopped(self) -> dict[str, str]:
        """Return how each of the scenario's processes was ended that a signal has ended."""
        words = {"terminated": "was terminated", "killed": "was killed", "daemon": "was terminated"}
        ended = [life for life in self.lives if life.exited and (life.exitcode or 0) < 0]
        return {life.name: words.get(life.cause, "was ended by a signal") for life in ended}

    def started(self) -> int:
        """Return how many of the scenario's processes have reached their target."""
        return sum(life.started is not None for life in self.lives)

    def name_of(self, pid: int) -> str:
        """Return the name of a process, `pid N` for one that the scenario does not describe."""
        life = self._by_pid.get(pid)
        return self._names.get(pid) or (f"pid {pid}" if life is None else life.name)

    def is_missed(self, pid: int) -> bool:
        """Tell whether a process that is over has left others behind who have not been told to end, either."""
        life = self._by_pid.get(pid)
        if life is not None and any(sender == RUNNER for _, sender, _ in life.sent):
            return False
        others = [life for life in self._by_pid.values() if life.pid != pid and life.seen is None]
        main_goes_on = pid != self.main.pid and not self.main.outcome
        return (main_goes_on and not self.main.exited) or any(not life.exited and not life.sent for life in others)

    def failures(self) -> list[str]:
        """Return a sentence for each process that ended in a way the scenario does not allow."""
        main = [f"the main program failed: {self.main.reason}"] if self.main.exitcode and not self.main.allowed else []
        failed = [life for life in self.lives if life.exited and not life.allowed]
        if main:  # what ended with it has no reason of its own
            failed = [life for life in failed if life.worker == "process" or life.outcome]
        return main + [_failure(life) for life in failed]

    def name_speaker(self, speaker: Speaker) -> None:
        """Give a thread the name of the worker that was enlisted with its number (see `Recorder.enlist`).

        Raises:
            IndexError: there is none.
        """
        speaker.name = self._life(speaker.worker - 1).name

    def threads_of(self, pid: int) -> dict[int, tuple[str, int]]:
        """Return the workers that are now threads of a process: native thread id -> name and Python's identifier."""
        if pid != self.main.pid:
            return {}
        threads = [life for life in self.lives if life.worker == "thread" and life.native and not life.exited]
        return {life.native: (life.name, life.ident) for life in threads}

    def _life(self, index: Any) -> Life:
        if index == MAIN:
            return self.main
        if not isinstance(index, int) or index < 0:
            raise IndexError(index)
        return self.lives[index]

    def _spec(self, index: int) -> ProcessSpec:
        spec = self._life(index).spec
        if spec is None:
            raise IndexError(index)
        return spec

    def _process_event(self, t: int, event: str, index: Any, level: str = "info", **fields: Any) -> None:
        life = self._life(index)
        self._make(t, f"process.{event}", life.name, life.pid, level, **fields)

    def on_main_forked(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self.main.pid = f[0]
        self._by_pid[f[0]] = self.main

    def on_starting(self, reader: Speaker, t: int, f: list[Any]) -> None:
        spec = self._spec(f[0])
        self._life(f[0]).name = str(f[1])  # an unnamed subclass of Process is called after its class
        fields: dict[str, Any] = {
            "target": spec.target,
            "worker": spec.worker,
            "daemon": spec.daemon,
            "delay": spec.delay,
        }
        self._process_event(t, "starting", f[0], by=reader.name, **fields)

    def on_started(self, reader: Speaker, t: int, f: list[Any]) -> None:
        index, pid, ppid, parent, daemon = f
        life = self._life(index)
        life.pid, life.started = pid, t
        self._by_pid[pid] = life
        method = None if index == MAIN else self._start_method
        fields = {"ppid": ppid, "parent": parent or None, "daemon": daemon, "start_method": method}
        self._process_event(t, "started", index, worker="process", **fields)
        if index == MAIN:
            self._main_ppid = ppid

    def on_thread_started(self, reader: Speaker, t: int, f: list[Any]) -> None:
        index, native, ident, daemon = f
        life = self._life(index)
        life.pid, life.started, life.native, life.ident = self.main.pid, t, native, ident
        fields = {"ppid": self._main_ppid, "parent": MAIN_NAME, "daemon": daemon, "start_method": None}
        self._process_event(t, "started", index, worker=life.worker, thread_id=native, **fields)

    def on_start_returned(self, reader: Speaker, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        life.pid = f[1]
        self._by_pid[f[1]] = life

    def on_start_failed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        message = f"start() failed: {f[2]}"
        fields = {"exception": f[1], "message": message, "traceback": ""}
        self._process_event(t, "failed", f[0], "error", by=reader.name, **fields)

    def on_finished(self, reader: Speaker, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        life.outcome, life.usage = "finished", f[1]
        self._process_event(t, "finished", f[0], duration=self._since(life, t))

    def on_exiting(self, reader: Speaker, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        life.outcome, life.usage, life.exited_with = "exiting", f[2], f[1]
        self._process_event(t, "exiting", f[0], exitcode=f[1])

    def on_failed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        life.outcome, life.usage = "failed", f[4]
        life.exception = f"{f[1]}: {f[2]}" if f[2] else str(f[1])
        self._process_event(t, "failed", f[0], "error", exception=f[1], message=f[2], traceback=f[3])

    def on_lingering(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._process_event(t, "lingering", f[0], "warning", threads=[str(name) for name in f[1]])

    def on_joining(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._process_event(t, "joining", f[0], by=reader.name, timeout=f[1])

    def on_joined(self, reader: Speaker, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        if f[1] is None and life.pid is not None and life.worker == "process":
            self._tell_exit(life, life.pid, t, None, None)  # somebody else has waited for it, and keeps the code
        self._process_event(t, "joined", f[0], by=reader.name, exitcode=f[1], waited=waited(t, f[2]))

    def on_join_timed_out(self, reader: Speaker, t: int, f: list[Any]) -> None:
        fields = {"timeout": f[1], "waited": waited(t, f[2])}
        self._process_event(t, "join_timed_out", f[0], "warning", by=reader.name, **fields)

    def on_alive(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._process_event(t, "alive", f[0], by=reader.name, alive=f[1])

    def on_terminating(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._stopping(reader.name, t, f, "terminating", 15)

    def on_killing(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._stopping(reader.name, t, f, "killing", 9)

    def _stopping(self, sender: str, t: int, f: list[Any], event: str, number: int) -> None:
        self._life(f[0]).sent.append((number, sender, f[1]))
        reasons = {"daemon": "the main program ended, and this is a daemon process", "step": "as the scenario says"}
        self._process_event(t, event, f[0], by=sender, reason=reasons.get(f[1], f[1]))

    # Ends

    def on_reaped(self, reader: Speaker, t: int, f: list[Any]) -> None:
        index, pid, code, usage = f
        self._tell_exit(self._life(index), pid, t, code, usage)

    def on_exit_seen(self, reader: Speaker, t: int, f: list[Any]) -> None:
        index, pid, code, usage = f
        life = self._life(index) if index >= 0 else self._known(pid)
        if pid in self._reaped:
            code, usage = self._reaped[pid]
        if code is None:
            life.seen = t  # its parent will say with which code
            self._settle(life, pid, t)
        else:
            self._tell_exit(life, pid, t, code, usage)

    def on_main_exited(self, reader: Speaker, t: int, f: list[Any]) -> None:
        # What the system counts for it includes all the processes it has waited for; its own word does not.
        self._tell_exit(self.main, f[0], t, f[1], self.main.usage or f[2])
        self._cut_threads_off(t)

    def on_misreported(self, reader: Speaker, t: int, f: list[Any]) -> None:
        reason = "the fork server that would know its exit code is gone: it may well be alive"
        self._process_event(t, "misreported", f[0], "warning", by=reader.name, exitcode=f[1], reason=reason)

    def on_thread_ended(self, reader: Speaker, t: int, f: list[Any]) -> None:
        life = self._life(f[0])
        if life.pid is not None:
            self._tell_exit(life, life.pid, t, None, f[1])

    def _cut_threads_off(self, t: int) -> None:
        """Tell the ends of threads that were there when their process ended."""
        for life in self.lives:
            if life.worker != "process" and life.pid is not None:
                self._tell_exit(life, life.pid, t, None, None)

    def _known(self, pid: int) -> Life:
        """Return the life of a process that the scenario does not describe: a child of a target's own making."""
        if pid not in self._by_pid:
            self._by_pid[pid] = Life(self._names.get(pid, f"pid {pid}"), pid=pid)
        return self._by_pid[pid]

    def _tell_exit(self, life: Life, pid: int, t: int, code: int | None, usage: list[Any] | None) -> None:
        if life.exited:
            return
        thread = life.worker != "process"
        life.pid, life.exited, life.exitcode = pid, True, code
        self._before_exit(pid, life.name if thread else None)
        end = explain_thread(life, self.main) if thread else explain(life, code)
        life.cause, life.allowed, life.reason = end.cause, end.allowed, end.reason
        self._make(
            t,
            "process.exited",
            life.name,
            pid,
            "info" if end.allowed else "error",
            worker=life.worker,
            exitcode=code,
            cause=end.cause,
            signal=end.signal,
            by=end.by,
            reason=end.reason,
            allowed=end.allowed,
            duration=self._since(life, t if life.seen is None else life.seen),
            **usage_fields(usage, life.usage),
        )
        if thread:
            self._after_exit(t, life.name, pid, True)
        else:
            self._settle(life, pid, t)

    def _settle(self, life: Life, pid: int, t: int) -> None:
        """Tell once, as soon as a process is known to be over, what became of what it had put."""
        if not life.settled:
            life.settled = True
            self._after_exit(t, life.name, pid, False)

    def on_orphaned(self, reader: Speaker, t: int, f: list[Any]) -> None:
        life = self._known(f[0])
        self._make(t, "process.orphaned", life.name, f[0], "warning", ppid=None, command=f[1])

    def on_sweeping(self, reader: Speaker, t: int, f: list[Any]) -> None:
        pid, number, why = f
        life = self._known(pid) if pid != self.main.pid else self.main
        if life.exited:
            return
        escalated = any(sender == RUNNER for _, sender, _ in life.sent)
        life.sent.append((number, RUNNER, why))
        event = "escalated" if escalated else "killing" if number == 9 else "terminating"
        self._make(t, f"process.{event}", life.name, pid, "warning", by=RUNNER, reason=why)

    def _since(self, life: Life, t: int) -> float | None:
        return None if life.started is None else waited(t, life.started)

    def finish(self, t: int) -> None:
        """Tell the ends that nobody has explained, now that everybody is gone."""
        self._cut_threads_off(t)
        for life in [*self.lives, *self._by_pid.values()]:
            if life.pid is not None and not life.exited:
                self._tell_exit(life, life.pid, t, None, None)


def _failure(life: Life) -> str:
    if life.worker != "process":
        return f"{life.name} failed: {life.reason}"
    return f"{life.name} ended with exit code {life.exitcode}: {life.reason}{_allowed(life)}"


def _allowed(life: Life) -> str:
    return f" ({expectation(life.spec)})" if life.spec is not None and life.exitcode is not None else ""
