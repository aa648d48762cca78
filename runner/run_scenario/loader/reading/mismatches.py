"""What was probably meant by a value that does not fit the schema, as a hint."""

from __future__ import annotations

import re
from typing import Any, get_args

from run_scenario import targets
from run_scenario.events import fields
from run_scenario.loader.problems import Problems, Span, counting, shorten
from run_scenario.loader.reading.scalars import OLD_BOOLEANS, exitcode_hint, missing_space, number_hint
from run_scenario.loader.reading.yaml_parser import Mapping, Node, plain
from run_scenario.loader.references import misspelling
from run_scenario.scenario.expectations import JUDGED_LATER
from run_scenario.scenario.expressions import Expression, ExpressionError, parse
from run_scenario.scenario.resources import SyncType
from run_scenario.scenario.steps import VERBS

FILL = {
    "version": "write `version: 1`",
    "processes": "write a list below it, as in `- target: sleep`",
    "target": "write `target: NAME`; `run-scenario targets` lists the built-in ones",
    "call": "write `call: NAME`; `run-scenario targets` lists the work functions",
}
"""What is written after a key that must be there."""

_BINDINGS = (("from",), ("to",), ("uses",))
_LET_PRODUCE = "write them in brackets: [ … ]; for many numbers let a process `produce` them, with its `count`"
_FREE_TEXT = {"name", "title", "description", "source"}
_EXITCODES = frozenset({"exitcode", "exitcodes", "children_exitcode"})


def is_process(path: tuple[str | int, ...]) -> bool:
    """Return whether a process stands at this place, at the top or in another process."""
    return (
        bool(path)
        and all(
            step == "processes" if position % 2 == 0 else isinstance(step, int) for position, step in enumerate(path)
        )
        and len(path) % 2 == 0
    )


def is_step(path: tuple[str | int, ...]) -> bool:
    """Return whether a step stands at this place: in `main`, in a process, or in another step."""
    match path:
        case ("main", int()):
            return True
        case (*outer, "steps", int()) if is_process(tuple(outer)):
            return True
        case (*outer, "steps" | "then" | "else" | "try" | "finally" | "except", int()):
            return is_step(tuple(outer))
        case (*outer, "except", str(), int()):
            return is_step(tuple(outer))
    return False


