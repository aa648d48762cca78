"""`record --expect` and `check`: a script, judged by a file of expectations; its exit status, and its verdicts."""

from __future__ import annotations

import functools
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from recorded import record
from support import COMMAND, PATIENCE

import commands
import run_scenario

SCRIPT = """
import multiprocessing
import os
import sys

def work(tasks, done, code):
    for task in iter(tasks.get, None):
        done.put(task * task)
    os._exit(code) if code else None

def main(method, code, own):
    multiprocessing.set_start_method(method)
    tasks = multiprocessing.Queue()
    done = multiprocessing.SimpleQueue()
    worker = multiprocessing.Process(target=work, args=(tasks, done, code), name="Worker")
    worker.start()
    for task in (1, 2, None):
        tasks.put(task)
    worker.join()
    sys.exit(own)

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""
STUCK = "import multiprocessing\nmultiprocessing.Queue().get()\n"
MET = "conserved: tasks"
WORKER = "exitcodes: {Worker: 3}"
OWN = "exitcodes: {MainProcess: 5}"


def expectations(folder: Path, *lines: str) -> Path:
    """Write a file of expectations."""
    file = folder / "expectations.yaml"
    file.write_text("version: 1\nexpect:\n" + "".join(f"  - {line}\n" for line in lines))
    return file


@pytest.mark.parametrize(
    ("code", "own", "expect", "status", "outcome"),
    [
        (0, 0, (MET, "fifo: done", "exitcodes: {Worker: 0}"), 0, "passed"),
        (0, 0, (MET, "count: {event: queue.get, queue: tasks}\n    is: 7"), 1, "failed"),
        (0, 5, (MET,), 5, "failed"),
        (0, 5, (MET, OWN), 0, "passed"),
        (0, 5, ("conserved: taks",), 1, "failed"),
        (3, 0, (MET,), 1, "failed"),
        (3, 0, (MET, WORKER), 0, "passed"),
        (3, 5, (MET, WORKER), 5, "failed"),
    ],
)
def test_the_exit_status(
    tmp_path: Path, method: str, code: int, own: int, expect: tuple[str, ...], status: int, outcome: str
) -> None:
    """It is 0 if all went as expected, 1 if an expectation was not met, and otherwise the script's own."""
    options = ("--expect", str(expectations(tmp_path, *expect)))
    recorded = record(tmp_path, SCRIPT, method, str(code), str(own), options=options)
    end = recorded.log.one("scenario.finished")
    assert (status, outcome, len(expect)) == (recorded.status, end["outcome"], end["counts"]["expectations"])


PRINTS = "import sys\nprint(sys.argv[1:])\n"
GIVEN = (
    "run-scenario: {0} stands behind script.py, so it is the script's; to give it to record: record {0} … script.py\n"
)


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        (PRINTS, ("--expect", "expectations.yaml"), GIVEN.format("--expect")),
        (PRINTS, ("--log=a", "-m", "--no-payloads", "--log"), GIVEN.format("--log") + GIVEN.format("--no-payloads")),
        (PRINTS, ("--help", "--expected", "--", "--expect"), ""),
        (f"no_payloads = expect = 'the words are known to it'\n{PRINTS}", ("--expect", "--no-payloads"), ""),
    ],
)
def test_options_behind_a_script(tmp_path: Path, script: str, arguments: tuple[str, ...], said: str) -> None:
    """They are the script's; that is said of those that `record` has, and the script seems not to know."""
    recorded = record(tmp_path, script, *arguments)
    assert (0, f"{list(arguments)}\n", said) == (recorded.status, recorded.stdout, recorded.stderr)


def test_a_deadlock_that_is_expected(tmp_path: Path) -> None:
    """It has passed; one that is not is status 3, whatever else is expected."""
    expected = expectations(tmp_path, "exists: {event: scenario.stalled}")
    assert 0 == record(tmp_path, STUCK, options=("--expect", str(expected))).status
    expected = expectations(tmp_path, "absent: {event: process.failed}")
    assert 3 == record(tmp_path, STUCK, options=("--expect", str(expected))).status


def test_a_deadline_of_the_file(tmp_path: Path) -> None:
    """It holds where no other is given."""
    file = expectations(tmp_path, "exists: {event: scenario.timed_out}")
    file.write_text(f"{file.read_text()}timeout: 0.5\ntitle: For ever\n")
    log = record(tmp_path, "import time\ntime.sleep(1000)\n", options=("--expect", str(file))).log
    assert (0.5, "For ever") == (log.events[0]["timeout"], log.events[0]["title"])
    assert log.one("expectation.passed")
    log = record(tmp_path, "", options=("--timeout", "60", "--expect", str(file))).log
    assert 60 == log.events[0]["timeout"]


