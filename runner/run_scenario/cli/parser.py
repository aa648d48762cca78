"""The arguments: which command, with which options; `--help` teaches by example.

Each command has a parser of its own, and only that of the command at hand is built. The parser of the whole, with all
of them as subcommands, exists for `--help` and for shell completion.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from run_scenario import __version__
from run_scenario.cli import commands, comparing, limiting, run, showing
from run_scenario.cli.streams import columns
from run_scenario.errors import Status
from run_scenario.model import START_METHODS
from run_scenario.values import Value
from run_scenario.views.text import scrub

PROGRAM = "run-scenario"
FORMATS = ("auto", "console", "json")
MAX_TIMEOUT = 86_400.0

_DESCRIPTION = "Run the multi-process program that a YAML file describes, and log the truth about what happened."
_EPILOG = """\
examples:
  run-scenario daemon                    run a bundled scenario and watch it
  run-scenario my.yaml --log my.jsonl    run your own, and keep the log
  run-scenario daemon | jq .event        piped, standard output is JSON Lines
  run-scenario list                      what there is to run
  run-scenario validate my.yaml          every mistake, with line and column
  run-scenario run --help                all about one command

A FILE is the path of a scenario, or the name of a bundled one (daemon, daemon.yaml). 'run' may be left out.

exit status:
  0 passed    1 an expectation failed, or a process ended in a way the scenario does not allow
  2 the scenario or the command line is invalid    3 the run had to be stopped (stalled, deadline)
  4 the run itself failed (log not writable, out of processes)
  129, 130, 143 stopped by SIGHUP, SIGINT (Ctrl-C), SIGTERM    141 nobody read the output any more
"""


class Parser(argparse.ArgumentParser):
    """argparse's, with errors in one or two lines that name the way out."""

    def __init__(self, prog: str, description: str = "", epilog: str = "") -> None:
        super().__init__(
            prog,
            description=description,
            epilog=epilog,
            formatter_class=functools.partial(
                argparse.RawDescriptionHelpFormatter, max_help_position=30, width=_width()
            ),
            allow_abbrev=False,
        )
        self._given: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on, and exit with status 2."""
        if "arguments are required" in message:  # then argparse has not come to the unknown ones
            message = next((self._unknown(name) for name in self._strangers()), message)
        self.exit(Status.INVALID, f"{PROGRAM}: {scrub(message)}\n  try: {self.prog} --help\n")

    def parse_all(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse options and files in any order; an unknown option is answered with the nearest one."""
        self._given = arguments
        options, unknown = self.parse_known_intermixed_args(list(arguments))
        if unknown:
            self.error(self._unknown(unknown[0]))
        return options

    def _strangers(self) -> Iterator[str]:
        """Yield what was given as a long option and is none."""
        for argument in itertools.takewhile(lambda argument: argument != "--", self._given):
            if argument.startswith("--") and argument.partition("=")[0] not in self._option_string_actions:
                yield argument

    def _unknown(self, argument: str) -> str:
        if not argument.startswith("-"):
            takes = " and ".join(f"one {action.metavar}" for action in self._get_positional_actions())
            return f"{argument!r} is too much: '{self.prog}' takes {takes}"
        from difflib import get_close_matches

        name = argument.partition("=")[0]
        close = get_close_matches(name, list(self._option_string_actions), n=1)
        return f"there is no option {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


@functools.cache
def _width() -> int:
    """Return how wide help is to be: what argparse takes, which asks shutil, 2 ms to import, for each option."""
    try:
        return (int(os.environ.get("COLUMNS", "")) or columns() or 80) - 2
    except ValueError:
        return (columns() or 80) - 2


class Command(Value):
    """A command: what it is for, its arguments, the function that carries it out."""

    summary: str
    examples: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    function: Callable[[argparse.Namespace], Status]

    def fill(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        self.add_arguments(parser)
        parser.set_defaults(function=self.function, commands=tuple(COMMANDS))


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0 and up to {MAX_TIMEOUT:.0f}, such as 10 or 2.5"
        )
    return number


def _package(text: str) -> str:
    if not text.isidentifier():
        top = text.removesuffix(".py").partition(".")[0].partition(":")[0]
        hint = f": {top}" if top.isidentifier() else ", such as mypackage"
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a top-level package{hint}")
    return text


