"""Patterns about two events, of which one follows the other: precedes, leads_to, happens_before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from run_scenario.expect.matching import compile_matcher, lookup
from run_scenario.expect.observer import Context, names_of, pattern
from run_scenario.expect.verdicts import Check, Checks, Event, Finding, failed, unbroken, undecided, unfulfilled
from run_scenario.scenario.expectation_data import Fields
from run_scenario.scenario.expectations import Expectation

_KEPT = 1_000
"""How many events are kept to be shown; of others only what they have in common is."""

Key = Any
"""What events share that belong together: the value of one field, or those of several."""


def key_of(event: Event, same: tuple[str, ...]) -> Key:
    """Return what two events must have in common to belong together."""
    if len(same) == 1:
        return _hashable(lookup(event, same[0]))
    return tuple(_hashable(lookup(event, field)) for field in same)


_MAY_BE_UNKNOWN = ("item_id",)
"""Fields whose null does not mean that there is none, but that the log does not know it."""


class _Unknown:
    """Events of which the log does not know what they have in common with others; the first of each matcher."""

    def __init__(self, same: tuple[str, ...]) -> None:
        self._fields = [field for field in same if field in _MAY_BE_UNKNOWN]
        self._found: dict[int, Event] = {}

    def has(self, event: Event) -> bool:
        """Return whether it is one."""
        return any(lookup(event, field) is None for field in self._fields)

    def note(self, matcher: int, event: Event) -> None:
        """Keep one that has matched the first (0) or the second matcher (1)."""
        self._found.setdefault(matcher, event)

    def finding(self, *matchers: int) -> Finding | None:
        """Return that nothing can be decided, if one was noted of these matchers."""
        for event in (self._found[matcher] for matcher in matchers if matcher in self._found):
            fields = " and ".join(self._fields)
            return undecided(f"of {event['event']} (event {event.get('seq')}) the {fields} is not known", event)
        return None


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


@pattern("precedes")
class Precedes:
    """Before the first event that matches the second matcher comes one that matches the first.

    With `same`, every value of those fields is remembered.
    """

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._earlier, self._later = expectation.matchers
        self._same = expectation.same
        self.names = names_of(expectation.matchers)
        self._is_earlier, self._is_later = (compile_matcher(matcher) for matcher in expectation.matchers)
        self._seen: dict[Key, Event | None] = {}
        self._pair: tuple[Event | None, Event] | None = None
        self._alone: Event | None = None
        self._unknown = _Unknown(self._same)

    def see(self, event: Event) -> None:
        if self._alone is not None:
            return
        if self._unknown.has(event):
            _note_unknown(self._unknown, event, self._is_earlier, self._is_later)
            return
        key = key_of(event, self._same)
        if self._is_earlier(event):
            self._seen.setdefault(key, event if self._pair is None and len(self._seen) < _KEPT else None)
        if self._is_later(event):
            if key not in self._seen:
                self._alone = event
            elif self._pair is None:
                self._pair = self._seen[key], event

    def conclude(self, complete: bool, t: float) -> Finding:
        if unknown := self._unknown.finding(0) if self._alone is not None else self._unknown.finding(1):
            return unknown
        if self._alone is not None:
            same = _sharing(self._same, self._alone)
            reason = f"before {self._later} (event {self._alone.get('seq')}) there is no {self._earlier}{same}"
            return failed(reason, self._alone)
        if self._pair is None:
            return unbroken(complete, f"there is no {self._later}")
        return unbroken(complete, f"{self._earlier} comes before {self._later}", *self._pair)


@pattern("leads_to")
class LeadsTo:
    """On every event that matches the first matcher follows one that matches the second, perhaps within some time.

    The same event may be both. Of those that wait, only the oldest of each key is kept: what answers it answers all.
    """

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._cause, self._effect = expectation.matchers
        self._same, self._within = expectation.same, expectation.within
        self.names = names_of(expectation.matchers)
        self._is_cause, self._is_effect = (compile_matcher(matcher) for matcher in expectation.matchers)
        self._waiting: dict[Key, Event] = {}
        self._late: tuple[Event, Event] | None = None
        self._answered: tuple[Event, Event] | None = None
        self._unknown = _Unknown(self._same)

    def see(self, event: Event) -> None:
        if self._late is not None:
            return
        if self._unknown.has(event):
            _note_unknown(self._unknown, event, self._is_cause, self._is_effect)
            return
        key = key_of(event, self._same)
        if self._is_cause(event):
            self._waiting.setdefault(key, event)
        if key in self._waiting and self._is_effect(event):
            cause = self._waiting.pop(key)
            if self._within is not None and event["t"] - cause["t"] > self._within:
                self._late = cause, event
            else:
                self._answered = cause, event

    def conclude(self, complete: bool, t: float) -> Finding:
        limit = "" if self._within is None else f" within {self._within:g} s"
        if self._late is not None:
            cause, effect = self._late
            took = effect["t"] - cause["t"]
            reason = f"{self._effect} follows on event {cause.get('seq')} after {took:.3f} s, not{limit}"
            return failed(reason, cause, effect)
        if unknown := self._unknown.finding(1) if self._waiting else self._unknown.finding(0):
            return unknown
        if self._waiting:
            cause = min(self._waiting.values(), key=lambda event: event["t"])
            same = _sharing(self._same, cause)
            reason = f"{self._cause} (event {cause.get('seq')}) is followed by no {self._effect}{same}{limit}"
            over = self._within is not None and t - cause["t"] > self._within
            return unfulfilled(complete or over, reason, cause)
        if self._answered is None:
            return unbroken(complete, f"there is no {self._cause}")
        return unbroken(complete, f"every {self._cause} is followed by {self._effect}{limit}", *self._answered)


@pattern("happens_before")
class HappensBefore:
    """Every event that matches the second matcher was caused by one that matches the first: see `clocks`.

    With `same`, every value of those fields is remembered, with one number.
    """

    def __init__(self, expectation: Expectation, context: Context) -> None:
        self._earlier, self._later = expectation.matchers
        self._same = expectation.same
        self._clocks = context.clocks()
        self.names = names_of(expectation.matchers)
        self._is_earlier, self._is_later = (compile_matcher(matcher) for matcher in expectation.matchers)
        self._first: dict[str, dict[Key, int]] = {}
        """Process -> key -> when it did that first, by its own clock."""
        self._kept: dict[tuple[str, Key], Event] = {}
        """Process, key -> the event that was that, of the first ones."""
        self._alone: tuple[Event, Event | None] | None = None
        self._pair: tuple[Event | None, Event] | None = None
        self._unknown = _Unknown(self._same)

    def see(self, event: Event) -> None:
        if self._alone is not None:
            return
        if self._unknown.has(event):
            _note_unknown(self._unknown, event, self._is_earlier, self._is_later)
            return
        key = key_of(event, self._same)
        if self._is_later(event):
            known = self._clocks.now(event)
            before = {actor: moments[key] for actor, moments in self._first.items() if key in moments}
            causes = [actor for actor, moment in before.items() if known.get(actor, 0) >= moment]
            if not causes:
                self._alone = event, next((self._kept.get((actor, key)) for actor in before), None)
            elif self._pair is None:
                self._pair = self._kept.get((causes[0], key)), event
        if self._is_earlier(event):
            actor = self._clocks.actor(event)
            moments = self._first.setdefault(actor, {})
            if key not in moments:
                moments[key] = self._clocks.now(event)[actor]
                if len(self._kept) < _KEPT:
                    self._kept[actor, key] = event

    def conclude(self, complete: bool, t: float) -> Finding:
        if unknown := self._unknown.finding(0) if self._alone is not None else self._unknown.finding(1):
            return unknown
        if self._alone is not None:
            event, other = self._alone
            same = _sharing(self._same, event)
            reason = f"{self._later} (event {event.get('seq')}) does not depend on any {self._earlier}{same}"
            if other is not None:
                reason += f": event {other.get('seq')} only came earlier"
            return failed(reason, event, other)
        if self._pair is None:
            return unbroken(complete, f"there is no {self._later}")
        return unbroken(complete, f"every {self._later} comes after {self._earlier}, which it depends on", *self._pair)


def _note_unknown(
    unknown: _Unknown, event: Event, is_first: Callable[[Event], bool], is_second: Callable[[Event], bool]
) -> None:
    for number, matches in enumerate((is_first, is_second)):
        if matches(event):
            unknown.note(number, event)


def _sharing(same: tuple[str, ...], event: Event) -> str:
    if not same:
        return ""
    shared = (f"{field} {lookup(event, field)!r}" for field in same)
    return f" with the same {', '.join(shared)}"


class PrecedenceChecks(Checks):
    """These patterns, as methods of a log."""

    def precedes(self, earlier: Fields, later: Fields, **settings: Any) -> Check:
        """Before an event like the second one there was one like the first."""
        return self.check(precedes=[earlier, later], **settings)

    def leads_to(self, cause: Fields, effect: Fields, **settings: Any) -> Check:
        """Every event like the first one is followed by one like the second (`within`, `same`)."""
        return self.check(leads_to=[cause, effect], **settings)

    def happens_before(self, earlier: Fields, later: Fields, **settings: Any) -> Check:
        """Every event like the second one depends on one like the first."""
        return self.check(happens_before=[earlier, later], **settings)
