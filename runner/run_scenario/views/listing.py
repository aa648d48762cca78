"""What there is: the bundled scenarios, the built-in targets and work functions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from run_scenario.values import Value
from run_scenario.views.text import plural, scrub

if TYPE_CHECKING:
    from run_scenario.targets import Parameter, Target

_WIDTH, _LEAST_WIDTH = 100, 40
_LARGEST_WRITTEN_OUT = 1e15
_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "text": "a text",
    "boolean": "true or false",
    "any": "anything",
    "work": "a work function",
}


class Entry(Value):
    """A bundled scenario as the list shows it."""

    name: str
    title: str
    source: str = ""
    description: str = ""

    def mentions(self, text: str) -> bool:
        """Whether `text` occurs in it, upper and lower case alike."""
        wanted = text.casefold()
        return any(wanted in part.casefold() for part in (self.name, self.title, self.source, self.description))


def scenarios(entries: Sequence[Entry], search: str = "") -> str:
    """Return a line for each scenario that mentions `search`, and what can be done with it."""
    found = [entry for entry in entries if entry.mentions(search)]
    if not found:
        return f"no bundled scenario mentions {scrub(search)!r}\n"
    width = max(len(entry.name) for entry in found)
    lines = "".join(f"{entry.name:<{width}}  {scrub(entry.title)}\n" for entry in found)
    name = found[0].name
    footer = f"Run one: run-scenario {name}    Print one: run-scenario list {name}"
    return f"{lines}\n{plural(len(found), 'scenario')}. {footer}\n"


def targets(known: Iterable[Target], work: Iterable[Target]) -> str:
    """Return a line for each built-in target and each work function."""
    targets_, work_ = list(known), list(work)
    width = max(len(target.name) for target in (*targets_, *work_))
    return (
        "Targets (target: NAME)\n"
        + "".join(f"  {target.name:<{width}}  {target.summary}\n" for target in targets_)
        + "\nWork functions (kwargs: {work: NAME}, or an item {call: NAME, args: […]})\n"
        + "".join(f"  {target.name:<{width}}  {target.summary}\n" for target in work_)
        + "\nOne in full: run-scenario targets NAME\n"
    )


def target(shown: Target, width: int | None = None) -> str:
    """Return all that is known about one target, for a terminal of `width` columns if there is one."""
    room = max(_LEAST_WIDTH, min(width or _WIDTH, _WIDTH))
    paragraphs = [f"{shown.name}: {shown.summary}"]
    paragraphs += [textwrap.fill(paragraph, room) for paragraph in shown.description.split("\n\n") if paragraph]
    parameters = ((shown.item,) if shown.item else ()) + shown.parameters
    if parameters:
        column = max(len(parameter.name) for parameter in parameters)
        paragraphs.append("Parameters\n" + "\n".join(_parameter(parameter, column, room) for parameter in parameters))
    if shown.example:
        paragraphs.append("Example\n" + textwrap.indent(shown.example, "  "))
    return "\n\n".join(paragraphs) + "\n"


def _parameter(parameter: Parameter, column: int, room: int) -> str:
    indent = " " * (column + 4)
    text = f"{parameter.help} ({'; '.join(_facts(parameter))})".strip()
    return textwrap.fill(text, room, initial_indent=f"  {parameter.name:<{column}}  ", subsequent_indent=indent)


def _facts(parameter: Parameter) -> list[str]:
    facts = [_kind(parameter)]
    if parameter.minimum is not None and parameter.maximum is not None:
        facts.append(f"{_number(parameter.minimum)} to {_number(parameter.maximum)}")
    elif parameter.minimum is not None:
        facts.append(f"at least {_number(parameter.minimum)}")
    if parameter.choices:
        facts.append(f"one of {', '.join(parameter.choices)}")
    facts.append("required" if parameter.required else f"default {_yaml(parameter.default)}")
    return facts


def _number(number: float) -> str:
    whole = float(number).is_integer() and abs(number) < _LARGEST_WRITTEN_OUT
    return f"{int(number):,}" if whole else f"{number:,g}"


def _kind(parameter: Parameter) -> str:
    if not parameter.is_resource:
        return _KINDS[parameter.kind]
    resource = "a JoinableQueue" if parameter.task_done else parameter.called
    return f"{resource}, given by {parameter.direction or 'uses'}:"


def _yaml(default: object) -> str:
    words = {None: "null", True: "true", False: "false"}
    return words[default] if default is None or isinstance(default, bool) else str(default)
