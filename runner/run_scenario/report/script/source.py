"""The built-ins' own few lines, as they would stand in a script: no decorator, no annotations, a docstring of one line.

They are read from the source of the modules of `targets`, with the helpers and the imports that they need.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from run_scenario.report.script.layout import WIDTH, Group, layout
from run_scenario.values import Value

_FILLED = 88
"""Width of prose of several lines."""

_FOR_CHECKERS = re.compile(r"  # (noqa|type: ignore|mypy|ruff).*$")


class Import(Value):
    """`import module`, or `from module import name`, or the same `as` something else."""

    module: str
    name: str = ""
    alias: str = ""

    @property
    def bound(self) -> str:
        """The name that the script knows it by."""
        return self.alias or self.name or self.module.partition(".")[0]


class Inlined:
    """Collects the source of functions, with what they need, in an order in which each comes after its helpers."""

    def __init__(self) -> None:
        self.definitions: dict[str, str] = {}
        self.imports: set[Import] = set()

    def add(self, function: Callable[..., Any]) -> None:
        """Take in a function of a module of `targets`."""
        self._add(_read(function.__module__), function.__name__, ())

    def _add(self, module: _Module, name: str, path: tuple[str, ...]) -> None:
        if name in self.definitions or name in path:
            return
        node = module.definitions[name]
        for used in sorted(_globals(node)):
            if used in module.definitions:
                self._add(module, used, (*path, name))
            elif used in module.imports:
                self.imports.add(module.imports[used])
        self.definitions[name] = "\n".join(_lines(node, module.lines))


class _Module:
    """A module's source: its top-level definitions and imports by name."""

    def __init__(self, module: ModuleType) -> None:
        source = inspect.getsource(module)
        self.lines = source.splitlines()
        self.definitions: dict[str, ast.stmt] = {}
        self.imports: dict[str, Import] = {}
        tree = ast.parse(source)
        for part in ast.walk(tree):
            _without_types(part)
        for node in tree.body:
            self._take(node)

    def _take(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                self.definitions[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                self.definitions[name] = node
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                origin = getattr(node, "module", "")
                given = [(origin or alias.name, alias.name if origin else "", alias.asname or "") for alias in names]
                self.imports |= {found.bound: found for found in (Import(*each) for each in given)}


@functools.cache
def _read(name: str) -> _Module:
    return _Module(importlib.import_module(name))


def _without_types(node: ast.AST) -> None:
    """Take the annotations and decorators away; the place of one of a variable is kept."""
    match node:
        case ast.arg():
            node.annotation = None
        case ast.FunctionDef():
            node.returns, node.decorator_list = None, []
        case ast.AnnAssign():
            node.annotation = ast.copy_location(ast.Constant(None), node.annotation)


def _globals(node: ast.AST) -> set[str]:
    """Return the names that a definition reads from outside."""
    found = list(ast.walk(node))
    names = [each for each in found if isinstance(each, ast.Name)]
    local = {each.arg for each in found if isinstance(each, ast.arg)}
    local |= {each.id for each in names if not isinstance(each.ctx, ast.Load)}
    return {each.id for each in names} - local


def _lines(node: ast.stmt, source: list[str]) -> list[str]:
    """Return a definition's lines, with every signature and docstring in it rewritten."""
    written: list[str] = []
    position = node.lineno
    for line, end, replacement in sorted(_replacements(node, source)):
        written += source[position - 1 : line - 1]
        written += replacement
        position = end + 1
    written += source[position - 1 : node.end_lineno]
    return [_FOR_CHECKERS.sub("", line) for line in written]


def _replacements(node: ast.stmt, source: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """Yield first line, last line and what is to stand there."""
    for child in ast.walk(node):
        match child:
            case ast.FunctionDef(lineno=line, col_offset=indent, body=[first, *_]):
                yield line, first.lineno - 1, _signature(child, indent)
                yield from _docstring(first)
            case ast.ClassDef(body=[first, *_]):
                yield from _docstring(first)
            case ast.AnnAssign(target=target, annotation=annotation, value=ast.expr()):
                text = source[target.lineno - 1].encode()
                plain = text[: target.end_col_offset] + text[annotation.end_col_offset :]
                yield target.lineno, target.lineno, [plain.decode()]


def _signature(function: ast.FunctionDef, indent: int) -> list[str]:
    """Return `def name(…):` without annotations."""
    plain = ast.unparse(function.args).replace("'", '"')  # as in all of the script
    return layout(Group(f"def {function.name}(", (plain,), ")", is_call=True), indent, after=":")


def _docstring(node: ast.stmt) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the replacement of a docstring by its summary, if that is what `node` is."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text)), lineno=line, end_lineno=int(end), col_offset=column):
            yield line, end, docstring(inspect.cleandoc(text).partition("\n\n")[0], column)


def docstring(text: str, indent: int = 0) -> list[str]:
    """Return the lines of a docstring; paragraphs are filled, and stand apart."""
    margin = " " * indent
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    paragraphs = [words for paragraph in safe.split("\n\n") if (words := " ".join(paragraph.split()))] or [""]
    only = paragraphs[0]
    if len(paragraphs) == 1 and indent + len(only) + 6 <= WIDTH and not only.endswith('"'):
        return [f'{margin}"""{only}"""']
    filled = "\n\n".join(
        textwrap.fill(
            paragraph,
            _FILLED,
            initial_indent=margin + ('"""' if index == 0 else ""),
            subsequent_indent=margin,
            break_on_hyphens=False,
            break_long_words=False,
        )
        for index, paragraph in enumerate(paragraphs)
    )
    return [*filled.splitlines(), f'{margin}"""']
