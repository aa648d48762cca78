"""A progress bar for what takes many runs: a line on a terminal's standard error, gone when done; elsewhere nothing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from run_scenario.cli.streams import columns
from run_scenario.report.text import sanitize, seconds

_CELLS = 20
_USUAL_WIDTH = 80


class Bar:
    """How much of a known number of steps is done, what is under way, and how long the rest will take about."""

    def __init__(self, total: int, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"  # which cannot take a line back
        self._clock = clock
        self._began = clock()
        self._shown = False

    def __enter__(self) -> Bar:
        return self

    def show(self, done: int, doing: str, *, is_last: bool = False) -> None:
        """Show what is done now, after `done` of all steps; `is_last`: the rest of them will not be done."""
        if not self._live:
            return
        self._write(f"\r{self.line(done, doing, self._width(), is_last=is_last)}\x1b[K")
        self._shown = True

    def line(self, done: int, doing: str, width: int, *, is_last: bool = False) -> str:
        """Return the line, of at most `width` columns; how long the rest will take only if there is room for that."""
        full = min(done * _CELLS // max(self._total, 1), _CELLS)
        text, left = f"[{'#' * full}{'.' * (_CELLS - full)}] {sanitize(doing)}", ""
        if done and not is_last:
            left = f" · about {seconds(round((self._clock() - self._began) / done * (self._total - done), 1))} left"
        return text[:width] if len(text + left) > width else text + left

    def erase(self) -> None:
        """Remove the line."""
        if self._shown:
            self._write("\r\x1b[K")
        self._shown = False

    def _width(self) -> int:
        return max(20, (columns(self._stream) or _USUAL_WIDTH) - 1)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def __exit__(self, *_: object) -> None:
        self.erase()
