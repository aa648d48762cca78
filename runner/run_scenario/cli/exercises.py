"""Exercises: a folder with a starter that has a gap, a solution, and the file of expectations that both are judged by.

    exercise.yaml                  title, description, hints, expect
    starter.yaml, solution.yaml    or starter.py, solution.py
    wrong….yaml                    if wanted: answers that the checks must find wrong

Those that are bundled are such folders, too.
"""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario import bundled
from run_scenario.cli import grading
from run_scenario.cli.files import load_expectations
from run_scenario.errors import InvalidScenario, Problem, UsageError
from run_scenario.report.text import sanitize
from run_scenario.suggestions import nearest, nearest_file
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.report.grading import Graded
    from run_scenario.scenario.model import Scenario

FILE = "exercise.yaml"
STARTERS = ("starter.yaml", "starter.py")
_NAMED = re.compile(r"^# exercise: (\S.*?)\s*$", re.MULTILINE)
"""The line by which a pupil's file tells of which exercise it is."""
_AT_MOST = 4_000
"""Characters at the beginning of a file in which that line is looked for."""


class Exercise(Value):
    """An exercise, with all that is known before anything is run."""

    name: str
    """That of its folder."""
    reference: str
    """How the person named it."""
    folder: Path
    expected: Scenario
    """Its file of expectations: title, description, hints and checks."""
    starter: Path
    starter_text: str

    @property
    def is_of_scripts(self) -> bool:
        """Whether its hand-ins are Python scripts, not scenarios."""
        return self.starter.suffix == ".py"

    @property
    def solution(self) -> Path:
        """The solution, which need not be there: whoever gets the exercise should not have it."""
        return self.starter.with_name(f"solution{self.starter.suffix}")

    @property
    def wrong(self) -> list[Path]:
        """The answers that are there to be found wrong."""
        return sorted(self.folder.glob(f"wrong*{self.starter.suffix}"))

    def check_consent(self, *, scripts: bool) -> None:
        """Check that the scripts of an exercise in Python may be run.

        Raises:
            UsageError: nobody has said so.
        """
        if self.is_of_scripts and not scripts:
            what = f"the exercise '{sanitize(self.reference)}' is of Python scripts"
            raise UsageError(f"{what}: --scripts lets them run, with all that their code may do")

    def changes(self, path: Path) -> tuple[Problem, ...]:
        """Return what a hand-in has changed beside the gap.

        Raises:
            InvalidScenario: it cannot be read.
        """
        from run_scenario.loader import gaps

        return gaps.check_unchanged(self.starter_text, read(path), str(path))

    def open_gaps(self, path: Path) -> tuple[Problem, ...]:
        """Return the gaps that a hand-in has left open.

        Raises:
            InvalidScenario: it cannot be read.
        """
        from run_scenario.loader import gaps

        return gaps.check_filled(read(path), str(path))

    def grade(self, name: str, path: Path, options: Namespace) -> list[Graded]:
        """Run a hand-in that has filled the gap, and changed nothing else; return what came of each of its runs."""
        from run_scenario.report.grading import Graded

        try:
            for outcome, problems in (
                ("not_as_given", self.changes(path)),
                ("unfinished", self.open_gaps(path)),
            ):
                if problems:
                    return [Graded(name, outcome, False, (), _sentences(problems))]
        except InvalidScenario as invalid:
            return [Graded(name, "invalid", False, (), _sentences(invalid.problems))]
        return grading.grade(name, path, self.expected, options)


def find(name: str) -> Exercise | None:
    """Return the exercise of a folder, of its file `exercise.yaml`, or the bundled one of that name; None: it is none.

    Raises:
        UsageError: something is missing in the folder.
        InvalidScenario: a file of it is wrong.
    """
    path = Path(name)
    if path.name == FILE and path.is_file() and _starter_in(path.parent):
        return _load(path.parent, name)
    if path.is_dir() and ((path / FILE).exists() or bundled.find_exercise(name) is None):
        return _load(path, name)
    found = None if path.is_file() else bundled.find_exercise(name)
    return None if found is None else _load(found, name)


