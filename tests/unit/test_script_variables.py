"""The name that a recorded script's object gets: that of the variable, if there is one for sure."""

from __future__ import annotations

import ast
import linecache
from pathlib import Path
from typing import Any

import pytest

from run_scenario.runtime import cpython
from run_scenario.runtime.script.variables import variable_of


def make() -> Any:
    """Stand for a function that makes something."""
    frame = next(iter(cpython.frames_of_caller()))
    line, last, column, end = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    assert None not in (line, last, column, end)
    FOUND.append(variable_of(frame.f_code.co_filename, frame.f_globals, (line, column, last, end)))  # type: ignore[arg-type]
    return [FOUND[-1]] * 2


FOUND: list[str] = []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tasks = make()", ["tasks"]),
        ("x = 1; tasks = make(); y = make()", ["tasks", "y"]),
        ("self.inbox = make(); self.lock = make()", ["inbox", "lock"]),
        ("a, b = make(), make()", ["a", "b"]),
        ("self.a, self.b = [make(), make()]", ["a", "b"]),
        ("left, right = make()", ["left, right"]),
        ("tasks: list = make()", ["tasks"]),
        ("locks = [make() for _ in range(2)]", ["locks", "locks"]),
        ("locks = list(make() for _ in range(2))", ["locks", "locks"]),
        ("by_name = {'a': make(), 'b': make()}", ["by_name", "by_name"]),
        ("by_name = {}\nby_name['a'] = make()", ["by_name"]),
        ("tasks = make(\n    # here\n)", ["tasks"]),
        ("locks = [\n    make(),\n    make(),\n]", ["locks", "locks"]),
        ("tasks = make() if self else None", ["tasks"]),
        ("if (tasks := make()):\n    pass", ["tasks"]),
        ("with opened(make()) as wrapper, self as pool:\n    pass", [""]),
        ("with self as one, make_in(make()) as two:\n    pass", [""]),
        ("worker = opened(make())", [""]),
        ("make()", [""]),
        ("if True:\n    for _ in range(1):\n        tasks = make()", ["tasks"]),
        ("def build():\n    return make()\ntasks = build()", [""]),
    ],
)
def test_the_variable(tmp_path: Path, text: str, expected: list[str]) -> None:
    """It is that to which the value goes, alone, as one of several, or in a collection; else there is none."""
    path = tmp_path / "script.py"
    path.write_text(text + "\n")
    linecache.checkcache()
    FOUND.clear()

    class Anything:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def opened(_: Any) -> Anything:
        return Anything()

    names = {"make": make, "opened": opened, "make_in": opened, "self": Anything()}
    exec(compile(path.read_text(), str(path), "exec"), names)
    assert expected == FOUND


def test_what_cannot_be_parsed_just_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no name, and nothing else comes of it: Python 3.11 fails so now and then where several threads parse."""
    path = tmp_path / "code.py"
    path.write_text("tasks = make()\n")

    def fail(text: str) -> None:
        raise SystemError("AST constructor recursion depth mismatch (before=57, after=39)")

    with monkeypatch.context() as patch:  # pytest parses as well, to show what has failed
        patch.setattr(ast, "parse", fail)
        assert "" == variable_of(str(path), {}, (1, 8, 1, 14))
