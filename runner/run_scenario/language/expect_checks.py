"""The section `expect`: what is wrong with each expectation. Building them is `expectation_data`'s."""

from __future__ import annotations

import math
from typing import Any

from run_scenario.expectation_data import RUN, Builder
from run_scenario.expectations import (
    BESIDE,
    BOUNDS,
    COMPARING,
    OPERATORS,
    PATTERNS,
    SCOPES,
    TAKES,
    Expectation,
    Matcher,
)
from run_scenario.language.draft import Draft, Fields
from run_scenario.language.expect_names import Names, replicas
from run_scenario.language.problems import Problems, Span, either
from run_scenario.language.yaml_nodes import Entry, Mapping, Node, Scalar, Sequence, plain


def check_expectations(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the scenario's expectations."""
    checker = _Checker(draft, problems)
    for node in draft.fields.items("expect"):
        checker.check(node)


def read_expectations(draft: Draft, problems: Problems) -> tuple[Expectation, ...]:
    """Return the expectations of a scenario in which nothing is wrong."""
    builder = Builder(replicas(draft))
    return tuple(
        builder.expectation(plain(node)).replace(where=problems.location(_pattern_of(node)[0].key_span))
        for node in draft.fields.items("expect")
    )


def _pattern_of(node: Node) -> list[Entry]:
    return [entry for entry in node.entries.values() if entry.key in PATTERNS] if isinstance(node, Mapping) else []


def _listed(entry: Entry | None) -> list[tuple[str, Span]]:
    """Return the texts in a value that is one, or a list of them, each with its place."""
    nodes = () if entry is None else entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    return [(node.value, node.span) for node in nodes if isinstance(node, Scalar) and isinstance(node.value, str)]


def contradictory(bounds: dict[str, float]) -> bool:
    """Return whether no number at all can meet all the bounds."""
    exact = bounds.get("is")
    low, above = bounds.get("at_least", -math.inf), bounds.get("more_than", -math.inf)
    high, below = bounds.get("at_most", math.inf), bounds.get("less_than", math.inf)
    if exact is not None:
        return not (low <= exact <= high and above < exact < below)
    return low > high or max(low, above) >= below or above >= min(high, below)


class _Checker:
    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._bad = draft.fields.bad
        self._problems = problems
        self._names = Names(draft, problems)
        self._builder = Builder(replicas(draft))

    def check(self, node: Node) -> None:
        """Check one expectation, and those in it."""
        fields = Fields(node, self._bad)
        if not isinstance(node, Mapping) or not fields.sound:
            return
        found = _pattern_of(node)
        if len(found) > 1:
            what = f"an expectation has one pattern, this one has {len(found)}: {either([e.key for e in found], 'and')}"
            self._problems.error(found[1].key_span, what, "make an expectation of each, or use `all_of`")
        elif not found and fields.complete:
            hint = "write `exists: {event: NAME}`, for example; `run-scenario schema` has all patterns"
            self._problems.error(fields.span, "an expectation needs a pattern", hint)
        elif found and not fields.is_refused(found[0].key):
            self._check_beside(fields, found[0].key)
            self._check_subject(fields, found[0])
            for process in fields.mapping("of"):
                self._names.check_process(process.key, process.key_span)
            for process in fields.mapping("exitcodes"):
                self._names.check_exitcode(process.key, process.key_span)
            for scope in SCOPES:
                for matcher in self._each(fields.entry(scope), many=scope == "between"):
                    self._check_matcher(matcher)

    def _check_beside(self, fields: Fields, pattern: str) -> None:
        takes = TAKES.get(pattern, ())
        for entry in fields:
            if entry.key in BESIDE and entry.key not in takes:
                owners = [name for name, keys in TAKES.items() if entry.key in keys]
                hint = f"it belongs to {either(owners, 'and')}"
                self._problems.error(entry.key_span, f"`{pattern}` takes no `{entry.key}`", hint)
        if pattern in COMPARING and not any(entry.key in takes for entry in fields):
            what = f"`{pattern}` needs a number to compare with"
            self._problems.error(
                fields.key_span(pattern), what, "write `is: 1` or `at_least: 1` beside it, for example"
            )
        bounds = {entry.key: fields.number(entry.key) for entry in fields if entry.key in BOUNDS and entry.key in takes}
        if contradictory({key: number for key, number in bounds.items() if number is not None}):
            wanted = " and ".join(f"`{key}: {number:g}`" for key, number in bounds.items() if number is not None)
            self._problems.error(fields.key_span(next(iter(bounds))), f"no number is {wanted}", "leave one of them out")
        scopes = [entry for entry in fields if entry.key in SCOPES]
        if len(scopes) > 1:
            hint = "use `between: [MATCHER, MATCHER]` for what lies between two events"
            self._problems.error(scopes[1].key_span, "an expectation has one scope, this one has two", hint)

    def _check_subject(self, fields: Fields, entry: Entry) -> None:
        """Check what a pattern is about."""
        shape = PATTERNS[entry.key]
        if shape in ("matcher", "matchers"):
            matchers = [self._check_matcher(node) for node in self._each(entry, many=shape == "matchers")]
            for field, span in _listed(fields.entry("same")):
                self._names.check_same(field, [each for each in matchers if each is not None], span)
        elif shape in ("run", "lock", "intervals"):
            for node in self._each(entry, many=shape == "intervals"):
                self._check_interval(node, shape)
        elif shape in ("part", "parts"):
            for node in self._each(entry, many=shape == "parts"):
                self.check(node)
        elif shape == "queue" and isinstance(entry.value, Scalar):
            self._names.check_resource("queue", str(entry.value.value), entry.value.span)

    def _each(self, entry: Entry | None, *, many: bool) -> tuple[Node, ...]:
        if entry is None:
            return ()
        if many:
            return entry.value.items if isinstance(entry.value, Sequence) else ()
        return (entry.value,)

    def _check_interval(self, node: Node, shape: str) -> None:
        if not isinstance(node, Scalar):
            fields = Fields(node, self._bad)
            for edge in ("from", "to"):
                for matcher in self._each(fields.entry(edge), many=False):
                    self._check_matcher(matcher)
        elif shape == "lock":
            self._names.check_resource("lock", str(node.value), node.span)
        elif not (shape == "run" and node.value == RUN):
            self._names.check_process(str(node.value), node.span, RUN if shape == "run" else "")

    def _check_matcher(self, node: Node) -> Matcher | None:
        """Check one matcher; return what is sound of it, if it has all its fields."""
        fields = Fields(node, self._bad)
        if not fields.sound or not fields.complete:
            return None
        matcher = self._builder.matcher(
            {entry.key: self._sound(entry.value) for entry in fields if entry.value not in self._bad}
        )
        self._names.check_matcher(matcher, fields)
        return matcher

    def _sound(self, value: Node) -> Any:
        """Return what a field is compared with, without the comparisons that were refused."""
        if not isinstance(value, Mapping):
            return plain(value)
        parts = [part for part in value.entries.values() if part.key in OPERATORS and part.value not in self._bad]
        return {part.key: plain(part.value) for part in parts}
