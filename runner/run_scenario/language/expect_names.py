"""Can an expectation ever match? Processes, resources, events and fields that it names have to exist."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from run_scenario import event_fields
from run_scenario.expectations import JUDGED_LATER, Condition, Matcher
from run_scenario.language.draft import Draft, Fields, ResourceDraft
from run_scenario.language.problems import Problems, Span, describe, either, quote
from run_scenario.model import MANAGED

_OF_SECTION = {"queue": "queues", "pipe": "pipes", "pool": "pools"}
_OF_TYPE = {
    "semaphore": ("Semaphore", "BoundedSemaphore"),
    "flag": ("Event",),
    "condition": ("Condition",),
    "barrier": ("Barrier",),
    "lock": ("Lock", "RLock", "Condition", "Value", "Array"),
}
"""Field of an event -> types of the resources whose name can be in it."""

_ALWAYS = ("MainProcess", "run-scenario", "run-scenario guard")
_WITH_CHILDREN = ("spawn_child",)

_MOST_LOOKS = 500_000
"""Names that are compared with patterns; after that, any pattern will do: a hostile file has thousands of both."""

_NUMBERS = ("less_than", "at_most", "more_than", "at_least")
_COMPARED: dict[str, tuple[Any, ...]] = {**dict.fromkeys(_NUMBERS, (0,)), "matches": ("",), "contains": ("", [], {})}
"""Operator -> a value of each kind that it can be about."""
_COMPARES = {**dict.fromkeys(_NUMBERS, "numbers"), "matches": "texts", "contains": "texts, lists and mappings"}


def replicas(draft: Draft) -> Callable[[str], tuple[str, ...]]:
    """Return a function that tells which processes a name stands for: the replicas, or the process itself."""
    groups = {process.name: process.names() for process in draft.processes if process.name}
    processes = {name for process in draft.processes for name in process.names()}
    return lambda name: (name,) if name in processes else tuple(groups.get(name, ())) or (name,)


class Names:
    """What a scenario's log can speak of."""

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._problems = problems
        self._processes = (*(name for process in draft.processes for name in process.names()), *_ALWAYS)
        self._known = dict.fromkeys(name for process in draft.processes for name in process.names())
        self._known.update(dict.fromkeys((*(process.name for process in draft.processes if process.name), *_ALWAYS)))
        threads = [process for process in draft.processes if process.worker == "thread"]
        self._threads = {name for process in threads for name in (process.name, *process.names())}
        self._resources = _by_field(draft.resources)
        self._open = _has_others(draft)
        """Whether there will be processes that the file does not name."""
        self._looks = _MOST_LOOKS

    def check_process(self, name: str, span: Span, otherwise: str = "") -> None:
        """Complain if there will be no process of this name, nor replicas, nor is it what it may be `otherwise`."""
        if name not in self._known and not self._open:
            others = [otherwise] if otherwise else []
            there = either([*others, *list(self._known)[:6]], "and")
            hint = self._problems.did_you_mean(name, self._known, f"there is {there}")
            self._problems.error(span, f"there is no process {quote(name)}", hint)

    def check_exitcode(self, name: str, span: Span) -> None:
        """Complain about a worker that will have no exit code, as well as about one that is not there."""
        self.check_process(name, span)
        if name in self._threads:
            hint = f"write `exists: {{event: process.finished, process: {name}}}` for it"
            self._problems.error(span, f"{quote(name)} runs as a thread, and threads have no exit code", hint)

    def check_resource(self, field: str, name: str, span: Span) -> None:
        """Complain about a resource that is not there; `field` is that of the events which name its like."""
        known = self._resources[field]
        if name not in known:
            there = f"there is {either(known, 'and')}" if known else f"the scenario has no {field}"
            hint = self._problems.did_you_mean(name, known, there)
            self._problems.error(span, f"there is no {field} {quote(name)}", hint)

    def check_matcher(self, matcher: Matcher, fields: Fields) -> None:
        """Complain about a matcher that no event can ever match."""
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
            else:
                self._check_comparison(condition, events, span)

    def check_same(self, field: str, matchers: Iterable[Matcher], span: Span) -> None:
        """Complain about a field that events are to share, where those meant by a matcher never have it."""
        name = field.partition(".")[0]
        for events in (matcher.events for matcher in matchers):
            if not any(name in event_fields.fields(event) for event in events or event_fields.names()):
                having = set(event_fields.fields(events[0])) if events else set()
                hint = self._problems.did_you_mean(name, sorted(having), "give a field that both events have")
                who = quote(events[0]) if events else "an event"
                self._problems.error(span, f"{who} has no field {quote(name)}", hint)
                return

    def _check_likeness(self, condition: Condition, known: Iterable[str] | None, span: Span) -> None:
        """Complain if none of the known names contains a text, or is like a pattern."""
        if condition.operator not in ("contains", "matches") or known is None or not isinstance(condition.operand, str):
            return
        names, text = list(islice(known, self._looks)), condition.operand
        self._looks -= len(names)
        like = condition.operator == "matches"
        if names and not (fnmatch.filter(names, text) if like else [name for name in names if text in name]):
            there = "`run-scenario schema event` has them all"
            hint = there if condition.field == "event" else f"there is {either(names[:6], 'and')}"
            self._problems.error(span, f"no {condition.field} {'is like' if like else 'contains'} {quote(text)}", hint)

    def _check_comparison(self, condition: Condition, events: tuple[str, ...] | None, span: Span) -> None:
        """Complain if a field never has what an operator compares: numbers, or texts."""
        kinds = _COMPARED.get(condition.operator)
        if kinds is None or events is None or "." in condition.field:
            return
        schemas = [event_fields.fields(event).get(condition.field) for event in events]
        misfits = [[event_fields.misfit(schema, kind) for kind in kinds] for schema in schemas if schema is not None]
        if misfits and all(all(each) for each in misfits):
            what = (
                f"`{condition.operator}` compares {_COMPARES[condition.operator]}, and `{condition.field}` never is one"
            )
            self._problems.error(span, what, f"it is {misfits[0][0]}")

    def _check_events(self, events: tuple[str, ...], fields: Fields) -> bool:
        span, known = fields.value_span("event"), event_fields.names()
        for event in events:
            if event in JUDGED_LATER:
                what = f"{quote(event)} is told after everything was judged, so it cannot be expected"
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
            return False  # the schema has said so
        if events is None:
            return True
        having = [event for event in events if name in event_fields.fields(event)]
        if having:
            return True
        known = [each for each in event_fields.fields(events[0]) if each not in ("event", "timestamp", "run", "seq")]
        own = [each for each in known if each not in ("level", "t", "scenario", "process", "pid", "n")]
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
        misfits = [event_fields.misfit(schema, value) for schema in known]
        if misfits and all(misfits):
            self._problems.error(span, f"`{field}` is never {describe(value)}", f"it is {misfits[0]}")


def _by_field(resources: tuple[ResourceDraft, ...]) -> dict[str, dict[str, None]]:
    """Return the names of the resources, by the field of those events that tell of them."""
    known: dict[str, dict[str, None]] = {field: {} for field in (*_OF_SECTION, *_OF_TYPE)}
    for resource in resources:
        for field, section in _OF_SECTION.items():
            if resource.section == section:
                known[field][resource.name] = None
        for field, types in _OF_TYPE.items():
            if resource.type in types:
                known[field][resource.name] = None
    return known


def _has_others(draft: Draft) -> bool:
    """Return whether there can be processes that the file does not name: of pools, managers, or targets."""
    if draft.sections["pools"] or any(r.type in (*MANAGED, "Server") for r in draft.sections["shared"].values()):
        return True
    return any(":" in process.target or process.target in _WITH_CHILDREN for process in draft.processes)
