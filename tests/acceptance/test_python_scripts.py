"""`run-scenario python`: the scripts, run. They print what the scenarios' processes print, and end as their main
programs end.

Each script is run as it is, in a Python that marks every line it prints with the name of the process.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from bundled_runs import ABREAST, BundledRuns
from support import Event

from intended import HANGING, TRAP, UNEVEN
from run_scenario import bundled, language
from run_scenario.views import python_script

COMMAND = str(Path(sys.executable).parent / "run-scenario")
NAMES = [path.stem for path in bundled.scenarios()]
MARK_LINES = """\
import io, os, sys
from multiprocessing.process import current_process

class Marked(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        name = current_process().name.encode()
        os.write(1, b"".join(name + b"\\t" + line + b"\\n" for line in bytes(data).splitlines()))
        return len(data)

sys.stdout = io.TextIOWrapper(io.BufferedWriter(Marked()), encoding="utf-8", line_buffering=True)
"""

Lines = dict[str, list[str]]
"""What each process printed, in order."""


class Run(NamedTuple):
    """What came of a run; exit code None: it hung."""

    exitcode: int | None
    lines: Lines


def generate(scenario: str, cwd: Path) -> str:
    """Return the script of a scenario, as the command prints it."""
    done = subprocess.run([COMMAND, "python", scenario], cwd=cwd, capture_output=True, encoding="utf-8", timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


def generate_here(name: str) -> str:
    """Return the script of a bundled scenario, which names no code of anybody's own; quicker than the command."""
    path = bundled.find_scenario(name)
    assert path is not None
    scenario = language.load(path, file=name).scenario
    assert scenario is not None
    return python_script.script(scenario, language.plan(scenario), lambda _: False)


def run_script(text: str, folder: Path, timeout: float = 60) -> Run:
    """Run the script of a scenario; what hangs is killed with all its processes."""
    (folder / "sitecustomize.py").write_text(MARK_LINES)
    (folder / "script.py").write_text(text, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-W", "error", "script.py"],
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        start_new_session=True,
    ) as script:
        try:
            output, exitcode = script.communicate(timeout=timeout)[0], script.returncode
        except subprocess.TimeoutExpired:
            os.killpg(script.pid, signal.SIGKILL)
            output, exitcode = script.communicate()[0], None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(script.pid, signal.SIGKILL)
    return Run(exitcode, by_process(line.split("\t", 1) for line in output.splitlines()))


def run_scenario(scenario: str, folder: Path) -> Run:
    """Run a scenario, and read from its log what came of it."""
    done = subprocess.run([COMMAND, "run", scenario, "--allow", "own"], cwd=folder, capture_output=True, timeout=60)
    return of_log([json.loads(line) for line in done.stdout.splitlines()])


def of_log(events: list[Event]) -> Run:
    """Return what the processes of a run printed, and how its main program ended."""
    exits = [e["exitcode"] for e in events if (e["event"], e["process"]) == ("process.exited", "MainProcess")]
    printed = [e for e in events if e["event"] == "process.output" and e["via"] == "print" and e["stream"] == "stdout"]
    threads = {e["process"] for e in events if e["event"] == "process.starting" and e["worker"] == "thread"}
    # A script knows only processes: what a thread prints, the main program prints.
    names = ["MainProcess" if e["process"] in threads else e["process"] for e in printed]
    return Run(exits[0], by_process([name, e["text"]] for name, e in zip(names, printed, strict=True)))


ENVIRONMENT = dict(os.environ)
"""As it was in the beginning: pytest changes it for each test, while threads start the scripts."""
ENDLESS = {"crash-loop"}
"""Those whose plain scripts start one process after the other for ever, and take all processors."""

_OWN_NUMBERS = re.compile(r"([ :])[\d.]+")
"""What a process tells of itself in numbers."""


def by_process(pairs: Iterator[list[str]]) -> Lines:
    """Sort lines by process; what differs from run to run anyway, process ids, is masked."""
    lines: Lines = {}
    for process, text in pairs:
        masked = _OWN_NUMBERS.sub(r"\1N", text) if text.startswith(("First: ", "Second: ")) else text
        lines.setdefault(process, []).append(re.sub(r"process ID: \d+", "process ID: N", masked))
    return lines


def shuffled(lines: Lines) -> list[str]:
    """Return all lines, no matter of which replica."""
    return sorted(re.sub(r"-\d+\b", "-N", line) for texts in lines.values() for line in texts)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Run]]:
    """Return a function that gives the run of a bundled scenario's script; they run a few at a time."""

    def patience(name: str) -> float:
        """Return how many seconds a script may take; what starts processes without end has less."""
        if name in ENDLESS:
            return 2
        return 5 if name == TRAP or name in HANGING else 60

    def run(name: str) -> Run:
        return run_script(generate_here(name), tmp_path_factory.mktemp("run"), patience(name))

    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = {item.callspec.params.get("script") for item in items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(ABREAST) as pool:
        running = {name: pool.submit(run, name) for name in NAMES if name in wanted}
        yield lambda name: running[name].result()


@pytest.mark.parametrize("script", [name for name in NAMES if name != TRAP])
def test_a_script_does_what_its_scenario_does(
    script: str, scripts: Callable[[str], Run], bundled_runs: BundledRuns
) -> None:
    """Each process prints the same lines, and the main program has the same exit code, or none: where one would wait
    for ever, so does the other.
    """
    ran = scripts(script)
    scenario = of_log(bundled_runs.get(script, multiprocessing.get_start_method()).log.events)
    assert (None if script in HANGING else scenario.exitcode) == ran.exitcode
    if script in UNEVEN:
        assert shuffled(scenario.lines) == shuffled(ran.lines)
    else:
        assert scenario.lines == ran.lines


@pytest.mark.parametrize("script", [TRAP])
def test_the_script_of_the_trap(script: str, scripts: Callable[[str], Run]) -> None:
    """It may hang, as its scenario may; no task is done twice, and if it ends, all were done."""
    ran = scripts(script)
    tasks = [2, 36, 101, 193, 323, 513, 1327, 100000, 9999999, 433785907]
    expected = sorted(f"Consumer-N processing task: is_prime({task})" for task in tasks)
    done = shuffled(ran.lines)
    assert len(set(done)) == len(done)
    assert set(done) <= set(expected)
    assert ran.exitcode is None or (0, expected) == (ran.exitcode, done)


TRICKY = r"""
version: 1
title: 'Names: "quotes", \ and more'
queues:
  class: {type: JoinableQueue, items: [1, two, [3]], poison_pills: true}
  the-results: {collect: 3}
  Process: {items: [{call: greet, args: ["A \"B\" 'C' \\ {D} ✓"]}, {call: check_prime, args: [7]}], poison_pills: 1}
  print: {collect: 2}
processes:
  - {name: "it's \"quoted\" {here}", target: print_info}
  - {name: sleep, target: sleep, args: [0]}
  - {name: "class", target: print_info}
  - {name: "1", target: print_info}
  - {name: "Äpfel und Bäume 😀", target: print_info, args: ["'\"\\{}\u00e9"]}
  - {name: "back\\slash", target: print_info}
  - {name: time, target: print_info}
  - {name: tasks, target: relay, from: class, to: the-results, kwargs: {task_done: true}}
  - {name: call, target: consume, from: Process, to: print, kwargs: {task_done: false}}
  - {name: 'r "{x}" \ ''y', replicas: 2, target: sleep, kwargs: {seconds: 0}}
  - {name: current process, target: print_info}
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_tricky_names(method: str, tmp_path: Path) -> None:
    """Whatever names a scenario gives, its script runs, and its processes have these names."""
    (tmp_path / "tricky.yaml").write_text(f"{TRICKY}start_method: {method}\n", encoding="utf-8")
    script, scenario = run_script(generate("tricky.yaml", tmp_path), tmp_path), run_scenario("tricky.yaml", tmp_path)
    assert (0, scenario) == (scenario.exitcode, script)
    assert 11 == len(scenario.lines)  # relay says nothing


OWN = """\
import multiprocessing

print("imported")
open("imported", "w").close()


def sleep(text, inbox):
    print(text, inbox.get().process())


def sign(number, exponent=1):
    print("called with", number, exponent)
    return -(number**exponent)


class worker(multiprocessing.Process):
    def __init__(self, number, *, outbox):
        super().__init__()
        self.number, self.outbox = number, outbox

    def run(self):
        print(self.name, self.daemon, self.number)
        self.outbox.put(self.number)
"""
OWN_SCENARIO = """\
version: 1
start_method: spawn
queues:
  calls: {items: [{call: "own.code:sign", args: [2], kwargs: {exponent: 3}}]}
  numbers: {collect: 3}
processes:
  - {target: "own.code:sleep", args: [slept], uses: {inbox: calls}}
  - {name: One, target: "own.code:worker", args: [1], to: numbers, daemon: true}
  - {name: More, replicas: 2, target: "own.code:worker", args: [2], to: numbers}
  - {target: sleep, args: [0]}
"""


def test_own_targets(tmp_path: Path) -> None:
    """Functions and Process subclasses of one's own are imported by the script, and not while it is made."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "code.py").write_text(OWN)
    (tmp_path / "own.yaml").write_text(OWN_SCENARIO)
    text = generate("own.yaml", tmp_path)
    assert "from own.code import sign, sleep as code_sleep, worker\n" in text
    assert not (tmp_path / "imported").exists()
    script, scenario = run_script(text, tmp_path), run_scenario("own.yaml", tmp_path)
    assert (tmp_path / "imported").exists()
    assert (0, 0) == (script.exitcode, scenario.exitcode)
    for lines in (script.lines, scenario.lines):
        told = {name: [text for text in texts if text != "imported"] for name, texts in lines.items()}
        assert {
            "Process-1": ["called with 2 3", "slept -8"],
            "One": ["One True 1"],
            "More-1": ["More-1 False 2"],
            "More-2": ["More-2 False 2"],
            "Process-5": ["Starting Process-5", "Exiting Process-5"],
        } == {name: texts for name, texts in told.items() if name != "MainProcess"}


EXPECTED_EXCEPTIONS = """\
version: 1
pools:
  crunch:
    processes: 1
    calls:
      - {apply: "own:fail", raises: OwnError}
      - {apply: "own:lock", raises: MaybeEncodingError}
      - {apply: "own:late", raises: TimeoutError}
      - {imap: sleep_for, over: [0.2], timeout: 0.01, raises: TimeoutError}
      - {apply_async: sleep_for, args: [0.2], timeout: 0.01, raises: TimeoutError}
    end: terminate
  futures:
    type: executor
    processes: 1
    calls:
      - {submit: sleep_for, args: [0.2], timeout: 0.01, raises: TimeoutError}
      - {map: sleep_for, over: [0.2], timeout: 0.01, raises: TimeoutError}
"""
RAISING = """\
import threading


class OwnError(Exception):
    pass


def fail():
    raise OwnError


def lock():
    return threading.Lock()


def late():
    raise TimeoutError
"""


def test_exceptions_that_are_expected_of_pools(tmp_path: Path) -> None:
    """A script catches what its scenario catches, wherever the exception is from, and lets nothing else pass."""
    (tmp_path / "own.py").write_text(RAISING)
    (tmp_path / "pools.yaml").write_text(EXPECTED_EXCEPTIONS)
    text = generate("pools.yaml", tmp_path)
    script, scenario = run_script(text, tmp_path), run_scenario("pools.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    (tmp_path / "own.py").write_text(RAISING.replace("raise OwnError", "raise KeyError"))
    assert 1 == run_script(text, tmp_path).exitcode


def test_an_invalid_scenario(tmp_path: Path) -> None:
    """Its problems are told, and there is no script."""
    (tmp_path / "wrong.yaml").write_text("version: 1\n")
    done = subprocess.run([COMMAND, "python", "wrong.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("wrong.yaml:1:1: error: ")


def test_a_script_is_utf_8(tmp_path: Path) -> None:
    """Written to a file or pipe, it is what Python takes it for, whatever the terminal speaks."""
    text = 'version: 1\nprocesses: [{name: "Bäume", target: hang}]\n'
    (tmp_path / "trees.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [COMMAND, "python", "trees.yaml"], cwd=tmp_path, env=environment, capture_output=True, timeout=60
    )
    assert 'bäume = Process(name="Bäume", target=hang)' in done.stdout.decode("utf-8")
