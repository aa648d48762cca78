"""Does the tree have the shape that the schema asks for? jsonschema finds what does not; here it is put into words.

The words come from the schema itself: `x-expected` describes what a place may hold. Each message has a hint: what was
probably meant, as it should be written.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from referencing import Registry

from run_scenario import targets
from run_scenario.events import fields as event_fields
from run_scenario.loader.problems import Problems, Span, describe, either, quote, shorten
from run_scenario.loader.reading.mismatches import FILL, is_process, is_step, mismatch_hint
from run_scenario.loader.reading.scalars import missing_space
from run_scenario.loader.reading.synonyms import Instead, Part, instead_of
from run_scenario.loader.reading.yaml_parser import Entry, InvalidNodes, Mapping, Node, Scalar, plain, walk
from run_scenario.loader.reading.yaml_parser import Sequence as ListNode
from run_scenario.scenario.expectations import BOUNDS, PATTERNS, SCOPES, TAKES
from run_scenario.scenario.steps import VERBS

MAX_ERRORS = 400
"""Most of jsonschema's errors that are looked at; Problems shows fewer."""

_Path = Sequence[str | int]


def check_structure(root: Node, validator: Any, problems: Problems) -> InvalidNodes:
    """Compare the tree with a schema (see `validator_of`); return the nodes that do not fit: they are not read on."""
    invalid = InvalidNodes(node for node in walk(root) if isinstance(node, Scalar) and not node.valid)
    translator = _Translator(root, validator.schema, problems, invalid)
    for error in islice(validator.iter_errors(plain(root)), MAX_ERRORS):
        translator.translate(error)
    return invalid


def validator_of(schema: dict[str, Any]) -> Any:
    """Return what compares trees with a schema; to make it takes longer than to compare a small one."""
    # JSON Schema takes 1.0 for an integer; Python, and a person who reads the file, do not.
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    # What a target takes is there for editors; `checks.calls` says it in better words.
    definitions = {key: value for key, value in schema["$defs"].items() if key != "builtins"}
    if "process" in definitions:
        definitions["process"] = {key: value for key, value in definitions["process"].items() if key != "allOf"}
    root = _of_computed({**schema, "$defs": definitions})
    parts: dict[int, Any] = {}
    """The validator for each part of the schema, by the part's id: they are made once, not once for each value."""

    def descend(validator: Any, instance: Any, schema: Any, path: Any = None, schema_path: Any = None) -> Iterator[Any]:
        if id(schema) not in parts:
            parts[id(schema)] = validator.evolve(schema=schema)
        for error in parts[id(schema)].iter_errors(instance):
            if path is not None:
                error.path.appendleft(path)
            if schema_path is not None:
                error.schema_path.appendleft(schema_path)
            yield error

    def follow(validator: Any, reference: str, instance: Any, _: Any) -> Iterator[Any]:
        # All are to the schema's own definitions: jsonschema would resolve a URI each time.
        return descend(validator, instance, root["$defs"][reference.removeprefix("#/$defs/")])

    strict: Any = extend(Draft202012Validator, {"$ref": follow}, type_checker=checker)  # type: ignore[no-untyped-call]
    strict.descend = descend
    return strict(root, registry=Registry())  # an empty registry retrieves nothing, from nowhere


def _of_computed(schema: Any) -> Any:
    """Return the schema of a tree in which all has been computed but what only the running program can compute.

    A text with a `$` is no number any more.
    """
    if isinstance(schema, list):
        return [_of_computed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _of_computed(value) for key, value in schema.items()}
    if schema.get("x-computed") is True and schema.get("pattern") == "[$]":
        del changed["pattern"]
        changed["type"] = [name for name in schema["type"] if name != "string"]
    if schema.get("x-computed") is True and "anyOf" in schema:
        changed["anyOf"] = [each for each in changed["anyOf"] if each != {"$ref": "#/$defs/computed"}]
        if len(changed["anyOf"]) == 1:
            changed |= changed.pop("anyOf")[0]
    return changed


