"""What a timeline shows at a certain scale, in text and as a picture alike.

History ─▶ Scale                  where a moment is
   ├────▶ message_flows()         who put how many where, and who got them
   ├────▶ hold_rows()             who held a lock, in rows
   ├────▶ left_over()             which items nobody took
   └────▶ stuck_at_the_end()      who waited for what when nothing moved any more
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from run_scenario.counting import plural
from run_scenario.events.history.history import History
from run_scenario.events.history.lane import State
from run_scenario.events.history.resources import Channel, LockHold, Message
from run_scenario.report.text import sanitize, value, values
from run_scenario.report.waits import doing
from run_scenario.values import Value

_STEPS = (1.0, 2.0, 5.0, 10.0)
_LEAST_SPAN = 1e-6
_MOST_FLOWS = 35
"""Flows of messages beyond which all that goes one way is one."""
_MOST_ROWS = 4
"""Rows of one lock or semaphore."""

MEANINGS: dict[State, str] = {
    "starting": "being started",
    "running": "running",
    "computing": "computing",
    "competing": "computing, or waiting for a processor",
    "sleeping": "asleep, or without a processor",
    "waiting": "waiting",
    "ending": "its target is over",
}
"""What a process does, in words."""


class Scale(Value):
    """Maps the seconds from `first` to `last` to 0 to `width`."""

    first: float
    last: float
    width: float

    def place(self, t: float) -> float:
        """Return where `t` is; what is outside is put on the nearest edge."""
        return min(max(self.unbounded(t), 0.0), self.width)

    def column(self, t: float) -> int:
        """Return the number of the column that `t` falls into, where the width is one of columns."""
        return min(int(self.place(t)), int(self.width) - 1)

    @property
    def span(self) -> float:
        """Return the seconds shown; never zero."""
        return max(self.last - self.first, _LEAST_SPAN)

    def unbounded(self, t: float) -> float:
        """Return where `t` is, or would be if there were more to be seen on either side."""
        return (t - self.first) / self.span * self.width

    def shows(self, start: float, end: float) -> bool:
        """Return whether any of this time is shown."""
        return end >= self.first and start <= self.last

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return at most `most` round moments, at equal distances, and how they are written."""
        wanted = self.span / max(most, 1)
        magnitude = 10.0 ** math.floor(math.log10(wanted))
        step = next(magnitude * factor for factor in _STEPS if magnitude * factor >= wanted * (1 - 1e-9))
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        number = math.ceil(self.first / step - 1e-9)
        found = []
        while number * step <= self.last + step * 1e-9:
            found.append((number * step, f"{number * step:.{decimals}f}"))
            number += 1
        return found


def scale_for(last: float, width: float, first: float | None = None, until: float | None = None) -> Scale:
    """Return the scale of a run whose last event is at `last`, or of the part of it that is asked for."""
    begin = 0.0 if first is None else first
    end = last if until is None else until
    return Scale(begin, end if end > begin else begin + max(last - begin, _LEAST_SPAN), width)


class MessageFlow(Value):
    """Items that one process put and another got, through the same queue; times in seconds."""

    producer: str
    consumer: str
    channel: str
    count: int
    put: tuple[float, float]
    """When the first and the last of them was put."""
    got: tuple[float, float]
    item: object
    """The first of them."""

    def sentence(self) -> str:
        """Return who put what where, and who got it when."""
        what = value(self.item, 30) if self.count == 1 else plural(self.count, "item")
        put, got = (_range(*times) for times in (self.put, self.got))
        text = f"{self.producer} put {what} on {self.channel} at {put}, {self.consumer} got "
        return f"{sanitize(text)}{'it' if self.count == 1 else 'them'} at {got}"


def _range(first: float, last: float) -> str:
    one, other = f"{first:.3f}", f"{last:.3f}"
    return f"{one} s" if one == other else f"{one} to {other} s"


def message_flows(messages: Iterable[Message], scale: Scale) -> list[MessageFlow]:
    """Return the flows of messages in a picture of this scale, in the order of their first puts.

    Messages that cannot be distinguished in it are one flow; where there are very many, all that goes one way is.
    """
    groups: dict[tuple[object, ...], _Group] = {}
    for message in messages:
        if scale.shows(message.put, message.got):
            way = message.producer, message.consumer, message.channel
            key = way, scale.column(message.put), scale.column(message.got)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(way, message)
            group.add(1, message.put, message.put, message.got, message.got)
    if len(groups) > _MOST_FLOWS:
        ways: dict[tuple[object, ...], _Group] = {}
        for group in groups.values():
            known = ways.setdefault(group.way, group)
            if known is not group:
                known.add(group.count, *group.put, *group.got)
        groups = ways
    return sorted((group.flow() for group in groups.values()), key=lambda flow: (flow.put, flow.got))


class _Group:
    """Messages that are one flow, of which not each is kept."""

    def __init__(self, way: tuple[str, str, str], first: Message) -> None:
        self.way = way
        self.count = 0
        self.put = first.put, first.put
        self.got = first.got, first.got
        self._item = first.item

    def add(self, count: int, first_put: float, last_put: float, first_got: float, last_got: float) -> None:
        """Add so many messages that were put and got between these times."""
        self.count += count
        self.put = min(self.put[0], first_put), max(self.put[1], last_put)
        self.got = min(self.got[0], first_got), max(self.got[1], last_got)

    def flow(self) -> MessageFlow:
        return MessageFlow(*self.way, self.count, self.put, self.got, self._item)


class HoldRows(Value):
    """What is shown of who held a lock or a semaphore."""

    rows: tuple[tuple[LockHold, ...], ...]
    """No two of a row at once; there is always one row."""
    left_out: int
    """How many are not in any row, as there were as many others at once."""

    def note(self, resource: str) -> list[str]:
        """Return a sentence about what is left out, if anything is."""
        if not self.left_out:
            return []
        total = self.left_out + sum(map(len, self.rows))
        what = f"not drawn: {self.left_out:,} of {plural(total, 'time')}"
        return [f"{resource}: more than {_MOST_ROWS} held it at once; {what}"]


def hold_rows(holds: Iterable[LockHold], scale: Scale) -> HoldRows:
    """Return what is shown at this scale of who held a lock or a semaphore; `holds` are in order of time."""
    rows: list[list[LockHold]] = [[]]
    left_out = 0
    for hold in holds:
        if not scale.shows(hold.start, hold.end):
            continue
        free = next((row for row in rows if not row or row[-1].end <= hold.start), None)
        if free is None and len(rows) == _MOST_ROWS:
            left_out += 1
            continue
        if free is None:
            free = []
            rows.append(free)
        free.append(hold)
    return HoldRows(tuple(map(tuple, rows)), left_out)


def stuck_at_the_end(history: History) -> list[str]:
    """Return what each process waited for when nothing moved any more."""
    return [f"{each.process} {doing(each.state, each.waiting_for)}" for each in history.stuck]


def left_over(history: History) -> list[str]:
    """Return a sentence for each queue and pipe that did not run dry, or lost something."""
    return [_left(channel) for channel in history.channels.values() if channel.remaining or channel.missing]


def _left(channel: Channel[Any]) -> str:
    lost = f", {plural(channel.missing, 'item')} lost on the way" if channel.missing else ""
    if not channel.remaining:
        return sanitize(f"{channel.name}: {channel.put:,} put, {channel.got:,} got{lost}")
    shown = f": {values(channel.items_left, channel.remaining, 5)}" if channel.items_left else ""
    return sanitize(f"{channel.name}: {plural(channel.remaining, 'item')} left of {channel.put:,} put{lost}{shown}")
