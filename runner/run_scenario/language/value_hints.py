"""The way out for a value that does not fit: what was probably meant, written as it should be."""

from __future__ import annotations

from typing import Any

from run_scenario.expectations import JUDGED_LATER
from run_scenario.language.problems import Problems, Span, shorten
from run_scenario.language.references import misspelling
from run_scenario.language.text_hints import exitcode_hint, missing_space, number_hint
from run_scenario.language.yaml_nodes import Mapping, Node, plain

FILL = {
    "version": "write `version: 1`",
    "processes": "write a list below it, as in `- target: sleep`",
    "target": "write `target: NAME`; `run-scenario targets` lists the built-in ones",
    "call": "write `call: NAME`; `run-scenario targets` lists the work functions",
}
"""What is written after a key that must be there."""

_CONNECTIONS = (("from",), ("to",), ("uses",))
_FREE_TEXT = {"name", "title", "description", "source"}


def misfit_hint(error: Any, path: tuple[str | int, ...], node: Node, problems: Problems) -> str:
    """Return the way out for the node at `path`, which does not fit what jsonschema's `error` asks for."""
    value, key, wanted = plain(node), path[-1] if path else "", _types(error)
    if value is None:
        filled = "" if path[-2:-1] in _CONNECTIONS else FILL.get(str(key), "")
        return filled or "write a value after it, or leave it out"
    if key in _FREE_TEXT and isinstance(value, bool | int | float):
        return f"put it in quotes: '{problems.text_at(node.span)}'"
    if path[:1] == ("expect",) and value in JUDGED_LATER:
        return "that is told after everything was judged; `duration: run` and `exitcodes` judge how a run ended"
    if path[:1] == ("expect",) and key == "event" and isinstance(value, str):
        return problems.did_you_mean(value, _choices(error), "`run-scenario schema event` has them all")
    if "exitcode" in path and (hint := exitcode_hint(value)):
        return hint
    match path:
        case ("processes",) if isinstance(node, Mapping):
            return _processes_hint(node)
        case ("processes", int()):
            return _process_hint(value, problems)
        case ("queues", str()):
            return _queue_hint(value, node.span, problems)
        case ("queues",) if isinstance(value, list) and value:
            return "write the queue's name and a colon instead of the `-`"
    if isinstance(value, str):
        return _text_hint(key, value, error, wanted, problems)
    if isinstance(value, float) and value.is_integer() and "integer" in wanted:
        return f"write {int(value)}" if abs(value) < 1e15 else ""
    if wanted == {"array"} and not isinstance(value, dict | list):
        return "put it in brackets: [ … ]"
    return ""


def _text_hint(key: str | int, value: str, error: Any, wanted: set[str], problems: Problems) -> str:
    if choices := _choices(error):
        return problems.did_you_mean(value, choices)
    if wanted & {"integer", "number"}:
        seconds = "seconds" in error.schema.get("x-expected", "")
        return number_hint(value, seconds=seconds, fraction="number" in wanted)
    if "boolean" in wanted:
        if key == "terminate" and value.casefold() in ("kill", "sigkill"):
            return "write `kill: true` instead: it sends SIGKILL"
        return "write true or false" + (", without quotes" if value.casefold() in ("true", "false") else "")
    if "object" in wanted and (hint := missing_space(value)):
        return hint
    return "put it in brackets: [ … ]" if wanted == {"array"} else ""


def _processes_hint(node: Mapping) -> str:
    names = [entry.key for entry in node.entries.values() if isinstance(entry.value, Mapping)]
    if not names or "target" in node.entries:
        return "begin each process with `- `"
    return f"the processes are a list: write `- name: {shorten(names[0], 30)}`, and its other keys below `name`"


def _is_target(name: str) -> bool:
    from run_scenario import targets

    return misspelling(name) is None if ":" in name else targets.find(name) is not None


def _process_hint(value: Any, problems: Problems) -> str:
    from run_scenario import targets

    if not isinstance(value, str):
        return ""
    if hint := missing_space(value, ("target", "name")):
        return hint
    known = value if _is_target(value) else problems.nearest(value, targets.names())
    return f"write `- target: {shorten(known, 60) if known else 'NAME'}`"


def _queue_hint(value: Any, span: Span, problems: Problems) -> str:
    if isinstance(value, list):
        written = problems.text_at(span)
        return f"write `{{items: {written if written.endswith(']') and len(written) < 40 else '[…]'}}}`"
    if isinstance(value, str) and (kind := problems.nearest(value, ("Queue", "JoinableQueue", "SimpleQueue"))):
        return f"write `{{type: {kind}}}`"
    return missing_space(value) if isinstance(value, str) else ""


def _choices(error: Any) -> list[str]:
    values = list(error.schema.get("enum", []))
    for option in error.schema.get("anyOf", []):
        values += [option["const"]] if "const" in option else option.get("enum", [])
    return [value for value in values if isinstance(value, str)]


def _types(error: Any) -> set[str]:
    options = [error.schema, *error.schema.get("anyOf", [])]
    found = [option.get("type", []) for option in options]
    return {name for types in found for name in ([types] if isinstance(types, str) else types)}
