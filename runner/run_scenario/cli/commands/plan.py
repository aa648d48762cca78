"""`plan`: print the main program's steps."""

from __future__ import annotations

import argparse
from argparse import Namespace

from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_valid
from run_scenario.cli.streams import columns, write_stdout
from run_scenario.errors import Status
from run_scenario.report.text import sanitize


def plan(options: Namespace) -> Status:
    """Print the steps."""
    from run_scenario import loader
    from run_scenario.report.script.plan import numbered
    from run_scenario.scenario.parameters import assignments

    scenario, _ = load_valid(options.file, shared.given_by(options))
    values = ", ".join(assignments(scenario.params))
    write_stdout(f"# {sanitize(values)}\n" if values else "")
    write_stdout(numbered(scenario, loader.plan(scenario), columns()))
    return Status.PASSED


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_file(parser)
    shared.add_set(parser)


COMMAND = Command(
    "print the main program's steps",
    "  run-scenario plan daemon\n  run-scenario plan my.yaml --set workers=4",
    _add_arguments,
    plan,
)
