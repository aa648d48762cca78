"""Writes what is made from tables in the code.

From the event types: the schema of events, their names in the schema of scenarios and as a type, their page. From the
verbs of steps: their keys in the schema of scenarios, and their table in the reference of the language. From the
built-in targets: what each takes, in the schema of scenarios. From the schema of scenarios: that of files of
expectations.

    python docs/generate.py

Tests compare what is committed with what this would write.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from run_scenario.events.lines import LOG_FORMAT
from run_scenario.events.schema import event_schema
from run_scenario.scenario.steps import VERBS, WORDS, Verb
from run_scenario.targets.schema import builtins_schema

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 120
_GROUPS = {
    "scenario": "The run",
    "recording": "The recording of own code",
    "resource": "What own code makes",
    "process": "Processes",
    "queue": "Queues",
    "lock": "Locks",
    "semaphore": "Semaphores",
    "event": "Events",
    "condition": "Conditions",
    "barrier": "Barriers",
    "pipe": "Pipes",
    "value": "Values",
    "array": "Arrays and lists in shared memory",
    "shared_memory": "Shared memory",
    "manager": "Managers",
    "pool": "Pools",
    "step": "Steps",
    "helper": "Auxiliary processes",
    "ipc": "What was left behind",
    "log": "Logging",
    "expectation": "Expectations",
}
"""First word of an event's name -> heading."""


def compact(value: Any, indent: int = 0, before: int = 0) -> str:
    """Return JSON in which what fits into a line stands in one; `before`: characters that stand on its first line."""
    line = json.dumps(value, ensure_ascii=False)
    if before + len(line) < WIDTH or not isinstance(value, dict | list) or not value:
        return line
    space = " " * (indent + 2)
    if isinstance(value, list):
        if all(isinstance(each, str) for each in value):
            return _filled(value, indent)
        return (
            "[\n" + ",\n".join(space + compact(each, indent + 2, indent + 2) for each in value) + f"\n{' ' * indent}]"
        )
    rows = []
    for key, each in value.items():
        start = f"{space}{json.dumps(key, ensure_ascii=False)}: "
        rows.append(start + compact(each, indent + 2, len(start)))
    return "{\n" + ",\n".join(rows) + f"\n{' ' * indent}}}"


def _filled(words: list[str], indent: int) -> str:
    space, lines = " " * (indent + 2), [""]
    for word in words:
        text = json.dumps(word, ensure_ascii=False) + ", "
        if lines[-1] and len(space) + len(lines[-1]) + len(text) > WIDTH:
            lines.append("")
        lines[-1] += text
    return "[\n" + "\n".join(space + line.rstrip() for line in lines).removesuffix(",") + f"\n{' ' * indent}]"


def schema_of_events() -> str:
    """Return schema/event.schema.json."""
    return compact(event_schema()) + "\n"


def schema_of_scenarios() -> str:
    """Return schema/scenario.schema.json with what an expectation may name, and all steps."""
    text = (ROOT / "schema/scenario.schema.json").read_text(encoding="utf-8")
    text = _replaced(text, '"enum": [\n                "scenario.started"', "]", '"enum": ' + _filled(_names(), 14))
    text = _replaced(text, '      "then": { "enum": [', "]", f'      "then": {{ "enum": {json.dumps(WORDS)}')
    rest = '        "to": {\n          "description": "Of a step that puts'
    text = _replaced(text, '        "start": {', rest, "".join(_steps()), keep=True)
    for name, definition in builtins_schema().items():
        start = f'    "{name}": '
        text = _replaced(text, start + "{", "\n    }", start + compact(definition, 4, len(start)))
    return _replaced(
        text, '        "level": { "description": "How much attention', "\n      }\n", ",\n".join(_fields()), keep=True
    )


_EXPECTATIONS = ("version", "title", "description", "source", "timeout", "expect")
"""What a file of expectations has of the keys of a scenario."""


