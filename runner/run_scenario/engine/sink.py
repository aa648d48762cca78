"""What the front hands its events to: the console view, the JSON Lines, a summary.

A view implements `Sink` structurally, without importing this room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from run_scenario.values import Value


class RunState(Value):
    """Where a run stands; times in seconds."""

    elapsed: float
    timeout: float
    alive: Sequence[str]
    """The names of the processes that live."""
    waiting: str
    """What the main program waits for, in a few words; empty when it is not known."""
    waits: Mapping[str, str] = {}
    """Process -> what it waits for, of those that are known to; of very many, only some."""


class Sink(Protocol):
    """A consumer of the log; called from one thread at a time, never twice at once."""

    written: int
    """Bytes of log that it has kept so far: that is limited. 0 for what only shows it."""

    shows_progress: bool
    """Whether `tick` shows anything."""

    @property
    def goes_on(self) -> bool:
        """Whether it can take more after it has raised an error, having other outputs; otherwise it is left alone."""

    def open(self) -> None:
        """Get ready, such as by importing what is heavy: called when the run is on its way, before anything else."""

    def write(self, events: list[dict[str, Any]]) -> None:
        """Take the next events, in the order of the log.

        Raises:
            MachineryError: they could not be written.
            BrokenPipeError: nobody reads them any more.
        """

    def tick(self, state: RunState) -> None:
        """Show that the run goes on; called about ten times a second, or less often on a busy machine."""

    def close(self) -> None:
        """Finish: called once, after the last event, however the run ended."""
