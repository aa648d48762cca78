"""coverage.py measures the targets of a scenario as it measures the functions of a plain multiprocessing program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import PYTEST

pytest.importorskip("coverage")

COVERAGE = [sys.executable, "-m", "coverage"]
SETTINGS = "[run]\nconcurrency = multiprocessing, thread\nparallel = true\nsource = app\n"
APP = """\
def shout(inbox, outbox):
    while (word := inbox.get()) is not None:
        outbox.put(loud(word))


def loud(word):
    return word.upper()


def also_in_a_thread():
    return "in the main program"
"""
SCENARIO = {
    "version": 1,
    "queues": {"words": {"items": ["one", "two"], "poison_pills": 1}, "loud": {"collect": 2}},
    "processes": [
        {"name": "W", "target": "app:shout", "from": {"inbox": "words"}, "to": {"outbox": "loud"}},
        {"name": "T", "target": "app:also_in_a_thread", "worker": "thread"},
    ],
}
SCRIPT = """\
import multiprocessing
import sys

import app

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    words, loud = multiprocessing.Queue(), multiprocessing.Queue()
    worker = multiprocessing.Process(target=app.shout, args=(words, loud))
    worker.start()
    for word in ("one", "two", None):
        words.put(word)
    print(loud.get(), loud.get())
    app.also_in_a_thread()
    worker.join()
"""
TESTS = """\
def test_scenario(scenario):
    assert scenario("app.scenario.yaml", allow="app")


def test_recorded(scenario):
    assert scenario.record("script.py", "METHOD")
"""
OF_TESTS = ["-q", "-p", "no:xdist", "--basetemp", "tmp"]
WAYS = {
    "plainly": [*COVERAGE, "run", "script.py", "METHOD"],
    "command": [*COVERAGE, "run", "-m", "run_scenario", "run", "app.scenario.yaml", "--allow", "app"],
    "record": [*COVERAGE, "run", "-m", "run_scenario", "record", "script.py", "METHOD"],
    "file": [*COVERAGE, "run", "-m", *PYTEST[2:], *OF_TESTS, "app.scenario.yaml"],
    "fixture": [*COVERAGE, "run", "-m", *PYTEST[2:], *OF_TESTS, "test_app.py", "-k", "scenario"],
    "recording fixture": [*COVERAGE, "run", "-m", *PYTEST[2:], *OF_TESTS, "test_app.py", "-k", "recorded"],
    "pytest-cov": [*PYTEST, "--cov=app", "--cov-config=.coveragerc", "--cov-report=", *OF_TESTS, "app.scenario.yaml"],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_line_of_a_target_is_measured(tmp_path: Path, method: str, way: str) -> None:
    """As in the plain program: what runs in the main program, in a process and in a thread."""
    if way == "pytest-cov":
        pytest.importorskip("pytest_cov")
    _write_all(tmp_path, method, SETTINGS)
    arguments = [method if each == "METHOD" else each for each in WAYS[way]]
    done = _run(tmp_path, *arguments)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert [] == _missing(tmp_path), done.stdout + done.stderr


def test_what_is_explored_is_measured(tmp_path: Path) -> None:
    """A test that tries many schedules of a scenario measures its targets as one that runs it once."""
    _write_all(tmp_path, "fork", SETTINGS)
    (tmp_path / "app.scenario.yaml").write_text(json.dumps({**SCENARIO, "explore": 2, "start_method": "fork"}))
    done = _run(tmp_path, *WAYS["file"])
    assert 0 == done.returncode, done.stdout + done.stderr
    assert [] == _missing(tmp_path), done.stdout + done.stderr


@pytest.mark.parametrize("way", ["command", "fixture"])
def test_new_interpreters_are_measured(tmp_path: Path, way: str) -> None:
    """Where coverage.py is told to measure every interpreter that is started, each takes its settings from there."""
    import coverage

    if coverage.version_info < (7, 10):
        pytest.skip("this coverage.py has no patches")
    _write_all(tmp_path, "spawn", "[run]\npatch = subprocess\nsource = app\n")
    done = _run(tmp_path, *WAYS[way])
    assert 0 == done.returncode, done.stdout + done.stderr
    assert [] == _missing(tmp_path), done.stdout + done.stderr


def test_a_single_file_of_data_is_left_to_the_command(tmp_path: Path) -> None:
    """Where coverage.py knows of one process, the processes of the run do not overwrite what is there."""
    _write_all(tmp_path, "fork", "[run]\nsource = app\n")
    first = _run(tmp_path, *COVERAGE, "run", "-m", "app")
    assert 0 == first.returncode, first.stdout + first.stderr
    second = _run(tmp_path, *COVERAGE, "run", "--append", *WAYS["command"][4:])
    assert 0 == second.returncode, second.stdout + second.stderr
    assert [2, 3, 7, 11] == _missing(tmp_path)


def test_nothing_is_measured_that_was_not_asked_for(tmp_path: Path) -> None:
    """A test that is not measured leaves no data, also where the settings for it are there."""
    _write_all(tmp_path, "fork", SETTINGS)
    done = _run(tmp_path, *PYTEST, *OF_TESTS, "test_app.py")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert [] == [*tmp_path.glob(".coverage.*")]


def _write_all(folder: Path, method: str, settings: str) -> None:
    (folder / ".coveragerc").write_text(settings)
    (folder / "app.py").write_text(APP)
    (folder / "script.py").write_text(SCRIPT)
    (folder / "test_app.py").write_text(TESTS.replace("METHOD", method))
    (folder / "app.scenario.yaml").write_text(json.dumps({**SCENARIO, "start_method": method}))
    (folder / "pytest.ini").write_text("[pytest]\nscenario_allow = app\n")


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
    environment["PYTHONPATH"] = str(folder)
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def _missing(folder: Path) -> list[int]:
    """Return the lines of the target's module that were not measured."""
    if [*folder.glob(".coverage.*")]:
        _run(folder, *COVERAGE, "combine")
    report = _run(folder, *COVERAGE, "json", "-o", "report.json")
    assert 0 == report.returncode, report.stdout + report.stderr
    missing: list[int] = json.loads((folder / "report.json").read_text())["files"]["app.py"]["missing_lines"]
    return missing
