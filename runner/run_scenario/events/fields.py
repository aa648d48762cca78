"""Which fields the events of the log have, and what can be in them: read from `schema/event.schema.json`."""

from __future__ import annotations

import functools
import json
from typing import Any, Literal

from run_scenario.bundled import schema_text

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


def holds(name: str) -> Literal["", "an item", "items"]:
    """Return what of a program's data the field of that name has, as `recording.describe` has it; empty for none."""
    return "an item" if name in _AN_ITEM else "items" if name in _ITEMS else ""


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


def misfit(schema: dict[str, Any], value: Any) -> str:
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
