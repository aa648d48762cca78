"""Expectations as plain data, as a scenario's YAML or a test's Python writes them → expectations.

Both write the same words. What comes from YAML was checked before, with line and column; what is wrong in Python
raises exceptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from run_scenario.scenario.data import is_form
from run_scenario.scenario.expectations import (
    BESIDE,
    BOUNDS,
    COMPARING,
    OPERATORS,
    PATTERNS,
    SCOPES,
    TAKES,
    Bounds,
    Condition,
    Expectation,
    Interval,
    Matcher,
    Operator,
)
from run_scenario.scenario.resources import NAMED_BY

if TYPE_CHECKING:
    from run_scenario.scenario.event_names import EventName

Fields = Mapping[str, Any]
Compared = Callable[[str, str, Any], Any]
"""Returns what a field is compared with, of the field, the operator and the operand as it is written."""

RUN = "run"
"""The interval that is the life of the main program."""
_LONGEST_TEXT = 300
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*")
"""What needs no quotes in a text, unless it stands for something else than itself."""
_WORDS = ("true", "false", "null")


def event(name: EventName | Fields, process: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a matcher: events of this name, about this process, with these fields.

    A field is equal to its value, or is compared as in a mapping: `event("process.exited", exitcode={"at_least": 1})`.
    All of it may also come as one mapping, as in YAML: `{"event": "process.exited", "exitcode": 0}`.
    """
    written = name if isinstance(name, Mapping) and "event" in name else {"event": name}
    return {**written, **({} if process is None else {"process": process}), **fields}


def alone(name: str) -> tuple[str, ...]:
    """Return the processes that a name stands for where there are no replicas."""
    return (name,)


def comparisons(written: Any) -> Fields:
    """Return how a field compares, operand by operator: a bare value means `is`."""
    return written if isinstance(written, Mapping) and not is_form(written) else {"is": written}


