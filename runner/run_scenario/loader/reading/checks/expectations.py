"""The section `expect`: what is wrong with each expectation, and whether it can ever match.

Expectations are built by `scenario.expectation_data`. The processes, resources, events and fields that they name have
to exist.
"""

from __future__ import annotations

import fnmatch
import functools
import math
from collections.abc import Iterable
from itertools import islice
from typing import Any

from run_scenario.events import fields as event_fields
from run_scenario.events.fields import compared
from run_scenario.loader.problems import Problems, Span, describe, either, quote, there_are
from run_scenario.loader.reading.draft import SERVER, Draft, ResourceDraft, is_managed, managers
from run_scenario.loader.reading.yaml_parser import Entry, Fields, Mapping, Node, Scalar, Sequence, plain
from run_scenario.scenario.data import KEYS as FORM_KEYS
from run_scenario.scenario.data import is_form
from run_scenario.scenario.expectation_data import RUN, Builder, comparisons
from run_scenario.scenario.expectations import (
    BESIDE,
    BOUNDS,
    COMPARING,
    JUDGED_LATER,
    OPERATORS,
    PATTERNS,
    SCOPES,
    TAKES,
    Condition,
    Expectation,
    Matcher,
)
from run_scenario.scenario.families import is_of_code
from run_scenario.scenario.model import MAX_EXITCODES
from run_scenario.scenario.resources import NAMED_BY


def check_expectations(draft: Draft, problems: Problems) -> None:
    """Add what is wrong with the scenario's expectations."""
    checker = _Checker(draft, problems)
    for node in draft.fields.items("expect"):
        checker.check(node)


def read_expectations(draft: Draft, problems: Problems) -> tuple[Expectation, ...]:
    """Return the expectations of a scenario in which nothing is wrong."""
    builder = _builder(draft)

    def read(node: Node) -> Expectation:
        written = plain(node)
        where = problems.location(_pattern_of(node)[0].key_span)
        return builder.expectation(written).replace(where=where, written=None if draft.knows_resources else written)

    return tuple(map(read, draft.fields.items("expect")))


def _builder(draft: Draft) -> Builder:
    groups = draft.groups()
    return Builder(compared, lambda name: groups.get(name, (name,)), draft.families)


def _pattern_of(node: Node) -> list[Entry]:
    return [entry for entry in node.entries.values() if entry.key in PATTERNS] if isinstance(node, Mapping) else []


