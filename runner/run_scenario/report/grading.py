"""What a folder of hand-ins was judged to be: as a table, as JSON, as JUnit's XML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from run_scenario.counting import plural
from run_scenario.report.reasons import sentences
from run_scenario.report.text import sanitize, truncate
from run_scenario.values import Value

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_REASON = 300
_COLUMNS = ("hand-in", "result", "met", "why not")
_RUNS = "it runs as it should"
"""The test case of a hand-in that no check is about: whether it can be run, and ends."""


class Check(Value):
    """What was found about one expectation of the checks."""

    expectation: str
    line: int
    """In the file of checks."""
    because: str
    """Why it is expected, as the checks say; may be empty."""
    result: str
    """passed, failed or inconclusive."""
    reason: str


class Graded(Value):
    """One run of a hand-in; a scenario with a `matrix` has several."""

    name: str
    """Its path below the folder; with the values of its parameters, if it was run with several."""
    outcome: str
    """As in `scenario.finished`; or `invalid`: it could not be run at all.

    Of an exercise, too: `not_as_given`, more than the gap was changed; `unfinished`, a gap is still open.
    """
    passed: bool
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]
    """Why it has not passed, one sentence each."""
    duration: float = 0.0
    """In seconds."""

    @property
    def is_judged(self) -> bool:
        """Whether its outcome says something about the hand-in, and not about who has run it, or where."""
        return self.outcome not in ("interrupted", "refused", "internal_error")

    @property
    def met(self) -> int:
        """How many of the checks are met."""
        return sum(check.result == "passed" for check in self.checks)


def read_runs(name: str, lines: Sequence[Mapping[str, Any]]) -> list[Graded]:
    """Return what the events that tell of runs as a whole, and of verdicts, say about each run of a hand-in."""
    by_run: dict[str, list[Mapping[str, Any]]] = {}
    for event in lines:
        by_run.setdefault(event["run"], []).append(event)
    several = len(by_run) > 1
    return [_read_run(_with_values(name, events[0]) if several else name, events) for events in by_run.values()]


def _with_values(name: str, started: Mapping[str, Any]) -> str:
    from run_scenario.scenario.parameters import assignments

    return f"{name} ({', '.join(assignments(started.get('params') or {}))})"


def _read_run(name: str, events: Sequence[Mapping[str, Any]]) -> Graded:
    from run_scenario.events.outcome import Outcome

    outcome = Outcome.read(events[-1], otherwise="its log has no end")
    checks = tuple(
        Check(event["expectation"], event["line"], event.get("because") or "", event["event"][12:], event["reason"])
        for event in events
        if event["event"].startswith("expectation.") and event["line"] is not None
    )
    passed = outcome.status == 0
    return Graded(name, outcome.outcome, passed, checks, () if passed else tuple(sentences(outcome)), outcome.duration)


def table(console: Console, graded: Sequence[Graded]) -> str:
    """Return a line for each run of a hand-in, those that have not passed marked, and how many have."""
    from run_scenario.report.terminal.tables import render_table

    rows = [
        ((sanitize(each.name), _result(each), _met(each), _why(each)), "" if each.passed else "✗") for each in graded
    ]
    return f"{render_table(console, _COLUMNS, rows, left=4)}\n{summary(graded)}\n"


def summary(graded: Sequence[Graded]) -> str:
    """Return in a few words how many have passed."""
    return f"{sum(each.passed for each in graded):,} of {plural(len(graded), 'run')} passed"


def _result(graded: Graded) -> str:
    return "passed" if graded.passed else graded.outcome.replace("_", " ")


def _met(graded: Graded) -> str:
    return f"{graded.met} of {len(graded.checks)}" if graded.checks else ""


def _why(graded: Graded) -> str:
    if not graded.reasons:
        return ""
    more = f" (and {len(graded.reasons) - 1} more)" if len(graded.reasons) > 1 else ""
    return truncate(sanitize(graded.reasons[0]), _LONGEST_REASON) + more


def as_json(graded: Sequence[Graded], facts: Mapping[str, Any]) -> str:
    """Return all of it as one JSON object."""
    runs = [
        {
            "hand_in": each.name,
            "outcome": each.outcome,
            "passed": each.passed,
            "duration": each.duration,
            "reasons": list(each.reasons),
            "checks": [
                {name: getattr(check, name) for name in ("expectation", "line", "because", "result", "reason")}
                for check in each.checks
            ],
        }
        for each in graded
    ]
    return json.dumps({**facts, "passed": sum(each.passed for each in graded), "runs": runs}, indent=2) + "\n"


def as_junit(graded: Sequence[Graded], checks: str) -> bytes:
    """Return all of it as JUnit's XML: a suite for each run, a test case for each check.

    The format has no standard; this is what Jenkins, GitLab and pytest's own writer have in common.
    """
    root = ElementTree.Element("testsuites", name=sanitize(checks))
    for each in graded:
        cases = [(f"line {check.line}: {check.because or check.expectation}", check) for check in each.checks]
        unmet = len(each.checks) - each.met
        # One that failed by its checks alone is told there; one that was stopped has not run as it should, either.
        runs = each.passed or (each.outcome == "failed" and unmet > 0)
        suite = ElementTree.SubElement(root, "testsuite", name=sanitize(each.name), time=f"{each.duration:.3f}")
        suite.set("tests", str(len(cases) + 1))
        suite.set("failures", str(unmet + (not runs)))
        _add_case(suite, each.name, _RUNS, "" if runs else "; ".join(each.reasons) or each.outcome)
        for title, check in cases:
            _add_case(suite, each.name, title, "" if check.result == "passed" else check.reason)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written + b"\n"


def _add_case(suite: ElementTree.Element, name: str, title: str, failure: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=sanitize(name), name=sanitize(title))
    if failure:
        ElementTree.SubElement(case, "failure", message=sanitize(failure))
