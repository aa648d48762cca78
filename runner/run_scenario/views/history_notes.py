"""What is remembered while a log is read into a `History`: who waits, who holds what, which items are on their way."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import Any

from run_scenario.views.history import RUNNER, Channel, Event, History, Holding, Lane, Resource, Tie, Wait

SHARED = {
    "lock": "lock",
    "semaphore": "semaphore",
    "event": "flag",
    "condition": "condition",
    "barrier": "barrier",
    "value": "value",
    "array": "array",
    "shared_memory": "memory",
    "manager": "object",
    "pool": "pool",
}
"""The events' first word -> the field that names the resource."""
KINDS = {"shared_memory": "shared memory", "manager": "managed object"}
_USES = frozenset(
    (
        *("lock.acquired", "semaphore.acquired", "barrier.passed"),
        *("event.set", "event.cleared", "event.is_set", "event.waited", "condition.notified", "condition.waited"),
        *("value.read", "value.written", "array.read", "array.written"),
        *("shared_memory.created", "shared_memory.attached", "manager.called", "pool.called", "pool.task_started"),
    )
)
"""The events that are a use each; the others tell how one went on, and a use has up to four of those."""


class Notes:
    """A history that is being written."""

    def __init__(self) -> None:
        self.history = History()
        self.open: dict[str, tuple[float, str, str]] = {}
        """Process -> since when it waits, in which call, on which resource."""
        self.on_the_way: dict[tuple[Any, ...], tuple[float, str, Any]] = {}
        self.held: dict[tuple[str, str], list[float]] = {}

    def end_of(self, name: str) -> float:
        lane = self.history.lanes.get(name)
        return lane.ended if lane is not None and lane.ended is not None else self.history.last

    def lane(self, name: str) -> Lane:
        lane = self.history.lanes.get(name)
        if lane is None:
            lane = self.history.lanes[name] = Lane(name)
        return lane

    def channel(self, name: str, kind: str) -> Channel:
        channel = self.history.channels.get(name)
        if channel is None:
            channel = self.history.channels[name] = Channel(name, kind)
        return channel

    def used(self, event: Event) -> None:
        """Note that a process has to do with a resource; and that it used it once more, if the event says that."""
        name, user, room = resource_of(event), name_of(event), room_of(event)
        resource = self.history.resources.get(name)
        if resource is None:
            resource = self.history.resources[name] = Resource(name, KINDS.get(room, room))
        if room == "condition" and resource.kind == "lock":  # who waits or notifies has acquired its lock before
            resource.kind, resource.users = room, Counter(dict.fromkeys(resource.users, 0))
        if user != RUNNER:
            of_its_lock = room == "lock" and resource.kind == "condition"
            resource.users[user] += event.get("event") in _USES and not of_its_lock

    # Locks and semaphores

    def never_released(self) -> list[Holding]:
        """Return what is held at the end of the log; the end of who holds it releases nothing.

        Only that somebody else has a lock says that it must have become free before.
        """
        taken: dict[str, list[float]] = {resource: [] for resource, _ in self.held}
        for each in self.history.holdings:
            if each.resource in taken:
                taken[each.resource].append(each.start)
        locks = {name for name, each in self.history.resources.items() if each.kind != "semaphore"}
        held = {key: starts[:1] if key[0] in locks else starts for key, starts in self.held.items()}
        for (resource, _), starts in held.items():
            taken[resource].extend(starts)
        for times in taken.values():
            times.sort()
        found = []
        for (resource, holder), starts in held.items():
            for start in starts:
                after = bisect_right(taken[resource], start)
                lost = resource in locks and after < len(taken[resource])
                end = taken[resource][after] if lost else self.history.last
                found.append(Holding(resource, holder, start, end, False))
        return found

    # Waits

    def begin_wait(self, name: str, t: float, call: str, resource: str) -> None:
        self.open[name] = (t, call, resource)

    def close_wait(self, name: str, t: float) -> None:
        opened = self.open.pop(name, None)
        if opened is not None and t > opened[0]:
            self.lane(name).waits.append(Wait(opened[0], t, opened[1], opened[2]))

    def end_wait(self, event: Event, name: str, t: float, call: str, resource: str) -> None:
        """Note a wait by what is told at its end; that it had begun may have been told, too."""
        waited = number(event.get("waited"))
        opened = self.open.pop(name, None)
        start = t - waited if opened is None else max(opened[0], t - waited) if waited else opened[0]
        if t > start:
            self.lane(name).waits.append(Wait(start, t, call, resource))

    def give(self, channel: Channel, name: str, t: float, key: tuple[Any, ...], item: Any) -> None:
        channel.put += 1
        channel.givers[name] += 1
        lane = self.lane(name)
        lane.put[channel.name] += 1
        lane.found_empty = ""
        self.on_the_way[key] = (t, name, item)
        self.changed(channel, t)

    def take_up(self, channel: Channel, name: str, t: float, key: tuple[Any, ...], item: Any) -> None:
        channel.got += 1
        channel.takers[name].take(item)
        lane = self.lane(name)
        lane.got[channel.name] += 1
        lane.found_empty = ""
        put = self.on_the_way.pop(key, None)
        if put is not None:
            way = t - put[0]
            channel.tied += 1
            channel.on_the_way += way
            channel.longest = max(channel.longest, way)
            self.history.ties.append(Tie(put[0], t, put[1], name, channel.name, put[2]))
        self.changed(channel, t)

    def changed(self, channel: Channel, t: float) -> None:
        """Note how long it is: who could put one more than it holds was let in by a get that is told only after it."""
        bounds = self.history.facts.get("maxsize")
        bound = bounds.get(channel.name) if isinstance(bounds, dict) and channel.kind == "queue" else None
        depth = max(0, channel.put - channel.got - channel.missing)
        depth = min(depth, bound) if isinstance(bound, int) and bound > 0 else depth
        channel.most = max(channel.most, depth)
        channel.depths.append((t, depth))


def name_of(event: Event) -> str:
    return str(event.get("process"))


def actor(event: Event) -> str:
    return str(event.get("by") or RUNNER)


def room_of(event: Event) -> str:
    return str(event.get("event")).partition(".")[0]


def deed_of(event: Event) -> str:
    return str(event.get("event")).partition(".")[2]


def resource_of(event: Event) -> str:
    room = room_of(event)
    return str(event.get(SHARED.get(room, room)))


def number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