def schema_of_expectations() -> str:
    """Return schema/expectations.schema.json: the part of the schema of scenarios that is about expectations."""
    scenario = json.loads(schema_of_scenarios())
    keys = {key: scenario["properties"][key] for key in _EXPECTATIONS}
    keys["hints"] = {
        "description": "Of an exercise: what helps, step by step; `run-scenario exercise hint` prints them.",
        "type": "array",
        "maxItems": 100,
        "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 2000,
            "x-expected": "a text of 1 to 2000 characters",
        },
        "x-expected": "a list of texts, as in `[Who takes the last item?]`",
    }
    del keys["timeout"]["default"]
    keys["timeout"]["description"] = "Seconds after which `record` stops the script, unless --timeout says otherwise."
    definitions = scenario["$defs"]
    definitions["resourceName"] = {
        "description": "Name of a queue or another resource: the variable that it was assigned to, which stands for "
        "all that was assigned to such a variable; or its whole name in the log, with file and line.",
        "type": "string",
        "minLength": 1,
        "maxLength": 300,
        "x-expected": "the name of a resource, as in `tasks`, or `tasks (script.py:12)`",
    }
    schema = {
        "$schema": scenario["$schema"],
        "$id": scenario["$id"].replace("scenario-", "expectations-"),
        "title": "run-scenario: a file of expectations",
        "description": "What must be true of the log of a script, or of an exercise's solution. Judge it with "
        "`run-scenario record --expect FILE SCRIPT`, or later with `run-scenario check LOG FILE`.",
        "type": "object",
        "required": ["version", "expect"],
        "additionalProperties": False,
        "x-expected": "a mapping with the keys `version` and `expect`",
        "properties": keys,
        "$defs": {name: definitions[name] for name in definitions if name in _used(keys, definitions)},
    }
    return compact(schema) + "\n"


def _used(part: Any, definitions: dict[str, Any]) -> set[str]:
    """Return the definitions that a part of a schema refers to, directly or not."""
    found: set[str] = set()
    new = _referred(part)
    while new:
        found |= new
        new = set().union(*(_referred(definitions[name]) for name in new)) - found
    return found


def _referred(part: Any) -> set[str]:
    if isinstance(part, list):
        return set().union(*map(_referred, part))
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"].removeprefix("#/$defs/")} if isinstance(part.get("$ref"), str) else set()
    return own.union(*map(_referred, part.values()))


def _replaced(text: str, begin: str, end: str, new: str, *, keep: bool = False) -> str:
    """Return `text` with what stands between two texts (and with these, unless `keep` the end) written anew."""
    start = text.index(begin)
    stop = text.index(end, start) + (0 if keep else len(end))
    return text[:start] + new + text[stop:]


def _names() -> list[str]:
    """Return the events that can be expected: those that come before everything was judged."""
    names = event_schema()["properties"]["event"]["enum"]
    return [name for name in names if name != "scenario.finished" and not name.startswith("expectation.")]


def _steps() -> list[str]:
    """Return the key of each step, with what may follow it."""
    return [f'        "{verb.name}": {compact(_step(verb), 8, 12 + len(verb.name))},\n' for verb in VERBS.values()]


def _step(verb: Verb) -> dict[str, Any]:
    if verb.value == "subject":
        return {"description": f"{verb.help} One name, or a list of names.", "$ref": "#/$defs/subjects"}
    return {"description": verb.help, "x-expected": "a value", **verb.schema}


def _takes(verb: Verb) -> list[str]:
    """Return the types that a verb takes; a manager's are named only where others of theirs do not take it."""
    plain = [kind for kind in verb.takes if kind.removeprefix("Manager") not in verb.takes or "Manager" not in kind]
    return [kind.replace("Manager", "a manager's ") for kind in plain]


def page_of_language() -> str:
    """Return docs/reference/language.md with the table of all steps."""
    text = (ROOT / "docs/reference/language.md").read_text(encoding="utf-8")
    rows = [
        f"| `{verb.name}` | {', '.join(_takes(verb))} | {'yes' if verb.answers else ''} | {verb.help} |\n"
        for verb in VERBS.values()
    ]
    return _replaced(text, "| `start` |", "\n\n", "".join(rows) + "\n")


def _fields() -> list[str]:
    """Return a line for each field that an event can have; an editor shows them."""
    schema = event_schema()
    common = {name: about["description"] for name, about in schema["properties"].items()}
    above = ("event", "process")  # they stand before these lines, with words of their own
    lines = [_field(name, f"{text} Every event has it.") for name, text in common.items() if name not in above]
    having: dict[str, list[str]] = {}
    described: dict[str, str] = {}
    for event in schema["properties"]["event"]["enum"]:
        for name, field in schema["$defs"][event]["properties"].items():
            if name not in schema["properties"] and not event.startswith("expectation."):
                having.setdefault(name, []).append(event)
                described.setdefault(name, field["description"])
    for name in sorted(having):
        events = ", ".join(sorted(having[name])[:3]) + (", …" if len(having[name]) > 3 else "")
        lines.append(_field(name, f"{described[name]} In {events}."))
    return lines


def _field(name: str, description: str) -> str:
    text = json.dumps(description, ensure_ascii=False)
    return f'        "{name}": {{ "description": {text}, "$ref": "#/$defs/condition" }}'


