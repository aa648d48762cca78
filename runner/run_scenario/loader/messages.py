"""The words of messages, and a problem as a person reads it, safe for any terminal.

daemon.yaml:7:5: error: unknown key 'tragte' in a process
    7 |     tragte: sleep
      |     ^^^^^^
   did you mean 'target'?
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Any

from run_scenario.errors import Problem

MAX_QUOTE = 60
"""Most characters of a value that a message repeats."""
MAX_COLUMNS = 120
"""Most terminal columns of the source line that are shown."""

_TAB = "    "
_CONTEXT = 40
"""Columns shown before the caret where a line is cut."""

_Cell = tuple[str, int]
"""What is shown for a character, and how many columns it takes."""


def shorten(text: str, limit: int = MAX_QUOTE) -> str:
    """Return `text`, cut to `limit` characters with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def quote(text: str) -> str:
    """Return `text` in single quotes, shortened; control characters are escaped where it is printed."""
    return f"'{shorten(text)}'"


def describe(value: Any) -> str:
    """Return what a value from a file is, in the words of a message: "the text 'soon'", "a list"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {quote(value)}"
    if isinstance(value, int | float):
        return f"the number {shorten(repr(value), 30)}"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return "a mapping"


def either(names: Iterable[str], word: str = "or") -> str:
    """Return names as prose: "'a', 'b' or 'c'"; more than eight are cut."""
    quoted = [quote(name) for name in islice(names, 9)]
    if len(quoted) > 8:
        return ", ".join(quoted[:8]) + ", …"
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"


def there_are(names: Iterable[str]) -> str:
    """Return which names there are, as a sentence: "there are 'a' and 'b'"."""
    known = list(names)
    return f"there {'is only' if len(known) == 1 else 'are'} {either(known, 'and')}"


def format_problem(problem: Problem) -> str:
    """Return the problem as lines of plain text, without a final line break."""
    where = problem.where
    head = f"{escape(where.file)}:{where.line}:{where.column}: {problem.severity}: {escape(problem.what)}"
    lines = [head]
    if problem.source.strip():
        shown, caret = _excerpt(problem.source, where.column - 1, problem.width)
        number = f"{where.line:>5}"
        lines += [f"{number} | {shown}", f"{' ' * len(number)} | {caret}"]
    if problem.hint:
        lines.append(f"   {escape(problem.hint)}")
    return "\n".join(lines)


def escape(text: str) -> str:
    """Return `text` with everything that could steer a terminal, or cannot be seen, written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    # Not printable: control and format characters (terminal escapes, bidi controls), odd spaces, lone surrogates.
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _excerpt(source: str, start: int, width: int) -> tuple[str, str]:
    """Return the part of the line around the characters from `start` on, and the carets that stand under them."""
    # No character is narrower than nothing and the shown part is bounded, so that only this much can matter.
    first = max(0, start - MAX_COLUMNS)
    last = start + 2 * MAX_COLUMNS
    before = [_cell(character) for character in source[first:start]]
    marked = [_cell(character) for character in source[start : min(start + width, last)]]
    after = [_cell(character) for character in source[start + width : last]]
    cut_left = first > 0 or _columns(before) + min(_columns(marked), _CONTEXT) > MAX_COLUMNS - 2
    if cut_left:
        before = _leading(before[::-1], _CONTEXT)[::-1]
    available = MAX_COLUMNS - 2 - _columns(before)
    cut_right = start + width + len(after) < len(source) or _columns(marked) + _columns(after) > available
    if _columns(marked) > available:
        marked, after = _leading(marked, available), []
    after = _leading(after, available - _columns(marked))
    left, right = "…" if cut_left else "", "…" if cut_right else ""
    text = "".join(cell for cell, _ in (*before, *marked, *after))
    indent = " " * (len(left) + _columns(before))
    return f"{left}{text}{right}", f"{indent}{'^' * max(1, _columns(marked))}"


def _leading(cells: list[_Cell], columns: int) -> list[_Cell]:
    """Return as many of the cells, from the first on, as fit into so many columns."""
    taken = 0
    for position, (_, width) in enumerate(cells):
        taken += width
        if taken > columns:
            return cells[:position]
    return cells


def _cell(character: str) -> _Cell:
    """Return what is shown for a character, and how many columns it takes."""
    if character == "\t":
        return _TAB, len(_TAB)
    shown = _escaped(character)
    if shown != character:
        return shown, len(shown)
    if character.isascii():
        return shown, 1
    if unicodedata.combining(character):
        return shown, 0
    return shown, 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _columns(cells: list[_Cell]) -> int:
    return sum([width for _, width in cells])


def counting(count: int) -> str:
    """Return how a loop goes over so many numbers, or simply so often."""
    from_0, from_1 = f"`in: ${{range({count})}}` for 0 to {count - 1}", f"`in: ${{range(1, {count + 1})}}` from 1 on"
    return f"write {from_0}, {from_1}; or `repeat: {count}`, without a name"
