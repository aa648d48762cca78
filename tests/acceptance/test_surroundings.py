"""An environment, a current folder, arguments and an input that one process has, and no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import Result, run, scenario, search_path

from run_scenario import load
from run_scenario.scenario.processes import CannotConvertError, with_workers

OWN: dict[str, Any] = {
    "env": {"OWN_ONE": "1 é", "OWN_GONE": None},
    "cwd": "below",
    "argv": ["prog", "-v"],
    "stdin": "Ada\n\né",
}
TOLD = "[('OWN_ONE', '1 é')] below ['prog', '-v'] ['Ada', '', 'é']"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a scenario, with another one in it."""
    (tmp_path / "below").mkdir()
    return tmp_path


def _run(folder: Path, text: str, *arguments: str) -> Result:
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return run(folder, str(folder / "own.yaml"), *arguments)


def test_a_process_has_its_own(folder: Path, method: str) -> None:
    """Its target finds them, steps and processes below it, too; another process does not."""
    text = scenario(
        {"name": "Own", "target": "actors.surroundings:tell", **OWN},
        {"name": "Other", "target": "actors.surroundings:tell"},
        {"name": "Steps", "steps": [{"call": "actors.surroundings:tell"}], **OWN},
        {"name": "Above", "target": "actors.surroundings:tell_below", "env": {"OWN_ONE": "1"}, "stdin": "down\nrest"},
    )
    result = _run(folder, text, "--start-method", method)
    assert 0 == result.status, result.stderr
    assert [TOLD] == result.log.output("Own") == result.log.output("Steps")
    (other,) = result.log.output("Other")
    assert other.startswith("[] ")
    assert other.endswith(" []")
    assert "prog" not in other
    assert ["down 1"] == result.log.output("Above")


def test_a_folder_that_is_not_there(folder: Path, method: str) -> None:
    """Its process fails before its target is called."""
    text = scenario({"name": "Lost", "target": "actors.surroundings:tell", "cwd": "nowhere"})
    result = _run(folder, text, "--start-method", method)
    assert 1 == result.status
    failed = result.log.one("process.failed", "Lost")
    assert "FileNotFoundError" == failed["exception"]
    assert f"'{folder / 'nowhere'}'" in failed["message"]


def test_a_process_class_sets_them_itself(folder: Path) -> None:
    """That is said before anything is started."""
    result = _run(folder, scenario({"target": "actors.surroundings:Own", "stdin": "x"}))
    assert 2 == result.status
    assert "is a subclass of multiprocessing.Process, which has to set `stdin` itself" in result.stderr


def test_threads_cannot_have_them(folder: Path) -> None:
    """`compare` with threads says so instead of leaving them out."""
    (folder / "own.yaml").write_text(scenario({"name": "Own", "target": "sleep", "args": [0], "argv": ["x"]}))
    compared = subprocess.run(
        [sys.executable, "-m", "run_scenario", "compare", str(folder / "own.yaml"), "--workers", "process,thread"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert 0 != compared.returncode
    assert '"outcome": "impossible"' in compared.stdout
    with pytest.raises(CannotConvertError, match="Own has `argv` of its own, which only a process can have"):
        with_workers(load(folder / "own.yaml"), "thread")


def test_the_script_gives_the_same(folder: Path) -> None:
    """What `run-scenario python` writes prints what the process prints; the plan shows it."""
    path = folder / "own.yaml"
    path.write_text(scenario({"name": "Own", "target": "actors.surroundings:tell", **OWN}), encoding="utf-8")
    made, plan = (
        subprocess.run(
            [sys.executable, "-m", "run_scenario", command, str(path)], capture_output=True, text=True, check=True
        ).stdout
        for command in ("python", "plan")
    )
    (folder / "own.py").write_text(made, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": search_path(), "OWN_GONE": "x", "PYTHONUTF8": "1"}
    ran = subprocess.run(
        [sys.executable, "own.py"], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=True
    )
    assert TOLD == ran.stdout.strip()
    assert "# it has its own env={'OWN_ONE': '1 é', 'OWN_GONE': None}, cwd='below', argv=['prog', '-v'], stdin=" in plan
