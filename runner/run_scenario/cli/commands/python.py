"""`python`: print a scenario as a script that needs nothing but Python."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from pathlib import Path

from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_valid
from run_scenario.cli.streams import write_stdout
from run_scenario.errors import Status


def python(options: Namespace) -> Status:
    """Print the script."""
    from run_scenario import loader
    from run_scenario.loader.references import is_class
    from run_scenario.report.script.script import is_named_like_a_class, script
    from run_scenario.runtime.consent import project_folders

    scenario, _ = load_valid(options.file, shared.given_by(options))
    folders = (*sys.path, *project_folders(str(Path(scenario.path).parent)))

    def is_process_class(reference: str) -> bool:
        known = is_class(reference, folders)
        return is_named_like_a_class(reference) if known is None else known

    write_stdout(script(scenario, loader.plan(scenario), is_process_class), encoding="utf-8")
    return Status.PASSED


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_file(parser)
    shared.add_set(parser)


COMMAND = Command(
    "print the scenario as a plain multiprocessing script",
    "  run-scenario python daemon > daemon.py    then: python3 daemon.py\n"
    "  run-scenario python my.yaml\n\n"
    "The script needs nothing but Python: it contains the lines of the built-in targets. It imports targets of your\n"
    "own; this command does not run them.",
    _add_arguments,
    python,
)
