"""Which fields the events of the log have, what can be in them, and the form in which they are compared with something.

The fields are read from `schema/event.schema.json`. What an expectation compares with may be YAML's,
`{tuple: [1, 2]}` and `{date: '2026-01-31'}`, or Python's own, `(1, 2)`, a date or an instance of a dataclass. The log
shows of a long item only a part; to compare with that would say more than was seen.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Literal

from run_scenario.bundled import schema_text
from run_scenario.recording.describe import (
    DEPTH_LIMIT,
    ELEMENTS_LIMIT,
    MOST_BYTES,
    TEXT_LIMIT,
    Some,
    describe,
    parts_of,
    reference,
)
from run_scenario.scenario.data import COLLECTIONS, OBJECT, PARTS, in_words, is_form, is_object

_NAMES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a mapping",
}


@functools.cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text("event"))
    return schema


@functools.cache
def fields(event: str) -> dict[str, Any]:
    """Return the fields of an event by name, each with its schema."""
    own: dict[str, Any] = _schema()["$defs"].get(event, {}).get("properties", {})
    return {**_schema()["properties"], **{name: _resolved(schema) for name, schema in own.items()}}


@functools.cache
def own_fields(event: str) -> tuple[str, ...]:
    """Return the names of the fields that an event has beside those that all have."""
    return tuple(name for name in fields(event) if name not in _schema()["properties"])


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all events."""
    return tuple(_schema()["properties"]["event"]["enum"])


def is_field(name: str) -> bool:
    """Return whether any event has a field of this name."""
    return any(name in fields(event) for event in names())


def holds(name: str) -> Literal["", "item", "items"]:
    """Return what of a program's data the field of that name has, as `recording.describe` has it; empty for none."""
    return "item" if name in _AN_ITEM else "items" if name in _ITEMS else ""


# Written out, for a run that begins need not read the schema; a test compares.
_AN_ITEM = frozenset({"argument", "content", "got", "item", "lost", "put", "read", "result", "written"})
_ITEMS = frozenset({"arguments", "fields", "items", "keywords"})


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return schema
    found: dict[str, Any] = _schema()["$defs"].get(reference.removeprefix("#/$defs/"), {})
    return found


def choices(schema: dict[str, Any]) -> list[Any]:
    """Return the only values that a field can have; empty where they cannot be listed."""
    return list(schema.get("enum", [])) or ([schema["const"]] if "const" in schema else [])


def mismatch(schema: dict[str, Any], value: Any) -> str:
    """Return what a field has instead, in words, where it can never have this value; empty where it can."""
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if not types or any(_is(value, name) for name in types):
        return ""
    return " or ".join(_NAMES[name] for name in types)


def below(schema: dict[str, Any], operator: str, operand: Any) -> bool:
    """Return whether a comparison asks for a number that is less than a field can be."""
    least = schema.get("minimum")
    if least is None or type(operand) not in (int, float):
        return False
    return bool(operand <= least if operator == "less_than" else operator == "at_most" and operand < least)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    known: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "null": type(None),
        "array": list,
        "object": dict,
    }
    return name in known and isinstance(value, known[name])


# What they are compared with


_SHORTENED = re.compile(r"(?s:.*)… <\d+ characters>")
"""What the log has of a longer text."""
_MORE = re.compile(r"… \d+ more")
"""What it has behind the elements that it shows, where there are more."""
_INT_LIMIT = 1 << 63
_COMPARED = ("is", "is_not", "contains")


def compared(field: str, operator: str, operand: Any) -> Any:
    """Return what the field of an event is compared with.

    Raises:
        ValueError: the log never has it, so that no event can match.
    """
    name, _, inner = field.partition(".")
    kind = holds(name)
    if not kind or operator not in (*_COMPARED, "one_of"):
        return operand
    if kind == "items" and not inner and operator != "contains":
        return [_forms(choice) for choice in operand] if operator == "one_of" else _forms(operand)
    levels = [part for part in inner.split(".") if part and part not in _NO_LEVEL][kind == "items" :]
    depth = len(levels) + (operator == "contains" and kind == "item")
    return [_form(choice, depth) for choice in operand] if operator == "one_of" else _form(operand, depth)


_NO_LEVEL = ("fields", "value", "shape", "elements")
"""Parts of an object, which are on one level with it."""


def _forms(operand: Any) -> Any:
    """Return what a list of items, or a mapping of them by name, is compared with."""
    if isinstance(operand, Mapping):
        return {key: _form(value) for key, value in operand.items()}
    return [_form(each) for each in operand] if isinstance(operand, list | tuple) else operand


def _form(value: Any, depth: int = 0) -> Any:
    """Return a value as `describe` would, if that tells all of it.

    Raises:
        ValueError: it does not.
    """
    kind = type(value)
    if kind is str:
        if len(value) > TEXT_LIMIT and not _SHORTENED.fullmatch(value) and not value.endswith("…"):
            raise ValueError(_only(f"the first {TEXT_LIMIT} characters of a text", "`matches: 'ABC*'`"))
        return value
    if kind is int and not -_INT_LIMIT <= value < _INT_LIMIT:
        raise ValueError(_only("the size of an integer beyond 64 bits", f"'{describe(value)}'"))
    if kind in (bytes, bytearray) and len(value) > MOST_BYTES:
        raise ValueError(_only(f"the number of bytes of more than {MOST_BYTES}", f"'{describe(value)}'"))
    if value is None or kind in (bool, int, float, bytes, bytearray):
        return describe(value)
    if isinstance(value, Mapping) and is_form(value):
        return _form_of_written(value, depth)
    if kind in (list, dict, tuple, set, frozenset):
        return _form_of_container(value, depth)
    return _form_of_instance(value, depth)