def _files(parser: argparse.ArgumentParser, nargs: str | None = "+") -> None:
    parser.add_argument("files", metavar="FILE", nargs=nargs, help="a scenario's path, or the name of a bundled one")


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    _files(parser)
    parser.add_argument(
        "--log", metavar="PATH", help="append the log to this file, as JSON Lines; -: standard output, as --format json"
    )
    _format(parser)
    _start_method(parser)
    _timeout_and_allow(parser)
    parser.add_argument(
        "--report", metavar="PATH", help="draw the run into this file: .html; or a timeline: .svg, .png, .txt"
    )
    parser.add_argument("--timeline", action="store_true", help="print a timeline of the run after it")
    parser.add_argument("--no-color", action="store_true", help="no colours, even on a terminal (as NO_COLOR=1)")
    # For programs that run this one, such as the Python API: whoever is killed cannot stop the run any more.
    parser.add_argument("--end-with-parent", metavar="PID", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--temporary", action="store_true", help=argparse.SUPPRESS)
    limiting.add_arguments(parser)


def _format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="auto",
        help="on standard output: console, json, or auto (console on a terminal, json piped; default)",
    )


def _start_method(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--start-method",
        choices=START_METHODS,
        help="how processes are started, instead of what the scenario says",
    )


def _timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", metavar="S", type=_seconds, help="deadline of a run in seconds, instead of what the scenario says"
    )


def _timeout_and_allow(parser: argparse.ArgumentParser) -> None:
    _timeout(parser)
    parser.add_argument(
        "--allow",
        metavar="PKG",
        type=_package,
        action="append",
        default=[],
        help="let targets of this package run its code; may be repeated (or: allow = [...] under [tool.run-scenario] "
        "in pyproject.toml)",
    )


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    _files(parser, None)
    comparing.add_arguments(parser)
    _format(parser)
    _timeout_and_allow(parser)
    limiting.add_arguments(parser)
    parser.add_argument("--no-color", action="store_true", help="no colours, even on a terminal (as NO_COLOR=1)")


def _recover_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", help="a run's id, or its beginning; left out: list them")
    parser.add_argument("--log", metavar="PATH", help="append the log to this file, as JSON Lines; -: standard output")
    _format(parser)
    parser.add_argument("--keep", action="store_true", help="do not remove the recording when it has been told")
    parser.add_argument("--no-color", action="store_true", help="no colours, even on a terminal (as NO_COLOR=1)")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", metavar="LOG", help="a log, as JSON Lines; -: standard input")
    parser.add_argument("file", metavar="FILE", help="the scenario with the expectations: a path, or a bundled one")
    _format(parser)
    parser.add_argument("--no-color", action="store_true", help="no colours, even on a terminal (as NO_COLOR=1)")


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    showing.add_arguments(parser)
    _start_method(parser)
    _timeout(parser)
    limiting.add_arguments(parser)


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="print this bundled scenario; or the list of one chapter"
    )
    parser.add_argument(
        "--search",
        metavar="WORD",
        nargs="+",
        action="extend",
        default=[],
        help="only those that mention every WORD: in name, title, description, source, targets, kinds of resources",
    )


def _targets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="all about this target or work function")


def _schema_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="scenario", help="which one: scenario (default) or event"
    )


def _completion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", help=f"one of {', '.join(commands.SHELLS)}")


_ALLOW_EXAMPLE = "\n  run-scenario run my.yaml --allow mypackage      run targets of your own package\n"

