"""The schema of scenarios: complete, described, closed and without traps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from run_scenario.bundled import schema_text

SCHEMA: dict[str, Any] = json.loads(schema_text("scenario"))


def _schemas(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every subschema with its path; examples and defaults are data, not schemas."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            if key in ("properties", "$defs"):
                for name, inner in value.items():
                    yield from _schemas(inner, f"{path}/{key}/{name}")
            elif key in ("items", "additionalProperties", "propertyNames", "if", "then", "else", "not"):
                yield from _schemas(value, f"{path}/{key}")
            elif key in ("anyOf", "oneOf", "allOf"):
                for index, inner in enumerate(value):
                    yield from _schemas(inner, f"{path}/{key}/{index}")


ALL = dict(_schemas(SCHEMA))
PROPERTIES = {path: schema for path, schema in ALL.items() if path.split("/")[-2:-1] == ["properties"]}


def test_it_is_a_schema() -> None:
    """It is valid JSON Schema, draft 2020-12, with an address of its own."""
    Draft202012Validator.check_schema(SCHEMA)

    assert "https://json-schema.org/draft/2020-12/schema" == SCHEMA["$schema"]
    assert SCHEMA["$id"].startswith("https://")


@pytest.mark.parametrize("path", PROPERTIES)
def test_every_key_is_described(path: str) -> None:
    """Each key has a description that makes a tooltip: a sentence, not a word."""
    description = PROPERTIES[path]["description"]

    assert len(description) > 20
    assert description.endswith((".", "`"))


@pytest.mark.parametrize("path", [p for p, s in ALL.items() if "properties" in s])
def test_every_mapping_is_closed(path: str) -> None:
    """A mapping with known keys allows no others."""
    assert ALL[path]["additionalProperties"] is False


def test_every_refusal_has_words() -> None:
    """Wherever a value can be refused, the schema says in words what is expected there."""
    silent = {"$ref", "if", "not"}
    for path, schema in ALL.items():
        if silent & set(schema) or "/anyOf/" in path or path.endswith(("/if", "/not")) or schema is SCHEMA:
            continue
        if "/exitcode/" not in path:
            assert "x-expected" in schema, path


def test_every_event_can_be_completed() -> None:
    """An editor offers all events that a matcher can see: all but those that come of the judging itself."""
    known = {name for name in json.loads(schema_text("event"))["$defs"] if "." in name}
    judged = {"scenario.finished", *(name for name in known if name.startswith("expectation."))}
    matcher = SCHEMA["$defs"]["matcher"]["properties"]["event"]
    assert sorted(known - judged) == sorted(next(each["enum"] for each in matcher["anyOf"] if "enum" in each))


def test_there_are_no_traps() -> None:
    """No `$` in a pattern (it admits a final line break), no quadratic uniqueItems, no reference to elsewhere."""
    for path, schema in ALL.items():
        assert "$" not in schema.get("pattern", ""), path
        assert "uniqueItems" not in schema, path
        assert "format" not in schema, path
        assert schema.get("$ref", "#").startswith("#"), path


def test_examples_and_defaults_fit() -> None:
    """Each key's own examples and default are valid there."""
    for path, schema in PROPERTIES.items():
        part = {**schema, "$defs": SCHEMA["$defs"]}
        for value in [*schema.get("examples", []), *([schema["default"]] if "default" in schema else [])]:
            assert Draft202012Validator(part).is_valid(value), (path, value)


def test_a_name_with_a_final_line_break_is_refused() -> None:
    """The schema itself refuses a queue's name that ends in a line break."""
    names = Draft202012Validator(SCHEMA["$defs"]["resourceName"])

    assert (True, False) == (names.is_valid("tasks"), names.is_valid("tasks\n"))