def _listed(entry: Entry | None) -> list[tuple[str, Span]]:
    """Return the texts in a value that is one, or a list of them, each with its place."""
    if entry is None:
        return []
    nodes = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
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
        self._invalid = draft.fields.invalid
        self._problems = problems
        self._draft = draft
        self._names = _Names(draft, problems)
        self._groups = draft.groups()
        self._builder = _builder(draft)
        self._exitcodes = 0

    def check(self, node: Node) -> None:
        """Check one expectation, and those in it."""
        fields = Fields(node, self._invalid)
        if not isinstance(node, Mapping) or not fields.valid:
            return
        found = _pattern_of(node)
        if len(found) > 1:
            what = f"an expectation has one pattern, this one has {len(found)}: {either([e.key for e in found], 'and')}"
            self._problems.error(found[1].key_span, what, "make an expectation of each, or use `all_of`")
        elif not found and fields.complete:
            hint = "write `exists: {event: NAME}`, for example; `run-scenario schema` has all patterns"
            self._problems.error(fields.span, "an expectation needs a pattern", hint)
        elif found and not fields.is_invalid(found[0].key):
            self._check_beside(fields, found[0].key)
            self._check_subject(fields, found[0])
            for process in fields.mapping("of"):
                self._names.check_process(process.key, process.key_span)
            for process in fields.mapping("exitcodes"):
                self._names.check_exitcode(process.key, process.key_span)
                self._count_exitcodes(process)
            for scope in SCOPES:
                for matcher in self._each(fields.entry(scope), many=scope == "between"):
                    self._check_matcher(matcher)

    def _count_exitcodes(self, process: Entry) -> None:
        """Report once that there are too many: each line may be about thousands of replicas."""
        before, count = self._exitcodes, len(self._groups.get(process.key, (process.key,)))
        self._exitcodes += count
        if before <= MAX_EXITCODES < self._exitcodes:
            what = f"with the {count:,} of {quote(process.key)}, the expectations have {self._exitcodes:,} exit codes, "
            what += f"replicas counted one by one; the maximum is {MAX_EXITCODES:,}"
            self._problems.error(process.key_span, what, "give the exit codes of each process once")

    def _check_beside(self, fields: Fields, pattern: str) -> None:
        takes = TAKES.get(pattern, ())
        for entry in fields:
            if entry.key in BESIDE and entry.key not in takes:
                owners = [name for name, keys in TAKES.items() if entry.key in keys]
                hint = f"it belongs to {either(owners, 'and')}"
                self._problems.error(entry.key_span, f"`{pattern}` takes no `{entry.key}`", hint)
        too_far_in = any(entry.key in takes for entry in fields.mapping(pattern))
        if pattern in COMPARING and fields.complete and not too_far_in and not any(e.key in takes for e in fields):
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
        elif shape in ("run", "lock", "semaphore", "intervals"):
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
            fields = Fields(node, self._invalid)
            for edge in ("from", "to"):
                for matcher in self._each(fields.entry(edge), many=False):
                    self._check_matcher(matcher)
        elif shape == "lock":
            self._names.check_resource("lock", str(node.value), node.span, self._as_stretch(str(node.value)))
        elif shape == "semaphore":
            self._names.check_resource("semaphore", str(node.value), node.span, self._as_exclusion(str(node.value)))
        elif not (shape == "run" and node.value == RUN):
            self._names.check_process(str(node.value), node.span, RUN if shape == "run" else "")

    def _as_stretch(self, name: str) -> str:
        """Return how a stretch that a semaphore guards is written, if it guards; empty if the name is not of one."""
        other = self._draft.described(name)
        if other is None or other.type not in NAMED_BY["semaphore"]:
            return ""
        if (value := other.fields.number("value")) is not None and value != 1:
            return f"a semaphore with the value {value:g} lets others in: write `concurrency: {name}` with `at_most`"
        edges = [f"{edge}: {{event: semaphore.{done}, semaphore: {name}}}" for edge, done in _HELD]
        return f"write `mutual_exclusion: {{{', '.join(edges)}}}`"

    def _as_exclusion(self, name: str) -> str:
        """Return what is written of a lock, which lets in nobody else; empty if the name is not of one."""
        other = self._draft.described(name)
        is_lock = other is not None and other.type in NAMED_BY["lock"]
        return f"write `mutual_exclusion: {name}`: never two processes hold a lock" if is_lock else ""

    def _check_matcher(self, node: Node) -> Matcher | None:
        """Check one matcher; return what is valid of it, if it has all its fields."""
        fields = Fields(node, self._invalid)
        if not fields.valid or not fields.complete:
            return None
        parts = {
            entry.key: self._valid_part(entry.value)
            for entry in fields
            if entry.value not in self._invalid and self._has_right_operands(entry)
        }
        matcher = self._builder.matcher(parts)
        self._names.check_matcher(matcher, fields)
        for entry in fields:
            if entry.key in _TEXTS and isinstance(entry.value, Scalar) and _is_like_a_pattern(entry.value.value):
                text = self._problems.text_at(entry.value.span)
                what = f"a `*` in {quote(str(entry.value.value))} stands for itself here"
                hint = f"write `{entry.key}: {{matches: {text}}}` for any text, or `{{is: {text}}}` if it is meant so"
                self._problems.warn(entry.value.span, what, hint)
        return matcher

    def _has_right_operands(self, entry: Entry) -> bool:
        """Report what a field is compared with and the log never has; return whether there was nothing."""
        written = plain(entry.value)
        parts = entry.value.entries if isinstance(entry.value, Mapping) else {}
        if not parts.keys() <= {*OPERATORS, *FORM_KEYS}:
            return not is_form(written)  # that has been reported
        strange = [] if is_form(written) else [part for part in parts.values() if part.key not in OPERATORS]
        if strange:
            what = f"{quote(strange[0].key)} does not compare"
            self._problems.error(strange[0].key_span, what, "a value that is a mapping is compared by `is: {…}`")
            return False
        for operator, operand in comparisons(written).items():
            node = parts[operator].value if operator in parts else entry.value
            try:
                if node not in self._invalid:
                    compared(entry.key, operator, operand)
            except ValueError as error:
                what, _, hint = str(error).partition("; ")
                self._problems.error(node.span, what, hint)
                return False
        return True

    def _valid_part(self, value: Node) -> Any:
        """Return what a field is compared with, without the invalid comparisons."""
        if not isinstance(value, Mapping) or is_form(plain(value)):
            return plain(value)
        parts = [part for part in value.entries.values() if part.key in OPERATORS and part.value not in self._invalid]
        return {part.key: plain(part.value) for part in parts}


