"""Expressions: `$name` and `${i % 5 + 1}` in the texts of a file.

A text that is one expression has the expression's value, of whatever type; in a longer text, the values are written
into it. `$$` is a dollar, and a dollar before anything but a name or a brace is one, too: `$5`.

The language is a small part of Python's, which parses it: names, constants, lists, tuples and dicts, arithmetic,
comparisons, `and`, `or`, `not`, `… if … else …`, indexing, and the calls in `FUNCTIONS`. No attributes, no other calls;
whatever could make a huge value from a few characters is bounded where it happens (`BOUNDED`, `FUNCTIONS`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from run_scenario.scenario.data import parts as parts_of
from run_scenario.values import Value

MAX_LENGTH = 500
"""Most characters of one expression."""
MAX_UNMARKED = 100
"""Most characters of a text without a `$` that is taken for a forgotten expression."""
MAX_DEPTH = 50
"""Most parts of an expression inside one another."""
MAX_BITS = 4096
"""Largest whole number that an expression may compute, in bits."""
MAX_SIZE = 100_000
"""Largest text, list or other collection that an expression may make, in characters, or elements at any depth."""


MAX_RANGE = 1_000_000
"""Most numbers of a `range`; it takes no room, but time where it is searched."""


class ExpressionError(Exception):
    """A text whose `$` cannot be understood: what is wrong, the way out, and where, in characters from its start."""

    def __init__(self, what: str, hint: str = "", offset: int = 0, width: int = 1) -> None:
        super().__init__(what)
        self.what, self.hint, self.offset, self.width = what, hint, offset, width


class Expression(Value):
    """One expression, in Python's own spelling."""

    text: str
    names: tuple[str, ...]
    """The names that it reads, each once."""
    calls: tuple[str, ...] = ()
    """The functions that it calls, each once."""


class Template(Value):
    """A text with expressions in it: what stands between them, and they, in order."""

    parts: tuple[str | Expression, ...]


def parse(text: str) -> str | Expression | Template:
    """Return what a text stands for.

    Raises:
        ExpressionError: there is a `$` in it that begins no expression, or one that is not allowed.
    """
    if "$" not in text:
        return text
    parts: list[str | Expression] = [""]
    position = 0
    while position < len(text):
        dollar = text.find("$", position)
        if dollar < 0:
            dollar = len(text)
        parts.append(text[position:dollar])
        position, found = _after_dollar(text, dollar)
        parts.append(found)
    merged = _merged(parts)
    if len(merged) == 1:
        return merged[0]
    return Template(tuple(merged)) if merged else ""


_COMPUTING = (ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Subscript, ast.Call, ast.Name)


def without_dollar(text: str) -> Expression | None:
    """Return the expression that a text would be in `${…}`, if it would compute something or is a name; else None."""
    if "$" in text or len(text) > MAX_UNMARKED:
        return None
    try:
        found = _checked(text, 0)
    except ExpressionError:
        return None
    return found if isinstance(_parsed(found.text), _COMPUTING) else None


def _after_dollar(text: str, dollar: int) -> tuple[int, str | Expression]:
    """Return where what begins at this dollar ends, and what it is."""
    after = text[dollar + 1 : dollar + 2]
    if after == "$":
        return dollar + 2, "$"
    if after == "{":
        end = closing(text, dollar + 2)
        if end < 0:
            hint = (
                "close it with `}`; put the text in quotes if there is a ` #` in it, which begins a comment otherwise"
            )
            raise ExpressionError("the expression that begins with `${` does not end", hint, dollar, len(text) - dollar)
        return end + 1, _checked(text[dollar + 2 : end], dollar + 2)
    end = dollar + 1
    while end < len(text) and text[dollar + 1 : end + 1].isidentifier():
        end += 1
    if end == dollar + 1:
        return min(end, len(text)), text[dollar:end]
    return end, _checked(text[dollar + 1 : end], dollar + 1)


def closing(text: str, position: int) -> int:
    """Return where the brace is that closes an expression; -1 if there is none."""
    depth, quote = 0, ""
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in "{[(":
            depth += 1
        elif character in "}])":
            if depth == 0:
                return position if character == "}" else -1
            depth -= 1
        position += 1
    return -1


def _merged(parts: list[str | Expression]) -> list[str | Expression]:
    merged: list[str | Expression] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return merged


