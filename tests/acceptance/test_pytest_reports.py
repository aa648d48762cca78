"""What pytest prints of a run that has not passed: the cause first, then what shows it; and which logs are kept."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support import run_pytest

WORKERS = """\
import os
import signal
import sys


def parse(tasks, results):
    while (task := tasks.get()) is not None:
        print("parsing", task)
        results.put(number(task))


def number(text):
    return int(text)


def leave():
    print("looking for the configuration")
    print("there is none", file=sys.stderr)
    sys.exit(3)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def lock_both(first, second, barrier):
    with first:
        barrier.wait()
        with second:
            print("both")


def divide(number):
    print("dividing by", number)
    return 1 / number
"""
RAISES = """\
version: 1
start_method: METHOD
queues:
  tasks: {items: ["1", "six"]}
  results: {collect: 2}
processes:
  - name: Parser
    target: workers:parse
    from: {tasks: tasks}
    to: {results: results}
expect:
  - count: {event: queue.put, queue: results}
    is: 2
    because: each task has a result
"""
EXITS = """\
version: 1
start_method: METHOD
processes:
  - name: Leaver
    target: workers:leave
"""
DIES = EXITS.replace("leave", "die")
STALLS = """\
version: 1
start_method: METHOD
sync:
  left: {type: Lock}
  right: {type: Lock}
  gate: {type: Barrier, parties: 2}
processes:
  - {name: Kant, target: "workers:lock_both", uses: {first: left, second: right, barrier: gate}}
  - {name: Hegel, target: "workers:lock_both", uses: {first: right, second: left, barrier: gate}}
"""
POOL = """\
version: 1
start_method: METHOD
pools:
  crunch:
    processes: 2
    calls:
      - {map: "workers:divide", over: [1, 0]}
"""


def in_order(text: str, *parts: str) -> None:
    """Assert that these parts come in a text, one after the other."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not there, or not after what it should come after:\n{text}"
        at = found + len(part)


def report(folder: Path, text: str, method: str) -> str:
    """Run a scenario by pytest; return the failure that it prints."""
    (folder / "workers.py").write_text(WORKERS)
    (folder / "case.scenario.yaml").write_text(text.replace("METHOD", method))
    status, printed = run_pytest(folder, "case.scenario.yaml", ini="scenario_allow = workers\n")
    assert 1 == status, printed
    return printed


def test_a_worker_raises(tmp_path: Path, method: str) -> None:
    """First the exception, with the worker's own traceback and output; then what came of it."""
    text = report(tmp_path, RAISES, method)
    in_order(
        text,
        "case: stalled\n",
        "Parser failed with ValueError: invalid literal for int() with base 10: 'six'\n",
        "Traceback (most recent call last):\n",
        f'{tmp_path}/workers.py", line 9, in parse',
        "results.put(number(task))",
        "    ValueError: invalid literal for int() with base 10: 'six'\n",
        "its last output:\n",
        "| parsing six\n",
        "\nstalled: ",
        "not as expected (case.scenario.yaml:12): count: ",
        "each task has a result\n",
        "the log: ",
        "FAILED case.scenario.yaml::case - Parser failed with ValueError: invalid literal",
    )
    assert 1 == text.count("Traceback")
    assert "runner/run_scenario" not in text


def test_a_worker_exits(tmp_path: Path, method: str) -> None:
    """With which exit code and why, how to allow it, and what it wrote last."""
    text = report(tmp_path, EXITS, method)
    in_order(
        text,
        "case: failed\n\n",
        "Leaver ended with exit code 3: it called sys.exit() (the scenario allows 0)\n",
        "its last output:\n    | looking for the configuration\n    ! there is none\n",
        "the log: ",
        "FAILED case.scenario.yaml::case - Leaver ended with exit code 3",
    )
    assert 2 == text.count("ended with exit code 3")


def test_a_worker_is_killed(tmp_path: Path, method: str) -> None:
    """By which signal, and that nobody is known to have sent it."""
    text = report(tmp_path, DIES, method)
    in_order(text, "case: failed\n\n", "Leaver ended with exit code -9: it was ended by SIGKILL, which was not sent by")


def test_a_deadlock(tmp_path: Path, method: str) -> None:
    """Why nothing moves, and where each process waits for what since when."""
    text = report(tmp_path, STALLS, method)
    in_order(text, "case: stalled\n\n", "stalled: deadlock: Kant holds 'left' and waits for 'right'", "MainProcess")
    for name, lock, other in (("Kant", "right", "Hegel"), ("Hegel", "left", "Kant")):
        waits = rf"    {name} \(pid \d+\): waits for '{lock}' to be released, held by {other} \(\S+ s\)\n"
        assert re.search(rf"{waits}        \S*workers.py:\d+ in lock_both\n", text), text
    assert "FAILED case.scenario.yaml::case - stalled: deadlock: Kant holds" in text


def test_a_task_raises(tmp_path: Path, method: str) -> None:
    """Which task of which worker, with the worker's part of the traceback before the main program's."""
    text = report(tmp_path, POOL, method)
    in_order(
        text,
        "case: failed\n\n",
        "failed at task 1 of map()",
        f'{tmp_path}/workers.py", line ',
        "ZeroDivisionError: division by zero\n",
        "its last output:\n",
        "    | dividing by 0\n",
        "MainProcess failed with ZeroDivisionError: division by zero\n",
        "FAILED case.scenario.yaml::case - ",
    )