class _Place(NamedTuple):
    """Where an error is: the node, and how to point at it and name it."""

    path: tuple[str | int, ...]
    node: Node
    key_span: Span | None
    number: int = 0
    """In a list: which one it is as written, where replicas that differ are one."""

    @property
    def name(self) -> str:
        match self.path:
            case (*_, int()) if is_process(self.path):
                return f"process {self.number}"
            case (*_, int(index)) if is_step(self.path):
                return f"step {index + 1}"
            case ("queues" | "pipes" | "pools" as section, str(name)):
                return f"{section[:-1]} {quote(name)}"
            case ("sync" | "shared", str(name)):
                return f"{quote(name)}"
            case ("expect", int(index)):
                return f"expectation {index + 1}"
            case (*_, str(key), int(index)):
                return f"element {index + 1} of `{key}`"
        return f"`{self.path[-1]}`"

    @property
    def inside(self) -> Part:
        """What the node describes."""
        match self.path:
            case ():
                return Part.TOP
            case _ if is_process(self.path):
                return Part.PROCESS
            case ("queues", str()):
                return Part.QUEUE
            case ("pipes", str()):
                return Part.PIPE
            case ("sync", str()):
                return Part.SYNC
            case ("pools", str()):
                return Part.POOL
            case _ if is_step(self.path):
                return Part.STEP
            case ("pools", str(), "calls", int()):
                return Part.POOL_CALL
            case ("shared", str()):
                return Part.SHARED
            case ("explore",):
                return Part.EXPLORATION
            case ("expect", *_):
                return _part_of_expectation(self.path)
        return Part.CALL


def _part_of_expectation(path: tuple[str | int, ...]) -> Part:
    keys = [step for step in path[1:] if isinstance(step, str)]
    if not keys or keys[-1] in ("all_of", "any_of", "not"):
        return Part.EXPECTATION
    if keys[-1] in ("overlap", "mutual_exclusion", "concurrency", "duration"):
        return Part.INTERVAL
    if len(keys) > 1 and keys[-2] == "of":
        return Part.NUMBER
    is_matcher = keys[-1] in (*PATTERNS, "after", "before", "between", "from", "to")
    return Part.MATCHER if is_matcher else Part.CONDITION


