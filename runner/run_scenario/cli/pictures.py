"""Pictures of runs: a renderer for each, the formats of files that it can write, and where they go.

`show` draws them of a log, `run` of the runs that it makes. Each picture is drawn by a module of `report`, which is
imported when that picture is wanted and not before.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, TextIO

from run_scenario.cli import logs
from run_scenario.cli.output_format import OutputFormat
from run_scenario.cli.streams import columns, note, write_stderr, write_stdout
from run_scenario.errors import MachineryError, UsageError, reason_of
from run_scenario.ownership import check_to_write, open_to_write
from run_scenario.report.text import sanitize
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.scenario.model import Scenario

Event = dict[str, Any]
Drawn = str | bytes | Iterator[str]
"""A picture; piece by piece, where it has something for each event."""


class RenderOptions(Value):
    """How a picture is to look."""

    format: str
    """What it is made of, as a file's suffix names it: txt, svg, png, mmd, dot, html, json."""
    width: int = 100
    """Columns of text."""
    colour: bool = False
    unicode: bool = True
    """Whether more than ASCII can be shown."""
    first: float | None = None
    last: float | None = None
    """The seconds of the run from which and up to which it is shown."""
    introduced: bool = True
    """Whether what a scenario says of itself belongs to it; not below a log, which has it."""


class RenderInput(Value):
    """What a picture is made from."""

    events: Iterable[Event]
    text: str | None
    """The scenario as it is written, where that is known."""
    scenario: Scenario | None
    """A scenario that is to be shown as planned; there are no events then."""


class Renderer(Value):
    """One way to show a log."""

    summary: str
    formats: tuple[str, ...]
    """The suffixes of files it can be written to; the first is what standard output gets."""
    draw: Callable[[RenderInput, RenderOptions], Drawn]
    planned: bool = False
    """Whether a scenario can be shown without being run."""
    windowed: bool = False
    """Whether a part of the time can be shown."""
    send: Callable[[RenderInput], str] | None = None
    """Sends it to where the environment says, and returns what was sent to whom; None: it can only be written."""


def _html(source: RenderInput, options: RenderOptions) -> Iterator[str]:
    from run_scenario.report.html import render

    return render(source.events, source.text)


def _table(source: RenderInput, options: RenderOptions) -> str:
    from run_scenario.report.terminal.overview import render

    return render(source.events, options.width, colour=options.colour)


def _timeline(source: RenderInput, options: RenderOptions) -> str | bytes:
    from run_scenario.events.history.history import read
    from run_scenario.report.timeline.text import render

    history = read(source.events)
    if options.first is not None and options.first > history.last:
        lasts = f"{history.last:.3f} s"
        raise UsageError(f"--from {options.first:g} is after the last event: the run lasts {lasts}")
    if options.format in ("svg", "png"):
        from run_scenario.report import svg_elements
        from run_scenario.report.timeline import svg as timeline_svg

        drawn = timeline_svg.render(history, options.first, options.last)
        return svg_elements.png(drawn) if options.format == "png" else drawn
    return render(
        history,
        options.width,
        colour=options.colour,
        unicode=options.unicode,
        first=options.first,
        last=options.last,
        introduced=options.introduced,
    )


def _graph(source: RenderInput, options: RenderOptions) -> str | bytes:
    from run_scenario.report.graph import text as graph
    from run_scenario.report.graph import topology

    if source.scenario is not None:
        from run_scenario import loader

        shown = topology.planned(source.scenario, loader.plan(source.scenario))
    else:
        from run_scenario.events.history.history import read

        shown = topology.observed(read(source.events))
    if options.format in ("svg", "png"):
        from run_scenario.report import svg_elements
        from run_scenario.report.graph import svg as graph_svg

        drawn = graph_svg.render(shown)
        return svg_elements.png(drawn) if options.format == "png" else drawn
    if options.format == "mmd":
        return graph.mermaid(shown)
    if options.format == "dot":
        return graph.dot(shown)
    return graph.drawing(shown, options.width, colour=options.colour, unicode=options.unicode)


def _perfetto(source: RenderInput, options: RenderOptions) -> Iterator[str]:
    from run_scenario.report.traces import perfetto

    return perfetto(source.events)


def _shiviz(source: RenderInput, options: RenderOptions) -> Iterator[str]:
    from run_scenario.report.traces import shiviz

    return shiviz(source.events)


def _otlp(source: RenderInput, options: RenderOptions) -> str:
    from run_scenario.report.otel import json_lines

    return json_lines(source.events)


