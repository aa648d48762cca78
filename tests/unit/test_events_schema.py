"""event.schema.json: exact about every event, and readable where it refuses one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from example_events import NAMES, event

from run_scenario import bundled
from run_scenario.events import types
from run_scenario.events.encoding import line_of
from run_scenario.events.fields import fields, holds
from run_scenario.events.types import name_of
from run_scenario.report.jsonlines import render

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
import generate

SCHEMA: dict[str, Any] = json.loads(bundled.schema_text("event"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def messages(instance: dict[str, Any]) -> list[str]:
    """Return what the schema says against an event."""
    return [error.message for error in VALIDATOR.iter_errors(instance)]


def validator_of(name: str) -> jsonschema.Draft202012Validator:
    """Return a validator that has, of the many conditions, only the one that applies to events of this name."""
    applying = [rule for rule in SCHEMA["allOf"] if rule["if"]["properties"]["event"]["const"] == name]
    return jsonschema.Draft202012Validator({**SCHEMA, "allOf": applying})


def test_it_is_a_schema() -> None:
    """The schema fits its own draft."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_it_knows_the_events_of_the_tests() -> None:
    """The schema's events are those that the views are tested with."""
    assert set(NAMES) == set(SCHEMA["properties"]["event"]["enum"])
    assert set(NAMES) == {branch["if"]["properties"]["event"]["const"] for branch in SCHEMA["allOf"]}


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_valid(name: str) -> None:
    """Each event with all its fields is valid."""
    assert [] == messages(event(name))


_OTHER_NAMES = {"process", "parent", "writer", "manager", "signal", "exception", "logger", "name"}
"""Fields with the name of something that the scenario does not create."""


@pytest.mark.parametrize("kind", types.ALL, ids=name_of)
def test_a_field_with_a_name_is_of_a_resource_or_of_something_else(kind: type[types.Event]) -> None:
    """No field that names a resource is missing in the table by which names in expectations are checked."""
    named = {f for f, schema in fields(name_of(kind)).items() if schema.get("description", "").startswith("Name of ")}
    assert named - _OTHER_NAMES == named & set(types.RESOURCE_FIELDS)


def test_optional_fields_are_those_without_a_value() -> None:
    """What the classes say is what msgspec works out of all their types, which takes a hundred times as long."""
    told = {kind: types.base.optional_fields(kind) for kind in types.ALL}
    fields = {kind: msgspec.structs.fields(kind) for kind in types.ALL}
    assert {k: tuple(f.name for f in v if f.default is msgspec.UNSET) for k, v in fields.items()} == told


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_exact(name: str) -> None:
    """No field may be missing, none may be added."""
    whole, validator = event(name), validator_of(name)
    optional = {"process.output": {"truncated"}, "process.failed": {"by"}}.get(name, set())
    for field in set(whole) - {"event"} - optional:
        missing = {key: value for key, value in whole.items() if key != field}
        assert f"{field!r} is a required property" in [error.message for error in validator.iter_errors(missing)]
    surplus = [error.message for error in validator.iter_errors({**whole, "colour": 1})]
    assert ["Unevaluated properties are not allowed ('colour' was unexpected)"] == surplus


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"event": "process.exploded"}, "'process.exploded' is not one of"),
        ({"level": "loud"}, "'loud' is not one of"),
        ({"timestamp": "2026-01-31T12:00:00.000000Z\n"}, "is too long"),
        ({"timestamp": "2026-01-31 12:00:00.000000Z"}, "does not match"),
        ({"t": "0.1"}, "is not of type 'number'"),
        ({"seq": 0}, "0 is less than the minimum of 1"),
        ({"pid": "12"}, "is not of type 'integer', 'null'"),
        ({"alive": "yes"}, "'yes' is not of type 'boolean'"),
    ],
)
def test_a_wrong_event_is_refused(fields: dict[str, Any], message: str) -> None:
    """The error names what is wrong."""
    assert any(message in text for text in messages({**event("process.alive"), **fields}))


def described(schema: dict[str, Any]) -> bool:
    """Whether a subschema says what it is about, itself or where it refers to."""
    return bool(schema.get("description")) or "$ref" in schema


def test_every_field_is_described() -> None:
    """Each field and each event has a sentence that an editor can show."""
    undescribed = [name for name, field in SCHEMA["properties"].items() if not described(field)]
    for name, definition in SCHEMA["$defs"].items():
        undescribed += [name] if not definition.get("description") else []
        undescribed += [
            f"{name}.{field}" for field, schema in definition.get("properties", {}).items() if not described(schema)
        ]
    assert [] == undescribed


def test_fields_that_hold_items() -> None:
    """Those into which anything fits, but for `data`, which has an item as a scenario writes it; lists and mappings."""
    known = {name: schema for kind in NAMES for name, schema in fields(kind).items() if _is_open(schema)}
    assert known.keys() - {"data"} == {name for kind in NAMES for name in fields(kind) if holds(name) == "item"}
    lists = {
        name
        for kind in NAMES
        for name, schema in fields(kind).items()
        if schema.get("type") == "array" and _is_open(schema.get("items", {}))
    }
    assert lists | {"keywords", "fields"} == {name for kind in NAMES for name in fields(kind) if holds(name) == "items"}


def _is_open(schema: dict[str, Any]) -> bool:
    return {"type", "enum", "const", "anyOf", "$ref"}.isdisjoint(schema)


@pytest.mark.parametrize("path", generate.PAGES)
def test_what_is_generated_is_committed(path: str) -> None:
    """The schemas and the page of events are what the event types say: `python docs/generate.py` writes them."""
    assert generate.PAGES[path]() == (generate.ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_of_the_page_is_valid(name: str) -> None:
    """What the page of events shows as an example fits the schema."""
    assert [] == messages(generate.example(name, SCHEMA))


@pytest.mark.parametrize("kind", types.ALL, ids=name_of)
def test_a_line_is_read_as_its_type(kind: type[types.Event]) -> None:
    """Each event's line is decoded to its type again, and says the same when it is encoded."""
    line = render([event(name_of(kind))])
    assert json.loads(line) == json.loads(line_of(msgspec.json.decode(line, type=kind)))
