"""PyYAML's syntax errors in plain words: what is wrong, where, and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from run_scenario.loader.problems import Problems, Span, shorten
from run_scenario.loader.reading.scalars import MAX_KEY, PROSE, missing_space
from run_scenario.scenario.expressions import closing

MAX_DEPTH = 48
"""Most lists and mappings inside one another."""
TOO_DEEP = f"lists and mappings are nested more than {MAX_DEPTH} deep here"
CHECK_NESTING = "no scenario needs that; check the brackets and the indentation"

_QUOTE_IT = "put the whole text in quotes, as in '…'"
_LINE_UP = "keys of one mapping begin in the same column"
_LONGEST_LINE = 300
"""Most characters of a line in which keys are looked for: expressions that go back and forth are slow on long ones."""
_LONGEST_KEY = 1024
"""Most characters between the beginning of a key and its colon, in YAML itself."""

# A message of libyaml or of PyYAML's own scanner (they differ), what is wrong, and the hint.
_REWORDED: tuple[tuple[str, str, str], ...] = (
    (r"tab character", "this is a tab; YAML indents with spaces only", "replace the tab by spaces"),
    (r"found unexpected ':'", "a ':' needs a space after it here", "write `key: value`"),
    (r"(block )?sequence entries are not allowed", "a list cannot begin here", "begin the list on a line of its own"),
    (
        r"unknown escape",
        "this \\ does not begin an escape that YAML knows",
        "use single quotes, or write \\\\ for a backslash",
    ),
    (r"could not find expected ':'", "a ':' is missing after this", "a key is written `key: value`"),
    (r"undefined tag handle|scanning a tag", "tags are not allowed in a scenario", f"{_QUOTE_IT} if it begins with !"),
    (r"found undefined alias", "aliases are not allowed in a scenario", "write the value out"),
    (r"did not find expected '-'", "this line is not an item of the list above it", "begin it with `- `, or indent it"),
    (r"expected <document start>", "something follows the end of the document", "a file holds one document"),
    (r"nesting depth", TOO_DEEP, CHECK_NESTING),
    (r"incompatible YAML document|directive", "a scenario has no % lines", "leave the line out, or put it in quotes"),
)


class _Failure(NamedTuple):
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
    failure = _Failure(message, mark, error.context_mark, text)
    for test in _TESTS:
        found = test(failure)
        if found is not None:
            place, what, hint = found
            problems.error(place or failure.span, what, hint)
            return
    for pattern, what, hint in _REWORDED:
        if re.search(pattern, message):
            at_key = failure.opened if "could not find" in message else None
            problems.error(_from(at_key) if at_key else failure.span, what, hint)
            return
    problems.error(failure.span, f"this cannot be read as YAML: {error.problem}", _QUOTE_IT)


_Explained = tuple[Span | None, str, str] | None
"""Where to point instead, what is wrong and the way out; None if a test is about something else."""


def _dash(at: _Failure) -> _Explained:
    """`-name: A` and a dash that is none begin no item of a list, and only a line in it does not fit: point at it."""
    lines, least = at.lines, 10**6
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        indent = _indent(line)
        found = len(line) <= _LONGEST_LINE and re.match(
            r" *(?:(-)[A-Za-z_][\w-]*:|([\u2010-\u2015\u2212\u2022\u00b7*]) ?[A-Za-z_][\w-]*:)(?= |\r?$)", line
        )
        if found and indent < least:
            if found[1]:
                key = found[0].strip().removeprefix("-")
                return Span(number, indent + 1), "a space is missing after this `-`", f"write `- {key} …`"
            what = f"a list's items begin with `-`, not with {found[2]} (U+{ord(found[2]):04X})"
            return Span(number, indent + 1), what, "write `- `, with the hyphen of the keyboard"
        if line.strip():
            least = min(least, indent)
    return None


def _comment(at: _Failure) -> _Explained:
    """A # after a space in a list or mapping on one line: it hides the rest of the line, the bracket included."""
    if at.opened is None or "flow" not in at.message:
        return None
    lines = at.text[: at.mark.index].split("\n")
    for number, line in enumerate(lines[at.opened.line : at.mark.line + 1], at.opened.line + 1):
        start = at.opened.column if number == at.opened.line + 1 else 0
        found = re.search(r"[^\s,\[{] (#)\S", line[start:])
        if found and not re.search(r"['\"]", line[start : start + found.start()]):
            what = "a comment begins here: the rest of the line, with its brackets, is not read"
            return Span(number, start + found.start(1) + 1), what, "put text that holds a # in quotes"
    return None


def _bad_first_character(at: _Failure) -> _Explained:
    if "cannot start any token" not in at.message:
        return None
    if at.character == "\t":
        return None, "this is a tab; YAML indents with spaces only", "replace the tab by spaces"
    return None, f"a plain text cannot begin with {at.character}", _QUOTE_IT


