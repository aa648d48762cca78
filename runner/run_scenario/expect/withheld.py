"""What an expectation compares and a log does not have: with --no-payloads, data is not recorded.

A condition on such a field neither holds nor does not, so that what is expected of it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.events.types import RESOURCE_FIELDS
from run_scenario.expect.matching import compile_matcher, lookup
from run_scenario.expect.observer import Observer
from run_scenario.expect.verdicts import Event, Finding
from run_scenario.recording.payloads import WITHHELD
from run_scenario.scenario.expectations import Condition, Expectation, Matcher

_NAMES = frozenset(("event", "process", *RESOURCE_FIELDS))
"""Fields that are no data: they are always recorded."""


class IfRecorded:
    """An observer whose finding counts only if all is recorded that its expectation compares."""

    def __init__(self, observer: Observer, expectation: Expectation) -> None:
        self._observer = observer
        intervals = [matcher for each in expectation.intervals for matcher in (each.start, each.end)]
        scopes = [matcher for matcher in (expectation.after, expectation.before) if matcher is not None]
        self._matchers = [
            (
                matcher.events,
                [c for c in matcher.conditions if c.field not in _NAMES and c.operator != "present"],
                matcher,
            )
            for matcher in (*expectation.matchers, *intervals, *scopes)
        ]
        self._same = expectation.same
        self._field = ""
        """A field that is not recorded and would have decided something."""
        self.names = observer.names
        self.see: Callable[[Event], None] = self._look if self._compares() else observer.see

    def _compares(self) -> bool:
        return bool(self._same) or any(conditions for _, conditions, _ in self._matchers)

    def _look(self, event: Event) -> None:
        self._observer.see(event)
        if not self._field:
            self._field = self._undecided(event)

    def _undecided(self, event: Event) -> str:
        """Return a field of an event that is not recorded, if it would match by all others; empty if there is none."""
        for events, conditions, matcher in self._matchers:
            if events is not None and event["event"] not in events:
                continue
            withheld = [condition for condition in conditions if _is_withheld(condition, event)]
            if withheld and compile_matcher(Matcher(tuple(c for c in matcher.conditions if c not in withheld)))(event):
                return withheld[0].field
        return next((field for field in self._same if _has_withheld(lookup(event, field))), "")

    def conclude(self, complete: bool, t: float) -> Finding:
        """Return what was found; that it is not known if something was compared that is not recorded."""
        if self._field:
            return Finding("inconclusive", f"{self._field!r} is not recorded (--no-payloads)")
        return self._observer.conclude(complete, t)


def _is_withheld(condition: Condition, event: Event) -> bool:
    return _has_withheld(lookup(event, condition.field.partition(".")[0]))


def _has_withheld(value: Any) -> bool:
    if isinstance(value, str):
        return WITHHELD in value
    if isinstance(value, Mapping):
        return any(map(_has_withheld, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_withheld, value))
