"""The pictures of the documentation: the script that renders them works, and what it has rendered is there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["gallery"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gallery_can_be_rendered(gallery: ModuleType, tmp_path: Path) -> None:
    """A real run of one of its scenarios gives a timeline in text, and two pictures that are well-formed."""
    (exhibit,) = [each for each in gallery.EXHIBITS if each.name == "poison-pill"]
    text = gallery.draw(exhibit, tmp_path)
    assert "Consumer-1" in text
    assert all("pid " not in line for line in text.splitlines())
    for picture in tmp_path.glob("*.svg"):
        ElementTree.parse(picture)
    assert 3 == len(list(tmp_path.iterdir()))


def test_what_is_committed_is_complete(gallery: ModuleType) -> None:
    """The page is the one that the script writes, and each picture that it and the README show is there."""
    assert gallery.page() == (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    for exhibit in gallery.EXHIBITS:
        for suffix in (".svg", "-graph.svg", ".txt"):
            assert (ROOT / "docs" / "pictures" / f"{exhibit.name}{suffix}").is_file()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = (ROOT / "docs" / "pictures" / f"{gallery.EXHIBITS[0].name}.txt").read_text(encoding="utf-8")
    assert first in readme


def test_the_touchstone(gallery: ModuleType) -> None:
    """The first picture says who left early, what was left, and who waits for what."""
    first = (ROOT / "docs" / "pictures" / f"{gallery.EXHIBITS[0].name}.txt").read_text(encoding="utf-8")
    for words in (
        "Consumer-1",
        "returned: tasks.empty() said True",
        "10 left",
        "tasks.join() ░",
        "waits for task_done()",
    ):
        assert words in first