def mismatch_hint(error: Any, path: tuple[str | int, ...], node: Node, problems: Problems) -> str:
    """Return the way out for the node at `path`, which does not fit what jsonschema's `error` asks for."""
    value, key, wanted = plain(node), path[-1] if path else "", _types(error)
    if value is None:
        filled = "" if path[-2:-1] in _BINDINGS else FILL.get(str(key), "")
        otherwise = "indent what belongs to it further" if wanted == {"object"} else "write a value after it"
        return filled or f"{otherwise}, or leave it out"
    if key in _FREE_TEXT and isinstance(value, bool | int | float):
        return f"put it in quotes: '{problems.text_at(node.span)}'"
    if path[:1] == ("expect",) and isinstance(value, str) and (hint := _expectation_hint(value, error, key, problems)):
        return hint
    if key == "restart":
        when = "always" if "always" in str(value) or "unless" in str(value) else "failure"
        return f"write `restart: {{when: {when}, max: {value if type(value) is int else 3}}}`"
    if not _EXITCODES.isdisjoint(path) and (hint := exitcode_hint(value)):
        return hint
    match path:
        case () if isinstance(value, list):
            return "write `version: 1` and `processes:` above the list"
        case ("processes",) if isinstance(node, Mapping):
            return _processes_hint(node)
        case _ if is_process(path):
            return _process_hint(value, problems)
        case (*outer, str(verb)) if is_step(tuple(outer)) and (hint := _step_value_hint(verb, value)):
            return hint
        case _ if is_step(path) and isinstance(value, str):
            return _step_hint(value) or _bare_word_hint(value, problems)
        case ("queues", str()):
            return _queue_hint(value, node.span, problems)
        case ("queues",) if isinstance(value, list) and value:
            return "write the queue's name and a colon instead of the `-`"
        case ("queues" | "pipes" | "pools" as section,) if isinstance(value, str) and value.isidentifier():
            return f"write `{section}: {{{value}: {{}}}}`"
        case ("sync" | "shared" as section, str()):
            return _resource_hint(section, value, error, problems)
        case ("pools", str(), "uses") if isinstance(value, dict | str):
            names = [each for each in (value.values() if isinstance(value, dict) else [value]) if isinstance(each, str)]
            return f"write `uses: [{', '.join(shorten(each, 30) for each in names[:5])}]`, in the initializer's order"
        case ("sync" | "shared" as section, str(name), "type") if value in get_args(SyncType) + _PLAIN:
            other = "sync" if section == "shared" else "shared"
            managers = f", or `{{{_typed(value)}, manager: true}}` if a manager is to hold it"
            return f"write `{other}: {{{shorten(name, 30)}: {{{_typed(value)}}}}}`{managers}"
        case (*_, "target") if isinstance(value, dict | list):
            return _target_hint(value)
        case (*outer, str(key)) if is_step(tuple(outer)) and not isinstance(value, str) and _names(key):
            return _subject_hint(key, value)
    if isinstance(value, str):
        return _text_hint(path, value, error, wanted, problems)
    if path[:1] == ("processes",) and key == "join" and isinstance(value, int | float) and value > 1:
        return f"write `join_timeout: {value:g}`"
    if key == "items":
        return _LET_PRODUCE
    if value is True and "integer" in wanted:
        return "write how many"
    if "boolean" in wanted and value in (0, 1):
        return f"write {'true' if value else 'false'}"
    if isinstance(value, float) and value.is_integer() and "integer" in wanted:
        return f"write {int(value)}" if abs(value) < 1e15 else ""
    return _shape_hint(key, value, wanted)


def _shape_hint(key: str | int, value: Any, wanted: set[str]) -> str:
    """Return the hint for a list instead of a mapping, a single value instead of a list, or the other way round."""
    if wanted == {"array"} and not isinstance(value, list):
        return "begin each of them with `- `" if isinstance(value, dict) else "put it in brackets: [ … ]"
    if not isinstance(value, list) or "array" in wanted or not value:
        return ""
    if "object" in wanted and all(isinstance(each, dict) and len(each) == 1 for each in value):
        return f"it is not a list: write `{key}: {{{next(iter(value[0]))}: …}}`"
    if "string" in wanted and len(value) == 1 and isinstance(value[0], str):
        return f"leave the brackets out: {shorten(value[0], 40)}"
    return ""


def _expectation_hint(value: str, error: Any, key: str | int, problems: Problems) -> str:
    if value in JUDGED_LATER:
        return "it comes after the expectations are judged; `duration: run` and `exitcodes` check how a run ended"
    if key == "event":
        if meant := _EVENTS.get(value.rpartition(".")[2].replace("_", "")) if "process" in value else None:
            return f"did you mean '{meant}'?"
        if value in ("deadlock", "stalled", "hang"):
            return "did you mean 'scenario.stalled'?"
        return problems.did_you_mean(value, _choices(error), "`run-scenario schema event` has them all")
    if "object" in _types(error) and value in fields.names():
        return f"write `{{event: {value}}}`"
    return ""


_EVENTS = {
    **dict.fromkeys(("end", "ended", "exit", "exits", "died", "killed", "stopped", "terminated"), "process.exited"),
    **dict.fromkeys(("start", "starts", "begin", "began", "begun"), "process.started"),
    **dict.fromkeys(("print", "prints", "printed", "stdout", "wrote"), "process.output"),
    **dict.fromkeys(("error", "exception", "raised", "crashed"), "process.failed"),
}
"""Last word of what is taken for the name of an event -> what is meant."""


