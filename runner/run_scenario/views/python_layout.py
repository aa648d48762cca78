"""Python expressions as text, broken into lines as the usual formatters do it.

An expression is a piece of code that is never broken, a `Text` (a string, cut where it is too long for a line), or a
`Group`: what stands in brackets.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from keyword import iskeyword
from typing import Any

from run_scenario.values import Value

WIDTH = 100
"""Longest line of the code, in characters."""
_STEP = 4
_SHORTEST_PIECE = 20


class Text(Value):
    """A string; `before` is what precedes it: `name=`."""

    text: str
    before: str = ""


class Group(Value):
    """What stands in brackets. `opening` is all up to the bracket, itself included: `Process(`."""

    opening: str
    parts: tuple[Any, ...]
    closing: str
    is_call: bool = False
    """A call's arguments may share a line of their own; the elements of a list may not."""
    commas: bool = True


Expression = str | Text | Group


def call(function: str, *parts: Expression) -> Group:
    """Return a call."""
    return Group(f"{function}(", parts, ")", is_call=True)


def keyword(name: str, value: Expression) -> Expression:
    """Return a keyword argument."""
    return preceded(f"{name}=", value)


def keywords(values: Mapping[str, Expression]) -> list[Expression]:
    """Return keyword arguments; those that cannot be spelled so are unpacked from a dict."""
    spelled = [keyword(name, value) for name, value in values.items() if _is_name(name)]
    others = {name: value for name, value in values.items() if not _is_name(name)}
    return [*spelled, preceded("**", dictionary(others))] if others else spelled


def _is_name(text: str) -> bool:
    """Whether Python takes it for a name, and for this one: it normalizes the names that it reads."""
    return text.isidentifier() and not iskeyword(text) and unicodedata.normalize("NFKC", text) == text


def preceded(before: str, value: Expression) -> Expression:
    """Return an expression with something right before it."""
    match value:
        case Group():
            return value.replace(opening=before + value.opening)
        case Text():
            return value.replace(before=before + value.before)
    return before + value


def dictionary(values: Mapping[Any, Expression]) -> Group:
    """Return a dict of plain keys and expressions."""
    return Group("{", tuple(preceded(f"{flat(literal(key))}: ", value) for key, value in values.items()), "}")


def tuple_of(parts: Sequence[Expression]) -> Expression:
    """Return a tuple."""
    return f"({flat(parts[0])},)" if len(parts) == 1 else Group("(", tuple(parts), ")")


def literal(value: Any) -> Expression:
    """Return plain data (None, bool, int, float, str, list, dict) as Python writes it."""
    match value:
        case str():
            return Text(value)
        case list() | tuple():
            return Group("[", tuple(map(literal, value)), "]")
        case dict():
            return dictionary({key: literal(content) for key, content in value.items()})
    return repr(value).replace("e+", "e")  # only a float has an exponent


def quoted(text: str) -> str:
    """Return a string literal, in double quotes unless single ones save backslashes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_character(character, quote) for character in text) + quote


def flat(expression: Expression) -> str:
    """Return an expression on one line."""
    match expression:
        case Text(text, before):
            return before + quoted(text)
        case Group(opening, parts, closing, _, commas):
            return opening + (", " if commas else " ").join(map(flat, parts)) + closing
    return expression


def layout(expression: Expression, indent: int = 0, before: str = "", after: str = "") -> list[str]:
    """Return the lines of a statement: `before`, the expression, `after`."""
    expression = preceded(before, expression)
    line = " " * indent + flat(expression) + after
    if len(line) <= WIDTH or isinstance(expression, str):
        return [line]
    inner = indent + _STEP
    if isinstance(expression, Text):
        opening, closing = f"{expression.before}(", ")"
        body = [" " * inner + quoted(piece) for piece in _pieces(expression.text, WIDTH - inner)]
    else:
        opening, closing = expression.opening, expression.closing
        body = _body(expression, inner)
    return [" " * indent + opening, *body, " " * indent + closing + after]


def _body(group: Group, indent: int) -> list[str]:
    together = " " * indent + ", ".join(map(flat, group.parts))
    if group.is_call and len(together) <= WIDTH:
        return [together]
    comma = "," if group.commas else ""
    return [line for part in group.parts for line in layout(part, indent, after=comma)]


def _pieces(text: str, width: int) -> list[str]:
    """Cut a string so that each piece, as a literal, has room in `width` characters."""
    pieces, start, length = [], 0, 2
    for position, character in enumerate(text):
        more = len(_character(character, '"'))
        if length + more > max(width, _SHORTEST_PIECE) and position > start:
            pieces.append(text[start:position])
            start, length = position, 2
        length += more
    return [*pieces, text[start:]]


def _character(character: str, quote: str) -> str:
    if character in ("\\", quote):
        return "\\" + character
    return character if character.isprintable() else repr(character)[1:-1]
