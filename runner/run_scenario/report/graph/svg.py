"""The topology as an SVG picture: processes and resources in layers, from where items come to where they go."""

from __future__ import annotations

from typing import Any

from run_scenario.report.graph.topology import Edge, Node, Topology
from run_scenario.report.svg_elements import Svg, text_width, truncate_to
from run_scenario.report.terminal.cells import width_of, wrap
from run_scenario.report.text import sanitize, truncate

_MARGIN, _GAP_X, _GAP_Y = 20, 150, 22
_NODE_HEIGHT, _LINE = 26, 15
_NARROWEST, _WIDEST = 90, 220
_PADDING = 12
_MOST_NEAR = 200
"""Labels that one keeps out of the way of: those before it, which are its neighbours."""
_BOLD = 1.12
"""How much wider bold letters are."""
_SMALL = 11
_MOST_LINES = 5
"""Of a note; the words of a log are short, those of a hostile one may not be."""
_SPOTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78, 0.14, 0.86)
"""Where on its way an edge may have its label: the first where no other label is in its way, or the least is."""
_BAD = "#b3261e"


Box = tuple[float, float, float, float]
"""x, y, width, height."""
Curve = tuple[tuple[float, float], ...]
"""A Bézier curve: its start, two points that draw it to their side, its end."""


def render(topology: Topology) -> str:
    """Return the picture."""
    layers = _layers(topology)
    svg = Svg(topology.title)
    svg.text(_MARGIN, 30, topology.title, 17, font_weight="bold")
    places: dict[str, Box] = {}
    heights = [sum(_height(topology.nodes[name]) + _GAP_Y for name in layer) for layer in layers]
    x, most = float(_MARGIN), max(heights, default=0)
    for layer, height in zip(layers, heights, strict=True):
        width = max(_width(topology.nodes[name]) for name in layer)
        y = 56.0 + (most - height) / 2
        for name in layer:
            places[name] = (x, y, width, _height(topology.nodes[name]))
            y += places[name][3] + _GAP_Y
        x += width + _GAP_X
    bottom = 56.0 + most
    ways = [_draw_edge(svg, edge, places, bottom + 10.0 * (n % 4)) for n, edge in enumerate(topology.edges)]
    back = any(places[edge.source][0] >= places[edge.target][0] for edge in topology.edges)
    taken: list[Box] = []
    for edge, way in zip(topology.edges, ways, strict=True):
        if edge.label:
            _draw_label(svg, edge.label, way, taken)
    for name, node in topology.nodes.items():
        _draw_node(svg, node, places[name])
    return svg.rendered(
        max(x - _GAP_X + _MARGIN, text_width(topology.title, 17) * _BOLD + 2 * _MARGIN), bottom + (60 if back else 0)
    )


def _layers(topology: Topology) -> list[list[str]]:
    """Return the nodes in layers: each as far from the first producer as the shortest way is long."""
    after: dict[str, list[str]] = {name: [] for name in topology.nodes}
    for edge in topology.edges:
        after[edge.source].append(edge.target)
    given = {edge.target for edge in topology.edges if edge.target != edge.source}
    level: dict[str, int] = {}
    # The main program comes first, then what has no source, then what is only in a circle.
    for start in sorted(topology.nodes, key=lambda name: (name != next(iter(topology.nodes)), name in given)):
        if start in level or (start in given and any(start in after[name] for name in level)):
            continue
        level[start] = 0
        queue = [start]
        for name in queue:
            for target in after[name]:
                if target not in level:
                    level[target] = level[name] + 1
                    queue.append(target)
    layers: list[list[str]] = [[] for _ in range(max(level.values(), default=0) + 1)]
    for name in topology.nodes:
        layers[level.get(name, 0)].append(name)
    return [layer for layer in layers if layer]


def _lines(node: Node) -> list[str]:
    """Return what stands below the name: what it is; and its note, in as many lines as that needs."""
    note = wrap(sanitize(node.note), int((_WIDEST - 2 * _PADDING) / text_width("x", _SMALL))) if node.note else []
    cut = [*note[: _MOST_LINES - 1], "…"] if len(note) > _MOST_LINES else note
    return ([] if node.is_process else [node.kind]) + cut


