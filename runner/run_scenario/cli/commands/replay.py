"""`replay`: a run with the schedule that `explore` has kept, or that was changed by hand."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario import bundled
from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.commands import record as recording
from run_scenario.cli.commands import run as running
from run_scenario.cli.files import load_expectations, load_valid, read_schedule
from run_scenario.cli.output_format import OutputFormat
from run_scenario.cli.scripts import fix_hashes, read_nothing
from run_scenario.cli.signals import EndedBySignal, tidied
from run_scenario.cli.streams import note
from run_scenario.errors import Status, UsageError
from run_scenario.report.text import sanitize
from run_scenario.runtime.platform.capabilities import check_fork
from run_scenario.runtime.script.frame import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_scenario.exploration.schedule import KeptSchedule
    from run_scenario.scenario.model import Scenario

_MOST_STEPS = 10_000_000


def replay(options: Namespace) -> int:
    """Run a scenario or a script by a schedule; return the status of the run, or 1 where the schedule does not fit."""
    check_fork(os.environ)
    OutputFormat.chosen(options, options.log)  # what contradicts itself is refused before anything is run
    kept = read_schedule(options.schedule)
    if kept.is_script:
        fix_hashes()
    from run_scenario.exploration.schedule import Hazards
    from run_scenario.runtime.exploration import limits
    from run_scenario.runtime.exploration.scheduler import BySchedule, Scheduler

    limits.check_platform()
    function, arguments, scenario = (_script if kept.is_script else _scenario)(kept, options)
    for name in ("log", "report", "timeline", "format", "no_color", "allow"):
        setattr(arguments, name, getattr(options, name))
    hazards = limits.possible(Hazards(pipe_capacity=options.pipe_capacity).united(kept.hazards))
    policy = BySchedule(kept.schedule)

    def carry_out() -> bytes:
        if kept.is_script:
            read_nothing()
        status = function(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        return bytes([status])

    try:
        with Scheduler() as scheduler, tidied():
            arguments.control, arguments.hazards = scheduler.path, hazards
            answer, trace = scheduler.run(carry_out, policy, scenario.timeout, _MOST_STEPS, hazards)
    except EndedBySignal as ended:
        return ended.status
    has_changed = scenario.digest != kept.digest
    what = "script" if kept.is_script else "scenario"
    differs = trace.lost or policy.differs()
    if differs:
        changed = f"the {what} has changed since, and " if has_changed else ""
        note(f"{changed}the schedule does not fit: {sanitize(differs)}")
        return Status.FAILED
    if has_changed:
        note(f"the {what} has changed since, and the schedule still fits")
    return answer[0] if answer else Status.MACHINERY


_Subject = tuple["Callable[[Namespace], int]", Namespace, "Scenario"]
"""What runs it, with which options, and the frame of the run."""


def _scenario(kept: KeptSchedule, options: Namespace) -> _Subject:
    """Return how the scenario of a schedule is run.

    Raises:
        UsageError: it is not there, or cannot be controlled.
    """
    from run_scenario.runtime.exploration import limits
    from run_scenario.scenario.expected_ends import judged_by

    if options.script is not None:
        raise UsageError(f"{sanitize(options.schedule)} is for a scenario: it needs no script")
    file = _file_of(kept, options.schedule)
    parser = argparse.ArgumentParser()
    running.COMMAND.add_arguments(parser)
    given = [f"--set={name}={_as_yaml(value)}" for name, value in kept.params.items()]
    arguments = parser.parse_args([file, *given])
    scenario, _ = load_valid(file, shared.given_by(arguments))
    arguments.start_method = scenario.start_method or "fork"  # of which there are the most runs in a second
    arguments.expect = _expectations(kept, options)
    scenario = judged_by(load_expectations(arguments.expect), scenario)
    limits.check(scenario, kept.hazards)
    return running.run, arguments, scenario


def _script(kept: KeptSchedule, options: Namespace) -> _Subject:
    """Return how the script of a schedule is run.

    Raises:
        UsageError: nobody has named it, or it is not there.
    """
    from run_scenario.runtime.run_request import Script

    if options.script is None:  # to name a script is to allow that it is run
        beside = sanitize(os.path.normpath(Path(options.schedule).parent / kept.scenario))
        shown = sanitize(options.schedule)
        raise UsageError(f"{shown} is for a script, which you have to name: run-scenario replay {shown} {beside}")
    parser = argparse.ArgumentParser()
    recording.COMMAND.add_arguments(parser)
    arguments = parser.parse_args([options.script, *kept.arguments])
    arguments.timeout, arguments.option_names = kept.timeout, frozenset()
    arguments.expect = _expectations(kept, options)
    return recording.record, arguments, frame_of(Script(options.script, "", kept.arguments), kept.timeout)


def _expectations(kept: KeptSchedule, options: Namespace) -> str | None:
    """Return the path of the expectations by which it was explored, if there were some."""
    return os.path.normpath(Path(options.schedule).parent / kept.expect) if kept.expect else None


def _file_of(kept: KeptSchedule, path: str) -> str:
    """Return the scenario's path, or its name if it is a bundled one.

    Raises:
        UsageError: there is none.
    """
    shown = sanitize(path)
    if not kept.scenario:
        raise UsageError(f"{shown} is for a scenario that is no file: only the program that has it can try it again")
    beside = Path(path).parent / kept.scenario
    if beside.is_file():
        return os.path.normpath(beside)
    if bundled.find_scenario(kept.scenario) is None:
        raise UsageError(f"{shown} is for {sanitize(kept.scenario)}, which is not there (seen from {shown})")
    return kept.scenario


def _as_yaml(value: object) -> str:
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, width=1 << 20).removesuffix("\n").removesuffix("\n...")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("schedule", metavar="SCHEDULE", help="a file that `run-scenario explore` has kept")
    parser.add_argument(
        "script",
        metavar="SCRIPT",
        nargs="?",
        help="the script that it is for, if it is for one; to name it is to allow it",
    )
    parser.add_argument(
        "--log", metavar="PATH", help="append the log to this file, as JSON Lines; -: standard output, as --format json"
    )
    shared.add_format(parser)
    parser.add_argument(
        "--report", metavar="PATH", help="draw the run into this file: .html; or a timeline: .svg, .png, .txt"
    )
    parser.add_argument("--timeline", action="store_true", help="print a timeline of the run after it")
    shared.add_pipe_capacity(parser, "as the schedule says")
    shared.add_allow(parser)
    shared.add_no_color(parser)


COMMAND = Command(
    "run a scenario or a script by a schedule that `explore` has kept",
    "  run-scenario replay consumers-until-empty.schedule.json\n"
    "  run-scenario replay my.schedule.json --report my.html\n"
    "  run-scenario replay crawler.schedule.json crawler.py\n\n"
    "The schedule is followed strictly: where it does not fit, as the scenario has changed, the first difference is\n"
    "named, and the exit status is 1. Otherwise it is that of the run.",
    _add_arguments,
    replay,
)
