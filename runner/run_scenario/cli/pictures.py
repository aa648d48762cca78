"""What a log can be shown as: one entry for each picture, and in which shapes it can be written to a file.

Each picture is drawn by a module of `views`, which is imported when that picture is wanted and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from run_scenario.errors import UsageError
from run_scenario.values import Value
from run_scenario.views.text import scrub

if TYPE_CHECKING:
    from run_scenario.model import Scenario

Event = dict[str, Any]


class Look(Value):
    """How a picture is to look."""

    shape: str
    """What it is made of, as a file's suffix says it: txt, svg, png, mmd, dot, html, json."""
    width: int = 100
    """Columns of text."""
    colour: bool = False
    unicode: bool = True
    """Whether more than ASCII can be shown."""
    first: float | None = None
    last: float | None = None
    """The seconds of the run from which and up to which it is shown."""


class Material(Value):
    """What a picture is made from."""

    events: Iterable[Event]
    text: str | None
    """The scenario as it is written, where that is known."""
    scenario: Scenario | None
    """A scenario that is to be shown as planned; there are no events then."""


class Picture(Value):
    """One way to show a log."""

    summary: str
    shapes: tuple[str, ...]
    """The suffixes of files it can be written to; the first is what standard output gets."""
    draw: Callable[[Material, Look], str | bytes]
    planned: bool = False
    """Whether a scenario can be shown without being run."""
    windowed: bool = False
    """Whether a part of the time can be shown."""


def _html(material: Material, look: Look) -> str:
    from run_scenario.views.html import render

    return render(material.events, material.text)


def _table(material: Material, look: Look) -> str:
    from run_scenario.views.overview import render

    return render(material.events, look.width, colour=look.colour)


def _timeline(material: Material, look: Look) -> str | bytes:
    from run_scenario.views.history_events import read
    from run_scenario.views.timeline import render

    history = read(material.events)
    if look.first is not None and look.first > history.last:
        lasts = f"{history.last:.3f} s"
        raise UsageError(f"--from {look.first:g} is after the last event: the run lasts {lasts}")
    if look.shape in ("svg", "png"):
        from run_scenario.views import svg, timeline_svg

        drawn = timeline_svg.render(history, look.first, look.last)
        return svg.png(drawn) if look.shape == "png" else drawn
    return render(history, look.width, colour=look.colour, unicode=look.unicode, first=look.first, last=look.last)


def _graph(material: Material, look: Look) -> str | bytes:
    from run_scenario.views import graph, topology

    if material.scenario is not None:
        from run_scenario import language

        shown = topology.planned(material.scenario, language.plan(material.scenario))
    else:
        from run_scenario.views.history_events import read

        shown = topology.observed(read(material.events))
    if look.shape in ("svg", "png"):
        from run_scenario.views import graph_svg, svg

        drawn = graph_svg.render(shown)
        return svg.png(drawn) if look.shape == "png" else drawn
    if look.shape == "mmd":
        return graph.mermaid(shown)
    if look.shape == "dot":
        return graph.dot(shown)
    return graph.drawing(shown, look.width, colour=look.colour, unicode=look.unicode)


def _perfetto(material: Material, look: Look) -> str:
    from run_scenario.views.traces import perfetto

    return perfetto(material.events)


def _shiviz(material: Material, look: Look) -> str:
    from run_scenario.views.traces import shiviz

    return shiviz(material.events)


PICTURES = {
    "timeline": Picture(
        "a lane for each process, in true proportion to time", ("txt", "svg", "png"), _timeline, windowed=True
    ),
    "table": Picture("processes, queues, pools and locks in numbers", ("txt",), _table),
    "graph": Picture("what is between the processes", ("txt", "svg", "png", "mmd", "dot"), _graph, planned=True),
    "html": Picture("one file for a browser: lanes, arrows, state at every moment, search", ("html",), _html),
    "perfetto": Picture("a trace for ui.perfetto.dev: slices, flows, counters", ("json",), _perfetto),
    "shiviz": Picture("a log with vector clocks for ShiViz", ("txt",), _shiviz),
}
"""The pictures by name."""

ALIASES: dict[str, tuple[str, str]] = {"mermaid": ("graph", "mmd"), "dot": ("graph", "dot")}
"""Other names of a picture in one of its shapes."""

_SUFFIXES = {"html": "html", "mmd": "graph", "dot": "graph", "json": "perfetto"}
"""The picture that the suffix of a file asks for, where it is not the usual one."""
_SAME = {"htm": "html", "mermaid": "mmd", "gv": "dot", "log": "txt"}
"""Other spellings of a suffix."""
_PLAIN = frozenset(("mmd", "dot"))
"""Shapes that are text for a person, too: a file that ends in .txt may have them."""
_CALLED = {
    "mermaid": "Mermaid",
    "dot": "DOT",
    "html": "a page of HTML",
    "perfetto": "a Perfetto trace",
    "shiviz": "a log for ShiViz",
}
USUAL = "timeline"


def choose(name: str | None, output: str | None) -> tuple[Picture, str]:
    """Return the picture to be drawn and its shape, from what `--as` and `--output` say.

    A file without a suffix gets the first shape of its picture.

    Raises:
        UsageError: the picture cannot be written as such a file.
    """
    suffix = PurePath(output or "").suffix.removeprefix(".").lower()
    suffix = _SAME.get(suffix, suffix)
    called = name or _SUFFIXES.get(suffix, USUAL)
    key, only = ALIASES.get(called, (called, ""))
    picture = PICTURES[key]
    shapes = (only,) if only else picture.shapes
    if not suffix or suffix in shapes:
        return picture, suffix or shapes[0]
    if suffix == "txt" and shapes[0] in _PLAIN:
        return picture, shapes[0]
    raise UsageError(f"{scrub(str(output))}: {_cannot(name, called, scrub(suffix), shapes)}")


def _cannot(asked: str | None, called: str, suffix: str, shapes: tuple[str, ...]) -> str:
    """Return why a picture cannot be written to such a file, and to which it can."""
    if asked is None:
        return (
            f"nothing can be written as .{suffix}: a timeline is .txt, .svg or .png; a page for a browser .html; "
            "a graph .mmd or .dot; a trace for Perfetto .json"
        )
    endings = [f".{each}" for each in (*shapes, *(["txt"] if shapes[0] in _PLAIN else []))]
    can = " or ".join(part for part in (", ".join(endings[:-1]), endings[-1]) if part)
    others = [other for other, each in PICTURES.items() if suffix in each.shapes and suffix != "txt"]
    hint = f", or show it --as {' or '.join(others)}" if others else ""
    return (
        f"{_CALLED.get(called, f'a {called}')} cannot be written as .{suffix}: write it to a file that ends in {can}"
        f"{hint}"
    )