def _resource_hint(section: str, value: Any, error: Any, problems: Problems) -> str:
    """Return the hint for a resource of which only the type, or only the value, is given."""
    kinds = error.schema.get("properties", {}).get("type", {}).get("enum", ())
    if isinstance(value, str) and (kind := _WORDS.get(value.casefold()) or problems.nearest(value, kinds)):
        return f"write `{{{_typed(kind)}}}`"
    if section == "shared" and isinstance(value, bool | int | float):
        return f"write `{{{_typed('Value', 'd' if isinstance(value, float) else 'i')}, value: {str(value).lower()}}}`"
    return missing_space(value) if isinstance(value, str) else ""


_PLAIN = ("Value", "Array")
_WORDS = {"mutex": "Lock", "int": "Value", "integer": "Value", "number": "Value", "float": "Value", "counter": "Value"}
"""Other words for the types of resources, in small letters."""
_TYPECODES = {
    "int": "i",
    "integer": "i",
    "long": "q",
    "float": "d",
    "double": "d",
    "str": "u",
    "char": "c",
    "bool": "b",
}


def _typed(kind: str, code: str = "i") -> str:
    more = {"Value": f", typecode: {code}", "Array": f", typecode: {code}, size: 10", "Barrier": ", parties: 2"}
    return f"type: {kind}{more.get(kind, '')}"


def _target_hint(value: dict[str, Any] | list[Any]) -> str:
    if isinstance(value, list):
        return "a process has one target: write an entry of `processes` for each"
    if isinstance(made := value.get("object"), str) and ":" in made:
        method = value["method"] if isinstance(value.get("method"), str) else "METHOD"
        return f"write `target: {shorten(made, 40)}.{shorten(method, 30)}` and `args: [{{object: …}}]`"
    if isinstance(function := value.get("partial"), str):
        return f"write `target: {shorten(function, 40)}`, and its arguments under `args` and `kwargs`"
    name = next(iter(value), "")
    return f"write `target: {name}`, and below it `kwargs:`" if len(value) == 1 and targets.find(str(name)) else ""


def _names(key: str) -> bool:
    """Return whether a step names under this key what it is done to."""
    return key == "to" or (key in VERBS and VERBS[key].value == "subject")


def _subject_hint(verb: str, value: Any) -> str:
    """Return the hint for a step that is not done to a name."""
    if verb == "wait" and isinstance(value, int | float):
        return f"write `sleep: {value:g}` to let time pass"
    if isinstance(value, dict) and len(value) == 1 and isinstance(name := next(iter(value.values())), str):
        return f"write `{verb}: {shorten(name, 40)}`"
    return ""


def _step_hint(value: str) -> str:
    """Return the hint for a step that is written as a sentence, or as Python writes it."""
    sentence = re.fullmatch(r"(\w+) +(\S.*)", value) or re.fullmatch(r"(?P<name>\S+)\.(\w+)\(\)", value)
    if sentence is None:
        return ""
    verb, name = (sentence[2], sentence["name"]) if sentence.re.groupindex else (sentence[1], sentence[2])
    return f"write `{verb}: {shorten(name, 40)}`" if verb in VERBS else ""


def _text_hint(path: tuple[str | int, ...], value: str, error: Any, wanted: set[str], problems: Problems) -> str:
    key = path[-1] if path else ""
    if (value[:1], value[-1:]) in (("{", "}"), ("[", "]")) and not wanted.isdisjoint(("object", "array")):
        return f"leave the quotes out: {shorten(value, 40)}"
    if key == "items" and "range" in value:
        return _LET_PRODUCE
    if value.endswith(",") and len(value) > 1:
        return f"leave the comma out: {shorten(value[:-1], 40)}"
    if hint := problems.did_you_mean(value, _choices(error)):
        return hint
    if key == "typecode" and (code := _TYPECODES.get(value.casefold())):
        return f"write `typecode: {code}`"
    if key == "type" and (kind := _WORDS.get(value.casefold())):
        return f"write `{{{_typed(kind)}}}`"
    if key == "over":
        return "write a list, as in `[1, 2, 3]`, or `{range: 10}` for the numbers from 0 to 9"
    if wanted & {"integer", "number"}:
        seconds = "seconds" in error.schema.get("x-expected", "")
        return number_hint(value, seconds=seconds, fraction="number" in wanted)
    if "boolean" in wanted:
        if key == "terminate" and value.casefold() in ("kill", "sigkill"):
            return "write `kill: true` instead: it sends SIGKILL"
        if value.casefold() in OLD_BOOLEANS:
            return f"write {OLD_BOOLEANS[value.casefold()]}"
        return "write true or false" + (", without quotes" if value.casefold() in ("true", "false") else "")
    if "object" in wanted and (hint := missing_space(value)):
        return hint
    return "put it in brackets: [ … ]" if wanted == {"array"} else ""