class Builder:
    """Makes expectations of plain data.

    `compared` returns operands in the form in which the log has them, or raises ValueError; `names` returns the
    processes that a name stands for: one, or all replicas; `families` has the names that stand for all replicas of a
    resource.
    """

    def __init__(
        self,
        compared: Compared,
        names: Callable[[str], tuple[str, ...]] = alone,
        families: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self._compared = compared
        self._names = names
        self._families = families

    def expectation(self, written: Fields) -> Expectation:
        """Return the expectation that a mapping stands for.

        Raises:
            ValueError: it has not exactly one pattern, or what stands beside it does not belong to it.
        """
        found = [key for key in written if key in PATTERNS]
        unknown = [key for key in written if key not in PATTERNS and key not in (*BESIDE, *SCOPES, "because")]
        if len(found) != 1 or unknown:
            problem = f"unknown: {', '.join(unknown)}" if unknown else f"patterns: {', '.join(found) or 'none'}"
            raise ValueError(f"an expectation has one pattern ({', '.join(PATTERNS)}) and no unknown words; {problem}")
        (pattern,) = found
        _check_beside(pattern, written)
        about, shape = written[pattern], PATTERNS[pattern]
        if shape in ("queue", "lock", "semaphore") and isinstance(about, str) and about in self._families:
            return self._of_each(pattern, written)
        after, before = written.get("between", (written.get("after"), written.get("before")))
        return Expectation(
            pattern,
            matchers=self._matchers(pattern, about),
            intervals=self._intervals(pattern, about),
            subject=about if shape == "queue" else "",
            bounds=_bounds(written),
            within=written.get("within"),
            same=_listed(written.get("same", ())),
            codes=tuple(self._each(about, _listed)) if shape == "codes" else (),
            shares=tuple(self._each(written.get("of", {}), _bounds_of)),
            workers=_bounds_of(written["workers"]) if "workers" in written else (),
            parts=tuple(self.expectation(part) for part in _parts(shape, about)),
            after=None if after is None else self.matcher(after),
            before=None if before is None else self.matcher(before),
            between="between" in written,
            because=written.get("because", ""),
            text=one_line({key: value for key, value in written.items() if key != "because"}),
        )

    def _of_each(self, pattern: str, written: Fields) -> Expectation:
        """Return that something holds for each of several queues, locks or semaphores."""
        rest = {key: value for key, value in written.items() if key not in (pattern, "because")}
        parts = tuple(self.expectation({pattern: name, **rest}) for name in self._families[written[pattern]])
        text = one_line({pattern: written[pattern], **rest})
        return Expectation("all_of", parts=parts, because=written.get("because", ""), text=text)

    def matcher(self, written: Fields) -> Matcher:
        """Return the matcher that a mapping of fields stands for.

        Raises:
            ValueError: it is none, or a field compares in a way that there is not, or with what the log never has.
        """
        if not isinstance(written, Mapping):
            raise ValueError(f"a matcher is a mapping of fields, such as event('queue.get'), not {written!r}")
        conditions = []
        for field, value in written.items():
            for operator, operand in comparisons(value).items():
                if operator not in OPERATORS:
                    raise ValueError(f"{field}: there is no {operator!r}; there are {', '.join(OPERATORS)}")
                conditions.append(self._condition(field, operator, operand))
        return Matcher(tuple(conditions))

    def _condition(self, field: str, operator: str, operand: Any) -> Condition:
        if field == "process" and operator == "is" and isinstance(operand, str):
            return self._about(operand)
        if field in OF_RESOURCES and operator in ("is", "one_of"):
            operator, operand = self._any_of(operator, operand)
        operand = self._compared(field, operator, operand)
        return Condition(field, cast("Operator", operator), tuple(operand) if operator == "one_of" else operand)

    def _any_of(self, operator: str, operand: Any) -> tuple[str, Any]:
        """Return the comparison with a resource or several, in which those with replicas have been replaced by them."""
        given = operand if operator == "one_of" else [operand]
        if not any(isinstance(name, str) and name in self._families for name in given):
            return operator, operand
        found = [
            one for name in given for one in (self._families.get(name, (name,)) if isinstance(name, str) else [name])
        ]
        return "one_of", found

    def _about(self, name: str) -> Condition:
        names = self._names(name)
        return Condition("process", "one_of", names) if len(names) > 1 else Condition("process", "is", names[0])

    def _matchers(self, pattern: str, about: Any) -> tuple[Matcher, ...]:
        if pattern == "no_orphans":
            return (self.matcher({"event": "process.orphaned"}),)
        if PATTERNS[pattern] == "matcher":
            return (self.matcher(about),)
        return tuple(self.matcher(each) for each in about) if PATTERNS[pattern] == "matchers" else ()

    def _intervals(self, pattern: str, about: Any) -> tuple[Interval, ...]:
        shape = PATTERNS[pattern]
        if shape == "intervals":
            return tuple(self._interval(each) for each in about)
        if shape == "run" and about == RUN:
            return (self._interval("MainProcess").replace(name="the run"),)
        if shape in ("lock", "semaphore") and isinstance(about, str):
            acquired = self.matcher({"event": f"{shape}.acquired", shape: about})
            ended = [f"{shape}.{action}" for action in ("released", "abandoned")]
            released = self.matcher({"event": {"one_of": ended}, shape: about})
            return (Interval(acquired, released, f"{shape} '{about}'", is_held=True),)
        return (self._interval(about),) if shape in ("run", "lock", "semaphore") else ()

    def _interval(self, about: Any) -> Interval:
        """Return a stretch of time; a name stands for the life of a process."""
        if isinstance(about, str):
            started, exited = (self.matcher({"event": f"process.{action}", "process": about}) for action in _LIFE)
            return Interval(started, exited, about)
        start, end = self.matcher(about["from"]), self.matcher(about["to"])
        return Interval(start, end, f"from {start} to {end}")

    def _each(self, about: Fields, value: Callable[[Any], Any]) -> Iterable[tuple[str, Any]]:
        for key, given in about.items():
            for name in self._names(key):
                yield name, value(given)


OF_RESOURCES = (*NAMED_BY, "subject")
"""Fields of events in which the name of a resource can be."""
_LIFE = ("started", "exited")


def one_line(value: Any) -> str:
    """Return plain data in one line, as YAML writes it; a mapping without its braces."""
    written = _flow(value)
    text = written[1:-1] if isinstance(value, Mapping) else written
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, default=repr)


def _check_beside(pattern: str, written: Fields) -> None:
    takes = TAKES.get(pattern, ())
    strange = [key for key in written if key in BESIDE and key not in takes]
    if strange:
        there = f"it takes {', '.join((*takes, *SCOPES, 'because'))}"
        raise ValueError(f"{pattern!r} takes no {strange[0]!r}; {there}")
    if pattern in COMPARING and not any(key in takes for key in written):
        raise ValueError(f"{pattern!r} needs a number to compare with, such as at_least=1, or is_=1 (in YAML: is)")


def _parts(shape: str, about: Any) -> Iterable[Fields]:
    if shape == "part":
        return [about]
    return about if shape == "parts" else []


def _bounds(written: Fields) -> Bounds:
    return tuple((operator, written[operator]) for operator in BOUNDS if operator in written)


def _bounds_of(share: Any) -> Bounds:
    return _bounds(share) if isinstance(share, Mapping) else (("is", share),)


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
