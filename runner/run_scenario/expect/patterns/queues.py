"""Patterns about a queue: conserved, fifo."""

from __future__ import annotations

from typing import Any

from run_scenario.counting import plural
from run_scenario.events.history.resources import Channel
from run_scenario.expect.observer import Context, Names, pattern
from run_scenario.expect.verdicts import Check, Checks, Event, Finding, failed, unbroken, unfulfilled
from run_scenario.scenario.expectations import Expectation


@pattern("conserved")
class Conservation:
    """All that was put on a queue was taken, or is still on it: nothing lost, doubled or invented."""

    names: Names = frozenset(
        ("queue.put", "queue.get", "queue.get_failed", "queue.item_dropped", "queue.items_lost", "queue.left_over")
    )

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._queue: Channel[Event] = Channel(expectation.subject)
        self._wrong: tuple[str, Event] | None = None
        self._first: dict[str, Event] = {}
        self._last: dict[str, Event] = {}

    def see(self, event: Event) -> None:
        queue, name = self._queue, event["event"]
        if event.get("queue") != queue.name or self._wrong is not None:
            return
        self._first.setdefault(name, event)
        self._last[name] = event
        if name == "queue.put":
            queue.add_put(event["item_id"], event)
        elif name == "queue.get":
            if queue.add_get(event["item_id"]) is None:
                self._wrong = f"item {event['item_id']} was got, but never put, or got before", event
        elif name == "queue.item_dropped":
            self._wrong = f"an item was dropped: {event.get('error')}", event
        elif name == "queue.get_failed":
            self._wrong = f"an item was taken and lost, for it cannot be unpickled: {event.get('error')}", event
        elif name == "queue.items_lost":
            self._wrong = (
                f"{plural(event.get('count', 0), 'item', 'was')} lost: the process that put them ended too early",
                event,
            )
        elif name == "queue.left_over":
            queue.left = event.get("count")

    def conclude(self, complete: bool, t: float) -> Finding:
        queue = self._queue
        if self._wrong is not None:
            reason, event = self._wrong
            return failed(f"queue '{queue.name}': {reason}", event)
        left = queue.left or 0
        missing = len(queue.on_the_way) - left
        if missing > 0:
            first = next(iter(queue.on_the_way.values()))
            of_all = f"of {queue.put:,} put, {plural(missing, 'item', 'was')} neither got nor left over"
            reason = f"queue '{queue.name}': {of_all}"
            return unfulfilled(complete, reason, first)
        reason = f"queue '{queue.name}': {queue.put:,} put, {queue.got:,} got, {left:,} left over"
        return unbroken(complete, reason, *self._first.values(), *self._last.values())


@pattern("fifo")
class Fifo:
    """Whoever takes from a queue gets the items of each producer in the order in which that producer put them.

    More is not promised: several producers race to the pipe, and several consumers record their gets a moment after
    they have got, in whatever order the system lets them.
    """

    names: Names = frozenset(("queue.put", "queue.get"))

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._queue: Channel[Event] = Channel(expectation.subject)
        self._latest: dict[tuple[str, str], Event] = {}
        """Producer, consumer -> the put of the item that the consumer got last from it."""
        self._wrong: tuple[Event, Event, Event] | None = None
        self._first: tuple[Event, ...] = ()
        self._last: tuple[Event, ...] = ()
        """The put and the get of the item that was got first, and of the one that was got last."""

    def see(self, event: Event) -> None:
        queue = self._queue
        if event.get("queue") != queue.name or self._wrong is not None:
            return
        if event["event"] == "queue.put":
            queue.add_put(event["item_id"], event)
            return
        put = queue.add_get(event["item_id"])
        if put is None:
            return  # that is for `conserved` to judge
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
            return failed(f"queue '{self._queue.name}': {who}, which was put later", put, before, got)
        return unbroken(
            complete,
            f"queue '{self._queue.name}': each producer's items came in their order",
            *self._first,
            *self._last,
        )


class QueueChecks(Checks):
    """These patterns, as methods of a log."""

    def conserved(self, queue: str, **settings: Any) -> Check:
        """All that was put on the queue was got or left over."""
        return self.check(conserved=queue, **settings)

    def fifo(self, queue: str, **settings: Any) -> Check:
        """Whoever gets from the queue gets each producer's items in their order."""
        return self.check(fifo=queue, **settings)