# What is allowed


def _checked(text: str, offset: int) -> Expression:
    """Return an expression that stands at `offset` of its text."""
    if not text.strip():
        raise ExpressionError("there is nothing between the braces", "write `${i + 1}`, for example", offset)
    if len(text) > MAX_LENGTH:
        what = f"this expression has {len(text)} characters; the maximum is {MAX_LENGTH}"
        raise ExpressionError(what, "compute it in several steps, with `let`", offset, len(text))
    # A text of several lines may have its expression broken; Python would take the second line for something else.
    spelling = " ".join(text.split("\n")).strip()
    names: dict[str, None] = {}
    calls: dict[str, None] = {}
    try:
        _check(_parsed(spelling), names, calls, spelling)
    except SyntaxError as error:
        place = offset + max(0, (error.offset or 1) - 1)
        shown = spelling if len(spelling) < 60 else f"{spelling[:58]} …"
        what = f"the expression {shown!r} cannot be read: {error.msg}"
        raise ExpressionError(what, _way_out(spelling), min(place, offset + len(text))) from None
    except (RecursionError, MemoryError, ValueError):
        raise ExpressionError(
            "this expression is too deep", "compute it in several steps, with `let`", offset
        ) from None
    except ExpressionError as error:
        raise ExpressionError(error.what, error.hint, offset + error.offset, error.width) from None
    return Expression(spelling, tuple(names), tuple(calls))


def _parsed(text: str) -> ast.expr:
    tree = compile(text, "<expression>", "eval", ast.PyCF_ONLY_AST)
    body: ast.expr = tree.body  # type: ignore[attr-defined]
    return body


def _way_out(text: str) -> str:
    if "&&" in text or "||" in text or text.startswith("!"):
        return "write `and`, `or` and `not`, as in Python"
    if "$" in text:
        return "inside the braces, names have no `$`"
    if "=" in text.replace("==", "").replace("!=", "").replace("<=", "").replace(">=", ""):
        return "compare with `==`; give something a name with `let`"
    return ""


_PLAIN: dict[type[ast.AST], str] = {
    ast.BoolOp: "values",
    ast.BinOp: "left right",
    ast.UnaryOp: "operand",
    ast.Compare: "left comparators",
    ast.IfExp: "test body orelse",
    ast.Subscript: "value slice",
    ast.Slice: "lower upper step",
    ast.List: "elts",
    ast.Tuple: "elts",
    ast.Dict: "keys values",
}
"""What may stand in an expression beside constants, names and calls -> its fields that are expressions."""

_OPERATORS = (
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Pow,
    ast.Not,
    ast.USub,
    ast.UAdd,
)


def _check(node: ast.AST, names: dict[str, None], calls: dict[str, None], text: str, depth: int = 0) -> None:
    """Add the names that an expression reads, and the functions that it calls.

    Raises:
        ExpressionError: there is something in it that is not allowed.
    """
    if depth > MAX_DEPTH:
        raise _error(node, "this expression is too deep", "compute it in several steps, with `let`")
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str()):
            return
        case ast.Name(id=name):
            if name.startswith("_"):
                raise _error(node, "a name cannot begin with `_`", "give it another name")
            names[name] = None
            return
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            calls[name] = None
            for argument in arguments:
                _check(argument, names, calls, text, depth + 1)
            return
        case ast.Call():
            what = "an expression can call these functions only, with plain arguments: " + ", ".join(FUNCTIONS)
            raise _error(node, what, "call a function of your own by a step: `{call: package.module:function}`")
        case ast.Attribute():
            raise _error(node, "an expression has no attributes", "index with brackets: `item['key']`")
        case ast.BinOp(op=operator) | ast.UnaryOp(op=operator) if not isinstance(operator, _OPERATORS):
            raise _error(node, "this operator is not allowed in an expression", "use + - * / // % **")
    fields = _PLAIN.get(type(node))
    if fields is None:
        raise _error(node, f"`{_segment(node, text)}` is not allowed in an expression", _ALLOWED)
    for child in _children(node, fields):
        _check(child, names, calls, text, depth + 1)


_ALLOWED = "use names, numbers, texts, lists, arithmetic, comparisons, indexing"


