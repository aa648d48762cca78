"""What happens, how often, and in which order: exists, absent, count, order."""

from __future__ import annotations

from run_scenario.expect.matching import Misses, compile_matcher
from run_scenario.expect.observer import names_of
from run_scenario.expect.verdicts import Event, Finding, exceeds, failed, fits, passed, unbroken, unfulfilled, wanted
from run_scenario.expectations import Expectation

_SHOWN = 3


class Exists:
    """There is an event that matches."""

    def __init__(self, expectation: Expectation) -> None:
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
        reason = f"there is no {self._matcher}{self._misses.told()}"
        return unfulfilled(complete, reason, self._misses.nearest())


class Absent:
    """There is no event that matches."""

    def __init__(self, expectation: Expectation) -> None:
        (self._matcher,) = expectation.matchers
        self.names = names_of(expectation.matchers)
        self._matches = compile_matcher(self._matcher)
        self._found: Event | None = None

    def see(self, event: Event) -> None:
        if self._found is None and self._matches(event):
            self._found = event

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._found is not None:
            return failed(f"there is {self._matcher} in line {self._found.get('seq')}", self._found)
        return unbroken(complete, f"there is no {self._matcher}")


class Count:
    """So many events match."""

    def __init__(self, expectation: Expectation) -> None:
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
            self._count += 1
            if self._count <= _SHOWN:
                self._first.append(event)
            self._last = event
        elif self._count == 0 and self.names is not None and event["event"] in self.names:
            self._misses.add(event)

    def conclude(self, complete: bool, t: float) -> Finding:
        missed = self._misses.told() if self._count == 0 else ""
        reason = f"{self._count:,} times {self._matcher}, and it should be {wanted(self._bounds)}{missed}"
        if exceeds(self._count, self._bounds):
            return failed(reason, *self._first, self._last)
        if not fits(self._count, self._bounds):
            nearest = self._misses.nearest() if self._count == 0 else None
            return unfulfilled(complete, reason, *self._first, self._last, nearest)
        happened = f"{self._count:,} times {self._matcher}"
        more_is_fine = all(op in ("at_least", "more_than") for op, _ in self._bounds)
        found = [*self._first, self._last]
        return passed(happened, *found) if more_is_fine else unbroken(complete, happened, *found)


class Order:
    """Events that match come in this order, with others in between."""

    def __init__(self, expectation: Expectation) -> None:
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
        where = f" after line {self._found[-1].get('seq')}" if self._found else ""
        early = self._early.get(turn)
        hint = f"; there is one earlier, in line {early.get('seq')}" if early else self._misses[turn].told()
        reason = f"number {turn + 1} of {len(self._tests)} is missing: there is no {self._matchers[turn]}{where}{hint}"
        return unfulfilled(complete, reason, *self._found[-2:], early or self._misses[turn].nearest())