def _processes_hint(node: Mapping) -> str:
    first = next(iter(node.entries), "")
    if first.startswith("-") and first[1:2].isalpha():
        return f"a space is missing after the `-`: write `- {shorten(first[1:], 30)}: …`"
    names = [entry.key for entry in node.entries.values() if isinstance(entry.value, Mapping)]
    if not names or "target" in node.entries:
        return "begin each process with `- `"
    return f"the processes are a list: write `- name: {shorten(names[0], 30)}`, and its other keys below `name`"


def _is_target(name: str) -> bool:
    return misspelling(name) is None if ":" in name else targets.find(name) is not None


def _process_hint(value: Any, problems: Problems) -> str:
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
    wanted = {name for types in found for name in ([types] if isinstance(types, str) else types)}
    # A text would be an expression there.
    return wanted - {"string"} if error.schema.get("pattern") == "[$]" else wanted


def _step_value_hint(key: str, value: Any) -> str:
    """Return the way out for what a step has after one of its keys."""
    text = value.strip() if isinstance(value, str) else ""
    if key in ("if", "while"):
        asked = next(iter(value), "") if isinstance(value, dict) else ""
        if asked in VERBS and VERBS[asked].answers and isinstance(value[asked], str):
            return (
                f"write a step before it, `{{{asked}: {shorten(value[asked], 30)}, as: answer}}`, and `{key}: $answer`"
            )
        return f"write `${{{text}}}`" if _is_expression(text) else ""
    if key == "in":
        count = value.get("range") if isinstance(value, dict) and len(value) == 1 else value
        if type(count) is int and count > 0:
            return counting(count)
        if found := re.fullmatch(r"(-?\d{1,9})\s*(?:\.\.\.?|-|to)\s*(-?\d{1,9})", text):
            return f"write `${{range({found[1]}, {int(found[2]) + 1})}}`"
        return (f"write `${text}`" if text.isidentifier() else f"write `${{{text}}}`") if _is_expression(text) else ""
    if key == "for" and type(value) is int:
        return f"write `repeat: {value}`; or give each number a name: `for: n`, and `in: ${{range({value})}}`"
    if key == "for" and isinstance(value, dict) and len(value) == 1:
        return f"write `for: {shorten(next(iter(value)), 30)}` and, below it, `in:` with the values"
    if key == "repeat" and (found := re.match(r"\d{1,9}", text)):
        return f"write {found[0]}"
    if key == "set" and isinstance(value, dict):
        return "`set` sets an Event; values get their names by `let: {…}`"
    return ""


def _is_expression(text: str) -> bool:
    try:
        return len(text) < 100 and isinstance(parse(f"${{{text}}}"), Expression)
    except ExpressionError:
        return False


def _bare_word_hint(word: str, problems: Problems) -> str:
    """Return the way out for a step that is a mere word, of those that say nothing by themselves."""
    if word == "pass":
        return "leave it out"
    verb = VERBS.get(word) or VERBS.get(problems.nearest(word, VERBS) or "")
    if verb is None:
        return missing_space(word)
    return f"write `{verb.name}: {'NAME' if verb.takes else '…'}`"