def _children(node: ast.AST, fields: str) -> Iterator[ast.AST]:
    for field in fields.split():
        found = getattr(node, field)
        for child in found if isinstance(found, list) else [found]:
            if child is not None:
                yield child


def _error(node: Any, what: str, hint: str) -> ExpressionError:
    width = max(1, (node.end_col_offset or 0) - node.col_offset) if node.end_lineno == node.lineno else 1
    return ExpressionError(what, hint, node.col_offset, width)


def _segment(node: Any, text: str) -> str:
    return text.encode()[node.col_offset : node.end_col_offset].decode(errors="replace")[:40]


# How it is computed


def _bounded_size(made: Any) -> Any:
    if isinstance(made, int):
        if made.bit_length() > MAX_BITS:
            raise ValueError(f"this number is too large: an expression computes at most {MAX_BITS} bits")
    elif _size(made) > MAX_SIZE:
        raise ValueError(f"this is too large: an expression makes at most {MAX_SIZE} elements")
    return made


def _size(value: Any) -> int:
    """Return how many characters or elements there are in a value at any depth; counting ends above the maximum."""
    if isinstance(value, str):
        return len(value)
    size, inner = 0, [value]
    while inner and size <= MAX_SIZE:
        each = inner.pop()
        if isinstance(each, dict):
            each = list(each.values())
        if isinstance(each, list | tuple):
            size += len(each)
            inner += [part for part in each[:MAX_SIZE] if isinstance(part, list | tuple | dict)]
    return size


def _add(left: Any, right: Any) -> Any:
    return _bounded_size(left + right)


def _multiply(left: Any, right: Any) -> Any:
    for some, times in ((left, right), (right, left)):
        if isinstance(some, str | list | tuple) and isinstance(times, int) and _size(some) * times > MAX_SIZE:
            raise ValueError(f"this is too large: an expression makes at most {MAX_SIZE} elements")
    return _bounded_size(left * right)


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) * base.bit_length() > MAX_BITS:
        raise ValueError(f"this number is too large: an expression computes at most {MAX_BITS} bits")
    return base**exponent


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        raise TypeError("a text cannot be divided; write values into it with `$name`")
    return left % right


BOUNDED: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: _add,
    ast.Mult: _multiply,
    ast.Pow: _power,
    ast.Mod: _modulo,
}
"""Operators of which a few characters could make a huge value -> what is called in their place."""


def _list(values: Any = ()) -> list[Any]:
    return list(_countable(values))


def _sorted(values: Any) -> list[Any]:
    return sorted(_countable(values))


def _sum(values: Any, start: Any = 0) -> Any:
    numbers = [start, *_countable(values)]
    if not all(isinstance(each, int | float) for each in numbers):
        raise TypeError("sum() adds numbers")
    return _bounded_size(sum(numbers))


def _range(*edges: int) -> range:
    made = range(*edges)
    if made and abs(made[-1] - made[0]) // abs(made.step) >= MAX_RANGE:
        raise ValueError(f"this range is too long: it may have at most {MAX_RANGE:,} numbers")
    return made


def _of_several(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*(map(_countable, values) if len(values) == 1 else values))


def _text(value: Any = "") -> str:
    return str(_bounded_size(value))


def _countable(values: Any) -> Any:
    if len(values) > MAX_SIZE:
        raise ValueError(f"this is too large: an expression makes at most {MAX_SIZE} elements")
    return values


RANDOM = ("choice", "randint", "random")
"""The functions of the module `random` that an expression can call, where a running program computes it."""


def _not_drawn(*_: Any) -> Any:
    raise ValueError("what is random is drawn while the scenario runs: in steps")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "bool": bool,
    "choice": _not_drawn,
    "float": float,
    "int": int,
    "len": len,
    "list": _list,
    "max": _of_several(max),
    "min": _of_several(min),
    "randint": _not_drawn,
    "random": _not_drawn,
    "range": _range,
    "round": round,
    "sorted": _sorted,
    "str": _text,
    "sum": _sum,
}
"""All that an expression can call; what is random is given by the running program."""


def tree(expression: Expression, line: int) -> ast.expr:
    """Return an expression as Python's syntax tree, of which all stands on one line, bounded.

    It reads its names, and as globals `GLOBALS`.
    """
    bounded: ast.expr = _Bounding().visit(_parsed(expression.text))
    for node in ast.walk(bounded):
        if isinstance(node, ast.expr | ast.keyword):
            node.lineno = node.end_lineno = line
            node.col_offset = node.end_col_offset = -1
    return bounded


