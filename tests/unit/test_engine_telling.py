"""The front's work while a run goes on: what it tells, whom it shows that it goes on, and when it has the run ended."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from run_scenario.engine.guard_handle import FULL
from run_scenario.engine.program import Program
from run_scenario.engine.sink import RunState
from run_scenario.engine.telling import Telling
from run_scenario.language import load_text
from run_scenario.record import codes
from run_scenario.record.reader import remove
from run_scenario.record.recorder import Recorder
from run_scenario.views.watcher import Watcher


class Looker(Watcher):
    """Remembers what it is given."""

    def __init__(self, *, shows_progress: bool) -> None:
        self.shows_progress = shows_progress
        self.events: list[dict[str, Any]] = []
        self.ticks: list[RunState] = []

    def write(self, events: list[dict[str, Any]]) -> None:
        self.events += events

    def tick(self, state: Any) -> None:
        self.ticks.append(state)


@pytest.fixture
def orders() -> list[int]:
    """Return where the guard's orders arrive."""
    return []


def telling_of(recorder: Recorder, folder: str, sink: Looker, orders: list[int]) -> Telling:
    """Return who tells of one process, this one."""
    scenario = load_text("version: 1\nprocesses: [{name: P, target: hang}]\n").require()
    began = time.monotonic_ns(), time.time_ns()
    recorder.attach(folder, "P", 0)
    program = Program(scenario, (), "abc", folder, began, frozenset())
    return Telling(program, os.getppid(), [sink], "fork", retire=remove, stop=orders.append)


def test_a_run_is_ended_once_when_it_has_no_room_though_nothing_is_told(folder: str, orders: list[int]) -> None:
    """Whoever finds no room for its records may well be silent from then on."""
    recorder, sink = Recorder(), Looker(shows_progress=False)
    telling = telling_of(recorder, folder, sink, orders)
    recorder.emit(codes.STARTED, 0, os.getpid(), os.getppid(), "MainProcess", False)
    assert telling.tell(0)
    assert ([], ["process.started"]) == (orders, [event["event"] for event in sink.events])
    recorder._count_lost(b"")
    assert not telling.tell(0)
    assert not telling.tell(0)
    assert [FULL] == orders


@pytest.mark.parametrize("shows", [False, True])
def test_nothing_is_looked_up_for_whom_nobody_sees(folder: str, orders: list[int], shows: bool) -> None:
    """What processes wait for is asked only where it is shown."""
    sink = Looker(shows_progress=shows)
    telling = telling_of(Recorder(), folder, sink, orders)
    telling.tell(0)
    telling.tick()
    assert int(shows) == len(sink.ticks)
