"""What is between the processes: who puts into, takes from and uses what; as planned, or as a log has seen it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, NamedTuple

from run_scenario.counting import plural
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.history.history import OTHER_END, History
from run_scenario.events.history.resources import Channel, ConsumerStatistics
from run_scenario.events.types import BlockedOperation
from run_scenario.report.summary import IN_A_LOG, IN_THE_LOG, introduction, lane_exit, parted
from run_scenario.report.waits import doing
from run_scenario.scenario import model
from run_scenario.scenario.expressions import candidates
from run_scenario.scenario.steps import VERBS
from run_scenario.values import Value

_MOST_REPLICAS = 8
"""Replicas that are drawn one by one."""

_DIRECTIONS = {"put": True, "send": True, "take": False, "receive": False}
"""Effect of a step -> whether something goes from its program to what it is done to."""


class Shape(Enum):
    """How a node is drawn."""

    PROCESS = "process"
    QUEUE = "queue"
    RESOURCE = "resource"


class Node(Value):
    """A process or a resource."""

    name: str
    shape: Shape
    kind: str = ""
    """What sort of resource it is."""
    note: str = ""
    bad: bool = False
    """Whether it wants attention."""

    @property
    def is_process(self) -> bool:
        """Whether it does things, instead of having things done to it."""
        return self.shape is Shape.PROCESS


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
    shows: str = ""
    watch_for: str = ""
    """What the scenario says of itself; empty if nothing."""


class ChannelEnd(NamedTuple):
    """The end of a queue or a pipe at which a process is blocked."""

    channel: str
    """A queue; or a pipe in one direction, as `History.channels` has it."""
    resource: str
    """The queue or the pipe itself."""
    kind: Literal["queue", "pipe"]
    way: Literal["takes", "gives", "asks"]


def planned(scenario: model.Scenario, steps: Iterable[model.Step]) -> Topology:
    """Return what a scenario describes; `steps` are its main program's."""
    nodes = {MAIN_NAME: Node(MAIN_NAME, Shape.PROCESS, note="the main program")}
    names = _together(scenario)
    parents: dict[str, list[str]] = {}
    for process in scenario.processes:
        parents.setdefault(names[process.name], []).append(process.parent)
    for process in scenario.processes:
        name = names[process.name]
        count = sum(other == name for other in names.values())
        note = process.target + (f", {count:,} of them" if count > 1 else "")
        note += _started_by(list(dict.fromkeys(names[each] for each in parents[name] if each)))
        nodes[name] = Node(name, Shape.PROCESS, note=note)
    called = {}
    """Resource -> the name of its node."""
    for spec in scenario.resources:
        called[spec.name] = _unlike(spec.name, nodes)
        nodes[called[spec.name]] = _resource_node(called[spec.name], spec)
    edges: dict[tuple[str, str, str], Edge] = {}
    for process in scenario.processes:
        for binding in process.bindings:
            base, _, end = binding.resource.partition(".")
            resource, label = (binding.resource, "") if binding.resource in called else (base, end)
            if resource not in called:
                continue
            edge = _edge(names[process.name], called[resource], binding.direction, label)
            edges[edge.source, edge.target, edge.direction] = edge
    for pool in scenario.pools:
        for name in pool.uses:
            edge = _edge(called[pool.name], called[name], "uses", "")
            edges[edge.source, edge.target, edge.direction] = edge
    for edge in _of_main(steps, called, list(model.handles(scenario.resources))):
        key = (edge.source, edge.target, edge.direction)
        label = ", ".join(part for part in (edges[key].label if key in edges else "", edge.label) if part)
        edges[key] = edge.replace(label=label)
    known = tuple(edge for edge in edges.values() if edge.source in nodes and edge.target in nodes)
    return Topology(scenario.title or scenario.name, nodes, known, *parted(scenario.description, IN_A_LOG))


def _started_by(parents: Sequence[str]) -> str:
    """Return what a process's node says of those that have started it; of the main program nothing."""
    if not parents:
        return ""
    return f", started by {' and '.join(parents) if len(parents) < 3 else f'{parents[0]} … {parents[-1]}'}"