class _Bounding(ast.NodeTransformer):
    """Calls `FUNCTIONS`, and those of `BOUNDED` in place of their operators, by the names that `GLOBALS` has for them.

    So a value may be called `sum` or `round`, as values are, and the function can be called all the same.
    """

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name):
            node.func.id = global_name(node.func.id)
        node.args = [self.visit(each) for each in node.args]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:  # the name that `ast` asks for
        self.generic_visit(node)
        if type(node.op) not in BOUNDED:
            return node
        function = ast.Name(global_name(type(node.op).__name__), ast.Load())
        return ast.Call(function, [node.left, node.right], [])


def global_name(function: str) -> str:
    """Return the name by which an expression reaches one of `FUNCTIONS` or, by its operator's name, of `BOUNDED`."""
    return f"_expression_{function}"


GLOBALS: dict[str, Any] = {
    **{global_name(name): function for name, function in FUNCTIONS.items()},
    **{global_name(operator.__name__): function for operator, function in BOUNDED.items()},
}
"""What computing an expression needs besides its own names."""


def evaluate(value: Any, names: Mapping[str, Any]) -> Any:
    """Return plain data, in which the expressions at any depth have been computed.

    Raises:
        Exception: whatever the computing raises; a NameError where a name is not known.
    """
    match value:
        case Expression():
            return eval(_compiled(value), {"__builtins__": {}, **GLOBALS, **names})
        case Template(parts):
            return "".join(part if isinstance(part, str) else _text(evaluate(part, names)) for part in parts)
        case list():
            return [evaluate(each, names) for each in value]
        case dict():
            return {key: evaluate(each, names) for key, each in value.items()}
    return value


@lru_cache(maxsize=1000)  # each is computed for each replica
def _compiled(expression: Expression) -> CodeType:
    return compile(ast.Expression(tree(expression, 1)), "<expression>", "eval")


def truth(condition: Expression, names: Mapping[str, Any]) -> bool | None:
    """Return whether a condition is true, as far as these names tell; None: what they do not tell decides."""
    if names.keys() >= set(condition.names):
        try:
            return bool(evaluate(condition, names))
        except Exception:  # it is computed again in the run, which says what is wrong
            return None
    match _parsed(condition.text):
        case ast.BoolOp(op=operator, values=values):
            deciding = isinstance(operator, ast.Or)
            found = [truth(_part(value), names) for value in values]
            if deciding in found:
                return deciding
            return None if None in found else not deciding
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            negated = truth(_part(operand), names)
            return None if negated is None else not negated
    return None


def _part(node: ast.expr) -> Expression:
    names: dict[str, None] = {}
    calls: dict[str, None] = {}
    text = ast.unparse(node)
    _check(node, names, calls, text)
    return Expression(text, tuple(names), tuple(calls))


def draws(value: Any) -> bool:
    """Return whether what a value is depends on chance: an expression in it, at any depth, calls one of `RANDOM`."""
    match value:
        case Expression(calls=calls):
            return not set(RANDOM).isdisjoint(calls)
        case Template(parts):
            return any(map(draws, parts))
    return any(map(draws, parts_of(value)))


def names_in(value: Any) -> Iterator[str]:
    """Yield the names that the expressions in a value read, at any depth."""
    match value:
        case Expression(names=names):
            yield from names
        case Template(parts):
            for part in parts:
                yield from names_in(part)
        case _:
            for each in parts_of(value):
                yield from names_in(each)


def is_computed(value: Any) -> bool:
    """Return whether there is an expression in a value, at any depth."""
    return isinstance(value, Expression | Template) or any(map(is_computed, parts_of(value)))


def candidates(name: str | Template | Expression, names: Iterable[str]) -> list[str]:
    """Return those of the names that a computed one may be; one that is not computed is itself."""
    if isinstance(name, str):
        return [name]
    parts = name.parts if isinstance(name, Template) else (name,)
    pattern = re.compile("".join(re.escape(part) if isinstance(part, str) else ".*" for part in parts), re.DOTALL)
    return [each for each in names if pattern.fullmatch(each)]
