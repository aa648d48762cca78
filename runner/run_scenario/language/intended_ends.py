"""Ends of processes that a scenario expects in so many words, and which are therefore not failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from run_scenario.expectations import Condition, Expectation, Matcher
from run_scenario.model import ProcessSpec


class _End(NamedTuple):
    """An end that is meant to be."""

    process: str | None
    """None: any."""
    codes: frozenset[int] | None
    """None: whatever its exit code."""


def allow(processes: Iterable[ProcessSpec], expect: Iterable[Expectation]) -> Iterator[ProcessSpec]:
    """Yield the processes, with the exit codes that the expectations speak of allowed."""
    ends = [end for expectation in expect for end in _ends(expectation)]
    for spec in processes:
        yield _allow(spec, [end.codes for end in ends if end.process in (None, spec.name)])


def main_exitcodes(expect: Iterable[Expectation]) -> frozenset[int] | None:
    """Return the exit codes of the main program that the expectations speak of; None: whatever it is."""
    ends = [end.codes for expectation in expect for end in _ends(expectation) if end.process == "MainProcess"]
    known = [codes for codes in ends if codes is not None]
    return frozenset().union(*known) if len(known) == len(ends) else None


def _allow(spec: ProcessSpec, found: list[frozenset[int] | None]) -> ProcessSpec:
    if not found or spec.any_exitcode:
        return spec
    codes = [each for each in found if each is not None]
    if len(codes) < len(found):
        return spec.replace(any_exitcode=True)
    return spec.replace(also_exitcodes=frozenset().union(*codes))


def _ends(expectation: Expectation) -> Iterator[_End]:
    if expectation.pattern in ("absent", "not"):
        return
    for name, codes in expectation.codes:
        yield _End(name, frozenset(codes))
    for matcher in expectation.matchers:
        yield from _ends_of(matcher)
    for part in expectation.parts:
        yield from _ends(part)


def _ends_of(matcher: Matcher) -> Iterator[_End]:
    """Yield the ends that a matcher speaks of: a mere `process.exited` is everybody's, and allows nothing."""
    by_field = {condition.field: condition for condition in matcher.conditions}
    names = _values(by_field.get("process")) or [None]
    if matcher.events == ("process.exited",):
        codes = [code for code in _values(by_field.get("exitcode")) if type(code) is int]
        causes = [cause for cause in _values(by_field.get("cause")) if cause != "returned"]
        if codes:
            yield from (_End(name, frozenset(codes)) for name in names)
        elif causes or _values(by_field.get("signal")):
            yield from (_End(name, None) for name in names)
    elif matcher.events == ("process.failed",):
        yield from (_End(name, frozenset((1,))) for name in names)


def _values(condition: Condition | None) -> list[Any]:
    if condition is None:
        return []
    if condition.operator == "one_of":
        return list(condition.operand)
    return [condition.operand] if condition.operator == "is" else []