def _resource_node(name: str, spec: model.Resource) -> Node:
    if isinstance(spec, model.PipeSpec):
        return Node(name, Shape.RESOURCE, "Pipe")
    is_queue = isinstance(spec, model.QueueSpec) or spec.type == "ManagerQueue"
    kind = spec.type.replace("Manager", "manager's ")
    if isinstance(spec, model.SyncSpec) and spec.is_managed:
        kind = f"manager's {kind}"
    return Node(name, Shape.QUEUE if is_queue else Shape.RESOURCE, kind)


def _together(scenario: model.Scenario) -> dict[str, str]:
    """Return for each process the name that it is drawn under: many replicas are one."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for process in scenario.processes:
        where = (process.where.line, process.where.column) if process.where is not None else process.name
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


def _of_main(steps: Iterable[model.Step], called: Mapping[str, str], handles: Sequence[str]) -> list[Edge]:
    """Return what the main program itself puts, gets and calls; `handles`: the names of all resources."""
    edges: list[Edge] = []
    counts: dict[tuple[str, bool], int | None] = {}
    """Name, and whether something goes there -> how often; None: what is computed decides."""
    for step in steps:
        derived = step.steps[0] if step.verb in ("for", "repeat") and step.where is None else None
        if derived is None:
            for inner, times in _turns(step, 1):
                if inner.verb == "next_call" and inner.argument is not None:
                    edges.append(Edge(MAIN_NAME, called[inner.subject], f"{inner.argument.method}()"))
                outward = _DIRECTIONS.get(VERBS[inner.verb].effect or "")
                if outward is not None:
                    _count(counts, inner, outward, times, handles)
        elif derived.verb == "put" and step.verb == "for":
            edges.append(Edge(MAIN_NAME, called[derived.subject], plural(len(step.argument), "item")))
        elif derived.verb == "put":
            edges.append(Edge(MAIN_NAME, called[derived.subject], plural(step.argument, "pill")))
        else:
            edges.append(Edge(called[derived.subject], MAIN_NAME, str(step.argument)))
    for (subject, outward), count in counts.items():
        node, end = _node_of(subject, called)
        label = f"{end} {'' if count is None else count}".strip()
        edges.append(Edge(MAIN_NAME, node, label) if outward else Edge(node, MAIN_NAME, label))
    return edges


def _turns(step: model.Step, times: int | None) -> Iterator[tuple[model.Step, int | None]]:
    """Yield a step and those in it, each with how often it is done; None: that is not known before the run."""
    if step.verb in VERBS:  # the parts of a `try` are none
        yield step, times
    if step.verb == "start":
        return
    match step.verb, step.argument:
        case "repeat", int(turns) if times is not None:
            times *= turns
        case "for", list(values) if times is not None:
            times *= len(values)
        case (("repeat" | "for" | "while" | "if" | "try" | "except"), _):
            times = None
    for inner in (*step.steps, *step.otherwise):
        yield from _turns(inner, times)


def _count(
    counts: dict[tuple[str, bool], int | None],
    step: model.Step,
    outward: bool,
    times: int | None,
    handles: Sequence[str],
) -> None:
    """Add what a step puts or gets; where its name is computed, it may be any that fits."""
    if isinstance(step.subject, str):
        names = [step.subject]
    else:
        names, times = candidates(step.subject, handles), None
    for name in names:
        known = counts.get((name, outward), 0)
        counts[name, outward] = None if known is None or times is None else known + times


def _node_of(name: str, called: Mapping[str, str]) -> tuple[str, str]:
    """Return the node of a resource, and the end if it is one of a pipe."""
    if name in called:
        return called[name], ""
    base, _, end = name.partition(".")
    return called[base], end


def observed(history: History) -> Topology:
    """Return what a log has seen, with counts; who waits for something to the end is joined to it, too."""
    stuck = {each.process: doing(each.state, each.waiting_for) for each in history.stuck}
    nodes = {}
    for lane in history.lanes.values():
        note = stuck.get(lane.name, lane_exit(lane))
        note += _started_by([lane.parent]) if lane.parent not in ("", MAIN_NAME) else ""
        nodes[lane.name] = Node(lane.name, Shape.PROCESS, note=note, bad=lane.failed)
    edges: list[Edge] = []
    for channel in _channels(history):
        left = f"{channel.remaining:,} left" if channel.remaining else ""
        missing = f"{channel.missing:,} lost" if channel.missing else ""
        nothing = "empty in the end" if channel.put else "nothing was put"
        note = ", ".join(part for part in (left, missing) if part) or nothing
        name = _unlike(channel.name, nodes)
        shape = Shape.QUEUE if channel.kind == "queue" else Shape.RESOURCE
        nodes[name] = Node(name, shape, channel.kind, note, bool(left or missing))
        edges += _of_channel(channel, name, history)
    held = {hold.resource: hold.holder for hold in history.lock_holds if not hold.released}
    waiting = {(each.process, each.resource) for each in history.stuck if _blocked_at(each) is None}
    for resource in history.resources.values():
        name = _unlike(resource.name, nodes)
        holder = held.get(resource.name)
        note = f"held by {holder}" if holder else ""
        nodes[name] = Node(name, Shape.RESOURCE, resource.kind, note, holder is not None)
        for user, count in resource.users.items():
            label = _counted(f"{count:,}×" if count else "", waits=(user, resource.name) in waiting)
            edges.append(Edge(user, name, label, "uses"))
    known = tuple(edge for edge in edges if {edge.source, edge.target} <= nodes.keys())
    return Topology(history.title, nodes, known, *introduction(history.started, IN_THE_LOG))


def _blocked_at(stuck: BlockedOperation) -> ChannelEnd | None:
    """Return where a process is blocked; None if it waits for something else than a queue or a pipe."""
    name = stuck.resource
    if not name:
        return None
    if stuck.operation == "get":
        return ChannelEnd(name, name, "queue", "takes")
    if stuck.operation == "put":
        return ChannelEnd(name, name, "queue", "gives")
    if stuck.operation in ("join_queue", "task_done", "join_thread"):
        return ChannelEnd(name, name, "queue", "asks")
    if stuck.operation == "recv" and stuck.end in OTHER_END:
        return ChannelEnd(f"{name}.{OTHER_END[stuck.end]}", name, "pipe", "takes")
    if stuck.operation == "send" and stuck.end in OTHER_END:
        return ChannelEnd(f"{name}.{stuck.end}", name, "pipe", "gives")
    return None


def _channels(history: History) -> Iterator[Channel[Any]]:
    """Yield the queues and pipes; at the end those that are only known because somebody waits there."""
    yield from history.channels.values()
    ends = [end for each in history.stuck if (end := _blocked_at(each)) is not None]
    others = {end.channel: end for end in ends if end.channel not in history.channels}
    yield from (Channel[Any](end.channel, end.kind, end.resource) for end in others.values())


def _of_channel(channel: Channel[Any], name: str, history: History) -> Iterator[Edge]:
    """Yield who gave how many and who took how many; with 0, or nothing, who only waits."""
    waiting: dict[str, dict[str, None]] = {"gives": {}, "takes": {}, "asks": {}}
    for each in history.stuck:
        end = _blocked_at(each)
        if end is not None and end.channel == channel.name:
            waiting[end.way][each.process] = None
    gives, takes = waiting["gives"], waiting["takes"]
    for producer in dict.fromkeys((*channel.producers, *gives)):
        yield Edge(producer, name, _counted(f"{channel.producers[producer]:,}", waits=producer in gives))
    for consumer in dict.fromkeys((*channel.consumers, *takes)):
        taken = channel.consumers.get(consumer, ConsumerStatistics())
        yield Edge(name, consumer, _counted(f"{taken.count + taken.pills:,}", waits=consumer in takes))
    known = {*channel.producers, *channel.consumers, *gives, *takes}
    yield from (Edge(other, name, "waits", "uses") for other in waiting["asks"] if other not in known)


def _counted(count: str, *, waits: bool) -> str:
    return ", ".join(part for part in (count, "waits" if waits else "") if part)


def _unlike(name: str, nodes: dict[str, Node]) -> str:
    """Return a name that no node has yet: a queue may be called as a process is."""
    while name in nodes:
        name += "′"
    return name
