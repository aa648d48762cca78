"""The steps of a program as they are written, with those that stand in others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from run_scenario.loader.problems import Span
from run_scenario.loader.reading.data import DataReader
from run_scenario.loader.reading.yaml_parser import Fields, InvalidNodes, Node, Scalar, Sequence, walk
from run_scenario.loader.reading.yaml_parser import Mapping as MappingNode
from run_scenario.scenario.expressions import (
    Expression,
    ExpressionError,
    Template,
    evaluate,
    names_in,
    parse,
    truth,
)
from run_scenario.scenario.model import Direction
from run_scenario.scenario.steps import OPTIONS, VERBS, WORDS, Verb

KEYS = tuple(dict.fromkeys(key for verb in VERBS.values() for key in verb.keys if key != "except"))
BESIDE = ("to", "raises", "as", *OPTIONS, *KEYS, "except")
"""All keys that a step may have besides its verb."""


class StepDraft(NamedTuple):
    """One step: its verb, and what it is about."""

    fields: Fields
    verb: Verb
    span: Span
    """Where the verb stands."""
    subjects: tuple[tuple[str | Template | Expression, Span], ...]
    """Names as written, each with its place; one that is computed is not a text."""
    value: Any
    """What stands after the verb, where that is an argument; expressions may stand in it."""
    parts: Mapping[str, tuple[StepDraft, ...]] = {}
    """The steps that stand in a block, by the key; of a `try` its own under `try`."""
    handlers: tuple[tuple[str, Span, tuple[StepDraft, ...]], ...] = ()
    """Of a `try`: names of exceptions, and the steps that are done for each."""

    @property
    def options(self) -> dict[str, Any]:
        """The other keys of the step, as keyword arguments."""
        keys = (*self.verb.options, *(key for key in self.verb.keys if key in ("at", "message", "args", "kwargs")))
        return {key: meaning(entry.value, key) for key in keys if (entry := self.fields.entry(key)) is not None}

    @property
    def values(self) -> Any:
        """Of a `for`, what it goes through."""
        entry = self.fields.entry("in")
        return () if entry is None else meaning(entry.value)

    @property
    def inner(self) -> Iterator[StepDraft]:
        """The steps that stand in it, in their order."""
        for key, steps in self.parts.items():
            yield from steps
            for _, _, handling in self.handlers if key == "try" else ():
                yield from handling

    @property
    def computed(self) -> bool:
        """Whether it names what it is done to by an expression."""
        return any(not isinstance(subject, str) for subject, _ in self.subjects)

    @property
    def gives(self) -> Iterator[str]:
        """The names that it gives to values."""
        if self.fields.text("as"):
            yield self.fields.text("as")
        if self.verb.name == "for":
            yield self.value
        if self.verb.name == "let":
            yield from self.value


def everywhere(steps: Iterable[StepDraft]) -> Iterator[StepDraft]:
    """Yield steps, each followed by those that stand in it."""
    for step in steps:
        yield step
        yield from everywhere(step.inner)


def reachable(steps: Iterable[StepDraft], names: Mapping[str, Any]) -> Iterator[StepDraft]:
    """Yield the same, without those that are not done where a condition is known.

    `names`: the values that are known before the run.
    """
    for step in steps:
        yield step
        chosen = known_condition(step, names)
        if chosen is None:
            yield from reachable(step.inner, names)
        else:
            yield from reachable(step.parts.get("then" if chosen else "else", ()), names)


def known_condition(step: StepDraft, names: Mapping[str, Any]) -> bool | None:
    """Return whether the condition of an `if` is true; None if that is not known, or it is another step."""
    if step.verb.name != "if":
        return None
    if isinstance(step.value, bool):
        return step.value
    return truth(step.value, names) if isinstance(step.value, Expression) else None


def verbs_of(fields: Fields) -> list[str]:
    """Return the verbs of a step; a valid step has one."""
    return [entry.key for entry in fields if entry.key in VERBS]


Families = Mapping[str, tuple[str, ...]]
"""Name that stands for all replicas of a resource -> their names."""


def read_steps(fields: Fields, key: str, families: Families) -> Iterator[StepDraft]:
    """Yield the valid steps in the list under `key`, in order. What names a family is about each of its members."""
    for node in fields.items(key):
        step = _step(node, fields.invalid, families)
        if step is not None:
            yield step


def _step(node: Node, invalid: InvalidNodes, families: Families) -> StepDraft | None:
    if isinstance(node, Scalar):
        if node in invalid or node.value not in WORDS:
            return None
        return StepDraft(Fields(MappingNode({}, node.span), invalid), VERBS[str(node.value)], node.span, (), True)
    fields = Fields(node, invalid)
    found = verbs_of(fields)
    if not fields.valid or len(found) != 1 or fields.is_invalid(found[0]):
        return None
    verb = VERBS[found[0]]
    keys = [key for key in verb.keys if fields.items(key) and key not in _VALUES]
    parts = {key: tuple(read_steps(fields, key, families)) for key in keys}
    if verb.name == "try":
        parts = {"try": tuple(read_steps(fields, "try", families))} | parts
    handlers = tuple(_handlers(fields, families)) if "except" in verb.keys else ()
    parts.pop("except", None)
    subjects = tuple((one, span) for name, span in _subjects(fields, verb) for one in _members(name, families))
    return StepDraft(fields, verb, fields.key_span(verb.name), subjects, _value(fields, verb), parts, handlers)


_VALUES = ("in", "args", "at", "kwargs", "message")
"""Keys of steps whose lists are values, not steps."""


def _members(name: Any, families: Families) -> tuple[Any, ...]:
    return families.get(name, (name,)) if isinstance(name, str) else (name,)


def _handlers(fields: Fields, families: Families) -> Iterator[tuple[str, Span, tuple[StepDraft, ...]]]:
    entry = fields.entry("except")
    if entry is not None and isinstance(entry.value, Sequence):
        yield "Exception", fields.key_span("except"), tuple(read_steps(fields, "except", families))
    for entry in fields.mapping("except"):
        yield entry.key, entry.key_span, tuple(read_steps(fields.mapping("except"), entry.key, families))


def _subjects(fields: Fields, verb: Verb) -> Iterator[tuple[Any, Span]]:
    key = {"subject": verb.name, "argument": "to"}.get(verb.value)
    entry = fields.entry(key) if key else None
    if entry is None:
        return
    for node in fields.items(entry.key) or (entry.value,):
        if isinstance(node, Scalar) and isinstance(node.value, str):
            yield meaning(node), node.span


def _value(fields: Fields, verb: Verb) -> Any:
    if verb.value == "subject" or verb.name == "try":
        return None
    if verb.name in ("for", "call", "raise"):
        return fields.text(verb.name)
    entry = fields.entry(verb.name)
    return None if entry is None else meaning(entry.value, verb.name)


def data_nodes(step: StepDraft) -> Iterator[Node]:
    """Yield the nodes of a step that hold data; of a mapping of names to data, each."""
    for key in (step.verb.name, "in", "args", "kwargs", "at"):
        entry = step.fields.entry(key)
        if entry is None or (key == step.verb.name and not _has_data(step.verb)):
            continue
        if isinstance(entry.value, MappingNode) and key in _NAMING:
            yield from (part.value for part in entry.value.entries.values())
        else:
            yield entry.value


def _has_data(verb: Verb) -> bool:
    return verb.value == "argument" or verb.name == "let"


_NAMING = ("let", "kwargs", "update")
"""Keys whose mappings give names to data, and are no data of one key themselves."""
ITEM_VERBS = ("put", "put_nowait", "send")
"""Verbs after which `{call: …}` is an object that makes a call."""


def meaning(node: Node, key: str = "") -> Any:
    """Return the data in a node, in which texts with a `$` are expressions, unless they cannot be read.

    `key` is the one that it stands under.
    """
    if key in _NAMING and isinstance(node, MappingNode):
        return _READER.mapping(node)
    return _READER.item(node) if key in ITEM_VERBS else _READER.read(node)


def text_or_expression(scalar: Scalar) -> Any:
    """Return what a single value stands for; a text that cannot be read is a text, and reported elsewhere."""
    if not isinstance(scalar.value, str):
        return scalar.value
    try:
        return parse(scalar.value)
    except ExpressionError:
        return scalar.value


_READER = DataReader(scalar=text_or_expression)
"""What is wrong with the data of steps is reported by `check_data`."""


def texts_with_expressions(node: Node) -> Iterator[Scalar]:
    """Yield the texts in a node that have a `$`."""
    for each in walk(node):
        if isinstance(each, Scalar) and each.valid and isinstance(each.value, str) and "$" in each.value:
            yield each


# Which resources a step is about


def direction_of(verb: Verb) -> Direction:
    """Return the direction in which a step uses a resource."""
    if verb.name in ("put", "put_nowait", "send"):
        return "to"
    return "from" if verb.name in ("get", "get_nowait", "recv") else "uses"


UNKNOWN = object()
"""What `value_before` returns for a value that only the run knows."""


def value_before(value: Any, names: Mapping[str, Any]) -> Any:
    """Return a number, text or the like, computed, if nothing but these names is needed to compute it."""
    if not names.keys() >= set(names_in(value)):
        return UNKNOWN
    try:
        found = evaluate(value, names)
    except Exception:  # it is computed again in the run, which says what is wrong
        return UNKNOWN
    # Of what may be changed, only the run knows what is in it.
    return found if found is None or isinstance(found, bool | int | float | str) else UNKNOWN


def resolved(subject: str | Template | Expression, names: Mapping[str, Any]) -> str | Template | Expression:
    """Return the name that a computed one is, if nothing but these names is needed to compute it, and it can be."""
    name = subject if isinstance(subject, str) else value_before(subject, names)
    return subject if name is UNKNOWN else str(name)
