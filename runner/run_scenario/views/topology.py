"""What is between the processes: who puts into, takes from and uses what; as planned, or as a log has seen it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from run_scenario import model
from run_scenario.values import Value
from run_scenario.views.history import MAIN, Channel, History
from run_scenario.views.summary import ending
from run_scenario.views.takings import Taking
from run_scenario.views.text import plural
from run_scenario.views.waiting_at import place_of

_MOST_REPLICAS = 8
"""Replicas that are drawn one by one."""

_PUTS = frozenset(("put", "send"))
_GETS = frozenset(("get", "recv"))


class Node(Value):
    """A process or a resource."""

    name: str
    kind: str
    """`process`, or what sort of resource it is."""
    note: str = ""
    bad: bool = False
    """Whether it wants attention."""

    @property
    def is_process(self) -> bool:
        """Whether it does things, instead of having things done to it."""
        return self.kind == "process"


class Edge(Value):
    """That something goes from one node to another; or, without direction, that a process uses a resource."""

    source: str
    target: str
    label: str = ""
    direction: Literal["to", "uses"] = "to"


class Topology(Value):
    """Nodes by name, of which no two are alike, and the edges between them."""

    title: str
    nodes: dict[str, Node]
    edges: tuple[Edge, ...]


def planned(scenario: model.Scenario, steps: Iterable[model.Step]) -> Topology:
    """Return what a scenario describes; `steps` are its main program's."""
    nodes = {MAIN: Node(MAIN, "process", "the main program")}
    names = _together(scenario)
    for process in scenario.processes:
        name = names[process.name]
        count = sum(other == name for other in names.values())
        nodes[name] = Node(name, "process", process.target + (f", {count:,} of them" if count > 1 else ""))
    kinds = {resource.name: _kind(resource) for resource in scenario.resources}
    called = {}
    for resource_name, kind in kinds.items():
        called[resource_name] = _unlike(resource_name, nodes)
        nodes[called[resource_name]] = Node(called[resource_name], kind)
    edges: dict[tuple[str, str, str], Edge] = {}
    for process in scenario.processes:
        for connection in process.connections:
            base, _, end = connection.resource.partition(".")
            resource, label = (connection.resource, "") if connection.resource in kinds else (base, end)
            if resource not in called:
                continue
            edge = _edge(names[process.name], called[resource], connection.direction, label)
            edges[edge.source, edge.target, edge.direction] = edge
    for edge in _of_main(steps, called):
        key = (edge.source, edge.target, edge.direction)
        label = ", ".join(part for part in (edges[key].label if key in edges else "", edge.label) if part)
        edges[key] = edge.replace(label=label)
    known = tuple(edge for edge in edges.values() if edge.source in nodes and edge.target in nodes)
    return Topology(scenario.title or scenario.name, nodes, known)


def _kind(resource: model.Resource) -> str:
    return str(getattr(resource, "type", "Pipe"))