class _Translator:
    def __init__(self, root: Node, schema: Any, problems: Problems, invalid: InvalidNodes) -> None:
        self._root, self._problems, self._invalid = root, problems, invalid
        described = {"a process, below `processes:`": "process", "a queue, below `queues:`": "queue"}
        self._places = {"the top level": schema["properties"]} | {
            place: schema["$defs"][name]["properties"] for place, name in described.items() if name in schema["$defs"]
        }
        """Which keys belong where."""
        self._called = str(schema["title"]).removeprefix("run-scenario: ")
        """What the whole is."""
        self._by_keyword: dict[str, Callable[[Any, _Place], None]] = {
            "additionalProperties": self._unknown_keys,
            "required": self._missing_keys,
        }

    def translate(self, error: Any) -> None:
        """Report what one of jsonschema's errors means, unless that place was reported before."""
        if "propertyNames" in error.absolute_schema_path:
            return  # names are checked in code, by fullmatch
        place = self._locate(list(error.absolute_path))
        if place.node in self._invalid:
            return
        if error.validator == "anyOf" and place.inside is Part.PROCESS:
            self._missing_keys(error, place, ("target",))
            return
        if error.validator == "anyOf" and place.path[-1:] == ("except",) and isinstance(place.node, Mapping | ListNode):
            for inner in error.context:  # what is wrong is a step in it, of one of the two forms
                if inner.schema_path[0] == (0 if isinstance(place.node, ListNode) else 1):
                    self.translate(inner)
            return
        if error.validator == "anyOf" and any(node in self._invalid for node in walk(place.node)):
            self._invalid.add(place.node)
            return
        self._by_keyword.get(error.validator, self._mismatch)(error, place)

    def _locate(self, path: _Path) -> _Place:
        node, key_span, number = self._root, None, 0
        for step in path:
            if isinstance(node, Mapping):
                entry = node.entries[str(step)]
                node, key_span = entry.value, entry.key_span
            elif isinstance(node, ListNode):
                number = len({each.span for each in node.items[: int(step) + 1]})
                node, key_span = node.items[int(step)], None
        return _Place(tuple(path), node, key_span, number)

    def _unknown_keys(self, error: Any, place: _Place) -> None:
        assert isinstance(place.node, Mapping)
        known = error.schema.get("properties", {})
        for key, entry in place.node.entries.items():
            if key not in known and not ("." in key and "patternProperties" in error.schema):
                hint = _spaceless(key, entry, known) or _parameter_hint(key, place.node) or _target_hint(key, place)
                hint = hint or _too_far_in(key, place) or _synonym_hint(key, entry, place)
                hint = hint or self._field_hint(key, entry, place) or self._problems.did_you_mean(key, known)
                hint = hint or _verb_hint(place) or self._elsewhere(key, place)
                if hint:
                    self._invalid.incomplete.add(place.node)
                hint = hint or _ELSE.get(place.inside, "leave it out")
                self._problems.error(entry.key_span, f"unknown key {quote(key)} {place.inside.where}", hint)

    def _field_hint(self, key: str, entry: Entry, place: _Place) -> str:
        """Return what is written instead of a field that no event has: a field of the one that the matcher names."""
        if place.inside is not Part.MATCHER or not isinstance(place.node, Mapping):
            return ""
        named = place.node.entries.get("event")
        event = named.value.value if named is not None and isinstance(named.value, Scalar) else None
        own = event_fields.own_fields(event) if isinstance(event, str) and event in event_fields.names() else ()
        if key in BOUNDS:
            field = "content" if "content" in own else next(reversed(own), "FIELD")
            written = shorten(self._problems.text_at(entry.value.span), 30)
            return f"compare a field: write `{field}: {written if key == 'is' else f'{{{key}: {written}}}'}`"
        fields = f"{quote(str(event))} has {either(own, 'and')}" if own else ""
        # `t` is like everything that is as short.
        known = own or (name for event in event_fields.names() for name in event_fields.own_fields(event))
        return self._problems.did_you_mean(key, dict.fromkeys(("process", *known)), fields or "leave it out")

    def _elsewhere(self, key: str, place: _Place) -> str:
        """Return a hint where `key` is right, but in another place of a scenario."""
        if place.inside not in (Part.TOP, Part.PROCESS, Part.QUEUE):
            return ""
        return next((f"it belongs to {where}" for where, keys in self._places.items() if key in keys), "")

    def _missing_keys(self, error: Any, place: _Place, keys: Sequence[str] = ()) -> None:
        assert isinstance(place.node, Mapping)
        known = error.schema.get("properties", {})
        unknown = [entry for key, entry in place.node.entries.items() if key not in known]
        misspelt = {self._problems.nearest(entry.key, known) for entry in unknown}
        misspelt |= {entry.key.partition(":")[0] for entry in unknown if _spaceless(entry.key, entry, known)}
        misspelt |= {"target" for entry in unknown if _target_hint(entry.key, place)}
        misspelt |= {meant.key for entry in unknown if (meant := _meant(entry.key, entry, place))}
        for key in keys or error.validator_value:
            if key not in place.node.entries and key not in misspelt:
                owner = self._called if not place.path else place.inside.value
                what, hint = f"{owner} needs the key '{key}'", _ADD.get(key, "")
                if key == "target" and "processes" in place.node.entries:
                    what, hint = f"{what}, or 'steps'", _PARENT
                self._problems.error(place.node.span, what, hint)

    def _mismatch(self, error: Any, place: _Place) -> None:
        self._invalid.add(place.node)
        value = plain(place.node)
        expected = error.schema.get("x-expected", "something else")
        what = f"{place.name if place.path else self._called} must be {expected}, not {_given(error, value)}"
        self._problems.error(place.node.span, what, mismatch_hint(error, place.path, place.node, self._problems))


