"""Completion scripts for shells, made by shtab from the parser of the whole."""

from __future__ import annotations

import argparse

import shtab

from run_scenario import bundled
from run_scenario.cli.parser import COMMANDS, PROGRAM, Command, Parser


def script(shell: str) -> str:
    """Return the script for `bash`, `zsh` or `tcsh`."""
    names = [path.stem for path in bundled.scenarios()]
    text: str = shtab.complete(_parser(names), shell)
    return text if text.endswith("\n") else text + "\n"


def _parser(names: list[str]) -> Parser:
    """Return a parser to which each bundled scenario is a command too: `run` may be left out."""
    parser = Parser(PROGRAM)
    parser.add_argument("--version", action="version", help="print the version")
    subparsers = parser.add_subparsers(parser_class=argparse.ArgumentParser)
    for name, command in COMMANDS.items():
        _add(subparsers, name, command, command.summary, names)
    for name in names:
        if name not in COMMANDS:
            _add(subparsers, name, COMMANDS["run"], "a bundled scenario", names)
    return parser


def _add(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command,
    summary: str,
    names: list[str],
) -> None:
    parser = subparsers.add_parser(name, help=summary)
    command.fill(parser)
    for action in parser._actions:
        if action.dest == "files":
            action.complete = _file_or_bundled(names)  # type: ignore[attr-defined]
        elif action.dest == "log":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest == "name" and command is COMMANDS["list"]:
            action.choices = names


def _file_or_bundled(names: list[str]) -> dict[str, object]:
    words = " ".join(names)
    bash = (
        "_run_scenario_file() {\n"
        '  compgen -d -- "$1"\n'
        "  compgen -f -X '!*.yaml' -- \"$1\"\n"
        "  compgen -f -X '!*.yml' -- \"$1\"\n"
        f'  compgen -W "{words}" -- "$1"\n'
        "}\n"
    )
    zsh = (
        "_run_scenario_file() {\n"
        "  _alternative 'files:file:_files -g \"*.(yaml|yml)\"' "
        f"'scenarios:bundled scenario:({words})'\n"
        "}\n"
    )
    return {
        "bash": "_run_scenario_file",
        "zsh": "_run_scenario_file",
        "tcsh": "f:*.{yaml,yml}",
        "preamble": {"bash": bash, "zsh": zsh},
    }
