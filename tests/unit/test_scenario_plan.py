"""The main program's steps, as derived from a scenario."""

from __future__ import annotations

import subprocess
import sys

import pytest

from run_scenario.loader import load_text, plan
from run_scenario.scenario.expressions import Expression
from run_scenario.scenario.model import Scenario
from run_scenario.scenario.plan import Manager, created, removed
from run_scenario.scenario.steps import PROCESS, Step


def _scenario(text: str) -> Scenario:
    return load_text(f"version: 1\n{text}", use_cache=False).require()


def _after_start(text: str) -> list[Step]:
    return [step for step in plan(_scenario(text)) if step.kind != PROCESS]


def _about(verb: str, *processes: str) -> tuple[Step, ...]:
    return tuple(Step(verb, process, PROCESS) for process in processes)


def _put(queue: str, type_: str, *items: object) -> Step:
    return Step("for", "item", argument=items, steps=(Step("put", queue, type_, Expression("item", ("item",))),))


def _get(queue: str, count: int) -> Step:
    return Step("repeat", argument=count, steps=(Step("get", queue, "Queue"),))


def test_the_order_of_the_textbooks() -> None:
    """Start each after its delay; put, pills, join the queue, collect; join the processes."""
    scenario = _scenario("""
queues:
  tasks: {type: JoinableQueue, items: [1, 2], poison_pills: true}
  results: {collect: 2}
processes:
  - {name: C, replicas: 2, target: consume, from: tasks, to: results}
  - {name: S, target: sleep, args: [1], delay: 0.5, join: false}
""")

    assert (
        *_about("start", "C-1", "C-2"),
        Step("sleep", argument=0.5),
        *_about("start", "S"),
        _put("tasks", "JoinableQueue", 1, 2),
        Step("repeat", argument=2, steps=(Step("put", "tasks", "JoinableQueue", None),)),
        Step("join_queue", "tasks", "JoinableQueue"),
        _get("results", 2),
        *_about("join", "C-1", "C-2"),
    ) == plan(scenario)


def test_the_derived_steps_are_those_that_a_file_writes() -> None:
    """With `main:` that says the same, the steps are the same, but for their places in the file."""
    described = "queues: {a: {}}\nprocesses: [{name: A, target: hang}, {name: B, target: call_method, from: a}]\n"
    written = described + "main: [{start: [A, B]}, {join: A}, {join: B}]\n"

    derived, read = plan(_scenario(described)), plan(_scenario(written))

    assert derived == tuple(step.replace(where=None) for step in read)
    assert [4, 4, 4, 4] == [step.where.line for step in read if step.where is not None]


def test_what_is_created_and_removed() -> None:
    """Resources in the order of their sections, the manager before the first that it holds; what would be left goes."""
    scenario = _scenario("""
pools: {p: {processes: 1, calls: [{map: square, over: [1]}]}}
shared: {block: {type: SharedMemory, size: 1}, names: {type: list}, more: {type: dict}}
sync: {gate: {type: Lock}}
queues: {a: {}}
""")

    assert ["a", "gate", "block", "", "names", "more"] == [
        "" if isinstance(found, Manager) else found.name for found in created(scenario)
    ]
    assert ["block", ""] == ["" if isinstance(found, Manager) else found.name for found in removed(scenario)]
    held = _scenario("sync: {a: {type: Lock}, b: {type: Event, manager: true}}\nprocesses: [{target: hang}]")
    assert ["a", "", "b"] == ["" if isinstance(found, Manager) else found.name for found in created(held)]
    assert [Manager()] == list(removed(held))


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

    ends = [Step("close", "a", "Queue"), Step("join_thread", "a", "Queue"), Step("close", "b", "Queue")]
    assert [_put("a", "Queue", 1), _put("b", "Queue", 2), *ends] == steps


def test_close_follows_the_gets() -> None:
    """A queue that is collected from is closed when that is done: close() also closes the reading end."""
    steps = _after_start("""
queues: {a: {items: [1], collect: 1, close: true, join_thread: true}}
processes: [{target: print_info}]
""")

    ends = [Step("close", "a", "Queue"), Step("join_thread", "a", "Queue")]
    assert [_put("a", "Queue", 1), _get("a", 1), *ends] == steps


@pytest.mark.parametrize(("key", "method"), [("terminate", "terminate"), ("kill", "kill")])
def test_join_with_a_timeout(key: str, method: str) -> None:
    """After a join with a timeout comes is_alive, then, where asked for, terminate() or kill()."""
    steps = plan(_scenario(f"processes: [{{name: A, target: hang, join_timeout: 0, {key}: true}}]"))
    (join,), (is_alive,) = _about("join", "A"), _about("is_alive", "A")
    stopped = (*_about(method, "A"), is_alive, join, is_alive)

    assert (
        join.replace(options={"timeout": 0.0}),
        is_alive,
        Step("if", "A", PROCESS, argument=is_alive, steps=stopped),
    ) == steps[-3:]


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
import run_scenario.loader
from run_scenario.scenario.plan import plan
heavy = {"yaml", "jsonschema", "referencing", "difflib", "structlog", "rich"}
heavy |= {"run_scenario.targets", "run_scenario.recording", "run_scenario.runtime"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
