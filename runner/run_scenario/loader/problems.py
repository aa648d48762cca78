"""Gathers the problems of one text: where they are, in which words, and how many at most.

A problem as a person reads it, safe for any terminal:

    daemon.yaml:7:5: error: unknown key 'tragte' in a process
        7 |     tragte: sleep
          |     ^^^^^^
       did you mean 'target'?
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal, NamedTuple

from run_scenario.counting import plural
from run_scenario.errors import Location, Problem
from run_scenario.suggestions import MAX_COMPARED, nearest

# Words


MAX_QUOTE = 60
"""Most characters of a value that a message repeats."""
MAX_COLUMNS = 120
"""Most terminal columns of the source line that are shown."""

_TAB = "    "
_CONTEXT = 40
"""Columns shown before the caret where a line is cut."""

_INDENT = "   "
"""What a hint begins with."""
_EXCERPT = re.compile(r" *[0-9]* \| ")
"""What the line of a file begins with, and the one with the caret below it."""

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
        lines.append(f"{_INDENT}{escape(problem.hint)}")
    return "\n".join(lines)


def on_single_lines(text: str) -> list[str]:
    """Return what `format_problem` has made of problems, each on one line: without the excerpt, the hint at its end."""
    found: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        if _EXCERPT.match(line):
            continue
        if found and line.startswith(_INDENT):
            found[-1] += f"; {line.strip()}"
        else:
            found.append(line)
    return found


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


# Problems


MAX_PROBLEMS = 100
"""Most problems reported for one file; one more gives the number of those left out."""

MAX_SENTENCE = 400
"""Most characters of what is wrong, and of the hint: a list of names in them may be as long as the file."""

MAX_ALIKE = 3
"""Most problems of one kind that are told; one more counts the others."""

_MOST_LINES = 20
"""Most lines that are listed for those."""
_NAMES_AND_NUMBERS = re.compile(r"'[^']*'|\([*&][^)]*\)|[0-9]+")

_MAX_COMPARISONS = 3_000
"""Names that are compared for "did you mean": comparing is slow, and a hostile file has thousands of mistakes."""
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"[0-9]+")


class Span(NamedTuple):
    """A stretch of one line: line and column count from 1, width is in characters and at least 1."""

    line: int
    column: int
    width: int = 1


class _Finding(NamedTuple):
    span: Span
    what: str
    hint: str
    severity: Literal["error", "warning"]
    times: int = 1
    """How many findings of one kind it stands for."""

    @property
    def kind(self) -> tuple[str, ...]:
        """What those have in common that are the same mistake: all but names and numbers."""
        return self.severity, _NAMES_AND_NUMBERS.sub("", self.what), self.hint


class Problems:
    """All that is wrong with one text; `ordered()` gives it in order, what is repeated shortened, and bounded."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._lines = _LINE_BREAK.split(text)
        self._findings: dict[tuple[int, int, str], _Finding] = {}
        """By place and words: of replicas that all have the same problem, it is reported once."""
        self._comparisons = _MAX_COMPARISONS
        self.has_errors = False

    def error(self, span: Span, what: str, hint: str = "") -> None:
        """Note something that makes the scenario invalid; `hint` is what to write instead."""
        self.has_errors = True
        self._add(_Finding(span, shorten(what, MAX_SENTENCE), shorten(hint, MAX_SENTENCE), "error"))

    def warn(self, span: Span, what: str, hint: str = "") -> None:
        """Note something odd that can be run all the same."""
        self._add(_Finding(span, shorten(what, MAX_SENTENCE), shorten(hint, MAX_SENTENCE), "warning"))

    def location(self, span: Span) -> Location:
        """Return the place in the file that `span` stands for."""
        return Location(self.file, span.line, span.column)

    def text_at(self, span: Span) -> str:
        """Return the text that `span` covers."""
        line = self._lines[span.line - 1] if span.line <= len(self._lines) else ""
        return line[span.column - 1 : span.column - 1 + span.width]

    def within(self, span: Span, text: str, offset: int, width: int) -> Span:
        """Return the place of a part of a scalar's text; where that cannot be seen, as behind escapes, of all of it."""
        start = self.text_at(span).find(text)
        return span if start < 0 else span._replace(column=span.column + start + offset, width=max(1, width))

    def name_within(self, span: Span, text: str, name: str) -> Span:
        """Return the place at which an expression in a scalar's text has a name."""
        offset = text.find(f"${name}")
        return self.within(span, text, max(0, text.find(name)) if offset < 0 else offset + 1, len(name))

    def ordered(self) -> tuple[Problem, ...]:
        """Return the problems by position, at most `MAX_PROBLEMS` and one that counts the rest.

        Of one kind, the first three are there, and one that counts the others.
        """
        found = _without_repetition(
            sorted(self._findings.values(), key=lambda f: (f.span.line, f.span.column, f.severity))
        )
        if len(found) <= MAX_PROBLEMS:
            return tuple(self._problem(f) for f in found)
        # Errors decide; warnings must not crowd them out of the part that is shown.
        shown = ([f for f in found if f.severity == "error"] or found)[:MAX_PROBLEMS]
        after = next((f for f in found if f.span > shown[-1].span), shown[-1])
        what = f"and {plural(sum(f.times for f in found) - sum(f.times for f in shown), 'more problem')}"
        rest = after._replace(what=what, hint="fix the ones above first")
        return tuple(self._problem(f) for f in (*shown, rest))

    def nearest(self, name: str, choices: Iterable[str]) -> str | None:
        """Return the one of `choices` that `name` was probably meant to be, or None."""
        compared = list(islice(choices, self._comparisons)) if len(name) <= MAX_COMPARED else []
        self._comparisons -= len(compared)
        return nearest(name, compared)

    def did_you_mean(self, name: str, choices: Iterable[str], otherwise: str = "") -> str:
        """Return the hint "did you mean 'x'?" for the nearest of `choices`, else the hint `otherwise`."""
        found = self.nearest(name, choices)
        return f"did you mean {quote(found)}?" if found else otherwise

    def _add(self, finding: _Finding) -> None:
        words = _NUMBER.sub("", finding.what)
        self._findings.setdefault((finding.span.line, finding.span.column, words), finding)

    def _problem(self, finding: _Finding) -> Problem:
        line = min(finding.span.line, len(self._lines))
        source = self._lines[line - 1]
        # The end of a file is past its last line; the caret then stands behind the last character.
        column = finding.span.column if line == finding.span.line else len(source) + 1
        column = max(1, min(column, len(source) + 1))
        width = max(1, min(finding.span.width, len(source) - column + 1))
        where = Location(self.file, line, column)
        return Problem(where, finding.what, finding.hint, source, width, finding.severity)


def _without_repetition(found: list[_Finding]) -> list[_Finding]:
    """Return the findings, but of many of one kind the first ones and one that counts the others."""
    kinds: dict[tuple[str, ...], list[_Finding]] = {}
    for finding in found:
        kinds.setdefault(finding.kind, []).append(finding)
    kept: list[_Finding] = []
    for alike in kinds.values():
        if len(alike) <= MAX_ALIKE + 1:  # to count a single one would take as many lines
            kept += alike
            continue
        first, others = alike[MAX_ALIKE], alike[MAX_ALIKE:]
        lines = list(dict.fromkeys(str(finding.span.line) for finding in others))
        more = ", …" if len(lines) > _MOST_LINES else ""
        where = f"on line{'s' if len(lines) > 1 else ''} {', '.join(lines[:_MOST_LINES])}{more}"
        what = shorten(f"{len(others)} more like the last: {first.what}", MAX_SENTENCE)
        kept += [*alike[:MAX_ALIKE], first._replace(what=what, hint=where, times=len(others))]
    return sorted(kept, key=lambda f: (f.span.line, f.span.column, f.severity))
