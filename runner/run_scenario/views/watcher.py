"""What a sink is that looks at a log and keeps nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_scenario.views.status import State


class Watcher:
    """The part of `engine.sink.Sink` that has nothing to do for those that write no log."""

    written = 0
    goes_on = False
    shows_progress = False

    def open(self) -> None:
        """Nothing."""

    def tick(self, state: State) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
