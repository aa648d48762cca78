"""`validate`: check scenarios, and run nothing."""

from __future__ import annotations

import argparse
from argparse import Namespace

from run_scenario.cli import github
from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_each, resolve
from run_scenario.cli.streams import note, write_stdout
from run_scenario.counting import plural
from run_scenario.errors import Status, UsageError
from run_scenario.report.text import sanitize
from run_scenario.scenario.model import Scenario


def validate(options: Namespace) -> Status:
    """Check each file; write which ones are valid."""
    status = Status.PASSED
    for name in options.files:
        try:
            (file,) = resolve([name])
        except UsageError as error:  # the others are to be checked all the same
            note(str(error))
            github.of_error(str(error))
            status = Status.INVALID
            continue
        loaded = load_each(file, shared.given_by(options), "either")
        scenario = loaded[0].scenario
        if scenario is None or loaded[-1].scenario is None:
            status = Status.INVALID
        elif len(loaded) > 1:
            write_stdout(f"{sanitize(file.name)}: valid in {len(loaded)} combinations; the first: {_size(scenario)}\n")
        else:
            write_stdout(f"{sanitize(file.name)}: valid ({_size(scenario)})\n")
    return status


def _size(scenario: Scenario) -> str:
    """Return how many there are of what the scenario has."""
    parts = (
        (scenario.processes, "process"),
        (scenario.queues, "queue"),
        (scenario.pipes, "pipe"),
        (scenario.sync, "synchronization primitive"),
        (scenario.shared, "shared object"),
        (scenario.pools, "pool"),
        (scenario.main or (), "step"),
        (scenario.expect, "expectation"),
    )
    return ", ".join(plural(len(part), noun) for part, noun in parts if part)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_files(parser)
    shared.add_set(parser)
    parser.add_argument(
        "--format",
        choices=("console", github.FORMAT),
        default="console",
        help="github: annotations of what is wrong, too, for GitHub's CI (default: console)",
    )


COMMAND = Command(
    "report every error in a scenario, or in a file of expectations, with its position and a fix; run nothing",
    "  run-scenario validate my.yaml\n  run-scenario validate scenarios/*/*.yaml",
    _add_arguments,
    validate,
)
