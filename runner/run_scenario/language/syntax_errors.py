"""PyYAML's syntax errors in kinder words: what is wrong at which place, and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from run_scenario.language.problems import Problems, Span
from run_scenario.language.scalars import MAX_KEY
from run_scenario.language.text_hints import missing_space

MAX_DEPTH = 20
"""Most lists and mappings inside one another."""
TOO_DEEP = f"lists and mappings are nested more than {MAX_DEPTH} deep here"
CHECK_NESTING = "no scenario needs that; check the brackets and the indentation"

_QUOTE_IT = "put the whole text in quotes, as in '…'"
_LINE_UP = "keys of one mapping begin in the same column"
_LONGEST_KEY = 1024
"""Most characters between the beginning of a key and its colon, in YAML itself."""

# A message of libyaml or of PyYAML's own scanner (they differ), and what is said instead.
_REWORDED: tuple[tuple[str, str, str], ...] = (
    (r"tab character", "a tab stands here; YAML indents with spaces only", "replace the tab by spaces"),
    (r"found unexpected ':'", "a ':' needs a space behind it here", "write `key: value`"),
    (r"(block )?sequence entries are not allowed", "a list cannot begin here", "begin the list on a line of its own"),
    (r"unknown escape", "this \\ is no escape that YAML knows", "use single quotes, or write \\\\ for a backslash"),
    (r"could not find expected ':'", "a ':' is missing after this", "a key is written `key: value`"),
    (r"undefined tag handle|scanning a tag", "tags are not allowed in a scenario", f"{_QUOTE_IT} if it begins with !"),
    (r"found undefined alias", "an alias stands here", "write the value out"),
    (r"did not find expected '-'", "this line is not an item of the list above it", "begin it with `- `, or indent it"),
    (r"expected <document start>", "something follows the end of the document", "a file holds one document"),
    (r"nesting depth", TOO_DEEP, CHECK_NESTING),
    (r"incompatible YAML document|directive", "a scenario has no % lines", "leave the line out, or put it in quotes"),
)


class _Stumble(NamedTuple):
    """Where the parser could not go on: its message, that place, the mark of what was open, and the whole text."""

    message: str
    mark: Any
    opened: Any
    text: str

    @property
    def character(self) -> str:
        """What stands at the place; empty at the end of the text."""
        return self.text[self.mark.index : self.mark.index + 1]

    @property
    def before(self) -> str:
        """What stands before it on its line."""
        return self.text[: self.mark.index].rpartition("\n")[2].strip()

    @property
    def span(self) -> Span:
        return _from(self.mark)

    @property
    def lines(self) -> list[str]:
        """The lines down to the place."""
        above = self.text[: self.mark.index].split("\n")[:-1]
        return [*above, self._line]

    @property
    def _line(self) -> str:
        start = self.text.rfind("\n", 0, self.mark.index) + 1
        return self.text[start:].partition("\n")[0]


def explain(error: Any, text: str, problems: Problems) -> None:
    """Add the problem that a `yaml.MarkedYAMLError` stands for."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        problems.error(Span(1, 1), f"this text cannot be read as YAML: {error.problem}")
        return
    message = f"{error.context or ''}; {error.problem or ''}"
    stumble = _Stumble(message, mark, error.context_mark, text)
    for test in _TESTS:
        found = test(stumble)
        if found is not None:
            place, what, hint = found
            problems.error(place or stumble.span, what, hint)
            return
    for pattern, what, hint in _REWORDED:
        if re.search(pattern, message):
            at_key = stumble.opened if "could not find" in message else None
            problems.error(_from(at_key) if at_key else stumble.span, what, hint)
            return
    problems.error(stumble.span, f"this cannot be read as YAML: {error.problem}", _QUOTE_IT)


_Explained = tuple[Span | None, str, str] | None
"""Where to point instead, what is wrong and the way out; None if a test is about something else."""


def _bad_first_character(at: _Stumble) -> _Explained:
    if "cannot start any token" not in at.message:
        return None
    if at.character == "\t":
        return None, "a tab stands here; YAML indents with spaces only", "replace the tab by spaces"
    return None, f"a plain text cannot begin with {at.character}", _QUOTE_IT


