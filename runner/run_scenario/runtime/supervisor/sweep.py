"""Ends processes, orderly where there is time for it, and in any case."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Mapping

from run_scenario.recording import codes
from run_scenario.recording.recorder import recorder
from run_scenario.runtime.platform import system
from run_scenario.runtime.supervisor.processes import Processes

GRACE = 0.3
"""Seconds between SIGTERM and SIGKILL."""
_AUXILIARY_GRACE = 1.0
"""Seconds that multiprocessing's resource tracker gets to remove what it has registered."""
_LIMIT = 5.0
"""Seconds after which even SIGKILL is not waited for any longer (a process in uninterruptible sleep)."""
_BLIND = 0.3
"""The same where the end of a process that is not the supervisor's own child cannot be seen."""
_PAUSE = 0.002


class Sweeper:
    """Ends all processes of a run.

    `alive` lists them, with the time at which each began; `reap` waits for the supervisor's children that have ended,
    and returns whether it has others. Nobody is waited for without an end: even SIGKILL does not end a process in
    uninterruptible sleep.
    """

    def __init__(
        self, processes: Processes, alive: Callable[[], dict[int, int | None]], reap: Callable[[], bool]
    ) -> None:
        self._processes = processes
        self._alive = alive
        self._reap = reap
        self._reported: set[int] = set()
        """Process ids of those whose killing has been recorded."""
        self._not_ended: set[int] = set()
        """Process ids of those whom SIGKILL has not ended in time."""

    def stop(self, main: int, reason: str) -> None:
        """End a run that has to be stopped: the main program first, so that it does not go on without the others."""
        self._freeze({pid: began for pid, began in self._alive().items() if pid != main})
        self._send({main: None}, signal.SIGTERM, reason)
        self._wait_for([main], GRACE)
        if self._processes.means.proc and system.is_fatal(main, signal.SIGTERM):
            # Only a busy machine keeps it from ending. Until then it must not be the one who waits for the others:
            # the system hands it their exit codes even now, and it would take them to its grave.
            self._wait_for([main], _LIMIT)
        self.clear_up(reason)

    def clear_up(self, reason: str) -> None:
        """End everybody who is left: SIGTERM, a grace, SIGKILL."""
        pids = self._alive()
        if not pids:
            return
        self._freeze(pids)
        self._send(pids, signal.SIGTERM, reason)
        self._wait_for(pids, GRACE)
        self.kill(reason)

    def kill(self, reason: str, main: int = 0) -> None:
        """End everybody at once; `main`, if it is still there, a moment before the others, as in `stop`."""
        if main and main in (pids := self._alive()):
            self._send({main: pids[main]}, signal.SIGKILL, reason)
            self._wait_for([main], GRACE)
        until = time.monotonic() + self._limit()
        while (pids := self._kill_all(reason)) and time.monotonic() < until:
            self._wait_for(pids, 10 * _PAUSE)
        for pid in pids:
            if self._processes.is_over(pid):
                continue
            self._not_ended.add(pid)
            recorder.emit(codes.NOT_ENDED, pid, self._processes.state_of(pid))

    def end_auxiliary_processes(self, auxiliary: set[int], reason: str) -> None:
        """Wait for the resource tracker and the fork server to end by themselves, then make them.

        Whoever comes up meanwhile is killed: a fork server that was still starting serves at last what a main program,
        by now dead, had asked of it. Only when the supervisor has no child left is nobody left, as it adopts orphans.
        """
        patience = time.monotonic() + _AUXILIARY_GRACE
        until = patience + self._limit()
        while time.monotonic() < until:
            others = self._reap()
            left = [pid for pid in auxiliary if self._is_left(pid)]
            living = self._kill_all(reason)
            if not left and (not others or (living and self._not_ended.issuperset(living))):
                return
            if time.monotonic() > patience:
                for pid in left:
                    self._processes.send(pid, signal.SIGKILL)
            time.sleep(_PAUSE)

    def _limit(self) -> float:
        """Return for how many seconds SIGKILL is waited for."""
        return _LIMIT if self._processes.sees_ends else _BLIND

    def _is_left(self, pid: int) -> bool:
        # An id may be somebody else's by now: where that can be seen, only an auxiliary process still counts.
        if self._processes.is_over(pid):
            return False
        return self._processes.is_auxiliary(pid) or not self._processes.means.proc

    def _kill_all(self, reason: str) -> dict[int, int | None]:
        """Send SIGKILL to everybody who is there at one look; return them."""
        pids = self._alive()
        self._send({pid: began for pid, began in pids.items() if pid not in self._reported}, signal.SIGKILL, reason)
        self._reported.update(pids)
        for pid, began in pids.items():
            self._processes.send(pid, signal.SIGKILL, began)
        return pids

    def _freeze(self, pids: Mapping[int, int | None]) -> None:
        """Stop processes that are about to be ended, so that none sees another's end and reacts to it."""
        for pid, began in pids.items():
            self._processes.send(pid, signal.SIGSTOP, began)

    def _send(self, pids: Mapping[int, int | None], number: int, reason: str) -> None:
        for pid, began in pids.items():
            # Who is just ending by itself is not ended by this; it might be a resource tracker.
            if not (self._processes.means.proc and system.is_ending(pid)):
                recorder.emit(codes.SWEEPING, pid, int(number), reason, self._processes.sees_ends)
            self._processes.send(pid, number, began)
            self._processes.send(pid, signal.SIGCONT, began)  # a stopped process gets SIGTERM only when it goes on

    def _wait_for(self, pids: Iterable[int], seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            self._reap()
            if all(self._processes.is_over(pid) for pid in pids) or time.monotonic() > until:
                return
            time.sleep(_PAUSE)
