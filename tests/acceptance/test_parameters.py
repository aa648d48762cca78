"""Parameters, matrices and replicas that differ: real runs, and every door that takes values."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import COMMAND, METHODS, PYTEST, Result, read_events, run, search_path

import commands
from run_scenario import run as run_by_api
from run_scenario.errors import InvalidScenario

ENVIRONMENT = {**os.environ, "PYTHONPATH": search_path()}

RING = """\
version: 1
params: {n: 3, rounds: 2}
queues:
  seat: {replicas: $n}
sync:
  fork: {type: Lock, replicas: $n}
pipes:
  line: {replicas: $n}
processes:
  - name: Eater
    replicas: $n
    target: hold_two_locks
    uses: {first: "fork-${min(i, i % n + 1)}", second: "fork-${max(i, i % n + 1)}"}
    kwargs: {pause: 0}
  - name: Sitter
    replicas: $n
    steps:
      - repeat: $rounds
        steps:
          - {put: $i, to: seat-$i}
          - {get: "seat-${i % n + 1}", as: item}
          - print: $name got $item of $rounds
  - {name: Ada $i, replicas: $n, target: ping, uses: {connection: line-$i.left}, kwargs: {count: $i}}
  - {name: Bob, replicas: $n, target: pong, uses: {connection: "line-${i}.right"}}
expect:
  - conserved: seat
  - mutual_exclusion: fork
  - {count: {event: lock.acquired, lock: fork}, is: "${n * 2}"}
  - {count: {event: queue.put, queue: seat}, is: "${n * rounds}"}
  - {count: {event: pipe.sent, pipe: line, process: Bob}, is: "${n * (n + 1) // 2}"}
  - exitcodes: {Eater: 0, Sitter: 0, Bob: 0}
"""

MATRIX = """\
version: 1
params: {items: 4}
matrix: {workers: [1, 3], kind: [Queue, SimpleQueue]}
queues:
  tasks: {type: $kind, items: "${list(range(items))}", poison_pills: true}
processes:
  - {name: Worker, replicas: $workers, target: consume, from: tasks, kwargs: {task_done: false, work: identity}}
expect:
  - {count: {event: queue.put}, is: "${items + workers}"}
