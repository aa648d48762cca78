"""The pytest plugin, in a real pytest of its own: scenario files as tests, and the fixture."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support import PYTEST, run_pytest

GOOD = """\
version: 1
title: All is well
processes: [{name: W, target: sleep, kwargs: {seconds: 0}}]
expect: [{exists: {event: process.finished, process: W}}]
"""
BAD = GOOD.replace("exists", "absent").replace("W}}]", "W}, because: never to finish}]")
WRONG = GOOD.replace("sleep", "sleeep")
STALLED = """\
version: 1
marks: [slow]
queues: {q: {}}
processes: [{target: consume, from: q, kwargs: {task_done: false}}]
expect: [{exists: {event: scenario.stalled}}]
"""
TESTS = """\
from run_scenario import event


def shout(inbox, outbox):
    while (word := inbox.get()) is not None:
        outbox.put(word.upper())


SHOUTING = {
    "queues": {"words": {"items": ["one", "two"], "poison_pills": 1}, "loud": {"collect": 2}},
    "processes": [{"name": "W", "target": shout, "from": {"inbox": "words"}, "to": {"outbox": "loud"}}],
}
TEXT = '''
    version: 1
    processes: [{target: "test_own:shout", args: [1, 2], exitcode: 1}]
'''


def test_function(scenario, tmp_path):
    run = scenario(SHOUTING)
    assert run.passed
    assert ["ONE", "TWO"] == [e["item"] for e in run.log.of("queue.get", "MainProcess")]
    assert run.log.leads_to(event("queue.put", queue="words"), event("queue.get", queue="words"), same="item_id")
    assert run.path.parent == tmp_path


def test_file_beside(scenario):
    assert scenario("good.scenario.yaml").passed
    assert scenario.load("good.scenario.yaml").title == "All is well"


def test_text(scenario):
    run = scenario(TEXT)
    assert run.log.exists("process.failed", exception="AttributeError")


def test_that_fails(scenario):
    run = scenario(SHOUTING)
    assert run.log.exists("process.finished", "Nobody")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with tests of all kinds."""
    for name, text in (
        ("good.scenario.yaml", GOOD),
        ("bad.scenario.yaml", BAD),
        ("wrong.scenario.yaml", WRONG),
        ("stalled.scenario.yaml", STALLED),
        ("other.yaml", GOOD),
        ("test_own.py", TESTS),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_files_are_tests(folder: Path) -> None:
    """A file passes or fails as it says; a failure shows expectation, reason, events and log, and no traceback."""
    files = map(str, sorted(folder.glob("*.scenario.yaml")))
    status, text = run_pytest(folder, "-v", "--junitxml", "junit.xml", *files)
    assert 1 == status
    assert "good.scenario.yaml::good PASSED" in text
    assert "stalled.scenario.yaml::stalled PASSED" in text
    assert "bad.scenario.yaml::bad FAILED" in text
    assert "wrong.scenario.yaml::wrong FAILED" in text
    assert "not as expected (bad.scenario.yaml:4): absent: {event: process.finished, process: W}" in text
    assert "    never to finish" in text
    assert "W finished: its target returned" in text
    assert "wrong.scenario.yaml:3:31: error: there is no built-in target 'sleeep'" in text
    assert "Traceback" not in text
    assert "runtest" not in text
    where = next(line.removeprefix("the log: ") for line in text.splitlines() if line.startswith("the log: ")).strip()
    assert '"event"' not in text, "the log itself is not for the terminal"
    report = ElementTree.parse(folder / "junit.xml")
    assert where in [found.get("value") for found in report.iterfind(".//*[@name='bad']//property")]
    assert [f"[[ATTACHMENT|{where}]]\n{Path(where).read_text()}"] == [e.text for e in report.iter("system-out")]


def test_marks_and_names(folder: Path) -> None:
    """They are chosen like any test: by -m and -k."""
    files = [str(path) for path in sorted(folder.glob("*.scenario.yaml"))]
    status, text = run_pytest(folder, "-q", "-m", "slow", *files)
    assert (0, True) == (status, "1 passed, 3 deselected" in text), text
    status, text = run_pytest(folder, "-q", "-k", "good", *files)
    assert (0, True) == (status, "1 passed, 3 deselected" in text), text


def test_other_files(folder: Path) -> None:
    """Other names are scenarios where an ini option says so, and not otherwise."""
    (folder / "deep").mkdir()
    (folder / "deep" / "one.yaml").write_text(GOOD)
    assert 5 == run_pytest(folder, "-q", "deep")[0]
    status, text = run_pytest(folder, "-q", "other.yaml", "deep", ini="scenario_files = other.yaml deep/*.yaml\n")
    assert (0, True) == (status, "2 passed" in text), text


def test_the_fixture(folder: Path) -> None:
    """It runs a dictionary with a function of the test's own, a file beside it, a text; a failure explains itself."""
    status, text = run_pytest(folder, "-q", "test_own.py")
    assert 1 == status
    assert "1 failed, 3 passed" in text, text
    assert "failed: there is no process.finished with process 'Nobody'; the nearest is process.finished" in text
    answer = text.partition("what the log says")[2]
    assert "not as expected: exists: {event: process.finished, process: Nobody}\n" in answer
    assert re.search(r"\n      \d+: \d\.\d{3} s \w+ process\.finished duration", answer)


