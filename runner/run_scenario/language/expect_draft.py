"""The section `expect` as written → expectations. What is wrong with them is said on the way.

Called twice: by the checks, and, when nothing was wrong, to build the scenario.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from run_scenario.expectations import BOUNDS, PATTERNS, Bounds, Condition, Expectation, Interval, Matcher, Operator
from run_scenario.language.draft import Draft, Fields
from run_scenario.language.expect_checks import Names
from run_scenario.language.problems import Problems, either, shorten
from run_scenario.language.yaml_nodes import Entry, Mapping, Node, Scalar, Sequence, plain

_SCOPES = ("after", "before", "between")
_TAKES: dict[str, tuple[str, ...]] = {
    "count": BOUNDS,
    "duration": BOUNDS,
    "distribution": (*BOUNDS, "of", "workers"),
    "leads_to": ("within", "same"),
    "precedes": ("same",),
    "happens_before": ("same",),
}
"""Pattern -> what may stand beside it, besides a scope and `because`."""

_BESIDE = (*BOUNDS, "of", "workers", "within", "same")
_RUN = "run"
_LONGEST_TEXT = 300


def read_expectations(draft: Draft, problems: Problems) -> tuple[Expectation, ...]:
    """Return the sound ones; add what is wrong with the others."""
    if draft.fields.entry("expect") is None:
        return ()
    reader = _Reader(draft, problems)
    return tuple(reader.all(draft.fields.items("expect")))


class _Reader:
    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._bad = draft.fields.bad
        self._problems = problems
        self._names = Names(draft, problems)

    def all(self, nodes: tuple[Node, ...]) -> Iterator[Expectation]:
        for node in nodes:
            fields = Fields(node, self._bad)
            if isinstance(node, Mapping) and fields.sound and (pattern := self._pattern(fields)):
                yield self._expectation(fields, pattern, node)

    def _pattern(self, fields: Fields) -> str:
        """Return the one pattern of an expectation; empty, and complained about, if there is not exactly one."""
        found = [entry.key for entry in fields if entry.key in PATTERNS]
        if len(found) > 1:
            what = f"an expectation has one pattern, this one has {len(found)}: {either(found, 'and')}"
            self._problems.error(fields.key_span(found[1]), what, "make an expectation of each, or use `all_of`")
            return ""
        if not found:
            if fields.complete:
                hint = "write `exists: {event: NAME}`, for example; `run-scenario schema` has all patterns"
                self._problems.error(fields.span, "an expectation needs a pattern", hint)
            return ""
        return "" if fields.is_refused(found[0]) else found[0]

    def _expectation(self, fields: Fields, pattern: str, node: Node) -> Expectation:
        entry = fields.entry(pattern)
        assert entry is not None
        self._check_beside(fields, pattern)
        scope = self._scope(fields)
        return Expectation(
            pattern,
            matchers=self._matchers(pattern, entry),
            intervals=tuple(self._intervals(pattern, entry)),
            subject=self._subject(pattern, entry),
            bounds=_bounds(fields),
            within=fields.number("within"),
            same=self._same(fields),
            codes=tuple(self._codes(fields)) if pattern == "exitcodes" else (),
            shares=tuple(self._shares(fields)),
            workers=_bounds_at(fields, "workers"),
            parts=tuple(self.all((entry.value,) if pattern == "not" else fields.items(pattern)))
            if pattern in ("all_of", "any_of", "not")
            else (),
            after=scope[0],
            before=scope[1],
            between=fields.entry("between") is not None,
            because=fields.text("because"),
            text=_text(node),
            where=self._problems.location(fields.key_span(pattern)),
        )

    def _check_beside(self, fields: Fields, pattern: str) -> None:
        takes = _TAKES.get(pattern, ())
        for entry in fields:
            if entry.key in _BESIDE and entry.key not in takes:
                owners = [name for name, keys in _TAKES.items() if entry.key in keys]
                hint = f"it belongs to {either(owners, 'and')}"
                self._problems.error(entry.key_span, f"`{pattern}` takes no `{entry.key}`", hint)
        needs = {"count": BOUNDS, "duration": BOUNDS, "distribution": _TAKES["distribution"]}.get(pattern)
        if needs and not any(key in needs for key in (entry.key for entry in fields)):
            what = f"`{pattern}` needs a number to compare with"
            self._problems.error(fields.key_span(pattern), what, "write `at_least: 1` beside it, for example")
        scopes = [entry for entry in fields if entry.key in _SCOPES]
        if len(scopes) > 1:
            hint = "use `between: [MATCHER, MATCHER]` for what lies between two events"
            self._problems.error(scopes[1].key_span, "an expectation has one scope, this one has two", hint)

    def _scope(self, fields: Fields) -> tuple[Matcher | None, Matcher | None]:
        if fields.entry("between") is not None:
            nodes = fields.items("between")
            first, second = (self._matcher(node) for node in nodes) if len(nodes) == 2 else (None, None)
            return first, second
        after, before = fields.entry("after"), fields.entry("before")
        return self._matcher(after.value) if after else None, self._matcher(before.value) if before else None

    # What patterns are about

    def _matchers(self, pattern: str, entry: Entry) -> tuple[Matcher, ...]:
        if pattern == "no_orphans":
            return (Matcher((Condition("event", "is", "process.orphaned"),)),)
        if pattern in ("exists", "absent", "count", "distribution"):
            return (self._matcher(entry.value),)
        if pattern in ("order", "precedes", "leads_to", "happens_before") and isinstance(entry.value, Sequence):
            return tuple(self._matcher(node) for node in entry.value.items)
        return ()

    def _intervals(self, pattern: str, entry: Entry) -> Iterator[Interval]:
        if pattern == "overlap" and isinstance(entry.value, Sequence):
            yield from (self._interval(node) for node in entry.value.items)
        elif pattern == "duration":
            yield self._interval(entry.value, run=True)
        elif pattern == "mutual_exclusion":
            if isinstance(entry.value, Scalar):
                name = str(entry.value.value)
                self._names.check_lock(name, entry.value.span)
                yield Interval(_event("lock.acquired", lock=name), _event("lock.released", lock=name), f"lock '{name}'")
            else:
                yield self._interval(entry.value)

    def _interval(self, node: Node, *, run: bool = False) -> Interval:
        """Return a stretch of time; a name stands for the life of a process."""
        if isinstance(node, Scalar):
            name = str(node.value)
            if run and name == _RUN:
                main = ("MainProcess",)
                return Interval(_life("process.started", main), _life("process.exited", main), "the run")
            names = self._names.check_process(name, node.span, "`run`" if run else "")
            return Interval(_life("process.started", names), _life("process.exited", names), name)
        fields = Fields(node, self._bad)
        start, end = fields.entry("from"), fields.entry("to")
        first = self._matcher(start.value) if start else Matcher(())
        last = self._matcher(end.value) if end else Matcher(())
        return Interval(first, last, f"from {first} to {last}")

    def _subject(self, pattern: str, entry: Entry) -> str:
        if pattern not in ("conserved", "fifo") or not isinstance(entry.value, Scalar):
            return ""
        name = str(entry.value.value)
        self._names.check_queue(name, entry.value.span)
        return name

    def _same(self, fields: Fields) -> tuple[str, ...]:
        value: Any = fields.value("same", ())
        return (value,) if isinstance(value, str) else tuple(value)

    def _codes(self, fields: Fields) -> Iterator[tuple[str, tuple[int, ...]]]:
        for entry in fields.mapping("exitcodes"):
            value: Any = plain(entry.value)
            codes = tuple(value) if isinstance(value, list) else (value,)
            for name in self._names.check_process(entry.key, entry.key_span):
                yield name, codes

    def _shares(self, fields: Fields) -> Iterator[tuple[str, Bounds]]:
        of = fields.mapping("of")
        for entry in of:
            for name in self._names.check_process(entry.key, entry.key_span):
                yield name, _bounds_at(of, entry.key)

    # Matchers

    def _matcher(self, node: Node) -> Matcher:
        fields = Fields(node, self._bad)
        conditions = [condition for entry in fields for condition in self._conditions(entry)]
        matcher = Matcher(tuple(conditions))
        if fields.sound and fields.complete:
            self._names.check_matcher(matcher, fields)
        return matcher

    def _conditions(self, entry: Entry) -> Iterator[Condition]:
        if entry.value in self._bad:
            return
        if isinstance(entry.value, Mapping):
            for part in entry.value.entries.values():
                if part.value not in self._bad:
                    yield self._condition(entry.key, part.key, plain(part.value))
        else:
            yield self._condition(entry.key, "is", plain(entry.value))

    def _condition(self, field: str, operator: str, operand: Any) -> Condition:
        if field == "process" and operator == "is" and isinstance(operand, str):
            names = self._names.replicas(operand)
            if names:
                return Condition(field, "one_of", names)
        if operator == "one_of" and isinstance(operand, list):
            operand = tuple(operand)
        return Condition(field, cast("Operator", operator), operand)


def _event(name: str, **fields: str) -> Matcher:
    more = (Condition(field, "is", value) for field, value in fields.items())
    return Matcher((Condition("event", "is", name), *more))


def _life(event: str, names: tuple[str, ...]) -> Matcher:
    who = Condition("process", "is", names[0]) if len(names) == 1 else Condition("process", "one_of", names)
    return Matcher((Condition("event", "is", event), who))


def _bounds(fields: Fields) -> Bounds:
    numbers = ((operator, fields.number(operator)) for operator in BOUNDS)
    return tuple((operator, number) for operator, number in numbers if number is not None)


def _bounds_at(fields: Fields, key: str) -> Bounds:
    number = fields.number(key)
    return (("is", number),) if number is not None else _bounds(fields.mapping(key))


def _text(node: Node) -> str:
    """Return an expectation in one line, as YAML writes it, without its reason."""
    import yaml

    data = cast("dict[str, Any]", plain(node))
    told = {key: value for key, value in data.items() if key != "because"}
    written = yaml.safe_dump(told, default_flow_style=True, width=100_000, sort_keys=False, allow_unicode=True)
    return shorten(written.strip()[1:-1], _LONGEST_TEXT)