"""


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Return what came of a command."""
    return commands.run(
        [*COMMAND, *arguments], env=ENVIRONMENT, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def write(folder: Path, text: str, name: str = "case.yaml") -> str:
    """Write a scenario's text; return the name of its file."""
    (folder / name).write_text(text)
    return name


def shared_out(result: Result) -> dict[str, str]:
    """Return who got what from which queue."""
    return {e["process"]: f"{e['queue']} {e['item']}" for e in result.log.all("queue.get")}


@pytest.mark.parametrize("method", METHODS)
def test_a_ring_of_any_size(tmp_path: Path, method: str) -> None:
    """Replicas share queues, locks and pipes with their neighbours; all have their real names in the log."""
    result = run(tmp_path, str(tmp_path / write(tmp_path, RING)), "--start-method", method)
    assert 0 == result.status
    assert {"Sitter-1": "seat-2 2", "Sitter-2": "seat-3 3", "Sitter-3": "seat-1 1"} == shared_out(result)
    assert ["Sitter-2 got 3 of 2"] * 2 == result.log.output("Sitter-2")
    assert {"fork-1", "fork-2", "fork-3"} == {e["lock"] for e in result.log.all("lock.acquired")}
    assert {"n": 3, "rounds": 2} == result.log.one("scenario.started")["params"]


@pytest.mark.parametrize("method", METHODS)
def test_values_are_set_for_a_run(tmp_path: Path, method: str) -> None:
    """Everything that is computed of them follows: numbers of processes, names, expectations."""
    result = run(
        tmp_path, str(tmp_path / write(tmp_path, RING)), "--start-method", method, "--set", "n=2", "--set", "rounds=1"
    )
    assert 0 == result.status
    assert {"Sitter-1": "seat-2 2", "Sitter-2": "seat-1 1"} == shared_out(result)
    assert {"n": 2, "rounds": 1} == result.log.one("scenario.started")["params"]


def test_a_step_is_done_to_all_of_a_family(tmp_path: Path) -> None:
    """Each lock is acquired and released, each queue gets one."""
    text = """\
version: 1
queues: {q: {replicas: 3}}
sync: {l: {type: Lock, replicas: 2}, flag: {type: Event, replicas: 2}}
pipes: {p: {replicas: 2}}
processes:
  - {name: W, replicas: 3, steps: [{get: q-$i, as: item}, {print: $item}]}
main:
  - start: W
  - acquire: l
  - set: flag
  - {send: hello, to: p.left}
  - recv: p.right
  - release: l
  - {put: word, to: q}
  - join: W
"""
    result = run(tmp_path, str(tmp_path / write(tmp_path, text)))
    assert 0 == result.status
    assert ["q-1", "q-2", "q-3"] == [e["queue"] for e in result.log.all("queue.put")]
    assert ["l-1", "l-2"] == [e["lock"] for e in result.log.all("lock.acquired")]
    assert ["flag-1", "flag-2"] == [e["flag"] for e in result.log.all("event.set")]
    assert ["p-1", "p-2"] == [e["pipe"] for e in result.log.all("pipe.received")]


def test_each_combination_of_a_matrix_is_run(tmp_path: Path) -> None:
    """One after the other, each with its values in its log; what --set gives is not varied."""
    file = write(tmp_path, MATRIX)
    done = command("run", file, "--format", "json", cwd=tmp_path)
    started = [e["params"] for e in read_events(done.stdout) if e["event"] == "scenario.started"]
    kinds = ["Queue", "SimpleQueue"]
    assert [{"workers": w, "kind": k, "items": 4} for w in (1, 3) for k in kinds] == started
    finished = [e["outcome"] for e in read_events(done.stdout) if e["event"] == "scenario.finished"]
    assert (0, ["passed"] * 4) == (done.returncode, finished)
    done = command("run", file, "--format", "json", "--set", "workers=2", "--set", "kind=Queue", cwd=tmp_path)
    started = [e["params"] for e in read_events(done.stdout) if e["event"] == "scenario.started"]
    assert [{"workers": 2, "kind": "Queue", "items": 4}] == started


def test_one_invalid_combination_keeps_all_from_running(tmp_path: Path) -> None:
    """It is named; so does `validate`, which checks each of them."""
    file = write(tmp_path, MATRIX.replace("[1, 3]", "[1, 0]"))
    for arguments in (("run", file), ("validate", file)):
        done = command(*arguments, cwd=tmp_path)
        assert (2, "") == (done.returncode, done.stdout)
        assert "case.yaml with workers=0, kind=Queue:\n" in done.stderr
        assert "`replicas` must be a whole number from 1 to 2000, or `cpu_count`, not the number 0" in done.stderr
    done = command("validate", write(tmp_path, MATRIX), cwd=tmp_path)
    expected = "case.yaml: valid in 4 combinations; the first: 1 process, 1 queue, 1 expectation\n"
    assert (0, expected) == (done.returncode, done.stdout)


@pytest.mark.parametrize("arguments", [("run",), ("validate",), ("plan",), ("python",), ("show",), ("compare",)])
def test_an_unknown_name_is_refused_everywhere(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """With the name that was probably meant, and nothing is run."""
    done = command(*arguments, write(tmp_path, MATRIX), "--set", "wrokers=3", cwd=tmp_path)
    assert (2, "") == (done.returncode, done.stdout)
    assert "case.yaml:2:1: error: there is no parameter 'wrokers' that could be set" in done.stderr
    assert "did you mean 'workers'?" in done.stderr


def test_what_is_not_of_the_form_is_refused(tmp_path: Path) -> None:
    """A value needs its name."""
    done = command("run", write(tmp_path, MATRIX), "--set", "4", cwd=tmp_path)
    assert (2, True) == (done.returncode, "'4' is not of the form NAME=VALUE, as in workers=4" in done.stderr)


def test_a_report_is_about_one_run(tmp_path: Path) -> None:
    """Of several combinations none is run for it."""
    done = command("run", write(tmp_path, MATRIX), "--report", "a.html", cwd=tmp_path)
    assert (2, "", False) == (done.returncode, done.stdout, (tmp_path / "a.html").exists())
    assert "`matrix` has 4 combinations: choose one by --set" in done.stderr


def test_plan_and_script_have_the_values(tmp_path: Path) -> None:
    """The plan in its first line, the script where it says what it is."""
    file = write(tmp_path, RING)
    plan = command("plan", file, "--set", "n=2", cwd=tmp_path).stdout
    assert plan.startswith("# n=2, rounds=2\n")
    assert (True, False) == ("'Eater-2'" in plan, "'Eater-3'" in plan)
    script = command("python", write(tmp_path, MATRIX), cwd=tmp_path).stdout
    assert "With workers=1, kind=Queue, items=4." in script


def test_the_script_of_replicas_that_differ_runs(tmp_path: Path) -> None:
    """Each gets what is its own, in plain Python."""
    text = """\
version: 1
params: {n: 3}
queues:
  box: {replicas: $n, items: [$i, $name], poison_pills: true, type: JoinableQueue}
  slow: {replicas: 2, maxsize: $i, collect: 1}
processes:
  - {name: Taker, replicas: $n, target: consume, from: box-$i, kwargs: {work: identity}}
  - {name: Giver, replicas: 2, target: produce, to: slow-$i, args: [$i], delay: "${i / 100}"}
"""
    text = text.replace("args: [$i]", "kwargs: {items: [$name]}")
    script = command("python", write(tmp_path, text), cwd=tmp_path).stdout
    assert "boxs = [JoinableQueue() for _ in range(3)]" in script
    assert "slows = [Queue(1), Queue(2)]" in script.replace("\n        ", "").replace("maxsize=", "")
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_a_log_is_judged_with_the_values_of_its_runs(tmp_path: Path) -> None:
    """`check` takes them from the log; a value that is given now counts more."""
    file = write(tmp_path, MATRIX)
    for values in (("workers=1", "items=2"), ("workers=3", "items=5")):
        given = [part for value in (*values, "kind=Queue") for part in ("--set", value)]
        assert 0 == command("run", file, *given, "--log", "runs.jsonl", cwd=tmp_path).returncode
    done = command("check", "runs.jsonl", file, cwd=tmp_path)
    assert (0, 2) == (done.returncode, done.stderr.count("1 expectation met"))
    assert 1 == command("check", "runs.jsonl", file, "--set", "items=5", cwd=tmp_path).returncode


def test_combinations_are_compared(tmp_path: Path) -> None:
    """Each is a row of its own, and a combination in the JSON, with all values."""
    file = write(tmp_path, MATRIX)
    arguments = ("compare", file, "--workers", "process", "--runs", "1", "--set", "kind=Queue")
    done = command(*arguments, "--format", "json", cwd=tmp_path)
    combinations = json.loads(done.stdout)["combinations"]
    assert [{"workers": w, "kind": "Queue", "items": 4} for w in (1, 3)] == [c["params"] for c in combinations]
    assert [{"passed": 1}] * 2 == [c["outcomes"] for c in combinations]
    table = command(*arguments, "--format", "console", cwd=tmp_path).stdout
    assert ["parameters", "workers=1", "workers=3"] == [line.split()[0] for line in table.splitlines()[:3]]


def test_the_api_takes_values() -> None:
    """One run, with all the values of the scenario in its log; what cannot be given is refused before it is run."""
    result = run_by_api(MATRIX, params={"workers": 2, "items": 3})
    assert result.passed
    assert {"workers": 2, "kind": "Queue", "items": 3} == result.log.one("scenario.started")["params"]
    assert result.scenario.params == result.log.one("scenario.started")["params"]
    with pytest.raises(InvalidScenario, match="there is no parameter 'wrokers'"):
        run_by_api(MATRIX, params={"wrokers": 2})
    with pytest.raises(InvalidScenario, match="it is a tuple, which a file cannot have"):
        run_by_api(MATRIX, params={"items": (1, 2)})


def test_the_api_names_families() -> None:
    """A log is asked about all replicas of a resource by their common name."""
    log = run_by_api(RING, params={"n": 2}).log
    assert log.conserved("seat")
    assert log.mutual_exclusion("fork")
    assert log.count({"event": "lock.acquired", "lock": "fork"}, is_=4)
    assert not log.count({"event": "lock.acquired", "lock": "fork-1"}, is_=4)


TEST = """\
def test_values(scenario):
    run = scenario("case.scenario.yaml", params={"workers": 2})
    assert 2 == run.log.one("scenario.started")["params"]["workers"]
    found = scenario.load("case.scenario.yaml", params={"workers": 2})
    assert ["Worker-1", "Worker-2"] == [process.name for process in found.processes]
"""


def pytest_in(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Return the exit status of a pytest, and the tests that have passed."""
    done = subprocess.run(
        [*PYTEST, "-rA", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, [line.split()[1] for line in done.stdout.splitlines() if line.startswith("PASSED ")]


@pytest.mark.campaign
def test_each_combination_is_a_test(tmp_path: Path) -> None:
    """Its name has the values, in characters that -k takes; the fixture takes values, too."""
    write(tmp_path, MATRIX, "case.scenario.yaml")
    write(tmp_path, TEST, "test_values.py")
    ids = [f"case.scenario.yaml::case[workers:{w}-kind:{k}]" for w in (1, 3) for k in ("Queue", "SimpleQueue")]
    assert (0, [*ids, "test_values.py::test_values"]) == pytest_in(tmp_path)
    assert (0, ids[2:]) == pytest_in(tmp_path, "-k", "workers:3")
    assert (0, ids[1:2]) == pytest_in(tmp_path, "-k", "workers:1-kind:SimpleQueue")
