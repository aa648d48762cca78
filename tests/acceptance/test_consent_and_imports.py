"""Whose code runs, and what a child has to import: nothing without consent, nothing without need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Result, run, scenario

from effort import in_part

Play = Callable[..., Result]

WORKERS = """\
import os
from pathlib import Path

(Path(__file__).parent / "imported").touch()

def work():
    print("worked")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a scenario and a module beside it that tells when it is imported."""
    (tmp_path / "workers.py").write_text(WORKERS)
    (tmp_path / "own.yaml").write_text("version: 1\nprocesses:\n  - name: W\n    target: workers:work\n")
    return tmp_path


def test_without_consent(folder: Path) -> None:
    """Status 2, the place in the file and the way out, and the module was not even imported."""
    result = run(folder, "own.yaml", allow="", cwd=folder)
    assert 2 == result.status
    assert result.stderr.startswith("own.yaml:4:13: error: ")
    assert "--allow workers" in result.stderr
    assert not (folder / "imported").exists()
    assert [] == result.log.all("process.starting")


def test_methods_and_partials(play: Play) -> None:
    """A method of an object that a module has, and a partial, are targets, and functions of steps and of pools."""
    made = {"object": "actors:Counter", "args": [50]}
    steps: list[dict[str, Any]] = [
        {"call": "actors:plus_three", "args": [made], "as": "found"},
        {"call": "actors:counter.plus", "args": ["$found"]},
    ]
    text = scenario(
        {"name": "A", "target": "actors:counter.plus", "args": [1]},
        {"name": "B", "target": "actors:plus_two"},
        {"name": "C", "target": "actors:Counter.called"},
        {"name": "D", "target": "actors:Counter.plus", "args": [made, 1]},
        {"name": "E", "target": "actors:counter.plus", "args": [2], "worker": "thread"},
        {"name": "F", "steps": steps},
        {"target": "actors:plus_two", "worker": "thread"},
        pools={"crunch": {"processes": 1, "calls": [{"map": "actors:counter.plus", "over": [3, 4]}]}},
    )
    log = play(text).log
    names = [*"ABCDEF", "Thread-1"]
    assert [["41"], ["42"], ["Counter"], ["51"], ["42"], ["53", "93"], ["42"]] == [log.output(name) for name in names]
    assert [43, 44] == log.one("pool.returned")["result"]
    assert "passed" == log.one("scenario.finished")["outcome"]
    refused = play(text, allow="nothing")
    assert (2, True) == (refused.status, "code of the package 'actors'" in refused.stderr)


NOT_THERE = """\
version: 1
pools:
  crunch:
    calls:
      - map: actors:a
        over: [1]
      - apply_async: square
        args: [1]
        callback: actors:b
processes:
  - name: P
    steps:
      - call: actors:c
      - try:
          - print: first
        except:
          ValueError:
            - let: {made: {object: "actors:D"}}
    processes:
      - name: Q
        steps:
          - repeat: 2
            steps:
              - call: actors:e
main:
  - use: crunch
  - start: P
  - call: actors:f
"""


def test_each_function_that_is_missing_is_reported_at_its_own_line(tmp_path: Path) -> None:
    """Of a step, at the line of the step, however deep it stands; in the order of the file."""
    (tmp_path / "missing.yaml").write_text(NOT_THERE)
    result = run(tmp_path, "missing.yaml", cwd=tmp_path)
    places = [line.split(":")[1] for line in result.stderr.splitlines() if ": error: " in line]
    assert (2, ["5", "7", "13", "18", "24", "28"]) == (result.status, places)


PUT_BY_A_PROCESS = """\
version: 1
queues: {tasks: {}}
processes:
  - name: P
    target: produce
    to: tasks
    kwargs: {items: [{call: "workers:work"}, {call: greet, args: [Ada]}], poison_pills: 1}
  - {name: C, target: consume, from: tasks}
