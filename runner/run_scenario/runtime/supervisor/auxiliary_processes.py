"""Auxiliary processes, which no scenario describes: fork server, resource tracker, managers; the loss of one."""

from __future__ import annotations

from run_scenario.recording import codes
from run_scenario.recording.recorder import recorder
from run_scenario.runtime.child.reports import MANAGER

NAMES = {"t": "resource tracker", "f": "fork server"}
"""Letters that report processes which multiprocessing starts by itself."""


class AuxiliaryProcesses:
    """Those of one run, as the main program reports them."""

    def __init__(self) -> None:
        self.pids: set[int] = set()
        """Process ids of multiprocessing's own: they end by themselves, after the main program."""
        self._needed: dict[int, str] = {}
        """Process id -> the letter that reported it, of those that the main program still needs."""

    def note(self, letter: str, pid: int) -> None:
        """Note that there is one."""
        if letter != MANAGER:
            self.pids.add(pid)
        self._needed[pid] = letter

    def release(self, pid: int) -> None:
        """Note that the main program does not need one any more."""
        self._needed.pop(pid, None)

    def lose(self, pid: int, code: int) -> None:
        """Record that the main program has found a manager ended that it still needed, unless that is recorded."""
        if self._needed.pop(pid, ""):
            recorder.emit(codes.MANAGER_LOST, pid, code)

    def has_ended(self, pid: int, code: int | None, main_code: int | None) -> bool:
        """Record the end of one that the main program still needed; return whether it was one of these.

        `main_code` is the main program's exit code, None while it runs. When both are over before this is asked, what
        a signal has ended was lost, unless the main program ended so, too.
        """
        letter = self._needed.pop(pid, "")
        if not letter:
            return False
        if main_code is not None and (code is None or code >= 0 or main_code < 0):
            return False
        if letter != MANAGER:
            recorder.emit(codes.HELPER_LOST, pid, NAMES[letter], code)
        elif code != 0:
            recorder.emit(codes.MANAGER_LOST, pid, code)
        return True