def _expression(at: _Failure) -> _Explained:
    """An expression with braces in a list or mapping on one line, or with what YAML takes for a key or a comment."""
    line, column = at.lines[-1], at.mark.column
    start = line.rfind("${", 0, column + 1)
    if start < 0 or line[:start].count("'") % 2 or line[:start].count('"') % 2:
        return None
    end = closing(line, start + 2)
    if 0 <= end < column:
        return None
    written = line[start:] if end < 0 else line[start : end + 1]
    mark = '"' if "'" in written else "'"
    hint = f"write {mark}{written}{mark}" if len(written) < 60 and mark not in written else _QUOTE_IT
    return Span(at.mark.line + 1, start + 1, len(written)), "this expression needs quotes here", hint


def _unclosed(at: _Failure) -> _Explained:
    """Something that was opened and never closed: point at where it was opened."""
    if at.opened is None:
        return None
    message, line = at.message, at.opened.line + 1
    if "quoted scalar" in message and ("end of stream" in message or "document indicator" in message):
        return _from(at.opened), "this quote is never closed", "write the same quote at the end of the text"
    for kind, bracket in (("flow sequence", "]"), ("flow mapping", "}")):
        if kind in message and "expected" in message:
            if at.character == ":" and ": " in re.split(r"[,{\[]", at.before)[-1]:
                hint = "put text that holds a ':' in quotes; if a new key begins here, put a , before it"
                return None, "this value has a second ':'", hint
            where = "the end of the file" if not at.character else f"{_shown(at.character)}"
            what = f"the {'[' if bracket == ']' else '{'} on line {line} needs a , or a {bracket} before {where}"
            return None if at.character else _from(at.opened), what, f"close it with {bracket}, or separate with commas"
    return None


def _space_missing(at: _Failure) -> _Explained:
    """`name:A` is a text, and only the next line does not fit: point at the intended key."""
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


def _long_key(at: _Failure) -> _Explained:
    """A key so long that no YAML reader looks for its colon."""
    if "could not find expected ':'" not in at.message or at.opened is None:
        return None
    start = at.opened.index
    if not re.search(r":(\s|$)", at.text[start + _LONGEST_KEY :].partition("\n")[0]):
        return None
    what = f"this key has more than {_LONGEST_KEY} characters; the maximum is {MAX_KEY}"
    return _from(at.opened), what, "give it a shorter name"


def _list_out_of_line(at: _Failure) -> _Explained:
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


def _extra_colon(at: _Failure) -> _Explained:
    if "mapping values are not allowed" not in at.message:
        return None
    if ": " in at.before:
        return None, "this line has a second ':'", _second_colon(at.lines[-1])
    return None, "this key does not fit the line above it", f"{_LINE_UP}; text over several lines needs quotes"


def _second_colon(line: str) -> str:
    """Return the hint for a line with two keys, or with a text that holds a colon."""
    if len(line) > _LONGEST_LINE:
        return "put text that holds a ':' in quotes"
    if found := re.fullmatch(
        r" *(- +)?(\w+: .*?),? +((?:target|kwargs|args|from|to|uses|daemon|replicas): .*?)\r?", line
    ):
        inside = shorten(f"{found[2]}, {found[3]}", 60)
        return f"write each key on a line of its own, or put all in braces: `{found[1] or ''}{{{inside}}}`"
    if (found := re.fullmatch(r" *(?:- +)?(\w+): +([^'\"#]+?)\r?", line)) and found[1] in PROSE:
        return f"put the text in quotes: `{found[1]}: '{shorten(found[2], 60)}'`"
    if found := re.fullmatch(r" *(?:- +)?([\w-]+): +([\w-]+): *(\S.*?)\r?", line):
        inner = f"{found[2]}: {shorten(found[3], 40)}"
        return f"write `{found[1]}: {{{inner}}}`, or put text that holds a ':' in quotes"
    if found := re.fullmatch(r" *(- +)?([\w-]+: [^,{}\[\]'\"#]+, *[\w-]+: [^{}\[\]'\"#]+?)\r?", line):
        return f"put all keys in braces: `{found[1] or ''}{{{shorten(found[2], 60)}}}`"
    return "put text that holds a ':' in quotes"


def _misplaced(at: _Failure) -> _Explained:
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


def _anchor(at: _Failure) -> _Explained:
    for kind, sign in (("alias", "*"), ("anchor", "&")):
        if f"scanning an {kind}" in at.message:
            return _from(at.opened), f"a plain text cannot begin with {sign}", _QUOTE_IT
    return None


_TESTS: tuple[Callable[[_Failure], _Explained], ...] = (
    _dash,
    _expression,
    _comment,
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
