"""What stands at the bottom of a terminal while a run goes on: who lives, what is waited for, how much time is left.

Below that line comes a table, where there is room: each process with what it waits for or did last, each queue with
its length.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from run_scenario.views.live import Live
from run_scenario.views.sentences import Event
from run_scenario.views.text import scrub, seconds, shorten

if TYPE_CHECKING:
    from rich.console import Console

_MOST_NAMES = 4
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINNER_WIDTH = 2
_EDGE = 1
"""The last column is left free: some terminals begin a new line behind it."""


class State(Protocol):
    """Where a run stands; what `engine.sink.RunState` has."""

    @property
    def elapsed(self) -> float: ...
    @property
    def timeout(self) -> float: ...
    @property
    def alive(self) -> Sequence[str]: ...
    @property
    def waiting(self) -> str: ...
    @property
    def waits(self) -> Mapping[str, str]: ...


def status(state: State, width: int) -> str:
    """Return the status in at most `width` characters.

    Where they are not enough, the names go first, then who waits; what is waited for is cut off last, the time never.
    """
    time = f"{state.elapsed:.1f} of {seconds(state.timeout)}"
    room = max(1, width - len(time) - len(" · "))
    said = ""
    for said in _ways_to_say(state):
        if len(said) <= room:
            break
    return f"{shorten(said, room)} · {time}"


def _ways_to_say(state: State) -> Iterator[str]:
    """Yield who lives and what is waited for, each time in fewer words."""
    alive, waiting = list(state.alive), scrub(state.waiting)
    more = len(alive) - _MOST_NAMES
    names = ", ".join(map(scrub, alive[:_MOST_NAMES])) + (f" and {more:,} more" if more > 0 else "")
    count = f"{len(alive):,} alive" if alive else "no process alive"
    everybody = f"{names} alive" if alive else count
    if not waiting:
        yield from (everybody, count)
        return
    for who in (everybody, count):
        yield f"{who} · the main program waits for {waiting}"
    yield f"{count} · waits for {waiting}"
    yield f"waits for {waiting}"


class StatusLine:
    """A spinner, the status and some rows below it, drawn again with each `show()` and gone after `erase()`.

    The cursor is left at its beginning: what the terminal echoes there (`^C`) is drawn over, and cannot break it into
    two lines. Each drawing is one write of its own, so that a signal handler may erase it at any moment.

    `part` of the terminal's height is what it takes at most: the rest is for what is printed above it.
    """

    def __init__(self, console: Console, part: float = 1.0) -> None:
        self._console = console
        self._part = part
        self._state: State | None = None
        self._written = False, 0
        """Whether it was drawn again below lines, and with how many rows."""
        self._live = Live()
        self._drawn = 0
        self._there = False
        self._rows = 0
        """How many rows are on the screen at most."""

    def add(self, events: Iterable[Event]) -> None:
        """Take the next events into account."""
        self._live.add(events)

    def show(self, state: State) -> None:
        """Draw it, and as many rows as there is room for; nothing where a terminal cannot do that."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            return
        self._state = state
        self._drawn += 1
        drawing = self._drawing(state)
        self._there = True
        self._write(drawing)

    def above(self, text: str) -> str:
        """Return what prints lines above it: it is erased before them and drawn again behind them, if it is there.

        After that has been written, `stays()` is to be called.
        """
        if not self._there or self._state is None:
            self._written = False, 0
            return text
        whole = f"{self._erasing()}{text}{self._drawing(self._state)}"
        self._written = True, self._rows
        return whole

    def stays(self) -> None:
        """Remember what `above()` has drawn: a signal handler may have erased the one before meanwhile."""
        self._there, self._rows = self._written

    def _drawing(self, state: State) -> str:
        from rich.cells import cell_len, set_cell_size

        width = max(1, self._console.width - _SPINNER_WIDTH - _EDGE)
        text = status(state, width)
        if cell_len(text) > width:
            text = set_cell_size(text, width)
        spinner = _SPINNER[(self._drawn - 1) % len(_SPINNER)]
        room = max(0, int(self._console.height * self._part) - _EDGE - 1)
        rows = self._live.rows(state.elapsed, state.alive, state.waits, room)
        fitting = [set_cell_size(row, width) if cell_len(row) > width else row for row in rows]
        return f"\r{spinner} {text}\x1b[K\r{self._below(fitting[:room])}"

    def _below(self, rows: Sequence[str]) -> str:
        """Return what draws the rows and goes back to where they were begun; nothing of an earlier drawing is left."""
        if not rows and not self._rows:
            return ""
        self._rows = len(rows)
        down = "".join(f"\n\r{row}\x1b[K" for row in rows)
        return f"{down}\x1b[J" + (f"\x1b[{len(rows)}A\r" if rows else "")

    def erase(self) -> None:
        """Remove it from the screen, if it is there."""
        if not self._there:
            return
        self._there = False
        self._write(self._erasing())
        self._rows = 0

    def _erasing(self) -> str:
        below = "\n\x1b[J\x1b[A" if self._rows else ""
        return f"{below}\r\x1b[2K"

    def _write(self, text: str) -> None:
        # Past the stream's own buffer, which is empty between two events: a signal handler must not enter that twice.
        stream = self._console.file
        data = text.encode(getattr(stream, "encoding", None) or "utf-8", "replace")
        with contextlib.suppress(OSError):  # a terminal that is gone is told with the next event
            os.write(stream.fileno(), data)
