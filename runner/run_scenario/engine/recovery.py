"""Tells the recording of a run whose front was killed, from its beginning to its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from run_scenario.engine import kept
from run_scenario.engine.folder import remove_folder
from run_scenario.engine.outcome import Outcome
from run_scenario.engine.start_method import default_start_method
from run_scenario.engine.telling import Telling

if TYPE_CHECKING:
    from run_scenario.engine.sink import Sink

_WHY = "run-scenario itself was killed; this is what had been recorded by then"


def recover(found: kept.Kept, sinks: Sequence[Sink]) -> Outcome:
    """Tell a kept recording to the sinks; return what the run came to.

    Raises:
        UsageError: it cannot be read.
        MachineryError: the log cannot be written.
    """
    recording = kept.read(found)
    program = recording.program
    method = program.scenario.start_method or default_start_method()
    for sink in sinks:
        sink.open()
    telling = Telling(
        program.replace(folder=found.folder),
        recording.guard_pid,
        sinks,
        method,
        retire=lambda path: None,  # whoever recovers may want to do so again
        clock=lambda: recording.ended,
    )
    telling.begin(None)
    return telling.conclude(0, [_WHY])


def remove(found: kept.Kept) -> None:
    """Remove a kept recording."""
    remove_folder(found.folder)
