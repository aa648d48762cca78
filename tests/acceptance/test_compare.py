"""`compare`: the same scenario with processes, threads and plain calls, run for real."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, expects, run, scenario, search_path

import commands

ENVIRONMENT = {**os.environ, "PYTHONPATH": search_path()}


def write(folder: Path, text: str) -> str:
    """Write a scenario's text; return its path."""
    path = folder / "case.yaml"
    path.write_text(text)
    return str(path)


def compare(folder: Path, text: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Return exit status, JSON and standard error of a comparison."""
    command = [*COMMAND, "compare", write(folder, text), *arguments]
    done = commands.run(command, env=ENVIRONMENT, capture_output=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode()


SPIN = scenario({"name": "Worker", "replicas": 2, "target": "spin", "kwargs": {"seconds": 0.1}})


@pytest.mark.campaign
def test_what_is_compared(tmp_path: Path) -> None:
    """Each combination has its runs, with every figure as median, least and most; piped, that is JSON and no more."""
    status, told, stderr = compare(tmp_path, SPIN, "--runs", "2", "--start-methods", "fork,spawn")
    assert (0, "", 2) == (status, stderr, told["runs"])
    kinds = [(c["workers"], c["start_method"]) for c in told["combinations"]]
    assert [("process", "fork"), ("process", "spawn"), ("thread", None), ("serial", None)] == kinds
    for c in told["combinations"]:
        assert ({"passed": 2}, []) == (c["outcomes"], c["reasons"])
        for figure in ("wall", "cpu", "start_up", "voluntary_switches", "involuntary_switches", "max_rss"):
            values = [each[figure] for each in c["runs"]]
            assert (min(values), max(values)) == (c[figure]["min"], c[figure]["max"])
            assert c[figure]["min"] <= c[figure]["median"] <= c[figure]["max"]
        assert c["cpu"]["min"] >= 0.19
    fork, spawn, thread, serial = told["combinations"]
    assert 1.0 == serial["speed_up"]
    assert serial["wall"]["min"] >= 0.19
    assert spawn["start_up"]["median"] > fork["start_up"]["median"] > serial["start_up"]["median"]
    assert fork["max_rss"]["median"] > 2 * thread["max_rss"]["median"]


def test_on_one_cpu_there_is_no_speed_up(tmp_path: Path) -> None:
    """Two processes need the processor time of both on it; what they are compared with are serial runs on it.

    Whatever else the machine does makes them slower, never quicker: so processor time is what the walls are held to.
    """
    status, told, _ = compare(tmp_path, SPIN, "--runs", "1", "--cpus", "1", "--workers", "serial,process")
    serial, process = told["combinations"]
    assert (0, 1, 1) == (status, serial["cpus"], process["cpus"])
    assert process["wall"]["median"] >= 0.19
    assert serial["cpu"]["median"] / process["wall"]["median"] < 1.2
    assert pytest.approx(serial["wall"]["median"] / process["wall"]["median"], abs=0.01) == process["speed_up"]


def test_what_does_not_pass(tmp_path: Path) -> None:
    """A consumer that is called before anybody puts something stalls at once, and the table says why; status 1."""
    text = scenario(
        {"name": "Worker", "target": "consume", "from": "tasks"},
        queues={"tasks": {"type": "JoinableQueue", "items": [1, 2], "poison_pills": True}},
    )
    status, told, _ = compare(tmp_path, text, "--runs", "1")
    outcomes = {c["workers"]: c["outcomes"] for c in told["combinations"]}
    assert (1, {"process": {"passed": 1}, "thread": {"passed": 1}, "serial": {"stalled": 1}}) == (status, outcomes)
    assert told["combinations"][2]["reasons"][0].startswith("the main program waits for ever for an item from queue")
    assert told["combinations"][2]["wall"] is None


FORKS = scenario(
    {"name": "A", "target": "actors:take_two_locks", "uses": {"first": "left", "second": "right", "barrier": "both"}},
    {"name": "B", "target": "actors:take_two_locks", "uses": {"first": "right", "second": "left", "barrier": "both"}},
    sync={"left": {"type": "Lock"}, "right": {"type": "Lock"}, "both": {"type": "Barrier", "parties": 2}},
    expect=expects("scenario.stalled"),
)


def test_a_stall_that_is_expected_passes(tmp_path: Path) -> None:
    """As in `run`; plain calls cannot lock each other out, and so are not as the scenario expects."""
    status, told, _ = compare(tmp_path, FORKS, "--runs", "1", "--allow", "actors")
    process, thread, serial = told["combinations"]
    for each in (process, thread):
        assert ({"stalled": 1}, True, []) == (each["outcomes"], each["runs"][0]["passed"], each["reasons"])
        assert each["wall"] is not None
    assert (1, {"failed": 1}) == (status, serial["outcomes"])
    assert "scenario.stalled" in serial["reasons"][0]
    assert 0 == compare(tmp_path, FORKS, "--runs", "1", "--workers", "process,thread", "--allow", "actors")[0]


def test_expectations_are_judged_where_the_scenarios_own_workers_run(tmp_path: Path) -> None:
    """That processes overlap is expected of processes: a failure of them; plain calls may follow one another."""
    processes = [{"name": name, "target": "actors:meet_others", "uses": {"barrier": "both"}} for name in "AB"]
    sync = {"both": {"type": "Barrier", "parties": 2}}
    compared = "--runs", "1", "--workers", "process,serial", "--allow", "actors"
    apart = scenario(*processes, sync=sync, expect=[{"not": {"overlap": ["A", "B"]}}])
    status, told, _ = compare(tmp_path, apart, *compared)
    assert (1, [{"failed": 1}, {"passed": 1}]) == (status, [c["outcomes"] for c in told["combinations"]])
    assert "the expectation in line" in told["combinations"][0]["reasons"][0]
    together = scenario(*processes, sync=sync, expect=[{"overlap": ["A", "B"]}])
    assert 0 == compare(tmp_path, together, *compared)[0]


def test_what_a_thread_cannot_do(tmp_path: Path) -> None:
    """It is not tried; a failure that a process may have, a thread may have."""
    one = {"name": "Hanging", "target": "hang", "join_timeout": 0.1, "terminate": True}
    status, told, _ = compare(tmp_path, scenario(one), "--runs", "1", "--workers", "thread")
    (thread,) = told["combinations"]
    assert (1, {"impossible": 1}) == (status, thread["outcomes"])
    assert ["Hanging is to be ended by terminate(), which a thread cannot be"] == thread["reasons"]
    failing = scenario({"target": "fail", "exitcode": 1})
    assert 0 == compare(tmp_path, failing, "--runs", "1", "--workers", "process,thread")[0]


def test_steps_about_workers(tmp_path: Path) -> None:
    """Steps are about the same workers, whatever these are called then; what only a process can do is not tried."""
    steps = [{"start": "Process-1"}, {"join": "Process-1"}]
    unnamed = scenario({"target": "print_info"}, main=steps)
    assert 0 == compare(tmp_path, unnamed, "--runs", "1", "--workers", "process,thread,serial")[0]
    asked = scenario({"target": "print_info"}, main=[*steps, {"exitcode": "Process-1"}])
    status, told, _ = compare(tmp_path, asked, "--runs", "1", "--workers", "thread")
    (thread,) = told["combinations"]
    assert (1, ["the step `exitcode: Process-1` is for a process, and for nothing else"]) == (status, thread["reasons"])


def test_unnamed_workers(tmp_path: Path) -> None:
    """Where processes become threads, they get the names that threading gives them, and the other way round."""
    mixed = scenario({"target": "sleep", "kwargs": {"seconds": 0}}, {"name": "T", "target": "pids"}, worker="thread")
    mixed = mixed.replace("pids", "print_info")
    assert 0 == compare(tmp_path, mixed, "--runs", "1")[0]


def test_a_scenario_that_may_not_be_run(tmp_path: Path) -> None:
    """Consent is asked for as by `run`; nothing is compared without it."""
    text = scenario({"name": "W", "target": "actors:tell_cpus"})
    status, told, stderr = compare(tmp_path, text, "--runs", "1")
    assert (2, {}) == (status, told)
    assert "add --allow actors" in stderr
    assert 0 == compare(tmp_path, text, "--runs", "1", "--allow", "actors")[0]


def test_more_cpus_than_there_are(tmp_path: Path) -> None:
    """It is refused before anything is run."""
    status, _, stderr = compare(tmp_path, SPIN, "--cpus", "1,4000")
    assert 2 == status
    assert stderr.startswith("run-scenario: --cpus: 4,000 CPUs are not available; this program may use ")


def on_terminal(command: list[str], stop_when_reading: Path | None = None) -> tuple[int, str]:
    """Run a command on a terminal of its own; return status and text.

    With a named pipe, it is interrupted once one of its processes has opened that for reading.
    """
    master, slave = pty.openpty()
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        if stop_when_reading is not None:
            with stop_when_reading.open("wb"):
                process.send_signal(signal.SIGINT)
        text = b""
        with contextlib.suppress(OSError):  # at the end nobody has the terminal open any more
            while block := os.read(master, 65536):
                text += block
        status = process.wait(60)
    os.close(master)
    return status, text.decode()


def test_the_table_on_a_terminal(tmp_path: Path) -> None:
    """A line of progress comes and goes; the table follows, with what its columns mean."""
    path = write(tmp_path, SPIN)
    status, text = on_terminal([*COMMAND, "compare", path, "--runs", "1", "--workers", "thread,serial"])
    assert 0 == status
    assert "run 1 of 2: thread" in text
    assert "run 2 of 2: serial" in text
    shown = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text.rpartition("\r\x1b[K")[2])
    assert ["workers", "thread", "serial"] == [line.split()[0] for line in shown.splitlines()[:3]]
    assert "speed-up: wall time of serial" in shown


def test_ctrl_c(tmp_path: Path) -> None:
    """It ends the run that is under way, and the comparison, with status 130 and one line."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    listener = {"target": "actors:listen_then_put", "to": "q", "kwargs": {"path": str(pipe)}}
    path = write(tmp_path, scenario(listener, queues={"q": {}}))
    status, text = on_terminal([*COMMAND, "compare", path, "--allow", "actors"], stop_when_reading=pipe)
    assert 130 == status
    assert text.rpartition("\x1b[K")[2].strip() == "run-scenario: interrupted"
    assert "Traceback" not in text


@pytest.mark.parametrize("workers", ["thread", "serial"])
def test_events_of_a_plain_call(tmp_path: Path, workers: str) -> None:
    """The kinds of workers that a file may name are two: nobody calls targets serially by accident."""
    result = run(tmp_path, scenario({"name": "W", "target": "print_info"}, worker=workers))
    assert (0 if workers == "thread" else 2) == result.status
