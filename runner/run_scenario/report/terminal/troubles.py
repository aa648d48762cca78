"""What went wrong in a run, for a person who has seen the output of the program itself: shown when it is over."""

from __future__ import annotations

from collections.abc import Sequence

from run_scenario.events import types
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.types import Event
from run_scenario.report.terminal.console import ConsoleView
from run_scenario.report.watcher import Watcher

_MOST = 60
"""Lines that are shown: who wants all reads the log."""
_STOPS = (types.ScenarioStalled, types.ScenarioTimedOut, types.ScenarioInterrupted)
"""What comes after these in a log is of run-scenario's own making."""


def _is_seen_anyway(event: Event) -> bool:
    """Tell whether Python shows it to the person, or to the script: an exception, a timeout, how the script ends."""
    if isinstance(event, types.ProcessExited):
        return event.process == MAIN_NAME and event.cause in ("sys.exit", "exception")
    return isinstance(
        event, types.ProcessFailed | types.ProcessJoinTimedOut | types.PoolTaskFailed | types.PoolCallFailed
    )


class TroubleView(Watcher):
    """A sink that shows the warnings and errors of a log, at its end."""

    def __init__(self, view: ConsoleView) -> None:
        """Show them by `view`."""
        self._view = view
        self._kept: list[Event] = []
        self._over = False
        self.left_out = 0
        """How many there were besides those that are shown."""

    def write(self, events: Sequence[Event]) -> None:
        """Look at the next events; show what there is to show with the last of all."""
        for event in events:
            if isinstance(event, types.ScenarioFinished):
                if self._kept:
                    self._view.write(self._kept)
                return
            if event.level in ("warning", "error") and not self._over and not _is_seen_anyway(event):
                self._keep(event)
            self._over |= isinstance(event, _STOPS)

    def _keep(self, event: Event) -> None:
        if len(self._kept) < _MOST or isinstance(event, _STOPS):
            self._kept.append(event)
        else:
            self.left_out += 1
