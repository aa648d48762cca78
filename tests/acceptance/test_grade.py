"""`grade`: a folder of hand-ins, good, wrong, invalid, hanging and hostile ones, each judged by the same checks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support import COMMAND, PATIENCE, read_events, scenario

import commands

PUT = {"tasks": {"items": [1, 2], "poison_pills": True}}
WORKER = {"name": "Worker", "target": "consume", "from": "tasks"}
EXITS = {"name": "Exits", "target": "exit", "kwargs": {"code": 3}}
SCRIPT = """
import multiprocessing, sys

def work(tasks):
    for task in iter(tasks.get, None):
        pass

if __name__ == "__main__":
    tasks = multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(tasks,), name="Worker")
    worker.start()
    for task in (1, 2, None):
        tasks.put(task)
    worker.join()
    print("printed by the script")
    sys.exit(7 if "{fails}" else 0)
"""


def grade(folder: Path, *options: str, checks: str) -> subprocess.CompletedProcess[str]:
    """Grade the hand-ins in the folder `hand-ins` by checks, from their parent folder."""
    (folder / "checks.yaml").write_text(checks)
    # -P: as the installed command, which imports nothing from the current folder.
    command = [sys.executable, "-P", "-m", "run_scenario", "grade", "hand-ins", "--with", "checks.yaml", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def hand_in(folder: Path, name: str, text: str) -> None:
    """Write a hand-in."""
    path = folder / "hand-ins" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what came of a folder with all sorts of hand-ins, by their names; and "": what came of all of them."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder, "anna/good.yaml", scenario(WORKER, queues=PUT))
    hand_in(folder, "ben.yml", scenario(WORKER, queues={"tasks": {"items": [1, 2]}}))  # no pill: it hangs
    hand_in(folder, "carl.yaml", "version: 1\nproceses: []\n")
    hand_in(folder, "dora.yaml", scenario({**WORKER, "target": "theirs:work"}, queues=PUT))
    hand_in(
        folder,
        "emil.yaml",
        scenario({"name": "Worker", "target": "sleep", "kwargs": {"seconds": 0}}, queues={"tasks": {}}),
    )
    hand_in(folder, "fred.yaml", scenario(WORKER, {**EXITS, "name": "\x1b[2J"}, queues=PUT))
    hand_in(folder, "gina.yaml", "\0" * 100)
    hand_in(folder, "hugo.yaml", scenario(WORKER, queues=PUT, expect=[{"absent": {"event": "queue.put"}}]))
    hand_in(
        folder, "ina.yaml", json.dumps({"version": 1, "matrix": {"n": [1, 2]}, "queues": PUT, "processes": [WORKER]})
    )
    hand_in(
        folder,
        "jo.YAML",
        json.dumps({"version": 1, "matrix": {"n": list(range(21))}, "queues": PUT, "processes": [WORKER]}),
    )
    hand_in(
        folder,
        "mia.yaml",
        scenario({"name": "W", "target": "allocate_memory", "kwargs": {"megabytes": 400, "seconds": 60}}),
    )
    hand_in(folder, ".hidden.yaml", scenario(WORKER, queues=PUT))
    hand_in(folder, ".git/config.yaml", "")
    hand_in(folder, "kim/answer.txt", "x")
    hand_in(folder, "script.py", SCRIPT)
    (folder / "hand-ins" / "leo").mkdir()
    (folder / "hand-ins" / "max.yaml").mkdir()
    (folder / "hand-ins" / "nina").symlink_to(folder)
    (folder / "hand-ins" / "link.yaml").symlink_to(folder / "hand-ins" / "hugo.yaml")
    os.mkfifo(folder / "hand-ins" / "pipe.yaml")
    for shadow in ("yaml.py", "theirs.py", "hand-ins/theirs.py"):
        (folder / shadow).write_text("open('run', 'w')\nraise SystemExit('code beside the hand-ins was run')\n")
    done = grade(
        folder,
        "--format",
        "json",
        "--junit",
        "grades.xml",
        "--report",
        "grades.html",
        "--max-memory",
        "300M",
        checks="version: 1\nexpect: [{conserved: tasks}]\n",
    )
    found = json.loads(done.stdout)
    suites = ElementTree.parse(folder / "grades.xml").getroot()
    assert not (folder / "run").exists()
    told = {"status": done.returncode, "stderr": done.stderr, "suites": suites, "passed": found["passed"]}
    told["left_out"] = found["left_out"]
    told["page"] = (folder / "grades.html").read_text()
    return {"": told, **{run["hand_in"]: run for run in found["runs"]}}


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("anna/good.yaml", "passed", None),
        ("ben.yml", "stalled", "Worker waits for ever for an item"),
        (
            "carl.yaml",
            "invalid",
            "hand-ins/carl.yaml:2:1: error: unknown key 'proceses' at the top level; did you mean 'processes'?",
        ),
        ("dora.yaml", "refused", "'theirs:work' would run code of the package 'theirs'"),
        ("emil.yaml", "failed", "'tasks' never took part"),
        ("fred.yaml", "invalid", "hand-ins/fred.yaml:1:"),
        ("gina.yaml", "invalid", "hand-ins/gina.yaml"),
        ("hugo.yaml", "passed", None),
        ("ina.yaml (n=1)", "passed", None),
        ("ina.yaml (n=2)", "passed", None),
        (
            "jo.YAML",
            "invalid",
            "hand-ins/jo.YAML: its `matrix` has 21 combinations, and is not run: --max-runs allows 20",
        ),
        ("link.yaml", "invalid", "this is a symbolic link, and links are not followed: hand in the file itself"),
        ("max.yaml", "invalid", "this is an empty folder: a hand-in is an ordinary file of text"),
        ("nina", "invalid", "this is a symbolic link, and links are not followed: hand in the file itself"),
        ("mia.yaml", "limit_exceeded", "that --max-memory allows"),
        ("pipe.yaml", "invalid", "this is a named pipe: a hand-in is an ordinary file of text"),
    ],
)
def test_each_is_graded(graded: dict[str, dict[str, Any]], name: str, outcome: str, reason: str | None) -> None:
    """Whatever one of them does, it is judged by the checks, and by them alone; and so are the others."""
    run = graded[name]
    assert (outcome, reason is None) == (run["outcome"], run["passed"])
    if reason is None:
        assert [("conserved: tasks", "passed")] == [(each["expectation"], each["result"]) for each in run["checks"]]
    else:
        assert reason in run["reasons"][0]


def test_nothing_else_is(graded: dict[str, dict[str, Any]]) -> None:
    """What is in the folder and is no hand-in is named: on standard error, as JSON, on the page; no code was run."""
    told = graded[""]
    assert (1, 4, 17) == (told["status"], told["passed"], len(graded))
    others = [".git/", ".hidden.yaml", "leo/", "kim/answer.txt"]
    assert told["stderr"] == (
        f"run-scenario: left out, as these are no hand-ins: {', '.join(others)}\n"
        "run-scenario: 2 Python scripts left out (script.py, theirs.py): --scripts grades them, too, which runs their "
        "code\n"
    )
    assert [".git/", ".hidden.yaml", "leo/", "script.py", "theirs.py", "kim/answer.txt"] == told["left_out"]
    assert f"Left out: {', '.join(told['left_out'])}" in told["page"]


def test_as_junit(graded: dict[str, dict[str, Any]]) -> None:
    """Each run is a suite whose first case is that it runs at all; the figures are those of the cases."""
    suites = {suite.get("name"): suite for suite in graded[""]["suites"]}
    assert set(graded) - {""} == set(suites)
    for name, suite in suites.items():
        failed = [case.get("name") for case in suite if case.find("failure") is not None]
        assert (str(len(suite)), str(len(failed))) == (suite.get("tests"), suite.get("failures"))
        assert graded[name]["passed"] == (not failed), name
    (first,) = suites["carl.yaml"]
    assert ("it runs as it should", "proceses") == (
        first.get("name"),
        first.find("failure").get("message").split("'")[1],
    )
    assert ["it runs as it should"] == [
        case.get("name") for case in suites["ben.yml"] if case.find("failure") is not None
    ]


class _Rows(HTMLParser):
    """Reads the texts of the table's cells; whatever is not closed in order is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Open an element."""
        if tag not in ("meta", "br"):
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        assert tag == self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add to a cell."""
        if {"th", "td"} & set(self._open):
            self.rows[-1][-1] += data


def test_the_page(graded: dict[str, dict[str, Any]]) -> None:
    """It has a row for each run with the verdict on each check, and loads and runs nothing."""
    header, *rows = _Rows(graded[""]["page"]).rows
    assert ["hand-in", "result", "1", "why not"] == header
    found = {name: (result, mark) for name, result, mark, _ in rows}
    assert ("passed", "✓met") == found["anna/good.yaml"]
    assert ("stalled", "✓met") == found["ben.yml"]
    assert ("invalid", "") == found["carl.yaml"]
    assert "failed" == found["emil.yaml"][0]
    assert found["emil.yaml"][1] in ("✗not met", "?could not be judged")
    assert set(graded) - {""} == set(found)
    assert re.search(r"4 of 16 runs passed, 20\d\d-\d\d-\d\d \d\d:\d\d<", graded[""]["page"])
    assert not [part for part in ("<script", "http:", "https:", "\x1b") if part in graded[""]["page"]]


def test_a_hand_in_cannot_give_consent(tmp_path: Path) -> None:
    """Not even where the teacher has gone into its folder: only --allow counts."""
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (tmp_path / "checks.yaml").write_text("version: 1\nexpect: [{absent: {event: queue.put}}]\n")
    (folder / "pyproject.toml").write_text('[tool.run-scenario]\nallow = ["subprocess"]\n')
    target = {"target": "subprocess:call", "args": [["touch", str(tmp_path / "it-ran")]]}
    (folder / "hostile.yaml").write_text(json.dumps({"version": 1, "processes": [target]}))
    done = commands.run(
        [*COMMAND, "grade", ".", "--with", "../checks.yaml", "--format", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    [run] = json.loads(done.stdout)["runs"]
    assert (1, "refused") == (done.returncode, run["outcome"]), run
    assert not (tmp_path / "it-ran").exists()


def test_the_table(tmp_path: Path) -> None:
    """A person gets a line for each, with a mark and a reason for who has not passed."""
    hand_in(tmp_path, "good.yaml", scenario(WORKER | {"target": "consume"}, EXITS, queues=PUT))
    hand_in(tmp_path, "wrong.yaml", scenario(WORKER, queues=PUT))
    checks = "version: 1\nexpect:\n  - exitcodes: {Exits: 3}\n    because: it gives up\n  - conserved: tasks\n"
    done = grade(tmp_path, "--format", "console", checks=checks)
    header, good, wrong, *_, summary = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
    assert (1, "") == (done.returncode, done.stderr)
    assert ("hand-in result met why not", "good.yaml passed 2 of 2") == (header, good)
    assert wrong.startswith("✗ wrong.yaml failed 1 of 2 the expectation in line 3")
    assert "1 of 2 runs passed" == summary


def test_scripts(tmp_path: Path) -> None:
    """With --scripts, a script is recorded and judged as a scenario is; what it prints is no part of the results."""
    hand_in(tmp_path, "good.py", SCRIPT.replace("{fails}", ""))
    hand_in(tmp_path, "wrong.py", SCRIPT)
    hand_in(tmp_path, "broken.py", "import")
    hand_in(tmp_path, "hostile.py", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
    checks = "version: 1\nexpect: [{conserved: tasks}]\n"
    done = grade(tmp_path, "--format", "json", checks=checks)
    assert (2, "") == (done.returncode, done.stdout)
    assert "there is no scenario (.yaml) in 'hand-ins'; 4 Python scripts left out (broken.py, " in done.stderr
    done = grade(tmp_path, "--scripts", "--format", "json", checks=checks)
    runs = {run["hand_in"]: run for run in json.loads(done.stdout)["runs"]}
    assert {"good.py": True, "wrong.py": False, "broken.py": False, "hostile.py": False} == {
        name: run["passed"] for name, run in runs.items()
    }
    assert "printed by" not in done.stdout
    assert "the main program failed: it called sys.exit()" == runs["wrong.py"]["reasons"][0]


def test_the_deadline(tmp_path: Path) -> None:
    """That of the hand-in does not count: --timeout, or else that of the checks."""
    hand_in(
        tmp_path,
        "sleeps.yaml",
        scenario({"name": "Worker", "target": "sleep", "kwargs": {"seconds": 3000}}, timeout=3000),
    )
    checks = "version: 1\ntimeout: 0.5\nexpect: [{exists: {event: process.started}}]\n"
    (run,) = json.loads(grade(tmp_path, "--format", "json", checks=checks).stdout)["runs"]
    assert "timed_out" == run["outcome"]
    done = grade(tmp_path, "--format", "json", "--timeout", "0.6", checks=checks.replace("0.5", "3000"))
    assert "timed_out" == json.loads(done.stdout)["runs"][0]["outcome"]


def test_folders_in_folders(tmp_path: Path) -> None:
    """What lies deeper than a path can reach is a line; the others are graded all the same."""
    hand_in(tmp_path, "good.yaml", scenario(WORKER, queues=PUT))
    try:
        at = os.open(tmp_path / "hand-ins", os.O_RDONLY)
        for _ in range(2200):  # in a path of some 4,400 characters, more than systems allow
            os.mkdir("d", dir_fd=at)
            at, above = os.open("d", os.O_RDONLY, dir_fd=at), at
            os.close(above)
        os.close(at)
        done = grade(tmp_path, "--format", "json", checks="version: 1\nexpect: [{conserved: tasks}]\n")
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "hand-ins" / "d"], check=True)  # pytest could not remove it
    good, deep = json.loads(done.stdout)["runs"]
    assert ("good.yaml", True, "invalid") == (good["hand_in"], good["passed"], deep["outcome"])
    assert ["this cannot be read: file name too long"] == deep["reasons"]


def test_all_runs_of_one_have_a_deadline(tmp_path: Path) -> None:
    """What was run before it counts; that there is more is a line, and the others are graded."""
    waits = scenario({"name": "Worker", "target": "sleep", "kwargs": {"seconds": "$n"}}, matrix={"n": [0, 3000]})
    hand_in(tmp_path, "matrix.yaml", waits)
    hand_in(tmp_path, "other.yaml", waits.replace("[0, 3000]", "[0]"))
    checks = "version: 1\nexpect: [{exists: {event: process.started}}]\n"
    done = grade(tmp_path, "--format", "json", "--timeout", "3000", "--max-seconds", "5", checks=checks)
    runs = {run["hand_in"]: run for run in json.loads(done.stdout)["runs"]}
    assert {"matrix.yaml": "limit_exceeded", "matrix.yaml (n=0)": "passed", "other.yaml": "passed"} == {
        name: run["outcome"] for name, run in runs.items()
    }
    assert "in run 2: its runs took more than the 5 s that --max-seconds allows together" in str(runs["matrix.yaml"])
    done = grade(tmp_path, "--format", "json", "--max-runs", "1", checks=checks)
    assert "its `matrix` has 2 combinations, and is not run: --max-runs allows 1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none", "--with", "checks.yaml"), "there is no folder 'none' with hand-ins"),
        ((".", "--with", "none.yaml"), "there is no file 'none.yaml' here, and no exercise of that name; 'run-"),
        ((".", "--with", "cheks.yaml"), "there is no file 'cheks.yaml' here, and no exercise of that name; did you"),
        ((".", "--with", "poison-pils"), "did you mean 'poison-pills'?"),
        ((".", "--with", "checks.yaml"), "there is no scenario (.yaml) in '.'"),
        ((".", "--with", "empty.yaml"), "expect"),
        ((".", "--with", "checks.yaml", "--junit", "none/x.xml"), "there is no folder none"),
        ((".",), "--with"),
    ],
)
def test_what_cannot_be_graded(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """Nothing is run where there are no hand-ins, or no checks."""
    (tmp_path / "checks.yaml").write_text("version: 1\nexpect: [{conserved: tasks}]\n")
    if "empty.yaml" in arguments:
        (tmp_path / "empty.yaml").write_text("version: 1\ntimeout: 5\n")
    done = commands.run([*COMMAND, "grade", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert (True, "") == (done.returncode in (2, 4), done.stdout)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_is_judged_by_a_file(tmp_path: Path) -> None:
    """`run --expect`: the file's expectations, and its deadline, are there instead of the scenario's own."""
    (tmp_path / "own.yaml").write_text(
        scenario(WORKER, EXITS, queues=PUT, timeout=99, expect=[{"absent": {"event": "queue.put"}}])
    )
    (tmp_path / "checks.yaml").write_text(
        "version: 1\ntimeout: 77\nexpect: [{conserved: tasks}, {exitcodes: {Exits: 3}}]\n"
    )
    command = [*COMMAND, "run", "own.yaml", "--format", "json", "--expect", "checks.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    events = read_events(done.stdout)
    assert (0, "passed", 77) == (done.returncode, events[-1]["outcome"], events[0]["timeout"])
    told = [event for event in events if event["event"].startswith("expectation.")]
    assert [("checks.yaml", "passed")] * 2 == [(each["file"], each["event"].partition(".")[2]) for each in told]
