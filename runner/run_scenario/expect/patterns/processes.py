"""Patterns about what each process did: exitcodes, distribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from run_scenario.counting import plural
from run_scenario.expect.matching import Misses, compile_matcher, times_of
from run_scenario.expect.observer import Context, Names, names_of, pattern
from run_scenario.expect.verdicts import (
    Check,
    Checks,
    Event,
    Finding,
    exceeds,
    failed,
    fits,
    missing,
    passed,
    unbroken,
    unfulfilled,
    wanted,
)
from run_scenario.scenario.expectation_data import Fields
from run_scenario.scenario.expectations import Expectation


@pattern("exitcodes")
class ExitCodes:
    """Each process named ended with one of the exit codes that are right for it; one started again, in the end."""

    names: Names = frozenset(("process.started", "process.exited", "process.restarting"))

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._codes = dict(expectation.codes)
        self._started: set[str] = set()
        self._seen: dict[str, Event] = {}
        self._wrong: dict[str, Event] = {}

    def see(self, event: Event) -> None:
        process = event["process"]
        if event["event"] == "process.started":
            self._started.add(process)
        elif event["event"] == "process.restarting":
            self._seen.pop(process, None)
            self._wrong.pop(process, None)
        elif event["event"] == "process.exited" and process in self._codes:
            self._seen[process] = event
            if event.get("exitcode") not in self._codes[process]:
                self._wrong.setdefault(process, event)

    def conclude(self, complete: bool, t: float) -> Finding:
        for name, end in self._wrong.items():
            right = " or ".join(map(str, self._codes[name]))
            why = f": {end['reason']}" if end.get("reason") else ""
            return failed(f"{name} ended with exit code {end.get('exitcode')}, not {right}{why}", end)
        running = [name for name in self._codes if name not in self._seen]
        if running:
            started = running[0] in self._started
            why = f"{running[0]} has not ended" if started else f"no process {running[0]!r} has started"
            return unfulfilled(complete, why)
        codes = ", ".join(f"{name} {event.get('exitcode')}" for name, event in list(self._seen.items())[:5])
        return passed(f"exit codes: {codes}", *self._seen.values())


@pattern("distribution")
class Distribution:
    """Each process has its share of the events that match."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        (self._matcher,) = expectation.matchers
        self._each, self._workers, self._shares = expectation.bounds, expectation.workers, dict(expectation.shares)
        self.names = names_of(expectation.matchers)
        self._matches = compile_matcher(self._matcher)
        self._misses = Misses(self._matcher)
        self._counts: Counter[str] = Counter()
        self._last: dict[str, Event] = {}

    def see(self, event: Event) -> None:
        if self._matches(event):
            self._counts[event["process"]] += times_of(event)
            self._last[event["process"]] = event
        elif self.names is not None and event["event"] in self.names:
            self._misses.add(event)

    def conclude(self, complete: bool, t: float) -> Finding:
        found = ", ".join(f"{name} {count:,}" for name, count in sorted(self._counts.items())[:8]) or "nobody any"
        counts = {name: self._counts[name] for name in self._shares} | dict(self._counts)
        for name, count in counts.items():
            bounds = (*self._each, *self._shares.get(name, ()))
            if not fits(count, bounds):
                many_times = f"{plural(count, 'time')} {self._matcher}"
                reason = f"{name} has {many_times}, and it should be {wanted(bounds)} (all: {found})"
                return unfulfilled(complete or exceeds(count, bounds), reason, self._last.get(name))
        if not self._counts and not self._shares:
            return missing(complete, f"there is no {self._matcher}{self._misses.description()}")
        if not fits(len(self._counts), self._workers):
            many = len(self._counts)
            reason = f"{plural(many, 'process', 'has')} a share, and it should be {wanted(self._workers)} ({found})"
            return unfulfilled(complete or exceeds(many, self._workers), reason, *self._last.values())
        return unbroken(complete, found, *self._last.values())


class ProcessChecks(Checks):
    """These patterns, as methods of a log."""

    def exitcodes(self, codes: Mapping[str, int | Sequence[int]], **settings: Any) -> Check:
        """Each of these processes ended with this exit code."""
        return self.check(exitcodes=codes, **settings)

    def distribution(self, meant: Fields, **settings: Any) -> Check:
        """Each process has so many events like this: `at_least=1`, `of={"Worker-1": 3}`, `workers=2`."""
        return self.check(distribution=meant, **settings)
