"""Matchers, made into functions of an event; and what was nearly a match."""

from __future__ import annotations

import fnmatch
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.expect.verdicts import Event
from run_scenario.expectations import Condition, Matcher

Test = Callable[[Event], bool]

_MISSING: Any = object()
_ABOUT = frozenset(("process", "queue", "pipe", "pool", "lock", "semaphore", "flag", "condition", "barrier"))
"""Fields that say whom or what an event is about."""
_FAR = 3
_NEAR = 50
"""How many events of the right name are looked at for the one that was nearest to a match."""


def compile_matcher(matcher: Matcher) -> Test:
    """Return a function that tells whether an event matches.

    It is called for each event of a log: so it is one expression, made from the conditions, with their operands as
    variables, instead of a call for each of them. The simple ones are written out in it.
    """
    known: dict[str, Any] = {}
    parts = []
    for number, condition in enumerate(matcher.conditions):
        part, value = _expression(condition, f"v{number}")
        parts.append(part)
        known[f"v{number}"] = value
    test: Test = eval(f"lambda event: {' and '.join(parts) or 'True'}", known)
    return test


def _expression(condition: Condition, name: str) -> tuple[str, Any]:
    """Return an expression of `event` that tells whether a condition is met, and the value of the variable in it."""
    operand = condition.operand
    field = repr(condition.field)
    if "." not in condition.field:
        if condition.operator == "is" and isinstance(operand, str):
            return f"event.get({field}) == {name}", operand
        if condition.operator == "is" and _is_number(operand):
            return f"(event.get({field}) == {name} and type(event.get({field})) is not bool)", operand
        if condition.operator == "one_of" and all(isinstance(choice, str) for choice in operand):
            return f"event.get({field}) in {name}", tuple(operand)
    return f"{name}(event)", _test(condition)


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


def has(event: Event, field: str) -> bool:
    """Return whether an event has a field."""
    return lookup(event, field) is not _MISSING


def _test(condition: Condition) -> Test:
    field, operand = condition.field, condition.operand
    if condition.operator == "present":
        return lambda event: has(event, field) == operand
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
            return lambda value: isinstance(value, str) and found(value) is not None
        case "less_than":
            return lambda value: _is_number(value) and value < operand
        case "at_most":
            return lambda value: _is_number(value) and value <= operand
        case "more_than":
            return lambda value: _is_number(value) and value > operand
        case _:
            return lambda value: _is_number(value) and value >= operand


def equal(a: Any, b: Any) -> bool:
    """Return whether two plain values are equal: as in JSON, true is not 1, but 1 is 1.0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return bool(a == b)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains(value: Any, operand: Any) -> bool:
    if isinstance(value, str):
        return isinstance(operand, str) and operand in value
    if isinstance(value, list | tuple):
        return any(equal(element, operand) for element in value)
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

    def told(self) -> str:
        """Return what the nearest misses, as the end of a sentence; empty if there is none."""
        event = self.nearest()
        if event is None:
            return ""
        missed = [f"its {c.field} is {_said(lookup(event, c.field))}" for c in self._missed(event)]
        return f"; the nearest is {event.get('event')} in line {event.get('seq')}, but {' and '.join(missed)}"

    def _missed(self, event: Event) -> list[Condition]:
        return [condition for condition, test in self._tests if not test(event)]


def _said(value: Any) -> str:
    if value is _MISSING:
        return "not there"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
