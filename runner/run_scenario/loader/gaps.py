"""The gaps of an exercise: which part of its starter is the pupil's, and whether a hand-in has another part changed.

Files are compared line by line, as text, so that it works for YAML and Python alike. Comments and blank lines are
nobody's: whoever likes may add some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from run_scenario.errors import Problem
from run_scenario.loader.problems import Problems, Span, shorten
from run_scenario.values import Value

GAP = "???"
"""Stands for one value: what is put in its place may go on in lines that are indented deeper."""
BEGIN, END = "# begin gap", "# end gap"
"""Stand in lines of their own; all lines between them are the pupil's. More words may follow."""

_MOST_REPORTED = 10
"""Changes that are reported: who has more of them has another file."""
_MOST_AHEAD = 1_000
"""Lines of a hand-in in which one that was expected is looked for, where another stands."""
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_DASHES = re.compile(r" *(?:- +)*")
_HOW = f"write `{GAP}` where a value is missing, or `{BEGIN}` and `{END}` around lines"


class _Line(Value):
    number: int
    text: str
    """Without its comment, and without spaces at its end; of a mark, the mark alone."""
    indent: int

    @property
    def mark(self) -> str:
        """BEGIN or END; empty for a line that is no mark."""
        return self.text if self.text in (BEGIN, END) else ""

    @property
    def is_with_gap(self) -> bool:
        return GAP in self.text


def check_starter(text: str, file: str) -> tuple[Problem, ...]:
    """Return what is wrong with a starter's gaps: there is none, or a mark has no counterpart."""
    problems = Problems(file, text)
    lines = list(_lines(text))
    opened: _Line | None = None
    for line in lines:
        if line.mark == BEGIN and opened is not None:
            problems.error(_span(line), f"a gap begins here in the one that line {opened.number} begins", _HOW)
        elif line.mark == END and opened is None:
            problems.error(_span(line), "no gap begins before this end", f"write `{BEGIN}` before it")
        if line.mark:
            opened = line if line.mark == BEGIN else None
    if opened is not None:
        problems.error(_span(opened), "this gap has no end", f"write `{END}` below the pupil's lines")
    if not any(line.mark or line.is_with_gap for line in lines):
        problems.error(Span(1, 1), "this starter has no gap: there is nothing for a pupil to do", _HOW)
    return problems.ordered()


def check_filled(text: str, file: str) -> tuple[Problem, ...]:
    """Return the places of a hand-in that are still a gap."""
    problems = Problems(file, text)
    for line in _lines(text):
        if line.is_with_gap:
            span = Span(line.number, line.text.index(GAP) + 1, len(GAP))
            problems.error(span, "this gap is still open", f"put your answer in the place of `{GAP}`")
    return problems.ordered()


def check_unchanged(starter: str, text: str, file: str) -> tuple[Problem, ...]:
    """Return what a hand-in has changed of a starter beside its gaps, each at its line of the hand-in."""
    return _Comparison(starter, text, file).problems()


