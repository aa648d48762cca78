"""Judges a log by all that is expected of it, in one pass: by what a scenario says, and by what is expected of all.

Of every run it is expected that nothing is lost and nobody left behind, unless its scenario expects just that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from run_scenario.events import types
from run_scenario.events.encoding import as_mapping
from run_scenario.expect import patterns as patterns  # registers the observers
from run_scenario.expect.clocks import Clocks
from run_scenario.expect.observer import OBSERVERS, Observer
from run_scenario.expect.patterns.logic import Scoped
from run_scenario.expect.validity import Attended, IfRecorded, Participants
from run_scenario.expect.verdicts import Event, Verdict
from run_scenario.scenario.expectations import JUDGED_LATER, Condition, Expectation, Matcher, spoken_of


class Judge:
    """Takes the events of one run, in the order of the log, and returns a verdict on each expectation at its end."""

    def __init__(
        self,
        expectations: Sequence[Expectation],
        *,
        names_are_checked: bool = False,
        not_implied: frozenset[str] = frozenset(),
    ) -> None:
        """Judge by these expectations.

        Args:
            expectations: In the order in which the verdicts on them are returned.
            names_are_checked: A loader has checked their names, against those of the scenario.
            not_implied: Events of which nothing is expected beyond that.
        """
        self._clocks: Clocks | None = None
        self._participants = Participants(expectations, names_are_checked)
        self._implied = tuple(
            each for each in implied(expectations) if not_implied.isdisjoint(each.matchers[0].events or ())
        )
        self._watched = [(each, self.observe(each)) for each in (*expectations, *self._implied)]
        self._by_name: dict[str, tuple[Callable[[Event], None], ...]] = {}
        self._is_watched: dict[type[types.Event], bool] = {}
        """Type of an event -> whether anybody wants to see those."""
        self._t = 0.0

    def take_types(self, events: Sequence[types.Event]) -> None:
        """Take the next events of a run that goes on: only those that an expectation is about are read as lines."""
        is_watched, watched = self._is_watched, []
        self._participants.see_types(events)
        for event in events:
            kind = type(event)
            if kind not in is_watched:
                is_watched[kind] = self._clocks is not None or bool(self._interested(types.name_of(kind)))
            if is_watched[kind]:
                watched.append(as_mapping(event))
        self._judge(watched)
        if events and types.name_of(type(events[-1])) not in JUDGED_LATER:
            self._t = events[-1].t

    def take(self, events: Iterable[Event]) -> None:
        """Take the next events, as the lines of a log have them; those that come of judging itself are passed over."""
        events = list(events)
        self._participants.see(events)
        self._judge(events)

    def _judge(self, events: Sequence[Event]) -> None:
        by_name, clocks = self._by_name, self._clocks
        for event in events:
            name = event["event"]
            observers = by_name.get(name)
            if observers is None:
                observers = by_name[name] = self._interested(name)
            if clocks is not None:
                clocks.see(event)
            for see in observers:
                see(event)
        # However many come together: those that come of judging are at the end, and not a part of the run's time.
        self._t = next((event["t"] for event in reversed(events) if event["event"] not in JUDGED_LATER), self._t)

    def finish(self, complete: bool) -> list[Verdict]:
        """Return the verdicts, in the order of the expectations; of the implied ones, only what is violated.

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

    def observe(self, expectation: Expectation) -> Observer:
        """Return an observer of an expectation, or of a part of one."""
        make = OBSERVERS[expectation.pattern]
        observer = make(expectation, self)
        if expectation.after is not None or expectation.before is not None:
            observer = Scoped(expectation, lambda: make(expectation, self))
        observer = IfRecorded(observer, expectation)
        return (
            Attended(observer, expectation, self._participants)
            if any(self._participants.subjects_of(expectation))
            else observer
        )

    def clocks(self) -> Clocks:
        """Return the vector clocks; they are only kept if an observer has asked for them before the first event."""
        if self._clocks is None:
            self._clocks = Clocks()
        return self._clocks


def _absent(event: str, because: str, *conditions: Condition) -> Expectation:
    matcher = Matcher((Condition("event", "is", event), *conditions))
    return Expectation("absent", matchers=(matcher,), because=because, text=f"absent: {{event: {event}}}")


_IMPLIED = (
    _absent("queue.items_lost", "not all that was put on a queue arrived: the process that put it ended too early"),
    _absent("queue.item_dropped", "an item put on a queue never arrived: it could not be pickled, or was too large"),
    _absent("process.orphaned", "a process was left behind without its parent"),
    _absent("queue.left_over", "not every poison pill was taken", Condition("pills", "more_than", 0)),
)


def implied(expectations: Sequence[Expectation]) -> tuple[Expectation, ...]:
    """Return what is expected of every run; what an expectation speaks of by name is its own matter."""
    spoken = spoken_of(expectations)
    return tuple(each for each in _IMPLIED if not spoken.issuperset(each.matchers[0].events or ()))
