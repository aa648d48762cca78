"""A file of expectations: what may stand in it, and what is said where it is wrong."""

from __future__ import annotations

import json
import math

import pytest
import yaml

from run_scenario import bundled, loader
from run_scenario.expect import LateJudge

ONE = "version: 1\nexpect:\n  - fifo: tasks\n"


def test_what_may_stand_in_it() -> None:
    """A title, a deadline, and expectations with any names; without a deadline there is none."""
    text = f"title: Five tasks\ntimeout: 7\n{ONE}  - exists: {{event: queue.put, queue: tasks (script.py:12)}}\n"
    told, plain = (loader.load_text(each, use_cache=False, kind="expectations").require() for each in (text, ONE))
    assert ("Five tasks", 7, 2) == (told.title, told.timeout, len(told.expect))
    assert (math.inf, True) == (plain.timeout, plain.is_of_script)
    assert {"fifo": "tasks"} == plain.expect[0].written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\n", "e.yaml:1:1: error: a file of expectations needs the key 'expect'"),
        (
            f"{ONE}queues: {{tasks: {{}}}}\n",
            "e.yaml:4:1: error: a file of expectations describes nothing that is run: `queues` belongs into a scenario",
        ),
        (f"{ONE}timeuot: 3\n", "e.yaml:4:1: error: unknown key 'timeuot' at the top level"),
        (f"{ONE}timeout: soon\n", "e.yaml:4:10: error: `timeout` must be a number of seconds"),
        (ONE.replace("version: 1\n", ""), "e.yaml:1:1: error: a file of expectations needs the key 'version'"),
        (f"{ONE}  - fifo: [tasks]\n", "e.yaml:4:11: error: `fifo` must be the name of a resource, as in `tasks`"),
        (f"{ONE}  - exists: {{event: queue.putt}}\n", "e.yaml:4:21: error: `event` must be the name of an event"),
        (f"{ONE}  - exists: {{event: queue.put, lock: l}}\n", "e.yaml:4:32: error: 'queue.put' has no field 'lock'"),
        (f"{ONE}  - count: {{event: queue.put}}\n", "e.yaml:4:5: error: `count` needs"),
        ("- fifo: tasks\n", "e.yaml:1:1: error: a file of expectations needs the key 'expect'"),
    ],
)
def test_what_is_wrong(text: str, expected: str) -> None:
    """There is one problem, with its place."""
    (found,) = loader.load_text(text, file="e.yaml", use_cache=False, kind="expectations").problems
    assert loader.format_problem(found).startswith(expected)


def test_a_scenario_needs_processes() -> None:
    """A file of expectations that is to be run is refused in one sentence, which says what it is for."""
    (found,) = loader.load_text(ONE, file="e.yaml", use_cache=False).problems
    assert "a scenario needs the key 'processes'" == found.what
    assert "`run-scenario record --expect`" in found.hint


def test_either() -> None:
    """Where both may stand, what is run makes the difference."""
    scenario = "version: 1\nqueues: {tasks: {collect: 1}}\nprocesses: [{target: produce, to: tasks}]\n"
    found = [
        loader.load_text(text, use_cache=False, kind="either").require().is_of_script
        for text in (ONE, f"{scenario}expect: [{{fifo: tasks}}]\n", scenario)
    ]
    assert [True, False, False] == found


def test_what_scenarios_expect_can_be_expected_of_scripts() -> None:
    """Each bundled expectation may stand in such a file, and is judged; of a log without events none has passed."""
    texts = {path: yaml.safe_load(path.read_bytes()) for path in bundled.scenarios()}
    plain = {
        path: text["expect"] for path, text in texts.items() if "expect" in text and "$" not in str(text["expect"])
    }
    assert len(plain) > 50
    for path, expect in plain.items():
        text = json.dumps({"version": 1, "expect": expect})
        told = loader.load_text(text, file=path.name, use_cache=False, kind="expectations").require()
        verdicts = LateJudge(told.expect).finish(False)
        assert len(expect) == len(verdicts)
        assert {"inconclusive"} == {verdict.result for verdict in verdicts}, path
