"""The runner's work while a run goes on: what it emits, to whom it shows progress, and when it has the run ended."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from run_scenario.events.types import Event, ProcessStarted, ScenarioFinished
from run_scenario.loader import load_text
from run_scenario.recording import codes, layout
from run_scenario.recording.recorder import Recorder
from run_scenario.recording.streams import remove
from run_scenario.report.reasons import Sentences, sentences
from run_scenario.report.watcher import Watcher
from run_scenario.runtime.run_follower import RunFollower, RunState
from run_scenario.runtime.run_request import RunRequest
from run_scenario.runtime.supervisor.orders import NO_SPACE


class Looker(Watcher):
    """Remembers what it is given."""

    def __init__(self, *, shows_progress: bool) -> None:
        self.shows_progress = shows_progress
        self.events: list[Event] = []
        self.ticks: list[RunState] = []

    def write(self, events: list[Event]) -> None:
        self.events += events

    def tick(self, state: Any) -> None:
        self.ticks.append(state)


@pytest.fixture
def orders() -> list[int]:
    """Return where the supervisor's orders arrive."""
    return []


def follower_of(recorder: Recorder, folder: str, sink: Looker, orders: list[int]) -> RunFollower:
    """Return who tells of one process, this one."""
    scenario = load_text("version: 1\nprocesses: [{name: P, target: hang}]\n").require()
    began = time.monotonic_ns(), time.time_ns()
    recorder.attach(folder, "P", 0)
    request = RunRequest(scenario, (), "abc", folder, began, {})
    return RunFollower(request, os.getppid(), [sink], "fork", discard=remove, wording=Sentences(), stop=orders.append)


def test_a_run_is_ended_once_when_it_has_no_room_though_nothing_is_told(folder: str, orders: list[int]) -> None:
    """Whoever finds no room for its records may well be silent from then on."""
    recorder, sink = Recorder(), Looker(shows_progress=False)
    follower = follower_of(recorder, folder, sink, orders)
    recorder.emit(codes.STARTED, 0, os.getpid(), os.getppid(), "MainProcess", False)
    assert follower.advance(0)
    assert ([], [ProcessStarted]) == (orders, [type(event) for event in sink.events])
    recorder._count_lost(b"")
    assert not follower.advance(0)
    assert not follower.advance(0)
    assert [NO_SPACE] == orders


@pytest.mark.parametrize("shows", [False, True])
def test_nothing_is_looked_up_for_whom_nobody_sees(folder: str, orders: list[int], shows: bool) -> None:
    """What processes wait for is asked only where it is shown."""
    sink = Looker(shows_progress=shows)
    follower = follower_of(Recorder(), folder, sink, orders)
    follower.advance(0)
    follower.tick()
    assert int(shows) == len(sink.ticks)


def test_what_cannot_be_read_is_told(folder: str, orders: list[int]) -> None:
    """Damage is a reason of its own; what was begun and not finished, where a process was killed, is only counted."""
    recorder, sink = Recorder(), Looker(shows_progress=False)
    follower = follower_of(recorder, folder, sink, orders)
    for _ in range(3):
        recorder.fixed(codes.TASK_DONE, 0, 0, 0, 0, 0)
    with open(f"{recorder.prefix}.f1", "r+b") as file:
        file.write(layout.FIXED.pack(1 << 62, codes.TASK_DONE, 0, 0, 0, 0, 0, 1) + bytes(layout.FIXED.size))
    outcome = follower.conclude(0, [])
    (finished,) = [event for event in sink.events if isinstance(event, ScenarioFinished)]
    assert [
        f"1 or more events could not be read: the recording in {folder} is damaged; look for a target that writes there"
    ] == [reason for reason in sentences(outcome) if "read" in reason]
    assert 1 == finished.counts["unfinished_records"]
