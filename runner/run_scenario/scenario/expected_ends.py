"""The ends of processes that expectations ask for, and which are therefore no failures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from run_scenario.scenario.expectations import Condition, Expectation, Matcher
from run_scenario.scenario.processes import ProcessSpec

if TYPE_CHECKING:
    from run_scenario.scenario.model import Scenario

_MAIN = "MainProcess"

_Codes = frozenset[int] | None
"""Exit codes; None: any."""


class _End(NamedTuple):
    """An end of a process that an expectation asks for."""

    processes: tuple[str, ...] | None
    """None: any."""
    codes: _Codes


class ExpectedEnds:
    """The exit codes that expectations ask for."""

    def __init__(self, expect: Iterable[Expectation]) -> None:
        together: dict[tuple[str, ...] | None, list[_Codes]] = {None: []}
        for end in (end for expectation in expect for end in _ends(expectation)):
            together.setdefault(end.processes, []).append(end.codes)
        of_all = together.pop(None)
        self._common = [_united(of_all)] if of_all else []
        # Hundreds of expectations may each be about the same thousands of replicas: their names are gone through once.
        self._of_each: dict[str, list[_Codes]] = {}
        for names, codes in together.items():
            united = _united(codes)
            for name in names or ():
                self._of_each.setdefault(name, []).append(united)

    @property
    def of_main(self) -> frozenset[int] | None:
        """The exit codes of the main program that are asked for by its name; None: whatever it is."""
        return _united(self._of_each.get(_MAIN, []))

    def allow(self, spec: ProcessSpec, family: str = "") -> ProcessSpec:
        """Return a process for which these ends are no failures; `family` is the name of it and its likes together."""
        named = [codes for name in (spec.name, family) for codes in self._of_each.get(name, ())]
        found = named if spec.name == _MAIN else [*self._common, *named]
        if not found or spec.any_exitcode:
            return spec
        codes = _united(found)
        if codes is None:
            return spec.replace(any_exitcode=True)
        return spec.replace(also_exitcodes=spec.also_exitcodes | codes)


def with_expectations(scenario: Scenario, expect: tuple[Expectation, ...]) -> Scenario:
    """Return a scenario that expects this instead; the ends of its processes that are asked for are no failures."""
    if not expect:
        return scenario.replace(expect=(), main_exitcodes=frozenset())
    ends = ExpectedEnds(expect)
    return scenario.replace(
        expect=expect, processes=tuple(map(ends.allow, scenario.processes)), main_exitcodes=ends.of_main
    )


def judged_by(expected: Scenario | None, scenario: Scenario) -> Scenario:
    """Return a scenario with the expectations of a file of its own, if there is one, and the deadline that has one."""
    if expected is None:
        return scenario
    timeout = scenario.timeout if expected.timeout == math.inf else expected.timeout
    return with_expectations(scenario, expected.expect).replace(timeout=timeout)


def _united(ends: list[_Codes]) -> _Codes:
    """Return the codes of all these ends; None if one of them is right whatever its code."""
    known = [codes for codes in ends if codes is not None]
    return frozenset().union(*known) if len(known) == len(ends) else None


def _ends(expectation: Expectation) -> Iterator[_End]:
    if expectation.pattern in ("absent", "not"):
        return
    for name, codes in expectation.codes:
        yield _End((name,), frozenset(codes))
    for matcher in expectation.matchers:
        yield from _ends_of(matcher)
    for part in expectation.parts:
        yield from _ends(part)


def _ends_of(matcher: Matcher) -> Iterator[_End]:
    """Yield the ends that a matcher asks for: one for the end of any process allows nothing."""
    by_field = {condition.field: condition for condition in matcher.conditions}
    given = _values(by_field.get("process"))
    names = tuple(name for name in given if isinstance(name, str)) if given else None
    if matcher.events == ("process.exited",):
        codes = [code for code in _values(by_field.get("exitcode")) if type(code) is int]
        causes = [cause for cause in _values(by_field.get("cause")) if cause != "returned"]
        if codes:
            yield _End(names, frozenset(codes))
        elif causes or _values(by_field.get("signal")):
            yield _End(names, None)
    elif matcher.events == ("process.failed",):
        yield _End(names, frozenset((1,)))


def _values(condition: Condition | None) -> tuple[Any, ...]:
    if condition is None:
        return ()
    if condition.operator == "one_of":
        return tuple(condition.operand)
    return (condition.operand,) if condition.operator == "is" else ()