def test_what_a_person_sees(tmp_path: Path) -> None:
    """The script's own output; after it what was not met, with its line, what was found, and what was meant."""
    options = ("--expect", str(expectations(tmp_path, MET, "fifo: taks")))
    recorded = record(tmp_path, SCRIPT, "fork", "0", "0", options=options)
    assert (1, "") == (recorded.status, recorded.stdout)
    lines = [" ".join(line.split()) for line in recorded.stderr.splitlines()]
    (at,) = (number for number, line in enumerate(lines) if line.endswith(":4): fifo: taks"))
    assert "could not be judged" in lines[at]
    assert "'taks' never took part: there is no event of it; did you mean 'tasks'?" == lines[at + 1]
    options = ("--expect", str(expectations(tmp_path, MET, "fifo: tasks")))
    recorded = record(tmp_path, SCRIPT, "fork", "0", "0", options=options)
    assert "run-scenario: 2 expectations met" == recorded.stderr.splitlines()[-1]


def test_a_file_that_is_wrong(tmp_path: Path) -> None:
    """Nothing is run; the fault has its place."""
    (tmp_path / "script.py").write_text("print('it runs')\n")
    file = expectations(tmp_path, "fifo: [tasks]")
    done = commands.run(
        [*COMMAND, "record", "--expect", file.name, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("expectations.yaml:3:11: error: `fifo` must be the name of a resource")


def test_a_log_is_judged_later(tmp_path: Path) -> None:
    """`check` comes to the verdicts to which `record` has come, from a file as from a pipe; other files, to others."""
    file = expectations(tmp_path, MET, "count: {event: queue.get, queue: tasks}\n    is: 7")
    log = tmp_path / "log.jsonl"
    run = run_scenario.record(_script(tmp_path), "fork", "0", "0", expect=file, log=log)
    assert (1, False, ["expectation.passed", "expectation.failed"]) == (
        run.status,
        run.passed,
        [event["event"] for event in run.verdicts],
    )
    for name, given in ((str(log), ""), ("-", log.read_text())):
        done = _check(name, file, given)
        assert 1 == done.returncode, done.stderr
        verdicts = run_scenario.EventLog.read(_written(tmp_path, done.stdout))
        assert [{**event, "seq": 0, "n": 0} for event in run.verdicts] == [
            {**event, "seq": 0, "n": 0, "t": run.verdicts[0]["t"], "timestamp": run.verdicts[0]["timestamp"]}
            for event in verdicts
        ]
    assert 0 == _check(str(log), expectations(tmp_path, MET)).returncode


def test_in_python(tmp_path: Path) -> None:
    """It passes if all is met, and says what is not; a file that is wrong is an exception."""
    script = _script(tmp_path)
    run = run_scenario.record(script, "fork", "3", "5", expect=expectations(tmp_path, MET, WORKER, OWN))
    assert (0, True, "passed") == (run.status, run.passed, run.outcome)
    assert run.log.fifo("tasks")
    run = run_scenario.record(script, "fork", "0", "0", expect=expectations(tmp_path, "conserved: taks"))
    assert (1, False) == (run.status, run.passed)
    assert "did you mean 'tasks'?" in str(run)
    with pytest.raises(run_scenario.InvalidScenario, match=r"yaml:3:21: .*did you mean 'queue\.put'"):
        run_scenario.record(script, expect=expectations(tmp_path, "exists: {event: queue.putt}"))


def squares(method: str, count: int) -> None:
    """What a test records: one process squares numbers for another."""
    ctx = multiprocessing.get_context(method)
    numbers, results = ctx.Queue(), ctx.SimpleQueue()
    worker = ctx.Process(target=_square, args=(numbers, results), name="Worker")
    worker.start()
    for number in (*range(count), None):
        numbers.put(number)
    print(sum(results.get() for _ in range(count)))
    worker.join()


def _square(numbers: Any, results: Any) -> None:
    for number in iter(numbers.get, None):
        results.put(number * number)


def test_a_function(tmp_path: Path, method: str) -> None:
    """It is called in a script of its own, under the same promises; this process stays as it is."""
    before = dict(vars(multiprocessing))
    run = run_scenario.record(squares, method, 4, expect=expectations(tmp_path, "conserved: numbers"))
    assert (True, "14\n", "squares") == (run.passed, run.stdout, run.scenario.name), run
    assert run.log.exists("queue.get", "Worker", item=3)
    assert before == vars(multiprocessing)


def test_a_function_that_cannot_be_recorded() -> None:
    """Another process has to find it by its name, and to get what it is called with."""
    with pytest.raises(
        TypeError, match="cannot be recorded: processes import it, so it must be at the top of a module"
    ):
        run_scenario.record(lambda: None)
    for argument in ((1, 2), {1: 2}, float("nan"), object()):
        with pytest.raises(TypeError, match="cannot be the arguments of what is recorded: give it data that JSON has"):
            run_scenario.record(squares, "fork", argument)
    with pytest.raises(TypeError, match="cannot stand in a scenario"):
        run_scenario.record(functools.partial(squares, "fork"))


def _script(folder: Path) -> Path:
    file = folder / "script.py"
    file.write_text(SCRIPT)
    return file


def _written(folder: Path, text: str) -> Path:
    file = folder / "verdicts.jsonl"
    file.write_text(text)
    return file


def _check(log: str, file: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "run_scenario", "check", log, str(file), "--format", "json"]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=PATIENCE, check=False)
