"""The rooms of the package: who may import whom, and how large a module may be.

The picture is that of docs/ and CONTRIBUTING.md: an arrow only ever points down.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import run_scenario

PACKAGE = Path(run_scenario.__file__).parent
TESTS = Path(__file__).parents[1]
MODULES = sorted(PACKAGE.rglob("*.py"))

LEAVES = {"model", "resources", "expectations", "expectation_data", "verbs", "errors", "bundled", "values", "__init__"}
LEAVES |= {"limits", "event_fields"}  # the event schema, read
BELOW = {
    "cli": {"cli", "views", "expect", "engine", "language", "record", "targets"},
    "api": {"expect", "engine", "language", "record", "targets"},
    "pytest_plugin": {
        "pytest_plugin",
        "pytest_reports",
        "api",
        "views",
        "expect",
        "engine",
        "language",
        "record",
        "targets",
    },
    "pytest_reports": {"api", "views", "expect", "engine", "language", "record", "targets"},
    "views": {"views", "expect", "record", "targets"},  # pure: neither the engine nor the language
    "expect": {"expect", "record", "targets"},
    "engine": {"engine", "language", "record", "targets"},
    "language": {"language", "record", "targets"},
    "record": {"record", "targets"},
    "targets": {"targets"},
    "model": {"resources", "expectations"},
    "expectations": {"resources"},
    "expectation_data": {"expectations"},
    "resources": set(),
    "verbs": set(),
    "errors": set(),
    "bundled": set(),
    "values": set(),
    "event_fields": {"bundled"},
    "limits": set(),
    "__init__": {"api", "expect", "expectation_data", "model", "errors"},  # by name, and only when asked for
    "__main__": {"cli"},
}
"""For each room, the rooms it may import from; everybody may import the leaves."""

LONGEST = 400
"""Lines of a module beyond which it is two ideas."""


def room(path: Path) -> str:
    """Return the room that a module belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and room of every import from this package, inside functions and for the type checker included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides where it goes"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "run_scenario":
                known = len(parts) > 1 and ((PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file())
                yield node.lineno, parts[1] if known else "__init__"


def identify(path: Path) -> str:
    """Return a module's path below the package."""
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_arrows_only_point_down(path: Path) -> None:
    """A room imports from those below it and from the leaves, from no other."""
    allowed = BELOW[room(path)] | LEAVES
    assert [] == [f"{identify(path)}:{line}: imports {other}" for line, other in imports(path) if other not in allowed]


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_modules_are_of_a_readable_size(path: Path) -> None:
    """A module says one thing, in at most 400 lines, and begins by saying which."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_are_of_a_readable_size(path: Path) -> None:
    """A module of tests, too, is about one thing, in at most 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_the_picture_has_no_cycle() -> None:
    """Whoever may be imported may not import back."""
    assert [] == [(a, b) for a, below in BELOW.items() for b in below if a != b and a in BELOW[b]]


def test_the_check_would_notice(tmp_path: Path) -> None:
    """An import inside a function, and one of a submodule by its package, are seen."""
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from run_scenario import engine\n    import run_scenario.cli.door\n")
    assert [(2, "engine"), (3, "cli")] == list(imports(module))
