"""The variable to which own code assigns what a call makes: `tasks` in `tasks = Queue()`.

No name is better than a wrong one: where the call is an argument of another, there is none.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from typing import Any

_MOST_LINES = 8
"""Lines that a statement may have before and after that of the call."""
_COLLECTIONS = ("list", "tuple", "dict", "set", "frozenset", "deque")
_TRANSPARENT = (
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Starred, ast.IfExp, ast.BoolOp),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
"""What holds a call in such a way that it is still the variable's."""

Position = tuple[int, int, int, int]
"""First line and column, last line and column."""


def variable_of(file: str, module: dict[str, Any], position: Position) -> str:
    """Return the variable of the call at that position; several, if it returns several; empty if there is none."""
    for statement in _statements(file, module, position):
        for target, value in _assignments(statement):
            if _covers(value, position):
                return _matched(target, value, position)
    return ""


def _statements(file: str, module: dict[str, Any], position: Position) -> Iterator[ast.stmt]:
    """Yield what can be read as a statement around a position, beginning with what begins in its line."""
    lines = linecache.getlines(file, module)
    line, _, last, _ = position
    for first in range(line, max(0, line - _MOST_LINES), -1):
        if not lines[first - 1 : first]:
            return
        for end in range(last, min(len(lines), last + _MOST_LINES) + 1):
            found = _parsed(lines[first - 1 : end], first)
            if found:
                yield from found
                break


def _parsed(lines: list[str], first: int) -> list[ast.stmt]:
    """Return the statements of some lines, of which `first` is the number of the first; none if they are no whole."""
    indent = " " * (len(lines[0]) - len(lines[0].lstrip()))
    text = "".join(lines)
    # Below a head such as that of a `with` there has to be something; what is indented needs something above.
    for body in ("", f"{indent} pass\n"):
        try:
            tree = ast.parse(f"if 1:\n{text}\n{body}" if indent else f"{text}\n{body}")
        # A SystemError, where several threads of Python 3.11 parse at once; the others, where it is nested too deep.
        except (SyntaxError, ValueError, SystemError, RecursionError, MemoryError):
            continue
        ast.increment_lineno(tree, first - (2 if indent else 1))
        above = tree.body[0] if indent else None
        return above.body if isinstance(above, ast.If) else tree.body
    return []


def _assignments(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield targets and values, the innermost first."""
    named = [node for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)]
    yield from ((node.target, node.value) for node in reversed(named))
    match statement:
        case ast.Assign():
            yield statement.targets[0], statement.value
        case ast.AnnAssign() if statement.value is not None:
            yield statement.target, statement.value
        case ast.With() | ast.AsyncWith():
            for item in statement.items:
                if item.optional_vars is not None:
                    yield item.optional_vars, item.context_expr


def _matched(target: ast.expr, value: ast.expr, position: Position) -> str:
    several = ast.Tuple | ast.List
    if isinstance(target, several) and isinstance(value, several) and len(target.elts) == len(value.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        return next((_matched(one, made, position) for one, made in pairs if _covers(made, position)), "")
    return _called(target) if _is_made_by(value, position) else ""


def _called(target: ast.expr) -> str:
    match target:
        case ast.Name():
            return target.id
        case ast.Attribute():
            return target.attr
        case ast.Tuple() | ast.List():
            return ", ".join(map(_called, target.elts))
        case ast.Subscript():
            return _called(target.value)
    return ""


def _is_made_by(node: ast.AST, position: Position) -> bool:
    """Tell whether an expression is the call at a position, or a collection of what it makes."""
    if isinstance(node, ast.Call):
        if _place(node) == position:
            return True
        if not (isinstance(node.func, ast.Name) and node.func.id in _COLLECTIONS):
            return False
    elif not isinstance(node, _TRANSPARENT) and not isinstance(node, ast.keyword):
        return False
    return any(_is_made_by(child, position) for child in ast.iter_child_nodes(node))


def _place(node: Any) -> Position:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _covers(node: ast.expr, position: Position) -> bool:
    line, column, last, end = _place(node)
    return (line, column) <= position[:2] and position[2:] <= (last, end)
