"""The short form of `python -m fuzz`: hostile texts of four kinds, and whether the watch over them sees anything."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from effort import examples
from fuzz import __main__ as command
from fuzz import oracle, strategies

_QUICK = settings(examples(120), suppress_health_check=list(HealthCheck), database=None)
_PATIENT = 30.0
"""Hypothesis traces what it runs, which takes several times as long; what texts cost is measured elsewhere."""


@pytest.mark.parametrize("kind", [strategies.written, strategies.changed, strategies.damaged, strategies.heaps])
def test_whatever_is_written(kind: Callable[[], strategies.Texts]) -> None:
    """No text of a kind gives a traceback, an import, a write, a connection, an unsafe line or code in the script."""

    @_QUICK
    @given(kind())
    def examine(text: str) -> None:
        oracle.examine(text, budget=_PATIENT)

    examine()


MISDEEDS: dict[str, Callable[[Path], object]] = {
    "was opened for writing": lambda folder: (folder / "written").write_text("x"),
    "was imported": lambda folder: importlib.util.find_spec("fuzz_canary.deeper"),
    "subprocess.Popen": lambda folder: subprocess.run(["true"], check=True),
    "os.remove": lambda folder: os.unlink(folder / "there"),
}


@pytest.mark.parametrize("what", MISDEEDS)
def test_the_watch_sees(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a text to cause a write, an import or a process, it would be found."""
    (tmp_path / "there").touch()
    (tmp_path / "fuzz_canary").mkdir()
    (tmp_path / "fuzz_canary" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    oracle.warm_up()
    monkeypatch.setattr(oracle, "_look_at", lambda text: MISDEEDS[what](tmp_path))
    with pytest.raises(oracle.FindingError, match=what):
        oracle.examine("version: 1")


def test_code_from_a_text_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a text not quoted in the script, it would be found."""
    text = "version: 1\ntitle: pwned()\nprocesses: [{target: hang}]\n"
    assert oracle.examine(text)
    monkeypatch.setattr(oracle, "script", lambda scenario, steps: f"{scenario.title}\n")
    with pytest.raises(oracle.FindingError, match="has become code"):
        oracle.examine(text)


def test_without_atheris(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The long form says what it needs, and how to do without."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert 2 == command.main(["--seconds", "1"])
    assert "pip install atheris" in capsys.readouterr().err


def test_by_chance(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a guide, texts are examined all the same, and nothing is left behind where nothing was found."""
    monkeypatch.chdir(tmp_path)
    assert 0 == command.main(["--unguided", "--seconds", "0.5", "--seed", "1"])
    assert "0 kinds of findings" in capsys.readouterr().out
    assert [] == list(tmp_path.iterdir())
