"""`learn`: a chapter about processes as a path: what there is to run, what was run, and the next."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace

from run_scenario.cli import options as shared
from run_scenario.cli.command import PROGRAM, Command
from run_scenario.cli.commands.run import COMMAND as RUN
from run_scenario.cli.learned import Learned, usual_path
from run_scenario.cli.pager import page
from run_scenario.cli.parser import Parser
from run_scenario.cli.streams import columns, note, write_stdout
from run_scenario.errors import Status, UsageError
from run_scenario.lessons import LESSONS
from run_scenario.report.text import sanitize
from run_scenario.suggestions import did_you_mean

_NAMES = tuple(lesson.scenario for lesson in LESSONS)
_NEXT = "next"
_MOST_DIGITS = 9
_HAVE_RUN = (Status.PASSED, Status.FAILED, Status.STOPPED)
"""After these, there was a run from its beginning to its end, however that was."""


def learn(options: Namespace) -> Status:
    """List the lessons, or run one of them; return the status of its run."""
    if options.reset:
        return _forget(options)
    learned = Learned(usual_path())
    if options.lesson is not None:
        status = _run(_number(options.lesson, learned), learned, options)
        while status in _HAVE_RUN and options.lesson == _NEXT and _goes_on(learned):
            write_stdout("\n")
            status = _run(_number(_NEXT, learned), learned, options)
        return status
    from run_scenario.report import lessons

    _note_trouble(learned)
    page(lessons.contents(learned.scenarios(_NAMES), columns()))
    return Status.PASSED


def _goes_on(learned: Learned) -> bool:
    """Ask a person at a terminal whether to go on, if there is a next lesson, and it is known that this one was run."""
    if learned.trouble or _number(_NEXT, learned) is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    write_stdout("Enter goes on with it; q and Enter leaves: ")
    return sys.stdin.readline() == "\n"


def _forget(options: Namespace) -> Status:
    if options.lesson is not None:
        raise UsageError("--reset takes all marks away, and runs nothing: give it alone")
    Learned(usual_path()).forget()
    write_stdout("nothing is marked any more\n")
    return Status.PASSED


def _number(wanted: str, learned: Learned) -> int | None:
    """Return the number of the lesson that is meant; None: the next, and all were run.

    Raises:
        UsageError: there is no such lesson.
    """
    if wanted == _NEXT:
        from run_scenario.report import lessons

        return lessons.next_lesson(learned.scenarios(_NAMES))
    if wanted.isdecimal():
        number = int(wanted) if len(wanted) <= _MOST_DIGITS else 0
        if 1 <= number <= len(LESSONS):
            return number
        raise UsageError(f"there is no lesson {sanitize(wanted)[:20]}; they are numbered from 1 to {len(LESSONS)}")
    if wanted.removesuffix(".yaml") in _NAMES:
        return _NAMES.index(wanted.removesuffix(".yaml")) + 1
    from run_scenario import bundled

    if bundled.find_scenario(wanted) is not None:
        raise UsageError(f"'{sanitize(wanted)}' is no lesson of the chapter; run it by itself: {PROGRAM} {wanted}")
    way_out = did_you_mean(wanted, [*_NAMES, _NEXT], f"'{PROGRAM} learn' lists them")
    raise UsageError(f"there is no lesson '{sanitize(wanted)}'; {way_out}")


def _run(number: int | None, learned: Learned, options: Namespace) -> Status:
    from run_scenario.report import lessons
    from run_scenario.runtime.platform.capabilities import check_fork

    if number is None:
        write_stdout(lessons.all_done())
        return Status.PASSED
    check_fork(os.environ)
    scenario = LESSONS[number - 1].scenario
    write_stdout(lessons.before(number, columns()))
    status = Status(RUN.function(_options_of_run(scenario, options)))
    if status in _HAVE_RUN:
        learned.add(scenario)
        _note_trouble(learned)
        done = learned.scenarios(_NAMES) | {scenario}
        write_stdout(lessons.after(number, status, done, columns()))
    return status


def _options_of_run(scenario: str, options: Namespace) -> Namespace:
    """Return the options with which `run` shows it to a person, on a terminal or not."""
    parser = Parser(f"{PROGRAM} run")
    RUN.add_arguments(parser)
    given = [scenario, "--format", "console"]
    given += ["--no-color"] if options.no_color else []
    given += ["--start-method", options.start_method] if options.start_method else []
    return parser.parse_all(given)


def _note_trouble(learned: Learned) -> None:
    if learned.trouble:
        note(learned.trouble)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "lesson", metavar="LESSON", nargs="?", help=f"run this one: {_NEXT}, its number, or the name of its scenario"
    )
    parser.add_argument("--reset", action="store_true", help="take the marks away: nothing counts as run any more")
    shared.add_start_method(parser)
    shared.add_no_color(parser)


COMMAND = Command(
    "a book's chapter about processes, step by step: what it says, and a run of it",
    "  run-scenario learn                      the lessons, those that were run, and which is next\n"
    "  run-scenario learn next\n"
    "  run-scenario learn 7\n"
    "  run-scenario learn poison-pill --start-method spawn\n\n"
    "The lessons are the claims of a chapter, in its order, its eight programs among them. Each says what the book\n"
    "claims, runs a bundled scenario, and says what is otherwise here; at a terminal, `next` asks whether to go on.\n"
    "What was run is kept in ~/.local/state/run-scenario/learned (or below XDG_STATE_HOME). The exit status is that\n"
    "of the last run.",
    _add_arguments,
    learn,
)
