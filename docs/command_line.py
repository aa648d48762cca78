"""Write the reference of the command line, from the parser of its arguments: `python docs/command_line.py`.

A test compares the page with what this makes.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path

from run_scenario.cli import parser
from run_scenario.cli.command import PROGRAM, Command, each_command

PAGE = Path(__file__).resolve().parent / "reference" / "command-line.md"


def page() -> str:
    """Return the page: the commands and their arguments."""
    parts = [
        "# Command line",
        "`run-scenario FILE…` is short for `run-scenario run FILE…`. A FILE is the path of a scenario, or the name of "
        "a bundled one (`daemon`, `daemon.yaml`). Every command has `--help`; `run-scenario --version` prints the "
        "version. The exit statuses have [a page of their own](exit-statuses.md).",
    ]
    for name, command in each_command():
        parts += _command(name, command)
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: Command) -> Iterator[str]:
    filled = parser.Parser(f"{PROGRAM} {name}")
    command.add_arguments(filled)
    examples, *notes = command.examples.rstrip().split("\n\n")
    yield f"## {name}"
    yield f"{command.summary[0].upper()}{command.summary[1:]}."
    yield f"```text\n{textwrap.dedent(examples)}\n```"
    yield from (" ".join(note.split()) for note in notes)
    arguments = [line for group in filled._action_groups if group.title != "limits" for line in _arguments(group)]
    yield "\n".join(arguments)
    if any(group.title == "limits" for group in filled._action_groups):
        yield "The options that [limit a run](limits.md#of-a-run) are the same for each command that runs scenarios."


def _arguments(group: argparse._ArgumentGroup) -> Iterator[str]:
    formatter = argparse.HelpFormatter("")
    for action in group._group_actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        takes = "" if action.nargs == 0 else str(action.metavar or "|".join(map(str, action.choices or ())))
        written = [f"{option} {takes}".rstrip() for option in action.option_strings] or [takes]
        yield f"- {', '.join(f'`{each}`' for each in written)}: {formatter._expand_help(action)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