def require(name: str) -> Exercise:
    """Return the exercise of a folder, or the bundled one of that name.

    Raises:
        UsageError: there is none, or something is missing in the folder.
        InvalidScenario: a file of it is wrong.
    """
    found = find(name)
    if found is None:
        raise UsageError(
            f"there is no exercise '{sanitize(name)}': neither a folder nor a bundled one; {_near(name, is_file=False)}"
        )
    return found


def not_there(name: str, what: str = "file") -> UsageError:
    """Return the error that there is no file, and no exercise either, of a name; with what may have been meant."""
    if bundled.find_exercise(Path(name).stem) is not None:
        hint = f"'run-scenario exercise new {Path(name).stem}' writes it"
    else:
        hint = _near(name, is_file=True)
    return UsageError(f"there is no {what} '{sanitize(name)}' here, and no exercise of that name; {hint}")


def _near(name: str, *, is_file: bool) -> str:
    """Return a hint that names the nearest exercise, or file beside the one that was named."""
    path = Path(name)
    folders = {str(path.parent / each.parent.name) for each in path.parent.glob(f"*/{FILE}")}
    close = nearest_file(name, (".yaml", ".yml", ".py")) if is_file else None
    close = close or nearest(str(path.parent / path.stem), folders) or nearest(path.stem, bundled.EXERCISES)
    return f"did you mean '{sanitize(close)}'?" if close else "'run-scenario exercise list' shows the bundled ones"


def all_bundled() -> list[Exercise]:
    """Return the bundled exercises, in their order."""
    return [_load(folder, folder.name) for folder in bundled.exercises()]


def of_hand_in(path: Path) -> Exercise:
    """Return the exercise that a pupil's file names in its first lines.

    Raises:
        UsageError: it names none, or one that is not there.
        InvalidScenario: it cannot be read.
    """
    named = _NAMED.search(read(path)[:_AT_MOST])
    if named is None:
        raise UsageError(
            f"{sanitize(str(path))} does not say of which exercise it is: put the line `# exercise: NAME` back at its "
            "top, or name it by --exercise"
        )
    name = named[1]
    # A path is meant from where the file is, a name without a slash is that of a bundled one.
    found = find(str(path.parent / name) if "/" in name else name)
    if found is None:
        raise UsageError(
            f"{sanitize(str(path))} says that it is of the exercise '{sanitize(name)}', which is not there; name it by "
            "--exercise"
        )
    return found


def reference_from(exercise: Exercise, folder: Path) -> str:
    """Return how a file in a folder names its exercise."""
    if exercise.folder == bundled.find_exercise(exercise.name):
        return exercise.name
    relative = os.path.relpath(exercise.folder, folder)
    return relative if "/" in relative else f"./{relative}"


def read(path: Path) -> str:
    """Return the text of a starter, a solution or a hand-in.

    Raises:
        InvalidScenario: it cannot be read.
    """
    from run_scenario.loader import source

    file = str(path)
    data, unreadable = source.read(file, file)
    if unreadable is None:
        text, unreadable = source.decode(data, file)
    if unreadable is not None:
        raise InvalidScenario(unreadable.ordered())
    return text


def _load(folder: Path, name: str) -> Exercise:
    starter = _starter_in(folder)
    if starter is None or not (folder / FILE).exists():
        missing = " and no ".join([FILE] * (not (folder / FILE).exists()) + [STARTERS[0]] * (starter is None))
        hint = f"{FILE} has title, description, hints and expect; {STARTERS[0]} (or .py) a gap"
        raise UsageError(f"the folder '{sanitize(str(folder))}' is no exercise: it has no {missing}; {hint}")
    if all((folder / each).exists() for each in STARTERS):
        raise UsageError(
            f"the folder '{sanitize(str(folder))}' has {' and '.join(STARTERS)}: an exercise has one of them"
        )
    expected = load_expectations(str(folder / FILE))
    assert expected is not None
    from run_scenario.loader import gaps

    text = read(starter)
    problems = gaps.check_starter(text, str(starter))
    if problems:
        raise InvalidScenario(problems)
    return Exercise(folder.resolve().name, name, folder, expected, starter, text)


def _starter_in(folder: Path) -> Path | None:
    return next((folder / name for name in STARTERS if (folder / name).exists()), None)


def _sentences(problems: Iterable[Problem]) -> tuple[str, ...]:
    return tuple(f"{each.where}: {each.what}" + (f"; {each.hint}" if each.hint else "") for each in problems)
