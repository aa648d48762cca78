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
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from bundled_runs import ABREAST, BundledRuns
from support import Event

import commands
from effort import in_part
from intended import STALLING, TRAP, UNEVEN
from run_scenario import bundled, loader
from run_scenario.report.script import script as python_script

EXAMPLES = Path(__file__).parents[1] / "examples" / "python"
COMMAND = commands.SCRIPT
NAMES = [path.stem for path in bundled.scenarios()]
MARK_LINES = """\
import io, os, sys
from multiprocessing.process import current_process

class Marked(io.RawIOBase):
    def writable(self):
        return True

    begun = b""

    def write(self, data):
        *lines, self.begun = (self.begun + bytes(data)).split(b"\\n")
        name = current_process().name.encode()
        os.write(1, b"".join(name + b"\\t" + line[:200] + b"\\n" for line in lines))
        return len(data)

sys.stdout = io.TextIOWrapper(io.BufferedWriter(Marked()), encoding="utf-8", line_buffering=True)
"""

Lines = dict[str, list[str]]
"""What each process printed, in order."""


class Run(NamedTuple):
    """What came of a run; exit code None: it hung."""

    exitcode: int | None
    lines: Lines
    shown: tuple[str, ...] = ()
    """Of a scenario: what its main program asks and collects, which a script prints."""
    cut_off: frozenset[str] = frozenset()
    """Of a scenario: processes that another has ended. How far they get by then is left to chance."""


def generate(scenario: str, cwd: Path) -> str:
    """Return the script of a scenario, as the command prints it."""
    done = commands.run([*COMMAND, "python", scenario], cwd=cwd, capture_output=True, encoding="utf-8", timeout=60)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


_GENERATING = threading.Lock()
"""Held while a script is made: 3.11 may fail to parse in two threads at a time (gh-106905)."""


def generate_here(name: str) -> str:
    """Return the script of a bundled scenario, which names no code of anybody's own; quicker than the command."""
    path = bundled.find_scenario(name)
    assert path is not None
    scenario = loader.load(path, file=name).scenario
    assert scenario is not None
    with _GENERATING:
        return python_script.script(scenario, loader.plan(scenario), lambda _: False)


def run_script(text: str, folder: Path, timeout: float = 60, quiet: float = 60) -> Run:
    """Run the script of a scenario; what hangs is killed with all its processes.

    It hangs if it is there after `timeout` seconds, or has hardly computed for `quiet` seconds: however slow a machine
    is, whoever is still to print something computes.
    """
    (folder / "sitecustomize.py").write_text(MARK_LINES)
    (folder / "script.py").write_text(text, encoding="utf-8")
    with subprocess.Popen(
        # Python 3.15 warns of the module that multiprocessing makes of a script, where a traceback is formatted.
        [sys.executable, "-W", "error", "-W", "ignore:Module globals is missing a __spec__", "script.py"],
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        start_new_session=True,
    ) as script:
        began = since = time.monotonic()
        used, exitcode, output = 0.0, None, None
        while output is None and (now := time.monotonic()) < min(began + timeout, since + quiet):
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, exitcode = script.communicate(timeout=0.25)[0], script.returncode
            if abs((uses := processor_time(script.pid)) - used) > quiet / 20:
                since, used = now, uses
        if output is None:
            exitcode = script.poll()  # it may have ended, and have left somebody behind who has its output open
            os.killpg(script.pid, signal.SIGKILL)
            output = script.communicate()[0]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(script.pid, signal.SIGKILL)
    return Run(exitcode, by_process(line.split("\t", 1) for line in output.splitlines()))


def processor_time(session: int) -> float:
    """Return how many seconds the processes of a session have computed, and those that they have waited for."""
    used = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            used += sum(map(int, fields[11:15])) if int(fields[3]) == session else 0
    return used / os.sysconf("SC_CLK_TCK")


