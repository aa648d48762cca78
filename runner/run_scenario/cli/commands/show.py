"""`show`: a log, or a run that is made for it, as a picture.

A log is read line by line and never held as a whole here; how much of it is kept is up to each renderer.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from argparse import Namespace
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.cli import logs
from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.commands.run import run_for_its_log
from run_scenario.cli.files import load_valid, report_end
from run_scenario.cli.options import number
from run_scenario.cli.pager import page
from run_scenario.cli.pictures import (
    ALIASES,
    RENDERERS,
    Drawn,
    Event,
    Renderer,
    RenderInput,
    RenderOptions,
    check_writable,
    choose,
    options_for_file,
    options_for_stream,
    spool,
    whole,
    write,
)
from run_scenario.cli.streams import note, write_stdout
from run_scenario.errors import Status, UsageError
from run_scenario.report.text import sanitize

if TYPE_CHECKING:
    from run_scenario.scenario.model import Scenario

NAMES = (*RENDERERS, *ALIASES)
WIDTHS = (20, 1_000)
"""Fewest and most columns of text."""
_UNSHOWN = (Status.INVALID, Status.MACHINERY, Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED)
"""What a run made for a picture ends with that leaves nothing to be shown."""


def show(options: Namespace) -> Status:
    """Show a log, or a scenario; return 0 if it could be shown, however the run ended."""
    renderer, file_format = choose(options.as_, options.output)
    _check_options(renderer, options)
    if options.output is not None:
        check_writable(options.output)
        if _are_one_file(options.output, options.subject):
            raise UsageError(f"--output would write over {sanitize(options.subject)} itself")
    if logs.is_log(options.subject):
        with logs.seekable(options.subject) as log:
            try:
                _show(logs.one_run(log, options.subject, options.run), renderer, file_format, options)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                what = f"'{options.subject}' contains a malformed event: {type(error).__name__}: {error}"
                raise UsageError(sanitize(what)) from error
        return Status.PASSED
    if options.run is not None:
        raise UsageError("--run chooses one run of a log; a scenario's is the one that is made now")
    return _show_scenario(renderer, file_format, options)


def _are_one_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):  # one of them is not there
        return False


def _check_options(renderer: Renderer, options: Namespace) -> None:
    """Refuse options that would do nothing.

    Raises:
        UsageError: there is one.
    """
    if not renderer.windowed and (options.first is not None or options.last is not None):
        raise UsageError("--from and --to choose a part of a timeline; nothing else is shown in parts")
    if options.send and renderer.send is None:
        raise UsageError("--send sends a trace to a collector of OpenTelemetry: show it --as otlp")
    if options.send and options.output is not None:
        raise UsageError("--send sends the trace instead of writing it; leave out --output")
    if options.first is not None and options.last is not None and options.first >= options.last:
        raise UsageError("--from must be before --to")


def _show_scenario(renderer: Renderer, file_format: str, options: Namespace) -> Status:
    scenario, text = load_valid(options.subject, shared.given_by(options))
    if renderer.planned:
        drawn = renderer.draw(RenderInput((), text, scenario), _render_options(file_format, options))
        _deliver(drawn, file_format, options)
        return Status.PASSED
    _refuse_own_code(scenario, options.subject)
    with spool() as log:
        outcome = run_for_its_log((scenario, text), options, log)
        if outcome.status in _UNSHOWN:
            report_end(outcome)
            return outcome.status
        log.seek(0)
        _show(logs.events(log, options.subject), renderer, file_format, options, text)
    return Status.PASSED


def _refuse_own_code(scenario: Scenario, subject: str) -> None:
    """Refuse to run code of the scenario's own: whoever wants to look at a file has not agreed to that.

    Raises:
        UsageError: the scenario names such code.
    """
    if scenario.packages:
        package, name = min(scenario.packages), sanitize(subject)
        raise UsageError(
            f"{name} names code of {sanitize(package)}, and `show` runs built-in targets only; let `run` make the "
            f"picture: run-scenario run {name} --allow {sanitize(package)} --timeline (or --report FILE.html)"
        )


def _render_options(file_format: str, options: Namespace) -> RenderOptions:
    if options.output is not None:
        usual = options_for_file(file_format)
    else:
        usual = options_for_stream(sys.stdout, file_format, no_color=options.no_color)
    return usual.replace(width=options.width or usual.width, first=options.first, last=options.last)


def _show(
    events: Iterator[Event], renderer: Renderer, file_format: str, options: Namespace, text: str | None = None
) -> None:
    first = next(events)
    if text is None:
        text = _source(first)
    source = RenderInput(chain([first], events), text, None)
    if options.send and renderer.send is not None:
        note(renderer.send(source))
        return
    drawn = renderer.draw(source, _render_options(file_format, options))
    _deliver(drawn, file_format, options)


def _source(event: Event) -> str | None:
    """Return the text of the scenario that a log is of, if it is still where the run found it, and the same."""
    import hashlib

    from run_scenario import bundled

    name = event.get("file")
    if event["event"] != "scenario.started" or not isinstance(name, str):
        return None
    for path in (Path(name), bundled.find_scenario(name)):
        try:
            data = path.read_bytes() if path is not None and path.is_file() else b""
        except (OSError, ValueError):
            continue
        if f"sha256:{hashlib.sha256(data).hexdigest()}" == event.get("digest"):
            return data.decode("utf-8-sig", "replace")
    return None


def _deliver(drawn: Drawn, file_format: str, options: Namespace) -> None:
    if options.output is not None:
        write(drawn, options.output)
    elif isinstance(drawn, bytes):
        _write_bytes(drawn)
    elif file_format == "txt":
        page(drawn if isinstance(drawn, str) else "".join(drawn), wanted=not options.no_pager)
    else:
        with contextlib.ExitStack() as stack:
            for piece in whole(drawn, stack):
                write_stdout(piece, encoding="utf-8")


def _write_bytes(drawn: bytes) -> None:
    if sys.stdout.isatty():
        raise UsageError("a terminal cannot show this file; write it to one with --output")
    sys.stdout.flush()
    from run_scenario.report.outputs import Output

    Output(sys.stdout.fileno(), "standard output").write(drawn)


_WIDTH = number(int, lambda n: WIDTHS[0] <= n <= WIDTHS[1], f"a number of columns from {WIDTHS[0]} to {WIDTHS[1]}")
_MOMENT = number(float, lambda t: 0 <= t < math.inf, "a moment of the run in seconds, such as 0 or 2.5")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject",
        metavar="LOG|FILE",
        help="a log, as JSON Lines (-: standard input); or a scenario of built-in targets, which is run for it "
        "(for a graph it is not)",
    )
    parser.add_argument(
        "--as",
        dest="as_",
        metavar="FORMAT",
        choices=NAMES,
        help=f"{', '.join(NAMES)} (default: what the suffix of --output says, otherwise timeline)",
    )
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="write to this file; its suffix says as what: timeline and graph can be .svg or .png, too",
    )
    parser.add_argument(
        "--send",
        action="store_true",
        help="send a trace (--as otlp) to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names",
    )
    parser.add_argument("--run", metavar="ID", help="of a log with several runs, this one (default: the last)")
    parser.add_argument("--width", metavar="N", type=_WIDTH, help="columns of text (default: those of the terminal)")
    parser.add_argument("--from", dest="first", metavar="S", type=_MOMENT, help="show a timeline from this second on")
    parser.add_argument("--to", dest="last", metavar="S", type=_MOMENT, help="show a timeline up to this second")
    parser.add_argument("--no-pager", action="store_true", help="never page, however long it is")
    shared.add_no_color(parser)
    shared.add_set(parser)
    shared.add_start_method(parser)
    shared.add_timeout(parser)
    shared.add_limits(parser)


COMMAND = Command(
    "draw a log, or a scenario: timeline, table, graph, report",
    "  run-scenario show daemon                                  run it, and draw who did what when\n"
    "  run-scenario daemon --log daemon.jsonl\n"
    "  run-scenario show daemon.jsonl --as table\n"
    "  run-scenario show daemon.jsonl --output daemon.html       for a browser\n"
    "  run-scenario show daemon.jsonl --output daemon.svg        for a book; .png, too\n"
    "  run-scenario show poison-pill --as graph                  what is between the processes, as planned\n"
    "  run-scenario show poison-pill --as mermaid                for a README\n"
    "  run-scenario show daemon.jsonl --as otlp --send           to Jaeger, Tempo and the like\n\n"
    "A LOG is a file of JSON Lines, - standard input. A FILE is run first, except for a graph. The exit status\n"
    "is 0 if it could be shown, however the run ended. Long text is paged on a terminal (PAGER).",
    _add_arguments,
    show,
)