"""


def test_calls_that_a_process_puts(folder: Path) -> None:
    """A call among the items of `produce` asks for consent as any other does, and is called by whoever takes it."""
    (folder / "put.yaml").write_text(PUT_BY_A_PROCESS)

    refused = run(folder, "put.yaml", allow="", cwd=folder)
    assert (2, False) == (refused.status, (folder / "imported").exists())
    assert "--allow workers" in refused.stderr

    allowed = run(folder, "put.yaml", allow="workers", cwd=folder)
    lines = [event["text"] for event in allowed.log.all("process.output")]
    assert (0, 1) == (allowed.status, lines.count("worked"))
    assert any("for Ada" in line for line in lines)


def test_replicas_without_consent(folder: Path) -> None:
    """A package that is not allowed is one thing wrong, wherever it is named."""
    (folder / "many.yaml").write_text(
        "version: 1\nprocesses:\n"
        "  - {name: W, target: workers:work, replicas: 3}\n"
        "  - {name: Other, target: workers:other}\n"
        "  - {name: Another, target: strangers:work}\n"
    )
    result = run(folder, "many.yaml", allow="", cwd=folder)
    assert ["many.yaml:3:23", "many.yaml:5:29"] == [
        line.split(": error")[0] for line in result.stderr.splitlines() if ": error" in line
    ]


def test_with_consent(folder: Path, method: str) -> None:
    """The module beside the scenario is found from any folder, by the child too."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    path = str(folder / "own.yaml")
    result = run(folder, path, "--start-method", method, allow="workers", cwd=elsewhere)
    assert (0, ["worked"]) == (result.status, result.log.output("W"))
    assert (folder / "imported").exists()


AS_INSTALLED = "import sys; sys.path.remove(''); from run_scenario.cli import main; sys.exit(main())"
"""What the installed command does: with `python -m` Python itself looks into the current folder first."""


