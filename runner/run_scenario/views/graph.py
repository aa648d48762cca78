"""The topology in text: as Mermaid, as Graphviz DOT, and drawn for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from run_scenario.views.cells import fitted, width_of
from run_scenario.views.paint import Painter
from run_scenario.views.text import scrub, shorten
from run_scenario.views.topology import Edge, Node, Topology

_LONGEST = 60
"""Characters of a label."""
_LABEL = 18
"""Columns of what is written on an arrow in a terminal."""


def mermaid(topology: Topology) -> str:
    """Return it as a Mermaid flowchart; what names contain is text there and nothing else."""
    ids = {name: f"n{number}" for number, name in enumerate(topology.nodes)}
    lines = ["flowchart LR"]
    for name, node in topology.nodes.items():
        label = "<br/>".join(_mermaid_text(part) for part in _label(node))
        before, after = ("[", "]") if node.is_process else ("[(", ")]") if node.kind.endswith("ueue") else ("([", "])")
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
    plain = shorten(scrub(text), _LONGEST)
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
        shape = "box" if node.is_process else "cds" if node.kind.endswith("ueue") else "ellipse"
        colour = ', color="#c0392b", penwidth=2' if node.bad else ""
        lines.append(f"  {ids[name]} [label={_dot_text(*_label(node))}, shape={shape}{colour}];")
    for edge in topology.edges:
        options = [f"label={_dot_text(edge.label)}"] if edge.label else []
        options += ["dir=none, style=dashed"] if edge.direction == "uses" else []
        lines.append(
            f"  {ids[edge.source]} -> {ids[edge.target]}" + (f" [{', '.join(options)}]" if options else "") + ";"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(*parts: str) -> str:
    texts = [shorten(scrub(part), _LONGEST).replace("\\", "\\\\").replace('"', '\\"') for part in parts]
    return '"' + "\\n".join(texts) + '"'


def _label(node: Node) -> tuple[str, ...]:
    kind = "" if node.is_process else node.kind
    return tuple(part for part in (node.name, kind, node.note) if part)


def drawing(topology: Topology, width: int, *, colour: bool = False, unicode: bool = True) -> str:
    """Return it for a terminal: each resource in the middle, at its left who gives, at its right who takes or uses."""
    paint = Painter(colour=colour)
    lines = [paint("bold", shorten(scrub(topology.title), width)), ""]
    seen: set[str] = set()
    room = max(8, (width - 26) // 3)
    for name, node in topology.nodes.items():
        if node.is_process:
            continue
        giving = [edge for edge in topology.edges if edge.target == name and edge.direction == "to"]
        taking = [edge for edge in topology.edges if edge.source == name]
        using = [edge for edge in topology.edges if edge.target == name and edge.direction == "uses"]
        seen |= {edge.source for edge in giving + using} | {edge.target for edge in taking}
        lines += [*_block(node, giving, [*taking, *using], room, paint, unicode), ""]
    alone = [scrub(n) for n, node in topology.nodes.items() if node.is_process and n not in seen]
    if alone:
        lines.append(f"with nothing between them: {', '.join(alone)}")
    notes = [node for node in topology.nodes.values() if node.is_process and node.note]
    lines += [paint("bold red" if n.bad else "", shorten(f"{scrub(n.name)}: {scrub(n.note)}", width)) for n in notes]
    return "\n".join(lines) + "\n"


def _block(
    node: Node, giving: Sequence[Edge], right: Sequence[Edge], room: int, paint: Painter, unicode: bool
) -> Iterator[str]:
    """Yield the lines of one resource: its box, and the arrows beside it."""
    texts = [scrub(part) for part in _label(node)]
    inner = min(max(width_of(text) for text in texts), room)
    height = max(len(texts), len(giving), len(right))
    corners, side, line = ("┌┐└┘", "│", "─") if unicode else ("++++", "|", "-")
    style = "bold yellow" if node.bad else "cyan"
    left = min(max((width_of(scrub(edge.source)) for edge in giving), default=0), room)
    label_in, label_out = (min(max((len(e.label) for e in edges), default=0), _LABEL) for edges in (giving, right))
    blank = " " * (left + label_in + 7 if giving else 0)
    yield blank + paint(style, corners[0] + line * (inner + 2) + corners[1])
    for index in range(height):
        before = blank
        if index < len(giving):
            name = fitted(scrub(giving[index].source), left)
            before = f"{name} {_arrow(giving[index].label, label_in, line, '▶' if unicode else '>')} "
        text = fitted(texts[index] if index < len(texts) else "", inner)
        after = ""
        if index < len(right):
            edge = right[index]
            used = edge.direction == "uses"
            head = line if used else "▶" if unicode else ">"
            other = shorten(scrub(edge.source if used else edge.target), room)
            after = f" {_arrow(edge.label, label_out, line, head)} {other}"
        yield f"{before}{paint(style, side)} {text} {paint(style, side)}{after}"
    yield blank + paint(style, corners[2] + line * (inner + 2) + corners[3])


def _arrow(label: str, width: int, line: str, head: str) -> str:
    """Return an arrow with a label on it that may take `width` columns."""
    text = shorten(scrub(label), width)
    return f"{line} {text} {line * (width - len(text) + 1)}{head}" if text else line * (width + 4) + head
