"""Can an expectation ever match? Processes, resources, events and fields that it names have to exist."""

from __future__ import annotations

from typing import Any

from run_scenario.expectations import JUDGED_LATER, Matcher
from run_scenario.language import event_fields
from run_scenario.language.draft import Draft, Fields
from run_scenario.language.problems import Problems, Span, describe, either, quote
from run_scenario.model import MANAGED

_OF_SECTION = {"queue": "queues", "pipe": "pipes", "pool": "pools"}
_OF_TYPE = {
    "semaphore": ("Semaphore", "BoundedSemaphore"),
    "flag": ("Event",),
    "condition": ("Condition",),
    "barrier": ("Barrier",),
}
"""Field of an event -> types of the resources whose name can be in it."""

_LOCKS = ("Lock", "RLock", "Condition", "Value", "Array")
_ALWAYS = ("MainProcess", "run-scenario", "run-scenario guard")
_WITH_CHILDREN = ("spawn_child",)


class Names:
    """What a scenario's log can speak of."""

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._draft, self._problems = draft, problems
        self._groups = {process.name: process.names() for process in draft.processes if process.name}
        self._processes = [name for process in draft.processes for name in process.names()]
        self._open = _has_others(draft)
        """Whether there will be processes that the file does not name."""

    def replicas(self, name: str) -> tuple[str, ...]:
        """Return the names of the replicas that a name stands for; empty if it is that of a process itself."""
        return () if name in self._processes else tuple(self._groups.get(name, ()))

    def check_process(self, name: str, span: Span, otherwise: str = "") -> tuple[str, ...]:
        """Return the processes that a name stands for; complain if there will be none."""
        known = [*self._processes, *self._groups, *_ALWAYS]
        if name not in known and not self._open:
            there = either([*([] if not otherwise else [otherwise.strip("`")]), *dict.fromkeys(known[:6])], "and")
            hint = self._problems.did_you_mean(name, known, f"there is {there}")
            self._problems.error(span, f"there is no process {quote(name)}", hint)
        return self.replicas(name) or (name,)

    def check_queue(self, name: str, span: Span) -> None:
        """Complain about a queue that is not there."""
        known = list(self._draft.queues)
        if name not in known:
            hint = self._problems.did_you_mean(name, known, f"there is {either(known, 'and')}" if known else "")
            self._problems.error(span, f"there is no queue {quote(name)}", hint)

    def check_lock(self, name: str, span: Span) -> None:
        """Complain about a lock that is not there."""
        known = [resource.name for resource in self._draft.resources if resource.type in _LOCKS]
        if name not in known:
            hint = self._problems.did_you_mean(name, known, f"there is {either(known, 'and')}" if known else "")
            self._problems.error(span, f"there is no lock {quote(name)}", hint)

    def check_matcher(self, matcher: Matcher, fields: Fields) -> None:
        """Complain about a matcher that no event can ever match."""
        events = matcher.events
        if events is not None and not self._check_events(events, fields):
            return
        for condition in matcher.conditions:
            if condition.field == "event":
                continue
            span = fields.value_span(condition.field)
            if not self._check_field(condition.field, events, fields):
                continue
            if condition.operator == "is":
                self._check_value(condition.field, condition.operand, events, span)
            elif condition.operator == "one_of":
                for choice in condition.operand:
                    self._check_value(condition.field, choice, events, span)

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
        if events is None:
            return bool(event_fields.having(name)) or "." in field
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
        if self._check_resource(field, value, span) or events is None or "." in field:
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

    def _check_resource(self, field: str, value: Any, span: Span) -> bool:
        """Complain about a resource that is not there; return whether the field names one."""
        if not isinstance(value, str):
            return False
        if field in _OF_SECTION:
            known = [r.name for r in self._draft.resources if r.section == _OF_SECTION[field]]
        elif field in _OF_TYPE:
            known = [r.name for r in self._draft.resources if r.type in _OF_TYPE[field]]
        elif field == "lock":
            known = [r.name for r in self._draft.resources if r.type in _LOCKS]
        else:
            return False
        if value not in known:
            there = f"there is {either(known, 'and')}" if known else f"the scenario has no {field}"
            hint = self._problems.did_you_mean(value, known, there)
            self._problems.error(span, f"there is no {field} {quote(value)}", hint)
        return True


def _has_others(draft: Draft) -> bool:
    """Return whether there can be processes that the file does not name: of pools, managers, or targets."""
    if draft.sections["pools"] or any(r.type in (*MANAGED, "Server") for r in draft.sections["shared"].values()):
        return True
    return any(":" in process.target or process.target in _WITH_CHILDREN for process in draft.processes)
