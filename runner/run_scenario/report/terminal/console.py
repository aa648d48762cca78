"""The log on a terminal: a coloured line per event, below them a live table while it goes on, a summary at the end.

rich knows the terminal (its width, its colours, how wide a character is); the lines themselves are put
together here, because a rich `Text` for each of 100,000 lines would take longer than the run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TextIO

from run_scenario.errors import MachineryError
from run_scenario.events.types import Event, ScenarioFinished
from run_scenario.report.outputs import cannot_write
from run_scenario.report.terminal.cells import Painter, pad, paragraph, width_of, wrap
from run_scenario.report.terminal.live import StatusLine
from run_scenario.report.terminal.overview import render_summary
from run_scenario.report.terminal.transcript import Line, Tone, Transcript
from run_scenario.report.text import sanitize, truncate
from run_scenario.report.watcher import State, Watcher

_STYLES: dict[Tone, str] = {
    "error": "bold red",
    "warning": "yellow",
    "plain": "",
    "quiet": "dim",
    "output": "",  # not white: the background may be
    "title": "bold",
}
_PROCESS_COLOURS = ("cyan", "green", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta", "bright_blue")
_RUNNER = "run-scenario"
_TIME_WIDTH = 8
_NAME_WIDTH = (12, 24)
"""Fewest and most columns for the names of processes."""

_NARROWEST = 30
"""Columns beside those of time and name below which text goes on under them, indented by `_HANGING`."""
_HANGING = 4

_PIPED_WIDTH = 160
"""Columns of the summary's tables where there is no terminal to measure."""

_SHORT = 0.4
"""Seconds that a run must have lasted for the live table to come up: of a shorter one it would only be a flash."""
_PART = 0.5
"""The part of a terminal's height that the live table takes at most, beside the lines of the log."""


class ConsoleView(Watcher):
    """A sink that shows the log to a person.

    `names` are the processes that will run: the column is made wide enough for them. `colour` False means none, even
    on a terminal. rich is imported with the first event, while the processes already run.
    """

    shows_progress = True

    def __init__(
        self,
        stream: TextIO,
        *,
        names: Sequence[str] = (),
        colour: bool = True,
    ) -> None:
        self._stream = stream
        self._colour = colour
        longest = max((width_of(sanitize(name)) for name in names), default=0)
        self._name_width = min(max(longest, _NAME_WIDTH[0]), _NAME_WIDTH[1])
        self._transcript = Transcript()
        self._terminal: _Terminal | None = None

    def open(self) -> None:
        """Import what is heavy, while the processes start."""
        self._opened()

    def write(self, events: Sequence[Event]) -> None:
        """Show the events, and after the last of a run the summary.

        Raises:
            BrokenPipeError: it was closed.
            MachineryError: it could not be written.
        """
        terminal = self._opened()
        for event in events:
            terminal.history.add(event)
        text = self._shown(self._transcript.lines(events, more=True), terminal)
        if events and isinstance(events[-1], ScenarioFinished):
            terminal.status.erase()
            text += render_summary(terminal.history, terminal.console)
        self._emit(terminal.status.above(text))
        terminal.status.printed()

    def tick(self, state: State) -> None:
        """Show what was held back for long; draw the live table, on a terminal."""
        terminal = self._opened()
        if text := self._shown(self._transcript.overdue(state.elapsed), terminal):
            self._emit(terminal.status.above(text))
            terminal.status.printed()
        if state.elapsed >= _SHORT:
            terminal.status.show(state)

    def close(self) -> None:
        """Show what is still held back, of a log without an end; erase the live table."""
        self.suspend()
        if self._terminal is not None and (text := self._shown(self._transcript.rest(), self._terminal)):
            with contextlib.suppress(BrokenPipeError, MachineryError):  # that it cannot be written to was said before
                self._emit(text)

    def suspend(self) -> None:
        """Erase the live table, at any moment, in the middle of `tick()` too: the process is about to be stopped."""
        if self._terminal is not None:
            self._terminal.status.erase()

    def _opened(self) -> _Terminal:
        if self._terminal is None:
            self._terminal = _Terminal(self._stream, colour=self._colour)
        return self._terminal

    def _shown(self, lines: Iterable[Line], terminal: _Terminal) -> str:
        width = terminal.width()
        return "".join(self._rendered(line, terminal, width) for line in lines)

    def _emit(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise cannot_write("standard output", error) from None

    def _rendered(self, line: Line, terminal: _Terminal, width: int | None) -> str:
        """Return the line for a terminal of `width` columns; where there is no terminal, there is no edge either."""
        name = truncate(line.process, self._name_width, measure=width_of)
        beside = _TIME_WIDTH + self._name_width + 4
        padded = pad(name, self._name_width)
        indent, first = beside, None
        if width is not None and width - beside < _NARROWEST:
            padded, indent = name, _HANGING
            first = width - (_TIME_WIDTH + width_of(name) + 4)
        if width is None:
            text, more, details = line.text, [], list(line.details)
            if line.tone == "title":  # what the scenario says of itself: prose
                details = [part for detail in details for part in paragraph(detail, width)]
        else:
            text, *more = wrap(line.text, width - indent, first)
            details = [part for detail in line.details for part in wrap(detail, width - indent)]
        style, paint = _STYLES[line.tone], terminal.paint
        head = f"{paint('dim', f'{line.t:{_TIME_WIDTH}.3f}')}  {terminal.name(name, padded)}  {paint(style, text)}"
        detail_style = "red" if line.tone == "error" else "dim"
        below = [paint(style, part) for part in more] + [paint(detail_style, part) for part in details]
        return "".join(f"{part}\n" for part in (head.rstrip(" "), *(" " * indent + part for part in below)))


class _Terminal:
    """What is known of the run, and what rich knows of the stream; the status at its bottom, and its colours."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        from rich.console import Console

        from run_scenario.events.history.history import History

        class QuietConsole(Console):
            def on_broken_pipe(self) -> None:
                raise  # rich would exit with status 1; the command line knows better

        self.console = QuietConsole(
            file=stream,
            width=None if stream.isatty() else _PIPED_WIDTH,
            no_color=None if colour else True,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self.history = History(detailed=False)
        self.status = StatusLine(self.console, self.history, _PART)
        colourful = colour and self.console.color_system is not None and not self.console.no_color
        self.paint = Painter(colour=colourful)
        self._names: dict[str, str] = {_RUNNER: "bold"}

    def name(self, name: str, shown: str) -> str:
        """Return `shown` in the colour of the process called `name`."""
        style = self._names.setdefault(name, _PROCESS_COLOURS[(len(self._names) - 1) % len(_PROCESS_COLOURS)])
        return self.paint(style, shown)

    def width(self) -> int | None:
        """Return the columns of the terminal; None where there is none."""
        return self.console.width if self.console.is_terminal else None
