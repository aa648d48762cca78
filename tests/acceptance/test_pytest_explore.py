"""Tests that explore, in a real pytest: what is found is kept beside the test, and tried first the next time."""

from __future__ import annotations

import json
import re
from pathlib import Path

from exploring import LOCK_ORDER
from support import run_pytest

from run_scenario import EventLog, explore

EXPLORED = LOCK_ORDER.replace("timeout: 30", "timeout: 30\nexplore: 60")
RIGHT = EXPLORED.replace("{with: two, steps: [{with: one", "{with: one, steps: [{with: two").replace("60", "$count")
VARIED = f"{RIGHT}params: {{count: 1}}\nmatrix: {{count: [2, 3]}}\n"
CHANGED = RIGHT.replace("Forwards", "First").replace("$count", "3")


def test_files_that_are_explored(tmp_path: Path) -> None:
    """At the same time: one that fails as it did before, two that pass, one whose schedule does not fit any more."""
    (tmp_path / "order.scenario.yaml").write_text(EXPLORED)
    kept = tmp_path / "order.schedule.json"
    explored = explore(tmp_path / "order.scenario.yaml", seed=1, replays=2, keep=kept)
    assert ("found", kept) == (explored.verdict, explored.path)
    (tmp_path / "changed.scenario.yaml").write_text(CHANGED)
    (tmp_path / "changed.schedule.json").write_bytes(kept.read_bytes())
    (tmp_path / "varied.scenario.yaml").write_text(VARIED)
    status, text = run_pytest(tmp_path, "-q", "-n", "2")
    assert (1, True) == (status, "1 failed, 3 passed, 1 warning" in text), text
    failure, _, warnings = text.partition("warnings summary")
    assert "order: found (stalled) by the schedule that was kept" in failure
    assert "deadlock: Forwards holds 'one' and waits for 'two'" in failure
    assert "It came to that in 10 of 10 replays of this schedule." in failure
    assert "It is kept: run-scenario replay order.schedule.json\nThis test tries it first from now on.\n" in failure
    (log,) = re.findall(r"^the log: (.*)$", failure, flags=re.MULTILINE)
    assert "stalled" == EventLog.read(log)[-1]["outcome"]
    assert "Traceback" not in text
    assert "changed.schedule.json does not fit any more, and can be deleted: after " in warnings
    assert {"order.schedule.json", "changed.schedule.json"} == {path.name for path in tmp_path.glob("*.json")}


OWN = """\
import pytest


def add(value):
    number = value.value
    value.value = number + 1


RACE = {
    "shared": {"count": {"type": "Value", "typecode": "i"}},
    "processes": [{"name": "Adder", "replicas": 2, "target": add, "uses": {"value": "count"}}],
    "expect": [{"exists": {"event": "value.final", "value": "count", "content": 2}}],
}


@pytest.mark.parametrize("name", ["a/b", "a b"])
def test_that_it_fails(scenario, name):
    explored = scenario.explore(RACE, schedules=60, replays=2)
    assert "found" == explored.verdict
    assert "failed" == explored.run.outcome
    assert explored.run.log.exists("value.final", content=1)
    assert any("Adder-2 goes on" in each for each in explored.switches)
    again = scenario.explore(RACE, seed=explored.seed, replays=2, jobs=2)
    assert (explored.schedules, explored.switches) == (again.schedules, again.switches)


def test_that_it_does_not(scenario):
    assert scenario.explore(RACE, schedules=60, replays=2)
"""


def test_the_fixture(tmp_path: Path) -> None:
    """It explores with the test's own code; each exploration of each test has a file, and it is tried again."""
    (tmp_path / "test_own.py").write_text(OWN)
    status, text = run_pytest(tmp_path, "-q", "-n", "2")
    assert (1, True) == (status, "1 failed, 2 passed" in text), text
    shown = text.partition("what the log says")[2]
    assert "scenario: found (failed) in schedule " in shown
    assert "It is kept in test_own.test_that_it_does_not.schedule.json\n" in shown
    kept = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.schedule.json")}
    assert 5 == len(kept), kept
    assert {""} == {each["scenario"] for each in kept.values()}
    status, text = run_pytest(tmp_path, "-q", "-k", "does_not")
    assert (1, True) == (status, "scenario: found (failed) by the schedule that was kept" in text), text
    damaged = tmp_path / "test_own.test_that_it_does_not.schedule.json"
    damaged.write_text("<<<<<<< ours\n")
    status, text = run_pytest(tmp_path, "-q", "-k", "does_not")
    assert (1, True) == (status, f"UsageError: {damaged} is " in text), text
