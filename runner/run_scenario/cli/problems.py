"""Problems of a file on standard error, each with its line and a caret."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from run_scenario.errors import Problem


def report(problems: Iterable[Problem]) -> None:
    """Print the problems."""
    from run_scenario.language.messages import format_problem

    text = "".join(f"{format_problem(problem)}\n" for problem in problems)
    if text and sys.stderr is not None:
        if sys.stdout is not None:
            sys.stdout.flush()  # what was said about the files before comes first
        sys.stderr.write(text)
        sys.stderr.flush()