def _unclosed(at: _Stumble) -> _Explained:
    """Something that was opened and never closed: point at where it was opened, the end says nothing."""
    if at.opened is None:
        return None
    message, line = at.message, at.opened.line + 1
    if "quoted scalar" in message and ("end of stream" in message or "document indicator" in message):
        return _from(at.opened), "this quote is never closed", "write the same quote at the end of the text"
    for kind, bracket in (("flow sequence", "]"), ("flow mapping", "}")):
        if kind in message and "expected" in message:
            if at.character == ":" and ": " in re.split(r"[,{\[]", at.before)[-1]:
                hint = "put text that holds a ':' in quotes; if a new key begins here, put a , before it"
                return None, "a second ':' stands in this value", hint
            where = "the end of the file" if not at.character else f"{_shown(at.character)}"
            what = f"the {'[' if bracket == ']' else '{'} on line {line} needs a , or a {bracket} before {where}"
            return None if at.character else _from(at.opened), what, f"close it with {bracket}, or separate with commas"
    return None


def _space_missing(at: _Stumble) -> _Explained:
    """`name:A` is a text, and only the next line does not fit: point at what was meant as a key."""
    if "mapping values are not allowed" in at.message and ": " not in at.before:
        lines = at.lines[:-1]
    elif "could not find expected ':'" in at.message and at.opened is not None:
        lines = at.lines[: at.opened.line + 1]
    else:
        return None
    found: Span | None = None
    hint = ""
    for index in range(len(lines) - 1, -1, -1):  # several lines may lack it: the first one is where it began
        line = lines[index]
        if not line.strip():
            continue
        key = line.lstrip("- ").rstrip()
        this = missing_space(key)
        if not this:
            break
        found, hint = Span(index + 1, line.index(key) + 1, len(key.partition(":")[0]) + 1), this
    if found is None:
        return None
    what, _, way_out = hint.partition("; ")
    return found, what, way_out


def _long_key(at: _Stumble) -> _Explained:
    """A key so long that no YAML reader looks for its colon."""
    if "could not find expected ':'" not in at.message or at.opened is None:
        return None
    start = at.opened.index
    if not re.search(r":(\s|$)", at.text[start + _LONGEST_KEY :].partition("\n")[0]):
        return None
    what = f"this key has more than {_LONGEST_KEY} characters, the most are {MAX_KEY}"
    return _from(at.opened), what, "give it a shorter name"


def _list_out_of_line(at: _Stumble) -> _Explained:
    """A `-` that stands in another column than those of its list."""
    line = at.lines[-1]
    if not re.match(r" *-(?: |\r?$)", line) or not re.search(
        "block mapping|block collection|values are not", at.message
    ):
        return None
    if ": " in at.before:
        return None
    column = _indent(line)
    others = [
        (abs(_indent(above) - column), -number) for number, above in enumerate(at.lines[:-1], 1) if _is_item(above)
    ]
    if not others or min(others)[0] == 0:
        return None
    nearest = -min(others)[1]
    what = f"this item of a list is not in line with the one on line {nearest}"
    return Span(at.mark.line + 1, column + 1), what, f"this `-` must stand in the column of line {nearest}"


def _extra_colon(at: _Stumble) -> _Explained:
    if "mapping values are not allowed" not in at.message:
        return None
    if ": " in at.before:
        return None, "a second ':' stands in this line", "put text that holds a ':' in quotes"
    return None, "this key does not fit the line above it", f"{_LINE_UP}; text over several lines needs quotes"


def _misplaced(at: _Stumble) -> _Explained:
    message = at.message
    if "block mapping" in message and "expected" in message and "'-'" not in message and at.opened is not None:
        if at.before.endswith(("'", '"')):
            return None, "nothing may follow a closing quote", "put the whole text into one pair of quotes"
        return None, f"this does not fit into the mapping that begins on line {at.opened.line + 1}", _LINE_UP
    if "block collection" in message and "expected" in message and at.opened is not None:
        what = f"this does not fit into the list that begins on line {at.opened.line + 1}"
        return None, what, "items of a list begin with `- ` in one column, the keys of an item two columns further in"
    if "expected node content" in message or "expected the node content" in message:
        return None, f"a value is expected here, not {_shown(at.character)}", _QUOTE_IT
    return None


def _anchor(at: _Stumble) -> _Explained:
    for kind, sign in (("alias", "*"), ("anchor", "&")):
        if f"scanning an {kind}" in at.message:
            return _from(at.opened), f"a plain text cannot begin with {sign}", _QUOTE_IT
    return None


_TESTS: tuple[Callable[[_Stumble], _Explained], ...] = (
    _bad_first_character,
    _unclosed,
    _space_missing,
    _long_key,
    _list_out_of_line,
    _extra_colon,
    _misplaced,
    _anchor,
)


def _is_item(line: str) -> bool:
    return line.lstrip(" ").startswith("- ") or line.strip() == "-"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _from(mark: Any) -> Span:
    return Span(mark.line + 1, mark.column + 1)


def _shown(character: str) -> str:
    return {"": "the end of the file", "\n": "the end of the line", "\r": "the end of the line"}.get(
        character, f"'{character}'"
    )
