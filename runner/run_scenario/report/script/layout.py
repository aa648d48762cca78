"""Python expressions as text, broken into lines as the usual formatters do it.

An expression is a piece of code that is never broken, a `Text` (a string, cut where it is too long for a line), or a
`Group`: what stands in brackets.
"""

from __future__ import annotations

import ast
import io
import tokenize
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from keyword import iskeyword
from typing import Any, Protocol

from run_scenario.scenario.data import CallSpec, LinesSpec, ObjectSpec, SetSpec
from run_scenario.scenario.expressions import RANDOM, Template, draws
from run_scenario.scenario.expressions import Expression as Computed
from run_scenario.values import Value

WIDTH = 100
"""Longest line of the code, in characters."""
_STEP = 4
_SHORTEST_PIECE = 20
_LEAST_REPEATED = 4
"""Fewest equal elements of a list that are written once."""


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


class Names(Protocol):
    """What code calls the functions and modules that it uses."""

    def function(self, reference: str) -> str:
        """Return the expression that stands for a function or class."""

    def use(self, module: str, name: str = "") -> str:
        """Return what a module of the standard library is called, or a name from it."""

    def helper(self, name: str) -> str:
        """Return what a function or class of `helpers` is called."""

    def builtin(self, name: str) -> str:
        """Return the expression that stands for a built-in."""


class FullNames:
    """The names of code that is read and not run: each function with its module."""

    def function(self, reference: str) -> str:
        """Return the name with its module."""
        return reference.replace(":", ".")

    def use(self, module: str, name: str = "") -> str:
        """Return the name alone."""
        return name or module

    def helper(self, name: str) -> str:
        """Return the name."""
        return name

    builtin = helper


FULL_NAMES = FullNames()


def literal(value: Any, names: Names = FULL_NAMES) -> Expression:
    """Return data, with expressions in it, as Python writes it; what has to be made, as the call that makes it."""
    match value:
        case Computed():
            return code(value, names=names)
        case Template(parts):
            return _formatted(parts, names)
        case str():
            return Text(value)
        case bytes():
            return bytes_literal(value)
        case [first, *_] if len(value) >= _LEAST_REPEATED and isinstance(value, list) and _is_repeated(first, value):
            return f"[{flat(literal(first))}] * {len(value)}"
        case list():
            return Group("[", _literals(value, names), "]")
        case tuple():
            return tuple_of(_literals(value, names))
        case dict():
            pairs = ((flat(literal(key, names)), literal(content, names)) for key, content in value.items())
            return Group("{", tuple(preceded(f"{key}: ", content) for key, content in pairs), "}")
        case SetSpec():
            return Group("{", _literals(value.elements, names), "}") if value.elements else "set()"
        case CallSpec():
            return call(names.helper("Call"), names.function(value.function), *_given(value, names))
        case ObjectSpec():
            return call(names.function(value.function), *_given(value, names))
        case LinesSpec():
            return f'{names.use("pathlib", "Path")}({quoted(value.path)}).read_text("utf-8").splitlines()'
        case None | bool() | int() | float():
            return repr(value).replace("e+", "e")  # only a float has an exponent
    return repr(value).replace("datetime.", f"{names.use('datetime')}.")


def _is_repeated(first: Any, values: list[Any]) -> bool:
    return isinstance(first, str | int | float) and all(repr(value) == repr(first) for value in values)


def _literals(values: Iterable[Any], names: Names) -> tuple[Expression, ...]:
    return tuple(literal(value, names) for value in values)


def _given(spec: CallSpec | ObjectSpec, names: Names) -> list[Expression]:
    named = {name: literal(value, names) for name, value in spec.kwargs.items()}
    return [*_literals(spec.args, names), *keywords(named)]


def bytes_literal(data: bytes) -> str:
    """Return a literal of bytes, in double quotes where that is readable."""
    written = repr(data)
    return f'b"{written[2:-1]}"' if written[1] == "'" and '"' not in written and "\\'" not in written else written


def code(expression: Computed, quote: str = '"', names: Names = FULL_NAMES) -> str:
    """Return an expression as the usual formatters write it, its strings in quotes of this kind if they can be."""
    tree = ast.parse(expression.text, mode="eval")
    if draws(expression):
        for each in ast.walk(tree):
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in RANDOM:
                each.func = ast.Attribute(ast.Name(names.use("random"), ast.Load()), each.func.id, ast.Load())
    text = ast.unparse(tree)
    tokens = [each for each in tokenize.generate_tokens(io.StringIO(text).readline) if each.string.strip()]
    close = {index for index, each in enumerate(tokens) if each.string == "**" and _is_simple(tokens, index)}
    written, position = "", 0
    for index, token in enumerate(tokens):
        spaces = "" if index in close or index - 1 in close else text[position : token.start[1]]
        written += spaces + _token(token, quote)
        position = token.end[1]
    return written


def _is_simple(tokens: Sequence[tokenize.TokenInfo], power: int) -> bool:
    """Whether a power is one of two names or numbers, which are written without spaces."""
    left, right = tokens[power - 1], tokens[power + 1]
    follows = tokens[power + 2].string if power + 2 < len(tokens) else ""
    return {left.type, right.type} <= {tokenize.NAME, tokenize.NUMBER} and follows not in ("[", "(", "**")


def _token(token: tokenize.TokenInfo, quote: str) -> str:
    if token.type == tokenize.NUMBER:
        return token.string.replace("e+", "e")
    if token.type != tokenize.STRING:
        return token.string
    text = ast.literal_eval(token.string)
    is_plain = text.isprintable() and not {*"\"'\\"} & {*text}
    return f"{quote}{text}{quote}" if is_plain else quoted(text)


def _formatted(parts: Sequence[str | Computed], names: Names) -> str:
    """Return a text with expressions in it."""
    texts = [part for part in parts if isinstance(part, str)]
    quote, other = "\"'" if sum(map(_leaning, texts)) <= 0 else "'\""
    spelled = [part if isinstance(part, str) else code(part, other, names) for part in parts]
    computed = [text for text, part in zip(spelled, parts, strict=True) if not isinstance(part, str)]
    if any(character in text for text in computed for character in ("{", "\\", quote)):
        pattern = "".join("{}" if isinstance(part, Computed) else _doubled(part) for part in parts)
        given = ", ".join(code(part, names=names) for part in parts if isinstance(part, Computed))
        return f"{quoted(pattern)}.format({given})"
    pieces = [
        "".join(_character(character, quote) for character in _doubled(text))
        if isinstance(part, str)
        else f"{{{text}}}"
        for text, part in zip(spelled, parts, strict=True)
    ]
    return f"f{quote}{''.join(pieces)}{quote}"


def _leaning(text: str) -> int:
    """Return by how many more double quotes than single ones there are."""
    return text.count('"') - text.count("'")


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def quoted(text: str) -> str:
    """Return a string literal, in double quotes unless single ones save backslashes."""
    quote = "'" if _leaning(text) > 0 else '"'
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
    together = " " * indent + (", " if group.commas else " ").join(map(flat, group.parts))
    if (group.is_call or not group.commas) and len(together) <= WIDTH:
        return [together]
    only = group.parts[0] if len(group.parts) == 1 else None
    # What is the only argument, and has brackets of its own, is followed by no comma.
    comma = "," if group.commas and not (group.is_call and isinstance(only, Group)) else ""
    return [line for part in group.parts for line in layout(part, indent, after=comma)]


def _pieces(text: str, width: int) -> list[str]:
    """Cut a string so that each piece, as a literal, fits into `width` characters."""
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
