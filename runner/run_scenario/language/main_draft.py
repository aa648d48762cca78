"""The steps of the section `main` as written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from run_scenario.language.draft import Draft, Fields
from run_scenario.language.problems import Span
from run_scenario.verbs import OPTIONS, VERBS, Verb


class StepDraft(NamedTuple):
    """One step: its verb, and whom it is about."""

    fields: Fields
    verb: Verb
    span: Span
    """Where the verb stands."""
    subjects: tuple[tuple[str, Span], ...]
    """Names as written, each with its place."""
    value: Any
    """What stands after the verb, where that is an argument."""

    @property
    def options(self) -> dict[str, Any]:
        """What the step says besides, as keyword arguments."""
        given = {key: self.fields.value(key) for key in OPTIONS if self.fields.entry(key) is not None}
        return {key: given[key] for key in given if key in self.verb.options}


def verbs_of(fields: Fields) -> list[str]:
    """Return the verbs that a step names; a sound one names a single one."""
    return [entry.key for entry in fields if entry.key in VERBS]


def read_steps(draft: Draft) -> Iterator[StepDraft]:
    """Yield the sound steps, in order."""
    for node in draft.fields.items("main"):
        fields = Fields(node, draft.fields.bad)
        found = verbs_of(fields)
        if fields.sound and len(found) == 1 and not fields.is_refused(found[0]):
            verb = VERBS[found[0]]
            yield StepDraft(
                fields, verb, fields.key_span(verb.name), tuple(_subjects(fields, verb)), _value(fields, verb)
            )


def _subjects(fields: Fields, verb: Verb) -> Iterator[tuple[str, Span]]:
    key = {"subject": verb.name, "argument": "to"}.get(verb.value)
    entry = fields.entry(key) if key else None
    if entry is None:
        return
    nodes = fields.items(entry.key)
    if not nodes:
        yield fields.text(entry.key), entry.value.span
    for node in nodes:
        value = getattr(node, "value", None)
        if isinstance(value, str):
            yield value, node.span


def _value(fields: Fields, verb: Verb) -> Any:
    return None if verb.value == "subject" else fields.value(verb.name)


def groups(draft: Draft) -> dict[str, list[str]]:
    """Return the processes by the names that a step may call them by: their own, and that of all replicas together."""
    found: dict[str, list[str]] = {}
    for process in draft.processes:
        names = process.names()
        found |= {name: [name] for name in names}
        if process.name and process.name not in found:
            found[process.name] = names
    return found
