"""Patterns about intervals of time: overlap, mutual_exclusion, concurrency, duration."""

from __future__ import annotations

from collections import Counter
from typing import Any

from run_scenario.counting import plural
from run_scenario.expect.matching import compile_matcher
from run_scenario.expect.observer import Context, names_of, pattern
from run_scenario.expect.verdicts import (
    MOST_EVIDENCE,
    Check,
    Checks,
    Event,
    Finding,
    exceeds,
    failed,
    fits,
    met,
    missing,
    passed,
    unbroken,
    undecided,
    unfulfilled,
    wanted,
)
from run_scenario.scenario.expectation_data import Fields
from run_scenario.scenario.expectations import Expectation, Interval


class _Track:
    """The intervals of one kind that are open: of each process, the event that began it."""

    def __init__(self, interval: Interval) -> None:
        self.name = interval.name
        self._starts, self._ends = compile_matcher(interval.start), compile_matcher(interval.end)
        self.open: dict[str, Event] = {}

    def see(self, event: Event) -> tuple[Event | None, Event | None]:
        """Return the event that began the interval which this one ends, and this event if it begins one."""
        process = event["process"]
        ended = self.open.pop(process, None) if process in self.open and self._ends(event) else None
        if process not in self.open and self._starts(event):
            self.open[process] = event
            return ended, event
        return ended, None


class _Holds:
    """What is held of a lock or a semaphore: by each process, the event with which it has acquired it first.

    A process may acquire it several times, and has it until the last release. Another one may release it in its place.
    """

    def __init__(self, interval: Interval) -> None:
        self._starts, self._ends = compile_matcher(interval.start), compile_matcher(interval.end)
        self._times: Counter[str] = Counter()
        self.open: dict[str, Event] = {}
        self.by_another: Event | None = None
        """A release by a process that had not acquired it."""

    def see(self, event: Event) -> tuple[Event | None, Event | None]:
        """Return the event that began the hold which this one ends, and this event if it begins one."""
        process = event["process"]
        if self._starts(event):
            self._times[process] += 1
            began = self.open.setdefault(process, event)
            return None, began if began is event else None
        if not self._ends(event):
            return None, None
        if event["event"].endswith(".abandoned"):  # with all that its process had of it
            del self._times[process]
            return self.open.pop(process, None), None
        owner = event.get("owner", process)
        if owner != process and self.by_another is None:
            self.by_another = event
        self._times[owner] -= 1
        return (None if self._times[owner] > 0 else self.open.pop(owner, None)), None


def _track(interval: Interval) -> _Track | _Holds:
    return _Holds(interval) if interval.is_held else _Track(interval)


@pattern("overlap")
class Overlap:
    """Two intervals were open at the same time, for longer than a moment."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        first, second = expectation.intervals
        self._tracks = _Track(first), _Track(second)
        self.names = names_of(m for i in expectation.intervals for m in (i.start, i.end))
        self._found: tuple[Event, Event] | None = None
        self._seen: list[Event | None] = [None, None]
        """The last event that began one of each kind."""

    def see(self, event: Event) -> None:
        if self._found is not None:
            return
        before = [dict(track.open) for track in self._tracks]
        for number, track in enumerate(self._tracks):
            ended, began = track.see(event)
            self._seen[number] = began or self._seen[number]
            if ended is not None:
                for other in before[1 - number].values():
                    if other is not ended and event["t"] > max(ended["t"], other["t"]):
                        self._found = ended, other

    def conclude(self, complete: bool, t: float) -> Finding:
        first, second = (track.name for track in self._tracks)
        if self._found is None:  # some may still be open
            pairs = ((a, b) for a in self._tracks[0].open.values() for b in self._tracks[1].open.values())
            self._found = next(((a, b) for a, b in pairs if a is not b and t > max(a["t"], b["t"])), None)
        if self._found is not None:
            return passed(f"{first} and {second} were under way at the same time", *self._found)
        absent = [name for name, seen in zip((first, second), self._seen, strict=True) if seen is None]
        if absent:
            return missing(complete, f"{' and '.join(absent)} did not happen at all", *self._seen)
        return unfulfilled(complete, f"{first} and {second} were never under way at the same time", *self._seen)


@pattern("mutual_exclusion")
class MutualExclusion:
    """Of the intervals of all processes, never two were open at the same time."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        (self._interval,) = expectation.intervals
        self._track = _track(self._interval)
        self.names = names_of((self._interval.start, self._interval.end))
        self._found: tuple[Event, Event] | None = None
        self._count = 0

    def see(self, event: Event) -> None:
        if self._found is not None:
            return
        others = {process: start for process, start in self._track.open.items() if process != event["process"]}
        _, began = self._track.see(event)
        if began is not None:
            self._count += 1
            if others:
                self._found = next(iter(others.values())), began

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._found is not None:
            first, second = self._found
            names = f"{first['process']} and {second['process']}"
            return failed(f"{names} were in {self._interval.name} at the same time", first, second)
        if not self._count:
            return Finding("inconclusive", f"{_absence(self._interval)}: there is nothing to judge")
        return unbroken(complete, f"{self._interval.name}: {plural(self._count, 'time')}, never two at the same time")


