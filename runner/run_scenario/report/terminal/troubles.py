"""What went wrong in a run, for a person who sees the output of the program: shown when nothing moves any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from run_scenario.report.watcher import Watcher

if TYPE_CHECKING:
    from run_scenario.events.types import Event

_MOST = 60
_MOST_ALIKE = 3
"""Lines that are shown, in all and of one kind: who wants all reads the log."""
_TROUBLE = ("warning", "error")
_STOPS = ("scenario.stalled", "scenario.timed_out", "scenario.signalled", "scenario.interrupted")
"""What comes after these in a log comes of them, or is of run-scenario's own making."""
_SEEN = ("process.failed", "process.join_timed_out", "pool.task_failed", "pool.call_failed", "pool.not_pickled")
"""What Python itself shows to the person, or tells the script: exceptions, and answers of calls."""


class View(Protocol):
    """Shows events to a person."""

    def write(self, events: Sequence[Event]) -> None:
        """Show them."""


class TroubleView(Watcher):
    """A sink that shows the warnings and errors of a log, at its end."""

    def __init__(self, make_view: Callable[[], View], stalled: Callable[[], None]) -> None:
        """Show them by the view that `make_view` makes: most runs need none. `stalled` is called after a deadlock."""
        self._make_view = make_view
        self._stalled = stalled
        self._kept: list[Event] = []
        self._kinds: Counter[str] = Counter()
        self._dull: set[type[Event]] = set()
        """Types of events that are shown only if they are trouble."""
        self.left_out = 0
        """How many warnings and errors there were besides."""
        self._over = False

    def write(self, events: Sequence[Event]) -> None:
        """Look at the next events; show what there is to show with the last of all."""
        from run_scenario.events.types.base import name_of  # another package, which a run need not wait for

        for event in events:
            if event.level not in _TROUBLE and type(event) in self._dull:  # as nearly all: they are passed over quickly
                continue
            name = name_of(type(event))
            if name not in (*_STOPS, "scenario.finished"):
                self._dull.add(type(event))
            if name == "scenario.finished" and getattr(event, "exit_status", None) == 0:  # it has found its own way
                self._kept = [kept for kept in self._kept if name_of(type(kept)) != "scenario.signalled"]
            if self._is_kept(event, name):
                self._kept.append(_without_traceback(event) if name in _SEEN else event)
            # A program that stands still writes nothing in between, and may be left as it is.
            if self._kept and name in ("scenario.stalled", "scenario.finished"):
                self._make_view().write(self._kept)
                self._kept.clear()
            if name == "scenario.stalled" and getattr(event, "cause", "") == "deadlock":  # at its deadline it is ended
                self._stalled()
            self._over |= name in _STOPS

    def _is_kept(self, event: Event, name: str) -> bool:
        is_trouble = event.level in _TROUBLE and name != "scenario.finished"
        if not is_trouble or (self._over and name not in _STOPS) or _is_seen_anyway(event, name):
            return False
        self._kinds[name] += 1
        kept = name in _STOPS or (self._kinds[name] <= _MOST_ALIKE and len(self._kept) < _MOST)
        self.left_out += not kept
        return kept


def _without_traceback(event: Event) -> Event:
    """Return an event without the traceback, which Python has shown."""
    return structs.replace(event, traceback=None) if hasattr(event, "traceback") else event


def _is_seen_anyway(event: Event, name: str) -> bool:
    """Tell whether the person sees it anyway, if only by how the script ends."""
    if getattr(event, "hint", None):  # which Python does not show
        return False
    by_itself = getattr(event, "cause", None) in ("sys.exit", "exception")
    return name in _SEEN or (name == "process.exited" and event.process == "MainProcess" and by_itself)
