"""How code outside the built-ins is named, `package.module:function`, and what its source file shows about it.

Nothing is imported for it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from keyword import iskeyword
from pathlib import Path

SPELLING = "package.module:function"


def is_name(text: str) -> bool:
    """Return whether `text` can be the name of a parameter, module or function."""
    return text.isidentifier() and not iskeyword(text)


def misspelling(text: str) -> str | None:
    """Return a hint if `text` is not of the form `package.module:function`, else None."""
    module, _, attribute = text.partition(":")
    parts = module.split(".")
    if "/" in module or "\\" in module or parts[-1] == "py":
        stem = module.replace("\\", "/").removesuffix(".py").strip("./").replace("/", ".")
        return f"write the module, not the file: '{stem}:{attribute}'" if len(text) < 60 else f"write `{SPELLING}`"
    if parts[0] == "__main__":
        return "put the function into a module of its own: a process cannot import __main__"
    if all(is_name(part) for part in (*parts, *attribute.split("."))):
        return None
    return f"write `{SPELLING}`, as in `mypkg.workers:crawl`"


def is_class(reference: str, folders: Iterable[str]) -> bool | None:
    """Return whether the module defines a class or a function of that name; None if that cannot be seen.

    `folders` are searched in order, as Python would: the import path, then the project's own folders.
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
