"""Does the tree have the shape that the schema asks for? jsonschema finds what does not, this module says it kindly.

The sentences come from the schema itself: `x-expected` says in words what a place may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from itertools import islice
from typing import Any, NamedTuple

from run_scenario.expectations import BESIDE, PATTERNS, SCOPES
from run_scenario.language.draft import Refused
from run_scenario.language.problems import Problems, Span, describe, either, quote
from run_scenario.language.stamps import Stamps, key_of
from run_scenario.language.text_hints import missing_space
from run_scenario.language.value_hints import FILL, misfit_hint
from run_scenario.language.yaml_nodes import Entry, Mapping, Node, Scalar, plain, walk
from run_scenario.language.yaml_nodes import Sequence as ListNode
from run_scenario.verbs import VERBS

MAX_ERRORS = 400
"""Most of jsonschema's errors that are looked at; Problems shows fewer."""

_Path = Sequence[str | int]


def check_structure(root: Node, text: str, schema: str, stamps: Stamps, problems: Problems) -> Refused:
    """Compare the tree with the schema's text; return the nodes that do not fit, so that nobody reads them."""
    if not problems.has_errors and stamps.has(key_of(text, schema)):
        return Refused()
    bad = Refused(node for node in walk(root) if isinstance(node, Scalar) and not node.sound)
    validator = _validator(schema)
    translator = _Translator(root, validator.schema, problems, bad)
    fits = True
    for error in islice(validator.iter_errors(plain(root)), MAX_ERRORS):
        fits = False
        translator.translate(error)
    if fits and not problems.has_errors:
        stamps.add(key_of(text, schema))
    return bad


def _validator(schema: str) -> Any:
    """Return the validator; importing jsonschema costs 80 ms, which a stamped text saves."""
    import json

    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    # To JSON Schema, 1.0 is an integer; to Python, and to whoever reads the file, it is not.
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    strict: Any = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]
    return strict(json.loads(schema), registry=Registry())  # an empty registry retrieves nothing, from nowhere


class _Place(NamedTuple):
    """Where an error is: the node, and how to point at it and name it."""

    path: tuple[str | int, ...]
    node: Node
    key_span: Span | None

    @property
    def name(self) -> str:
        match self.path:
            case ():
                return "a scenario"
            case ("processes", int(index)):
                return f"process {index + 1}"
            case ("main", int(index)):
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
    def inside(self) -> str:
        match self.path:
            case ():
                return "at the top level"
            case ("processes", int()):
                return "in a process"
            case ("queues" | "pipes" as section, str()):
                return f"in a {section[:-1]}"
            case ("sync", str()):
                return "in a synchronization object"
            case ("pools", str()):
                return "in a pool"
            case ("main", int()):
                return "in a step"
            case ("pools", str(), "calls", int()):
                return "in a call on a pool"
            case ("shared", str()):
                return "in a shared object"
            case ("expect", *_):
                return f"in {_part_of_expectation(self.path)}"
        return "in a call"


def _part_of_expectation(path: tuple[str | int, ...]) -> str:
    keys = [step for step in path[1:] if isinstance(step, str)]
    if not keys or keys[-1] in ("all_of", "any_of", "not"):
        return "an expectation"
    if keys[-1] in ("overlap", "mutual_exclusion", "duration"):
        return "a stretch of time"
    if len(keys) > 1 and keys[-2] == "of":
        return "a number"
    return "a matcher" if keys[-1] in (*PATTERNS, "after", "before", "between", "from", "to") else "a condition"


