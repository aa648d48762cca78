"""Every file under tests/examples is a test: what is said about it stands in the `.expected` file beside it."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from run_scenario.loader import format_problem, load
from run_scenario.loader.loading import Loaded

EXAMPLES = Path(__file__).parent.parent / "examples"
INVALID = sorted((EXAMPLES / "invalid").glob("*.yaml"))
VALID = sorted((EXAMPLES / "valid").glob("*.yaml"))
BUNDLED = sorted((EXAMPLES.parent.parent / "scenarios").rglob("*.yaml"))


@functools.cache  # a loaded file is a value: what several tests ask of it is read once
def _load(path: Path) -> Loaded:
    return load(path, file=path.name, use_cache=False)


def _report(loaded: Loaded) -> str:
    return "".join(f"{format_problem(problem)}\n" for problem in loaded.problems)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_example(path: Path) -> None:
    """An invalid file gives exactly the expected problems, and no scenario."""
    loaded = _load(path)

    assert path.with_suffix(".expected").read_text(encoding="utf-8") == _report(loaded)
    assert loaded.scenario is None
    assert loaded.errors


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_example(path: Path) -> None:
    """A valid file gives a scenario, and no warning but the expected ones."""
    loaded = _load(path)
    expected = path.with_suffix(".expected")

    assert (expected.read_text(encoding="utf-8") if expected.exists() else "") == _report(loaded)
    assert loaded.scenario is not None
    assert loaded.errors == ()


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_bundled_scenario(path: Path) -> None:
    """A bundled scenario has no problem at all."""
    assert _report(_load(path)) == ""


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_problems_are_bounded(path: Path) -> None:
    """A message stays short and has a place inside the file, whatever stands there."""
    for problem in _load(path).problems:
        assert len(problem.what) < 300
        assert len(problem.hint) < 300
        assert 1 <= problem.where.column <= len(problem.source) + 1
        assert problem.width >= 1


def test_problems_are_ordered() -> None:
    """Problems come in the order of the file."""
    for path in INVALID:
        places = [(p.where.line, p.where.column) for p in _load(path).problems]
        assert sorted(places) == places
