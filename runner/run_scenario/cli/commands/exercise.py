"""`exercise`: a file with a gap for a pupil, who fills it and has it checked; for its author, a proof that it works."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from run_scenario.cli import exercises, grading
from run_scenario.cli import options as shared
from run_scenario.cli.command import Command, Group
from run_scenario.cli.exercises import Exercise
from run_scenario.cli.files import File, load_each
from run_scenario.cli.output_format import OutputFormat
from run_scenario.cli.progress_bar import Bar
from run_scenario.cli.streams import columns, note, write_stdout
from run_scenario.counting import plural
from run_scenario.errors import InvalidScenario, MachineryError, Status, UsageError, reason_of
from run_scenario.report.text import sanitize
from run_scenario.runtime.platform.capabilities import check_fork

if TYPE_CHECKING:
    from run_scenario.report.exercises import Tried
    from run_scenario.report.grading import Graded

_INVALID = "invalid"
_USUAL_WIDTH = 80


def list_exercises(options: Namespace) -> Status:
    """Print the bundled exercises."""
    from run_scenario.report import exercises as shown_as

    write_stdout(shown_as.listing([(each.name, each.expected.title) for each in exercises.all_bundled()]))
    return Status.PASSED


def new(options: Namespace) -> Status:
    """Write the starter of an exercise into a file that is not there yet."""
    from run_scenario.report import exercises as shown_as

    exercise = exercises.require(options.exercise)
    path = Path(options.output or f"{exercise.name}{exercise.starter.suffix}")
    if path.suffix != exercise.starter.suffix:
        raise UsageError(f"'{sanitize(str(path))}' does not end in {exercise.starter.suffix}, as its content needs")
    reference = exercises.reference_from(exercise, path.resolve().parent)
    expected = exercise.expected
    text = shown_as.handed_out(reference, str(path), expected.title, expected.description, exercise.starter_text)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"'{sanitize(str(path))}' is there already, and was left as it is; give --output another name"
        ) from None
    except OSError as error:
        raise MachineryError(f"cannot write '{sanitize(str(path))}': {reason_of(error)}") from None
    write_stdout(shown_as.begun(expected.title or exercise.name, str(path), _columns()))
    return Status.PASSED


def hint(options: Namespace) -> Status:
    """Print one of the hints."""
    from run_scenario.report import exercises as shown_as

    exercise = _exercise_of(options)
    hints = exercise.expected.hints
    if not hints:
        note(f"the exercise {sanitize(exercise.name)} has no hints")
    elif options.step > len(hints):
        raise UsageError(f"there is no hint {options.step}: {sanitize(exercise.name)} has {len(hints)}")
    else:
        write_stdout(shown_as.hint(hints, options.step, options.exercise, _columns()))
    return Status.PASSED


def _columns() -> int:
    """Return how wide what is printed may be."""
    return columns() or _USUAL_WIDTH


def _exercise_of(options: Namespace) -> Exercise:
    """Return the exercise that was named, or that a pupil's file is of."""
    named = getattr(options, "of", None)
    path = Path(options.exercise)
    if named is not None:
        return exercises.require(named)
    found = exercises.find(options.exercise)
    if found is None and not os.path.lexists(path):
        raise exercises.not_there(options.exercise)
    return found or exercises.of_hand_in(path)


def check(options: Namespace) -> Status:
    """Check a pupil's file; or an exercise itself: whether its starter fails and its solution passes."""
    check_fork(os.environ)
    shown = OutputFormat.chosen(options)
    path = Path(options.exercise)
    found = None if options.of is not None else exercises.find(options.exercise)
    if found is None and not os.path.lexists(path):
        raise exercises.not_there(options.exercise)
    if found is not None:
        return _prove(found, options, shown)
    return _check_hand_in(_exercise_of(options), path, options, shown)


