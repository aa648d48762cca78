"""Does one value fit one parameter of a built-in: its type, its bounds, its choices?"""

from __future__ import annotations

from run_scenario.language.problems import Problems, describe, either, quote
from run_scenario.language.text_hints import number_hint
from run_scenario.language.yaml_nodes import Node, plain
from run_scenario.targets import Parameter

_EXPECTED = {
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "boolean": "true or false",
    "work": "the name of a work function, or `{call: NAME, kwargs: {…}}`",
}


def check_value(owner: str, parameter: Parameter, node: Node, problems: Problems) -> None:
    """Add a problem if the value does not fit the parameter of `owner`."""
    value = plain(node)
    if value is None and not parameter.required and parameter.default is None:
        return
    name = f"the parameter {quote(parameter.name)} of {quote(owner)}"
    if not _has_kind(parameter, value):
        expected = _EXPECTED[parameter.kind]
        problems.error(node.span, f"{name} must be {expected}, not {describe(value)}", _conversion(parameter, value))
    elif parameter.choices is not None and value not in parameter.choices:
        hint = problems.did_you_mean(value, parameter.choices, f"choose {either(parameter.choices)}")
        problems.error(node.span, f"{name} cannot be {quote(value)}", hint)
    elif parameter.minimum is not None and not isinstance(value, str) and value < parameter.minimum:
        problems.error(node.span, f"{name} must be at least {parameter.minimum:.15g}, not {value}")
    elif parameter.maximum is not None and not isinstance(value, str) and value > parameter.maximum:
        problems.error(node.span, f"{name} must be at most {parameter.maximum:.15g}, not {value}")


def _has_kind(parameter: Parameter, value: object) -> bool:
    match parameter.kind:
        case "integer":
            return type(value) is int
        case "number":
            return type(value) in (int, float)
        case "text":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "any":
            return True
    return False


def _conversion(parameter: Parameter, value: object) -> str:
    """Return the hint for a value that is written as the wrong type."""
    if parameter.kind == "text" and isinstance(value, int | float):
        return f"write it in quotes: '{str(value).lower() if isinstance(value, bool) else value}'"
    if parameter.kind in ("integer", "number") and isinstance(value, str):
        number = parameter.kind == "number"  # those of the built-ins are seconds, all of them
        return number_hint(value, seconds=number, fraction=number)
    if parameter.kind == "integer" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"write {int(value)}"
    if parameter.kind == "boolean":
        return "write true or false, without quotes"
    return ""
