"""Lists of the bundled scenarios, of the built-in targets and of the work functions."""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from run_scenario.bundled import SYNONYMS
from run_scenario.counting import plural
from run_scenario.report.terminal.cells import paragraph, wrap
from run_scenario.report.text import sanitize
from run_scenario.suggestions import did_you_mean
from run_scenario.values import Value

if TYPE_CHECKING:
    from run_scenario.targets import Parameter, Target

_WIDTH, _LEAST_WIDTH = 100, 40
_BRITISH = r"(?<=[a-z]{2})is(ation|e[drs]?|ing|er)\b"
"""What is `iz` in American; it also changes `otherwise`, but there as here."""
_LEAST_TOGETHER = 5
"""Letters of a text that may be written as one word or several: in a shorter one, two words may begin so by chance."""
_LEAST_PLURAL = 4
"""Letters of a word whose last one may be that of a plural."""
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
    """The targets it names, its kinds of resources and their types, topics, claims: what else it can be found by."""

    def texts(self) -> tuple[str, ...]:
        """Return all that it can be found by."""
        return (self.name, self.title, self.source, self.description, self.heading.partition(":")[0], *self.uses)


def scenarios(
    entries: Sequence[Entry],
    wanted: Sequence[str] = (),
    width: int | None = None,
    scripts: Callable[[], Mapping[str, str]] = dict,
) -> str:
    """Return a line for each scenario that all of `wanted` finds, under the chapters' headings; and what to do.

    `scripts` returns the scenarios as scripts, by their names: these are looked through where nothing else is found.
    """
    hits = [find(text, entries, scripts) for text in wanted]
    found = [entry for entry in entries if all(entry.name in hit.names for hit in hits)]
    if not found:
        return _nothing_found(entries, wanted, hits)
    longest = max(len(entry.name) for entry in found)
    blocks: dict[str, list[str]] = {}
    for entry in found:
        head = f"  {entry.name:<{longest}}  "
        first, *more = wrap(sanitize(entry.title), (width or len(entry.title) + len(head)) - len(head))
        blocks.setdefault(entry.heading, []).extend([head + first, *(" " * len(head) + line for line in more)])
    lines = [line for heading, below in blocks.items() for line in (*paragraph(heading, width), *below, "")]
    name = found[0].name
    footer = [f"{plural(len(found), 'scenario')}. Run one: run-scenario {name}", f"Print one: run-scenario list {name}"]
    together = "    ".join(footer)
    notes = [part for hit in hits for part in paragraph(hit.note, width)]
    lines += [*notes, *([together] if len(together) <= (width or len(together)) else footer)]
    return "".join(f"{line}\n" for line in lines)


class Hit(Value):
    """What was found by one text."""

    names: frozenset[str]
    note: str = ""
    """How it was found, if the scenarios do not have it in these words."""


def find(text: str, entries: Sequence[Entry], scripts: Callable[[], Mapping[str, str]] = dict) -> Hit:
    """Return the scenarios that mention a text; or else what it is called here, all its words, or it in their scripts.

    Upper and lower case are alike, and so are singular and plural, British and American, `isAlive` and `is_alive`; what
    is mentioned may go on, as `hangs` does for `hang`.
    """
    if names := _mentioning(text, entries):
        return Hit(names)
    called = next((known for known, terms in SYNONYMS.items() if _plain(text) in map(_plain, terms)), None)
    if called is not None:
        return Hit(_mentioning(called, entries), f"'{sanitize(text)}' is called '{called}' here.")
    if names := _mentioning_all(text.split(), entries):
        return Hit(names)
    written = scripts()
    if names := _written(text, written):
        return Hit(names, f"'{sanitize(text)}' is in their scripts: run-scenario python NAME")
    parts = re.findall(r"\w+", text)  # of `Condition.wait`: a script has no class there, but a name
    if names := _mentioning_all(parts, entries):
        return Hit(names)
    names = _written(parts[-1], written) if len(parts) > 1 else frozenset()
    return Hit(names, f"'{sanitize(parts[-1])}' is in their scripts: run-scenario python NAME" if names else "")


def _written(text: str, scripts: Mapping[str, str]) -> frozenset[str]:
    pattern = _pattern(text)
    return frozenset(name for name, script in scripts.items() if pattern and pattern.search(_plain(script)))


def _mentioning_all(words: Sequence[str], entries: Iterable[Entry]) -> frozenset[str]:
    return frozenset.intersection(*(_mentioning(word, entries) for word in words)) if words else frozenset()


def _mentioning(text: str, entries: Iterable[Entry]) -> frozenset[str]:
    pattern = _pattern(text)
    if pattern is None:
        return frozenset()
    return frozenset(entry.name for entry in entries if any(pattern.search(_plain(part)) for part in entry.texts()))


def _pattern(text: str) -> re.Pattern[str] | None:
    """Return what finds a text where a word begins; words may be written together. None: there is no word in it."""
    plain = _plain(text)
    letters = plain.replace(" ", "")
    together = " ?".join(map(re.escape, letters)) if len(letters) >= _LEAST_TOGETHER else re.escape(plain)
    return re.compile(f"(?<![^ ]){together}") if letters else None


@functools.cache
def _plain(text: str) -> str:
    """Return the words of a text in one spelling: small letters, singular, American, with a blank between them."""
    return " ".join(map(_singular, re.sub(_BRITISH, r"iz\1", re.sub(r"[\W_]+", " ", text.casefold())).split()))


def _singular(word: str) -> str:
    if len(word) < _LEAST_PLURAL or word.endswith("ss"):
        return word
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes")) else word.removesuffix("s")


def _nothing_found(entries: Sequence[Entry], wanted: Sequence[str], hits: Sequence[Hit]) -> str:
    """Return what to look for instead: a word like the one that nobody mentions, or fewer words."""
    unknown = next((text for text, hit in zip(wanted, hits, strict=True) if not hit.names), None)
    if unknown is None:
        shown = " and ".join(repr(sanitize(text)) for text in wanted)
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
