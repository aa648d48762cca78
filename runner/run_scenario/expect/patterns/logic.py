"""Patterns made of other expectations: all_of, any_of, not; in the three-valued logic of S. Kleene."""

from __future__ import annotations

from typing import Any

from run_scenario.expect.check import Check, Checks
from run_scenario.expect.observer import Context, pattern, union
from run_scenario.expect.verdicts import Event, Finding, Result, show
from run_scenario.scenario.expectation_data import Fields
from run_scenario.scenario.expectations import Expectation

_NEGATED: dict[Result, Result] = {"passed": "failed", "failed": "passed", "inconclusive": "inconclusive"}


class _Parts:
    """Observers that watch together."""

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._parts = [context.observe(part) for part in expectation.parts]
        self.names = union(part.names for part in self._parts)

    def see(self, event: Event) -> None:
        for part in self._parts:
            if part.names is None or event["event"] in part.names:
                part.see(event)

    def _conclude(self, complete: bool, t: float) -> list[Finding]:
        return [part.conclude(complete, t) for part in self._parts]


@pattern("all_of")
class AllOf(_Parts):
    """All parts hold."""

    def conclude(self, complete: bool, t: float) -> Finding:
        findings = self._conclude(complete, t)
        return _first(findings, "failed") or _first(findings, "inconclusive") or _together("passed", findings)


@pattern("any_of")
class AnyOf(_Parts):
    """At least one part holds."""

    def conclude(self, complete: bool, t: float) -> Finding:
        findings = self._conclude(complete, t)
        return _first(findings, "passed") or _first(findings, "inconclusive") or _together("failed", findings)


@pattern("not")
class Not(_Parts):
    """The part does not hold."""

    def conclude(self, complete: bool, t: float) -> Finding:
        (finding,) = self._conclude(complete, t)
        if finding.is_empty:
            return finding.replace(result="inconclusive")
        return Finding(_NEGATED[finding.result], finding.reason, finding.evidence)


def _first(findings: list[Finding], result: Result) -> Finding | None:
    """Return the first finding of this result; rather one that says something than one about nothing."""
    return min((each for each in findings if each.result == result), key=lambda each: each.is_empty, default=None)


def _together(result: Result, findings: list[Finding]) -> Finding:
    events = [event for finding in findings for event in finding.evidence]
    is_empty = any(finding.is_empty for finding in findings)
    return Finding(result, "; ".join(finding.reason for finding in findings), show(events), is_empty)


class LogicChecks(Checks):
    """These patterns, as methods of a log."""

    def all_of(self, *parts: Fields, **settings: Any) -> Check:
        """All of these expectations hold: `{"exists": event("queue.put")}`, and so on."""
        return self.check(all_of=list(parts), **settings)

    def any_of(self, *parts: Fields, **settings: Any) -> Check:
        """At least one of these expectations holds."""
        return self.check(any_of=list(parts), **settings)

    def not_(self, part: Fields, **settings: Any) -> Check:
        """This expectation does not hold; where it cannot be judged, neither can this."""
        return self.check(not_=part, **settings)