_ADD = {
    **FILL,
    "version": "write `version: 1` in the first line",
    "type": "write `type: Lock`, for example",
    "processes": "write `processes:` and below it a list, as in `- target: sleep`",
}

_PARENT = "write what it does itself, beside starting its own: `target: sleep`, or `steps: [{sleep: 1}]`"


_ELSE = {Part.CONDITION: "a value that is a mapping is compared by `is: {…}`"}
"""The hint for an unknown key that resembles no known one."""


def _given(error: Any, value: Any) -> str:
    if error.validator == "maxLength":
        return f"{len(value)} characters"
    if error.validator in ("minItems", "maxItems") and value:
        return f"a list of {len(value)}"
    if error.validator == "minProperties":
        return "an empty one"
    if isinstance(value, list) and error.context:
        # Of the alternatives, the one for lists went furthest: down to the elements.
        wrong = [inner.path[0] for inner in error.context if inner.path]
        if wrong:
            return f"a list with {describe(value[wrong[0]])} in it"
    if isinstance(value, str) and not value:
        return "an empty text"
    return describe(value)


def _verb_hint(place: _Place) -> str:
    """Return a hint where a step of the main program has no verb."""
    assert isinstance(place.node, Mapping)
    if place.inside is not Part.STEP or any(key in VERBS for key in place.node.entries):
        return ""
    return f"a step has one of the verbs {either(VERBS, 'or')}"


def _spaceless(key: str, entry: Entry, known: Container[str]) -> str:
    """Return a hint where `{key:value}` is written in one line, which is a key without a value."""
    empty = isinstance(entry.value, Scalar) and entry.value.value is None
    return missing_space(key, known) if empty else ""


def _too_far_in(key: str, place: _Place) -> str:
    """Return a hint where what belongs beside a pattern was written into its matcher."""
    pattern = next((step for step in reversed(place.path) if step in PATTERNS), "")
    beside = (*TAKES.get(str(pattern), ()), *SCOPES, "because")
    too_far_in = place.inside is Part.MATCHER and key in beside
    return f"write `{key}` beside the pattern, one level further out" if too_far_in else ""


def _meant(key: str, entry: Entry, place: _Place) -> Instead | None:
    return instead_of(key, entry, place.node.entries, place.inside) if isinstance(place.node, Mapping) else None


def _synonym_hint(key: str, entry: Entry, place: _Place) -> str:
    """Return what a key is called here that is called otherwise elsewhere."""
    meant = _meant(key, entry, place)
    return meant.hint if meant else ""


def _target_hint(key: str, place: _Place) -> str:
    """Return a hint where a process is written as `- sleep: {seconds: 1}`."""
    node = place.node
    if place.inside is not Part.PROCESS or not isinstance(node, Mapping) or "target" in node.entries:
        return ""
    if targets.find(key) is None:
        return ""
    return f"it is a target: write `target: {key}`, and what it is given under `kwargs:`"


def _parameter_hint(key: str, process: Mapping) -> str:
    """Return a hint where `key` is a parameter of the process's own built-in target, written one level too far out."""
    target = process.entries.get("target")
    if target is None or not isinstance(target.value, Scalar) or not isinstance(target.value.value, str):
        return ""
    known = targets.find(target.value.value)
    parameter = known.parameter(key) if known else None
    if known is None or parameter is None:
        return ""
    where = (parameter.direction or "uses") if parameter.is_resource else "kwargs"
    return f"it is a parameter of '{known.name}': write it under `{where}:`, as in `{where}: {{{key}: …}}`"
