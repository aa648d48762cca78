"""The arguments: which command, with which options; `--help` teaches by example.

Each command has a parser of its own, and only that of the command at hand is built. The list of all commands is for
`--help`, which is answered by a parser that knows no more of them.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from run_scenario import __version__
from run_scenario.cli.command import COMMANDS, PROGRAM, Command, Group, find_command
from run_scenario.cli.streams import columns
from run_scenario.errors import Status
from run_scenario.report.text import sanitize
from run_scenario.suggestions import did_you_mean

_DESCRIPTION = "Run the multi-process program that a YAML file describes, and log accurately what happened."
_EPILOG = """\
examples:
  run-scenario daemon                    run a bundled scenario and watch it
  run-scenario my.yaml --log my.jsonl    run your own, and keep the log
  run-scenario daemon | jq .event        piped, standard output is JSON Lines
  run-scenario list                      what there is to run
  run-scenario learn                     a book's chapter about processes, step by step
  run-scenario validate my.yaml          every error, with line and column
  run-scenario run --help                all about one command

A FILE is the path of a scenario, or the name of a bundled one (daemon, daemon.yaml). 'run' may be left out.

exit status:
  0 passed    1 an expectation failed, or a process ended in a way the scenario does not allow
  2 the scenario or the command line is invalid    3 the run had to be stopped, unexpectedly (stalled, deadline)
  4 the run itself failed (log not writable, out of processes)
  129, 130, 143 stopped by SIGHUP, SIGINT (Ctrl-C), SIGTERM    141 standard output was closed
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
        """Report what is wrong and where to read on, and exit with status 2."""
        if "arguments are required" in message:  # then argparse has not come to the unknown ones
            message = next((self.unknown(name) for name in self._strangers()), message)
        self.exit(Status.INVALID, f"{PROGRAM}: {sanitize(message)}\n  try: {self.prog} --help\n")

    def parse_all(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse options and files in any order; an unknown option is answered with the nearest one."""
        self._given = arguments
        if any(action.nargs == argparse.REMAINDER for action in self._actions):  # what comes last is not for us
            options, unknown = self.parse_known_args(list(arguments))
            options.option_names = frozenset(self._option_string_actions)
        else:
            options, unknown = self.parse_known_intermixed_args(list(arguments))
        if unknown:
            self.error(self.unknown(unknown[0]))
        return options

    def _strangers(self) -> Iterator[str]:
        """Yield what was given as a long option and is none."""
        for argument in itertools.takewhile(lambda argument: argument != "--", self._given):
            if argument.startswith("--") and argument.partition("=")[0] not in self._option_string_actions:
                yield argument

    def unknown(self, argument: str) -> str:
        """Return what is to be said of an argument that is none."""
        if not argument.startswith("-"):
            takes = " and ".join(f"one {action.metavar}" for action in self._get_positional_actions())
            return f"unexpected argument {argument!r}: '{self.prog}' takes {takes}"
        name = argument.partition("=")[0]
        hint = did_you_mean(name, self._option_string_actions)
        return f"there is no option {name!r}" + (f"; {hint}" if hint else "")


@functools.cache
def _width() -> int:
    """Return how wide help is to be: what argparse takes, which asks shutil, 2 ms to import, for each option."""
    try:
        return (int(os.environ.get("COLUMNS", "")) or columns() or 80) - 2
    except ValueError:
        return (columns() or 80) - 2


def _parser_of_all() -> Parser:
    """Return the parser that answers `--help` and `--version`."""
    parser = Parser(PROGRAM, _DESCRIPTION, _EPILOG)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    _add_commands(parser, {name: find_command(name).summary for name in COMMANDS})
    return parser


def _add_commands(parser: Parser, summaries: Mapping[str, str]) -> None:
    """Add commands that the parser knows no more of than what its help says."""
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    for name, summary in summaries.items():
        subparsers.add_parser(name, help=summary)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, `function` among them: the one that carries out the command.

    Raises:
        SystemExit: `--help` or `--version` was answered, or the arguments are wrong and that has been explained.
    """
    first = arguments[0] if arguments else ""
    if first in ("", "-h", "--help", "--version"):
        parser = _parser_of_all()
        if not arguments:
            parser.print_help(sys.stderr)
            parser.exit(Status.INVALID)
        return parser.parse_args(arguments)
    name, rest = (first, arguments[1:]) if first in COMMANDS else ("run", arguments)
    command = find_command(name)
    if isinstance(command, Group):
        second = rest[0] if rest else ""
        if second not in command.commands:
            _answer_for_group(name, command, rest)
        name, command, rest = f"{name} {second}", command.commands[second], rest[1:]
    parser = _parser_of(name, command)
    command.add_arguments(parser)
    parser.set_defaults(function=command.function)
    return parser.parse_all(rest)


def _parser_of(name: str, command: Command | Group) -> Parser:
    summary = command.summary[0].upper() + command.summary[1:] + "."
    return Parser(f"{PROGRAM} {name}", summary, f"examples:\n{command.examples}\n")


def _answer_for_group(name: str, group: Group, rest: Sequence[str]) -> NoReturn:
    """Answer what is not one of a group's commands: `--help`, or a mistake."""
    parser = _parser_of(name, group)
    _add_commands(parser, {second: command.summary for second, command in group.commands.items()})
    if not rest:
        parser.print_help(sys.stderr)
        parser.exit(Status.INVALID)
    if rest[0] in ("-h", "--help"):
        parser.print_help()
        parser.exit(Status.PASSED)
    if rest[0].startswith("-"):
        parser.error(parser.unknown(rest[0]))
    hint = did_you_mean(rest[0], group.commands, f"there are {', '.join(group.commands)}")
    parser.error(f"there is no command '{name} {rest[0]}'; {hint}")
