"""Where an expectation has to hold: in the whole log, after an event, before one, or between two, each time.

As in Dwyer, Avrunin and Corbett (1999). The events that open and close a stretch are not part of it. Where a stretch
never opened, nothing was judged, and so nothing has passed: that is inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable

from run_scenario.expect.matching import compile_matcher
from run_scenario.expect.observer import Observer, names_of, union
from run_scenario.expect.verdicts import CUT_SHORT, Event, Finding, show
from run_scenario.scenario.expectations import Expectation


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
