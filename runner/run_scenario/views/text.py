"""Small words: what is unfit for a terminal made visible, numbers and values made short."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_SHOWN_ITEMS = 10
_SHOWN_CHARACTERS = 60
_LONGEST = 5_000
"""Characters of one text that are shown: room for the longest line of output that a log tells."""


def scrub(text: str) -> str:
    r"""Return `text` as one line that is safe on every terminal.

    Control characters, terminal escapes, bidirectional controls and lone surrogates become visible: `\x1b`, `\u202e`.
    A tab becomes spaces; what is longer than any line that is told is cut.
    """
    text = shorten(text, _LONGEST)
    if text.isprintable():
        return text
    expanded = text.expandtabs(4)
    return "".join(character if character.isprintable() else _escaped(character) for character in expanded)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\n\r":
        return {"\n": "\\n", "\r": "\\r"}[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value(item: Any, limit: int = _SHOWN_CHARACTERS) -> str:
    """Return an item as Python writes it, on one line of at most `limit` characters."""
    if isinstance(item, str):
        item = item[: limit + 1]
    elif isinstance(item, list | tuple) and len(item) > limit:
        item = item[:limit]
    return shorten(scrub(repr(item)), limit)


def values(items: Iterable[Any], total: int | None = None, shown: int = _SHOWN_ITEMS) -> str:
    """Return the first `shown` items, separated by commas, and how many more there are of `total`."""
    known = list(items)
    count = len(known) if total is None else total
    first = known[:shown]
    more = count - len(first)
    return ", ".join(value(item, 40) for item in first) + (f" and {more:,} more" if more > 0 else "")


def shorten(text: str, limit: int) -> str:
    """Return `text`, cut to `limit` characters with an ellipsis as the last."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def seconds(number: float | None) -> str:
    """Return a duration: `0.004 s`, `2.5 s`, `61 s`."""
    if number is None:
        return "an unknown time"
    if number >= 100:
        return f"{number:.0f} s"
    rounded = f"{number:.2f}" if number >= 0.1 else f"{number:.3f}"
    return f"{rounded.rstrip('0').rstrip('.')} s"


def number(value: float) -> str:
    """Return a number as a person would write it in code: `1`, not `1.0`."""
    return f"{value:g}" if abs(value) < 1e6 and float(f"{value:g}") == value else repr(value)


def plural(count: int, noun: str) -> str:
    """Return `1 item`, `2 items`, `2 processes`."""
    suffix = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{suffix}"
