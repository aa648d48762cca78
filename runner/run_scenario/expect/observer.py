"""What all observers have in common: an observer watches the log for one expectation, in one stretch of it.

The observer of each pattern is a class in `patterns`, which registers itself here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from run_scenario.expect.clocks import Clocks
from run_scenario.expect.verdicts import Event, Finding
from run_scenario.scenario.expectations import Expectation, Matcher

Names = frozenset[str] | None
"""Names of the events that somebody wants to see; None: all."""


class Observer(Protocol):
    """Sees the events of a stretch of the log, in order, and returns at its end what it has found."""

    names: Names

    def see(self, event: Event) -> None:
        """Take the next event; this is called for all events named in `names`, perhaps for others too."""

    def conclude(self, complete: bool, t: float) -> Finding:
        """Return what was found; `complete`: the stretch ends here, nothing is missing; `t`: the log's last moment."""


class Context(Protocol):
    """What an observer may need of the judge that it watches for."""

    def clocks(self) -> Clocks:
        """Return the vector clocks of all processes, as of the event that is being seen."""

    def observe(self, expectation: Expectation) -> Observer:
        """Return an observer of an expectation that is a part of another."""


Make = Callable[[Expectation, Context], Observer]
OBSERVERS: dict[str, Make] = {}
"""Pattern -> what makes an observer of an expectation of that pattern."""

M = TypeVar("M", bound=Make)


def pattern(*names: str) -> Callable[[M], M]:
    """Register a class as the observer of a pattern, or of several."""

    def register(make: M) -> M:
        OBSERVERS.update(dict.fromkeys(names, make))
        return make

    return register


def names_of(matchers: Iterable[Matcher]) -> Names:
    """Return the names of all events that the matchers can match."""
    found: set[str] = set()
    for matcher in matchers:
        events = matcher.events
        if events is None:
            return None
        found.update(events)
    return frozenset(found)


def union(names: Iterable[Names]) -> Names:
    """Return all the names; None if any is None."""
    found: set[str] = set()
    for each in names:
        if each is None:
            return None
        found |= each
    return frozenset(found)
