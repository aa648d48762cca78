"""Problems of a file on standard error, each with its line and a caret."""

from __future__ import annotations

from collections.abc import Iterable

from run_scenario.cli.streams import complain
from run_scenario.errors import Problem


def report(problems: Iterable[Problem]) -> None:
    """Print the problems."""
    from run_scenario.language.messages import format_problem

    text = "".join(f"{format_problem(problem)}\n" for problem in problems)
    if text:
        complain(text)