@pattern("concurrency")
class Concurrency:
    """At one time at the most, the intervals of so many processes were open."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        (self._interval,) = expectation.intervals
        self._bounds = expectation.bounds
        self._track = _track(self._interval)
        self.names = names_of((self._interval.start, self._interval.end))
        self._most: tuple[Event, ...] = ()
        """The events that began the intervals of the first time at which the most were open."""

    def see(self, event: Event) -> None:
        self._track.see(event)
        if len(self._track.open) > len(self._most):
            self._most = tuple(self._track.open.values())

    def conclude(self, complete: bool, t: float) -> Finding:
        if not self._most:
            return Finding("inconclusive", f"{_absence(self._interval)}: there is nothing to judge")
        most = len(self._most)
        found = f"{self._interval.name}: at the most {most:,} at the same time"
        reason = f"{found}, and it should be {wanted(self._bounds)}"
        last = self._most[-MOST_EVIDENCE:]
        signal = self._track.by_another if isinstance(self._track, _Holds) else None
        if signal is not None:
            by = f"{signal['process']} has released it without having acquired it"
            return undecided(f"{self._interval.name} signals: {by}, so nobody knows who holds it", signal)
        if exceeds(most, self._bounds):
            return failed(reason, *last)
        if not fits(most, self._bounds):
            return unfulfilled(complete, reason, *last)
        return met(complete, self._bounds, found, *last)


@pattern("duration")
class Duration:
    """Each interval took as long as it should."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        (interval,) = expectation.intervals
        self._interval, self._name, self._bounds = interval, interval.name, expectation.bounds
        self._track = _Track(interval)
        self.names = names_of((interval.start, interval.end))
        self._wrong: tuple[float, Event, Event] | None = None
        self._right: tuple[float, Event, Event] | None = None
        self._count = 0

    def see(self, event: Event) -> None:
        start, _ = self._track.see(event)
        if start is None or self._wrong is not None:
            return
        self._count += 1
        took = event["t"] - start["t"]
        if fits(took, self._bounds):
            self._right = took, start, event
        else:
            self._wrong = took, start, event

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._wrong is not None:
            took, start, end = self._wrong
            return failed(f"{self._name} took {took:.3f} s, and it should be {wanted(self._bounds)} s", start, end)
        for start in self._track.open.values():
            if exceeds(t - start["t"], self._bounds):
                reason = f"{self._name} went on for {t - start['t']:.3f} s, and it should be {wanted(self._bounds)} s"
                return failed(reason, start)
        if self._track.open:
            start = next(iter(self._track.open.values()))
            return unfulfilled(complete, f"{self._name} has not come to its end", start)
        if self._right is None:
            return missing(complete, _absence(self._interval))
        took, start, end = self._right
        times = "" if self._count == 1 else f" the last of {plural(self._count, 'time')}"
        return unbroken(complete, f"{self._name} took {took:.3f} s{times}", start, end)


def _absence(interval: Interval) -> str:
    return f"nobody ever had {interval.name}" if interval.is_held else f"{interval.name} did not happen at all"


class IntervalChecks(Checks):
    """These patterns, as methods of a log."""

    def overlap(self, first: str | Fields, second: str | Fields, **settings: Any) -> Check:
        """Two processes, or intervals `{"from": …, "to": …}`, were under way at the same time."""
        return self.check(overlap=[first, second], **settings)

    def mutual_exclusion(self, of: str | Fields, **settings: Any) -> Check:
        """Never two processes held this lock, or were in this interval, at the same time."""
        return self.check(mutual_exclusion=of, **settings)

    def concurrency(self, of: str | Fields, **settings: Any) -> Check:
        """At one time at the most, so many processes held this semaphore, or were in this interval: `at_most=3`."""
        return self.check(concurrency=of, **settings)

    def duration(self, of: str | Fields = "run", **settings: Any) -> Check:
        """The run, a process or an interval took so long: `at_most=2.5`."""
        return self.check(duration=of, **settings)
