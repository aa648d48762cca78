"""A step that a scenario's `main` asks for, as Python writes it."""

from __future__ import annotations

from typing import Any

from run_scenario import model
from run_scenario.verbs import VERBS
from run_scenario.views.python_layout import Expression, call, keyword, literal, preceded
from run_scenario.views.text import number


def written(step: model.Do, name: str) -> Expression:
    """Return the statement; `name` is what whom it is done to is called."""
    verb = VERBS[step.verb]
    match step.verb:
        case "print":
            return call("print", literal(step.value))
        case "active_children" | "cpu_count":
            return f"{step.verb}()"
        case "exitcode":
            return f"exitcode = {name}.exitcode"
        case "read":
            return f"number = {name}.value"
        case "write":
            return preceded(f"{name}.value = ", literal(step.value))
    parts: list[Expression] = [literal(step.value)] if verb.value == "argument" else []
    alone = len(step.options) == 1 and step.verb in ("join", "wait", "poll", "notify")
    parts += [_option(option) if alone else keyword(key, _option(option)) for key, option in step.options.items()]
    return call(f"{name}.{verb.called}", *parts)


def _option(value: Any) -> str:
    return number(value) if isinstance(value, float) else repr(value)