_TEXTS = ("text", "message", "reason")
"""Fields with a sentence of which a part may be looked for."""


def _is_like_a_pattern(value: Any) -> bool:
    """Return whether a text has one `*` at an end of it: several are an ornament, as in `*** done ***`."""
    if not isinstance(value, str):
        return False
    before, after = (len(value) - len(rest) for rest in (value.lstrip("*"), value.rstrip("*")))
    return len(value) > 1 and 1 in (before, after) and max(before, after) == 1


_NOUNS = {"memory": "shared memory", "object": "object of a manager"}
"""Field of an event -> what it names, where that is not its own name."""

_HELD = (("from", "acquired"), ("to", "released"))

_SUPERVISOR = "run-scenario supervisor"
_ALWAYS = ("MainProcess", "run-scenario", _SUPERVISOR)
_WITH_CHILDREN = ("spawn_child",)

_MOST_OFFERED = 6
_MOST_LOOKS = 500_000
"""Names that are compared with patterns; after that, any pattern will do: a hostile file has thousands of both."""

_NUMBERS = ("less_than", "at_most", "more_than", "at_least")
_COMPARED: dict[str, tuple[Any, ...]] = {**dict.fromkeys(_NUMBERS, (0,)), "matches": ("",), "contains": ("", [], {})}
"""Operator -> a value of each kind that it can be about."""
_COMPARES = {**dict.fromkeys(_NUMBERS, "numbers"), "matches": "texts", "contains": "texts, lists and mappings"}


def _offered(names: Iterable[str]) -> list[str]:
    """Return the first of the names that somebody may have meant: few know of the supervisor."""
    return [name for name in names if name != _SUPERVISOR][:_MOST_OFFERED]


