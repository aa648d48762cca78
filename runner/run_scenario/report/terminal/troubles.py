"""What went wrong in a run, for a person who sees the output of the program: shown when nothing moves any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from run_scenario.report.watcher import Watcher

if TYPE_CHECKING:
    from run_scenario.events.types import Event

_MOST = 60
"""Lines that are shown: who wants all reads the log."""
_STOPS = ("scenario.stalled", "scenario.timed_out", "scenario.interrupted")
"""What comes after these in a log is of run-scenario's own making."""
_SEEN = ("process.failed", "process.join_timed_out", "pool.task_failed", "pool.call_failed")
"""What Python itself shows to the person, or tells the script: exceptions, and answers of calls."""


class View(Protocol):
    """Shows events to a person."""

    def write(self, events: Sequence[Event]) -> None:
        """Show them."""


class TroubleView(Watcher):
    """A sink that shows the warnings and errors of a log, at its end."""

    def __init__(self, make_view: Callable[[], View]) -> None:
        """Show them by the view that `make_view` makes: most runs need none."""
        self._make_view = make_view
        self._kept: list[Event] = []
        self._over = False

    def write(self, events: Sequence[Event]) -> None:
        """Look at the next events; show what there is to show with the last of all."""
        from run_scenario.events.types.base import name_of  # another package, which a run need not wait for

        for event in events:
            name = name_of(type(event))
            if self._is_kept(event, name):
                self._kept.append(event)
            # A program that stands still writes nothing in between, and may be left as it is.
            if self._kept and name in ("scenario.stalled", "scenario.finished"):
                self._make_view().write(self._kept)
                self._kept.clear()
            self._over |= name in _STOPS

    def _is_kept(self, event: Event, name: str) -> bool:
        is_trouble = event.level in ("warning", "error") and name != "scenario.finished"
        return (
            is_trouble
            and not self._over
            and not _is_seen_anyway(event, name)
            and (len(self._kept) < _MOST or name in _STOPS)
        )


def _is_seen_anyway(event: Event, name: str) -> bool:
    """Tell whether the person sees it anyway, if only by how the script ends."""
    by_itself = getattr(event, "cause", None) in ("sys.exit", "exception")
    return name in _SEEN or (name == "process.exited" and event.process == "MainProcess" and by_itself)