class _Translator:
    def __init__(self, root: Node, schema: Any, problems: Problems, bad: Refused) -> None:
        self._root, self._problems, self._bad = root, problems, bad
        self._places = {
            "the top level": schema["properties"],
            "a process, below `processes:`": schema["$defs"]["process"]["properties"],
            "a queue, below `queues:`": schema["$defs"]["queue"]["properties"],
        }
        """Which keys belong where."""
        self._by_keyword: dict[str, Callable[[Any, _Place], None]] = {
            "additionalProperties": self._unknown_keys,
            "required": self._missing_keys,
        }

    def translate(self, error: Any) -> None:
        """Say what one of jsonschema's errors means, unless something about that place was said before."""
        if "propertyNames" in error.absolute_schema_path:
            return  # names are checked in code, by fullmatch
        place = self._locate(list(error.absolute_path))
        if place.node in self._bad:
            return
        if error.validator == "anyOf" and any(node in self._bad for node in walk(place.node)):
            self._bad.add(place.node)
            return
        self._by_keyword.get(error.validator, self._misfit)(error, place)

    def _locate(self, path: _Path) -> _Place:
        node, key_span = self._root, None
        for step in path:
            if isinstance(node, Mapping):
                entry = node.entries[str(step)]
                node, key_span = entry.value, entry.key_span
            elif isinstance(node, ListNode):
                node, key_span = node.items[int(step)], None
        return _Place(tuple(path), node, key_span)

    def _unknown_keys(self, error: Any, place: _Place) -> None:
        assert isinstance(place.node, Mapping)
        known = error.schema.get("properties", {})
        for key, entry in place.node.entries.items():
            if key not in known and not ("." in key and "patternProperties" in error.schema):
                hint = _spaceless(key, entry, known) or _parameter_hint(key, place.node) or _target_hint(key, place)
                hint = hint or _too_far_in(key, place) or self._problems.did_you_mean(key, known)
                hint = hint or _verb_hint(place) or self._elsewhere(key, place)
                if hint:
                    self._bad.incomplete.add(place.node)
                hint = hint or _ELSE.get(place.inside, "leave it out")
                self._problems.error(entry.key_span, f"unknown key {quote(key)} {place.inside}", hint)

    def _elsewhere(self, key: str, place: _Place) -> str:
        """Return a hint where `key` is right, but in another place of a scenario."""
        if place.inside not in ("at the top level", "in a process", "in a queue"):
            return ""
        return next((f"it belongs to {where}" for where, keys in self._places.items() if key in keys), "")

    def _missing_keys(self, error: Any, place: _Place) -> None:
        assert isinstance(place.node, Mapping)
        known = error.schema.get("properties", {})
        unknown = [entry for key, entry in place.node.entries.items() if key not in known]
        misspelt = {self._problems.nearest(entry.key, known) for entry in unknown}
        misspelt |= {entry.key.partition(":")[0] for entry in unknown if _spaceless(entry.key, entry, known)}
        misspelt |= {"target" for entry in unknown if _target_hint(entry.key, place)}
        for key in error.validator_value:
            if key not in place.node.entries and key not in misspelt:
                owner = "a scenario" if not place.path else place.inside.removeprefix("in ")
                self._problems.error(place.node.span, f"{owner} needs the key '{key}'", _ADD.get(key, ""))

    def _misfit(self, error: Any, place: _Place) -> None:
        self._bad.add(place.node)
        value = plain(place.node)
        expected = error.schema.get("x-expected", "something else")
        what = f"{place.name} must be {expected}, not {_given(error, value)}"
        self._problems.error(place.node.span, what, misfit_hint(error, place.path, place.node, self._problems))


_ADD = {
    **FILL,
    "version": "write `version: 1` in the first line",
    "type": "write `type: Lock`, for example",
    "processes": "write `processes:` and below it a list, as in `- target: sleep`",
}


_ELSE = {"in a condition": "a value that is a mapping is compared by `is: {…}`"}
"""What to do about a key that nobody knows, and that resembles none."""


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
    """Return a hint where a step of the main program says nothing that it can do."""
    assert isinstance(place.node, Mapping)
    if place.inside != "in a step" or any(key in VERBS for key in place.node.entries):
        return ""
    return f"a step does one of {either(VERBS, 'or')}"


def _spaceless(key: str, entry: Entry, known: Container[str]) -> str:
    """Return a hint where `{key:value}` is written in one line, which is a key without a value."""
    empty = isinstance(entry.value, Scalar) and entry.value.value is None
    return missing_space(key, known) if empty else ""


def _too_far_in(key: str, place: _Place) -> str:
    """Return a hint where what belongs beside a pattern was written into its matcher."""
    meant = place.inside == "in a matcher" and key in (*BESIDE, *SCOPES, "because")
    return f"write `{key}` beside the pattern, one level further out" if meant else ""


def _target_hint(key: str, place: _Place) -> str:
    """Return a hint where a process is written as `- sleep: {seconds: 1}`."""
    from run_scenario import targets

    node = place.node
    if place.inside != "in a process" or not isinstance(node, Mapping) or "target" in node.entries:
        return ""
    if targets.find(key) is None:
        return ""
    return f"it is a target: write `target: {key}`, and what it is given under `kwargs:`"


def _parameter_hint(key: str, process: Mapping) -> str:
    """Return a hint where `key` is a parameter of the process's own built-in target, written one level too far out."""
    target = process.entries.get("target")
    if target is None or not isinstance(target.value, Scalar) or not isinstance(target.value.value, str):
        return ""
    from run_scenario import targets

    known = targets.find(target.value.value)
    if known is None or known.parameter(key) is None:
        return ""
    return f"it is a parameter of '{known.name}': write it under `kwargs:`"