RECORDS = """\
def test_it(scenario):
    run = scenario.record("script.py", timeout=60)
    assert run.passed
    assert run.stdout == "written\\n"
    assert run.log.exists("process.started", "MainProcess")
"""


def test_a_script_is_recorded(tmp_path: Path) -> None:
    """The fixture records a script that lies beside the test."""
    (tmp_path / "script.py").write_text("print('written')\n")
    (tmp_path / "test_it.py").write_text(RECORDS)
    status, text = run_pytest(tmp_path, "-q")
    assert (0, True) == (status, "1 passed" in text), text


EXPECTING = """\
def test_it(scenario):
    assert scenario.record("script.py", expect="expectations.yaml").passed
"""


def test_a_script_is_judged(tmp_path: Path) -> None:
    """By a file that lies beside the test; a failure shows the expectation, with its file."""
    (tmp_path / "script.py").write_text("import multiprocessing\nmultiprocessing.Event().set()\n")
    (tmp_path / "test_it.py").write_text(EXPECTING)
    (tmp_path / "expectations.yaml").write_text("version: 1\nexpect:\n- absent: {event: event.set}\n")
    status, text = run_pytest(tmp_path, "-q")
    assert (1, True) == (status, "1 failed" in text), text
    assert "expectations.yaml:3): absent: {event: event.set}" in text


BLOCK = """\
from multiprocessing import Process, Queue

import pytest
from run_scenario import event


def fill(queue):
    for number in range(3):
        queue.put(number)


@pytest.mark.parametrize("count", [3, 4])
def test_it(scenario, tmp_path, count):
    with scenario.recording(expect="expectations.yaml") as run:
        queue = Queue()
        filler = Process(target=fill, args=(queue,), name="Filler")
        filler.start()
        numbers = [queue.get() for _ in range(3)]
        filler.join()
    assert run.passed
    assert [0, 1, 2] == numbers == [each["item"] for each in run.log.of("queue.get")]
    assert tmp_path == run.path.parent
    assert run.log.count(event("queue.put"), is_=count)


def test_that_fails(scenario):
    with scenario.recording():
        assert Queue().empty() is None


def test_that_is_not_as_expected(scenario):
    with scenario.recording(expect="expectations.yaml") as run:
        pass
    assert run
"""


def test_a_block_is_recorded(tmp_path: Path) -> None:
    """What a test itself does in it; of each failure there is an explanation, and the log."""
    (tmp_path / "test_it.py").write_text(BLOCK)
    (tmp_path / "expectations.yaml").write_text("version: 1\nexpect:\n- exitcodes: {Filler: 0}\n")
    status, text = run_pytest(tmp_path, "-q", "--junitxml", "junit.xml")
    assert (1, True) == (status, "3 failed, 1 passed" in text), text
    assert "not as expected: count: {event: queue.put}" in text
    assert "test_that_fails: failed, " in text
    assert "expectations.yaml:3): exitcodes: {Filler: 0}" in text
    report = ElementTree.parse(tmp_path / "junit.xml")
    assert 4 == len([each for each in report.iterfind(".//property") if each.get("name") == "scenario log"])


MISTAKES = """\
import pytest
from run_scenario import EventLog

TEXT = "version: 1\\nprocesses: [{target: '%s'}]\\n"


def test_a_run_that_failed(scenario):
    run = scenario({"processes": [{"name": "F", "target": "fail"}], "expect": [{"exitcodes": {"F": 3}}]})
    assert run.outcome == "passed"


def test_few_events():
    log = EventLog([{"event": "queue.put", "seq": 1, "t": 0.5, "process": "P", "item": 7}])
    assert len(log.of("queue.put")) == 2


def test_what_is_wrong(scenario):
    scenario(TEXT % "sleeep")


def test_what_is_refused(scenario):
    assert scenario(TEXT % "json:loads").passed
"""


def test_mistakes(tmp_path: Path) -> None:
    """Each shows the test's own line, and what the runs and events in it come to; nothing of the insides."""
    (tmp_path / "test_own.py").write_text(MISTAKES)
    status, text = run_pytest(tmp_path, "-q", "test_own.py")
    assert (1, True) == (status, "4 failed" in text), text
    assert "not as expected (scenario.yaml:1): exitcodes: {F: 3}" in text
    assert "\n  1: 0.500 s P queue.put item 7\n" in text
    assert "InvalidScenario: scenario.yaml:2:22: there is no built-in target 'sleeep' (did you mean 'sleep'?)" in text
    assert "name 'json' in pytest's ini option scenario_allow, or write allow=[\"json\"]" in text
    assert "--allow" not in text
    assert "api.py" not in text


