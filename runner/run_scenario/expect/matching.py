"""Matchers, made into functions of an event; and what was nearly a match."""

from __future__ import annotations

import fnmatch
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.events.fields import holds
from run_scenario.expect.verdicts import Event
from run_scenario.scenario.data import elements_of, in_words, is_object
from run_scenario.scenario.expectations import Condition, Matcher

Test = Callable[[Event], bool]

_MISSING: Any = object()
_ABOUT = frozenset(("process", "queue", "pipe", "pool", "lock", "semaphore", "flag", "condition", "barrier"))
"""Fields that say whom or what an event is about."""
_FAR = 3
_NEAR = 50
"""How many events of the right name are looked at for the one that was nearest to a match."""


def compile_matcher(matcher: Matcher) -> Test:
    """Return a function that tells whether an event matches.

    It is called for each event of a log that the matcher may be about, so the number of its calls counts: all fields
    that are compared with texts or numbers, which is what most matchers consist of, are compared in one.
    """
    constants: list[_Constants] = []
    tests: list[Test] = []
    for condition in matcher.conditions:
        choices = _constants_of(condition)
        if choices is None:
            tests.append(_test(condition))
        else:
            constants.append((condition.field, choices))
    if constants:  # first, as they cost least
        tests.insert(0, _compare_constants(constants))
    return _all_of(tests)


_Constants = tuple[str, tuple[Any, ...]]
"""A field, and the texts or numbers of which it has to be one."""


def _constants_of(condition: Condition) -> tuple[Any, ...] | None:
    """Return what a field of the event itself has to be one of; None if there is more to the condition."""
    if condition.operator not in ("is", "one_of") or "." in condition.field:
        return None
    choices = condition.operand if condition.operator == "one_of" else (condition.operand,)
    if holds(condition.field) and any(isinstance(choice, str) for choice in choices):
        return None  # there it may stand for an item that is no text
    # To Python, true is 1 and false is 0; to `equal` they are not.
    if all(isinstance(choice, str) or (_is_number(choice) and choice not in (0, 1)) for choice in choices):
        return tuple(choices)  # a set would have to hash the value, which may be a list
    return None


def _compare_constants(constants: list[_Constants]) -> Test:
    (field, choices), *others = constants
    if not others:
        return lambda event: event.get(field) in choices
    (other, other_choices), *others = others
    if not others:
        return lambda event: event.get(field) in choices and event.get(other) in other_choices
    rest = _compare_constants(others)
    return lambda event: event.get(field) in choices and event.get(other) in other_choices and rest(event)


def _all_of(tests: list[Test]) -> Test:
    """Return a function that tells whether an event passes all the tests, tried in this order."""
    if not tests:
        return lambda event: True
    first, *others = tests
    if not others:
        return first
    rest = _all_of(others)
    return lambda event: first(event) and rest(event)


def lookup(event: Event, field: str) -> Any:
    """Return a field's value, or `_MISSING`; a dot leads into a mapping."""
    if field in event:
        return event[field]
    found: Any = event
    for part in field.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _MISSING
        found = found[part]
    return found


def times_of(event: Event) -> int:
    """Return for how many an event stands: for one, unless it is of an answer that was given again and again."""
    times = event.get("times", 1)
    return times if type(times) is int and times > 0 else 1


def has(event: Event, field: str) -> bool:
    """Return whether an event has a field."""
    return lookup(event, field) is not _MISSING


def _test(condition: Condition) -> Test:
    field, operand = condition.field, condition.operand
    if condition.operator == "present":
        return lambda event: has(event, field) == operand
    if condition.operator == "is" and _is_number(operand) and "." not in field:
        return lambda event: event.get(field) == operand and type(event.get(field)) is not bool
    compare = _comparison(condition)

    def test(event: Event) -> bool:
        value = lookup(event, field)
        return value is not _MISSING and compare(value)

    return test


def _comparison(condition: Condition) -> Callable[[Any], bool]:
    operand = condition.operand
    match condition.operator:
        case "is":
            return lambda value: equal(value, operand)
        case "is_not":
            return lambda value: not equal(value, operand)
        case "one_of":
            return lambda value: any(equal(value, choice) for choice in operand)
        case "contains":
            return lambda value: _contains(value, operand)
        case "matches":
            found = re.compile(fnmatch.translate(operand)).match
            return lambda value: (text := _text_of(value)) is not None and found(text) is not None
        case "less_than":
            return lambda value: _is_number(value) and value < operand
        case "at_most":
            return lambda value: _is_number(value) and value <= operand
        case "more_than":
            return lambda value: _is_number(value) and value > operand
        case _:
            return lambda value: _is_number(value) and value >= operand


def equal(value: Any, operand: Any) -> bool:
    """Return whether a plain value is equal to an operand: as in JSON, true is not 1, but 1 is 1.0.

    A list is also equal to a tuple of the log, and a text to what is shown so: `2026-01-31`, `{1, 2}`.
    """
    if isinstance(value, bool) or isinstance(operand, bool):
        return value is operand
    if isinstance(operand, list | tuple):
        elements = value.get("tuple") if isinstance(value, Mapping) and len(value) == 1 else value
        if isinstance(elements, list | tuple):
            return len(elements) == len(operand) and all(map(equal, elements, operand))
    if isinstance(value, Mapping):
        if isinstance(operand, Mapping):
            return value.keys() == operand.keys() and all(equal(value[key], operand[key]) for key in value)
        if isinstance(operand, str):
            return _text_of(value) == operand
    return bool(value == operand)


def _text_of(value: Any) -> str | None:
    """Return a text, or that of an object or a collection as it is shown; None of anything else."""
    if isinstance(value, str):
        return value
    return in_words(value) if is_object(value) or elements_of(value) is not None else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains(value: Any, operand: Any) -> bool:
    elements = elements_of(value)
    if elements is not None or isinstance(value, list | tuple):
        return any(equal(element, operand) for element in (value if elements is None else elements))
    text = _text_of(value)
    if text is not None:
        return isinstance(operand, str) and operand in text
    return isinstance(value, Mapping) and isinstance(operand, str) and operand in value


class Misses:
    """Remembers events of the right name that did not match, to show the one that came nearest."""

    def __init__(self, matcher: Matcher) -> None:
        self._tests = [(condition, _test(condition)) for condition in matcher.conditions]
        self._seen: deque[Event] = deque(maxlen=_NEAR)
        self.add = self._seen.append

    def nearest(self) -> Event | None:
        """Return the event that misses the fewest conditions; of several, the last.

        One that is about another process or queue is farther off than one in which something else is different.
        """
        return min(reversed(self._seen), key=self._distance, default=None)

    def _distance(self, event: Event) -> int:
        return sum(_FAR if condition.field in _ABOUT else 1 for condition in self._missed(event))

    def description(self) -> str:
        """Return what the nearest misses, as the end of a sentence; empty if there is none."""
        event = self.nearest()
        if event is None:
            return ""
        missed = [f"its {c.field} is {_shown(lookup(event, c.field))}" for c in self._missed(event)]
        return f"; the nearest is {event.get('event')} (event {event.get('seq')}), but {' and '.join(missed)}"

    def _missed(self, event: Event) -> list[Condition]:
        return [condition for condition, test in self._tests if not test(event)]


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "not there"
    text = in_words(value)
    return text if len(text) <= 60 else text[:59] + "…"
