"""Judges a log by all that is expected of it, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from run_scenario.expect.accounting import Conserved, Distribution, ExitCodes, Fifo
from run_scenario.expect.clocks import Clocks
from run_scenario.expect.implicit import implied
from run_scenario.expect.intervals import Duration, MutualExclusion, Overlap
from run_scenario.expect.logic import AllOf, AnyOf, Not
from run_scenario.expect.observer import Observer
from run_scenario.expect.occurrence import Absent, Count, Exists, Order
from run_scenario.expect.response import HappensBefore, LeadsTo, Precedes
from run_scenario.expect.scopes import Scoped
from run_scenario.expect.verdicts import Event, Verdict
from run_scenario.expectations import JUDGED_LATER, Expectation

_PATTERNS: dict[str, Callable[[Expectation], Observer]] = {
    "exists": Exists,
    "absent": Absent,
    "no_orphans": Absent,
    "count": Count,
    "order": Order,
    "precedes": Precedes,
    "leads_to": LeadsTo,
    "overlap": Overlap,
    "mutual_exclusion": MutualExclusion,
    "duration": Duration,
    "conserved": Conserved,
    "fifo": Fifo,
    "exitcodes": ExitCodes,
    "distribution": Distribution,
}
_PARTS: dict[str, Callable[[list[Observer]], Observer]] = {"all_of": AllOf, "any_of": AnyOf, "not": Not}


class Judge:
    """Takes the events of one run, in the order of the log, and says at its end what became of each expectation."""

    def __init__(self, expectations: Sequence[Expectation]) -> None:
        self._clocks = Clocks() if any(map(_is_causal, expectations)) else None
        self._implied = implied(expectations)
        self._watched = [(each, self._observe(each)) for each in (*expectations, *self._implied)]
        self._by_name: dict[str, tuple[Callable[[Event], None], ...]] = {}
        self._t = 0.0

    def take(self, events: Iterable[Event]) -> None:
        """Take the next events into account; those that come of judging itself are passed over."""
        by_name, clocks = self._by_name, self._clocks
        event: Event | None = None
        for event in events:
            name = event["event"]
            observers = by_name.get(name)
            if observers is None:
                observers = by_name[name] = self._interested(name)
            if clocks is not None:
                clocks.see(event)
            for see in observers:
                see(event)
        if event is not None and event["event"] not in JUDGED_LATER:
            self._t = event["t"]

    def finish(self, complete: bool) -> list[Verdict]:
        """Return the verdicts, in the order of the expectations; of what goes without saying, only what is violated.

        `complete`: the run came to an end of its own, or could never have moved again.
        """
        verdicts = []
        for expectation, observer in self._watched:
            found = observer.conclude(complete, self._t)
            if found.result == "failed" or expectation not in self._implied:
                verdicts.append(Verdict(expectation, found.result, found.reason, found.evidence))
        return verdicts

    def _interested(self, name: str) -> tuple[Callable[[Event], None], ...]:
        if name in JUDGED_LATER:
            return ()
        return tuple(observer.see for _, observer in self._watched if observer.names is None or name in observer.names)

    def _observe(self, expectation: Expectation) -> Observer:
        if expectation.after is None and expectation.before is None:
            return self._observe_here(expectation)
        return Scoped(expectation, lambda: self._observe_here(expectation))

    def _observe_here(self, expectation: Expectation) -> Observer:
        if expectation.pattern in _PARTS:
            return _PARTS[expectation.pattern]([self._observe(part) for part in expectation.parts])
        if expectation.pattern == "happens_before":
            assert self._clocks is not None
            return HappensBefore(expectation, self._clocks)
        return _PATTERNS[expectation.pattern](expectation)


def _is_causal(expectation: Expectation) -> bool:
    return expectation.pattern == "happens_before" or any(map(_is_causal, expectation.parts))
