"""`--format github`: what is wrong becomes annotations on standard output, below what a person reads there.

Wherever a command reports something, it is asked here whether that is to be annotated as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from run_scenario.cli.streams import write_stdout

if TYPE_CHECKING:
    from run_scenario.errors import Problem
    from run_scenario.events.outcome import Outcome
    from run_scenario.events.types import Event
    from run_scenario.scenario.model import Scenario

FORMAT = "github"

_wanted = False
"""Whether the command that is carried out was given `--format github`."""


def choose(name: str | None) -> None:
    """Annotate from now on, or do not, as `--format` says."""
    global _wanted
    _wanted = name == FORMAT


def are_wanted() -> bool:
    """Return whether there is to be an annotation of what goes wrong."""
    return _wanted


def of_problems(problems: Iterable[Problem]) -> None:
    """Annotate what is wrong with a scenario, if that is wanted."""
    if _wanted:
        from run_scenario.report import github

        _write(github.of_problem(problem, _file(problem.where.file)) for problem in problems)


def of_error(text: str) -> None:
    """Annotate what kept the command from its work, if that is wanted."""
    if _wanted:
        from run_scenario.report.github import annotation
        from run_scenario.report.text import sanitize

        _write([annotation("error", "run-scenario", sanitize(text))])


def of_run(scenario: Scenario, log: IO[bytes], outcome: Outcome) -> None:
    """Annotate why a run has not passed, by its whole log."""
    from run_scenario.cli import logs
    from run_scenario.report import github
    from run_scenario.report.failure import failure
    from run_scenario.report.reasons import sentences

    log.seek(0)
    found = failure(scenario, logs.events(log, "the run's log"), outcome.outcome, sentences(outcome))
    _write([github.of_failure(found, _file(scenario.file))])


def of_verdicts(events: Iterable[Event], file: str) -> None:
    """Annotate the verdicts that are not as the expectations in a file want them, if that is wanted."""
    if _wanted:
        from msgspec import to_builtins

        from run_scenario.report import github

        for verdict in map(to_builtins, events):
            if verdict["event"] != "expectation.passed":
                _write([github.of_verdict(verdict, verdict["file"] and _file(file))])


def _write(lines: Iterable[str]) -> None:
    for line in lines:
        write_stdout(f"{line}\n")


def _file(name: str) -> str | None:
    """Return the path of a file from the top of the repository, if GitHub says where that is; None: it is not there."""
    if not Path(name).is_file():  # such as a bundled scenario
        return None
    top = os.environ.get("GITHUB_WORKSPACE")
    whole = Path(os.path.abspath(name))  # noqa: PTH100 - Path.absolute() leaves '..' in it
    return str(whole.relative_to(top)) if top and whole.is_relative_to(top) else name
