"""The report of a deadlock as a graph: who waits for what, who has it, and who left before the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from run_scenario.counting import plural
from run_scenario.events.history.history import History
from run_scenario.events.history.lane import Lane
from run_scenario.events.history.resources import Channel
from run_scenario.events.types import StuckProcess
from run_scenario.report.summary import lane_exit, left_empty_queue
from run_scenario.report.text import seconds, values
from run_scenario.report.waits import doing

Json = dict[str, Any]

_MOST = 40
"""Boxes of those that wait; of a thousand that are not alike, the first are enough."""
_ALIKE = 3
"""Replicas that wait for the same, from which on they have one box together."""
_TITLE = 24
"""Characters of a title that the page shows."""
_NUMBERED = re.compile(r"(.+?)(\d+)")
_MOST_GONE = 8
"""Processes that left, of those that are drawn for one resource."""


_Box = list[StuckProcess]
"""Those that wait and are drawn together: one, or some that are alike."""


class _Edge(NamedTuple):
    start: str
    end: str
    label: str
    tone: str = "stuck"


class _Graph:
    def __init__(self, history: History) -> None:
        self.history = history
        self.nodes: dict[str, Json] = {}
        self.edges: list[_Edge] = []
        self.together: dict[str, str] = {}
        """Process -> key of the node that it has together with others."""

    def node(self, key: str, kind: str, title: str, lines: list[str], tone: str) -> str:
        self.nodes.setdefault(key, {"type": kind, "title": title, "lines": lines, "tone": tone})
        return key

    def waiters(self, box: _Box) -> str:
        if len(box) == 1:
            return self.process(box[0].process)
        key = f"processes {box[0].process}"
        self.together.update((each.process, key) for each in box)
        return self.node(key, "process", _range(box), [plural(len(box), "process"), _doing(box[0])], "stuck")

    def process(self, name: str) -> str:
        if name in self.together:
            return self.together[name]
        lane = self.history.lanes.get(name) or Lane(name)
        stuck = next((each for each in self.history.stuck if each.process == name), None)
        if lane.ended is not None and stuck is None:
            return self.node(f"process {name}", "process", name, _left(lane), "left")
        return self.node(f"process {name}", "process", name, [_doing(stuck)] if stuck else [], "stuck" if stuck else "")

    def resource(self, name: str) -> str:
        channels = [channel for channel in self.history.channels.values() if _is(channel, name)]
        if channels:
            kind = channels[0].kind
            lines = [line for channel in channels for line in _balance(channel, name)]
        else:
            kind, lines = self._unused(name)
        return self.node(f"resource {name}", kind.replace(" ", "-"), f"{kind} {name}", lines, "")

    def _unused(self, name: str) -> tuple[str, list[str]]:
        """Return the kind of something that nothing went through, and lines about it."""
        known = self.history.resources.get(name)
        if known is not None:
            return known.kind, []
        queues = [] if self.history.stall is None else self.history.stall.queues
        if any(queue.queue == name for queue in queues):
            return "queue", ["nothing was put"]
        return "resource", []

    def connect(self, start: str, end: str, label: str, tone: str = "stuck") -> None:
        edge = _Edge(start, end, label, tone)
        if edge not in self.edges:
            self.edges.append(edge)

    def to_json(self) -> Json:
        places = {key: place for place, key in enumerate(self.nodes)}
        edges = [
            {"from": places[edge.start], "to": places[edge.end], "label": edge.label, "tone": edge.tone}
            for edge in self.edges
        ]
        return {"nodes": list(self.nodes.values()), "edges": edges}


def waits(history: History) -> Json | None:
    """Return the graph of who waits for what when nothing moved any more; None if something always moved.

    `left_out` is how many of the processes that wait are not drawn.
    """
    if history.stall is None or not history.stuck:
        return None
    graph = _Graph(history)
    boxes = _boxes(history)
    shown = boxes[:_MOST]
    starts = [graph.waiters(box) for box in shown]
    for start, (stuck, *others) in zip(starts, shown, strict=True):
        if stuck.on_process:
            graph.connect(start, graph.process(stuck.on_process), "wait for its end" if others else "waits for its end")
        elif stuck.resource:
            graph.connect(start, graph.resource(stuck.resource), "wait for" if others else "waits for")
    for resource in dict.fromkeys(box[0].resource for box in shown if box[0].resource):
        for name, label, tone in _who_could_help(history, resource):
            graph.connect(graph.resource(resource), graph.process(name), label, tone)
    return {**graph.to_json(), "left_out": sum(map(len, boxes[_MOST:]))}


def _boxes(history: History) -> list[_Box]:
    """Return those that wait, replicas that wait for the same together; not who is waited for, or has what is."""
    wanted = {each.on_process for each in history.stuck}
    resources = {each.resource for each in history.stuck}
    wanted |= {each.holder for each in history.lock_holds if each.resource in resources}
    groups: dict[tuple[str | None, ...], _Box] = {}
    for each in history.stuck:
        numbered = _NUMBERED.fullmatch(each.process)
        alone = numbered is None or each.process in wanted
        series = "" if numbered is None else numbered[1]
        target = history.lanes[each.process].target if each.process in history.lanes else ""
        key = (
            (each.process,)
            if alone
            else (series, target, each.state, each.operation, each.end, each.resource, each.on_process)
        )
        groups.setdefault(key, []).append(each)
    boxes: list[_Box] = []
    for box in groups.values():
        boxes += [box] if len(box) >= _ALIKE else [[each] for each in box]
    return boxes


def _doing(stuck: StuckProcess) -> str:
    return doing(stuck.state, stuck.waiting_for)


def _range(box: _Box) -> str:
    """Return the names of replicas as one: `C-2 … C-60`; where that is too long, `ForkPoolWorker-2 … 60`."""
    numbers = {each.process: int(number[2]) for each in box if (number := _NUMBERED.fullmatch(each.process))}
    first, last = min(numbers, key=numbers.__getitem__), max(numbers, key=numbers.__getitem__)
    whole = f"{first} … {last}"
    return whole if len(whole) <= _TITLE else f"{first} … {numbers[last]}"


def _who_could_help(history: History, resource: str) -> Iterator[tuple[str, str, str]]:
    """Yield each process that has the resource, or could have done what is waited for: its name, why, and a tone."""
    held = {each.holder for each in history.lock_holds if each.resource == resource and _held_then(history, each.end)}
    gone = sorted(name for name in held if _over(history, name))
    yield from ((name, "is held by", "stuck") for name in sorted(held.difference(gone)))
    yield from ((name, "never released by", "stuck") for name in gone[:_MOST_GONE])
    waiting = [each for each in history.stuck if each.resource == resource]
    others = _gone(history, resource, waiting) if not held else []
    yield from others[:_MOST_GONE]


def _held_then(history: History, end: float) -> bool:
    return history.stall is not None and end >= history.stall.t


def _gone(history: History, resource: str, waiting: list[StuckProcess]) -> list[tuple[str, str, str]]:
    """Return who used what is waited for, and does not wait for it: a name, a role, a tone."""
    channels = [channel for channel in history.channels.values() if _is(channel, resource)]
    asked = {each.process for each in waiting}
    found: list[tuple[str, str, str]] = []
    for channel in channels:
        for name in dict.fromkeys((*channel.consumers, *channel.producers)):
            lane = history.lanes.get(name)
            if name in asked or lane is None or name in {each[0] for each in found}:
                continue
            role = "is taken from by" if name in channel.consumers else "is filled by"
            found.append((name, role, "left" if _over(history, name) else "plain"))
    if not channels and resource in history.resources:
        users = history.resources[resource].users
        found = [(name, "was used by", "left") for name in users if name not in asked and not _stuck(history, name)]
    return found


def _over(history: History, name: str) -> bool:
    """Return whether a process had ended when nothing moved any more."""
    lane = history.lanes.get(name)
    return lane is not None and lane.ended is not None and not _stuck(history, name)


def _stuck(history: History, name: str) -> bool:
    return any(each.process == name for each in history.stuck)


def _left(lane: Lane) -> list[str]:
    lines = [f"left at {seconds(lane.ended)}: {lane_exit(lane)}"]
    found_empty = left_empty_queue(lane)
    return [*lines, found_empty] if found_empty else lines


def _is(channel: Channel[Any], resource: str) -> bool:
    return resource in (channel.name, channel.resource)


def _balance(channel: Channel[Any], name: str) -> list[str]:
    way = "" if channel.name == name else f"{channel.name}: "
    lines = [f"{way}{channel.put:,} put, {channel.got:,} got, {channel.remaining:,} left"]
    if channel.items_left:
        lines.append(values(channel.items_left, channel.remaining, shown=2))
    elif channel.remaining:
        lines.append(f"{plural(channel.remaining, 'item')} not taken")
    return lines
