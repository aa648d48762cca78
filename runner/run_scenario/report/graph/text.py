"""The topology in text: as Mermaid, as Graphviz DOT, and drawn for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from run_scenario.report.graph.topology import Edge, Node, Shape, Topology
from run_scenario.report.terminal.cells import Painter, pad, width_of, wrap
from run_scenario.report.text import sanitize, truncate

_LONGEST = 60
"""Characters of a label."""
_LABEL = 18
"""Columns of what is written on an arrow in a terminal."""
_ARROW = 7
"""Columns of an arrow and the blanks around it, but for what is written on it."""
_BOX = 4
"""Columns of a box around its text."""
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


def drawing(topology: Topology, width: int, *, colour: bool = False, unicode: bool = True) -> str:
    """Return it for a terminal: each resource in the middle, at its left who gives, at its right who takes or uses."""
    paint = Painter(colour=colour)
    lines = [paint("bold", truncate(sanitize(topology.title), width)), ""]
    seen: set[str] = set()
    for name, node in topology.nodes.items():
        if node.is_process:
            continue
        giving = [edge for edge in topology.edges if edge.target == name and edge.direction == "to"]
        taking = [edge for edge in topology.edges if edge.source == name]
        using = [edge for edge in topology.edges if edge.target == name and edge.direction == "uses"]
        seen |= {edge.source for edge in giving + using} | {edge.target for edge in taking}
        lines += [*_block(node, giving, [*taking, *using], width, paint, unicode), ""]
    alone = [sanitize(n) for n, node in topology.nodes.items() if node.is_process and n not in seen]
    if alone:
        lines += _hanging(f"with nothing between them: {', '.join(alone)}", width)
    for node in topology.nodes.values():
        if node.is_process and node.note:
            note = _hanging(f"{sanitize(node.name)}: {sanitize(node.note)}", width)
            lines += [paint("bold red" if node.bad else "", line) for line in note]
    return "\n".join(lines) + "\n"


def _hanging(text: str, width: int) -> list[str]:
    """Return a text in lines, those below the first indented."""
    first, *more = wrap(text, width - 2, width)
    return [first, *(f"  {line}" for line in more)]


def _block(
    node: Node, giving: Sequence[Edge], right: Sequence[Edge], width: int, paint: Painter, unicode: bool
) -> Iterator[str]:
    """Yield the lines of one resource: its box, and the arrows beside it."""
    texts = [sanitize(part) for part in _label(node)]
    height = max(len(texts), len(giving), len(right))
    corners, side, line, head = ("┌┐└┘", "│", "─", "▶") if unicode else ("++++", "|", "-", ">")
    style = "bold yellow" if node.bad else "cyan"
    others = [sanitize(edge.source if edge.direction == "uses" else edge.target) for edge in right]
    label_in, label_out = (min(max((len(e.label) for e in edges), default=0), _LABEL) for edges in (giving, right))
    beside = [_BOX, *([label_in + _ARROW] if giving else []), *([label_out + _ARROW] if right else [])]
    wanted = ([sanitize(edge.source) for edge in giving], texts, others)
    left, inner, rest = _distribute([max(map(width_of, each), default=0) for each in wanted], width - sum(beside))
    blank = " " * (left + label_in + _ARROW if giving else 0)
    yield blank + paint(style, corners[0] + line * (inner + 2) + corners[1])
    for index in range(height):
        before = blank
        if index < len(giving):
            name = pad(_shortened(sanitize(giving[index].source), left), left)
            before = f"{name} {_arrow(giving[index].label, label_in, line, head)} "
        text = pad(_shortened(texts[index], inner) if index < len(texts) else "", inner)
        after = ""
        if index < len(right):
            edge = right[index]
            tip = line if edge.direction == "uses" else head
            after = f" {_arrow(edge.label, label_out, line, tip)} {_shortened(others[index], rest)}"
        yield f"{before}{paint(style, side)} {text} {paint(style, side)}{after}"
    yield blank + paint(style, corners[2] + line * (inner + 2) + corners[3])


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
