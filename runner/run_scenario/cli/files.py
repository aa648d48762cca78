"""FILE on the command line: a path as given, or the name of a bundled scenario; loaded, with its problems reported."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from run_scenario import bundled
from run_scenario.cli import github
from run_scenario.cli.streams import note, write_stderr
from run_scenario.errors import Problem, Status, UsageError, reason_of
from run_scenario.report.text import sanitize
from run_scenario.suggestions import did_you_mean, nearest, nearest_file

if TYPE_CHECKING:
    from run_scenario.events.outcome import Outcome
    from run_scenario.exploration.schedule import KeptSchedule
    from run_scenario.loader import Loaded
    from run_scenario.loader.source import Kind
    from run_scenario.scenario.model import Given, Scenario

_WORD = re.compile(r"""'[^']*'|"[^"]*"|[^\s,\[\]{}#]+""")
"""What stands in one place of a scenario: a text in quotes or without, a number."""
_LIST_HINT = "'run-scenario list' shows the bundled ones"


class File(NamedTuple):
    """A scenario's path, and its name in messages: as given, or the bundled file's."""

    path: str
    name: str


def resolve(given: Sequence[str], commands: Iterable[str] = ()) -> list[File]:
    """Return each FILE; one of the `commands` may have been meant by the first.

    Raises:
        UsageError: one of them is neither there nor bundled.
    """
    return [_resolve(name, commands if index == 0 else ()) for index, name in enumerate(given)]


def _resolve(name: str, commands: Iterable[str]) -> File:
    there = os.path.lexists(name)
    if there and name.endswith(".py"):
        raise UsageError(f"'{sanitize(name)}' is a Python script: run-scenario record {sanitize(name)}")
    if there and not Path(name).is_dir():
        return File(name, name)
    found = bundled.find_scenario(name)
    if found is not None:
        return File(str(found), found.name)
    if there:  # a folder: that it is one is the answer
        return File(name, name)
    raise UsageError(_unknown(name, commands))


def bundled_scenario(name: str) -> Path:
    """Return the path of a bundled scenario.

    Raises:
        UsageError: there is none of that name.
    """
    found = bundled.find_scenario(name)
    if found is None:
        hint = did_you_mean(Path(name).stem, [*_bundled_names(), *bundled.CHAPTERS], _LIST_HINT)
        raise UsageError(f"there is no bundled scenario '{sanitize(name)}'; {hint}")
    return found


def load(file: File, given: Given | None = None, kind: Kind = "scenario") -> Loaded:
    """Load a scenario with these values for its parameters, and report its problems on standard error."""
    from run_scenario import loader

    loaded = loader.load(file.path, file=file.name, given=given or {}, kind=kind)
    report(loaded.problems)
    return loaded


def load_each(file: File, given: Given, kind: Kind = "scenario", most: int | None = None) -> list[Loaded]:
    """Load a scenario once for each combination of its `matrix`, each problem of them reported once.

    Of an invalid one, nothing comes after it.

    Raises:
        UsageError: there are more combinations than `most`.
    """
    from run_scenario import loader

    found = [load(file, given, kind)]
    count = len(found[0].scenario.matrix) if found[0].scenario else 0
    if most is not None and count > most:
        what = f"{sanitize(file.name)}: its `matrix` has {count} combinations, and is not run"
        raise UsageError(f"{what}: --max-runs allows {most}")
    reported = set(found[0].problems)
    for combination in found[0].scenario.matrix[1:] if found[0].scenario else ():
        loaded = loader.load(file.path, file=file.name, given={**given, **combination})
        new = [problem for problem in loaded.problems if problem not in reported]
        if new:
            from run_scenario.scenario.parameters import assignments  # reads expectations, too, and needs json for it

            note(f"{sanitize(file.name)} with {sanitize(', '.join(assignments(combination)))}:")
        report(new)
        reported.update(new)
        found.append(loaded)
        if loaded.scenario is None:
            break
    return found


def load_valid(name: str, given: Given | None = None, kind: Kind = "scenario") -> tuple[Scenario, str]:
    """Return the scenario of one FILE, with these values for its parameters, and its text; its warnings are reported.

    Raises:
        UsageError: it is neither there nor bundled.
        InvalidScenario: it cannot be run as written.
    """
    from run_scenario import loader

    (file,) = resolve([name])
    loaded = loader.load(file.path, file=file.name, given=given or {}, kind=kind)
    scenario = loaded.require()
    report(loaded.problems)
    return scenario, loaded.text


def remove_read(*paths: str) -> None:
    """Remove files that have been read, and were made for that; each with its folder if nothing else is in it."""
    for path in map(Path, paths):
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()


def read_schedule(path: str) -> KeptSchedule:
    """Return what a file says that `explore` has kept.

    Raises:
        UsageError: it cannot be read, or is no schedule.
    """
    from run_scenario.exploration.schedule import decode

    shown = sanitize(path)
    try:
        return decode(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {reason_of(error)}") from None
    except ValueError as error:
        raise UsageError(f"{shown} is no schedule: {sanitize(str(error))}") from None


def load_expectations(path: str | None) -> Scenario | None:
    """Return what a file of expectations says; None without one.

    Raises:
        InvalidScenario: the file is not there, or wrong.
    """
    if path is None:
        return None
    from run_scenario import loader

    loaded = loader.load(path, kind="expectations")
    expected = loaded.require()
    report(loaded.problems)
    return expected


def report(problems: Iterable[Problem], text: str | None = None) -> None:
    """Write the problems to standard error, each with its line and a caret.

    `text` is that of the file, for problems that do not know their lines.
    """
    from run_scenario.loader.problems import format_problem

    problems = list(problems)
    github.of_problems(problems)
    if text is not None:
        problems = [_with_source(problem, text.splitlines()) for problem in problems]
    formatted = "".join(f"{format_problem(problem)}\n" for problem in problems)
    if formatted:
        write_stderr(formatted)


def report_end(outcome: Outcome) -> None:
    """Write to standard error why a run came to an end that leaves nothing to be shown."""
    if outcome.status is Status.INTERRUPTED:
        note("interrupted")
    elif outcome.reasons and not outcome.problems:
        from run_scenario.report.reasons import sentences

        note(sanitize("; ".join(sentences(outcome))))


def _with_source(problem: Problem, lines: Sequence[str]) -> Problem:
    line = problem.where.line
    if not 0 < line <= len(lines):
        return problem
    word = _WORD.match(lines[line - 1], problem.where.column - 1)
    return problem.replace(source=lines[line - 1], width=len(word[0]) if word else 1)


def _unknown(name: str, commands: Iterable[str]) -> str:
    elsewhere = "" if "/" in name else " here, and no bundled scenario of that name"
    what = f"there is no file '{sanitize(name)}'{elsewhere}"
    if command := nearest(name, commands):
        return f"{what}; did you mean the command '{command}'?"
    close = nearest_file(name, (".yaml", ".yml")) or nearest(Path(name).stem, _bundled_names())
    return f"{what}; did you mean '{sanitize(close)}'?" if close else f"{what}; {_LIST_HINT}"


def _bundled_names() -> list[str]:
    return [path.stem for path in bundled.scenarios()]