def test_in_parallel(folder: Path) -> None:
    """Under xdist each file is a test of its own."""
    files = [str(folder / name) for name in ("good.scenario.yaml", "stalled.scenario.yaml")]
    status, text = run_pytest(folder, "-q", "-n", "2", *files)
    assert (0, True) == (status, "2 passed" in text), text


def test_whose_code_may_run(folder: Path) -> None:
    """A file's own target needs the ini option: a scenario cannot allow itself."""
    (folder / "own.scenario.yaml").write_text('version: 1\nprocesses: [{target: "workers:go"}]\n')
    (folder / "workers.py").write_text("def go():\n    print('gone')\n")
    status, text = run_pytest(folder, "-q", "own.scenario.yaml")
    assert (1, True) == (status, "refused" in text), text
    assert "if you trust it, name 'workers' in pytest's ini option scenario_allow" in text
    assert "--allow" not in text
    assert 0 == run_pytest(folder, "-q", "own.scenario.yaml", ini="scenario_allow = workers\n")[0]


@pytest.mark.parametrize("parallel", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_an_interrupt(tmp_path: Path, parallel: list[str]) -> None:
    """Ctrl-C ends pytest, its workers, the scenario that it runs, and everything that has started."""
    (tmp_path / "long.scenario.yaml").write_text("version: 1\nprocesses: [{target: sleep, kwargs: {seconds: 60}}]\n")
    mark = f"RUN_SCENARIO_MARK={tmp_path}"
    name, _, value = mark.partition("=")
    command = [*PYTEST, "--basetemp", str(tmp_path / "tmp")]
    with subprocess.Popen(
        [*command, "-q", *parallel, "long.scenario.yaml"],
        cwd=tmp_path,
        env={**os.environ, name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        while not any("Starting" in log.read_text() for log in tmp_path.glob("tmp/**/*.jsonl")):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        text = process.communicate(timeout=60)[0]
    assert (2, True) == (process.returncode, "KeyboardInterrupt" in text), text
    assert [] == [path for path in Path("/proc").glob("[0-9]*") if mark.encode() in _environment(path)]


TIMEOUT = """\
import signal
import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):  # as pytest-timeout does it
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("Timeout (>1.0s)"))
    signal.alarm(1)
    yield
"""


def test_a_timeout(folder: Path) -> None:
    """A test whose time is up shows no insides, and leaves nothing behind."""
    long = '"processes": [{"target": "sleep", "kwargs": {"seconds": 60}}]'
    (folder / "long.scenario.yaml").write_text(f'{{"version": 1, {long}}}')
    (folder / "test_long.py").write_text(f"def test_long(scenario):\n    scenario({{{long}}})\n")
    (folder / "conftest.py").write_text(TIMEOUT)
    status, text = run_pytest(folder, "-q", "long.scenario.yaml", "test_long.py", mark=str(folder))
    assert (1, True) == (status, "2 failed" in text), text
    assert "Timeout (>1.0s)" in text
    assert "communicate" not in text
    mark = f"RUN_SCENARIO_MARK={folder}".encode()
    assert [] == [path for path in Path("/proc").glob("[0-9]*") if mark in _environment(path)]


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial" / "first-test.md").read_text(encoding="utf-8")


def block(language: str, mark: str) -> str:
    """Return the tutorial's fenced block of a language that contains a mark."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", TUTORIAL, flags=re.DOTALL | re.MULTILINE)
    return next(text for text in blocks if mark in text)


@pytest.mark.campaign
def test_the_tutorial(tmp_path: Path) -> None:
    """Its files and commands do what it says."""
    (tmp_path / "squares.scenario.yaml").write_text(block("yaml", "squares"))
    (tmp_path / "workers.py").write_text(block("python", "# workers.py"))
    (tmp_path / "test_workers.py").write_text(block("python", "# test_workers.py"))
    command = [sys.executable, "-m", "run_scenario"]
    for line in re.findall(r"^\$ run-scenario (.*)$", TUTORIAL, flags=re.MULTILINE):
        assert 0 == subprocess.run([*command, *line.split()], cwd=tmp_path, capture_output=True, timeout=60).returncode
    ini = re.findall(r"^```ini\n\[pytest\]\n(.*?)^```", TUTORIAL, flags=re.DOTALL | re.MULTILINE)[0]
    status, text = run_pytest(tmp_path, "-q", ini=ini)
    assert (0, True) == (status, "3 passed" in text), text


@pytest.mark.campaign
def test_the_tutorials_mistake(tmp_path: Path) -> None:
    """With a text among the numbers, a square is missing, and the expectations tell it from different sides."""
    text = block("yaml", "squares").replace("5, 6]", "5, six]")
    (tmp_path / "squares.scenario.yaml").write_text(text)
    status, shown = run_pytest(tmp_path, "-q", "squares.scenario.yaml")
    assert 1 == status
    assert "squares: stalled" in shown
    assert "0 times queue.get with queue 'squares', and it should be exactly 6" in shown
    assert "ended with exit code 1, not 0" in shown
