"""The layers of the package: who may import whom, at every level. The picture is that of CONTRIBUTING.md."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import run_scenario

PACKAGE = Path(run_scenario.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

LEAVES = {"errors", "limits", "bundled", "ownership", "suggestions", "values", "__init__"}
BELOW = {
    "cli": {"report", "expect", "runtime", "loader", "events", "recording", "targets", "scenario"} | {"inspection"},
    "pytest_plugin": {"api", "report", "expect", "runtime", "loader", "events", "recording", "targets", "scenario"},
    "api": {"report", "expect", "runtime", "loader", "events", "recording", "targets", "scenario"},
    "report": {
        "expect",
        "events",
        "inspection",
        "recording",
        "targets",
        "scenario",
    },  # values in, text out: nothing is run or loaded
    "expect": {"events", "recording", "targets", "scenario"},
    "runtime": {"loader", "events", "inspection", "recording", "targets", "scenario"},
    "loader": {"events", "recording", "targets", "scenario"},
    "inspection": set(),
    "events": {"recording", "targets", "scenario"},
    "recording": {"targets", "scenario"},
    "targets": {"scenario"},
    "scenario": set(),
    "errors": set(),
    "limits": set(),
    "bundled": set(),
    "ownership": set(),
    "suggestions": set(),
    "values": set(),
    "__init__": {"api", "expect", "pytest_plugin", "scenario"},  # by name, and only when asked for
    "__main__": {"cli"},
}
"""For each layer, the layers that it may import from; every layer may import the leaves."""


def name_of(path: Path) -> str:
    """Return a module's dotted name below the package; that of a package is its folder's."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path): path for path in MODULES}


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, *, deferred: bool) -> Iterator[tuple[int, str]]:
    """Yield line and module of each import from this package; `deferred`: those in functions and for types, too."""
    tree = _tree(path)
    for node in ast.walk(tree) if deferred else _at_import(tree.body):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides where it goes"
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        else:
            continue
        for name in dotted:
            if name == "run_scenario" or name.startswith("run_scenario."):
                within = name.removeprefix("run_scenario").removeprefix(".")
                while within and within not in NAMES:
                    within = within.rpartition(".")[0]
                yield node.lineno, within or "__init__"


def _at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the statements that run when a module is imported."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from _at_import(statement.orelse)
        elif not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield from ast.walk(statement)


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Return a circle of arrows for each place that leads back to itself."""
    found = []
    for start in arrows:
        ways, seen = [[start]], {start}
        for way in ways:
            for after in sorted(arrows.get(way[-1], ())):
                if after == start:
                    found.append([*way, start])
                elif after not in seen:
                    seen.add(after)
                    ways.append([*way, after])
    return found


def identify(path: Path) -> str:
    """Return a module's path below the package."""
    return str(path.relative_to(PACKAGE))


def test_arrows_only_point_down() -> None:
    """A layer imports from those below it and from the leaves, from no other."""
    found = []
    for path in MODULES:
        layer = name_of(path).partition(".")[0] or "__init__"
        allowed = {layer} | BELOW[layer] | LEAVES
        upwards = [(line, name) for line, name in imports(path, deferred=True) if name.partition(".")[0] not in allowed]
        found += [f"{identify(path)}:{line}: imports {name}" for line, name in upwards]
    assert [] == found


def test_a_module_says_what_it_is() -> None:
    """Each begins with a docstring."""
    assert [] == [identify(path) for path in MODULES if not ast.get_docstring(_tree(path))]


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Modules that are imported when others are form no circle."""
    arrows = {name: {other for _, other in imports(path, deferred=False)} - {name} for name, path in NAMES.items()}
    assert [] == circles(arrows)


def test_layers_form_no_circle() -> None:
    """A layer that may be imported may not import back."""
    assert [] == circles({layer: below - LEAVES for layer, below in BELOW.items()})


def test_the_table_of_layers_is_complete() -> None:
    """CONTRIBUTING.md explains each layer and each leaf."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## The layers\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(BELOW) - {"__init__", "__main__"} == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_check_would_notice(tmp_path: Path) -> None:
    """An import inside a function, one of a submodule by its package, and a circle are seen."""
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from run_scenario import runtime\n    import run_scenario.cli.entry_point\n")
    assert [(2, "runtime"), (3, "cli.entry_point")] == list(imports(module, deferred=True))
    assert [] == list(imports(module, deferred=False))
    assert [["a", "b", "a"], ["b", "a", "b"]] == circles({"a": {"b"}, "b": {"a", "c"}, "c": set()})
