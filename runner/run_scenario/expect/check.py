"""`Check`: what came of asking a log; and what all can do that are asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from run_scenario.expect.verdicts import Event, Verdict

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
