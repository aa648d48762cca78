"""What the built-ins take as JSON Schema, for editors: they complete it, and underline what does not fit.

The loader has checks of its own for all of it, with better words, and leaves this part of the schema out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from run_scenario.targets._binding import names, work_names
from run_scenario.targets._descriptions import Parameter, Target, find, find_work

Schema = dict[str, Any]

_END = "(?![\\s\\S])"
"""The end of a text; `$` would allow a line break before it."""
_REFERENCE = f"^[^:/\\\\ ]+:[^:/\\\\ ]+{_END}"
"""`package.module:function`."""
_OWN: Schema = {"type": "string", "pattern": _REFERENCE, "examples": ["mypkg.workers:crawl"]}

_COMPUTED = "[$]"
"""The pattern of a text with an expression in it, which may stand for a value of whatever type."""
_TYPES: dict[str, Schema] = {
    "integer": {"type": ["integer", "string"], "pattern": _COMPUTED},
    "number": {"type": ["number", "string"], "pattern": _COMPUTED},
    "text": {"type": "string"},
    "boolean": {"type": ["boolean", "string"], "pattern": _COMPUTED},
    "items": {"type": ["array", "string"], "pattern": _COMPUTED},
    "any": {},
}


def builtins_schema() -> dict[str, Schema]:
    """Return the definitions: the rules for a process, by its target; a work function, with arguments; its name."""
    return {
        "workName": {
            "description": "A work function: a built-in one, or `package.module:function`.",
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "x-expected": "the name of a work function",
            "examples": [*work_names(), "mypkg.work:check"],
        },
        "work": _work(),
        "builtins": _builtins(),
    }


def _builtins() -> Schema:
    every = (found for name in names() if (found := find(name)))
    target = {
        "description": "What the process runs: a built-in, or code of your own.",
        "anyOf": [*_choices(names(), find), _OWN],
    }
    return {
        "description": "What the built-in targets take: an editor completes it. The runner checks it by itself.",
        "allOf": [{"properties": {"target": target}}, _RULE_OF_OTHERS, *map(_rule, every)],
    }


def _work() -> Schema:
    call = {
        "type": "object",
        "required": ["call"],
        "additionalProperties": False,
        "properties": {
            "call": {
                "description": "The work function, by its name.",
                "anyOf": [*_choices(work_names(), find_work), _OWN],
            },
            "kwargs": {"description": "What it takes beyond the item, by name.", "type": "object"},
        },
    }
    return {
        "description": "What is done with an item: the name of a work function, or one with arguments of its own.",
        "anyOf": [*_choices(work_names(), find_work), _OWN, call, {"type": "null"}],
    }


def _choices(known: Sequence[str], about: Callable[[str], Target | None]) -> list[Schema]:
    found = [target for name in known if (target := about(name))]
    return [{"const": target.name, "description": target.summary} for target in found]


_ARGS: Schema = {"description": "Positional arguments of the target, in order: plain data.", **_TYPES["items"]}
_KWARGS: Schema = {
    "description": "Keyword arguments of the target: plain data by parameter name.",
    "type": ["object", "string"],
    "pattern": _COMPUTED,
}
_BINDINGS = {
    "from": "What the target takes from: `{PARAMETER: RESOURCE}`, or the name of a queue for `inbox`.",
    "to": "What the target puts on: `{PARAMETER: RESOURCE}`, or the name of a queue for `outbox`.",
    "uses": "What else the target gets: `{PARAMETER: RESOURCE}`.",
}
_EXAMPLES = {"from": "tasks", "to": "results"}
_SHORT = {"from": "inbox", "to": "outbox"}
"""Key -> the parameter that a bare name stands for."""

_RULE_OF_OTHERS: Schema = {
    "if": {"properties": {"target": {"pattern": ":"}}},
    "then": {
        "properties": {
            "args": _ARGS,
            "kwargs": _KWARGS,
            **{
                key: {"description": text, "type": ["string", "object"], "examples": [_EXAMPLES.get(key, "gate")]}
                for key, text in _BINDINGS.items()
            },
        }
    },
}
"""What is offered where the target is own code, or not written yet."""


def _rule(target: Target) -> Schema:
    resources = [parameter for parameter in target.parameters if parameter.is_resource]
    others = [parameter for parameter in target.parameters if not parameter.is_resource]
    kwargs = {**_KWARGS, "description": f"What `{target.name}` takes, by name.", **_closed(others, _argument)}
    properties: Schema = {
        "args": {**_ARGS, "maxItems": len(target.parameters)} if target.parameters else False,
        "kwargs": kwargs if others else False,
    }
    for key in _BINDINGS:
        fitting = [each for each in resources if key == "uses" or each.direction in (key, None)]
        properties[key] = _binding(key, fitting) if fitting else False
    # `required` would say the same as `not`, but is left out of account where an editor completes; and a `const` would
    # hold there of whatever the name begins with.
    is_it = {"pattern": f"^{target.name}{_END}"}
    return {
        "if": {"properties": {"target": is_it}, "not": {"properties": {"target": False}}},
        "then": {"properties": properties},
    }


def _binding(key: str, fitting: Sequence[Parameter]) -> Schema:
    known = [parameter.name for parameter in fitting]
    given = {"description": _BINDINGS[key], **_closed(fitting, _resource)}
    if key == "uses":  # a bare name is that of the parameter as well
        return given | {"type": ["string", "object"], "pattern": f"^({'|'.join(known)}){_END}"}
    if _SHORT[key] not in known:
        return given | {"type": "object"}
    return given | {"type": ["string", "object"], "examples": [_EXAMPLES[key]]}


def _closed(parameters: Sequence[Parameter], schema: Callable[[Parameter], Schema]) -> Schema:
    return {
        "additionalProperties": False,
        "properties": {parameter.name: schema(parameter) for parameter in parameters},
    }


def _resource(parameter: Parameter) -> Schema:
    return {"description": f"{parameter.help} Name of {parameter.called}.", "type": "string"}


def _argument(parameter: Parameter) -> Schema:
    described: Schema = {"description": parameter.help + (" Required." if parameter.required else " May be left out.")}
    if parameter.kind == "work":
        return described | {"$ref": "#/$defs/work"}
    if not parameter.required and parameter.default is not None:
        described["default"] = parameter.default
    found: Schema = described | _TYPES[parameter.kind]
    if parameter.choices:
        del found["type"]
        found["anyOf"] = [{"enum": list(parameter.choices)}, {"$ref": "#/$defs/computed"}]
    for key, bound in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
        if bound is not None:
            found[key] = int(bound)
    if not parameter.required and parameter.default is None and "type" in found:
        kinds = found["type"]
        found["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    return found