def _width(node: Node) -> float:
    widest = max(text_width(node.name, 14), *(text_width(line, _SMALL) for line in _lines(node)), 0.0)
    return min(max(widest + 2 * _PADDING, _NARROWEST), _WIDEST)


def _height(node: Node) -> float:
    return _NODE_HEIGHT + _LINE * len(_lines(node))


def _draw_node(svg: Svg, node: Node, place: Box) -> None:
    x, y, width, height = place
    fill = "#eef4fb" if node.is_process else "#fff6e5"
    stroke = _BAD if node.bad else "#5b6770"
    shape: dict[str, Any] = {
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "rx": 3 if node.is_process else height / 2,
    }
    svg.add("rect", **shape, fill=fill, stroke=stroke, stroke_width=2 if node.bad else 1.2)
    middle = x + width / 2
    most = int((width - 10) / text_width("x", 14))
    name = truncate(sanitize(node.name), most, lost="middle", measure=width_of)
    svg.text(middle, y + 18, name, 14, text_anchor="middle")
    for number, line in enumerate(_lines(node), 1):
        colour = _BAD if node.bad and (node.is_process or number > 1) else "#555555"
        svg.text(middle, y + 18 + number * _LINE, line, _SMALL, colour, text_anchor="middle")


def _draw_edge(svg: Svg, edge: Edge, places: dict[str, Box], below: float) -> Curve:
    """Draw an edge from left to right, one that leads back below everything; return the way it takes."""
    x, y, width, height = places[edge.source]
    to_x, to_y, to_width, to_height = places[edge.target]
    if x < to_x:
        start, end = (x + width, y + height / 2), (to_x, to_y + to_height / 2)
        middle = (start[0] + end[0]) / 2
        curve = (start, (middle, start[1]), (middle, end[1]), end)
    else:
        start, end = (x + width / 2, y + height), (to_x + to_width / 2, to_y + to_height)
        curve = (start, (start[0], below + 30), (end[0], below + 30), end)
    points = " ".join(f"{x:.1f} {y:.1f}" for x, y in curve[1:])
    style: dict[str, Any] = {"fill": "none", "stroke": "#555555", "stroke_width": 1.2}
    style |= {"marker_end": "url(#arrow)"} if edge.direction == "to" else {"stroke_dasharray": "4 3"}
    svg.add("path", f"{edge.source} → {edge.target}", d=f"M{start[0]:.1f} {start[1]:.1f} C{points}", **style)
    return curve


def _draw_label(svg: Svg, label: str, curve: Curve, taken: list[Box]) -> None:
    """Write what stands on an edge where no other label is; `taken` are those that were written."""
    text = truncate_to(label, _GAP_X - 10, _SMALL) or label
    width = text_width(text, _SMALL) + 4
    boxes = [(x - width / 2, y - 8, width, 14.0) for x, y in (_at(curve, spot) for spot in _SPOTS)]
    box = min(boxes, key=lambda box: sum(_overlap(box, other) for other in taken[-_MOST_NEAR:]))
    taken.append(box)
    svg.add("rect", x=box[0], y=box[1], width=box[2], height=box[3], fill="#ffffff", fill_opacity=0.85)
    svg.text(box[0] + width / 2, box[1] + 11, text, _SMALL, "#333333", text_anchor="middle")


def _at(curve: Curve, part: float) -> tuple[float, float]:
    """Return the point that lies so far along the curve."""
    rest = 1 - part
    weights = (rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3)
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, curve, strict=True)) for axis in (0, 1))
    return x, y


def _overlap(one: Box, other: Box) -> float:
    """Return how much of two boxes is the same, in square pixels."""
    width, height = (
        min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - max(one[axis], other[axis]) for axis in (0, 1)
    )
    return max(0.0, width) * max(0.0, height)
