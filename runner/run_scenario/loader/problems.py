"""Gathers the problems of one text: where they are, in which words, and how many at most."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Literal, NamedTuple

from run_scenario.errors import Location, Problem
from run_scenario.loader.messages import quote, shorten
from run_scenario.suggestions import MAX_COMPARED, nearest

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
        what = f"there are {sum(f.times for f in found) - sum(f.times for f in shown)} more problems"
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
