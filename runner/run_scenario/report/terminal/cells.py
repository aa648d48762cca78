"""Text on a terminal: how many columns it takes, where its lines break, its colours, and rows of cells to draw in."""

from __future__ import annotations

import functools
import re
from itertools import groupby

from run_scenario.report.text import fitting, truncate

PROSE = 110
"""Columns of prose at most, however wide a terminal is; and where there is none."""
_LEAST_WIDTH = 20
"""Columns that text is given even where a terminal has not as many."""

_BREAKS = re.compile(r"[^/,;:]*[/,;:]+")
"""What of a word that is longer than a line may stand before a break."""


def width_of(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def ascii_of(text: str) -> str:
    """Return text as it can be shown where only ASCII can: an ellipsis as dots, all else written out, as `\\u65e5`."""
    return text if text.isascii() else text.replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")


def pad(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return text that takes exactly `width` columns: truncated, or filled up with blanks."""
    text = truncate(text, width, ellipsis=ellipsis, measure=width_of)
    return text + " " * (width - width_of(text))


def wrap(text: str, width: int, first: int | None = None) -> list[str]:
    """Return `text` in lines of at most `width` columns, the first of at most `first`.

    The indentation of `text` is kept by all its lines. Only a word that is longer than a line is broken, behind a
    slash or the like if it has any. If no word fits into the first line, that is empty.
    """
    words = text.lstrip(" ")
    indent = min(len(text) - len(words), width // 2)
    width = max(width - indent, _LEAST_WIDTH)
    limit = width if first is None else first - indent
    lines, line, taken = [], "", 0
    for chunk in re.findall(r" *[^ ]+", words):
        wide = width_of(chunk)
        if taken + wide <= limit:
            line += chunk
            taken += wide
            continue
        word = chunk.lstrip(" ")
        if line or limit < width:
            lines.append(line)
            limit = width
        *full, line = _pieces(word, width)
        lines += full
        taken = width_of(line)
    return [" " * indent + each if each else "" for each in (*lines, line)]


def paragraph(text: str, width: int | None, *, unicode: bool = True) -> list[str]:
    """Return prose in lines that are easily read; none if there is no text."""
    return wrap(text if unicode else ascii_of(text), min(width or PROSE, PROSE)) if text else []


def _pieces(word: str, width: int) -> list[str]:
    pieces = []
    while width_of(word) > width:
        most = max(fitting(word, width, width_of), 1)
        ends = [match.end() for match in _BREAKS.finditer(word, 0, most)]
        end = ends[-1] if ends and ends[-1] > most // 2 else most
        pieces.append(word[:end])
        word = word[end:]
    return [*pieces, word]


class Painter:
    """Paints text in the styles of rich (`bold red`), in the sixteen colours that every terminal has."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, style: str, text: str) -> str:
        """Return the text in that style."""
        if not (self._colour and style and text):
            return text
        before, after = _codes(style)
        return f"{before}{text}{after}"


@functools.cache
def _codes(style: str) -> tuple[str, str]:
    from rich.color import ColorSystem
    from rich.style import Style

    before, _, after = Style.parse(style).render("\0", color_system=ColorSystem.STANDARD).partition("\0")
    return before, after


class Cells:
    """A row of cells of a terminal, each with a style."""

    def __init__(self, count: int) -> None:
        self._texts = [" "] * count
        self._styles = [""] * count

    def __len__(self) -> int:
        return len(self._texts)

    def set(self, column: int, glyph: str, style: str = "") -> None:
        """Put one glyph into a cell."""
        self._texts[column], self._styles[column] = glyph, style

    def write(self, column: int, text: str, style: str = "") -> None:
        """Write text over the cells from `column` on; it must not be wider than they are."""
        for character in text:
            width = width_of(character)
            if width:
                self._texts[column : column + width] = [character, *[""] * (width - 1)]
                self._styles[column : column + width] = [style] * width
                column += width

    def is_free(self, column: int, width: int) -> bool:
        """Return whether nothing stands in these cells."""
        return column >= 0 and all(text == " " for text in self._texts[column : column + width])

    def painted(self, paint: Painter) -> str:
        """Return the row, without what is empty at its end."""
        used = next((at for at in range(len(self), 0, -1) if self._texts[at - 1] != " "), 0)
        parts = groupby(zip(self._texts[:used], self._styles[:used], strict=True), key=lambda cell: cell[1])
        return "".join(paint(style, "".join(text for text, _ in cells)) for style, cells in parts)
