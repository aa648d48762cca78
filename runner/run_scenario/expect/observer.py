"""What all observers have in common: an observer watches the log for one expectation, in one stretch of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from run_scenario.expect.verdicts import Event, Finding
from run_scenario.expectations import Matcher

Names = frozenset[str] | None
"""Names of the events that somebody wants to see; None: all."""


class Observer(Protocol):
    """Sees the events of a stretch of the log, in order, and says at its end what has become of its expectation."""

    names: Names

    def see(self, event: Event) -> None:
        """Take an event into account; it is called for all events named in `names`, perhaps for others too."""

    def conclude(self, complete: bool, t: float) -> Finding:
        """Say what was found; `complete`: the stretch ends here, nothing is missing; `t`: the log's last moment."""


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
