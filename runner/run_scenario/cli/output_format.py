"""Console or JSON: what a command writes to standard output, decided once for all commands that have `--format`."""

from __future__ import annotations

import enum
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from run_scenario.cli import github
from run_scenario.errors import UsageError

if TYPE_CHECKING:
    from run_scenario.report.jsonlines import Processor
    from run_scenario.report.outputs import Output
    from run_scenario.report.terminal.console import ConsoleView
    from run_scenario.runtime.run_follower import Sink

_STANDARD_OUTPUT = "-"
"""What `--log` calls standard output."""


class OutputFormat(enum.Enum):
    """What standard output gets."""

    CONSOLE = "console"
    """Lines for a person."""
    JSON = "json"
    """JSON Lines, or one JSON object."""

    @classmethod
    def chosen(cls, options: Namespace, log: str | None = None) -> OutputFormat:
        """Return what `--format` and `--log` say; where they leave it open, a terminal gets lines for a person.

        Raises:
            UsageError: the console view and the log are both to go to standard output.
        """
        if log == _STANDARD_OUTPUT:
            if options.format not in ("auto", "json"):
                raise UsageError(
                    f"--log - and --format {options.format} both want standard output; give --log the path of a file"
                )
            return cls.JSON
        if options.format == github.FORMAT:
            return cls.CONSOLE
        if options.format == "auto":
            return cls.CONSOLE if sys.stdout.isatty() else cls.JSON
        return cls(options.format)


def check_unused(options: Namespace, log: str | None) -> None:
    """Check that a command which leaves standard output to its processes is not asked for something else there.

    Raises:
        UsageError: `--format` or `--log` asks for it.
    """
    if options.format != "auto" or log == _STANDARD_OUTPUT:
        raise UsageError("with --no-capture, standard output is the processes'; give --log the path of a file")


FORMATS = ("auto", *(each.value for each in OutputFormat))
"""The words that `--format` takes."""


class EventOutput(NamedTuple):
    """Where the events of a log are written to."""

    sinks: list[Sink]
    view: ConsoleView | None
    """The sink that shows them on a terminal, or wherever standard output goes, if that is the format."""


def event_output(
    options: Namespace,
    log: str | None = None,
    others: Sequence[Output] = (),
    names: Sequence[str] = (),
    *,
    processors: Callable[[], Sequence[Processor]] = tuple,
    is_for_program: bool = False,
) -> EventOutput:
    """Return the sinks for standard output, in the format chosen, and for others, which get JSON Lines.

    Args:
        options: `--format` and `--no-color`.
        log: What `--log` says, of a command that has it: this file is appended to.
        others: More outputs; they get the events as they are.
        names: The processes that the console view makes room for.
        processors: Returns what the lines of the file, and of standard output, go through; asked only if there are any.
        is_for_program: Whether a program that runs this one, such as the Python API, reads standard output: the events
            as they are.

    Raises:
        UsageError: the console view and the log are both to go to standard output.
        InvalidScenario: pyproject.toml names what is no processor.
        MachineryError: the log cannot be opened.
    """
    shown = OutputFormat.chosen(options, log)
    from run_scenario.report.outputs import Output

    path = log if log != _STANDARD_OUTPUT else None
    to_stdout = shown is OutputFormat.JSON
    is_processed = path is not None or (to_stdout and not is_for_program)
    found = processors() if is_processed else ()
    stdout = [Output(sys.stdout.fileno(), "standard output")] if to_stdout else []
    files = [] if path is None else [Output.log(path)]
    if not found:
        sinks = json_lines([*stdout, *files, *others])
    elif is_for_program:
        sinks = [*json_lines([*stdout, *others]), *json_lines(files, found)]
    else:
        sinks = [*json_lines(others), *json_lines([*stdout, *files], found)]
    if to_stdout:
        return EventOutput(sinks, None)
    from run_scenario.report.terminal.console import ConsoleView

    view = ConsoleView(sys.stdout, names=names, colour=not options.no_color)
    return EventOutput([view, *sinks], view)


def json_lines(outputs: Sequence[Output], processors: Sequence[Processor] = ()) -> list[Sink]:
    """Return the sink that writes JSON Lines to these outputs; none if there are no outputs."""
    if not outputs:
        return []
    from run_scenario.report.jsonlines import JsonLines, Pipeline

    return [JsonLines(outputs, Pipeline(processors)) if processors else JsonLines(outputs)]