@pytest.mark.parametrize("place", ["scenarios", "scenarios/src", ".", "src"])
def test_where_a_project_has_its_modules(tmp_path: Path, place: str, method: str) -> None:
    """In the folder of the file, in the current one, in `src` of both; a mere folder of that name is no package."""
    (tmp_path / "scenarios" / "app").mkdir(parents=True)  # such as that of its scenarios
    package = tmp_path / place / "app"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "workers.py").write_text(WORKERS)
    (tmp_path / "scenarios" / "own.yaml").write_text(scenario({"target": "app.workers:work"}, start_method=method))
    command = [sys.executable, "-c", AS_INSTALLED, "scenarios/own.yaml", "--allow"]
    refused = subprocess.run([*command, "other"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (2, False) == (refused.returncode, (package / "imported").exists())
    done = subprocess.run([*command, "app"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (0, True) == (done.returncode, (package / "imported").exists()), done.stdout + done.stderr


@pytest.mark.parametrize("started", ["spawn", "forkserver"])
def test_a_strangers_folder(tmp_path: Path, started: str) -> None:
    """Modules in the current folder that are called as Python's own are not run by the processes started there."""
    for name in ("multiprocessing", "pickle", "socket", "msgpack", "run_scenario"):
        (tmp_path / f"{name}.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'RUN')!r}).touch()\n")
    (tmp_path / "own.yaml").write_text(scenario({"target": "produce", "to": "q"}, queues={"q": {"collect": 10}}))
    command = [sys.executable, "-c", AS_INSTALLED, "own.yaml", "--start-method", started]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert 0 == done.returncode, done.stderr
    assert not (tmp_path / "RUN").exists()


@pytest.mark.parametrize("allowed", ["os", "workers2", "work"])
def test_consent_to_another_package(folder: Path, allowed: str) -> None:
    """Consent is by the whole name."""
    result = run(folder, "own.yaml", allow=allowed, cwd=folder)
    assert 2 == result.status
    assert not (folder / "imported").exists()


REFUSED = {
    "os.system": "leads into os, which does not belong to a package you have allowed",
    "logging.os.popen": "leads into logging, which does not belong to a package you have allowed",
    "alias": "is a 'builtin_function_or_method' object",
    "borrowed": "does not belong to a package you have allowed",
    "multiprocessing.Process": "does not belong to a package you have allowed",
    "builtin": "a target is an ordinary function, a method or a subclass of multiprocessing.Process",
    "partial": "'actors:partial' is a 'builtin_function_or_method' object",
    "nested": "was made inside another function",
    "unnamed": "<lambda>",
    "Sayer": "'actors:Sayer' is a class",
    "number": "'actors:number' is an 'int' object",
    "nowhere": "has no 'nowhere'",
    "leave_with.nowhere": "leads through a 'function' object",
}


MISTAKES = [
    (
        {"target": "spool:clint"},
        "the scenario names code that is not there",
        "cannot find 'spool:clint': module 'spool' has no 'clint'",
        "did you mean 'client'?",
    ),
    (
        {"target": "spool:zzz"},
        "the scenario names code that is not there",
        "cannot find 'spool:zzz': module 'spool' has no 'zzz'",
        "it has client",
    ),
    (
        {"target": "spool:client", "kwargs": {"expectd": 3}},
        "the scenario calls code with arguments that do not fit",
        "'spool:client' cannot be called as the scenario says: ",
        "did you mean 'expected'?",
    ),
    (
        {"target": "spool:client"},
        "the scenario calls code with arguments that do not fit",
        "missing a required argument: 'expected'; its parameters are (expected)",
        "give what it takes under `args`, `kwargs`, `from`, `to` or `uses`",
    ),
    (
        {"target": "spool_broken:client"},
        "the scenario names code that cannot be imported",
        "KeyError while spool_broken was loaded (spool_broken.py:4): 'nothing'",
        "correct it there",
    ),
    (
        {"target": "spool_torn:client"},
        "the scenario names code that cannot be imported",
        "SyntaxError while spool_torn was loaded (spool_torn.py:2)",
        "correct it there",
    ),
    (
        {"target": "spool_poor:client"},
        "the scenario names code that is not there",
        "there is no module 'no_such_thing', needed by spool_poor (spool_poor.py:1)",
        "install it",
    ),
    (
        {"target": "strangers:client"},
        "the scenario names code that you have not allowed",
        "'strangers:client' would run code of the package 'strangers', which you have not allowed",
        "if you trust it, add --allow strangers",
    ),
]
SPOOL = {
    "spool": "import os\n\ndef client(expected):\n    pass\n",
    "spool_broken": "import json\n\ndef load():\n    return {}['nothing']\n\njson.loads('1', object_hook=load())\n",
    "spool_torn": "x = 1\ndef client(:\n",
    "spool_poor": "import no_such_thing\n",
}


@pytest.mark.parametrize(("process", "cause", "what", "hint"), in_part(MISTAKES))
def test_a_mistake_is_located(tmp_path: Path, process: dict[str, Any], cause: str, what: str, hint: str) -> None:
    """The event says why; the problem underlines the whole name, and the way out has a line of its own."""
    for name, text in SPOOL.items():
        (tmp_path / f"{name}.py").write_text(text)
    target = process["target"]
    (tmp_path / "own.yaml").write_text(scenario(process))
    allowed = [part for name in SPOOL for part in ("--allow", name)]
    result = run(tmp_path, "own.yaml", *allowed, allow="", cwd=tmp_path)
    assert (2, cause) == (result.status, result.log.one("scenario.refused")["reason"])
    lines = result.stderr.splitlines()
    assert what in lines[0]
    assert f"   {hint}" == lines[3]
    assert len(f'"{target}"') == lines[2].count("^"), lines[2]


@pytest.mark.parametrize("name", in_part(REFUSED))
@pytest.mark.fault("F15", event="scenario.refused", status=2)
def test_what_is_no_target(tmp_path: Path, name: str) -> None:
    """An allowed module's own imports, and what no process can run, are refused before anything is started."""
    text = scenario({"target": f"actors:{name}"})
    result = run(tmp_path, text)
    assert (2, "refused") == (result.status, result.outcome)
    assert [] == result.log.all("process.starting")
    assert REFUSED[name] in result.log.one("scenario.refused")["problems"][0]
    assert REFUSED[name] in result.stderr
    assert "case.yaml:1:" in result.stderr


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    """The message says where it was looked for."""
    folders = [tmp_path / "scenarios", tmp_path, tmp_path / "src"]
    for folder in (folders[0], folders[2]):
        folder.mkdir()
    (folders[0] / "own.yaml").write_text(scenario({"target": "nowhere_to_be_found:f"}))
    result = run(tmp_path, str(folders[0] / "own.yaml"), allow="nowhere_to_be_found", cwd=tmp_path)
    assert 2 == result.status
    where = ", ".join(map(str, folders))
    assert f"no module 'nowhere_to_be_found', neither on the import path nor in {where}" in result.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import nothing_like_that\n", "there is no module 'nothing_like_that', needed by broken"),
        ("raise ValueError('no reason')\n", "ValueError while broken was loaded (broken.py:1): no reason"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
    ],
)
def test_a_module_that_cannot_be_imported(tmp_path: Path, code: str, words: str) -> None:
    """Its own fault is told in one sentence, with status 2."""
    (tmp_path / "broken.py").write_text(code)
    (tmp_path / "own.yaml").write_text("version: 1\nprocesses: [{target: broken:f}]\n")
    result = run(tmp_path, "own.yaml", allow="broken", cwd=tmp_path)
    assert 2 == result.status
    assert words in result.stderr


def test_a_subclass_of_process(play: Play) -> None:
    """Its constructor gets the arguments, in the main program, which has no parent; its run() runs in the child."""
    process = {"name": "Own", "target": "actors:Worker", "args": ["a word"], "to": "q"}
    result = play(scenario(process, queues={"q": {"collect": 1}}))
    log = result.log
    assert (0, ["Own runs a word"]) == (result.status, log.output("Own"))
    main = log.one("process.started", "MainProcess")["pid"]
    facts = json.loads(log.output("MainProcess")[0])
    assert {"name": "MainProcess", "parent": None, "pid": main} == facts
    assert ("Own", "a word") == (log.one("queue.put")["process"], log.one("queue.put")["item"])
    assert "returned" == log.one("process.exited", "Own")["cause"]


@pytest.mark.fault("F32", event="process.started", status=0)
def test_who_a_process_is(play: Play, method: str) -> None:
    """Inside a target multiprocessing says what it says in a plain script."""
    result = play(
        scenario(
            {"name": "Named", "target": "actors:tell_identity"},
            {"target": "actors:tell_identity", "daemon": True},
        )
    )
    main = result.log.one("process.started", "MainProcess")["pid"]
    for name, daemon in (("Named", False), ("Process-2", True)):
        facts = json.loads(result.log.output(name)[0])
        started = result.log.one("process.started", name)
        assert (name, started["pid"], daemon) == (facts["name"], facts["pid"], facts["daemon"])
        assert ["MainProcess", main] == facts["parent"]
        assert (0, 1, "") == (facts["children"], facts["threads"], facts["standard input"])
        assert (method != "forkserver") == (started["ppid"] == main)


COMMAND_LINE_ONLY = {
    "argparse",
    "yaml",
    "jsonschema",
    "structlog",
    "rich",
    "run_scenario.cli",
    "run_scenario.loader",
    "run_scenario.report",
    "run_scenario.runtime.runner",
    "run_scenario.runtime.supervisor.supervisor",
}


@pytest.mark.parametrize("started", ["spawn", "forkserver"])
def test_what_a_child_imports(tmp_path: Path, started: str) -> None:
    """A child that does not inherit them imports none of the command line's modules."""
    process = {"name": "W", "target": "actors:tell_modules"}
    result = run(tmp_path, scenario(process, start_method=started))
    assert set() == set(result.log.output("W")) & COMMAND_LINE_ONLY
    assert "multiprocessing" in result.log.output("W")
