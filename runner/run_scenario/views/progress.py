"""A sink that shows that a run goes on, for whoever is shown something else of it afterwards."""

from __future__ import annotations

from typing import Any, TextIO

from run_scenario.views.status import State, StatusLine
from run_scenario.views.watcher import Watcher


class Progress(Watcher):
    """The status on a terminal while a run lasts, and nothing of it afterwards."""

    shows_progress = True

    def __init__(self, stream: TextIO, *, colour: bool = True) -> None:
        self._stream = stream
        self._colour = colour
        self._line: StatusLine | None = None

    def open(self) -> None:
        """Import rich, while the processes start."""
        from rich.console import Console

        self._line = StatusLine(Console(file=self._stream, no_color=None if self._colour else True, highlight=False))

    def write(self, events: list[dict[str, Any]]) -> None:
        """Remember what a person is shown meanwhile; the events themselves are for somebody else."""
        if self._line is not None:
            self._line.add(events)

    def tick(self, state: State) -> None:
        """Draw the status."""
        if self._line is not None:
            self._line.show(state)

    def close(self) -> None:
        """Erase it."""
        self.suspend()

    def suspend(self) -> None:
        """Erase it, at any moment: the process is about to be stopped."""
        if self._line is not None:
            self._line.erase()
