"""Topologies and traces, from logs made by hand: what they say, and that hostile names are inert in each format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from example_events import event

from run_scenario import bundled, loader
from run_scenario.events.history.history import read
from run_scenario.report.graph import svg, topology
from run_scenario.report.graph import text as graph
from run_scenario.report.timeline import svg as timeline_svg
from run_scenario.report.traces import perfetto, shiviz

BAD = '"]; </text><script>alert(1)</script> & click n0 "http://x"\n\x1b[31m|{}'
FED = [
    event("scenario.started", title="Fed"),
    event("process.started", "Main", t=0.0, pid=10),
    event("process.starting", "A", t=0.5, by="Main"),
    event("process.started", "A", t=1.0, pid=11),
    event("queue.put", "Main", t=2.0, item_id=1, item="x"),
    event("queue.put", "Main", t=2.5, item_id=2, item="y"),
    event("queue.get", "A", t=3.0, item_id=1, waited=1.0),
    event("lock.acquired", "A", t=3.5, waited=0.0),
    event("process.exited", "A", t=4.0, pid=11, cpu_user=None),
    event("process.joined", "A", t=4.5, by="Main", waited=0.5),
    event("scenario.finished", t=5.0),
]
HOSTILE = [
    event("scenario.started", title=BAD),
    event("process.started", BAD, t=0.0, pid=10),
    event("process.started", "B", t=0.0, pid=11),
    event("queue.put", BAD, t=1.0, queue=BAD, item_id=1, item=BAD),
    event("queue.get", "B", t=2.0, queue=BAD, item_id=1, item=BAD, waited=1.5),
    event("lock.acquired", BAD, t=2.0, lock=BAD + "2", waited=0.0),
    event("process.exited", BAD, t=3.0, cause=BAD, signal=BAD, allowed=False, cpu_user=None),
    event("scenario.finished", t=3.0, outcome="failed", reasons=[BAD]),
]


def seen(events: list[dict[str, Any]]) -> topology.Topology:
    """Return the topology that a log has seen."""
    return topology.observed(read(events))


def plan_of(name: str) -> topology.Topology:
    """Return the topology of a bundled scenario, as planned."""
    scenario = loader.load(str(bundled.find_scenario(name))).scenario
    assert scenario is not None
    return topology.planned(scenario, loader.plan(scenario))


def test_a_plan_has_what_the_main_program_does() -> None:
    """Items and pills are put by it, results are taken by it."""
    shown = plan_of("poison-pill")
    edges = {(edge.source, edge.target): edge.label for edge in shown.edges}
    assert edges["MainProcess", "tasks"].startswith("10 items")
    assert "10" == edges["results", "MainProcess"]
    assert ("tasks", "Consumer-1") in edges
    assert ("Consumer-1", "results") in edges


IN_BLOCKS = """\
version: 1
queues: {tasks: {}, done-1: {}, done-2: {}, rare: {}}
pipes: {rope: {}}
processes:
  - {name: W, replicas: 2, steps: [{get: tasks}, {put: 1, to: done-$i}, {recv: rope.left}, {get: rare, timeout: 1}]}
main:
  - start: W
  - repeat: 2
    steps:
      - for: x
        in: [1, 2, 3]
        steps:
          - {put: $x, to: tasks}
      - with: tasks-lock
        steps: [{put_nowait: 0, to: tasks}]
  - {put: 9, to: tasks}
  - for: i
    in: ${range(1, 3)}
    steps: [{get: done-$i}]
  - if: ${1 > 2}
    then: [{put: 1, to: rare}]
  - try: [{send: 1, to: rope.right}]
    finally: [{send: 2, to: rope.right}]
  - join: W
