"""A row of cells of a terminal, and text that is written over some of them."""

from __future__ import annotations

from itertools import groupby

from run_scenario.views.paint import Painter


def width_of(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def ascii_of(text: str) -> str:
    """Return text as it can be shown where only ASCII can: an ellipsis as dots, all else written out, as `\\u65e5`."""
    return text if text.isascii() else text.replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")


def fitting(text: str, width: int) -> int:
    """Return how many characters of a text find room in `width` columns."""
    if text.isascii():
        return min(width, len(text))
    taken = 0
    for count, character in enumerate(text):
        taken += width_of(character)
        if taken > width:
            return count
    return len(text)


def cut(text: str, width: int, *, unicode: bool = True) -> str:
    """Return text that takes `width` columns at most, with an ellipsis for what is cut off."""
    if width_of(text) <= width:
        return text
    width = max(width, 0)
    more = ("…" if unicode else "...")[:width]
    return text[: fitting(text, width - len(more))] + more


def fitted(text: str, width: int, *, unicode: bool = True) -> str:
    """Return text that takes exactly `width` columns: cut with an ellipsis, or filled up."""
    text = cut(text, width, unicode=unicode)
    return text + " " * (width - width_of(text))


def squeezed(text: str, width: int) -> str:
    """Return text that takes at most `width` columns; what is longer loses its middle: names differ at their ends."""
    if width_of(text) <= width:
        return text
    head, tail = width // 2, (width - 1) // 2
    end = text[len(text) - tail :]
    while width_of(end) > tail:
        end = end[1:]
    return fitted(text, head + 1).removesuffix("…").rstrip(" ") + "…" + end


class Cells:
    """Cells with a style each."""

    def __init__(self, count: int) -> None:
        self._texts = [" "] * count
        self._styles = [""] * count

    def __len__(self) -> int:
        return len(self._texts)

    def set(self, column: int, glyph: str, style: str = "") -> None:
        """Put one glyph into a cell."""
        self._texts[column], self._styles[column] = glyph, style

    def write(self, column: int, text: str, style: str = "") -> None:
        """Write text over the cells from `column` on; there must be room for it."""
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