def _check_hand_in(exercise: Exercise, path: Path, options: Namespace, shown: OutputFormat) -> Status:
    name = options.exercise
    _check_options(exercise, options)
    problems = exercise.changes(path) or exercise.open_gaps(path)
    if problems:
        raise InvalidScenario(problems)
    most = options.max_runs
    if not exercise.is_of_scripts and any(each.scenario is None for each in load_each(File(name, name), {}, most=most)):
        return Status.INVALID
    with Bar(options.runs) as progress:
        graded = _runs(exercise, name, path, options, progress, 0)
        tried = _explore(exercise, path, graded, options, progress)
    if shown is OutputFormat.JSON:
        from run_scenario.report.grading import as_json

        write_stdout(as_json(graded, {"exercise": exercise.reference, "file": name, **_as_facts(tried)}))
    else:
        from run_scenario.report import exercises as shown_as

        write_stdout(shown_as.verdict(graded, tried, name, len(exercise.expected.hints), _columns()))
    is_found = tried is not None and tried.is_found
    return Status.PASSED if all(each.passed for each in graded) and not is_found else Status.FAILED


def _explore(
    exercise: Exercise, path: Path, graded: Sequence[Graded], options: Namespace, progress: Bar
) -> Tried | None:
    """Run a file with many schedules, if that is wanted, and it has passed without; None: it is not."""
    if options.schedules is None or not all(each.passed for each in graded):
        return None
    progress.show(0, f"{path.name}, {plural(options.schedules, 'schedule')}")
    return grading.explore(path, exercise.expected, options, f"{path.stem}.schedule.json")


def _as_facts(tried: Tried | None) -> dict[str, Any]:
    return {} if tried is None else {"explored": {name: getattr(tried, name) for name in tried.__match_args__}}


def _prove(exercise: Exercise, options: Namespace, shown: OutputFormat) -> Status:
    """Check an exercise itself: the starter and wrong answers fail, the solution fills only the gap, and passes."""
    _check_options(exercise, options)
    exercise.check_consent(scripts=options.scripts)
    solution = exercise.solution
    if not solution.exists():
        what = f"the exercise '{sanitize(exercise.reference)}' has no {solution.name}"
        raise UsageError(f"{what}: without one, nobody knows that it can be done; a copy of the starter is a beginning")
    answers = [*exercise.wrong, solution]
    problems = [problem for path in answers for problem in (*exercise.changes(path), *exercise.open_gaps(path))]
    if problems:
        raise InvalidScenario(problems)
    if not exercise.is_of_scripts:
        loaded = load_each(File(str(solution), str(solution)), {})
        if any(each.scenario is None for each in loaded):
            return Status.INVALID
    graded: dict[str, list[Graded]] = {}
    with Bar((1 + len(answers)) * options.runs) as progress:
        for number, path in enumerate([exercise.starter, *answers]):
            graded[path.name] = _runs(exercise, path.name, path, options, progress, number * options.runs)
        tried = _explore(exercise, solution, graded[solution.name], options, progress)
    passing = graded[solution.name]
    failing = {name: runs for name, runs in graded.items() if name != solution.name}
    is_proven = (
        all(each.passed for each in passing)
        and all(each.is_judged and not each.passed for runs in failing.values() for each in runs)
        and not (tried is not None and tried.is_found)
    )
    if shown is OutputFormat.JSON:
        from run_scenario.report.grading import as_json

        runs = [each for runs in graded.values() for each in runs]
        write_stdout(as_json(runs, {"exercise": exercise.reference, "proven": is_proven, **_as_facts(tried)}))
    else:
        from run_scenario.report import exercises as shown_as

        write_stdout(shown_as.proof(failing, passing, tried, exercise.expected.title or exercise.name, _columns()))
    return Status.PASSED if is_proven else Status.FAILED


def _check_options(exercise: Exercise, options: Namespace) -> None:
    if exercise.is_of_scripts and options.start_method is not None:
        raise UsageError("a Python script chooses its start method itself: leave --start-method out")
    if exercise.is_of_scripts and options.schedules is not None:
        raise UsageError("only scenarios can be explored, and no Python scripts: leave --schedules out")
    if options.start_method not in (None, "fork") and options.schedules is not None:
        raise UsageError("what is explored is started as its file says: leave --schedules or --start-method out")