def run_scenario(scenario: str, folder: Path) -> Run:
    """Run a scenario, and read from its log what came of it."""
    done = commands.run([*COMMAND, "run", scenario, "--allow", "own"], cwd=folder, capture_output=True, timeout=60)
    return of_log([json.loads(line) for line in done.stdout.splitlines()])


def of_log(events: list[Event]) -> Run:
    """Return what the processes of a run printed, and how its main program ended."""
    exits = [e["exitcode"] for e in events if (e["event"], e["process"]) == ("process.exited", "MainProcess")]
    printed = [e for e in events if e["event"] == "process.output" and e["via"] == "print" and e["stream"] == "stdout"]
    threads = {e["process"] for e in events if e["event"] == "process.starting" and e["worker"] == "thread"}
    # A script knows only processes: what a thread prints, the main program prints.
    names = ["MainProcess" if e["process"] in threads else e["process"] for e in printed]
    lines = by_process([name, e["text"]] for name, e in zip(names, printed, strict=True))
    cut_off = {e["process"] for e in events if e["event"] == "process.exited" and e["cause"] in CUT_OFF}
    return Run(exits[0], lines, tuple(map(str, shown(events))), frozenset(cut_off))


CUT_OFF = {"terminated", "killed", "daemon"}
"""Causes of an end that comes from outside, at any moment."""


SHOWN = {
    "step.called": "result",
    "queue.get": "item",
    "queue.empty": "empty",
    "pipe.received": "item",
    "pool.returned": "result",
}
"""Events of what the main program asks and collects -> the field that has the answer."""


EITHER = "True or False"
"""What is_alive() returns may depend on the moment, right after a signal: that it is printed is compared."""


def shown(events: list[Event]) -> Iterator[object]:
    """Yield what the main program asked and collected."""
    one_by_one: dict[tuple[str, int], list[object]] = {}
    for event in events:
        if event["event"] == "process.alive" and event["by"] == "MainProcess":
            yield EITHER
        if event["process"] != "MainProcess":
            continue
        if event["event"] in SHOWN and event.get("call") in (None, "empty", *range(100)):
            yield event[SHOWN[event["event"]]]
        elif event["event"] == "pool.result":
            one_by_one.setdefault((event["pool"], event["call"]), []).append(event["result"])
        elif event["event"] == "pool.call_failed":
            one_by_one.pop((event["pool"], event["call"]), None)
    yield from one_by_one.values()


def with_shown(scenario: Run) -> Lines:
    """Return the lines that the script of a scenario prints, those of the main program in another order."""
    main = [*scenario.lines.get("MainProcess", []), *scenario.shown]
    return scenario.lines | ({"MainProcess": main} if main else {})


def either(line: str) -> str:
    """Return what is compared of a line that the main program shows: its beginning, and of a yes or no, that it is."""
    return EITHER if line in ("True", "False") else line[:200]


def assert_alike(scenario: Run, script: Run) -> None:
    """Check that each process printed the same, and the main program what it asks and collects between.

    Of a process that was cut off, one may have printed less than the other, but nothing else.
    """
    expected, told = with_shown(scenario), dict(script.lines)
    main = told.pop("MainProcess", [])
    assert sorted(map(either, expected.pop("MainProcess", []))) == sorted(map(either, main))
    for name in scenario.cut_off:
        one, other = expected.pop(name, []), told.pop(name, [])
        common = min(len(one), len(other))
        assert one[:common] == other[:common]
    assert expected == told
    alone = [line for line in scenario.lines.get("MainProcess", []) if line not in scenario.shown]
    assert alone == [line for line in main if line in alone]


