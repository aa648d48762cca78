"""Lists of the bundled scenarios, of the built-in targets and of the work functions."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from run_scenario.report.text import plural, sanitize
from run_scenario.suggestions import did_you_mean
from run_scenario.values import Value

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
    "items": "a list of items",
    "work": "a work function",
}


class Entry(Value):
    """A bundled scenario as the list shows it."""

    name: str
    title: str
    source: str = ""
    description: str = ""
    heading: str = ""
    """That of the chapter it stands in."""
    uses: tuple[str, ...] = ()
    """The targets it names, its kinds of resources and their types: what else it can be found by."""

    def mentions(self, word: str) -> bool:
        """Whether `word` occurs in it, upper and lower case alike."""
        wanted = word.casefold()
        return any(wanted in part.casefold() for part in self.texts())

    def texts(self) -> tuple[str, ...]:
        """Return all that it can be found by."""
        return (self.name, self.title, self.source, self.description, *self.uses)


def scenarios(entries: Sequence[Entry], words: Sequence[str] = ()) -> str:
    """Return a line for each scenario that mentions all the `words`, under the chapters' headings; and what to do."""
    found = [entry for entry in entries if all(entry.mentions(word) for word in words)]
    if not found:
        return _nothing_found(entries, words)
    width = max(len(entry.name) for entry in found)
    blocks: dict[str, list[str]] = {}
    for entry in found:
        blocks.setdefault(entry.heading, []).append(f"  {entry.name:<{width}}  {sanitize(entry.title)}\n")
    chapters = "\n".join(f"{heading}\n{''.join(lines)}" for heading, lines in blocks.items())
    name = found[0].name
    footer = f"Run one: run-scenario {name}    Print one: run-scenario list {name}"
    return f"{chapters}\n{plural(len(found), 'scenario')}. {footer}\n"


def _nothing_found(entries: Sequence[Entry], words: Sequence[str]) -> str:
    """Return what to look for instead: a word like the one that nobody mentions, or fewer words."""
    unknown = next((word for word in words if not any(entry.mentions(word) for entry in entries)), None)
    if unknown is None:
        shown = " and ".join(repr(sanitize(word)) for word in words)
        return f"no bundled scenario mentions {shown} at once; look for fewer words\n"
    known = {word for entry in entries for text in entry.texts() for word in re.findall(r"[\w-]+", text.casefold())}
    way_out = did_you_mean(unknown, sorted(known), "'run-scenario list' shows them all")
    return f"no bundled scenario mentions {sanitize(unknown)!r}; {way_out}\n"


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
    columns = max(_LEAST_WIDTH, min(width or _WIDTH, _WIDTH))
    paragraphs = [f"{shown.name}: {shown.summary}"]
    paragraphs += [textwrap.fill(paragraph, columns) for paragraph in shown.description.split("\n\n") if paragraph]
    parameters = ((shown.item,) if shown.item else ()) + shown.parameters
    if parameters:
        longest = max(len(parameter.name) for parameter in parameters)
        texts = [_parameter(parameter, longest, columns) for parameter in parameters]
        paragraphs.append("\n".join(["Parameters", *texts]))
    if shown.example:
        paragraphs.append("Example\n" + textwrap.indent(shown.example, "  "))
    if shown.steps:
        about = "The same as steps" + (", with the defaults" if parameters else "")
        paragraphs.append(f"{about}\n" + textwrap.indent(shown.steps, "  "))
    return "\n\n".join(paragraphs) + "\n"


def _parameter(parameter: Parameter, longest: int, columns: int) -> str:
    indent = " " * (longest + 4)
    text = f"{parameter.help} ({'; '.join(_facts(parameter))})".strip()
    return textwrap.fill(text, columns, initial_indent=f"  {parameter.name:<{longest}}  ", subsequent_indent=indent)


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