def _send_otlp(source: RenderInput) -> str:
    from run_scenario.cli.sending import send

    return send(source.events)


def _scenario(source: RenderInput, options: RenderOptions) -> str:
    from run_scenario import loader
    from run_scenario.report.scenario.layout import render, with_problems

    scenario = render(source.events, source.text)
    return with_problems(scenario, loader.load_text(scenario, use_cache=False).problems)


RENDERERS = {
    "timeline": Renderer(
        "a lane for each process, in true proportion to time", ("txt", "svg", "png"), _timeline, windowed=True
    ),
    "table": Renderer("processes, queues, pools and locks in numbers", ("txt",), _table),
    "graph": Renderer("what is between the processes", ("txt", "svg", "png", "mmd", "dot"), _graph, planned=True),
    "html": Renderer("one file for a browser: lanes, arrows, state at every moment, search", ("html",), _html),
    "perfetto": Renderer("a trace for ui.perfetto.dev: slices, flows, counters", ("json",), _perfetto),
    "shiviz": Renderer("a log with vector clocks for ShiViz", ("txt",), _shiviz),
    "otlp": Renderer(
        "a trace for OpenTelemetry's collectors: a span for each process, links from put to get",
        ("jsonl",),
        _otlp,
        send=_send_otlp,
    ),
    "scenario": Renderer("of a script's log: a scenario of what it did", ("yaml",), _scenario),
}
"""The renderers by the names of their pictures."""

ALIASES: dict[str, tuple[str, str]] = {"mermaid": ("graph", "mmd"), "dot": ("graph", "dot")}
"""Other names of a picture in one of its formats."""

_SUFFIXES = {"html": "html", "mmd": "graph", "dot": "graph", "json": "perfetto", "yaml": "scenario"}
"""The picture that the suffix of a file asks for, where it is not the usual one. What is called .jsonl is a log, unless
another thing is asked for by its name."""
_SAME = {"htm": "html", "mermaid": "mmd", "gv": "dot", "log": "txt", "yml": "yaml"}
"""Other spellings of a suffix."""
_PLAIN = frozenset(("mmd", "dot"))
"""Formats that are text for a person, too: a file that ends in .txt may have them."""
_CALLED = {
    "mermaid": "Mermaid",
    "dot": "DOT",
    "html": "a page of HTML",
    "perfetto": "a Perfetto trace",
    "shiviz": "a log for ShiViz",
    "otlp": "a trace for OpenTelemetry",
    "scenario": "a scenario",
}
USUAL = "timeline"


def choose(name: str | None, output: str | None) -> tuple[Renderer, str]:
    """Return the renderer that is asked for by `--as` and `--output`, and the format.

    A file without a suffix gets the first format of its picture.

    Raises:
        UsageError: the picture cannot be written as such a file.
    """
    suffix = PurePath(output or "").suffix.removeprefix(".").lower()
    suffix = _SAME.get(suffix, suffix)
    called = name or _SUFFIXES.get(suffix, USUAL)
    key, only = ALIASES.get(called, (called, ""))
    renderer = RENDERERS[key]
    formats = (only,) if only else renderer.formats
    if not suffix or suffix in formats:
        return renderer, suffix or formats[0]
    if suffix == "txt" and formats[0] in _PLAIN:
        return renderer, formats[0]
    raise UsageError(f"{sanitize(str(output))}: {_cannot(name, called, sanitize(suffix), formats)}")


def _cannot(asked: str | None, called: str, suffix: str, formats: tuple[str, ...]) -> str:
    """Return why a picture cannot be written to such a file, and to which it can."""
    if asked is None:
        return (
            f"nothing can be written as .{suffix}: a timeline is .txt, .svg or .png; a page for a browser .html; "
            "a graph .mmd or .dot; a trace for Perfetto .json; --as otlp .jsonl; "
            "a script's run as a scenario .yaml"
        )
    endings = [f".{each}" for each in (*formats, *(["txt"] if formats[0] in _PLAIN else []))]
    can = " or ".join(part for part in (", ".join(endings[:-1]), endings[-1]) if part)
    others = [other for other, each in RENDERERS.items() if suffix in each.formats and suffix != "txt"]
    hint = f", or show it --as {' or '.join(others)}" if others else ""
    return (
        f"{_CALLED.get(called, f'a {called}')} cannot be written as .{suffix}: write it to a file that ends in {can}"
        f"{hint}"
    )