class _Comparison:
    """Goes through both files at once; where they differ, it looks which of them has lines more."""

    def __init__(self, starter: str, text: str, file: str) -> None:
        self._wanted, self._found = list(_lines(starter)), list(_lines(text))
        self._at_wanted = self._at_found = 0
        self._problems = Problems(file, text)
        self._reported = 0
        self._end = Span(len(_LINE_BREAK.split(text)), 1)

    def problems(self) -> tuple[Problem, ...]:
        """Return them, by position."""
        while self._at_wanted < len(self._wanted) and self._reported < _MOST_REPORTED:
            wanted = self._wanted[self._at_wanted]
            if self._at_found == len(self._found):
                self._report_missing(wanted)
            elif not self._fits(wanted, self._found[self._at_found]):
                self._differ(wanted, self._found[self._at_found])
            elif wanted.mark == BEGIN:
                self._pass_block(wanted)
            else:
                self._at_wanted, self._at_found = self._at_wanted + 1, self._at_found + 1
                if wanted.text.endswith(GAP):
                    self._pass_value(wanted)
        for line in self._found[self._at_found : self._at_found + _MOST_REPORTED - self._reported]:
            self._report_added(line)
            self._at_found += 1
        if self._at_found < len(self._found) and self._reported == _MOST_REPORTED:
            what = "there may be more changes from here on"
            hint = "if this is the file of another exercise, `run-scenario exercise new NAME` writes the right one"
            self._problems.error(_span(self._found[self._at_found]), what, hint)
        return self._problems.ordered()

    def _fits(self, wanted: _Line, found: _Line) -> bool:
        """Whether a line is what it was, but for what stands in the place of gaps."""
        first, *parts = wanted.text.split(GAP)
        if not parts:
            return wanted.text == found.text
        *parts, last = parts
        rest = found.text.removeprefix(first) if found.text.startswith(first) else None
        if rest is None or not rest.endswith(last):
            # `steps: ???` may become `steps:`, with what is wanted below it.
            return not last and found.text == first.rstrip()
        rest = rest.removesuffix(last)
        for part in parts:
            _, there, rest = rest.partition(part)
            if not there:
                return False
        return True

    def _pass_block(self, begin: _Line) -> None:
        """Go behind the end of a block in both files."""
        self._at_wanted = self._end_of_block(self._wanted, self._at_wanted)
        end = self._end_of_block(self._found, self._at_found)
        if end > len(self._found):
            found = self._found[self._at_found]
            what = f"the gap that begins here has no end any more: `{END}` is missing"
            self._report(_span(found), what, f"put a line `{END}` back below your part")
            self._at_wanted = len(self._wanted)  # what comes after it cannot be compared
        self._at_found = min(end, len(self._found))

    def _end_of_block(self, lines: list[_Line], begin: int) -> int:
        """Return the index after a block's end; if it has none, one more than there are lines."""
        return next((at + 1 for at in range(begin, len(lines)) if lines[at].mark == END), len(lines) + 1)

    def _pass_value(self, wanted: _Line) -> None:
        """Go behind the lines that belong to the value in a gap at the end of a line: those indented deeper."""
        before = wanted.text[: wanted.text.index(GAP)]
        dashes = _DASHES.match(before)
        assert dashes is not None
        is_item = dashes[0] == before
        column = before.rfind("-") if is_item and "-" in before else len(dashes[0])
        while self._at_found < len(self._found):
            line = self._found[self._at_found]
            # A list may stand below its key without being indented.
            is_listed = not is_item and line.indent == column and line.text.lstrip().startswith("-")
            if line.indent <= column and not is_listed:
                return
            self._at_found += 1

    def _differ(self, wanted: _Line, found: _Line) -> None:
        """Report lines that differ, and go on behind them: behind one, or behind what one file has more."""
        ahead = slice(self._at_found + 1, self._at_found + _MOST_AHEAD)
        if any(self._fits(wanted, later) for later in self._found[ahead]):
            self._report_added(found)
            self._at_found += 1
        elif any(self._fits(later, found) for later in self._wanted[self._at_wanted + 1 :]):
            self._report_missing(wanted)
        elif wanted.mark:
            self._report_missing(wanted)
            self._at_wanted = self._end_of_block(self._wanted, self._at_wanted)
            self._at_found = min(self._end_of_block(self._found, self._at_found), len(self._found))
        else:
            what = "this line was changed, and is no gap"
            self._report(_span(found), what, _put_back(wanted))
            self._at_wanted, self._at_found = self._at_wanted + 1, self._at_found + 1

    def _report_missing(self, wanted: _Line) -> None:
        found = self._found[self._at_found :]
        span = _span(found[0]) if found else self._end
        what = f"a line of the exercise is missing {'before this one' if found else 'at the end'}"
        self._report(span, what, _put_back(wanted))
        self._at_wanted += 1

    def _report_added(self, found: _Line) -> None:
        what = "this line was added, and is in no gap"
        self._report(_span(found), what, "take it out: only what is in a gap is yours")

    def _report(self, span: Span, what: str, hint: str) -> None:
        self._problems.error(span, what, hint)
        self._reported += 1


def _span(line: _Line) -> Span:
    return Span(line.number, line.indent + 1, max(1, len(line.text.strip())))


def _put_back(line: _Line) -> str:
    return f"put it back: `{shorten(line.text.strip(), 200)}`"


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines that are more than a comment, and the marks."""
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        comment = line.strip()
        mark = next((each for each in (BEGIN, END) if re.match(rf"{each}\b", comment)), None)
        found = mark or _without_comment(line).rstrip()
        if found:
            yield _Line(number, found, len(line) - len(line.lstrip(" ")))


def _without_comment(line: str) -> str:
    """Return a line without what follows a `#`, unless that stands in quotes, or behind a word."""
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and not line[at - 1 : at].isalnum():  # no apostrophe
            quote = character
        elif character == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at]
    return line