def _runs(exercise: Exercise, name: str, path: Path, options: Namespace, progress: Bar, before: int) -> list[Graded]:
    """Run a file as often as wanted; what cannot be run at all, once."""
    graded: list[Graded] = []
    for number in range(options.runs):
        progress.show(before + number, f"{name}, run {number + 1} of {options.runs}")
        graded += grading.grade(name, path, exercise.expected, options, options.start_method)
        if graded[-1].outcome == _INVALID:
            break
    return graded


def _add_exercise(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("exercise", metavar="EXERCISE", help=what)


def _add_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--exercise", dest="of", metavar="NAME", help="the exercise that the file is of, if its first line does not say"
    )


_WHOLE = shared.number(int, lambda number: 0 < number <= 100_000, "a whole number above 0, such as 20")


def _add_to_new(parser: argparse.ArgumentParser) -> None:
    _add_exercise(parser, "the name of a bundled exercise, or the folder of one")
    parser.add_argument("--output", metavar="PATH", help="the file to write (default: NAME.yaml in the current folder)")


def _add_to_hint(parser: argparse.ArgumentParser) -> None:
    _add_exercise(parser, "your file, or an exercise: the name of a bundled one, or the folder of one")
    parser.add_argument("step", metavar="STEP", nargs="?", type=_WHOLE, default=1, help="which of them (default: 1)")
    _add_of(parser)


def _add_to_check(parser: argparse.ArgumentParser) -> None:
    _add_exercise(parser, "your file; or an exercise itself: the name of a bundled one, or the folder of one")
    _add_of(parser)
    parser.add_argument("--runs", metavar="N", type=_WHOLE, default=1, help="run it so many times (default: 1)")
    parser.add_argument(
        "--schedules",
        metavar="N",
        type=_WHOLE,
        help="what has passed is run with so many schedules, too, as `explore` does: so is found what fails at times",
    )
    parser.add_argument(
        "--scripts", action="store_true", help="run the scripts of an exercise in Python: this runs their code"
    )
    shared.add_format(parser)
    shared.add_start_method(parser)
    shared.add_timeout(parser, "deadline of each run in seconds, instead of what the exercise says")
    shared.add_allow(parser)
    grading.add_budget(parser)
    shared.add_limits(parser, grading.LIMITS_OF_HAND_INS)


COMMAND = Group(
    "get an exercise with a gap, fill it, have it checked",
    "  run-scenario exercise list\n"
    "  run-scenario exercise new poison-pills             writes poison-pills.yaml\n"
    "  run-scenario exercise check poison-pills.yaml      after you have filled the gap\n"
    "  run-scenario exercise hint poison-pills.yaml       if you are stuck\n"
    "  run-scenario exercise check my-exercise --runs 20  an author's proof, of a folder",
    {
        "list": Command("the bundled exercises", "  run-scenario exercise list", lambda parser: None, list_exercises),
        "new": Command(
            "write the file that an exercise begins with",
            "  run-scenario exercise new poison-pills\n"
            "  run-scenario exercise new my-exercise --output anna.yaml\n\n"
            "The file says in its first lines what is to be done, and which part of it is the gap. A file that is\n"
            "there already is left as it is.",
            _add_to_new,
            new,
        ),
        "check": Command(
            "run what fills the gap, and judge it; or prove that an exercise can be solved",
            "  run-scenario exercise check poison-pills.yaml\n"
            "  run-scenario exercise check poison-pills.yaml --runs 20\n"
            "  run-scenario exercise check anna.yaml --exercise my-exercise\n"
            "  run-scenario exercise check my-exercise --runs 20 --schedules 200\n\n"
            "Of a file: nothing but the gap may have been changed, and each run must meet the exercise's checks. Of\n"
            "an exercise itself: the starter must have a gap and fail each time, as each answer in wrong….yaml; the\n"
            "solution must change nothing but the gap and pass each time, with --schedules in each order that is\n"
            "tried. The exit status is 0 if it is so, 1 if not, 2 if nothing could be run.",
            _add_to_check,
            check,
        ),
        "hint": Command(
            "what helps, one step after the other",
            "  run-scenario exercise hint poison-pills.yaml\n  run-scenario exercise hint poison-pills.yaml 2",
            _add_to_hint,
            hint,
        ),
    },
)
