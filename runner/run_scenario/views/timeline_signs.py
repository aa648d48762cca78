"""What a timeline in text is drawn with: its signs, what they mean in words, and their styles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from run_scenario.values import Value
from run_scenario.views.history import State
from run_scenario.views.paint import Painter
from run_scenario.views.text import shorten


class Signs(Value):
    """What a lane is drawn with."""

    starting: str
    running: str
    computing: str
    competing: str
    sleeping: str
    waiting: str
    ending: str
    end: str
    bad_end: str
    open_end: str
    tick: str
    line: str
    held: str
    to: str
    depths: str
    """From an empty queue to the longest."""

    def of(self, state: State) -> str:
        """Return the sign of what a process does."""
        sign: str = getattr(self, state)
        return sign


UNICODE = Signs("·", "━", "█", "▚", "z", "░", "╌", "┤", "✗", "▷", "┬", "─", "▒", "▸", "_▁▂▃▄▅▆▇█")
ASCII = Signs(".", "-", "#", "%", "z", "~", ",", "|", "X", ">", "+", "-", "=", ">", "_123456789")

MEANINGS: dict[State, str] = {
    "starting": "being started",
    "running": "running",
    "computing": "computing",
    "competing": "computing, or waiting for a processor",
    "sleeping": "asleep, or without a processor",
    "waiting": "waiting",
    "ending": "its target is over",
}
"""What a process does, in words."""

STYLES: dict[State, str] = {
    "starting": "dim",
    "running": "green",
    "computing": "bold green",
    "competing": "cyan",
    "sleeping": "blue",
    "waiting": "yellow",
    "ending": "dim",
}


def told(legend: Sequence[tuple[str, str, str]], width: int, paint: Painter) -> Iterator[str]:
    """Yield the signs and their meanings, as many on a line as fit."""
    line, taken = "", 0
    for sign, style, meaning in legend:
        meaning = shorten(meaning, width - len(sign) - 1)
        needed = len(sign) + 1 + len(meaning)
        if taken and taken + 3 + needed > width:
            yield line
            line, taken = "", 0
        gap = "   " if taken else ""
        line += f"{gap}{paint(style, sign)} {meaning}"
        taken += len(gap) + needed
    if line:
        yield line
