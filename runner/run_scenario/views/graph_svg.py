"""The topology as an SVG picture: processes and resources in layers, from where items come to where they go."""

from __future__ import annotations

from typing import Any

from run_scenario.views.svg import Svg, fit, room_for
from run_scenario.views.topology import Edge, Node, Topology

_MARGIN, _GAP_X, _GAP_Y = 20, 130, 22
_NODE_HEIGHT, _LINE = 26, 15
_NARROWEST, _WIDEST = 90, 220
_BAD = "#b3261e"


def render(topology: Topology) -> str:
    """Return the picture."""
    layers = _layers(topology)
    svg = Svg(topology.title)
    svg.text(_MARGIN, 30, topology.title, 17, font_weight="bold")
    places: dict[str, tuple[float, float, float, float]] = {}
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
    for number, edge in enumerate(topology.edges):
        _draw_edge(svg, edge, places, bottom + 10.0 * (number % 4))
    for name, node in topology.nodes.items():
        _draw_node(svg, node, places[name])
    return svg.rendered(max(x - _GAP_X + _MARGIN, room_for(topology.title, 17) + 2 * _MARGIN), bottom + 60)


def _layers(topology: Topology) -> list[list[str]]:
    """Return the nodes in layers: each as far from the first giver as the shortest way is long."""
    after: dict[str, list[str]] = {name: [] for name in topology.nodes}
    for edge in topology.edges:
        after[edge.source].append(edge.target)
    given = {edge.target for edge in topology.edges if edge.target != edge.source}
    level: dict[str, int] = {}
    # The main program comes first, then whoever is given nothing, then what is only in a circle.
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
    return [part for part in ("" if node.is_process else node.kind, node.note) if part]


def _width(node: Node) -> float:
    widest = max(room_for(node.name, 14), *(room_for(line, 11) for line in _lines(node)), 0.0)
    return min(max(widest + 24, _NARROWEST), _WIDEST)


def _height(node: Node) -> float:
    return _NODE_HEIGHT + _LINE * len(_lines(node))


def _draw_node(svg: Svg, node: Node, place: tuple[float, float, float, float]) -> None:
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
    svg.text(middle, y + 18, fit(node.name, width - 10, 14), 14, text_anchor="middle")
    for number, line in enumerate(_lines(node), 1):
        colour = _BAD if node.bad and line == node.note else "#555555"
        svg.text(middle, y + 18 + number * _LINE, fit(line, width - 10, 11), 11, colour, text_anchor="middle")


def _draw_edge(svg: Svg, edge: Edge, places: dict[str, tuple[float, float, float, float]], below: float) -> None:
    """Draw an edge from left to right; one that leads back goes below everything."""
    source, target = places[edge.source], places[edge.target]
    if source[0] < target[0]:
        x1, y1, x2, y2 = source[0] + source[2], source[1] + source[3] / 2, target[0], target[1] + target[3] / 2
        middle = (x1 + x2) / 2
        path = f"M{x1:.1f} {y1:.1f} C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        label = (middle, (y1 + y2) / 2 - 4)
    else:
        x1, y1, x2, y2 = (
            source[0] + source[2] / 2,
            source[1] + source[3],
            target[0] + target[2] / 2,
            target[1] + target[3],
        )
        path = f"M{x1:.1f} {y1:.1f} C{x1:.1f} {below + 30:.1f} {x2:.1f} {below + 30:.1f} {x2:.1f} {y2:.1f}"
        label = ((x1 + x2) / 2, below + 18)
    style: dict[str, Any] = {"fill": "none", "stroke": "#555555", "stroke_width": 1.2}
    style |= {"marker_end": "url(#arrow)"} if edge.direction == "to" else {"stroke_dasharray": "4 3"}
    svg.add("path", f"{edge.source} → {edge.target}", d=path, **style)
    if edge.label and not edge.label.endswith("×"):  # how often a lock was used would only be in the way
        svg.text(
            label[0], label[1], fit(edge.label, _GAP_X - 10, 11) or edge.label, 11, "#333333", text_anchor="middle"
        )
