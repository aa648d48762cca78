"""Expectations made of others: all_of, any_of, not; in the three-valued logic of S. Kleene."""

from __future__ import annotations

from run_scenario.expect.observer import Observer, union
from run_scenario.expect.verdicts import Event, Finding, Result, show

_NEGATED: dict[Result, Result] = {"passed": "failed", "failed": "passed", "inconclusive": "inconclusive"}


class _Parts:
    """Observers that watch together."""

    def __init__(self, parts: list[Observer]) -> None:
        self._parts = parts
        self.names = union(part.names for part in parts)

    def see(self, event: Event) -> None:
        for part in self._parts:
            if part.names is None or event["event"] in part.names:
                part.see(event)

    def _conclude(self, complete: bool, t: float) -> list[Finding]:
        return [part.conclude(complete, t) for part in self._parts]


class AllOf(_Parts):
    """All parts hold."""

    def conclude(self, complete: bool, t: float) -> Finding:
        findings = self._conclude(complete, t)
        return _first(findings, "failed") or _first(findings, "inconclusive") or _together("passed", findings)


class AnyOf(_Parts):
    """At least one part holds."""

    def conclude(self, complete: bool, t: float) -> Finding:
        findings = self._conclude(complete, t)
        return _first(findings, "passed") or _first(findings, "inconclusive") or _together("failed", findings)


class Not(_Parts):
    """The part does not hold."""

    def conclude(self, complete: bool, t: float) -> Finding:
        (finding,) = self._conclude(complete, t)
        return Finding(_NEGATED[finding.result], finding.reason, finding.evidence)


def _first(findings: list[Finding], result: Result) -> Finding | None:
    return next((finding for finding in findings if finding.result == result), None)


def _together(result: Result, findings: list[Finding]) -> Finding:
    events = [event for finding in findings for event in finding.evidence]
    return Finding(result, "; ".join(finding.reason for finding in findings), show(events))
