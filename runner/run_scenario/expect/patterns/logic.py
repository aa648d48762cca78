"""Patterns made of other expectations: all_of, any_of, not; and any, where it only has to hold in a part of the log.

The logic is the three-valued one of S. Kleene.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from run_scenario.expect.matching import compile_matcher
from run_scenario.expect.observer import Context, Observer, names_of, pattern, union
from run_scenario.expect.verdicts import CUT_SHORT, Check, Checks, Event, Finding, Result, show
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


# Parts of a log


class Scoped:
    """Watches the stretches of an expectation that has a scope, each with an observer of its own."""

    def __init__(self, expectation: Expectation, observe: Callable[[], Observer]) -> None:
        self._after, self._before = expectation.after, expectation.before
        self._repeated = expectation.between
        self._observe = observe
        self._opens = compile_matcher(expectation.after) if expectation.after else None
        self._closes = compile_matcher(expectation.before) if expectation.before else None
        self._observer: Observer | None = observe()
        self.names = union(
            (self._observer.names, names_of(m for m in (expectation.after, expectation.before) if m is not None))
        )
        self._opened: Event | None = None
        if self._opens is not None:
            self._observer = None
        self._over = False
        self._closed = 0
        self._finding: Finding | None = None
        """Of the stretches that are closed, the first that failed, or was not decided, or else the last."""

    def see(self, event: Event) -> None:
        if self._over:
            return
        if self._observer is None:
            if self._opens is not None and self._opens(event):
                self._observer, self._opened = self._observe(), event
            return
        if self._closes is not None and self._closes(event):
            self._close(event["t"], event)
            return
        self._observer.see(event)

    def _close(self, t: float, *edge: Event) -> None:
        assert self._observer is not None
        found = self._observer.conclude(True, t)
        before = self._finding
        if before is None or before.result == "passed" or (before.is_empty and found.result == "failed"):
            self._finding = self._with_edges(found, *edge)
        self._closed += 1
        self._observer, self._opened = None, None
        self._over = not self._repeated

    def _with_edges(self, finding: Finding, *edge: Event) -> Finding:
        return finding.replace(evidence=show((self._opened, *finding.evidence, *edge)))

    def conclude(self, complete: bool, t: float) -> Finding:
        if self._finding is not None and self._finding.result == "failed":
            return self._finding
        if self._observer is not None and self._closes is None:
            return self._with_edges(self._observer.conclude(complete, t))
        if self._finding is None:
            return self._never(complete)
        if self._observer is not None and not complete:
            return Finding("inconclusive", f"a stretch had not come to its end; {CUT_SHORT}", show([self._opened]))
        return self._finding

    def _never(self, complete: bool) -> Finding:
        if self._observer is None:
            what = f"there is no {self._after}, after which it has to hold"
        else:
            what = f"there is no {self._before}, before which it has to hold"
        return Finding("inconclusive", what if complete else f"{what}; {CUT_SHORT}", show([self._opened]))
