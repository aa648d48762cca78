"""`grade`: a folder of hand-ins, each run by itself and judged by the same checks, or as the hand-in of an exercise."""

from __future__ import annotations

import argparse
import os
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.cli import exercises, grading
from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_expectations
from run_scenario.cli.hand_ins import SCENARIOS, SCRIPTS, Found, HandIn, ending, find
from run_scenario.cli.output_format import OutputFormat
from run_scenario.cli.pictures import check_writable, write
from run_scenario.cli.progress_bar import Bar
from run_scenario.cli.streams import note, table_console, write_stdout
from run_scenario.counting import plural
from run_scenario.errors import Status, UsageError
from run_scenario.report.text import sanitize
from run_scenario.runtime.platform.capabilities import check_fork

if TYPE_CHECKING:
    from run_scenario.cli.exercises import Exercise
    from run_scenario.report.grading import Graded
    from run_scenario.scenario.model import Scenario

_MOST_LISTED = 50
"""Names of files that were left out: a folder may have thousands, such as those of an environment."""
_WIDE = 200
"""Columns of the table where there is no terminal."""


def grade(options: Namespace) -> Status:
    """Run and judge each hand-in; return 0 if all have passed."""
    check_fork(os.environ)
    shown = OutputFormat.chosen(options)
    exercise = exercises.find(options.checks)
    if exercise is not None:
        exercise.check_consent(scripts=options.scripts)
    elif not os.path.lexists(options.checks):
        raise exercises.not_there(options.checks)
    expected = load_expectations(options.checks) if exercise is None else exercise.expected
    assert expected is not None
    if not expected.expect:
        raise UsageError(f"{sanitize(options.checks)} has no `expect:`: there is nothing to be checked")
    for path in filter(None, (options.junit, options.report)):
        check_writable(path)
    found = _hand_ins(options, exercise)
    graded: list[Graded] = []
    with Bar(len(found.hand_ins)) as progress:
        for done, each in enumerate(found.hand_ins):
            progress.show(done, f"{done + 1} of {len(found.hand_ins)}: {each.name}")
            graded += _grade(each, expected, exercise, options)
    from run_scenario.report import grading as shown_as

    if options.junit is not None:
        write(shown_as.as_junit(graded, options.checks), options.junit)
    if options.report is not None:
        from run_scenario.report import grading_page

        title = expected.title or f"{Path(options.folder).name}, by {Path(options.checks).name}"
        write(grading_page.render(graded, title, time.strftime("%Y-%m-%d %H:%M"), found.left_out), options.report)
    if shown is OutputFormat.JSON:
        facts = {
            "folder": options.folder,
            "with": options.checks,
            "left_out": list(found.left_out),
        }
        write_stdout(shown_as.as_json(graded, facts))
    else:
        _print(graded, options)
    return Status.PASSED if all(each.passed for each in graded) else Status.FAILED


def _grade(each: HandIn, expected: Scenario, exercise: Exercise | None, options: Namespace) -> list[Graded]:
    path = Path(options.folder, each.name)
    if each.fault:
        from run_scenario.report.grading import Graded

        return [Graded(each.name, "invalid", False, (), (each.fault,))]
    return exercise.grade(each.name, path, options) if exercise else grading.grade(each.name, path, expected, options)


def _hand_ins(options: Namespace, exercise: Exercise | None) -> Found:
    """Return what is to be graded; of an exercise, files of its kind. What is left out is said.

    Raises:
        UsageError: there is nothing.
    """
    folder = options.folder
    if not Path(folder).is_dir():
        raise UsageError(f"there is no folder '{sanitize(folder)}' with hand-ins")
    if exercise is None:
        own, endings = Path(options.checks), SCENARIOS + SCRIPTS
    else:
        own, endings = exercise.folder, SCRIPTS if exercise.is_of_scripts else SCENARIOS
    written = (Path(path) for path in (options.junit, options.report) if path is not None)
    found = find(Path(folder), endings if options.scripts else SCENARIOS, [own, *written])
    scripts = [] if options.scripts or exercise else [name for name in found.left_out if ending(name) in SCRIPTS]
    others = [name for name in found.left_out if name not in scripts]
    said = [f"left out, as these are no hand-ins: {_listed(others)}"] if others else []
    if scripts:
        what = f"{plural(len(scripts), 'Python script')} left out ({_listed(scripts)})"
        said.append(f"{what}: --scripts grades them, too, which runs their code")
    if not found.hand_ins:
        kind = "Python script (.py)" if endings == SCRIPTS else "scenario (.yaml)"
        raise UsageError("; ".join([f"there is no {kind} in '{sanitize(folder)}'", *said]))
    for line in said:
        note(line)
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(sanitize, names[:_MOST_LISTED]))
    more = len(names) - _MOST_LISTED
    return f"{shown} and {more:,} more, which --format json lists" if more > 0 else shown


def _print(graded: list[Graded], options: Namespace) -> None:
    from run_scenario.report import grading

    console = table_console(_WIDE, colour=not options.no_color)
    write_stdout(grading.table(console, graded))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="where the hand-ins are: its scenarios, and those below it")
    parser.add_argument(
        "--with",
        dest="checks",
        metavar="FILE",
        required=True,
        help="the checks: a file of expectations; or an exercise, by its folder or the name of a bundled one",
    )
    parser.add_argument(
        "--scripts", action="store_true", help="grade Python scripts (.py), too, by `record`: this runs their code"
    )
    parser.add_argument("--junit", metavar="PATH", help="write the results into this file, as JUnit's XML")
    parser.add_argument("--report", metavar="PATH", help="draw who has met what into this file (.html), to be printed")
    shared.add_format(parser)
    shared.add_timeout(
        parser, f"deadline of each run in seconds (default: that of the checks, or else {grading.USUAL_TIMEOUT:g})"
    )
    shared.add_allow(parser)
    grading.add_budget(parser)
    shared.add_limits(parser, grading.LIMITS_OF_HAND_INS)
    shared.add_no_color(parser)


COMMAND = Command(
    "run each scenario in a folder, and judge all of them by the same checks",
    "  run-scenario grade hand-ins --with checks.yaml\n"
    "  run-scenario grade hand-ins --with checks.yaml --timeout 10 --junit grades.xml\n"
    "  run-scenario grade hand-ins --with checks.yaml --report grades.html\n"
    "  run-scenario grade hand-ins --with checks.yaml --format json | jq '.runs[] | [.hand_in, .passed]'\n"
    "  run-scenario grade hand-ins --with poison-pills         hand-ins of an exercise\n\n"
    "The checks are a file with `expect:` alone; what a hand-in expects of itself does not count. Of an exercise, a\n"
    "hand-in must have changed nothing but the gap, too. Each is run by itself, in its own bounds, and none runs code\n"
    "of its own unless --allow or --scripts says so. One that is invalid, fails or hangs is a line like the others;\n"
    "what is no hand-in is named.\n"
    "The exit status is 0 if all have passed, else 1.",
    _add_arguments,
    grade,
)
