"""`targets`: the built-in targets, or all about one of them."""

from __future__ import annotations

import argparse
from argparse import Namespace

from run_scenario.cli.command import Command
from run_scenario.cli.streams import columns, write_stdout
from run_scenario.errors import Status, UsageError
from run_scenario.suggestions import did_you_mean


def show_targets(options: Namespace) -> Status:
    """Print all, or one."""
    from run_scenario import targets
    from run_scenario.report import listing

    names, work_names = targets.names(), targets.work_names()
    if options.name is None:
        known = [target for name in names if (target := targets.find(name))]
        work = [target for name in work_names if (target := targets.find_work(name))]
        write_stdout(listing.targets(known, work))
        return Status.PASSED
    found = targets.find(options.name) or targets.find_work(options.name)
    if found is None:
        hint = did_you_mean(options.name, [*names, *work_names], "'run-scenario targets' shows them all")
        raise UsageError(f"there is no built-in target {options.name!r}; {hint}")
    write_stdout(listing.target(found, columns()))
    return Status.PASSED


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="all about this target or work function")


COMMAND = Command(
    "the built-in targets; with NAME, all about one",
    "  run-scenario targets\n  run-scenario targets consume",
    _add_arguments,
    show_targets,
)
