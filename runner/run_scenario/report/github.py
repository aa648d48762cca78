"""Annotations as GitHub has them: a line for each thing that is wrong, which its CI shows beside the line of a file.

    ::error file=greet.yaml,line=7,col=5,title=invalid scenario::unknown key 'tragte' in a process%0Adid you mean …

The format: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from run_scenario.counting import plural
from run_scenario.report.sentences import explanation
from run_scenario.report.text import sanitize

if TYPE_CHECKING:
    from run_scenario.errors import Problem
    from run_scenario.report.failure import Failure

Level = Literal["error", "warning"]

_MOST_LINES = 40
"""Lines of a message; GitHub shows a few of them beside the file, and all of them in its own list."""


def annotation(
    level: Level, title: str, message: str, file: str | None = None, line: int | None = None, column: int | None = None
) -> str:
    """Return the line that makes an annotation; `line` and `column` count from 1, and are those of `file`."""
    places = {} if file is None else {"file": sanitize(file), "line": line, "col": column}
    properties = {**places, "title": title}
    given = (f"{name}={_escaped_property(str(value))}" for name, value in properties.items() if value is not None)
    return f"::{level} {','.join(given)}::{_escaped(message)}"


def of_problem(problem: Problem, file: str | None) -> str:
    """Return what is wrong with a scenario; `file` is the path of the scenario, as GitHub knows it, if it does."""
    text = sanitize(problem.what) + (f"\n{sanitize(problem.hint)}" if problem.hint else "")
    title = "invalid scenario" if problem.severity == "error" else "odd scenario"
    return annotation(problem.severity, title, text, file, problem.where.line, problem.where.column)


def of_failure(failure: Failure, file: str | None) -> str:
    """Return why a run has not passed: the same that pytest shows of it."""
    title, *lines = failure.lines
    lines = lines[1:] or [failure.cause]
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"and {plural(len(lines) - _MOST_LINES, 'more line')}, in the log"]
    return annotation("error", title, "\n".join(lines), file, failure.line)


def of_verdict(event: Mapping[str, Any], file: str | None) -> str:
    """Return the verdict on an expectation that is not met, an event as the log has it."""
    word = "failed" if event["event"] == "expectation.failed" else "inconclusive"
    message = "\n".join(sanitize(line) for line in explanation(event))
    return annotation("error", f"{word}: {sanitize(event['expectation'])}", message, file, event.get("line"))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
