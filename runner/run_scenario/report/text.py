"""Texts, values and numbers as a person is shown them: on one line, safe on every terminal, and not too long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from run_scenario.scenario.data import in_words

_SHOWN_ITEMS = 10
_SHOWN_CHARACTERS = 60
_LONGEST = 5_000
"""Characters of one text that are shown: enough for the longest line of output that a log has."""


def sanitize(text: str) -> str:
    r"""Return `text` as one line that is safe on every terminal.

    Control characters, terminal escapes, bidirectional controls and lone surrogates become visible: `\x1b`, `\u202e`.
    A tab becomes spaces; what is longer than any line of a log is truncated.
    """
    text = truncate(text, _LONGEST)
    if text.isprintable():
        return text
    expanded = text.expandtabs(4)
    return "".join(character if character.isprintable() else _escaped(character) for character in expanded)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\n\r":
        return {"\n": "\\n", "\r": "\\r"}[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value(item: Any, limit: int = _SHOWN_CHARACTERS) -> str:
    """Return an item as Python writes it, on one line of at most `limit` characters."""
    if isinstance(item, str):
        item = item[: limit + 1]
    elif isinstance(item, list | tuple) and len(item) > limit:
        item = item[:limit]
    return truncate(sanitize(in_words(item) if isinstance(item, list | dict) else repr(item)), limit)


def values(items: Iterable[Any], total: int | None = None, shown: int = _SHOWN_ITEMS) -> str:
    """Return the first `shown` items, separated by commas, and how many more there are of `total`."""
    known = list(items)
    count = len(known) if total is None else total
    first = known[:shown]
    more = count - len(first)
    return ", ".join(value(item, 40) for item in first) + (f" and {more:,} more" if more > 0 else "")


def truncate(
    text: str,
    width: int,
    *,
    ellipsis: str = "…",
    lost: Literal["end", "middle"] = "end",
    measure: Callable[[str], int] = len,
) -> str:
    """Return `text`, at most `width` wide, with an ellipsis for what is lost of it.

    `measure` returns how wide a text is: its characters, or the columns that it takes. Names that differ at their
    ends should lose their middle.
    """
    if measure(text) <= width:
        return text
    width = max(width, 0)
    more = ellipsis[:width]
    if lost == "end":
        return text[: fitting(text, width - measure(more), measure)] + more
    tail = text[len(text) - (width - 1) // 2 :] if width > 2 else ""
    while measure(tail) > (width - 1) // 2:
        tail = tail[1:]
    return text[: fitting(text, width // 2, measure)].rstrip(" ") + more + tail


def fitting(text: str, width: int, measure: Callable[[str], int] = len) -> int:
    """Return how many characters of a text fit into `width`."""
    if measure is len or text.isascii():
        return min(width, len(text))
    taken = 0
    for count, character in enumerate(text):
        taken += measure(character)
        if taken > width:
            return count
    return len(text)


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
