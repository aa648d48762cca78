"""The topology in text: as Mermaid, as Graphviz DOT, and drawn for a terminal."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.report.graph.topology import Edge, Node, Shape, Topology
from run_scenario.report.terminal.cells import Painter, pad, paragraph, width_of, wrap
from run_scenario.report.text import sanitize, truncate
from run_scenario.values import Value

_LONGEST = 60
"""Characters of a label."""
_LABEL = 18
"""Columns of what is written on an arrow in a terminal."""
_ARROW = 7
"""Columns of an arrow and the blanks around it, but for what is written on it."""
_BOX = 4
"""Columns of a box around its text."""
_PAINT = re.compile(r"\x1b\[[0-9;]*m")
_TURN = 3
"""Columns behind a process in which the arrow to the next line of a chain turns."""
_LEAST = 6
"""Columns of a text that is cut."""
_MERMAID_BRACKETS = {Shape.PROCESS: ("[", "]"), Shape.QUEUE: ("[(", ")]"), Shape.RESOURCE: ("([", "])")}
_DOT_SHAPES = {Shape.PROCESS: "box", Shape.QUEUE: "cds", Shape.RESOURCE: "ellipse"}


def mermaid(topology: Topology) -> str:
    """Return it as a Mermaid flowchart; what names contain is text there and nothing else."""
    ids = {name: f"n{number}" for number, name in enumerate(topology.nodes)}
    lines = ["flowchart LR"]
    for name, node in topology.nodes.items():
        label = "<br/>".join(_mermaid_text(part) for part in _label(node))
        before, after = _MERMAID_BRACKETS[node.shape]
        lines.append(f'    {ids[name]}{before}"{label}"{after}')
    for edge in topology.edges:
        label = f'|"{_mermaid_text(edge.label)}"|' if edge.label else ""
        arrow = "-->" if edge.direction == "to" else "---"
        lines.append(f"    {ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    bad = [ids[name] for name, node in topology.nodes.items() if node.bad]
    if bad:
        lines.append("    classDef bad stroke:#c0392b,stroke-width:3px")
        lines.append(f"    class {','.join(bad)} bad")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """Return text as Mermaid's entities: all but letters, digits and a few harmless signs."""
    plain = truncate(sanitize(text), _LONGEST)
    return "".join(c if c.isalnum() or c in " .,-_/" else f"#{ord(c)};" for c in plain)