ENVIRONMENT = dict(os.environ)
"""As it was in the beginning: pytest changes it for each test, while threads start the scripts."""
LOSING = {"lost-items"}
"""Those that lose items: how many of the numbers 0, 1, 2, … arrive before is left to chance."""
LEAVING = {"three-levels"}
"""Those whose plain scripts leave a process behind that goes on for long."""
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

    def run(name: str) -> Run:
        folder = tmp_path_factory.mktemp("run")
        if name in ENDLESS:
            return run_script(generate_here(name), folder, timeout=2)
        return run_script(generate_here(name), folder, quiet=5 if name in {TRAP, *LEAVING, *STALLING} else 60)

    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = {item.callspec.params.get("script") for item in items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(ABREAST) as pool:
        running = {name: pool.submit(run, name) for name in NAMES if name in wanted}
        yield lambda name: running[name].result()


@pytest.mark.parametrize("script", in_part((name for name in NAMES if name != TRAP), 8))
def test_a_script_does_what_its_scenario_does(
    script: str, scripts: Callable[[str], Run], bundled_runs: BundledRuns
) -> None:
    """Each process prints the same lines, and the main program has the same exit code, or none: where one would wait
    for ever, so does the other.
    """
    ran = scripts(script)
    scenario = of_log(bundled_runs.get(script, multiprocessing.get_start_method()).log.events)
    assert (None if script in STALLING else scenario.exitcode) == ran.exitcode
    if script in UNEVEN:
        assert sorted(map(either, shuffled(with_shown(scenario)))) == sorted(map(either, shuffled(ran.lines)))
    elif script in LOSING:
        for told in (with_shown(scenario), ran.lines):
            numbers = told.pop("MainProcess", [])
            assert [str(number) for number in range(len(numbers))] == numbers
        assert scenario.lines == ran.lines
    else:
        assert_alike(scenario, ran)


@pytest.mark.parametrize("script", [TRAP])
def test_the_script_of_the_trap(script: str, scripts: Callable[[str], Run]) -> None:
    """It may hang, as its scenario may; no task is done twice, and if it ends, all were done."""
    ran = scripts(script)
    tasks = [2, 36, 101, 193, 323, 513, 1327, 100000, 9999999, 433785907]
    expected = sorted(f"Consumer-N processing task: is_prime({task})" for task in tasks)
    done = shuffled({name: lines for name, lines in ran.lines.items() if name != "MainProcess"})
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
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    assert_alike(scenario, script)
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


@pytest.mark.campaign
def test_own_targets(tmp_path: Path) -> None:
    """Functions and Process subclasses of one's own are imported by the script, and not while it is made."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "code.py").write_text(OWN)
    (tmp_path / "own.yaml").write_text(OWN_SCENARIO)
    text = generate("own.yaml", tmp_path)
    assert "from own.code import sign, worker\nfrom own.code import sleep as code_sleep\n" in text
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
      - {imap: sleep_for, over: [60], timeout: 0.01, raises: TimeoutError}
      - {apply_async: sleep_for, args: [60], timeout: 0.01, raises: TimeoutError}
    end: terminate
  futures:
    type: executor
    processes: 1
    calls:
      - {submit: sleep_for, args: [3], timeout: 0.01, raises: TimeoutError}
      - {map: sleep_for, over: [0], timeout: 0.01, raises: TimeoutError}
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


@pytest.mark.campaign
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_each_step(method: str, tmp_path: Path) -> None:
    """Steps mean in the script what they mean in the scenario, whichever way its processes are started."""
    text = (EXAMPLES / "every-step.yaml").read_text(encoding="utf-8")
    (tmp_path / "steps.yaml").write_text(f"{text}start_method: {method}\n", encoding="utf-8")
    script, scenario = run_script(generate("steps.yaml", tmp_path), tmp_path), run_scenario("steps.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    main = script.lines.pop("MainProcess")
    assert ["MainProcess got 91", "no prime"] == scenario.lines.pop("MainProcess")
    assert scenario.lines == script.lines
    answers = ["False", "last", "0", "False", "3", "1", "False", "False", "['SyncManager-1']"]
    assert ["MainProcess got 91", *answers, "no prime"] == main


def test_what_is_random(tmp_path: Path) -> None:
    """With a seed, the processes of the script draw what those of the scenario draw."""
    (tmp_path / "dice.yaml").write_text((EXAMPLES / "dice.yaml").read_text(encoding="utf-8"))
    script, scenario = run_script(generate("dice.yaml", tmp_path), tmp_path), run_scenario("dice.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    assert scenario.lines == script.lines


def test_calls_on_pools_in_blocks(tmp_path: Path) -> None:
    """Results have the names that they have in the scenario, and come in the same order."""
    (tmp_path / "pools.yaml").write_text((EXAMPLES / "pools-in-blocks.yaml").read_text(encoding="utf-8"))
    script, scenario = run_script(generate("pools.yaml", tmp_path), tmp_path), run_scenario("pools.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    assert ["[1, 4]"] == sorted({*script.lines["MainProcess"]} - {*scenario.lines["MainProcess"]})


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_processes(method: str, tmp_path: Path) -> None:
    """Each is created, started, joined and started again by the one that does so in the scenario."""
    text = (EXAMPLES / "trees.yaml").read_text(encoding="utf-8")
    (tmp_path / "trees.yaml").write_text(f"{text}start_method: {method}\n", encoding="utf-8")
    script = run_script(generate("trees.yaml", tmp_path), tmp_path)
    done = commands.run([*COMMAND, "run", "trees.yaml"], cwd=tmp_path, capture_output=True, timeout=60)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    scenario = of_log(events)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    expected = with_shown(scenario)
    for event in events:  # what a process asks is shown, too
        if event["event"] == "process.alive":
            expected[event["by"]].append(EITHER)
    # Spirit may be terminated before it says anything.
    expected.pop("Spirit", None)
    script.lines.pop("Spirit", None)
    assert {name: sorted(map(either, lines)) for name, lines in expected.items()} == {
        name: sorted(map(either, lines)) for name, lines in script.lines.items()
    }
    parents = {e["process"]: e["parent"] for e in events if e["event"] == "process.started"}
    assert 4 == len({"Grandparent", "Parent", "Master-2", "Nursery"} & {*parents.values()})


def test_a_chain_has_ends(tmp_path: Path) -> None:
    """Who does not come to a step gets None for what it is done to, whether it is the first or the last."""
    (tmp_path / "chain.yaml").write_text(
        """
version: 1
title: A chain
pipes:
  hop: {duplex: false, replicas: 2}
processes:
  - name: Link
    replicas: 3
    steps:
      - if: ${i == 1}
        then: [{let: {x: 0}}]
        else: [{recv: 'hop-${i - 1}.left', as: x}]
      - if: ${x < 9 and i < replicas}
        then: [{send: '${x + 1}', to: 'hop-$i.right'}]
      - print: $name $x
"""
    )
    script = generate("chain.yaml", tmp_path)
    assert "link_arguments = [(None, hop_rights[0]), (hop_lefts[0], hop_rights[1]), (hop_lefts[1], None)]" in script
    made = run_script(script, tmp_path)
    assert 0 == made.exitcode
    plan = commands.run([*COMMAND, "plan", "chain.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "args=(3, 3, hop_2_left, None))" in plan.stdout


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_lists(method: str, tmp_path: Path) -> None:
    """What is numbered is a list in the script, and each process gets its own elements; those of pipes are closed."""
    text = (EXAMPLES / "lists.yaml").read_text(encoding="utf-8")
    (tmp_path / "lists.yaml").write_text(f"{text}start_method: {method}\n", encoding="utf-8")
    script, scenario = run_script(generate("lists.yaml", tmp_path), tmp_path), run_scenario("lists.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    assert sorted(scenario.shown) == sorted(script.lines.pop("MainProcess"))
    assert 13 == len(scenario.lines)  # readers say nothing
    assert scenario.lines == script.lines


SUPERVISED = """\
version: 1
shared: {tries: {type: Array, typecode: i, size: 4}}
processes:
  - {name: A, replicas: 3, restart: {max: 1}, exitcode: any, steps: [
      {read: tries, at: "${i}", as: t}, {write: "${t + 1}", to: tries, at: "${i}"}, {exit: "${3 * (1 - t)}"}]}
  - {name: B, steps: [{print: b}]}
main:
  - start: [A, B]
  - supervise: [A-1, A-3, B]
  - supervise: A-2
  - for: n
    in: [1, 2, 3]
    steps: [{exitcode: A-$n}]
  - exitcode: A-3
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_main_program_that_supervises(method: str, tmp_path: Path) -> None:
    """What is asked of a process afterwards is asked of the one that was started last, also by a computed name."""
    (tmp_path / "main.yaml").write_text(f"{SUPERVISED}start_method: {method}\n", encoding="utf-8")
    script, scenario = run_script(generate("main.yaml", tmp_path), tmp_path), run_scenario("main.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    assert ("0", "0", "0", "0") == scenario.shown
    assert_alike(scenario, script)


NAMES_IN_THE_WAY = """\
version: 1
queues:
  tasks: {}
  fork: {}
  results: {}
processes:
  - name: Tasks
    steps:
      - {get: tasks, as: tasks}
      - {get: fork, as: print}
      - {call: square, args: ["${tasks + print}"], as: square}
      - let: {time: 0.001, sys: 3, name: "$name!"}
      - sleep: $time
      - print: $name $square $sys
      - try: [{raise: ValueError, message: "$square"}]
        except: [{let: {ValueError: 1}}, {print: "${ValueError}"}]
      - {put: $square, to: results}
      - exit: $sys
  - {name: Results, target: sleep, args: [0]}
main:
  - start: [Tasks, Results]
  - let: {tasks: 2, multiprocessing: 1, Process: 3, sleep: 4}
  - {put: $tasks, to: tasks}
  - {put: $Process, to: fork}
  - {get: results, as: results}
  - {call: square, args: [$results], as: square}
  - print: $square $multiprocessing $sleep
  - join: [Tasks, Results]
expect: [{exitcodes: {Tasks: 3}}]
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_values_keep_their_names(method: str, tmp_path: Path) -> None:
    """Whatever a file calls its values, resources, functions and modules of the script are still what they are."""
    (tmp_path / "names.yaml").write_text(f"{NAMES_IN_THE_WAY}start_method: {method}\n", encoding="utf-8")
    script, scenario = run_script(generate("names.yaml", tmp_path), tmp_path), run_scenario("names.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    assert ["625 1 4"] == script.lines["MainProcess"]
    assert ["Tasks! 25 3", "1"] == script.lines["Tasks"]
    assert scenario.lines == script.lines


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_parameters_keep_their_values(method: str, tmp_path: Path) -> None:
    """Expressions that read parameters beside other names compute in the script what they compute in the scenario."""
    text = (EXAMPLES / "parameters.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(f"{text}start_method: {method}\n", encoding="utf-8")
    script, scenario = run_script(generate("params.yaml", tmp_path), tmp_path), run_scenario("params.yaml", tmp_path)
    assert (0, 0) == (scenario.exitcode, script.exitcode)
    assert {
        "Node-1": ["27"],
        "Node-2": ["27"],
        "Parent": ["more 9"],
        "Child": ["4", "5"],
        "Square": ["9"],
        "MainProcess": ["more 28 29"],
    } == script.lines
    assert scenario.lines == script.lines


def test_an_invalid_scenario(tmp_path: Path) -> None:
    """Its problems are told, and there is no script."""
    (tmp_path / "wrong.yaml").write_text("version: 1\n")
    done = commands.run([*COMMAND, "python", "wrong.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("wrong.yaml:1:1: error: ")


def test_a_script_is_utf_8(tmp_path: Path) -> None:
    """Written to a file or pipe, it is what Python takes it for, whatever the terminal speaks."""
    text = 'version: 1\nprocesses: [{name: "Bäume", target: hang}]\n'
    (tmp_path / "trees.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [*COMMAND, "python", "trees.yaml"], cwd=tmp_path, env=environment, capture_output=True, timeout=60
    )
    assert 'bäume = Process(name="Bäume", target=hang)' in done.stdout.decode("utf-8")