def _form_of_container(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is dict:
        return _form_of_pairs(list(value.items()), depth)
    return _form_of_elements("" if kind is list else kind.__name__, list(value), depth)


def _form_of_elements(kind: str, elements: list[Any], depth: int) -> Any:
    """Return a list, or a collection of that kind."""
    _check_depth(depth)
    is_shortened = (
        kind in ("", "tuple") and elements and isinstance(elements[-1], str) and _MORE.fullmatch(elements[-1])
    )
    _check_number(len(elements) - bool(is_shortened), f"elements of a {kind or 'list'}")
    parts = [_form(each, depth + 1) for each in elements]
    if not kind:
        return parts
    return {kind: parts if kind == "tuple" else sorted(parts, key=in_words)}  # a set in the order of the log


def _form_of_pairs(pairs: list[Any], depth: int) -> dict[str, Any]:
    _check_depth(depth)
    _check_number(sum(key != "…" for key, _ in pairs), "keys of a mapping")
    return {_key(key): _form(each, depth + 1) for key, each in pairs}


def _key(key: Any) -> str:
    form = _form(key)
    return form if isinstance(form, str) else in_words(form)


def _form_of_written(written: Mapping[str, Any], depth: int) -> Any:
    """Return what a mapping stands for that is written as a scenario writes data, or as the log writes an object."""
    if is_object(written):
        return _form_of_object(written, depth)
    ((key, value),) = written.items()
    if key not in _MAKERS:
        if not isinstance(value, list | tuple):
            raise ValueError(f"`{key}` cannot be {value!r}; {_instead(key, '[1, 2]')}")
        if key in COLLECTIONS:
            return _form_of_elements(key, list(value), depth)
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value):
            raise ValueError(f"`{key}` cannot be {value!r}; {_instead(key, '[[1, one], [2, two]]')}")
        return _form_of_pairs(list(value), depth)
    make, example = _MAKERS[key]
    try:
        made = make(value)
    except (TypeError, ValueError):
        raise ValueError(f"`{key}` cannot be {value!r}; {_instead(key, example)}") from None
    return _form(made, depth)


def _instead(key: str, example: str) -> str:
    return (
        f"write `{{{key}: {example}}}`, for example; for a mapping with this key alone, write `{{dict: [[{key}, …]]}}`"
    )


_MAKERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "bytes": (str.encode, "'abc'"),
    "hex": (bytes.fromhex, "'00ff'"),
    "date": (date.fromisoformat, "'2026-01-31'"),
    "datetime": (datetime.fromisoformat, "'2026-01-31 12:30'"),
}
"""Word -> what makes of a text what it stands for, and an example of such a text."""


def _form_of_object(written: Mapping[str, Any], depth: int) -> Any:
    parts = {key: value for key, value in written.items() if key != OBJECT}
    if "args" in parts or "kwargs" in parts:
        raise ValueError(
            "what an object consists of when it is made is not known before the run; write it as the log has it, such "
            f"as `{{object: '{written[OBJECT]}', fields: {{x: 1}}}}`"
        )
    if set(parts) not in map(set, PARTS):
        ways = ", or ".join(" and ".join(each) for each in PARTS)
        raise ValueError(f"no object in the log has {' and '.join(parts)} beside its class; it has {ways}")
    order = next(each for each in PARTS if set(each) == set(parts))
    return {OBJECT: written[OBJECT]} | {
        # The fields of an object are no mapping that could stand for something else.
        key: _form_of_part(parts[key].items() if key == "fields" and type(parts[key]) is dict else parts[key], depth)
        for key in order
    }


def _form_of_part(part: Any, depth: int) -> Any:
    if isinstance(part, Some):
        raise ValueError(_only("the beginning of what is as long as this", "a part, as in `item.shape: [2, 3]`"))
    if isinstance(part, type({}.items())):
        return _form_of_pairs(list(part), depth)
    return _form(part, depth if type(part) in (list, dict, tuple, set, frozenset) else depth + 1)


def _form_of_instance(value: Any, depth: int) -> Any:
    parts = parts_of(value)
    if parts is not None:
        if depth >= DEPTH_LIMIT and isinstance(describe(value, depth), str):
            _check_depth(depth)
        return {OBJECT: reference(type(value))} | {key: _form_of_part(part, depth) for key, part in parts.items()}
    kind: Any = type(value)
    if kind.__eq__ is not object.__eq__:  # it says itself what it is equal to, such as pytest.approx(1)
        return value
    shown = describe(value)
    raise ValueError(_only(f"a description of an object such as this, {shown!r}", "`matches: 'module.Class(*'`"))


def _check_depth(depth: int) -> None:
    if depth >= DEPTH_LIMIT:
        raise ValueError(_only(f"{DEPTH_LIMIT} levels of what is in one another", "a part, as in `item.key: VALUE`"))


def _check_number(number: int, what: str) -> None:
    if number > ELEMENTS_LIMIT:
        raise ValueError(_only(f"the first {ELEMENTS_LIMIT} {what}", "one of them by `contains`"))


def _only(what: str, instead: str) -> str:
    return f"this can never match: the log has only {what}; compare {instead}"
