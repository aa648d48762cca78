"""Patterns about what happens, how often, and in which order: exists, absent, no_orphans, count, order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from run_scenario.counting import plural
from run_scenario.expect.matching import Misses, compile_matcher, times_of
from run_scenario.expect.observer import Context, names_of, pattern
from run_scenario.expect.verdicts import (
    Check,
    Checks,
    Event,
    Finding,
    exceeds,
    failed,
    fits,
    met,
    passed,
    unbroken,
    unfulfilled,
    wanted,
)
from run_scenario.scenario.expectation_data import Fields, event
from run_scenario.scenario.expectations import Expectation

if TYPE_CHECKING:
    from run_scenario.scenario.event_names import EventName

_SHOWN = 3


@pattern("exists")
class Exists:
    """There is an event that matches."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        (self._matcher,) = expectation.matchers
        self.names = names_of(expectation.matchers)
        self._matches = compile_matcher(self._matcher)
        self._misses = Misses(self._matcher)
        self._found: Event | None = None

    def see(self, event: Event) -> None:
        if self._found is None:
            if self._matches(event):
                self._found = event
            elif self.names is not None and event["event"] in self.names:
                self._misses.add(event)

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._found is not None:
            return passed(f"there is {self._matcher}", self._found)
        reason = f"there is no {self._matcher}{self._misses.description()}"
        return unfulfilled(complete, reason, self._misses.nearest())


@pattern("absent", "no_orphans")
class Absent:
    """There is no event that matches."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        (self._matcher,) = expectation.matchers
        self.names = names_of(expectation.matchers)
        self._matches = compile_matcher(self._matcher)
        self._found: Event | None = None

    def see(self, event: Event) -> None:
        if self._found is None and self._matches(event):
            self._found = event

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._found is not None:
            return failed(f"there is {self._matcher} (event {self._found.get('seq')})", self._found)
        return unbroken(complete, f"there is no {self._matcher}")


@pattern("count")
class Count:
    """So many events match."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        (self._matcher,) = expectation.matchers
        self._bounds = expectation.bounds
        self.names = names_of(expectation.matchers)
        self._matches = compile_matcher(self._matcher)
        self._misses = Misses(self._matcher)
        self._count = 0
        self._first: list[Event] = []
        self._last: Event | None = None

    def see(self, event: Event) -> None:
        if self._matches(event):
            self._count += times_of(event)
            if len(self._first) < _SHOWN:
                self._first.append(event)
            self._last = event
        elif self._count == 0 and self.names is not None and event["event"] in self.names:
            self._misses.add(event)

    def conclude(self, complete: bool, t: float) -> Finding:
        missed = self._misses.description() if self._count == 0 else ""
        reason = f"{plural(self._count, 'time')} {self._matcher}, and it should be {wanted(self._bounds)}{missed}"
        if exceeds(self._count, self._bounds):
            return failed(reason, *self._first, self._last)
        if not fits(self._count, self._bounds):
            nearest = self._misses.nearest() if self._count == 0 else None
            return unfulfilled(complete, reason, *self._first, self._last, nearest)
        return met(complete, self._bounds, f"{plural(self._count, 'time')} {self._matcher}", *self._first, self._last)


@pattern("order")
class Order:
    """Events that match come in this order, with others in between."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._matchers = expectation.matchers
        self.names = names_of(expectation.matchers)
        self._tests = [compile_matcher(matcher) for matcher in expectation.matchers]
        self._misses = [Misses(matcher) for matcher in expectation.matchers]
        self._found: list[Event] = []
        self._early: dict[int, Event] = {}
        """Number of a matcher -> the last event that matched it before its turn."""

    def see(self, event: Event) -> None:
        turn = len(self._found)
        if turn == len(self._tests):
            return
        if self._tests[turn](event):
            self._found.append(event)
            return
        for later in range(turn + 1, len(self._tests)):
            if self._tests[later](event):
                self._early[later] = event
        events = self._matchers[turn].events
        if events is not None and event["event"] in events:
            self._misses[turn].add(event)

    def conclude(self, complete: bool, t: float) -> Finding:
        turn = len(self._found)
        if turn == len(self._tests):
            return passed("they come in this order", *self._found)
        where = f" after event {self._found[-1].get('seq')}" if self._found else ""
        early = self._early.get(turn)
        hint = f"; there is one earlier: event {early.get('seq')}" if early else self._misses[turn].description()
        reason = f"number {turn + 1} of {len(self._tests)} is missing: there is no {self._matchers[turn]}{where}{hint}"
        return unfulfilled(complete, reason, *self._found[-2:], early or self._misses[turn].nearest())


class OccurrenceChecks(Checks):
    """These patterns, as methods of a log."""

    def exists(self, name: EventName | Fields, process: str | None = None, **fields: Any) -> Check:
        """There is such an event."""
        return self.check(exists=event(name, process, **fields))

    def absent(self, name: EventName | Fields, process: str | None = None, **fields: Any) -> Check:
        """There is no such event."""
        return self.check(absent=event(name, process, **fields))

    def no_orphans(self, **settings: Any) -> Check:
        """Nobody was left behind without a parent."""
        return self.check(no_orphans=True, **settings)

    def count(self, meant: Fields, **settings: Any) -> Check:
        """So many events are like this: `is_=3`, `at_least=1`. (To count them, take `len(log.of(…))`.)"""
        return self.check(count=meant, **settings)

    def order(self, *meant: Fields | list[Fields], **settings: Any) -> Check:
        """Events like these come in this order, with others in between; they may also come as one list."""
        first = meant[0] if len(meant) == 1 else None
        return self.check(order=first if isinstance(first, list) else list(meant), **settings)
