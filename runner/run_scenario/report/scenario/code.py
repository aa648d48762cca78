"""The script's own code, as a scenario names it: `script:function`; and whether it can be imported for that at all."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from keyword import iskeyword
from pathlib import PurePath
from typing import Any

from run_scenario.recording.payloads import WITHHELD
from run_scenario.report.scenario.yaml_text import NOT_RECORDED, bounded

_MAIN_MODULES = ("__main__", "__mp_main__")


class Code:
    """Names functions and classes of a script and of what it imports."""

    def __init__(self, file: str, source: str | None, made_in: Iterable[str]) -> None:
        """`file` is the script, or a module's name; `source` is its text, if it is known.

        `made_in` are the files in which something was made.
        """
        self._is_script = file.endswith(".py")
        self.module = PurePath(file).name.removesuffix(".py") if self._is_script else file
        if not self._is_script and any(PurePath(each).name == "__main__.py" for each in made_in):
            self.module += ".__main__"  # what `python -m` runs of a package
        self.packages: set[str] = set()
        """What has to be allowed."""
        self.unusable = self._why_unusable(source)
        """Why nothing of the script itself can be named; empty if it can."""
        self.is_unseen = not source

    def _why_unusable(self, source: str | None) -> str:
        if not all(map(_is_name, self.module.split("."))):
            return f"{self.module!r} cannot be imported by that name"
        if self._is_script and self.module in sys.stdlib_module_names:
            return f"Python has a module {self.module} of its own"
        if source and runs_when_imported(source):
            return 'it has code at its top level without `if __name__ == "__main__":`, which importing it runs again'
        return ""

    def function(self, path: str) -> tuple[str, str]:
        """Return the reference to what has a path in the log; or why there is none."""
        module, _, name = path.partition(":")
        if not path:
            return "", "it cannot be called by its name and what it was given"
        if module in _MAIN_MODULES:
            if self.unusable:
                return "", "no code of the script can be named (see above)"
            module = self.module
        if not all(map(_is_name, (*module.split("."), *name.split(".")))):
            return "", "it has no name that can be written"
        self.packages.add(module.partition(".")[0])
        return f"{module}:{name}", ""


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)


def runs_when_imported(source: str) -> bool:
    """Return whether a script does something when it is imported, with no guard that would keep it from that."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if any(isinstance(node, ast.If) and _is_guard(node.test) for node in body):
        return False
    return any(map(_does_something, body))


def _is_guard(test: ast.expr) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    texts = {node.value for node in ast.walk(test) if isinstance(node, ast.Constant)}
    return "__name__" in names and "__main__" in texts


def _does_something(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Expr() | ast.For() | ast.While() | ast.With():
            return True
        case ast.If() | ast.Try():
            return any(map(_does_something, (*node.body, *node.orelse)))
    return False


def keywords(arguments: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], str]:
    """Return `args` and `kwargs` of the data among some arguments; or why they cannot be said."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    arguments = list(arguments)
    # Who has no name is given by position, and so is what stands before.
    by_position = max((n for n, argument in enumerate(arguments, 1) if not argument["name"]), default=0)
    for number, argument in enumerate(arguments, 1):
        if "resource" in argument or "resources" in argument:
            if number <= by_position:
                return {}, "a resource is given to a parameter whose name is not known"
            continue
        name = argument["name"]
        data, too_much = bounded(argument.get("data"))
        if "data" not in argument or too_much:
            why = NOT_RECORDED if argument.get("value") == WITHHELD else "no data, or too much of it"
            return {}, f"{f'its argument {name!r}' if name else 'an argument'} is {why}"
        if number <= by_position:
            args.append(data)
        else:
            kwargs[name] = data
    return ({"args": args} if args else {}) | ({"kwargs": kwargs} if kwargs else {}), ""
