"""What a command is, and which there are: each has a module in `commands`, with its `COMMAND`.

A command may be a group of commands, as `exercise` is, of which `exercise new` is one.

A command's module is imported when it is that command that is wanted: the others need not be waited for.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator, Mapping

from run_scenario.values import Value

PROGRAM = "run-scenario"
COMMANDS = (
    "run",
    "record",
    "inspect",
    "predict",
    "explore",
    "replay",
    "compare",
    "grade",
    "exercise",
    "validate",
    "plan",
    "python",
    "check",
    "recover",
    "show",
    "list",
    "learn",
    "targets",
    "schema",
    "completion",
)
"""The names of all commands, in the order of the help; each is the name of its module, too."""


class Command(Value):
    """A command: what it is for, its arguments, the function that carries it out."""

    summary: str
    """In a few words, as the list of all commands has it."""
    examples: str
    """What stands below the options in its help: lines to be copied, and what there is to know besides."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    function: Callable[[argparse.Namespace], int]
    """Returns the exit status: one of `Status`, or that of a program that it has run."""


class Group(Value):
    """Commands that belong together, and whose names have two words."""

    summary: str
    examples: str
    commands: Mapping[str, Command]
    """By their second words."""


def find_command(name: str) -> Command | Group:
    """Return the command of a name, one of `COMMANDS`."""
    command: Command | Group = importlib.import_module(f"run_scenario.cli.commands.{name}").COMMAND
    return command


def each_command() -> Iterator[tuple[str, Command]]:
    """Yield all commands with their names; those of a group have two words."""
    for name in COMMANDS:
        found = find_command(name)
        if isinstance(found, Group):
            yield from ((f"{name} {second}", command) for second, command in found.commands.items())
        else:
            yield name, found
