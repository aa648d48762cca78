"""A problem as a person reads it, safe for any terminal.

daemon.yaml:7:5: error: unknown key 'tragte' in a process
    7 |     tragte: sleep
      |     ^^^^^^
   did you mean 'target'?
"""

from __future__ import annotations

from run_scenario.errors import Problem

MAX_COLUMNS = 120
"""Most terminal columns of the source line that are shown."""

_TAB = "    "
_CONTEXT = 40
"""Columns shown before the caret where a line is cut."""


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
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _excerpt(source: str, start: int, width: int) -> tuple[str, str]:
    """Return the part of the line around the characters from `start` on, and the carets that stand under them."""
    # No character is narrower than nothing and the shown part is bounded, so that only this much can matter.
    first = max(0, start - MAX_COLUMNS)
    last = start + 2 * MAX_COLUMNS
    before = [_cell(character) for character in source[first:start]]
    marked = [_cell(character) for character in source[start : min(start + width, last)]]
    after = [_cell(character) for character in source[start + width : last]]
    cut_left = first > 0 or _columns(before) + min(_columns(marked), _CONTEXT) > MAX_COLUMNS - 2
    while cut_left and _columns(before) > _CONTEXT:
        before.pop(0)
    room = MAX_COLUMNS - 2 - _columns(before)
    cut_right = start + width + len(after) < len(source) or _columns(marked) + _columns(after) > room
    while _columns(marked) > room:
        marked.pop()
        after = []
    while _columns(marked) + _columns(after) > room:
        after.pop()
    left, right = "…" if cut_left else "", "…" if cut_right else ""
    text = "".join(cell for cell, _ in (*before, *marked, *after))
    indent = " " * (len(left) + _columns(before))
    return f"{left}{text}{right}", f"{indent}{'^' * max(1, _columns(marked))}"


def _cell(character: str) -> tuple[str, int]:
    """Return what is shown for a character, and how many columns it takes."""
    if character == "\t":
        return _TAB, len(_TAB)
    shown = _escaped(character)
    if shown != character:
        return shown, len(shown)
    if character.isascii():
        return shown, 1
    import unicodedata  # half a millisecond that only some messages need

    if unicodedata.combining(character):
        return shown, 0
    return shown, 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _columns(cells: list[tuple[str, int]]) -> int:
    return sum(width for _, width in cells)
