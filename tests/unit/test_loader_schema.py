"""The schema of scenarios: complete, described, closed and without traps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from run_scenario import bundled, targets
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
RULES = "#/$defs/builtins/"
"""Where the rules begin that are for editors, and that the loader leaves out: each is a part of a schema."""
PROPERTIES = {path: schema for path, schema in ALL.items() if path.split("/")[-2:-1] == ["properties"]}


def test_it_is_a_schema() -> None:
    """It is valid JSON Schema, draft 2020-12, with an address of its own."""
    Draft202012Validator.check_schema(SCHEMA)

    assert "https://json-schema.org/draft/2020-12/schema" == SCHEMA["$schema"]
    assert SCHEMA["$id"].startswith("https://")


def test_every_key_is_described() -> None:
    """Each key has a description that makes a tooltip: a sentence, not a word."""
    for path, schema in PROPERTIES.items():
        if not path.startswith(RULES):
            assert len(schema["description"]) > 20, path
            assert schema["description"].endswith((".", "`")), path


def test_every_parameter_is_described() -> None:
    """Each parameter of each target has the sentence of its docstring."""
    for path, schema in PROPERTIES.items():
        if path.startswith(RULES) and "/properties/kwargs/properties/" in path:
            assert schema["description"].endswith((". Required.", ". May be left out.")), path


@pytest.mark.parametrize("path", [p for p, s in ALL.items() if "properties" in s and not p.startswith(RULES)])
def test_every_mapping_is_closed(path: str) -> None:
    """A mapping with known keys allows no others."""
    assert ALL[path]["additionalProperties"] is False


def test_every_refusal_has_words() -> None:
    """Wherever a value can be refused, the schema says in words what is expected there."""
    silent = {"$ref", "if", "not"}
    for path, schema in ALL.items():
        if path.startswith((RULES, "#/$defs/work/")) or path in ("#/$defs/work", "#/$defs/builtins"):
            continue
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
    """No `$` as an anchor (it admits a final line break), no quadratic uniqueItems, no reference to elsewhere."""
    for path, schema in ALL.items():
        assert "$" not in schema.get("pattern", "").replace("[$]", ""), path
        assert "uniqueItems" not in schema, path
        assert "format" not in schema, path
        assert schema.get("$ref", "#").startswith("#"), path


def test_examples_and_defaults_fit() -> None:
    """Each key's own examples and default are valid there."""
    for path, schema in PROPERTIES.items():
        part = {**schema, "$defs": SCHEMA["$defs"]}
        assert not any(_has_mapping(value) for value in schema.get("examples", [])), f"{path}: editors cannot show it"
        for value in [*schema.get("examples", []), *([schema["default"]] if "default" in schema else [])]:
            assert Draft202012Validator(part).is_valid(value), (path, value)


def _has_mapping(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_mapping, value)))


def test_snippets_fit() -> None:
    """What an editor inserts is valid there."""
    for path, schema in PROPERTIES.items():
        for snippet in schema.get("defaultSnippets", []):
            assert Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]}).is_valid(snippet["body"]), path


def _errors(process: dict[str, Any]) -> list[str]:
    """Return where a scenario of one process does not fit the schema; an editor underlines it."""
    validator = Draft202012Validator(SCHEMA)
    return [error.json_path for error in validator.iter_errors({"version": 1, "processes": [process]})]


@pytest.mark.parametrize("path", bundled.scenarios(), ids=lambda path: path.stem)
def test_bundled_scenarios_fit(path: Path) -> None:
    """In a bundled scenario, an editor underlines nothing."""
    document = yaml.safe_load(path.read_bytes())

    assert [] == [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)]


@pytest.mark.parametrize("name", targets.names())
def test_what_a_target_takes(name: str) -> None:
    """Its own example fits; a parameter that it does not have is wrong, wherever it stands."""
    found = targets.find(name)
    assert found
    (example,) = yaml.safe_load(found.example)

    assert [] == _errors(example)
    for key in ("kwargs", "from", "to", "uses"):
        assert 1 == len(_errors({"target": name, key: {"no_such_parameter": "x"}}))
    assert 1 == len(_errors({"target": name, "args": [1] * (len(found.parameters) + 1)}))


def test_what_own_code_takes() -> None:
    """Own code may take anything; a name that is neither its nor a built-in's is wrong."""
    anything = {"kwargs": {"x": 1}, "from": {"y": "q"}, "to": "q", "uses": {"z": "gate"}, "args": [1, 2, 3]}

    assert [] == _errors({"target": "mypkg.work:go", **anything})
    assert ["$.processes[0].target"] == _errors({"target": "slep", **anything})


@pytest.mark.parametrize(
    ("right", "process"),
    [
        (True, {"target": "sleep", "kwargs": {"seconds": 0.5}}),
        (False, {"target": "sleep", "kwargs": {"seconds": "long"}}),
        (False, {"target": "sleep", "kwargs": {"seconds": -1}}),
        (True, {"target": "consume", "from": "tasks", "kwargs": {"work": "is_prime", "task_done": None}}),
        (
            True,
            {"target": "consume", "from": "tasks", "kwargs": {"work": {"call": "power", "kwargs": {"exponent": 3}}}},
        ),
        (True, {"target": "consume", "from": "tasks", "kwargs": {"work": "mypkg.work:go"}}),
        (False, {"target": "consume", "from": "tasks", "kwargs": {"work": "is_prim"}}),
        (False, {"target": "receive", "from": "rope.left"}),
        (True, {"target": "receive", "from": {"connection": "rope.left"}}),
        (True, {"target": "meet", "uses": "barrier"}),
        (False, {"target": "meet", "uses": "line"}),
        (False, {"target": "crash", "kwargs": {"signal": "SIGNOTHING"}}),
    ],
)
def test_what_the_values_are(right: bool, process: dict[str, Any]) -> None:
    """Values have the types, bounds and choices of their parameters; a bare name is short for one of them."""
    assert right == (_errors(process) == [])


@pytest.mark.parametrize(
    ("right", "document"),
    [
        (True, {"version": 1, "expect": [{"fifo": "tasks (script.py:12)"}]}),
        (True, {"version": 1, "timeout": 5, "title": "x", "expect": [{"not": {"conserved": "tasks"}}]}),
        (False, {"version": 1}),
        (False, {"version": 1, "expect": [{"fif": "tasks"}]}),
        (False, {"version": 1, "expect": [{"exists": {"event": "queue.putt"}}]}),
        (False, {"version": 1, "processes": [], "expect": [{"fifo": "tasks"}]}),
    ],
)
def test_a_file_of_expectations(right: bool, document: dict[str, Any]) -> None:
    """Its schema has all that is expected of a scenario, names as a script has them, and nothing that is run."""
    validator = Draft202012Validator(json.loads(schema_text("expectations")))
    Draft202012Validator.check_schema(validator.schema)

    assert right == validator.is_valid(document)


def test_a_name_with_a_final_line_break_is_refused() -> None:
    """The schema itself refuses a queue's name that ends in a line break."""
    names = Draft202012Validator(SCHEMA["$defs"]["resourceName"])

    assert (True, False) == (names.is_valid("tasks"), names.is_valid("tasks\n"))
