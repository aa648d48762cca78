"""What the validator says of a scenario that was made of a script, in that scenario's head."""

from __future__ import annotations

from collections.abc import Iterable

from run_scenario.errors import Problem
from run_scenario.report.scenario.yaml_text import comment

_BODY = "\nversion: 1\n"
_MOST = 10


def with_problems(scenario: str, problems: Iterable[Problem]) -> str:
    """Return a scenario with its problems as comments before its body, by the lines on which they then are."""
    problems = sorted(problems, key=lambda problem: problem.severity)
    if not problems:
        return scenario
    if problems[0].severity == "error":
        head = "THIS FILE IS NOT VALID. What was recorded cannot be said like this; mend these places by hand:"
    else:
        head = "`run-scenario validate` warns of these places; they are as they were recorded:"
    shown, more = problems[:_MOST], len(problems) - _MOST
    added = 1 + len(shown) + (more > 0)
    words = [head, *(f"  line {problem.where.line + added}: {problem.what}" for problem in shown)]
    words += [f"  and {more} more"] if more > 0 else []
    return scenario.replace(_BODY, "".join(f"\n{comment(each)}" for each in words) + _BODY, 1)