class _Names:
    """The names that the log of a scenario can contain: processes, resources, events and fields."""

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._problems = problems
        self._processes = (*(name for process in draft.processes for name in process.names()), *_ALWAYS)
        self._known = dict.fromkeys(name for process in draft.processes for name in process.names())
        self._known.update(dict.fromkeys((*(process.name for process in draft.processes if process.name), *_ALWAYS)))
        threads = [process for process in draft.processes if process.worker == "thread"]
        self._threads = {name for process in threads for name in (process.name, *process.names())}
        self._draft = draft
        self._resources = _by_field(draft.resources)
        self._open = _has_others(draft) or not draft.knows_processes
        """Whether there will be processes that the file does not name, or not where it should."""
        self._has_own_code = _has_own_code(draft)
        self._looks = _MOST_LOOKS

    def check_process(self, name: str, span: Span, otherwise: str = "") -> None:
        """Report a name that no process and no replicas have, unless it is the word `otherwise`."""
        if name not in self._known and not self._open:
            others = [otherwise] if otherwise else []
            there = there_are([*others, *_offered(self._known)])
            hint = self._problems.did_you_mean(name, self._known, there)
            self._problems.error(span, self._there_is_no("process", name), hint)

    def check_exitcode(self, name: str, span: Span) -> None:
        """Report a worker that does not exist, or that will have no exit code."""
        self.check_process(name, span)
        if name in self._threads:
            hint = f"write `exists: {{event: process.finished, process: {name}}}` for it"
            self._problems.error(span, f"{quote(name)} runs as a thread, and threads have no exit code", hint)

    def check_resource(self, field: str, name: str, span: Span, instead: str = "") -> None:
        """Report a resource that does not exist; `field` is the field of events that names such resources.

        `instead`: a hint that is better than the names that there are.
        """
        known, other = self._resources[field], self._draft.described(name)
        if not (other.kind if other is not None else self._draft.knows_resources):
            return  # what is wrong there has been reported
        if name not in known and not (self._has_own_code and is_of_code(name)):
            noun = _NOUNS.get(field, field)
            there = there_are(known) if known else f"the scenario has no {noun}"
            hint = self._problems.did_you_mean(name, known, there)
            self._problems.error(span, self._there_is_no(noun, name), instead or hint)

    @functools.cached_property
    def _subjects(self) -> dict[str, None]:
        return dict.fromkeys((*self._draft.types(), *self._draft.families, *self._known))

    def check_subject(self, name: str, span: Span) -> None:
        """Report what is neither a process nor a resource that a step can be about."""
        known = self._subjects
        if name not in known and self._draft.knows_resources and self._draft.knows_processes:
            hint = self._problems.did_you_mean(name, known, there_are(_offered(known)))
            self._problems.error(span, f"no step is about {quote(name)}: there is no such process or resource", hint)

    def _there_is_no(self, noun: str, name: str) -> str:
        """Return that nothing of that name is what is wanted, and what it is, if there is something."""
        other = self._draft.described(name)
        kind = other.kind if other is not None else "a process" if name in self._known else ""
        return f"{quote(name)} is {kind}, and no {noun}" if kind else f"there is no {noun} {quote(name)}"

    def check_matcher(self, matcher: Matcher, fields: Fields) -> None:
        """Report a matcher that no event can ever match."""
        events = matcher.events
        if events is not None and not self._check_events(events, fields):
            return
        for condition in matcher.conditions:
            span = fields.value_span(condition.field)
            if condition.field == "event":
                self._check_likeness(condition, event_fields.names(), span)
                continue
            if not self._check_field(condition.field, events, fields):
                continue
            if condition.operator == "is":
                self._check_value(condition.field, condition.operand, events, span)
            elif condition.operator == "one_of":
                for choice in condition.operand:
                    self._check_value(condition.field, choice, events, span)
            elif condition.field == "process":
                self._check_likeness(condition, None if self._open else self._processes, span)
            elif condition.field in self._resources and condition.operator in ("contains", "matches"):
                known = self._resources[condition.field] if self._draft.knows_resources else None
                self._check_likeness(condition, known, span)
            else:
                self._check_comparison(condition, events, span)

    def check_same(self, field: str, matchers: Iterable[Matcher], span: Span) -> None:
        """Report a field that two events have to share, if the events of a matcher never have it."""
        name = field.partition(".")[0]
        for events in (matcher.events for matcher in matchers):
            if not any(name in event_fields.fields(event) for event in events or event_fields.names()):
                having = set(event_fields.fields(events[0])) if events else set()
                hint = self._problems.did_you_mean(name, sorted(having), "give a field that both events have")
                who = quote(events[0]) if events else "an event"
                self._problems.error(span, f"{who} has no field {quote(name)}", hint)
                return

    def _check_likeness(self, condition: Condition, known: Iterable[str] | None, span: Span) -> None:
        """Report a text that no known name contains, or a pattern that none matches."""
        if condition.operator not in ("contains", "matches") or known is None or not isinstance(condition.operand, str):
            return
        names, text = list(islice(known, self._looks)), condition.operand
        self._looks -= len(names)
        like = condition.operator == "matches"
        if names and not (fnmatch.filter(names, text) if like else [name for name in names if text in name]):
            there = "`run-scenario schema event` has them all"
            hint = there if condition.field == "event" else there_are(_offered(names))
            self._problems.error(span, f"no {condition.field} {'is like' if like else 'contains'} {quote(text)}", hint)

    def _check_comparison(self, condition: Condition, events: tuple[str, ...] | None, span: Span) -> None:
        """Report an operator that compares numbers or texts, if the field never has any, or none that it asks for."""
        kinds = _COMPARED.get(condition.operator)
        if kinds is None or "." in condition.field:
            return
        schemas = [event_fields.fields(event).get(condition.field) for event in events or event_fields.names()]
        having = [schema for schema in schemas if schema is not None]
        if having and all(event_fields.below(each, condition.operator, condition.operand) for each in having):
            what = f"`{condition.field}` is never {OPERATORS[condition.operator].strip()} {condition.operand:,}"
            least = min(each["minimum"] for each in having)
            self._problems.error(span, what, f"it is {least} or more")
            return
        if events is None:
            return
        mismatches = [[event_fields.mismatch(schema, kind) for kind in kinds] for schema in having]
        if mismatches and all(all(each) for each in mismatches):
            what = (
                f"`{condition.operator}` compares {_COMPARES[condition.operator]}, and `{condition.field}` never is one"
            )
            self._problems.error(span, what, f"it is {mismatches[0][0]}")

    def _check_events(self, events: tuple[str, ...], fields: Fields) -> bool:
        span, known = fields.value_span("event"), event_fields.names()
        for event in events:
            if event in JUDGED_LATER:
                what = f"{quote(event)} comes after the expectations are judged, so it cannot be expected"
                hint = "use `duration: run` for how long the run took, `exitcodes` for how processes ended"
                self._problems.error(span, what, hint)
                return False
            if event not in known:
                hint = self._problems.did_you_mean(str(event), known, "`run-scenario schema event` has them all")
                self._problems.error(span, f"there is no event {quote(str(event))}", hint)
                return False
        return True

    def _check_field(self, field: str, events: tuple[str, ...] | None, fields: Fields) -> bool:
        name = field.partition(".")[0]
        if "." not in field and not event_fields.is_field(name):
            return False  # the schema has reported it
        if events is None:
            return True
        having = [event for event in events if name in event_fields.fields(event)]
        if having:
            return True
        own = event_fields.own_fields(events[0])
        known = (*own, "process", "pid")
        hint = self._problems.did_you_mean(name, known, f"it has {either(own, 'and')}" if own else "")
        self._problems.error(fields.key_span(field), f"{quote(events[0])} has no field {quote(name)}", hint)
        return False

    def _check_value(self, field: str, value: Any, events: tuple[str, ...] | None, span: Span) -> None:
        if field == "process" and isinstance(value, str):
            self.check_process(value, span)
            return
        if field in self._resources and isinstance(value, str):
            self.check_resource(field, value, span)
            return
        if field == "subject" and isinstance(value, str):
            self.check_subject(value, span)
            return
        if events is None or "." in field:
            return
        schemas = [event_fields.fields(event).get(field) for event in events]
        known = [schema for schema in schemas if schema is not None]
        choices = [choice for schema in known for choice in event_fields.choices(schema)]
        if choices and all(event_fields.choices(schema) for schema in known):
            if not any(value == choice and type(value) is type(choice) for choice in choices):
                hint = self._problems.did_you_mean(str(value), [str(c) for c in choices])
                hint = hint or f"it is {either([str(choice) for choice in choices])}"
                self._problems.error(span, f"`{field}` is never {describe(value)}", hint)
            return
        mismatches = [event_fields.mismatch(schema, value) for schema in known]
        if mismatches and all(mismatches):
            self._problems.error(span, f"`{field}` is never {describe(value)}", f"it is {mismatches[0]}")


def _by_field(resources: tuple[ResourceDraft, ...]) -> dict[str, dict[str, None]]:
    """Return the names of the resources, by the field of those events that name them."""
    known: dict[str, dict[str, None]] = {field: {} for field in NAMED_BY}
    for resource in resources:
        names = dict.fromkeys(name for name in (resource.name, resource.family) if name)
        in_manager = resource.type == SERVER or is_managed(resource)
        for field, types in NAMED_BY.items():
            if resource.type in types or (field == "object" and in_manager):
                known[field] |= names
    return known


def _has_others(draft: Draft) -> bool:
    """Return whether there can be processes that the file does not name: of pools, managers, or targets."""
    if draft.sections["pools"] or managers(draft.resources):
        return True
    return _has_own_code(draft) or any(process.target in _WITH_CHILDREN for process in draft.processes)


def _has_own_code(draft: Draft) -> bool:
    """Return whether a process or the main program runs code of somebody's own, which may make anything."""
    called = (step.fields.text("call") for step in draft.all_steps())
    return any(":" in name for name in (*(process.target for process in draft.processes), *called))
