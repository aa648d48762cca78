"""Books that have to balance: conserved, fifo, exitcodes, distribution."""

from __future__ import annotations

from collections import Counter
from typing import Any

from run_scenario.expect.matching import Misses, compile_matcher
from run_scenario.expect.observer import Names, names_of
from run_scenario.expect.verdicts import Event, Finding, exceeds, failed, fits, passed, unbroken, unfulfilled, wanted
from run_scenario.expectations import Expectation


class Conserved:
    """All that was put on a queue was taken, or is still on it: nothing lost, doubled or invented."""

    names: Names = frozenset(("queue.put", "queue.get", "queue.item_dropped", "queue.items_lost", "queue.left_over"))

    def __init__(self, expectation: Expectation) -> None:
        self._queue = expectation.subject
        self._under_way: dict[Any, Event] = {}
        self._put = self._got = self._left = 0
        self._wrong: tuple[str, Event] | None = None
        self._first: dict[str, Event] = {}
        self._last: dict[str, Event] = {}

    def see(self, event: Event) -> None:
        if event.get("queue") != self._queue or self._wrong is not None:
            return
        deed = event["event"]
        self._first.setdefault(deed, event)
        self._last[deed] = event
        if deed == "queue.put":
            self._put += 1
            self._under_way[event["item_id"]] = event
        elif deed == "queue.get":
            self._got += 1
            if self._under_way.pop(event["item_id"], None) is None:
                self._wrong = f"item {event['item_id']} was got, but never put, or got before", event
        elif deed == "queue.item_dropped":
            self._wrong = f"an item was dropped: {event.get('error')}", event
        elif deed == "queue.items_lost":
            self._wrong = f"{event.get('count'):,} items were lost with their process", event
        elif deed == "queue.left_over":
            self._left = event.get("count") or 0

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._wrong is not None:
            reason, event = self._wrong
            return failed(f"queue '{self._queue}': {reason}", event)
        missing = len(self._under_way) - self._left
        if missing > 0:
            first = next(iter(self._under_way.values()))
            reason = f"queue '{self._queue}': of {self._put:,} items put, {missing:,} were neither got nor left over"
            return unfulfilled(complete, reason, first)
        reason = f"queue '{self._queue}': {self._put:,} put, {self._got:,} got, {self._left:,} left over"
        return unbroken(complete, reason, *self._first.values(), *self._last.values())


class Fifo:
    """Whoever takes from a queue gets the items of each producer in the order in which that producer put them.

    More is not promised: several producers race to the pipe, and several consumers record their gets a moment after
    they have got, in whatever order the system lets them.
    """

    names: Names = frozenset(("queue.put", "queue.get"))

    def __init__(self, expectation: Expectation) -> None:
        self._queue = expectation.subject
        self._under_way: dict[Any, Event] = {}
        self._latest: dict[tuple[str, str], Event] = {}
        """Producer, consumer -> the put of the item that the consumer got last from it."""
        self._wrong: tuple[Event, Event, Event] | None = None
        self._first: tuple[Event, ...] = ()
        self._last: tuple[Event, ...] = ()
        """The put and the get of the item that was got first, and of the one that was got last."""

    def see(self, event: Event) -> None:
        if event.get("queue") != self._queue or self._wrong is not None:
            return
        if event["event"] == "queue.put":
            self._under_way[event["item_id"]] = event
            return
        put = self._under_way.pop(event["item_id"], None)
        if put is None:
            return  # `conserved` says what that means
        line = put["process"], event["process"]
        before = self._latest.get(line)
        if before is not None and put["seq"] < before["seq"]:
            self._wrong = put, before, event
        self._latest[line] = put
        self._last = put, event
        self._first = self._first or self._last

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._wrong is not None:
            put, before, got = self._wrong
            who = f"{got['process']} got item {put['item_id']} of {put['process']} after item {before['item_id']}"
            return failed(f"queue '{self._queue}': {who}, which was put later", put, before, got)
        return unbroken(
            complete, f"queue '{self._queue}': each producer's items came in their order", *self._first, *self._last
        )


class ExitCodes:
    """Each process named ended with one of the exit codes that are right for it."""

    names: Names = frozenset(("process.exited",))

    def __init__(self, expectation: Expectation) -> None:
        self._codes = dict(expectation.codes)
        self._wrong: Event | None = None
        self._seen: dict[str, Event] = {}

    def see(self, event: Event) -> None:
        process = event["process"]
        if process in self._codes:
            self._seen[process] = event
            if event.get("exitcode") not in self._codes[process] and self._wrong is None:
                self._wrong = event

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._wrong is not None:
            name = self._wrong["process"]
            right = " or ".join(map(str, self._codes[name]))
            why = f": {self._wrong['reason']}" if self._wrong.get("reason") else ""
            return failed(f"{name} ended with exit code {self._wrong.get('exitcode')}, not {right}{why}", self._wrong)
        missing = [name for name in self._codes if name not in self._seen]
        if missing:
            return unfulfilled(complete, f"{missing[0]} has not ended")
        told = ", ".join(f"{name} {event.get('exitcode')}" for name, event in list(self._seen.items())[:5])
        return passed(f"exit codes: {told}", *self._seen.values())


class Distribution:
    """Each process has its share of the events that match."""

    def __init__(self, expectation: Expectation) -> None:
        (self._matcher,) = expectation.matchers
        self._each, self._workers, self._shares = expectation.bounds, expectation.workers, dict(expectation.shares)
        self.names = names_of(expectation.matchers)
        self._matches = compile_matcher(self._matcher)
        self._misses = Misses(self._matcher)
        self._counts: Counter[str] = Counter()
        self._last: dict[str, Event] = {}

    def see(self, event: Event) -> None:
        if self._matches(event):
            self._counts[event["process"]] += 1
            self._last[event["process"]] = event
        elif self.names is not None and event["event"] in self.names:
            self._misses.add(event)

    def conclude(self, complete: bool, t: float) -> Finding:
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(self._counts.items())[:8]) or "nobody any"
        counts = {name: self._counts[name] for name in self._shares} | dict(self._counts)
        for name, count in counts.items():
            bounds = (*self._each, *self._shares.get(name, ()))
            if not fits(count, bounds):
                reason = f"{name} has {count:,} times {self._matcher}, and it should be {wanted(bounds)} (all: {told})"
                return unfulfilled(complete or exceeds(count, bounds), reason, self._last.get(name))
        if not fits(len(self._counts), self._workers):
            many = len(self._counts)
            reason = f"{many:,} processes have a share, and it should be {wanted(self._workers)} ({told})"
            return unfulfilled(complete or exceeds(many, self._workers), reason, *self._last.values())
        if not self._counts and not self._shares:
            return unfulfilled(complete, f"there is no {self._matcher}{self._misses.told()}")
        return unbroken(complete, told, *self._last.values())
