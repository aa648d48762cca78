"""Processes that a run needs but that are none of its own, multiprocessing's two and managers; when one is lost."""

from __future__ import annotations

from run_scenario.engine.platform import ProcessStat
from run_scenario.record import codes
from run_scenario.record.recorder import recorder

HELPERS = {"t": "resource tracker", "f": "fork server"}
"""Letters that report processes which multiprocessing starts by itself."""
MANAGER = "m"
"""The letter that reports a manager."""


class Helpers:
    """Those of one run, as the main program reports them."""

    def __init__(self) -> None:
        self.pids: set[int] = set()
        """Process ids of multiprocessing's own: they end by themselves, after the main program."""
        self._needed: dict[int, str] = {}
        """Process id -> the letter that reported it, of those that the main program still needs."""

    def note(self, letter: str, pid: int) -> None:
        """Take in that there is one."""
        if letter != MANAGER:
            self.pids.add(pid)
        self._needed[pid] = letter

    def release(self, pid: int) -> None:
        """Take in that one is needed no more."""
        self._needed.pop(pid, None)

    def has_ended(self, pid: int, code: int | None, main: ProcessStat | None, main_code: int) -> bool:
        """Tell the end of one that the main program still needed; return whether it was such.

        `main` is what the system says of the main program, `main_code` its exit code once it has been waited for. When
        both are over before this is asked, what a signal has ended was lost, unless the main program ended so, too.
        """
        letter = self._needed.pop(pid, "")
        if not letter:
            return False
        if main is None or main.is_over:
            ended_with = main_code if main is None else main.exitcode
            if code is None or code >= 0 or ended_with is None or ended_with < 0:
                return False
        if letter != MANAGER:
            recorder.emit(codes.HELPER_LOST, pid, HELPERS[letter], code)
        elif code != 0:
            recorder.emit(codes.MANAGER_LOST, pid, code)
        return True
