"""What a scenario expects of its log, as data: conditions on fields, matchers of events, and patterns of them.

The names of the patterns and scopes are those of the specification patterns of M. Dwyer, G. Avrunin and J. Corbett,
"Patterns in Property Specifications for Finite-State Verification" (ICSE 1999), where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from run_scenario.errors import Location
from run_scenario.scenario.data import in_words
from run_scenario.values import Value

Operator = Literal[
    "is", "is_not", "less_than", "at_most", "more_than", "at_least", "one_of", "contains", "matches", "present"
]
OPERATORS: dict[str, str] = {
    "is": "",
    "is_not": "not ",
    "less_than": "less than ",
    "at_most": "at most ",
    "more_than": "more than ",
    "at_least": "at least ",
    "one_of": "one of ",
    "contains": "containing ",
    "matches": "like ",
    "present": "",
}
"""Operator -> what stands before its operand in a sentence."""

JUDGED_LATER = ("scenario.finished", "expectation.passed", "expectation.failed", "expectation.inconclusive")
"""Events that come of judging, and so cannot be judged themselves."""

BOUNDS = ("is", "less_than", "at_most", "more_than", "at_least")
"""Operators that compare a number, such as a count."""

Shape = Literal[
    "matcher", "matchers", "intervals", "run", "lock", "semaphore", "queue", "codes", "nothing", "parts", "part"
]
"""What stands after a pattern: `run`, `lock` and `semaphore` are intervals, or the word `run`, or such a name."""

PATTERNS: dict[str, Shape] = {
    "exists": "matcher",
    "absent": "matcher",
    "count": "matcher",
    "order": "matchers",
    "precedes": "matchers",
    "leads_to": "matchers",
    "happens_before": "matchers",
    "overlap": "intervals",
    "mutual_exclusion": "lock",
    "concurrency": "semaphore",
    "conserved": "queue",
    "fifo": "queue",
    "exitcodes": "codes",
    "distribution": "matcher",
    "duration": "run",
    "no_orphans": "nothing",
    "all_of": "parts",
    "any_of": "parts",
    "not": "part",
}

SCOPES = ("after", "before", "between")
TAKES: dict[str, tuple[str, ...]] = {
    "count": BOUNDS,
    "concurrency": BOUNDS,
    "duration": BOUNDS,
    "distribution": (*BOUNDS, "of", "workers"),
    "leads_to": ("within", "same"),
    "precedes": ("same",),
    "happens_before": ("same",),
}
"""Pattern -> what may stand beside it, besides a scope and `because`."""

COMPARING = ("count", "concurrency", "duration", "distribution")
"""Patterns that are nothing without a number to compare with."""

BESIDE = (*BOUNDS, "of", "workers", "within", "same")

Bounds = tuple[tuple[str, float], ...]
"""Operators of `BOUNDS`, each with its number; all of them must hold."""


class Condition(Value):
    """What one field of an event has to be."""

    field: str
    """Its name; inside a mapping, with a dot: `counts.processes`."""
    operator: Operator
    operand: Any

    def __str__(self) -> str:
        if self.operator == "present":
            return f"{self.field} {'there' if self.operand else 'not there'}"
        if self.operator == "one_of" and isinstance(self.operand, list | tuple):
            operator = OPERATORS["one_of"] if len(self.operand) > 1 else ""
            return f"{self.field} {operator}{', '.join(map(in_words, self.operand))}"
        return f"{self.field} {OPERATORS[self.operator]}{in_words(self.operand)}"


class Matcher(Value):
    """Which events match: those that meet all conditions."""

    conditions: tuple[Condition, ...]

    @property
    def events(self) -> tuple[str, ...] | None:
        """The names that a matching event can have; None: any."""
        for condition in self.conditions:
            if condition.field == "event" and condition.operator == "is":
                return (condition.operand,)
            if condition.field == "event" and condition.operator == "one_of":
                return tuple(condition.operand)
        return None

    def __str__(self) -> str:
        names = [str(c.operand) for c in self.conditions if c.field == "event" and c.operator == "is"]
        rest = [str(c) for c in self.conditions if not (c.field == "event" and c.operator == "is")]
        return (names[0] if names else "an event") + (f" with {', '.join(rest)}" if rest else "")


class Interval(Value):
    """A stretch of time in the log, of each process for itself: from a `start` to the next `end`."""

    start: Matcher
    end: Matcher
    name: str
    """What it is called in sentences, such as the process whose life it is."""
    is_held: bool = False
    """Whether it is the time for which a lock or a semaphore is held."""


class Expectation(Value):
    """Something that must be true of the log of a run."""

    pattern: str
    matchers: tuple[Matcher, ...] = ()
    intervals: tuple[Interval, ...] = ()
    subject: str = ""
    """Name of the queue that it is about."""
    bounds: Bounds = ()
    within: float | None = None
    """Seconds in which what is awaited has to follow."""
    same: tuple[str, ...] = ()
    """Fields that two events have to share to belong together."""
    codes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Process -> its right exit codes."""
    shares: tuple[tuple[str, Bounds], ...] = ()
    """Process -> how many it has to have."""
    workers: Bounds = ()
    """How many different processes there have to be."""
    parts: tuple[Expectation, ...] = ()
    after: Matcher | None = None
    before: Matcher | None = None
    between: bool = False
    """Whether `after` and `before` enclose every stretch in which it has to hold, instead of a single one."""
    because: str = ""
    """What the reader of a failure should know, in the words of the scenario's author."""
    text: str = ""
    """How it is written, in one line."""
    where: Location | None = None
    written: Mapping[str, Any] | None = None
    """The plain data that it was made of, where it is to be made anew: what its names stand for was not known yet."""

    def own_matchers(self) -> tuple[Matcher, ...]:
        """Return all matchers in it, those of its parts included; not those of its scope."""
        inner = [matcher for part in self.parts for matcher in part.own_matchers()]
        return (*self.matchers, *(m for i in self.intervals for m in (i.start, i.end)), *inner)

    def all_matchers(self) -> tuple[Matcher, ...]:
        """Return all matchers in it, those of its parts and scopes included."""
        scopes = [matcher for matcher in (self.after, self.before) if matcher is not None]
        own = (*self.matchers, *(m for i in self.intervals for m in (i.start, i.end)), *scopes)
        return (*own, *(matcher for part in self.parts for matcher in part.all_matchers()))


def spoken_of(expectations: Iterable[Expectation]) -> set[str]:
    """Return the events of which these expectations speak by name."""
    expectations = list(expectations)
    spoken = {name for each in expectations for matcher in each.own_matchers() for name in matcher.events or ()}
    if any(_is(each, "no_orphans") for each in expectations):
        spoken.add("process.orphaned")
    return spoken


def _is(expectation: Expectation, pattern: str) -> bool:
    return expectation.pattern == pattern or any(_is(part, pattern) for part in expectation.parts)
