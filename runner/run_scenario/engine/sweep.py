"""Ending processes, orderly where there is time for it, and in any case."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Mapping

from run_scenario.engine import platform
from run_scenario.record import codes
from run_scenario.record.recorder import recorder

GRACE = 0.3
"""Seconds between SIGTERM and SIGKILL."""
_HELPERS_GRACE = 1.0
"""Seconds that multiprocessing's resource tracker gets to remove what it has registered."""
_LIMIT = 5.0
"""Seconds after which even SIGKILL is not waited for any longer (a process in uninterruptible sleep)."""
_PAUSE = 0.002


class Sweeper:
    """Ends all processes of a run.

    `alive` lists them, with the time at which each began; `reap` waits for the guard's own children that have ended.
    """

    def __init__(self, alive: Callable[[], dict[int, int | None]], reap: Callable[[], None]) -> None:
        self._alive = alive
        self._reap = reap

    def stop(self, main: int, reason: str) -> None:
        """End a run that has to be stopped: the main program first, so that it does not go on without the others."""
        self._freeze({pid: began for pid, began in self._alive().items() if pid != main})
        self._send({main: None}, signal.SIGTERM, reason)
        self._wait_for([main], GRACE)
        if platform.is_fatal(main, signal.SIGTERM):
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
        if main and (began := self._alive().get(main)):
            self._send({main: began}, signal.SIGKILL, reason)
            self._wait_for([main], GRACE)
        until = time.monotonic() + _LIMIT
        told: set[int] = set()
        while (pids := self._alive()) and time.monotonic() < until:
            self._send({pid: began for pid, began in pids.items() if pid not in told}, signal.SIGKILL, reason)
            told.update(pids)
            for pid, began in pids.items():
                platform.send_signal(pid, signal.SIGKILL, began)
            self._wait_for(pids, 10 * _PAUSE)
        if pids:
            recorder.emit(codes.TROUBLE, f"these processes did not end even by SIGKILL: {[*pids]}")

    def end_helpers(self, helpers: set[int]) -> None:
        """Wait for the resource tracker and the fork server to end by themselves, then make them."""
        self._wait_for(helpers, _HELPERS_GRACE)
        for pid in helpers:
            stat = platform.process_stat(pid)
            if stat and not stat.is_over:
                platform.send_signal(pid, signal.SIGKILL)
        self._wait_for(helpers, _HELPERS_GRACE)
        self._reap()

    def _freeze(self, pids: Mapping[int, int | None]) -> None:
        """Stop processes that are about to be ended, so that none sees another's end and says what comes of that."""
        for pid, began in pids.items():
            platform.send_signal(pid, signal.SIGSTOP, began)

    def _send(self, pids: Mapping[int, int | None], number: int, reason: str) -> None:
        for pid, began in pids.items():
            recorder.emit(codes.SWEEPING, pid, int(number), reason)
            platform.send_signal(pid, number, began)
            platform.send_signal(pid, signal.SIGCONT, began)  # a stopped process gets SIGTERM only when it goes on

    def _wait_for(self, pids: Iterable[int], seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            self._reap()
            stats = [platform.process_stat(pid) for pid in pids]
            if all(stat is None or stat.is_over for stat in stats) or time.monotonic() > until:
                return
            time.sleep(_PAUSE)
