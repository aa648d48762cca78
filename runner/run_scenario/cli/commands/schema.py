"""`schema`: print a JSON Schema, for editors and other programs."""

from __future__ import annotations

import argparse
from argparse import Namespace

from run_scenario import bundled
from run_scenario.cli.command import Command
from run_scenario.cli.streams import write_stdout
from run_scenario.errors import Status, UsageError

SCHEMAS = ("scenario", "expectations", "event")


def print_schema(options: Namespace) -> Status:
    """Print the schema."""
    if options.name not in SCHEMAS:
        raise UsageError(f"there is no schema {options.name!r}; there are {', '.join(SCHEMAS[:-1])} and {SCHEMAS[-1]}")
    write_stdout(bundled.schema_text(options.name))
    return Status.PASSED


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        default="scenario",
        help="which one: scenario (default), expectations or event",
    )


COMMAND = Command(
    "print the JSON Schema of scenarios, of files of expectations, or of the log's events",
    "  run-scenario schema > scenario.schema.json\n  run-scenario schema event",
    _add_arguments,
    print_schema,
)
