"""auxiliary_processes.py, and what the supervisor makes of a process that was gone before it could look."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from typing import Any

import pytest

from run_scenario.recording import codes
from run_scenario.runtime.child.reports import MANAGER
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.run_request import RunRequest
from run_scenario.runtime.supervisor import auxiliary_processes, supervisor
from run_scenario.runtime.supervisor.auxiliary_processes import AuxiliaryProcesses
from run_scenario.runtime.supervisor.processes import Processes
from run_scenario.runtime.supervisor.sweep import Sweeper
from run_scenario.scenario.model import Scenario

PID = 4711
KILLED, TERMINATED = -signal.SIGKILL, -signal.SIGTERM
RUNS = None
"""Stands for the exit code of a main program that has none yet."""
LOST, NOT_LOST = [(codes.HELPER_LOST, PID, "fork server")], []


class Told:
    """Stands for the recorder."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []

    def emit(self, *record: Any) -> None:
        """Keep it."""
        self.records.append(record)


@pytest.mark.parametrize(
    ("code", "main_code", "expected"),
    [
        (KILLED, RUNS, LOST),
        (None, RUNS, LOST),  # somebody else has waited for it
        (KILLED, 0, LOST),
        (KILLED, 1, LOST),
        (KILLED, TERMINATED, NOT_LOST),  # whoever ended the main program has ended it, too
        (0, 0, NOT_LOST),  # as it does, after the main program
        (None, 0, NOT_LOST),
    ],
)
def test_when_an_auxiliary_process_is_lost(
    code: int | None, main_code: int | None, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends before the main program does, or is killed while that ends by itself, and only once."""
    told, known = Told(), AuxiliaryProcesses()
    monkeypatch.setattr(auxiliary_processes, "recorder", told)
    known.note("f", PID)
    assert bool(expected) == known.has_ended(PID, code, main_code)
    assert not known.has_ended(PID, code, main_code)
    assert expected == [record[:3] for record in told.records]
    assert {PID} == known.pids


@pytest.mark.parametrize(("code", "expected"), [(0, []), (1, [(codes.MANAGER_LOST, PID, 1)])])
def test_when_a_manager_is_lost(code: int, expected: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when it has ended as it should, nor after it was shut down."""
    told, known = Told(), AuxiliaryProcesses()
    monkeypatch.setattr(auxiliary_processes, "recorder", told)
    known.note(MANAGER, PID)
    assert known.has_ended(PID, code, RUNS)
    known.note(MANAGER, PID + 1)
    known.release(PID + 1)
    assert not known.has_ended(PID + 1, 1, RUNS)
    assert expected == told.records
    assert set() == known.pids


def supervise(orders: int, answers: int) -> supervisor.Supervisor:
    """Return the supervisor of a run that has not begun."""
    return supervisor.Supervisor(RunRequest(Scenario("x", "x", "x", ""), (), "", "", (0, 0), {}), orders, answers)


@pytest.mark.campaign
def test_a_descriptor_that_is_closed_while_others_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the main program's end makes an exit code superfluous, the pipe that has just become readable is skipped."""
    orders, answers = os.pipe()
    code, code_to = os.pipe()
    watcher = supervise(orders, answers)
    for descriptor in (orders, code):
        watcher._selector.register(descriptor, selectors.EVENT_READ)

    def end() -> None:
        watcher._selector.unregister(code)
        os.close(code)

    monkeypatch.setattr(watcher, "_take_orders", end)
    monkeypatch.setattr(watcher, "_reports", -1, raising=False)
    os.write(answers, b"x")
    os.write(code_to, b"x")
    watcher._wait(1)
    for descriptor in (orders, answers, code_to):
        os.close(descriptor)


@pytest.mark.parametrize(
    ("letter", "is_ending", "expected"),
    [
        ("t", True, []),
        ("t", False, [codes.HELPER_LOST]),
        ("m", True, [codes.MANAGER_LOST]),
        ("m", False, [codes.MANAGER_LOST]),
    ],
)
def test_one_that_ends_while_the_main_program_does(
    letter: str, is_ending: bool, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose files the system closes before it can be waited for: that is no loss, unless it has said that it is."""
    told = Told()
    monkeypatch.setattr(auxiliary_processes, "recorder", told)
    monkeypatch.setattr(supervisor.system, "is_ending", lambda pid: is_ending)
    reader, writer = os.pipe()
    watcher = supervise(reader, writer)
    reports, by_main = os.pipe()
    os.set_blocking(reports, False)
    monkeypatch.setattr(watcher, "_reports", reports, raising=False)
    if letter == "m":
        os.write(by_main, f"x {PID} {KILLED}\n".encode())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as main:
        watcher._main = main.pid
        watcher._auxiliary.note(letter, PID)
        watcher._see_auxiliary_exit(PID, None if letter == "m" else 0)
        main.communicate(b"\n")
    assert expected == [record[0] for record in told.records]
    for descriptor in (reader, writer, reports, by_main):
        os.close(descriptor)


def test_an_exit_before_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was waited for before the supervisor could watch it has ended all the same, which is told."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    told = Told()
    monkeypatch.setattr(supervisor, "recorder", told)
    reader, writer = os.pipe()
    watcher = supervise(reader, writer)
    watcher._watch(3, gone.pid)
    assert [(codes.EXIT_SEEN, 3, gone.pid, None)] == [record[:4] for record in told.records]
    os.close(reader)
    os.close(writer)


def test_an_id_of_an_auxiliary_process_that_is_used_again() -> None:
    """A stranger who has the id of an auxiliary process that is over is neither waited for nor killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        Sweeper(Processes(Capabilities(), 1, ""), dict, lambda: False).end_auxiliary_processes(
            {stranger.pid}, "it outlived the main program"
        )
        stranger.communicate(b"\n")
    assert 0 == stranger.returncode


def test_a_manager_that_the_main_program_finds_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is lost, once, whoever sees it first; one that is not needed any more is not."""
    told, known = Told(), AuxiliaryProcesses()
    monkeypatch.setattr(auxiliary_processes, "recorder", told)
    for pid in (PID, PID + 1, PID + 2):
        known.note("m", pid)
    known.lose(PID, KILLED)
    assert not known.has_ended(PID, None, RUNS)
    assert known.has_ended(PID + 1, KILLED, RUNS)
    known.lose(PID + 1, KILLED)
    known.release(PID + 2)
    known.lose(PID + 2, KILLED)
    assert [(codes.MANAGER_LOST, PID, KILLED), (codes.MANAGER_LOST, PID + 1, KILLED)] == told.records
