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

LEAVES = {"counting", "errors", "limits", "bundled", "lessons", "ownership", "suggestions", "values", "__init__"}
BELOW = {
    "cli": {"report", "expect", "runtime", "loader", "events", "recording", "targets", "scenario"}
    | {"inspection", "exploration"},
    "pytest_plugin": {"api", "report", "expect", "runtime", "loader", "events", "recording", "targets", "scenario"},
    "api": {"report", "expect", "runtime", "loader", "exploration", "events", "recording", "targets", "scenario"},
    "report": {
        "expect",
        "events",
        "exploration",
        "inspection",
        "recording",
        "targets",
        "scenario",
    },  # values in, text out: nothing is run or loaded
    "expect": {"events", "recording", "targets", "scenario"},
    "runtime": {"loader", "events", "exploration", "inspection", "recording", "targets", "scenario"},
    "loader": {"events", "recording", "targets", "scenario"},
    "exploration": set(),
    "inspection": set(),
    "events": {"recording", "targets", "scenario"},
    "recording": {"targets", "scenario"},
    "targets": {"scenario"},
    "scenario": set(),
    "counting": set(),
    "errors": set(),
    "limits": set(),
    "bundled": set(),
    "lessons": set(),
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


WITHIN = {
    "cli.github": {"cli.logs"},  # tempfile, where something is to be annotated
    "cli.pictures": {"cli.sending"},  # the SDK of OpenTelemetry, where a trace is sent
    "report.reasons": {"report.diagnosis", "report.hints"},  # where something stands still or fails: not in most runs
    "runtime.archive": {"runtime.run_follower"},  # the supervisor stores a recording, and decodes none
    "runtime.primitives.creation": {  # 4 to 11 ms each, and a spawned child needs few of them
        *("runtime.primitives.managers", "runtime.primitives.memory", "runtime.primitives.pipes"),
        *("runtime.primitives.queues", "runtime.primitives.shared", "runtime.primitives.sync"),
    },
    "runtime.primitives.pools": {"runtime.primitives.managers"},  # multiprocessing's managers, where there are some
    "runtime.runner": {"runtime.run_follower"},  # event types: while the processes start
    "runtime.script.announcements": {"runtime.script.variables"},  # ast, where something is made
    "runtime.script.guest": {"runtime.script.guest"},  # it runs before this package can be found
    "runtime.script.objects": {  # what needs the module that is only just being imported
        *("runtime.script.managed", "runtime.script.memory", "runtime.script.pools"),
    },
    "runtime.steps.target": {"runtime.steps.compiler", "runtime.steps.namespace"},  # spawned children without steps
    "runtime.supervisor.client": {"runtime.supervisor.processes", "runtime.supervisor.supervisor"},  # after the fork
    "targets": {"targets._binding", "targets._call", "targets._descriptions"},  # by name, and only when asked for
}
"""Imports in functions of a module from its own folder: there are no others, and each has a reason."""


def imports(path: Path, *, deferred: bool, types: bool = True) -> Iterator[tuple[int, str]]:
    """Yield line and module of each import from this package.

    `deferred`: those in functions, and, unless `types` is false, those for types alone, too.
    """
    tree = _tree(path)
    for node in _at_import(tree.body) if not deferred else ast.walk(tree) if types else _at_run(tree):
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


def _at_run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what is in it, but for what is for types alone."""
    yield node
    is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    for child in node.orelse if isinstance(node, ast.If) and is_for_types else ast.iter_child_nodes(node):
        yield from _at_run(child)


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
    """Modules form no circle, whether they are imported when others are or later."""
    arrows = {
        name: {other for _, other in imports(path, deferred=True, types=False)} - {name} for name, path in NAMES.items()
    }
    assert [] == circles(arrows)


def test_imports_are_deferred_only_at_the_borders_of_packages() -> None:
    """What is in the same folder is imported with a module, but for the exceptions that have a reason."""
    found: dict[str, set[str]] = {}
    for name, path in NAMES.items():
        folder = path.parent
        at_import = {line for line, _ in imports(path, deferred=False)}
        for line, other in imports(path, deferred=True, types=False):
            is_package = NAMES[other].name == "__init__.py"
            if line not in at_import and not is_package and NAMES[other].parent == folder:
                found.setdefault(name, set()).add(other)
    assert WITHIN == found


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
    """An import inside a function, one for types, one of a submodule by its package, and a circle are seen."""
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from run_scenario import runtime\n    import run_scenario.cli.entry_point\n")
    assert [(2, "runtime"), (3, "cli.entry_point")] == list(imports(module, deferred=True))
    assert [] == list(imports(module, deferred=False))
    for_types = tmp_path / "for_types.py"
    for_types.write_text(
        "if TYPE_CHECKING:\n    from run_scenario import cli\nelse:\n    from run_scenario import api\n"
    )
    assert [(4, "api")] == list(imports(for_types, deferred=True, types=False))
    assert [["a", "b", "a"], ["b", "a", "b"]] == circles({"a": {"b"}, "b": {"a", "c"}, "c": set()})
