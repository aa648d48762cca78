"""The log as JSON Lines, written to every output: each batch of events is encoded once.

    event ──────────────────────────────────▶ lines_of ─▶ outputs      render: nobody has added a processor
    event ──▶ processor ──▶ … ──▶ processor ──▶ line_of ──▶ outputs    Pipeline: structlog's protocol

The lines of the first way are those that structlog's JSONRenderer would write: a test compares.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from run_scenario.errors import MachineryError
from run_scenario.report.text import sanitize

if TYPE_CHECKING:
    from run_scenario.events.types.base import Event

    Events = Sequence[Event | Mapping[str, Any]]
    Render = Callable[[Events], bytes]


def render(events: Events) -> bytes:
    """Return the events as JSON Lines."""
    # Another package: 30 ms with all types of events, which a run need not wait for to begin (see `JsonLines.open`).
    from run_scenario.events.encoding import lines_of

    return lines_of(events)


class Processor(NamedTuple):
    """A processor of structlog's protocol that a user has added."""

    name: str
    """`package.module:function`."""
    where: str
    """Who has added it: the path of a file, or an option."""
    function: Callable[[Any, str, dict[str, Any]], Any]


class Pipeline:
    """Renders events after the processors have had them, in their order.

    A processor is called with None for a logger, the event's level, and what its line would be read as: a dictionary of
    its own, to change or replace. What else reads the event does not see that. `structlog.DropEvent` drops the line.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._processors = tuple(processors)

    def __call__(self, events: Events) -> bytes:
        """Return the events that are left as JSON Lines.

        Raises:
            MachineryError: a processor failed.
        """
        with contextlib.redirect_stdout(sys.stderr):  # what a processor prints must not come between the lines
            lines = [line for event in events if (line := self._line(event)) is not None]
        lines.append(b"")
        return b"\n".join(lines)

    def _line(self, event: Event | Mapping[str, Any]) -> bytes | None:
        from run_scenario.events.encoding import line_of

        processed = json.loads(line_of(event))
        name, seq, level = processed.get("event"), processed.get("seq"), str(processed.get("level"))
        for processor in self._processors:
            try:
                processed = processor.function(None, level, processed)
            except (Exception, SystemExit) as error:
                why = f"{type(error).__name__}: {str(error)[:300]}{_place(error)}"
                raise _failed(processor, f"failed at event {seq}, {name}: {why}; correct it") from error
            except BaseException as error:  # structlog's DropEvent is no Exception
                from structlog import DropEvent  # takes a tenth of a second; whoever raises it has imported it

                if isinstance(error, DropEvent):
                    return None
                raise
            if not isinstance(processed, dict):
                kind = "None" if processed is None else f"an object of {type(processed).__name__!r}"
                what = f"returned {kind} instead of a dict for event {seq}, {name}; end it with `return event_dict`"
                raise _failed(processor, what)
        return line_of(processed)


def _place(error: BaseException) -> str:
    """Return in which line of its own module a processor failed, in brackets; empty if the call itself did."""
    assert error.__traceback__ is not None  # it was caught
    traceback = error.__traceback__.tb_next
    if traceback is None:
        return ""
    file, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
    while (traceback := traceback.tb_next) is not None:
        if traceback.tb_frame.f_code.co_filename == file:
            line = traceback.tb_lineno
    return f" ({Path(file).name}:{line})"


def _failed(processor: Processor, what: str) -> MachineryError:
    text = f"the processor {processor.name!r} of {processor.where} {what}, or take it out of the processors"
    return MachineryError(sanitize(f"cannot write the log: {text}"))


class Writer(Protocol):
    """What takes the rendered lines: an `outputs.Output`, or a list in a test."""

    def write(self, data: bytes) -> None:
        """Write all of `data`."""

    def close(self) -> None:
        """Finish."""


class JsonLines:
    """A sink that renders each batch once and writes it to every output with one call each."""

    shows_progress = False

    def __init__(self, outputs: Sequence[Writer], render: Render = render) -> None:
        self._outputs = list(outputs)
        self._render = render
        self._failed: list[Writer] = []
        self.written = 0
        """Bytes of log so far."""

    @property
    def goes_on(self) -> bool:
        """Whether there are outputs that have not failed."""
        return bool(self._outputs)

    def open(self) -> None:
        """Import what the lines are made with, while the processes start."""
        self._render([])

    def write(self, events: Sequence[Event | Mapping[str, Any]]) -> None:
        """Render and write the events; an output that fails is not written to again, the others are.

        Raises:
            MachineryError: one of them could not be written, or a processor failed.
            BrokenPipeError: nobody reads one of them any more.
        """
        if not events or not self._outputs:
            return
        try:
            data = self._render(events)
        except MachineryError:
            # Not written without the processor: it may be there to keep a secret out of the log.
            self._failed += self._outputs
            self._outputs.clear()
            raise
        self.written += len(data)
        failure: Exception | None = None
        for output in tuple(self._outputs):
            try:
                output.write(data)
            except (MachineryError, BrokenPipeError) as error:
                self._outputs.remove(output)
                self._failed.append(output)
                failure = failure or error
        if failure is not None:
            raise failure

    def tick(self, state: object) -> None:
        """Nothing: a program that reads the log need not know that nothing happens."""

    def close(self) -> None:
        """Close the outputs."""
        for output in (*self._outputs, *self._failed):
            output.close()
