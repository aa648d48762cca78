"""What comes of judging: passed, failed or inconclusive, with the events that show it.

`Check` is the verdict on a log that was asked: it is true if it holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from run_scenario.scenario.expectations import OPERATORS, Bounds, Expectation
from run_scenario.values import Value

Event = Mapping[str, Any]
Result = Literal["passed", "failed", "inconclusive"]

MOST_EVIDENCE = 5
"""Events that a finding shows at most."""

CUT_SHORT = "the run was cut short before it could be decided"


class Finding(Value):
    """What an observer has found."""

    result: Result
    reason: str
    """Why, in one sentence without a final stop."""
    evidence: tuple[Event, ...] = ()
    """The events that show it, in the order of the log."""
    is_empty: bool = False
    """Whether it says nothing about its subject, which never took part or came: the opposite does not hold either."""


class Verdict(Value):
    """What was found about an expectation."""

    expectation: Expectation
    result: Result
    reason: str
    evidence: tuple[Event, ...]


def passed(reason: str, *evidence: Event | None) -> Finding:
    """Return the finding that it holds."""
    return Finding("passed", reason, show(evidence))


def failed(reason: str, *evidence: Event | None) -> Finding:
    """Return the finding that it does not hold."""
    return Finding("failed", reason, show(evidence))


def unfulfilled(complete: bool, reason: str, *evidence: Event | None) -> Finding:
    """Return what it means that something has not come: it will not any more, or nobody knows."""
    return failed(reason, *evidence) if complete else Finding("inconclusive", f"{reason}; {CUT_SHORT}", show(evidence))


def missing(complete: bool, reason: str, *evidence: Event | None) -> Finding:
    """Return what it means that what was to be compared never came: it does not hold, and neither does the opposite."""
    return unfulfilled(complete, reason, *evidence).replace(is_empty=True)


def unbroken(complete: bool, reason: str, *evidence: Event | None) -> Finding:
    """Return what it means that something has not been violated: it holds, or nobody knows."""
    return passed(reason, *evidence) if complete else Finding("inconclusive", CUT_SHORT, show(evidence))


def met(complete: bool, bounds: Bounds, reason: str, *evidence: Event | None) -> Finding:
    """Return what it means that a number which only grows meets its bounds: it will go on to, or nobody knows."""
    more_is_fine = all(operator in ("at_least", "more_than") for operator, _ in bounds)
    return unbroken(complete or more_is_fine, reason, *evidence)


def undecided(reason: str, *evidence: Event | None) -> Finding:
    """Return the finding that the log does not say whether it holds."""
    return Finding("inconclusive", reason, show(evidence))


def show(events: Iterable[Event | None]) -> tuple[Event, ...]:
    """Return at most `MOST_EVIDENCE` events, each once, in the order of the log."""
    by_seq = {event.get("seq", 0): event for event in events if event is not None}
    return tuple(by_seq[seq] for seq in sorted(by_seq)[:MOST_EVIDENCE])


def fits(number: float, bounds: Bounds) -> bool:
    """Return whether a number meets all bounds."""
    return all(_COMPARE[operator](number, bound) for operator, bound in bounds)


def exceeds(number: float, bounds: Bounds) -> bool:
    """Return whether a number that only grows is above what the bounds allow, so that more will not mend it."""
    upper = ((op, bound) for op, bound in bounds if op in ("is", "less_than", "at_most"))
    return not fits(number, tuple(("at_most" if op == "is" else op, bound) for op, bound in upper))


def wanted(bounds: Bounds) -> str:
    """Return what a number has to be, in words: `at least 3 and at most 5`."""
    return " and ".join(f"{OPERATORS[operator] or 'exactly '}{bound:,g}" for operator, bound in bounds)


_COMPARE = {
    "is": lambda number, bound: number == bound,
    "less_than": lambda number, bound: number < bound,
    "at_most": lambda number, bound: number <= bound,
    "more_than": lambda number, bound: number > bound,
    "at_least": lambda number, bound: number >= bound,
}


# Asked of a log


_UNMET = {"failed": "not as expected", "inconclusive": "could not be judged"}
_SHOWN = frozenset(("level", "timestamp", "run", "scenario", "pid", "n", "event", "process", "seq", "t"))


class Check:
    """What came of asking a log: true if it holds. Its `repr` says why or why not, its `str` shows the events too."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def __bool__(self) -> bool:
        return self.verdict.result == "passed"

    @property
    def evidence(self) -> tuple[Event, ...]:
        """The events that show it."""
        return self.verdict.evidence

    @property
    def reason(self) -> str:
        """Why it holds or does not, in one sentence."""
        return self.verdict.reason

    def __repr__(self) -> str:
        because = self.verdict.expectation.because
        reminder = f" ({because})" if because and not self else ""
        return f"<{'as expected' if self else self.verdict.result}{reminder}: {self.reason}>"

    def __str__(self) -> str:
        """Return what was expected, why it holds or does not, and the events that show it, in several lines."""
        expectation = self.verdict.expectation
        because = [expectation.because] if expectation.because else []
        head = f"{'as expected' if self else _UNMET[self.verdict.result]}: {expectation.text}"
        return "\n    ".join([head, *because, self.reason, *(f"  {in_one_line(each)}" for each in self.evidence)])


class Checks(ABC):
    """A log that can be asked. The modules of `patterns` add a method for each of their patterns."""

    @abstractmethod
    def check(self, **written: Any) -> Check:
        """Judge any expectation, in the words of a scenario's `expect`."""


def in_one_line(each: Event) -> str:
    """Return an event in one line, with the fields that are its own."""
    more = ", ".join(f"{field} {value!r}" for field, value in each.items() if field not in _SHOWN)
    text = f"{each.get('seq')}: {each.get('t', 0.0):.3f} s {each.get('process')} {each.get('event')} {more}".rstrip()
    return text if len(text) <= 200 else text[:199] + "…"
