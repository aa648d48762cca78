"""engine/helpers.py, and what the guard makes of a process that was gone before it could look."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from run_scenario.engine import guard, helpers
from run_scenario.engine.helpers import Helpers
from run_scenario.engine.platform import ProcessStat
from run_scenario.engine.program import Program
from run_scenario.model import Scenario
from run_scenario.record import codes

PID = 4711
KILLED, TERMINATED = -signal.SIGKILL, -signal.SIGTERM
RUNS = ProcessStat("S", 1, 1, None, 0.0, 0.0)
LOST, NOT_LOST = [(codes.HELPER_LOST, PID, "fork server")], []


class Told:
    """Stands for the recorder."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []

    def emit(self, *record: Any) -> None:
        """Keep it."""
        self.records.append(record)


def over(code: int | None) -> ProcessStat:
    """Return what the system says of a main program that nobody has waited for yet."""
    return ProcessStat("Z", 1, 1, code, 0.0, 0.0)


@pytest.mark.parametrize(
    ("code", "main", "main_code", "expected"),
    [
        (KILLED, RUNS, 0, LOST),
        (None, RUNS, 0, LOST),  # somebody else has waited for it
        (KILLED, over(0), 0, LOST),
        (KILLED, over(1), 0, LOST),
        (KILLED, None, 0, LOST),
        (KILLED, over(TERMINATED), 0, NOT_LOST),  # whoever ended the main program has ended it, too
        (KILLED, None, TERMINATED, NOT_LOST),
        (0, over(0), 0, NOT_LOST),  # as it does, after the main program
        (None, None, 0, NOT_LOST),
    ],
)
def test_when_a_helper_is_lost(
    code: int | None, main: ProcessStat | None, main_code: int, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends before the main program does, or is killed while that ends by itself, and only once."""
    told, known = Told(), Helpers()
    monkeypatch.setattr(helpers, "recorder", told)
    known.note("f", PID)
    assert bool(expected) == known.has_ended(PID, code, main, main_code)
    assert not known.has_ended(PID, code, main, main_code)
    assert expected == [record[:3] for record in told.records]
    assert {PID} == known.pids


@pytest.mark.parametrize(("code", "expected"), [(0, []), (1, [(codes.MANAGER_LOST, PID, 1)])])
def test_when_a_manager_is_lost(code: int, expected: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when it has ended as it should, nor after it was shut down."""
    told, known = Told(), Helpers()
    monkeypatch.setattr(helpers, "recorder", told)
    known.note(helpers.MANAGER, PID)
    assert known.has_ended(PID, code, RUNS, 0)
    known.note(helpers.MANAGER, PID + 1)
    known.release(PID + 1)
    assert not known.has_ended(PID + 1, 1, RUNS, 0)
    assert expected == told.records
    assert set() == known.pids


def test_an_exit_before_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was waited for before the guard could watch it has ended all the same, which is told."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    told = Told()
    monkeypatch.setattr(guard, "recorder", told)
    reader, writer = os.pipe()
    watcher = guard.Guard(Program(Scenario("x", "x", "x", ""), (), "", "", (0, 0), frozenset()), reader, writer)
    watcher._watch(3, gone.pid)
    assert [(codes.EXIT_SEEN, 3, gone.pid, None)] == [record[:4] for record in told.records]
    os.close(reader)
    os.close(writer)
