"""The main program's steps, as derived from a scenario."""

from __future__ import annotations

import subprocess
import sys

import pytest

from run_scenario.language import load_text, plan
from run_scenario.language.stamps import Stamps
from run_scenario.model import (
    CloseQueue,
    Collect,
    Create,
    CreateProcess,
    IsAlive,
    Join,
    JoinQueue,
    JoinThread,
    PutItems,
    PutPills,
    Scenario,
    Sleep,
    Start,
    Step,
    StopIfAlive,
)


def _scenario(text: str) -> Scenario:
    return load_text(f"version: 1\n{text}", stamps=Stamps(None)).require()


def _after_start(text: str) -> list[Step]:
    steps = plan(_scenario(text))
    return [step for step in steps if not isinstance(step, Create | CreateProcess | Start | Join)]


def test_the_order_of_the_textbooks() -> None:
    """Create all; start each after its delay; put, pills, join the queue, collect; join the processes."""
    scenario = _scenario("""
queues:
  tasks: {type: JoinableQueue, items: [1, 2], poison_pills: true}
  results: {collect: 2}
processes:
  - {name: C, replicas: 2, target: consume, from: tasks, to: results}
  - {name: S, target: sleep, args: [1], delay: 0.5, join: false}
""")
    queues, processes = scenario.queues, scenario.processes

    assert (
        Create(queues[0]),
        Create(queues[1]),
        CreateProcess(processes[0]),
        CreateProcess(processes[1]),
        CreateProcess(processes[2]),
        Start("C-1"),
        Start("C-2"),
        Sleep(0.5),
        Start("S"),
        PutItems("tasks", (1, 2)),
        PutPills("tasks", 2),
        JoinQueue("tasks"),
        Collect("results", 2),
        Join("C-1"),
        Join("C-2"),
    ) == plan(scenario)


def test_close_follows_the_puts() -> None:
    """A queue that is not collected from is closed after everything was put."""
    steps = _after_start("""
queues:
  a: {items: [1], close: true, join_thread: true}
  b: {items: [2], close: true}
processes:
  - {target: call_method, from: a}
  - {target: call_method, from: b}
""")

    assert [PutItems("a", (1,)), PutItems("b", (2,)), CloseQueue("a"), JoinThread("a"), CloseQueue("b")] == steps


def test_close_follows_the_gets() -> None:
    """A queue that is collected from is closed when that is done: close() also closes the reading end."""
    steps = _after_start("""
queues: {a: {items: [1], collect: 1, close: true, join_thread: true}}
processes: [{target: print_info}]
""")

    assert [PutItems("a", (1,)), Collect("a", 1), CloseQueue("a"), JoinThread("a")] == steps


@pytest.mark.parametrize(("key", "method"), [("terminate", "terminate"), ("kill", "kill")])
def test_join_with_a_timeout(key: str, method: str) -> None:
    """After a join with a timeout comes is_alive, then, where asked for, terminate() or kill()."""
    steps = plan(_scenario(f"processes: [{{name: A, target: hang, join_timeout: 0, {key}: true}}]"))

    assert (Join("A", 0.0), IsAlive("A"), StopIfAlive("A", method)) == steps[-3:]  # type: ignore[arg-type]


def test_poison_pills_by_number_and_by_readers() -> None:
    """`true` counts the processes that take from the queue, replicas one by one; a number is taken as it is."""
    scenario = _scenario("""
queues:
  a: {items: [1], poison_pills: true}
  b: {items: [1], poison_pills: 5}
processes:
  - {target: call_method, from: a, replicas: 3}
  - {target: call_method, from: a}
  - {target: call_method, from: b}
""")

    assert [4, 5] == [queue.poison_pills for queue in scenario.queues]


def test_a_joinable_queue_is_joined_by_default() -> None:
    """Only a JoinableQueue is joined, unless the file says otherwise."""
    scenario = _scenario("""
queues: {a: {type: JoinableQueue}, b: {type: JoinableQueue, join: false}, c: {}}
processes: [{target: print_info}]
""")

    assert [True, False, False] == [queue.join for queue in scenario.queues]


def test_the_plan_needs_the_model_only() -> None:
    """Importing the language room loads neither PyYAML nor jsonschema, nor any other room."""
    code = """
import sys
import run_scenario.language
from run_scenario.language.plan import plan
heavy = {"yaml", "jsonschema", "referencing", "difflib", "structlog", "rich"}
heavy |= {"run_scenario.targets", "run_scenario.record", "run_scenario.engine"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
