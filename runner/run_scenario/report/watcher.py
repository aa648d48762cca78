"""Sinks that look at a log and write none; and what they are told of a run that goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from run_scenario.events.history.history import History
    from run_scenario.events.types import BlockedOperation, Event, ScenarioFinished


class State(Protocol):
    """Where a run stands; what `runtime.run_follower.RunState` has."""

    @property
    def elapsed(self) -> float: ...
    @property
    def timeout(self) -> float: ...
    @property
    def alive(self) -> Sequence[str]: ...
    @property
    def waits(self) -> Mapping[str, BlockedOperation]: ...


class Watcher:
    """The part of `runtime.run_follower.Sink` that has nothing to do for those that write no log."""

    written = 0
    goes_on = False
    shows_progress = False

    def open(self) -> None:
        """Nothing."""

    def tick(self, state: State) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class HistoryWatcher(Watcher):
    """Takes the events into account in a history."""

    def __init__(self, history: History) -> None:
        self._history = history

    def write(self, events: Sequence[Event]) -> None:
        """Take the next events."""
        for event in events:
            self._history.add(event)


class EndWatcher(Watcher):
    """Keeps how the run ended, for a person who is not shown its log."""

    def __init__(self) -> None:
        self.end: ScenarioFinished | None = None
        """The event `scenario.finished`, once it is there."""

    def write(self, events: Sequence[Event]) -> None:
        """Look at the last event: `scenario.finished` is the last of all."""
        from run_scenario.events.types import ScenarioFinished  # another package, with all types of events: 20 ms

        if events and isinstance(events[-1], ScenarioFinished):
            self.end = events[-1]
