"""Colours for text that is put together here: escape sequences where they are wanted, otherwise the text as it is."""

from __future__ import annotations

import functools


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