def dot(topology: Topology) -> str:
    """Return it in Graphviz's language."""
    ids = {name: f"n{number}" for number, name in enumerate(topology.nodes)}
    lines = [
        "digraph scenario {",
        f"  label={_dot_text(topology.title)}; labelloc=t; rankdir=LR;",
        '  node [fontname="Helvetica,sans-serif"]; edge [fontname="Helvetica,sans-serif", fontsize=11];',
    ]
    for name, node in topology.nodes.items():
        colour = ', color="#c0392b", penwidth=2' if node.bad else ""
        lines.append(f"  {ids[name]} [label={_dot_text(*_label(node))}, shape={_DOT_SHAPES[node.shape]}{colour}];")
    for edge in topology.edges:
        options = [f"label={_dot_text(edge.label)}"] if edge.label else []
        options += ["dir=none, style=dashed"] if edge.direction == "uses" else []
        lines.append(
            f"  {ids[edge.source]} -> {ids[edge.target]}" + (f" [{', '.join(options)}]" if options else "") + ";"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(*parts: str) -> str:
    texts = [truncate(sanitize(part), _LONGEST).replace("\\", "\\\\").replace('"', '\\"') for part in parts]
    return '"' + "\\n".join(texts) + '"'


def _label(node: Node) -> tuple[str, ...]:
    kind = "" if node.is_process else node.kind
    return tuple(part for part in (node.name, kind, node.note) if part)


class _Stage(Value):
    """A resource, and the edges at its left and at its right: who gives, and who takes or uses."""

    node: Node
    giving: tuple[Edge, ...]
    right: tuple[Edge, ...]


def drawing(topology: Topology, width: int, *, colour: bool = False, unicode: bool = True) -> str:
    """Return it for a terminal: each resource in the middle, at its left who gives, at its right who takes or uses.

    Where one process takes from a resource and gives to the next, both stand in one line. Where that has no room, the
    arrow of the last process in it leads to the next line.
    """
    paint = Painter(colour=colour)
    lines = [paint("bold", truncate(sanitize(topology.title), width)), ""]
    if topology.shows:
        lines += [*(paint("dim", line) for line in paragraph(topology.shows, width, unicode=unicode)), ""]
    seen: set[str] = set()
    for chain in _chains(topology):
        seen |= {
            name for stage in chain for edge in (*stage.giving, *stage.right) for name in (edge.source, edge.target)
        }
        lines += [*_chain(chain, width, paint, unicode), ""]
    alone = [sanitize(n) for n, node in topology.nodes.items() if node.is_process and n not in seen]
    if alone:
        lines += _hanging(f"with nothing between them: {', '.join(alone)}", width)
    for node in topology.nodes.values():
        if node.is_process and node.note:
            note = _hanging(f"{sanitize(node.name)}: {sanitize(node.note)}", width)
            lines += [paint("bold red" if node.bad else "", line) for line in note]
    if topology.watch_for:
        lines += ["", *paragraph(topology.watch_for, width, unicode=unicode)]
    return "\n".join(lines) + "\n"


def _chains(topology: Topology) -> Iterator[list[_Stage]]:
    """Yield the resources in chains: the only one that takes from one of them is the only one that gives to the next.

    A circle is cut before its first resource, and each chain at the main program: with it, most begin and end.
    """
    stages = {
        name: _Stage(
            node,
            tuple(edge for edge in topology.edges if edge.target == name and edge.direction == "to"),
            (
                *(edge for edge in topology.edges if edge.source == name),
                *(edge for edge in topology.edges if edge.target == name and edge.direction == "uses"),
            ),
        )
        for name, node in topology.nodes.items()
        if not node.is_process
    }
    gives: defaultdict[str, list[str]] = defaultdict(list)
    """Process -> the resources to which it alone gives."""
    takes: defaultdict[str, list[str]] = defaultdict(list)
    """Process -> those from which it alone takes."""
    for name, stage in stages.items():
        if len(stage.giving) == 1:
            gives[stage.giving[0].source].append(name)
        if len(stage.right) == 1 and stage.right[0].direction == "to":
            takes[stage.right[0].target].append(name)
    following = {
        takes[process][0]: gives[process][0]
        for process in topology.nodes
        if process != MAIN_NAME and len(takes[process]) == len(gives[process]) == 1
    }
    left = dict.fromkeys(stages)
    begun = [name for name in stages if name not in following.values()]
    for start in (*begun, *stages):
        chain: list[_Stage] = []
        name = start
        while name in left:
            del left[name]
            chain.append(stages[name])
            name = following.get(name, "")
        if chain:
            yield chain


def _chain(chain: Sequence[_Stage], width: int, paint: Painter, unicode: bool) -> Iterator[str]:
    """Yield the lines of a chain; where it has no room in one, an arrow leads from its end to where it goes on."""
    *rows, last = _rows(chain, width)
    down, turns, line = ("│", "┐┌┘", "─") if unicode else ("|", "+++", "-")
    for number, stages in enumerate(rows):
        top, middle, *below = _block(stages, width - _TURN, paint, unicode, goes_on=number > 0)
        at = _columns_of(middle) + _TURN - 1
        yield top
        yield f"{middle} {line}{turns[0]}"
        yield from (f"{each}{' ' * (at - _columns_of(each))}{down}" for each in below)
        yield f"{turns[1]}{line * (at - 1)}{turns[2]}"
    yield from _block(last, width, paint, unicode, goes_on=bool(rows))


def _rows(chain: Sequence[_Stage], width: int) -> Iterator[list[_Stage]]:
    """Yield as much of a chain as has room side by side."""
    row: list[_Stage] = []
    for stage in chain:
        room = width if stage is chain[-1] else width - _TURN
        if row and _natural_width([*row, stage], goes_on=row[0] is not chain[0]) > room:
            yield row
            row = []
        row.append(stage)
    yield row


def _natural_width(stages: Sequence[_Stage], *, goes_on: bool) -> int:
    """Return how wide stages are side by side: the arrows, the processes and the boxes, none of them shortened."""
    taken = 0
    for stage in stages:
        taken += _BOX + max(width_of(text) for text in _texts(stage))
    edges = [stages[0].giving, *(stage.right for stage in stages)]
    names = [[""] if goes_on else _names(stages[0].giving, at_left=True), *(_names(stage.right) for stage in stages)]
    for group, beside in zip(edges, names, strict=True):
        taken += _label_width(group) + _ARROW + max(map(width_of, beside)) if group else 0
    return taken + sum(_label_width(stage.giving) + _ARROW for stage in stages[1:])


def _texts(stage: _Stage) -> list[str]:
    return [sanitize(part) for part in _label(stage.node)]


def _names(edges: Sequence[Edge], *, at_left: bool = False) -> list[str]:
    """Return who is at the other ends of edges."""
    return [sanitize(edge.source if at_left or edge.direction == "uses" else edge.target) for edge in edges]


def _label_width(edges: Sequence[Edge]) -> int:
    return min(max((len(edge.label) for edge in edges), default=0), _LABEL)


def _hanging(text: str, width: int) -> list[str]:
    """Return a text in lines, those below the first indented."""
    first, *more = wrap(text, width - 2, width)
    return [first, *(f"  {line}" for line in more)]


def _block(
    stages: Sequence[_Stage], width: int, paint: Painter, unicode: bool, *, goes_on: bool = False
) -> Iterator[str]:
    """Yield the lines of resources side by side: their boxes, the arrows beside and between them.

    `goes_on`: an arrow comes from above instead of from the process at the left, which stands there.
    """
    first, last = stages[0], stages[-1]
    line, head = ("─", "▶") if unicode else ("-", ">")
    names_in, names_out = [""] if goes_on else _names(first.giving, at_left=True), _names(last.right)
    label_in, label_out = _label_width(first.giving), _label_width(last.right)
    left, rest = (max(map(width_of, names), default=0) for names in (names_in, names_out))
    widths = [max(width_of(text) for text in _texts(stage)) for stage in stages]
    if len(stages) == 1:  # what is wider than the terminal
        beside = [_BOX, *([label_in + _ARROW] if first.giving else []), *([label_out + _ARROW] if last.right else [])]
        left, widths[0], rest = _distribute([left, widths[0], rest], width - sum(beside))
    columns: list[list[str]] = []
    if goes_on:
        down, turn = ("│", "└") if unicode else ("|", "+")
        columns.append([down, f"{turn}{_arrow(first.giving[0].label, label_in, line, head)} "])
    elif first.giving:
        arrows = [_arrow(edge.label, label_in, line, head) for edge in first.giving]
        names = [pad(_shortened(name, left), left) for name in names_in]
        columns.append(["", *(f"{name} {arrow} " for name, arrow in zip(names, arrows, strict=True))])
    for index, (stage, inner) in enumerate(zip(stages, widths, strict=True)):
        if index:
            columns.append(["", _between(stages[index - 1], stage, line, head)])
        columns.append(_box(stage, inner, paint, unicode))
    if last.right:
        arrows = [_arrow(e.label, label_out, line, line if e.direction == "uses" else head) for e in last.right]
        names = [_shortened(name, rest) for name in names_out]
        columns.append(["", *(f" {arrow} {name}" for name, arrow in zip(names, arrows, strict=True))])
    taken = [max(map(_columns_of, column)) for column in columns]
    for index in range(max(map(len, columns))):
        parts = [column[index] if index < len(column) else "" for column in columns]
        end = max((at for at, part in enumerate(parts, 1) if part), default=0)
        blanks = [" " * (most - _columns_of(part)) for part, most in zip(parts, taken, strict=True)]
        yield "".join(f"{part}{blank}" for part, blank in zip(parts[:end], blanks, strict=False)).rstrip(" ")


def _between(stage: _Stage, following: _Stage, line: str, head: str) -> str:
    """Return the process between two resources, and its arrows."""
    taking, giving = stage.right[0], following.giving[0]
    arrows = [_arrow(edge.label, _label_width([edge]), line, head) for edge in (taking, giving)]
    return f" {arrows[0]} {sanitize(taking.target)} {arrows[1]} "


def _box(stage: _Stage, inner: int, paint: Painter, unicode: bool) -> list[str]:
    """Return the lines of a box, as high as what is beside it needs."""
    corners, side, line = ("┌┐└┘", "│", "─") if unicode else ("++++", "|", "-")
    style = "bold yellow" if stage.node.bad else "cyan"
    texts = _texts(stage)
    texts += [""] * (max(len(stage.giving), len(stage.right)) - len(texts))
    edge = paint(style, side)
    return [
        paint(style, corners[0] + line * (inner + 2) + corners[1]),
        *(f"{edge} {pad(_shortened(text, inner), inner)} {edge}" for text in texts),
        paint(style, corners[2] + line * (inner + 2) + corners[3]),
    ]


def _columns_of(painted: str) -> int:
    """Return how many columns text takes that may be painted."""
    return width_of(_PAINT.sub("", painted))


def _shortened(text: str, width: int) -> str:
    """Return text of at most `width` columns, without its middle if need be: names differ at their ends."""
    return truncate(text, width, lost="middle", measure=width_of)


def _distribute(wanted: Sequence[int], width: int) -> list[int]:
    """Return how many columns each gets of `width`: as many as it wants; where that is too much, the widest gives."""
    given = list(wanted)
    while sum(given) > width and max(given) > _LEAST:
        given[given.index(max(given))] -= 1
    return given


def _arrow(label: str, width: int, line: str, head: str) -> str:
    """Return an arrow with a label on it that may take `width` columns."""
    text = truncate(sanitize(label), width)
    if not text:
        return line * (width + 4) + head
    return f"{line} {text} {line * (width - len(text) + 1)}{head}"