sync: {tasks-lock: {type: Lock}}
"""


def test_a_plan_has_what_blocks_of_the_main_program_do() -> None:
    """How often is told where it is known before the run, and of a computed name, all that it may be."""
    scenario = loader.load_text(IN_BLOCKS, file="blocks.yaml").require()
    edges = {
        (edge.source, edge.target): edge.label
        for edge in topology.planned(scenario, loader.plan(scenario)).edges
        if "MainProcess" in (edge.source, edge.target)
    }
    assert {
        ("MainProcess", "tasks"): "9",
        ("done-1", "MainProcess"): "",
        ("done-2", "MainProcess"): "",
        ("MainProcess", "rare"): "",
        ("MainProcess", "rope"): "right",
    } == edges


def test_who_starts_whom() -> None:
    """A process that another one starts says which, as planned and as a log has seen it."""
    text = """
version: 1
processes:
- name: Parent
  replicas: 2
  target: print_info
  processes: [{name: Few, target: sleep}, {name: Many, replicas: 6, target: sleep}]
"""
    scenario = loader.load_text(text).require()
    shown = topology.planned(scenario, loader.plan(scenario))
    assert {
        "Parent-1": "print_info",
        "Parent-2": "print_info",
        "Few-1": "sleep, started by Parent-1",
        "Few-2": "sleep, started by Parent-2",
        "Many-1 … Many-12": "sleep, 12 of them, started by Parent-1 and Parent-2",
    } == {name: node.note for name, node in shown.nodes.items() if name != "MainProcess"}
    ran = seen([event("process.started", "Parent"), event("process.started", "Few", parent="Parent")])
    notes = {name: node.note for name, node in ran.nodes.items()}
    assert f"{notes['Parent']}, started by Parent" == notes["Few"]


def test_what_a_manager_holds_and_who_else_uses_it() -> None:
    """A manager's resources are called so, and a pool is joined to what its workers are given."""
    text = """
version: 1
sync: {gate: {type: Lock, manager: true}, plain: {type: Lock}}
shared: {total: {type: Value, typecode: i, manager: true}}
queues: {a: {}}
pools: {p: {initializer: "work:keep", uses: [gate, a], calls: [{map: square, over: [1]}]}}
"""
    scenario = loader.load_text(text).require()
    shown = topology.planned(scenario, loader.plan(scenario))
    assert ["manager's Lock", "Lock", "manager's Value"] == [shown.nodes[n].kind for n in ("gate", "plain", "total")]
    assert {("p", "gate"), ("p", "a")} <= {(edge.source, edge.target) for edge in shown.edges}


def test_a_queue_named_as_a_process() -> None:
    """Both have a node, and what goes between them goes there."""
    text = """
version: 1
queues: {Worker: {items: [1], poison_pills: true}}
processes: [{name: Worker, target: consume, from: Worker, kwargs: {task_done: false}}]
"""
    scenario = loader.load_text(text).require()
    shown = topology.planned(scenario, loader.plan(scenario))
    (queue,) = shown.nodes.keys() - {"MainProcess", "Worker"}
    assert {("MainProcess", queue), (queue, "Worker")} == {(edge.source, edge.target) for edge in shown.edges}


@pytest.mark.parametrize("path", bundled.scenarios(), ids=lambda path: path.stem)
def test_every_bundled_scenario_has_a_graph(path: Path) -> None:
    """Each can be drawn in every way, and its edges lead to nodes."""
    shown = plan_of(path.stem)
    assert all({edge.source, edge.target} <= shown.nodes.keys() for edge in shown.edges)
    assert graph.mermaid(shown).startswith("flowchart LR\n")
    assert graph.dot(shown).endswith("}\n")
    assert graph.drawing(shown, 80)
    ElementTree.fromstring(svg.render(shown))


def test_a_log_is_drawn_with_counts() -> None:
    """Who put and got how many, what was left, who held the lock to the end."""
    assert """\
Fed

            ┌────────┐
Main ─ 2 ─▶ │ tasks  │ ─ 1 ─▶ A
            │ queue  │
            │ 1 left │
            └────────┘

┌───────────┐
│ gate      │ ─ 1× ── A
│ lock      │
│ held by A │
└───────────┘

Main: no end was seen
A: returned
""" == re.sub(r"─+(?=[▶ ])", lambda dashes: "─", graph.drawing(seen(FED), 80)).replace("─ 1× ─ A", "─ 1× ── A")


