"""PyYAML's syntax errors in kinder words: what is wrong at which place, and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from run_scenario.language.problems import Problems, Span

_QUOTE_IT = "put the whole text in quotes, as in '…'"
_LINE_UP = "keys of one mapping begin in the same column"

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
    (r"incompatible YAML document|directive", "a scenario has no % lines", "leave the line out, or put it in quotes"),
)


def explain(error: Any, text: str, problems: Problems) -> None:
    """Add the problem that a `yaml.MarkedYAMLError` stands for."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        problems.error(Span(1, 1), f"this text cannot be read as YAML: {error.problem}")
        return
    span = Span(mark.line + 1, mark.column + 1)
    message = f"{error.context or ''}; {error.problem or ''}"
    opened = error.context_mark
    before = text[: mark.index].rpartition("\n")[2].strip()
    for test in (_bad_first_character, _unclosed, _extra_colon, _misplaced, _anchor):
        found = test(message, _character_at(text, mark.index), before, opened)
        if found is not None:
            place, what, hint = found
            problems.error(place or span, what, hint)
            return
    for pattern, what, hint in _REWORDED:
        if re.search(pattern, message):
            at_key = opened if "could not find" in message else None
            problems.error(_from(at_key) if at_key else span, what, hint)
            return
    problems.error(span, f"this cannot be read as YAML: {error.problem}", _QUOTE_IT)


_Explained = tuple[Span | None, str, str] | None
_Test = Callable[[str, str, str, Any], _Explained]
"""Of the parser's message, the character it stumbled on, what stands before that on the line, and the mark of what was
open: where to point instead, what is wrong and the way out; None if the test is about something else."""


def _bad_first_character(message: str, character: str, before: str, opened: Any) -> _Explained:
    if "cannot start any token" not in message:
        return None
    if character == "\t":
        return None, "a tab stands here; YAML indents with spaces only", "replace the tab by spaces"
    return None, f"a plain text cannot begin with {character}", _QUOTE_IT


def _unclosed(message: str, character: str, before: str, opened: Any) -> _Explained:
    """Something that was opened and never closed: point at where it was opened, the end says nothing."""
    if opened is None:
        return None
    line = opened.line + 1
    if "quoted scalar" in message and ("end of stream" in message or "document indicator" in message):
        return _from(opened), "this quote is never closed", "write the same quote at the end of the text"
    for kind, bracket in (("flow sequence", "]"), ("flow mapping", "}")):
        if kind in message and "expected" in message:
            where = "the end of the file" if not character else f"{_shown(character)}"
            what = f"the {'[' if bracket == ']' else '{'} on line {line} needs a , or a {bracket} before {where}"
            return None if character else _from(opened), what, f"close it with {bracket}, or separate with commas"
    return None


def _extra_colon(message: str, character: str, before: str, opened: Any) -> _Explained:
    if "mapping values are not allowed" not in message:
        return None
    if ": " in before:
        return None, "a second ':' stands in this line", "put text that holds a ':' in quotes"
    return None, "this key does not fit the line above it", f"{_LINE_UP}; text over several lines needs quotes"


def _misplaced(message: str, character: str, before: str, opened: Any) -> _Explained:
    if "block mapping" in message and "expected" in message and "'-'" not in message and opened is not None:
        if before.endswith(("'", '"')):
            return None, "nothing may follow a closing quote", "put the whole text into one pair of quotes"
        return None, f"this does not fit into the mapping that begins on line {opened.line + 1}", _LINE_UP
    if "block collection" in message and "expected" in message and opened is not None:
        what = f"this does not fit into the list that begins on line {opened.line + 1}"
        return None, what, "items of a list begin with `- ` in one column, the keys of an item two columns further in"
    if "expected node content" in message or "expected the node content" in message:
        return None, f"a value is expected here, not {_shown(character)}", _QUOTE_IT
    return None


def _anchor(message: str, character: str, before: str, opened: Any) -> _Explained:
    if "scanning an alias" in message:
        return _from(opened), "a plain text cannot begin with *", _QUOTE_IT
    if "scanning an anchor" in message:
        return _from(opened), "a plain text cannot begin with &", _QUOTE_IT
    return None


def _from(mark: Any) -> Span:
    return Span(mark.line + 1, mark.column + 1)


def _character_at(text: str, index: int) -> str:
    return text[index] if 0 <= index < len(text) else ""


def _shown(character: str) -> str:
    return {"": "the end of the file", "\n": "the end of the line", "\r": "the end of the line"}.get(
        character, f"'{character}'"
    )