_UNMEASURED = 100
"""Columns of text where there is no terminal, and COLUMNS does not say."""


def options_for_stream(stream: TextIO, file_format: str, *, no_color: bool) -> RenderOptions:
    """Return how a picture is rendered for a stream: as wide as its terminal, in what characters and colours it has."""
    colour = stream.isatty() and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    encoding = (stream.encoding or "ascii").lower().replace("-", "")
    return RenderOptions(file_format, columns(stream) or _columns(), colour, encoding == "utf8")


def options_for_file(file_format: str) -> RenderOptions:
    """Return how a picture is rendered into a file."""
    return RenderOptions(file_format, _columns())


def _columns() -> int:
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and 20 <= int(given) <= 1_000 else _UNMEASURED


_PIECE = 1 << 20
"""Characters of a picture that are written at once."""


def check_writable(path: str) -> None:
    """Find out before a run that its picture could not be written after it.

    Raises:
        MachineryError: it could not.
    """
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise MachineryError(f"cannot write to {sanitize(path)}: it is a folder")
    if not folder.is_dir():
        raise MachineryError(f"cannot write to {sanitize(path)}: there is no folder {sanitize(str(folder))}")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise MachineryError(f"cannot write to {sanitize(path)}: permission denied")
    try:
        check_to_write(path)
    except OSError as error:
        raise _cannot_write(path, error) from None


def write(drawn: Drawn, path: str) -> None:
    """Write a picture to a file, once all of it could be drawn.

    Raises:
        MachineryError: that failed.
    """
    with contextlib.ExitStack() as stack:
        pieces = (drawn,) if isinstance(drawn, bytes) else map(_encoded, whole(drawn, stack))
        try:
            with os.fdopen(open_to_write(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
                file.writelines(pieces)
        except OSError as error:
            raise _cannot_write(path, error) from None


def whole(drawn: str | Iterator[str], stack: contextlib.ExitStack) -> Iterator[str]:
    """Yield a picture piece by piece when all of it could be drawn; until the stack is closed, a file keeps it.

    Raises:
        MachineryError: there is no space for it.
    """
    if isinstance(drawn, str):
        return iter((drawn,))
    try:
        file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="")  # noqa: SIM115
        kept = stack.enter_context(file)
        kept.writelines(drawn)
        kept.seek(0)
    except OSError as error:
        raise MachineryError(f"cannot keep the picture until it is whole: {reason_of(error)}") from None
    return iter(partial(kept.read, _PIECE), "")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _cannot_write(path: str, error: OSError) -> MachineryError:
    return MachineryError(sanitize(f"cannot write to {path}: {reason_of(error)}"))


@contextlib.contextmanager
def spool() -> Iterator[IO[bytes]]:
    """Open a file that a run's log can be kept in for as long as this lasts.

    Raises:
        MachineryError: there is no space for it.
    """
    try:
        with tempfile.TemporaryFile(prefix="run-scenario-") as file:
            yield file
    except OSError as error:
        raise MachineryError(f"cannot keep the log for its picture: {reason_of(error)}") from None


def draw(log: IO[bytes], text: str, name: str | None, path: str) -> None:
    """Draw a run that has just ended into a file: the picture of that name, or what the file's suffix says."""
    renderer, file_format = choose(name, path)
    log.seek(0)
    drawn = renderer.draw(RenderInput(logs.events(log, "the run's log"), text, None), options_for_file(file_format))
    write(drawn, path)


def draw_run(log: IO[bytes], text: str, options: Namespace) -> None:
    """Draw what `run` was asked to draw of a run that has just ended."""
    if options.report is not None:
        draw(log, text, None, options.report)
        if sys.stderr.isatty():
            note(f"the report is in {sanitize(options.report)}")
    if options.timeline:
        _timeline_after_run(log, options)


def _timeline_after_run(log: IO[bytes], options: Namespace) -> None:
    """Print the timeline below the console view; where standard output gets JSON Lines, on standard error."""
    log.seek(0)
    on_console = OutputFormat.chosen(options, options.log) is OutputFormat.CONSOLE
    chosen = options_for_stream(sys.stdout if on_console else sys.stderr, "txt", no_color=options.no_color)
    source = RenderInput(logs.events(log, "the run's log"), None, None)
    drawn = RENDERERS["timeline"].draw(source, chosen.replace(introduced=not on_console))
    text = f"\n{drawn if isinstance(drawn, str) else ''}"
    if on_console:
        write_stdout(text)
    else:
        write_stderr(text)
