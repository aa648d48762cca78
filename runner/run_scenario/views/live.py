"""The rows of the live table: what is known of each process and queue at this moment, from the events so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from run_scenario.views.cells import fitted, width_of
from run_scenario.views.sentences import Event, sentence
from run_scenario.views.text import plural, scrub, seconds

_MOST = 12
"""Processes, and queues, that have a row."""
_NAMES = (8, 20)
_INDENT = "  "
_CHANGES = {"queue.put": 1, "queue.get": -1, "queue.item_dropped": -1, "queue.items_lost": -1}


class Live:
    """Remembers the last event of each process that lives, and how much is in each queue."""

    def __init__(self) -> None:
        self._last: dict[str, Event] = {}
        self._queues: dict[str, list[int]] = {}
        """Queue -> items in it, items that were put."""
        self._most: Mapping[str, int] = {}
        """Queue -> how many it holds at most: a get that made room is told after the put that waited for it."""

    def add(self, events: Iterable[Event]) -> None:
        """Take the next events into account."""
        for event in events:
            kind, name = event.get("event"), str(event.get("process"))
            if kind == "scenario.started":
                self._most = event.get("maxsize") or {}
            elif kind == "process.exited":
                self._last.pop(name, None)
            elif kind == "process.started" or (name in self._last and "by" not in event):  # else another's deed
                self._last[name] = event
            if kind in _CHANGES:
                counts = self._queues.setdefault(str(event.get("queue")), [0, 0])
                counts[0] = max(0, counts[0] + _CHANGES[kind] * int(event.get("count", 1)))
                counts[1] += kind == "queue.put"

    def rows(
        self, elapsed: float, alive: Sequence[str], waits: Mapping[str, str], room: int = 2 * _MOST + 2
    ) -> list[str]:
        """Return at most `room` rows; none where a single process is all there is."""
        living = [name for name in alive if name in self._last]
        if len(living) < 2 and not self._queues:
            return []
        for_queues = min(len(self._queues), max(room // 2, room - len(living)))
        shown, more = _first(living, room - for_queues)
        queues, more_queues = _first(list(self._queues), for_queues)
        longest = max(width_of(scrub(name)) for name in (*shown, *queues, ""))
        width = min(max(longest, _NAMES[0]), _NAMES[1])
        rows = [f"{_INDENT}{fitted(scrub(name), width)}  {self._doing(name, elapsed, waits)}" for name in shown]
        rows += [f"{_INDENT}and {more:,} more"] if more else []
        for name in queues:
            counted, put = self._queues[name]
            depth = min(counted, self._most.get(name, counted))
            rows.append(f"{_INDENT}{fitted(scrub(name), width)}  {plural(depth, 'item')} in it, of {put:,} put")
        return rows + ([f"{_INDENT}and {plural(more_queues, 'more queue')}"] if more_queues else [])

    def _doing(self, name: str, elapsed: float, waits: Mapping[str, str]) -> str:
        if name in waits:
            return f"waits for {scrub(waits[name])}"
        event = self._last[name]
        t = event.get("t")
        ago = f" ({seconds(max(0.0, elapsed - t))} ago)" if isinstance(t, int | float) else ""
        return f"{sentence(event)}{ago}"


def _first(names: Sequence[str], room: int) -> tuple[Sequence[str], int]:
    """Return those that have a row each, and how many have not: these need one row together."""
    if len(names) <= min(room, _MOST):
        return names, 0
    count = max(0, min(room - 1, _MOST))
    return names[:count], len(names) - count
