"""What stands at the bottom of a terminal while a run goes on: who lives, what is waited for, how much time is left.

Below that line comes a table, where it fits: each process with what it waits for or did last, each queue with
its length.

    history ▶ LiveTable ─▶ rows ─┐
    state ──▶ status() ─▶ line ──┴─▶ StatusLine ─▶ the terminal ◀─ ConsoleView (below its lines), Progress (alone)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

from run_scenario.counting import plural
from run_scenario.events.encoding import as_mapping
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.types import BlockedOperation, Event
from run_scenario.report.sentences import sentence
from run_scenario.report.terminal.cells import pad, width_of
from run_scenario.report.text import sanitize, seconds, truncate
from run_scenario.report.waits import waiting_for
from run_scenario.report.watcher import State, Watcher

if TYPE_CHECKING:
    from rich.console import Console

    from run_scenario.events.history.history import History

_MOST_ROWS = 12
"""Processes, and queues, that have a row."""
_MOST_NAMES = 4
"""Processes that the status names."""
_NAME_WIDTH = (8, 20)
_INDENT = "  "
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINNER_WIDTH = 2
_EDGE = 1
"""The last column is left free: some terminals begin a new line behind it."""


class LiveTable:
    """What each process that lives did last, and how much is in each queue."""

    def __init__(self, history: History) -> None:
        self._history = history

    def rows(
        self,
        elapsed: float,
        alive: Sequence[str],
        waits: Mapping[str, BlockedOperation],
        most: int = 2 * _MOST_ROWS + 2,
    ) -> list[str]:
        """Return at most `most` rows; none where a single process is all there is."""
        lanes = self._history.lanes
        living = [name for name in alive if name in lanes and lanes[name].latest is not None]
        used = [queue.name for queue in self._history.queues.values() if queue.put or queue.got or queue.missing]
        if len(living) < 2 and not used:
            return []
        for_queues = min(len(used), max(most // 2, most - len(living)))
        shown, more = _first(living, most - for_queues)
        queues, more_queues = _first(used, for_queues)
        longest = max(width_of(sanitize(name)) for name in (*shown, *queues, ""))
        width = min(max(longest, _NAME_WIDTH[0]), _NAME_WIDTH[1])
        rows = [f"{_INDENT}{pad(sanitize(name), width)}  {self._doing(name, elapsed, waits)}" for name in shown]
        rows += [f"{_INDENT}and {more:,} more"] if more else []
        for name in queues:
            queue = self._history.queues[name]
            there = f"{plural(queue.depth, 'item')} in it, of {queue.put:,} put"
            rows.append(f"{_INDENT}{pad(sanitize(name), width)}  {there}")
        return rows + ([f"{_INDENT}and {plural(more_queues, 'more queue')}"] if more_queues else [])

    def _doing(self, name: str, elapsed: float, waits: Mapping[str, BlockedOperation]) -> str:
        if name in waits and (wanted := waiting_for(waits[name])):
            return f"waits for {sanitize(wanted)}"
        event = self._history.lanes[name].latest
        if event is None:
            return ""
        return f"{sentence(as_mapping(event))} ({seconds(max(0.0, elapsed - event.t))} ago)"


def _first(names: Sequence[str], most: int) -> tuple[Sequence[str], int]:
    """Return those that have a row each, and how many have not: these need one row together."""
    if len(names) <= min(most, _MOST_ROWS):
        return names, 0
    count = max(0, min(most - 1, _MOST_ROWS))
    return names[:count], len(names) - count


def status(state: State, width: int) -> str:
    """Return the status in at most `width` columns.

    Where they are not enough, the names go first, then who waits; what is waited for is cut off last, the time never.
    """
    time = f"{state.elapsed:.1f} of {seconds(state.timeout)}"
    left = max(1, width - len(time) - len(" · "))
    text = ""
    for text in _wordings(state):
        if width_of(text) <= left:
            break
    return f"{truncate(text, left, measure=width_of)} · {time}"


def _wordings(state: State) -> Iterator[str]:
    """Yield who lives and what is waited for, each time in fewer words."""
    alive, main = list(state.alive), state.waits.get(MAIN_NAME)
    waiting = sanitize((waiting_for(main) if main else None) or "")
    more = len(alive) - _MOST_NAMES
    names = ", ".join(map(sanitize, alive[:_MOST_NAMES])) + (f" and {more:,} more" if more > 0 else "")
    count = f"{len(alive):,} alive" if alive else "no process alive"
    everybody = f"{names} alive" if alive else count
    if not waiting:
        yield from (everybody, count)
        return
    for who in (everybody, count):
        yield f"{who} · the main program waits for {waiting}"
    yield f"{count} · waits for {waiting}"
    yield f"waits for {waiting}"


class _Shown(NamedTuple):
    """What of the status is on the screen."""

    there: bool = False
    rows: int = 0
    """How many rows are below it at most."""


class StatusLine:
    """A spinner, the status and some rows below it, drawn again with each `show()` and gone after `erase()`.

    The cursor is left at its beginning: what the terminal echoes there (`^C`) is drawn over, and cannot break it into
    two lines. Each drawing is one write of its own, so that a signal handler may erase it at any moment.

    `part` of the terminal's height is what it takes at most: the rest is for what is printed above it.
    """

    def __init__(self, console: Console, history: History, part: float = 1.0) -> None:
        self._console = console
        self._part = part
        self._state: State | None = None
        self._table = LiveTable(history)
        self._drawn = 0
        """How often it was drawn: it chooses the spinner's picture."""
        self._shown = _Shown()
        self._next = _Shown()
        """What is on the screen as soon as the text that `above()` returned is written."""

    def show(self, state: State) -> None:
        """Draw it, and as many rows as fit; nothing where a terminal cannot do that."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            return
        self._state = state
        self._drawn += 1
        drawing, rows = self._drawing(state)
        self._shown = _Shown(True, rows)  # before it is written: a signal handler that comes in between must erase it
        self._write(drawing)

    def above(self, text: str) -> str:
        """Return what prints lines above it: it is erased before them and drawn again behind them, if it is there.

        After that has been written, `printed()` is to be called.
        """
        if not self._shown.there or self._state is None:
            self._next = _Shown()
            return text
        drawing, rows = self._drawing(self._state)
        self._next = _Shown(True, rows)
        return f"{_erasing(self._shown)}{text}{drawing}"

    def printed(self) -> None:
        """Note what `above()` has drawn: a signal handler may have erased the drawing before it meanwhile."""
        self._shown = self._next

    def _drawing(self, state: State) -> tuple[str, int]:
        """Return what draws it over what is shown, and how many rows it has then."""
        width = max(1, self._console.width - _SPINNER_WIDTH - _EDGE)
        text = truncate(status(state, width), width, measure=width_of)
        spinner = _SPINNER[(self._drawn - 1) % len(_SPINNER)]
        most = max(0, int(self._console.height * self._part) - _EDGE - 1)
        rows = self._table.rows(state.elapsed, state.alive, state.waits, most)[:most]
        below = self._below([truncate(row, width, measure=width_of) for row in rows])
        return f"\r{spinner} {text}\x1b[K\r{below}", len(rows)

    def _below(self, rows: Sequence[str]) -> str:
        """Return what draws the rows and goes back to where they were begun; nothing of an earlier drawing is left."""
        if not rows and not self._shown.rows:
            return ""
        down = "".join(f"\n\r{row}\x1b[K" for row in rows)
        return f"{down}\x1b[J" + (f"\x1b[{len(rows)}A\r" if rows else "")

    def erase(self) -> None:
        """Remove it from the screen, if it is there."""
        if not self._shown.there:
            return
        shown, self._shown = self._shown, _Shown()
        self._write(_erasing(shown))

    def _write(self, text: str) -> None:
        # Past the stream's own buffer, which is empty between two events: a signal handler must not enter that twice.
        stream = self._console.file
        data = text.encode(getattr(stream, "encoding", None) or "utf-8", "replace")
        with contextlib.suppress(OSError):  # that a terminal is gone is reported with the next event
            os.write(stream.fileno(), data)


def _erasing(shown: _Shown) -> str:
    """Return what removes it from the screen."""
    below = "\n\x1b[J\x1b[A" if shown.rows else ""
    return f"{below}\r\x1b[2K"


class Progress(Watcher):
    """A sink that shows the status on a terminal while a run lasts, and nothing of it afterwards."""

    shows_progress = True

    def __init__(self, stream: TextIO, *, colour: bool = True) -> None:
        self._stream = stream
        self._colour = colour
        self._history: History | None = None
        self._line: StatusLine | None = None

    def open(self) -> None:
        """Import what is heavy, while the processes start."""
        from rich.console import Console

        from run_scenario.events.history.history import History

        self._history = History(detailed=False)
        console = Console(file=self._stream, no_color=None if self._colour else True, highlight=False)
        self._line = StatusLine(console, self._history)

    def write(self, events: Sequence[Event]) -> None:
        """Keep what a person is shown meanwhile; the events themselves are for somebody else."""
        if self._history is not None:
            for event in events:
                self._history.add(event)

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
