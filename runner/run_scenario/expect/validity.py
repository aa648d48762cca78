"""When a finding counts: if those took part whom it is about, and if all is recorded that it compares.

What is said about a process or a resource of which the log has no event proves nothing:
`log.absent("process.failed", "Wroker")` holds whatever Worker does. In a scenario the loader has checked the names of
matchers; there it is what an expectation is about that has to take part: the queue of `conserved`. Of two events, of
which one is to follow the other, the one that decides is looked for where it names nobody: every `lock.acquired` leads
to a `lock.released` in a run without locks.

With --no-payloads, data is not recorded. A condition on such a field neither holds nor does not, so that what is
expected of it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from run_scenario.events import types
from run_scenario.events.types import RESOURCE_FIELDS
from run_scenario.expect.matching import compile_matcher, lookup
from run_scenario.expect.observer import Observer
from run_scenario.expect.verdicts import Event, Finding
from run_scenario.recording.payloads import WITHHELD
from run_scenario.scenario.expectations import Condition, Expectation, Matcher
from run_scenario.scenario.families import family_of
from run_scenario.suggestions import did_you_mean

Kind = Literal["process", "resource", "event"]

_DECIDING = {"leads_to": 0, "precedes": 1, "happens_before": 1}
"""Pattern of two events -> the one of them without which it holds whatever happens."""


_BEGINNINGS = frozenset(("process.starting", "process.started"))
"""Events whose absence says that a process did not take part."""


class Subject(NamedTuple):
    """What an expectation names; of several names, one is enough."""

    kind: Kind
    names: tuple[str, ...]


class Participants:
    """Notes who takes part, until all that the expectations name have."""

    def __init__(self, expectations: Iterable[Expectation], names_are_checked: bool) -> None:
        self._names_are_checked = names_are_checked
        subjects = {subject for each in expectations for subject in self._all_subjects(each)}
        self._missing = {(subject.kind, name) for subject in subjects for name in subject.names}
        self._known: dict[Kind, set[str]] = {"process": set(), "resource": set(), "event": set()}
        """The names that there are, as long as some are missing."""
        self._fields: dict[type[types.Event], tuple[str, ...]] = {}

    def see(self, events: Iterable[Event]) -> None:
        """Take the next events, as the lines of a log have them."""
        for event in events:
            if not self._missing:
                return
            self._note(event["event"], event["process"], (event.get(field) for field in RESOURCE_FIELDS))

    def see_types(self, events: Iterable[types.Event]) -> None:
        """Take the next events."""
        for event in events:
            if not self._missing:
                return
            kind = type(event)
            if kind not in self._fields:
                self._fields[kind] = tuple(field for field in RESOURCE_FIELDS if field in kind.__struct_fields__)
            resources = (getattr(event, field) for field in self._fields[kind])
            self._note(types.name_of(kind), event.process, resources)

    def _note(self, event: str, process: str, resources: Iterable[Any]) -> None:
        self._note_one("event", event)
        self._note_one("process", process)
        for name in resources:
            if isinstance(name, str):
                self._note_one("resource", name)

    def _note_one(self, kind: Kind, name: str) -> None:
        self._known[kind].add(name)
        self._missing.discard((kind, name))

    def _all_subjects(self, expectation: Expectation) -> Iterator[Subject]:
        yield from self.subjects_of(expectation)
        for part in expectation.parts:
            yield from self._all_subjects(part)

    def subjects_of(self, expectation: Expectation) -> Iterator[Subject]:
        """Yield what an expectation itself names, not what its parts do.

        Where the names are checked, those in matchers are no slips of the pen: that nobody uses a queue can be meant,
        or that a process never starts. But what a process does not do is not shown by one that is not there.
        """
        if expectation.subject:
            yield Subject("resource", (expectation.subject,))
        for name, _ in expectation.codes:
            yield Subject("process", (name,))
        if self._names_are_checked:
            yield from _acting(expectation)
        else:
            yield from _named_in_passing(expectation)

    def missing(self, subjects: Iterable[Subject]) -> str:
        """Return which of the subjects did not take part, in one sentence; empty if all did."""
        for kind, names in subjects:
            if names and all((kind, name) in self._missing for name in names):
                if kind == "event":
                    return f"there is no event {' or '.join(map(repr, names))} at all"
                known = self._known[kind]
                hint = did_you_mean(names[0], [*filter(None, map(family_of, known)), *known])
                return f"{names[0]!r} never took part: there is no event of it" + (f"; {hint}" if hint else "")
        return ""


class Attended:
    """An observer whose finding counts only if whom it is about took part."""

    def __init__(self, observer: Observer, expectation: Expectation, participants: Participants) -> None:
        self._observer = observer
        self._subjects = tuple(participants.subjects_of(expectation))
        self._participants = participants
        self.names = observer.names
        self.see: Callable[[Event], None] = observer.see

    def conclude(self, complete: bool, t: float) -> Finding:
        """Return what was found; what would have passed without anybody there is inconclusive.

        Whatever else was found says so as well: that an exit code is missing is the lesser half where a name is wrong.
        """
        finding = self._observer.conclude(complete, t)
        missing = self._participants.missing(self._subjects)
        if not missing:
            return finding
        if finding.result == "passed":
            return Finding("inconclusive", missing, is_empty=True)
        return finding.replace(is_empty=True, reason=f"{finding.reason}; {missing}")


def _acting(expectation: Expectation) -> Iterator[Subject]:
    ends = (interval.end for interval in expectation.intervals)
    for matcher in (*expectation.matchers, *ends):
        if not matcher.events or not _BEGINNINGS.issuperset(matcher.events):
            yield from (subject for subject in _named_by(matcher) if subject.kind == "process")


def _named_in_passing(expectation: Expectation) -> Iterator[Subject]:
    for name, _ in expectation.shares:
        yield Subject("process", (name,))
    intervals = (matcher for interval in expectation.intervals for matcher in (interval.start, interval.end))
    for matcher in (*expectation.matchers, *intervals):
        yield from _named_by(matcher)
    if expectation.pattern in _DECIDING:
        deciding = expectation.matchers[_DECIDING[expectation.pattern]]
        if deciding.events and not any(_named_by(deciding)):
            yield Subject("event", tuple(sorted(deciding.events)))


def _named_by(matcher: Matcher) -> Iterator[Subject]:
    for condition in matcher.conditions:
        if condition.field == "process" or condition.field in RESOURCE_FIELDS:
            names = {"is": (condition.operand,), "one_of": tuple(condition.operand or ())}.get(condition.operator)
            if names and all(isinstance(name, str) for name in names):
                yield Subject("process" if condition.field == "process" else "resource", names)


# What is not recorded


_NAMES = frozenset(("event", "process", *RESOURCE_FIELDS))
"""Fields that are no data: they are always recorded."""


class IfRecorded:
    """An observer whose finding counts only if all is recorded that its expectation compares."""

    def __init__(self, observer: Observer, expectation: Expectation) -> None:
        self._observer = observer
        intervals = [matcher for each in expectation.intervals for matcher in (each.start, each.end)]
        scopes = [matcher for matcher in (expectation.after, expectation.before) if matcher is not None]
        self._matchers = [
            (
                matcher.events,
                [c for c in matcher.conditions if c.field not in _NAMES and c.operator != "present"],
                matcher,
            )
            for matcher in (*expectation.matchers, *intervals, *scopes)
        ]
        self._same = expectation.same
        self._field = ""
        """A field that is not recorded and would have decided something."""
        self.names = observer.names
        self.see: Callable[[Event], None] = self._look if self._compares() else observer.see

    def _compares(self) -> bool:
        return bool(self._same) or any(conditions for _, conditions, _ in self._matchers)

    def _look(self, event: Event) -> None:
        self._observer.see(event)
        if not self._field:
            self._field = self._undecided(event)

    def _undecided(self, event: Event) -> str:
        """Return a field of an event that is not recorded, if it would match by all others; empty if there is none."""
        for events, conditions, matcher in self._matchers:
            if events is not None and event["event"] not in events:
                continue
            withheld = [condition for condition in conditions if _is_withheld(condition, event)]
            if withheld and compile_matcher(Matcher(tuple(c for c in matcher.conditions if c not in withheld)))(event):
                return withheld[0].field
        return next((field for field in self._same if _has_withheld(lookup(event, field))), "")

    def conclude(self, complete: bool, t: float) -> Finding:
        """Return what was found; that it is not known if something was compared that is not recorded."""
        if self._field:
            return Finding("inconclusive", f"{self._field!r} is not recorded (--no-payloads)")
        return self._observer.conclude(complete, t)


def _is_withheld(condition: Condition, event: Event) -> bool:
    return _has_withheld(lookup(event, condition.field.partition(".")[0]))


def _has_withheld(value: Any) -> bool:
    if isinstance(value, str):
        return WITHHELD in value
    if isinstance(value, Mapping):
        return any(map(_has_withheld, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_withheld, value))