def stalled(*stuck: tuple[str, str, str, str | None]) -> dict[str, Any]:
    """Return the report of a deadlock: who is blocked in what, on which resource, at which end of it."""
    processes = [
        {
            "process": process,
            "operation": operation,
            "resource": resource,
            "end": end,
            "pid": 1,
            "state": "waiting",
            "waiting_for": f"{operation} {resource}",
            "since": 4.0,
        }
        for process, operation, resource, end in stuck
    ]
    return event("scenario.stalled", t=5.0, processes=processes)


def labels(events: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Return what stands on the edges of the topology that a log has seen."""
    return {(edge.source, edge.target): edge.label for edge in seen(events).edges}


def test_who_waits_is_joined_to_what_it_waits_for() -> None:
    """One that got nothing waits at its queue, or at its lock; so does one at a queue that nothing was put on."""
    others = [event("process.started", name, t=0.0) for name in "BCDE"]
    waits = stalled(
        ("A", "get", "tasks", None),
        ("B", "get", "tasks", None),
        ("C", "acquire", "gate", None),
        ("D", "put", "texts", None),
        ("E", "join_queue", "texts", None),
    )
    shown = labels([*FED[:-3], *others, event("lock.waiting", "C", t=4.0), waits])
    assert {
        ("Main", "tasks"): "2",
        ("tasks", "A"): "1, waits",
        ("tasks", "B"): "0, waits",
        ("A", "gate"): "1×",
        ("C", "gate"): "waits",
        ("D", "texts"): "0, waits",
        ("E", "texts"): "waits",
    } == shown


@pytest.mark.parametrize(
    ("operation", "end", "expected"),
    [
        ("recv", "left", ("rope.right", "A")),
        ("recv", "right", ("rope.left", "A")),
        ("send", "left", ("A", "rope.left")),
        ("send", "right", ("A", "rope.right")),
    ],
)
def test_who_waits_at_a_pipe(operation: str, end: str, expected: tuple[str, str]) -> None:
    """Who waits to receive at one end takes from the direction that begins at the other."""
    waits = stalled(("A", operation, "rope", end))
    assert {expected: "0, waits"} == labels([event("process.started", "A"), waits])


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (["lock.waiting", "lock.acquired", "lock.released", "lock.waiting", "lock.not_acquired"], "1×"),
        (["lock.acquired", "lock.abandoned"], "1×"),
        (["semaphore.waiting", "semaphore.acquired", "semaphore.released"], "1×"),
        (["barrier.waiting", "barrier.passed", "barrier.waiting", "barrier.passed"], "2×"),
        (["barrier.waiting", "barrier.broken"], ""),
        (["event.waiting", "event.waited", "event.set"], "2×"),
        (["pool.worker_started", "pool.task_started", "pool.task_finished", "pool.worker_exited"], "1×"),
        (["pool.worker_started", "pool.worker_exited"], ""),
        (["pool.created", "pool.called", "pool.result", "pool.returned", "pool.closed", "pool.joined"], "1×"),
        (["value.read", "value.written", "value.overwritten", "value.final"], "2×"),
        (["manager.called", "manager.called"], "2×"),
    ],
)
def test_uses_are_counted_and_not_lines(events: list[str], expected: str) -> None:
    """One use that several events are about is one use; who only tried has none."""
    log = [event("process.started", "A"), *(event(name, "A", t=1.0, worker="A") for name in events)]
    assert [expected] == [edge.label for edge in seen(log).edges]


def test_answers_that_are_one_event_are_counted_each() -> None:
    """What was asked a thousand times was used a thousand times."""
    polled = event("value.read", "A", t=1.0, times=1_000, until=2.0)
    log = [event("process.started", "A"), polled, event("value.read", "A", t=3.0)]
    assert ["1,001×"] == [edge.label for edge in seen(log).edges]


def test_a_condition_is_not_a_lock() -> None:
    """Its lock is a part of it: what is counted is who waited for it, and who notified."""
    parts = ("lock.waiting", "lock.acquired", "condition.waiting", "condition.waited", "lock.released")
    log = [event("process.started", "A"), *(event(name, "A", **{name.partition(".")[0]: "door"}) for name in parts)]
    shown = seen([*log, event("lock.acquired", "A", lock="door"), event("condition.notified", "A", condition="door")])
    assert "condition" == shown.nodes["door"].kind
    assert ["2×"] == [edge.label for edge in shown.edges]


def texts_of(picture: str) -> list[str]:
    """Return the texts of an SVG picture."""
    return [element.text or "" for element in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_has_the_same_labels_and_all_words() -> None:
    """How often a lock was used stands on its edge; what a process waits for is broken into lines, and not cut."""
    waits = stalled(("Main", "join_queue", "tasks", None))
    waits["processes"][0]["waiting_for"] = "task_done() for every item of queue 'tasks'"
    shown = texts_of(svg.render(seen([*FED[:-1], waits])))
    assert "1×" in shown
    first = shown.index("waits for task_done() for every")
    assert "item of queue 'tasks'" == shown[first + 1]


def test_labels_do_not_cover_each_other() -> None:
    """Where edges cross, what stands on them is moved along them."""
    started = [event("process.started", name) for name in ("Main", "Kant", "Hegel")]
    held = [event("lock.acquired", who, lock=what) for who, what in (("Kant", "left"), ("Hegel", "right"))]
    tried = [event("lock.waiting", who, lock=what) for who, what in (("Hegel", "left"), ("Kant", "right"))]
    met = [event("barrier.passed", who, barrier="table") for who in ("Kant", "Hegel")]
    waits = stalled(("Kant", "acquire", "right", None), ("Hegel", "acquire", "left", None))
    picture = ElementTree.fromstring(svg.render(seen([*started, *held, *tried, *met, waits])))
    boxes = [
        tuple(float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        for rect in picture.iter("{http://www.w3.org/2000/svg}rect")
        if rect.get("fill-opacity")
    ]
    assert 6 == len(boxes)
    for at, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[at + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y


def test_names_keep_their_ends_and_the_terminal_its_width() -> None:
    """What fits is not cut; of what does not, names that begin alike still differ."""
    workers = [f"ForkPoolWorker-{number}" for number in (1, 2, 3)]
    started = [event(name, each) for each in workers for name in ("pool.worker_started", "pool.task_started")]
    waits = stalled(*((each, "next_task", "crunch", None) for each in workers))
    shown = seen([*started, waits])
    wide = graph.drawing(shown, 60).splitlines()
    assert workers == [line.rpartition(" ")[2] for line in wide if "×" in line]
    narrow = graph.drawing(shown, 40).splitlines()
    assert all(len(line) <= 40 for line in narrow)
    assert 3 == len({line.rpartition(" ")[2] for line in narrow if "×" in line})
    assert not any(line.endswith("…") for line in narrow)


def test_a_chain_of_queues_is_one_chain() -> None:
    """Who takes from one queue and gives to the next stands between them; where there is no room, an arrow turns."""
    wide, narrow = graph.drawing(plan_of("pipeline"), 120), graph.drawing(plan_of("pipeline"), 80)
    assert (
        """
             ┌─────────┐                      ┌─────────┐                      ┌─────────┐
Making ────▶ │ numbers │ ────▶ Squaring ────▶ │ squares │ ────▶ Doubting ────▶ │ answers │ ─ 6 ─▶ MainProcess
             │ Queue   │                      │ Queue   │                      │ Queue   │
             └─────────┘                      └─────────┘                      └─────────┘
"""
        in wide
    )
    assert (
        """
             ┌─────────┐                      ┌─────────┐
Making ────▶ │ numbers │ ────▶ Squaring ────▶ │ squares │ ────▶ Doubting ─┐
             │ Queue   │                      │ Queue   │                 │
             └─────────┘                      └─────────┘                 │
┌─────────────────────────────────────────────────────────────────────────┘
│      ┌─────────┐
└────▶ │ answers │ ─ 6 ─▶ MainProcess
       │ Queue   │
       └─────────┘
"""
        in narrow
    )


@pytest.mark.parametrize("width", range(44, 124, 7))
def test_a_chain_has_room_and_no_gap(width: int) -> None:
    """However often it turns: its lines are joined, each process stands there once, nothing is too wide."""
    shown = plan_of("pipeline").replace(shows="", watch_for="")
    for unicode in (True, False):
        picture, _, _ = graph.drawing(shown, width, unicode=unicode).partition("\n\nMainProcess: ")
        lines = picture.splitlines()[2:]
        assert max(map(len, lines)) <= width
        assert "" not in lines
        assert all(1 == picture.count(name) for name in ("Making", "Squaring", "Doubting", "MainProcess"))
    coloured = graph.drawing(shown, width, colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == graph.drawing(shown, width)


def test_several_at_the_ends_of_a_chain() -> None:
    """Those who give to its first queue, and take from its last, stand below each other; boxes differ in height."""
    nodes = {
        name: topology.Node(name, topology.Shape.QUEUE if name in ("in", "out") else topology.Shape.PROCESS, "Queue")
        for name in ("A", "B", "C", "M", "in", "out", "X", "Y")
    }
    edges = [("A", "in"), ("B", "in"), ("C", "in"), ("in", "M"), ("M", "out"), *(("out", name) for name in "XY")]
    shown = topology.Topology("T", nodes, tuple(topology.Edge(*edge) for edge in edges))
    assert """\
        ┌───────┐               ┌───────┐
A ────▶ │ in    │ ────▶ M ────▶ │ out   │ ────▶ X
B ────▶ │ Queue │               │ Queue │ ────▶ Y
C ────▶ │       │               └───────┘
        └───────┘

""" == graph.drawing(shown, 80).partition("\n\n")[2]
    coloured = graph.drawing(shown, 80, colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == graph.drawing(shown, 80)


def test_a_circle_is_drawn_once() -> None:
    """It begins anywhere, and ends with whom it began with."""
    names = ["a", "P", "b", "Q"]
    nodes = {
        name: topology.Node(name, topology.Shape.QUEUE if name.islower() else topology.Shape.PROCESS, "Queue")
        for name in names
    }
    edges = tuple(topology.Edge(one, names[(at + 1) % 4]) for at, one in enumerate(names))
    text = graph.drawing(topology.Topology("T", nodes, edges), 80)
    assert "Q ────▶ │ a     │ ────▶ P ────▶ │ b     │ ────▶ Q\n" in text
    assert 2 == text.count("┌")


def test_the_main_program_is_no_link_of_a_chain() -> None:
    """What it puts comes before what it takes, though it does both."""
    text = graph.drawing(plan_of("poison-pill"), 200)
    assert 0 <= text.index("│ tasks") < text.index("│ results")


def test_mermaid_and_dot() -> None:
    """Nodes have ids of their own; what wants attention is marked."""
    assert '    n0 -->|"2"| n2\n' in graph.mermaid(seen(FED))
    assert "    class n2,n3 bad\n" in graph.mermaid(seen(FED))
    assert '  n0 -> n2 [label="2"];\n' in graph.dot(seen(FED))


def test_hostile_names_are_inert_in_mermaid_and_dot() -> None:
    """Nothing of a name is syntax: each line is of one of the few forms that are written here."""
    text = r"(?:[\w .,/-]|#\d+;|<br/>|…)*"
    node, edge = rf'n\d+(?:\[|\[\(|\(\[)"{text}"(?:\]|\)\]|\]\))', rf'n\d+ (?:-->|---)(?:\|"{text}"\|)? n\d+'
    known = re.compile(rf"flowchart LR|    (?:{node}|{edge}|classDef bad .*|class n[\dn,]* bad)")
    assert [] == [line for line in graph.mermaid(seen(HOSTILE)).splitlines() if not known.fullmatch(line)]
    without_strings = re.sub(r'"(?:[^"\\]|\\.)*"', "S", graph.dot(seen(HOSTILE)))
    assert "script" not in without_strings
    assert '"' not in without_strings


@pytest.mark.parametrize("events", [FED, HOSTILE], ids=["fed", "hostile"])
def test_svg_is_well_formed_and_alone(events: list[dict[str, Any]]) -> None:
    """A picture is XML without scripts and refers to nothing outside; each process and queue is in it."""
    for picture in (timeline_svg.render(read(events)), svg.render(seen(events))):
        root = ElementTree.fromstring(picture)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "title", "defs", "marker", "clipPath", "path", "rect", "line", "text", "polygon"}
        links = [value for element in root.iter() for value in element.attrib.values() if "url(" in value]
        assert set(links) <= {"url(#arrow)", "url(#chart)"}
        assert "\x1b" not in picture


def test_perfetto_has_slices_flows_and_counters() -> None:
    """A put is tied to its get by a flow within slices of their processes; a queue's length is a counter."""
    parts = json.loads("".join(perfetto(FED)))["traceEvents"]
    waits = [part for part in parts if part.get("cat") == "waiting" and part["tid"] == 11]
    assert [("tasks.get()", 2_000_000.0, 1_000_000.0)] == [(part["name"], part["ts"], part["dur"]) for part in waits]
    flows = [(part["ph"], part["tid"], part["ts"], part["id"]) for part in parts if part["ph"] in "sf"]
    assert [("s", 10, 2_000_000.0, 1), ("f", 11, 3_000_000.0, 1)] == flows
    slices = [(part["tid"], part["ts"], part["ts"] + part["dur"]) for part in parts if part["ph"] == "X"]
    for _, tid, t, _ in flows:
        assert any(tid == other and start <= t <= end for other, start, end in slices)
    assert [1, 2, 1] == [part["args"]["items"] for part in parts if part["ph"] == "C"]


def test_shiviz_clocks_count_by_one_and_know_their_causes() -> None:
    """The first line reads all others; each host counts its own events; a get knows of its put."""
    first, _, body = "".join(shiviz(FED + HOSTILE)).partition("\n\n")
    pattern = re.compile(first.replace("(?<", "(?P<"))
    found = list(pattern.finditer(body))
    assert len(FED + HOSTILE) == len(found)
    assert len(found) * 2 == len(body.splitlines())
    counts: dict[str, int] = {}
    for each in found:
        clock, host = json.loads(each["clock"]), each["host"]
        counts[host] = counts.get(host, 0) + 1
        assert counts[host] == clock[host]
        if each["event"].startswith("got 7") and host == "A":
            assert 3 == clock["Main"]


def test_a_picture_of_very_many_events_is_not_larger_than_it_is_wide() -> None:
    """What cannot be distinguished is drawn together; a curve still ends where it ends."""
    many = [event("process.started", "A"), event("process.started", "B")]
    for number in range(5_000):
        t = 1 + number / 10_000
        many.append(event("queue.put", "A", t=t, item_id=number, waited=0.0))
        many.append(
            event("queue.get", "B", t=t, item_id=number, waited=5e-5) if number else event("queue.empty", "B", t=t)
        )
    picture = timeline_svg.render(read(many))
    assert picture.count("<rect") < 3_000
    assert "1 left" in picture
    assert [(0.0, 0), (0.0, 0), (0.0, 9), (0.0, 1), (5.0, 1), (5.0, 1), (5.0, 2), (5.0, 2)] == timeline_svg._steps(
        [(0.0, 9), (0.1, 1), (5.0, 2)]
    )