COMMANDS = {
    "run": Command(
        "run scenarios, one after the other",
        "  run-scenario daemon\n"
        "  run-scenario run names pids --format console\n"
        "  run-scenario run count-down --start-method spawn --timeout 30 --log count-down.jsonl"
        + _ALLOW_EXAMPLE
        + "\nSeveral are checked before the first one runs: if one is invalid, none is run. Of several runs, the exit "
        "status\nis the highest; an interrupt ends them all.",
        _run_arguments,
        run.run,
    ),
    "compare": Command(
        "run a scenario with processes, with threads and serially, and compare the costs",
        "  run-scenario compare speed-up\n"
        "  run-scenario compare speed-up --cpus 1,2\n"
        "  run-scenario compare my.yaml --workers process --start-methods fork,spawn --runs 20\n"
        "  run-scenario compare my.yaml --format json > costs.json\n\n"
        "The same targets, with the same queues: in processes, in threads of one process, and serially, where the\n"
        "main program calls each target when it would start it. The runs are interleaved; all figures come from their\n"
        "logs. The exit status is 0 if every run has passed, else 1.",
        _compare_arguments,
        commands.compare,
    ),
    "validate": Command(
        "tell every mistake in a scenario, and run nothing",
        "  run-scenario validate my.yaml\n  run-scenario validate scenarios/*/*.yaml",
        _files,
        commands.validate,
    ),
    "plan": Command(
        "print the main program's steps",
        "  run-scenario plan daemon\n  run-scenario plan my.yaml",
        lambda parser: _files(parser, None),
        commands.plan,
    ),
    "python": Command(
        "print the scenario as a plain multiprocessing script",
        "  run-scenario python daemon > daemon.py    then: python3 daemon.py\n"
        "  run-scenario python my.yaml\n\n"
        "The script needs nothing but Python: the lines of the built-in targets stand in it. Targets of your own are\n"
        "imported by it, and not run here.",
        lambda parser: _files(parser, None),
        commands.python,
    ),
    "check": Command(
        "judge an existing log by a scenario's expectations",
        "  run-scenario check daemon.jsonl daemon.yaml\n"
        "  ssh there cat run.jsonl | run-scenario check - my.yaml\n\n"
        "Every run in the log is judged, one event after the other. The verdicts come on standard output, as events\n"
        "or, on a terminal, as sentences. The exit status is 0 if all expectations have passed, else 1.",
        _check_arguments,
        commands.check,
    ),
    "recover": Command(
        "show what was recorded of a run whose run-scenario was killed",
        "  run-scenario recover                          what there is\n"
        "  run-scenario recover 3f2a --log run.jsonl     tell one, and remove it\n\n"
        "When run-scenario itself is killed, its run is ended and its recording kept in the temporary folder, private\n"
        "to you: the last five, and no more than 256 MB. Expectations are not judged: `run-scenario check` does that.",
        _recover_arguments,
        commands.recover,
    ),
    "show": Command(
        "draw a log, or a scenario: timeline, table, graph, report",
        "  run-scenario show daemon                                  run it, and draw who did what when\n"
        "  run-scenario daemon --log daemon.jsonl\n"
        "  run-scenario show daemon.jsonl --as table\n"
        "  run-scenario show daemon.jsonl --output daemon.html       for a browser\n"
        "  run-scenario show daemon.jsonl --output daemon.svg        for a book; .png, too\n"
        "  run-scenario show poison-pill --as graph                  what is between the processes, as planned\n"
        "  run-scenario show poison-pill --as mermaid                for a README\n\n"
        "A LOG is a file of JSON Lines, - standard input. A FILE is run first, except for a graph. The exit status\n"
        "is 0 if it could be shown, however the run ended. Long text is paged on a terminal (PAGER).",
        _show_arguments,
        commands.show,
    ),
    "list": Command(
        "the bundled scenarios; with NAME, print one",
        "  run-scenario list\n"
        "  run-scenario list queues                the chapter about queues\n"
        "  run-scenario list --search daemon join\n"
        "  run-scenario list daemon > my.yaml      a start for your own",
        _list_arguments,
        commands.list_,
    ),
    "targets": Command(
        "the built-in targets; with NAME, all about one",
        "  run-scenario targets\n  run-scenario targets consume",
        _targets_arguments,
        commands.targets,
    ),
    "schema": Command(
        "print the JSON Schema of scenarios, or of the log's events",
        "  run-scenario schema > scenario.schema.json\n  run-scenario schema event",
        _schema_arguments,
        commands.schema,
    ),
    "completion": Command(
        "print a script that completes commands, options and scenarios in your shell",
        "  run-scenario completion bash > ~/.local/share/bash-completion/completions/run-scenario\n"
        '  run-scenario completion zsh > "${fpath[1]}/_run-scenario"\n'
        "  run-scenario completion tcsh > ~/.run-scenario.tcsh",
        _completion_arguments,
        commands.completion,
    ),
}


def whole_parser() -> Parser:
    """Return the parser of everything, for `--help` and completion."""
    parser = Parser(PROGRAM, _DESCRIPTION, _EPILOG)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    for name, command in COMMANDS.items():
        command.fill(subparsers.add_parser(name, help=command.summary, add_help=True))
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, `function` among them: the one that carries out the command.

    Raises:
        SystemExit: `--help` or `--version` was answered, or the arguments are wrong and that has been explained.
    """
    first = arguments[0] if arguments else ""
    if first in ("", "-h", "--help", "--version"):
        parser = whole_parser()
        if not arguments:
            parser.print_help(sys.stderr)
            parser.exit(Status.INVALID)
        return parser.parse_args(arguments)
    name, rest = (first, arguments[1:]) if first in COMMANDS else ("run", arguments)
    command = COMMANDS[name]
    summary = command.summary[0].upper() + command.summary[1:] + "."
    parser = Parser(f"{PROGRAM} {name}", summary, f"examples:\n{command.examples}\n")
    command.fill(parser)
    return parser.parse_all(rest)