def _together(scenario: model.Scenario) -> dict[str, str]:
    """Return for each process the name that it is drawn under: many replicas are one."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for process in scenario.processes:
        where = process.where.line if process.where is not None else process.name
        groups.setdefault((where, process.target), []).append(process.name)
    names = {}
    for group in groups.values():
        one = f"{group[0]} … {group[-1]}" if len(group) > _MOST_REPLICAS else ""
        names.update({name: one or name for name in group})
    return names


def _edge(process: str, resource: str, direction: str, label: str) -> Edge:
    if direction == "from":
        return Edge(resource, process, label)
    if direction == "to":
        return Edge(process, resource, label)
    return Edge(process, resource, label, "uses")


def _of_main(steps: Iterable[model.Step], called: Mapping[str, str]) -> list[Edge]:
    """Return what the main program itself puts, gets and calls."""
    edges: list[Edge] = []
    gets: Counter[str] = Counter()
    puts: Counter[str] = Counter()
    for step in steps:
        match step:
            case model.PutItems(queue=queue, items=items):
                edges.append(Edge(MAIN, called[queue], plural(len(items), "item")))
            case model.PutPills(queue=queue, count=count):
                edges.append(Edge(MAIN, called[queue], plural(count, "pill")))
            case model.Collect(queue=queue, count=count):
                edges.append(Edge(called[queue], MAIN, str(count)))
            case model.CallPool(pool=pool, call=call):
                edges.append(Edge(MAIN, called[pool], f"{call.method}()"))
            case model.Do(verb=verb, subject=subject) if verb in _PUTS:
                puts[subject] += 1
            case model.Do(verb=verb, subject=subject) if verb in _GETS:
                gets[subject] += 1
    for counts, outward in ((puts, True), (gets, False)):
        for subject, count in counts.items():
            base, _, end = subject.partition(".")
            label = f"{end} {count}".strip()
            edges.append(Edge(MAIN, called[base], label) if outward else Edge(called[base], MAIN, label))
    return edges


def observed(history: History) -> Topology:
    """Return what a log has seen, with counts; who waits for something to the end is joined to it, too."""
    stuck = {each.process: each.doing for each in history.stuck}
    nodes = {}
    for lane in history.lanes.values():
        end = ending(lane.end, lane.exception, started=lane.started is not None)
        nodes[lane.name] = Node(lane.name, "process", stuck.get(lane.name, end), lane.failed)
    edges: list[Edge] = []
    for channel in _channels(history):
        left = f"{channel.remaining:,} left" if channel.remaining else ""
        missing = f"{channel.missing:,} lost" if channel.missing else ""
        nothing = "empty in the end" if channel.put else "nothing was put"
        note = ", ".join(part for part in (left, missing) if part) or nothing
        name = _unlike(channel.name, nodes)
        nodes[name] = Node(name, channel.kind, note, bool(left or missing))
        edges += _of_channel(channel, name, history)
    held = {holding.resource: holding.holder for holding in history.holdings if not holding.released}
    waiting = {(each.process, each.resource) for each in history.stuck if place_of(each) is None}
    for resource in history.resources.values():
        name = _unlike(resource.name, nodes)
        holder = held.get(resource.name)
        nodes[name] = Node(name, resource.kind, f"held by {holder}" if holder else "", holder is not None)
        for user, count in resource.users.items():
            label = _counted(f"{count:,}×" if count else "", waits=(user, resource.name) in waiting)
            edges.append(Edge(user, name, label, "uses"))
    return Topology(history.title, nodes, tuple(edge for edge in edges if {edge.source, edge.target} <= nodes.keys()))


def _channels(history: History) -> Iterator[Channel]:
    """Yield the queues and pipes; at the end those that are only known because somebody waits there."""
    yield from history.channels.values()
    places = [place for each in history.stuck if (place := place_of(each)) is not None]
    others = {place.channel: place.kind for place in places if place.channel not in history.channels}
    yield from (Channel(name, kind) for name, kind in others.items())


def _of_channel(channel: Channel, name: str, history: History) -> Iterator[Edge]:
    """Yield who gave how many and who took how many; with 0, or nothing, who only waits."""
    waiting: dict[str, dict[str, None]] = {"gives": {}, "takes": {}, "asks": {}}
    for each in history.stuck:
        place = place_of(each)
        if place is not None and place.channel == channel.name:
            waiting[place.way][each.process] = None
    gives, takes = waiting["gives"], waiting["takes"]
    for giver in dict.fromkeys((*channel.givers, *gives)):
        yield Edge(giver, name, _counted(f"{channel.givers[giver]:,}", waits=giver in gives))
    for taker in dict.fromkeys((*channel.takers, *takes)):
        taking = channel.takers.get(taker, Taking())
        yield Edge(name, taker, _counted(f"{taking.count + taking.pills:,}", waits=taker in takes))
    known = {*channel.givers, *channel.takers, *gives, *takes}
    yield from (Edge(other, name, "waits", "uses") for other in waiting["asks"] if other not in known)


def _counted(count: str, *, waits: bool) -> str:
    return ", ".join(part for part in (count, "waits" if waits else "") if part)


def _unlike(name: str, nodes: dict[str, Node]) -> str:
    """Return a name that no node has yet: a queue may be called as a process is."""
    while name in nodes:
        name += "′"
    return name
