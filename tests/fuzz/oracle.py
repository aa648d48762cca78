"""What must hold for any text whatsoever, and a watch over what the process does meanwhile."""

from __future__ import annotations

import ast
import sys
import time
from typing import Any

from run_scenario.loader import format_problem, load_text, plan
from run_scenario.loader.problems import MAX_PROBLEMS
from run_scenario.report.script.plan import numbered
from run_scenario.report.script.script import script
from run_scenario.scenario import model

BUDGET = 0.5
"""Seconds of processor time that a text may cost to be refused."""
_LONGEST_REPORT = 100_000
_WRITES = ("w", "a", "x", "+")
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.remove")
_FORBIDDEN += ("os.rename", "os.mkdir", "os.link", "os.symlink", "os.kill", "shutil.", "ctypes.dlopen", "pickle.")


_OF_A_SCRIPT = (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.ClassDef, ast.If)
"""What stands in a script beside its docstring."""
_BECOME_CODE = "a text of the scenario has become code"


class FindingError(AssertionError):
    """Something happened that never may."""


class _Watch:
    """An audit hook (PEP 578): sees what is opened, imported, started and sent while a text is examined."""

    def __init__(self) -> None:
        self._armed = self._compiled = False
        self._seen: list[str] = []

    def __enter__(self) -> list[str]:
        self._seen = []
        self._compiled, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # not what a text causes
        self._armed = True
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._armed = False
        sys.dont_write_bytecode = self._compiled

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed:
            return
        if event == "open":
            path, mode, flags = arguments
            if any(letter in (mode or "") for letter in _WRITES) or (mode is None and flags & 3):
                self._seen.append(f"{path!r} was opened for writing")
        elif event == "import":
            top = arguments[0].partition(".")[0]
            if top not in _IMPORTED and top not in sys.stdlib_module_names:
                self._seen.append(f"{arguments[0]!r} was imported")
        elif event.startswith(_FORBIDDEN):
            self._seen.append(f"{event} {arguments!r}"[:300])


_watch = _Watch()
_IMPORTED: set[str] = set()
"""Top-level packages that are there when everything has been imported once."""


def warm_up() -> None:
    """Import all that examining needs, so that what is imported later is an import too many."""
    if _IMPORTED:
        return
    for text in ("version: 2", "version: 1\nprocesses: [{target: hang}]\n"):
        _look_at(text)
    _IMPORTED.update(name.partition(".")[0] for name in sys.modules)
    sys.dont_write_bytecode = True  # of what is imported when it is first needed, no compiled file is written now
    sys.addaudithook(_watch.hook)


def examine(text: str, *, budget: float = BUDGET) -> bool:
    """Return whether the text is a scenario; to refuse it may cost `budget` seconds of processor time.

    Raises:
        FindingError: something is wrong with what was said about it, or with what happened meanwhile.
    """
    warm_up()
    with _watch as seen:
        began = time.process_time()
        is_scenario = _look_at(text)
        spent = time.process_time() - began
    if seen:
        raise FindingError("; ".join(seen[:5]))
    # Neighbours on the same processor make it slower: what is too dear is so each time.
    if not is_scenario and spent > budget and all(_cost(text) > budget for _ in range(4)):
        raise FindingError(f"it cost {spent:.2f} s to refuse this")
    return is_scenario


def _cost(text: str) -> float:
    began = time.process_time()
    _look_at(text)
    return time.process_time() - began


def _look_at(text: str) -> bool:
    loaded = load_text(text, file="fuzzed.yaml", use_cache=False)
    _require((loaded.scenario is None) == bool(loaded.errors), "there is a scenario, and there are errors (or neither)")
    _require(len(loaded.problems) <= MAX_PROBLEMS + 1, f"{len(loaded.problems)} problems are told")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    report = []
    for problem in loaded.problems:
        _require(1 <= problem.where.line <= lines, f"line {problem.where.line} of {lines}: {problem.what}")
        _require(problem.where.column >= 1 and problem.width >= 1, f"a place that is none: {problem}")
        _require(0 < len(problem.what) < 500 and len(problem.hint) < 500, f"too long, or nothing: {problem.what!r}")
        report += format_problem(problem).split("\n")
    _check_lines(report)
    if loaded.scenario is not None:
        _follow(loaded.scenario)
    return loaded.scenario is not None


def _follow(scenario: model.Scenario) -> None:
    """Do with a scenario what looks at it without running it."""
    steps = plan(scenario)
    _check_lines(numbered(scenario, steps).split("\n"))
    code = script(scenario, steps)
    _check_lines(code.split("\n"))
    allowed = {*sys.stdlib_module_names, *scenario.packages}
    about, *rest = ast.parse(code).body
    titled = isinstance(about, ast.Expr) and isinstance(about.value, ast.Constant)
    _require(titled and all(map(_is_of_a_script, rest)), f"{_BECOME_CODE}:\n{code}")
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=module):
                modules = [module or ""]
            case ast.Call(func=ast.Name(id="pwned" | "exec" | "eval" | "__import__")):
                raise FindingError(f"{_BECOME_CODE}:\n{code}")
            case _:
                continue
        foreign = [name for name in modules if name.partition(".")[0] not in allowed]
        _require(not foreign, f"the script imports {foreign}")


def _is_of_a_script(node: ast.stmt) -> bool:
    """Whether a statement is one that scripts have; managers are told what they serve outside of any function."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(), attr="register"))):
            return True
    return isinstance(node, _OF_A_SCRIPT)


def _check_lines(lines: list[str]) -> None:
    _require(sum(map(len, lines)) < _LONGEST_REPORT * 100, "what is said of it has no end")
    for line in lines:
        _require(line.isprintable(), f"this line is not safe on a terminal: {line!r}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise FindingError(otherwise)
