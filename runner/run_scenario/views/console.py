"""The log on a terminal: a coloured line per event, a status line while nothing happens, a summary at the end.

rich knows the terminal (its width, its colours, how to draw and erase a status line); the lines themselves are put
together here, because a rich `Text` for each of 100,000 lines would take longer than the run.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from run_scenario.views.outputs import cannot_write
from run_scenario.views.status import State, StatusLine
from run_scenario.views.summary import Summary
from run_scenario.views.text import scrub
from run_scenario.views.transcript import Line, Tone, Transcript

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

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

_NARROWEST = 40
"""Columns of a terminal below which lines are not wrapped: they would be one word each."""

_PIPED_WIDTH = 160
"""Columns of the summary's tables where there is no terminal to measure."""

_SILENCE = 0.4
"""Seconds without an event after which the status line comes up."""


class ConsoleView:
    """A sink that shows the log to a person.

    `names` are the processes that will run: the column is made wide enough for them. `colour` False means none, even
    on a terminal. rich is imported with the first event, while the processes already run.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        names: Sequence[str] = (),
        colour: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._colour = colour
        self._clock = clock
        longest = max((len(scrub(name)) for name in names), default=0)
        self._name_width = min(max(longest, _NAME_WIDTH[0]), _NAME_WIDTH[1])
        self._transcript = Transcript()
        self._summary = Summary()
        self._paint: _Paint | None = None
        self._status: StatusLine | None = None
        self._last_event = clock()

    def open(self) -> None:
        """Import rich, while the processes start."""
        self._painter()

    def write(self, events: list[dict[str, Any]]) -> None:
        """Show the events, and after the last of a run the summary.

        Raises:
            BrokenPipeError: nobody reads it any more.
            MachineryError: it could not be written.
        """
        paint = self._painter()
        self._erase_status()
        self._summary.add(events)
        text = "".join(self._rendered(line, paint) for line in self._transcript.lines(events))
        if events and events[-1].get("event") == "scenario.finished":
            text += render_summary(self._summary, paint.console)
        self._emit(text)
        self._last_event = self._clock()

    def tick(self, state: State) -> None:
        """Draw the status line, on a terminal, if it has been silent for a while."""
        if self._clock() - self._last_event < _SILENCE:
            return
        console = self._painter().console
        if not console.is_terminal or console.is_dumb_terminal:
            return
        if self._status is None:
            self._status = StatusLine(console)
        self._status.show(state)

    def close(self) -> None:
        """Erase the status line."""
        self._erase_status()

    def _erase_status(self) -> None:
        if self._status is not None:
            self._status.erase()
            self._status = None

    def _painter(self) -> _Paint:
        if self._paint is None:
            self._paint = _Paint(self._stream, colour=self._colour)
        return self._paint

    def _emit(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise cannot_write("standard output", error) from None

    def _rendered(self, line: Line, paint: _Paint) -> str:
        name = line.process
        if len(name) > self._name_width:
            name = name[: self._name_width - 1] + "…"
        indent = " " * (_TIME_WIDTH + self._name_width + 4)
        first, *more = paint.wrapped(line.text, len(indent))
        style = _STYLES[line.tone]
        text = f"{paint('dim', f'{line.t:{_TIME_WIDTH}.3f}')}  "
        text += f"{paint.name(name, self._name_width)}  {paint(style, first)}\n"
        text += "".join(f"{indent}{paint(style, continued)}\n" for continued in more)
        detail_style = "red" if line.tone == "error" else "dim"
        return text + "".join(f"{indent}{paint(detail_style, detail)}\n" for detail in line.details)


class _Paint:
    """Colours for one stream; without colour, text stays as it is."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        from rich.color import ColorSystem
        from rich.console import Console
        from rich.style import Style

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
        self._colourful = colour and self.console.color_system is not None and not self.console.no_color
        self._system = ColorSystem.STANDARD
        self._parse = Style.parse
        self._names: dict[str, str] = {_RUNNER: "bold"}

    def __call__(self, style: str, text: str) -> str:
        if not (self._colourful and style):
            return text
        return self._parse(style).render(text, color_system=self._system)

    def name(self, name: str, width: int) -> str:
        """Return a process's name in its own colour, padded to `width`."""
        style = self._names.setdefault(name, _PROCESS_COLOURS[(len(self._names) - 1) % len(_PROCESS_COLOURS)])
        return self(style, f"{name:<{width}}")

    def wrapped(self, text: str, indent: int) -> list[str]:
        """Return `text` in lines that fit beside the columns; only a terminal has an edge to wrap at."""
        room = self.console.width - indent
        if not self.console.is_terminal or room < _NARROWEST or len(text) <= room:
            return [text]
        return textwrap.wrap(text, room, break_on_hyphens=False, drop_whitespace=True) or [""]


def render_summary(summary: Summary, console: Console) -> str:
    """Return the end of the view: the outcome in one sentence, a table of the processes, one of the queues."""
    from rich.text import Text

    style = "bold green" if summary.passed() else "bold red"
    with console.capture() as captured:
        console.print()
        for table in (_processes(summary), _queues(summary)):
            if table.row_count:
                console.print(table)
                console.print()
        console.print(Text(summary.outcome(), style=style), soft_wrap=not console.is_terminal)
    text: str = captured.get()
    return "".join(line.rstrip(" ") + "\n" for line in text.splitlines())


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column in right)
    return table


def _processes(summary: Summary) -> Table:
    table = _table("process", "pid", "how it ended", "exit code", "cpu", right=("pid", "exit code", "cpu"))
    for row in summary.process_rows():
        table.add_row(*row[:5], style=None if row.allowed else "red")
    return table


def _queues(summary: Summary) -> Table:
    table = _table("queue", "put", "got", "left", "got by", right=("put", "got", "left"))
    for row in summary.queue_rows():
        table.add_row(*row[:5], style=None if row.clean else "yellow")
    return table