def page_of_events() -> str:
    """Return docs/reference/events.md."""
    schema = event_schema()
    rows = [
        "# Events",
        "",
        "<!-- This page is made by docs/generate.py from the event types. -->",
        "",
        f"A log is a file of JSON Lines: one event a line, in causal order (format {LOG_FORMAT}).",
        "`run-scenario schema event` prints the JSON Schema of what is described here.",
        "",
        "## Fields of all events",
        "",
        *_table(schema["properties"], ()),
    ]
    heading = ""
    for name in schema["properties"]["event"]["enum"]:
        group = _GROUPS[name.partition(".")[0]]
        if group != heading:
            rows += ["", f"## {group}"]
            heading = group
        definition = schema["$defs"][name]
        rows += ["", f"### {name}", "", definition["description"], ""]
        rows += _table(definition["properties"], definition.get("required", ())) if definition["properties"] else []
        rows += ["```json", json.dumps(example(name, schema), ensure_ascii=True), "```"]
    rows += ["", "## Nested values"]
    for name, definition in schema["$defs"].items():
        if "." not in name:
            rows += ["", f"### {name}", "", definition["description"], "", *_table(definition["properties"], ())]
    return "\n".join(rows).rstrip("\n") + "\n"


def module_of_event_names() -> str:
    """Return scenario/event_names.py: the names of all events, as a type."""
    names = "".join(f'    "{name}",\n' for name in event_schema()["properties"]["event"]["enum"])
    return (
        '"""The names of all events, as a type. docs/generate.py makes this module, from the event types."""\n\n'
        f"from typing import Literal\n\nEventName = Literal[\n{names}]\n"
    )


def _table(properties: dict[str, Any], required: tuple[str, ...] | list[str]) -> list[str]:
    rows = ["| field | type | what it says |", "|---|---|---|"]
    for name, field in properties.items():
        optional = " Only where it applies." if required and name not in required else ""
        unit = f" Unit: {field['unit']}." if "unit" in field else ""
        described = field.get("description", "").replace("|", "\\|")
        rows.append(f"| `{name}` | {_type(field)} | {described}{unit}{optional} |")
    return [*rows, ""]


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        shown = ", ".join("null" if each is None else f"`{json.dumps(each)}`" for each in field["enum"])
        return shown if len(field["enum"]) <= 8 else "one of the names below"
    if "$ref" in field:
        return f"[{field['$ref'].rsplit('/', 1)[1]}](#{field['$ref'].rsplit('/', 1)[1].lower()})"
    kinds = field.get("type", "anything")
    shown = " or ".join(kinds) if isinstance(kinds, list) else kinds
    return f"{shown} of {_type(field['items'])}" if field.get("items") else shown


_EXAMPLES: dict[str, Any] = {
    "level": "info",
    "timestamp": "2026-01-31T12:00:00.250000Z",
    "t": 0.25,
    "run": "0123456789ab",
    "scenario": "poison-pill",
    "process": "Consumer-1",
    "pid": 4242,
    "queue": "tasks",
    "item": 7,
    "item_id": 3,
    "waited": 0.012,
    "digest": "sha256:" + "0" * 64,
    "python": "3.11.7",
    "traceback": "Traceback (most recent call last): …",
}


def example(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return an event of this name as it may stand in a log."""
    fields = {**schema["properties"], **schema["$defs"][name]["properties"]}
    found = {field: _value(field, about, schema) for field, about in fields.items()}
    return {**found, "event": name}


def _value(name: str, field: dict[str, Any], schema: dict[str, Any]) -> Any:
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    if "enum" in field:
        return field["enum"][0]
    if "$ref" in field:
        nested = schema["$defs"][field["$ref"].rsplit("/", 1)[1]]
        return {key: _value(key, about, schema) for key, about in nested["properties"].items()}
    kind = field.get("type", "integer")
    kind = kind if isinstance(kind, str) else kind[0]
    if kind == "array":
        items = field.get("items")
        return [_value("", items, schema)] if items else []
    return {"string": name.replace("_", " ") or "text", "integer": 1, "number": 0.5, "boolean": True, "object": {}}[
        kind
    ]


PAGES: dict[str, Callable[[], str]] = {
    "schema/event.schema.json": schema_of_events,
    "schema/scenario.schema.json": schema_of_scenarios,
    "schema/expectations.schema.json": schema_of_expectations,
    "docs/reference/events.md": page_of_events,
    "docs/reference/language.md": page_of_language,
    "runner/run_scenario/scenario/event_names.py": module_of_event_names,
}
"""Path below the checkout -> what makes its text."""


def main() -> None:
    """Write all of them."""
    for path, make in PAGES.items():
        (ROOT / path).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
