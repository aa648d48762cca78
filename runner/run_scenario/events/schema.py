"""The JSON Schema of the log's events, made from the event types."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from run_scenario.events import types
from run_scenario.events.lines import LOG_FORMAT


def event_schema() -> dict[str, Any]:
    """Return the schema of one line of a log.

    All events have the fields of `types.Event`, and exactly those that their own type asks for besides.
    """
    kinds = {types.name_of(kind): kind for kind in types.ALL}
    _, parts = msgspec.json.schema_components([*types.ALL, types.Event], ref_template="#/$defs/{name}")
    described: tuple[type, ...] = (*types.ALL, *types.NESTED)
    structs = {kind.__name__: kind for kind in described}
    hints = get_type_hints(types.Event)
    common = {
        name: _in_order(_compact(field), hints[name])
        for name, field in parts["Event"]["properties"].items()
        if name != "event"
    }
    named = {kind.__name__: name for name, kind in kinds.items()}
    definitions: dict[str, Any] = {}
    for part, schema in parts.items():
        if part == "Event":
            continue
        hints = get_type_hints(structs[part])
        own = {
            field: _in_order(_compact(about), hints.get(field))
            for field, about in schema["properties"].items()
            if part not in named or field not in (*common, "event")
        }
        definition: dict[str, Any] = {"description": _sentence(schema["description"]), "properties": own}
        required = [field for field in schema.get("required", ()) if field in own]
        if required:
            definition["required"] = required
        if part not in named:
            definition = {"type": "object", **definition, "additionalProperties": False}
        definitions[named.get(part, part)] = definition
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:run-scenario:event:{LOG_FORMAT}",
        "title": "An event of a run-scenario log",
        "description": "One line of the log (JSON Lines). Every event has the fields below, and exactly those that its "
        "name asks for under $defs.",
        "type": "object",
        "properties": {"event": {"enum": [*kinds], "description": "What happened."}, **common},
        "required": ["event", *common],
        "allOf": [
            {
                "if": {"properties": {"event": {"const": name}}, "required": ["event"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in kinds
        ],
        "unevaluatedProperties": False,
        "$defs": definitions,
    }


def _in_order(schema: dict[str, Any], hint: Any) -> dict[str, Any]:
    """Return a field's schema with its choices in the order of its type: msgspec sorts them."""
    if "enum" in schema:
        choices = _choices(hint)
        schema["enum"] = [choice for choice in choices if choice in schema["enum"]]
    return schema


def _choices(hint: Any) -> list[Any]:
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if hint is type(None):
        return [None]
    return [choice for argument in get_args(hint) for choice in _choices(argument)]


def _sentence(docstring: str) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join(docstring.split("\n\n")[0].split())


def _compact(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema with its alternatives in one, the description first, and without defaults."""
    found = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    kinds: list[str] = []
    for choice in schema.get("anyOf", ()):
        if "enum" in choice:
            found["enum"] = choice["enum"]
        kinds += [choice["type"]] if "type" in choice else []
        found |= {key: value for key, value in choice.items() if key not in ("type", "enum")}
    if "enum" in found:
        found["enum"] = [*found["enum"], *([None] if "null" in kinds else [])]
    elif kinds:
        found["type"] = kinds if len(kinds) > 1 else kinds[0]
    if "items" in found:
        found["items"] = _compact(found["items"])
    first = [key for key in ("type", "enum", "$ref", "description") if key in found]
    return {key: found[key] for key in (*first, *(key for key in found if key not in first))}
