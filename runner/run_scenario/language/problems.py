"""Gathering problems: where in the text, in which words, and how many at most."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal, NamedTuple

from run_scenario.errors import Problem
from run_scenario.model import Location

MAX_PROBLEMS = 100
"""Most problems reported for one file; one more says how many were left out."""

MAX_QUOTE = 60
"""Most characters of a value that a message repeats."""
MAX_SENTENCE = 400
"""Most characters of what is wrong, and of the hint: a list of names in them may be as long as the file."""

_MAX_COMPARED = 60
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


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


class Problems:
    """All that is wrong with one text; ordered, without repetitions and bounded when it is handed out."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._lines = _LINE_BREAK.split(text)
        self._findings: dict[tuple[int, int, str], _Finding] = {}
        self._comparisons = 3_000
        self.has_errors = False

    def error(self, span: Span, what: str, hint: str = "") -> None:
        """Note something that makes the scenario invalid; `hint` says what to write instead."""
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

    def ordered(self) -> tuple[Problem, ...]:
        """Return the problems by position, at most `MAX_PROBLEMS` and one that counts the rest."""
        found = sorted(self._findings.values(), key=lambda f: (f.span.line, f.span.column, f.severity))
        if len(found) <= MAX_PROBLEMS:
            return tuple(self._problem(f) for f in found)
        # Errors decide; warnings must not crowd them out of the part that is shown.
        shown = ([f for f in found if f.severity == "error"] or found)[:MAX_PROBLEMS]
        after = next((f for f in found if f.span > shown[-1].span), shown[-1])
        what = f"there are {len(found) - len(shown)} more problems"
        rest = after._replace(what=what, hint="mend the ones above first")
        return tuple(self._problem(f) for f in (*shown, rest))

    def nearest(self, name: str, choices: Iterable[str]) -> str | None:
        """Return the one of `choices` that `name` was probably meant to be, or None."""
        # difflib costs 10 ms to import, and only mistakes need it. It is slow, and a hostile file has thousands of
        # mistakes: long names are not compared, and after some thousand comparisons no guess is made any more.
        if len(name) > _MAX_COMPARED:
            return None
        by_case = {c.casefold(): c for c in islice(choices, self._comparisons) if len(c) <= _MAX_COMPARED}
        self._comparisons -= len(by_case)
        if not by_case:
            return None
        from difflib import get_close_matches

        name = name.casefold()
        found = [choice for choice in get_close_matches(name, by_case, n=3, cutoff=0.6) if _is_slip(name, choice)]
        # Of those that are alike, one with the very same letters was meant: 'realy' is 'relay', not 'reply'.
        return by_case[min(found, key=lambda choice: sorted(choice) != sorted(name))] if found else None

    def did_you_mean(self, name: str, choices: Iterable[str], otherwise: str = "") -> str:
        """Return the hint "did you mean 'x'?" for the nearest of `choices`, else the hint `otherwise`."""
        found = self.nearest(name, choices)
        return f"did you mean {quote(found)}?" if found else otherwise

    def _add(self, finding: _Finding) -> None:
        self._findings.setdefault((finding.span.line, finding.span.column, finding.what), finding)

    def _problem(self, finding: _Finding) -> Problem:
        line = min(finding.span.line, len(self._lines))
        source = self._lines[line - 1]
        # The end of a file is past its last line; the caret then stands behind the last character.
        column = finding.span.column if line == finding.span.line else len(source) + 1
        column = max(1, min(column, len(source) + 1))
        width = max(1, min(finding.span.width, len(source) - column + 1))
        where = Location(self.file, line, column)
        return Problem(where, finding.what, finding.hint, source, width, finding.severity)


def _is_slip(name: str, choice: str) -> bool:
    """Return whether few slips of the pen lead from one to the other: one in three letters, or a part left out.

    difflib alone finds letters in common, and so 'spin' in 'print'.
    """
    if name in choice or choice in name:
        return True
    # Letters added, left out, exchanged or swapped: https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance,
    # the variant of optimal string alignment, with the last three rows of the table.
    before: list[int] = []
    last = list(range(len(choice) + 1))
    for i, a in enumerate(name):
        row = [i + 1]
        for j, b in enumerate(choice):
            slips = min(last[j + 1] + 1, row[j] + 1, last[j] + (a != b))
            if i and j and a == choice[j - 1] and name[i - 1] == b:
                slips = min(slips, before[j - 1] + 1)
            row.append(slips)
        before, last = last, row
    return last[-1] <= max(1, max(len(name), len(choice)) // 3)


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
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