BROKEN = """\
version: 1
processes:
  - name: Idler
    target: sleep
  - name: Broken
    target: workers:nobody
"""
ANNOTATIONS = """\
def pytest_runtest_logreport(report):  # as those see it that annotate files
    if report.failed:
        file, line, _ = report.location
        crash = report.longrepr.reprcrash
        print(f"\\nannotation {file}:{line + 1} {crash.lineno} {crash.message}")
"""


@pytest.mark.parametrize("parallel", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_lines_are_those_of_the_file(tmp_path: Path, parallel: list[str]) -> None:
    """A failure is at the line of the file that it is about, for pytest and for what annotates files."""
    (tmp_path / "workers.py").write_text(WORKERS)
    (tmp_path / "conftest.py").write_text(ANNOTATIONS)
    (tmp_path / "wrong.scenario.yaml").write_text(BROKEN.replace("workers:nobody", "sleeep"))
    (tmp_path / "refused.scenario.yaml").write_text(BROKEN)
    (tmp_path / "exits.scenario.yaml").write_text(EXITS.replace("METHOD", "fork"))
    (tmp_path / "unmet.scenario.yaml").write_text(
        "version: 1\nprocesses: [{name: Idler, target: sleep}]\nexpect:\n- absent: {event: process.exited}\n"
    )
    status, text = run_pytest(
        tmp_path, "-s", *parallel, "--tb=line", "--junitxml=junit.xml", ini="scenario_allow = workers\n"
    )
    assert (1, True) == (status, "4 failed" in text), text
    found = dict(re.findall(r"^annotation (\w+)\.scenario\.yaml:(\d+ \d+) ", text, flags=re.MULTILINE))
    assert {"wrong": "6 6", "refused": "6 6", "exits": "4 4", "unmet": "4 4"} == {
        name: " ".join(lines.split()) for name, lines in found.items()
    }
    assert f"{tmp_path}/exits.scenario.yaml:4: Leaver ended with exit code 3" in text
    failures = ElementTree.parse(tmp_path / "junit.xml").iterfind(".//failure")
    assert any(str(each.get("message")).startswith("Leaver ended with exit code 3") for each in failures)


RUNS_TWO = """\
from run_scenario import ScenarioRunner


def test_two(scenario: ScenarioRunner, tmp_path) -> None:
    runs = [scenario(f"{name}.scenario.yaml") for name in ("good", "bad")]
    assert runs[0].passed
    assert runs[0].path.parent != tmp_path
    assert all(runs)


def test_good(scenario: ScenarioRunner) -> None:
    assert scenario("good.scenario.yaml")
"""


@pytest.mark.parametrize("parallel", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_logs_of_failures_are_kept(tmp_path: Path, parallel: list[str]) -> None:
    """In the folder that is named, under the names of their tests, anew each time; those of other tests are not."""
    good = "version: 1\nprocesses: [{name: Idler, target: sleep, kwargs: {seconds: 0}}]\n"
    (tmp_path / "good.scenario.yaml").write_text(good)
    (tmp_path / "bad.scenario.yaml").write_text(good + "expect: [{absent: {event: process.exited}}]\n")
    (tmp_path / "test_own.py").write_text(RUNS_TWO)
    for _ in range(2):
        status, text = run_pytest(tmp_path, *parallel, "--scenario-log", "logs", "--junitxml=junit.xml")
        assert (1, True) == (status, "2 failed, 2 passed" in text), text
    found = sorted(path.name for path in (tmp_path / "logs").iterdir())
    names = ["bad.scenario.yaml-bad-H.jsonl", "test_own.py-test_two-H-2.jsonl", "test_own.py-test_two-H.jsonl"]
    assert names == [re.sub("-[0-9a-f]{8}", "-H", name) for name in found]
    logs = [(tmp_path / "logs" / name) for name in found]
    assert f"the log: {logs[0]}\n" in text
    assert f"good: passed, {logs[2]}\n" in text
    assert all(1 == log.read_text().count("scenario.finished") for log in logs)
    properties = ElementTree.parse(tmp_path / "junit.xml").iterfind(".//property[@name='scenario log']")
    assert sorted(map(str, logs)) == sorted({str(each.get("value")) for each in properties})


MARKED = """\
version: 1
matrix: {seconds: [0, 0.1]}
marks:
  - slow
  - timeout: 120
  - skipif: {condition: "${seconds == 0}", reason: nothing to see}
  - xfail: {reason: nobody has started it, strict: true}
processes: [{name: Idler, target: sleep, kwargs: {seconds: $seconds}}]
expect: [{exists: {event: process.started, process: Idler, worker: thread}}]
"""


def test_marks_have_arguments(tmp_path: Path) -> None:
    """A condition is computed for each combination of the matrix; a reason is shown; an argument arrives."""
    (tmp_path / "marked.scenario.yaml").write_text(MARKED)
    (tmp_path / "skipped.scenario.yaml").write_text(
        "version: 1\nmarks: [{skip: not today}]\nprocesses: [{target: fail}]\n"
    )
    (tmp_path / "conftest.py").write_text(
        "def pytest_runtest_setup(item):\n    print([mark.args for mark in item.iter_markers('timeout')])\n"
    )
    status, text = run_pytest(tmp_path, "-ra", "-s", "--strict-markers")
    assert (0, True) == (status, "2 skipped, 1 xfailed" in text), text
    assert "not today" in text
    assert "nothing to see" in text
    assert "marked[seconds:0.1] - nobody has started it" in text
    assert "[(120,)]" in text
