"""What stands behind `package.module:name`, as far as source files tell; nothing is imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path


def is_class(reference: str, folders: Iterable[str]) -> bool | None:
    """Return whether the module defines a class or a function of that name; None if that cannot be seen.

    `folders` are searched in order, as Python would: the import path, then the scenario's own folder.
    """
    module, _, qualified = reference.partition(":")
    path = _find(module, folders)
    if path is None:
        return None
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _kind(body, qualified.split("."))


def _find(module: str, folders: Iterable[str]) -> Path | None:
    relative = Path(*module.split("."))
    for folder in folders:
        for path in (Path(folder, relative, "__init__.py"), Path(folder, relative.with_suffix(".py"))):
            if path.is_file():
                return path
    return None


def _kind(body: list[ast.stmt], names: list[str]) -> bool | None:
    # The last definition is the one that counts.
    for node in reversed(body):
        if isinstance(node, ast.ClassDef) and node.name == names[0]:
            return True if len(names) == 1 else _kind(node.body, names[1:])
        if isinstance(node, ast.FunctionDef) and node.name == names[0]:
            return False
    return None
