"""How a scenario's data become functions and arguments, and what that costs a child."""

from __future__ import annotations

import functools
import multiprocessing
import operator
import pickle
import re
import subprocess
import sys

import pytest

from run_scenario import targets
from run_scenario.scenario.model import CallSpec
from run_scenario.targets import Call, _queues, _work

DEADLINE = 30.0
SLOW = {"yaml", "jsonschema", "structlog", "rich", "msgpack", "argparse", "inspect", "dataclasses"}


def _refuse(reference: str) -> None:
    pytest.fail(f"{reference!r} should not be resolved")


def test_bind_turns_work_into_a_function():
    """A work function's name becomes the function, everything else stays as it is."""
    assert (_queues.consume, (), {"work": _work.is_prime, "task_done": False}) == targets.bind(
        "consume", (), {"work": "is_prime", "task_done": False}, _refuse
    )


def test_bind_knows_positional_work():
    """A work function is found by its place, too; arguments too many are left for Python to refuse."""
    assert (_queues.consume, ("in", "out", _work.square, True, "sleep"), {}) == targets.bind(
        "consume", ["in", "out", "square", True, "sleep"], {}, _refuse
    )


def test_bind_makes_items_of_calls():
    """A call among the items becomes the object that is put; other items stay as they are."""
    items = [1, CallSpec("square", (3,)), {"call": "x"}]

    _, _, kwargs = targets.bind("produce", (), {"items": items}, _refuse)

    assert {"items": [1, Call(_work.square, (3,)), {"call": "x"}]} == kwargs


def test_bind_resolves_references():
    """What is spelled package.module:function is resolved by the one who knows what is allowed."""
    resolved = {"operator:neg": operator.neg}

    _, _, kwargs = targets.bind("relay", (), {"work": "operator:neg"}, resolved.__getitem__)

    assert {"work": operator.neg} == kwargs


def test_bind_passes_a_foreign_target_on():
    """A target that is not built in gets its arguments untouched."""
    resolved = {"operator:neg": operator.neg}

    assert (operator.neg, (1,), {"work": "is_prime"}) == targets.bind(
        "operator:neg", [1], {"work": "is_prime"}, resolved.__getitem__
    )


def test_bind_gives_work_its_keywords():
    """Work written as a call gets its keywords in addition to the item."""
    _, _, kwargs = targets.bind("consume", (), {"work": {"call": "fail_on", "kwargs": {"value": 3}}}, _refuse)

    work = pickle.loads(pickle.dumps(kwargs["work"]))
    assert 13 == work(13)
    with pytest.raises(ValueError, match="on item 3"):
        work(3)


def test_bind_refuses_positional_arguments_for_work():
    """The item is the first argument of a work function: others would get in its way."""
    with pytest.raises(
        ValueError, match=r"positional argument of the work function 'fail_on' is the item; give it kwa"
    ):
        targets.bind("consume", (), {"work": {"call": "fail_on", "args": [3]}}, _refuse)


def test_bind_leaves_no_work_as_it_is():
    """`work: null` is no work."""
    assert {"work": None} == targets.bind("consume", (), {"work": None}, _refuse)[2]


@pytest.mark.parametrize(
    ("expected", "target", "kwargs"),
    [
        ("there is no target 'slep'; did you mean 'sleep'?", "slep", {}),
        ("there is no target 'xyz'; there are count_down, sleep, ", "xyz", {}),
        ("there is no work function 'isprime'; did you mean 'is_prime'?", "consume", {"work": "isprime"}),
    ],
)
def test_bind_refuses_unknown_names(expected, target, kwargs):
    """The message says what there is instead."""
    with pytest.raises(ValueError, match="^" + re.escape(expected)):
        targets.bind(target, (), kwargs, _refuse)


def test_make_item():
    """A call's item processes itself."""
    item = targets.make_item(CallSpec("fail_on", (3,), {"value": 4}), _refuse)

    assert 3 == item.process()
    assert 3 == item()
    assert "fail_on(3, value=4)" == str(item) == repr(item)


def test_make_item_resolves_references():
    """A call may name any function, if the resolver lets it."""
    resolved = {"operator:neg": operator.neg}

    assert -3 == targets.make_item(CallSpec("operator:neg", (3,)), resolved.__getitem__).process()


def test_make_item_refuses_unknown_names():
    """The message says what was meant, probably."""
    with pytest.raises(ValueError, match="no work function 'squar'; did you mean 'square'"):
        targets.make_item(CallSpec("squar", (3,)), _refuse)


def test_calls_are_values():
    """Two calls of one function with the same arguments are equal, and a pickled one is equal to itself."""
    call = Call(_work.fail_on, (3,), {"value": [4]})

    assert call == pickle.loads(pickle.dumps(call))
    assert call != Call(_work.fail_on, (3,))
    assert call != "fail_on(3, value=[4])"


def test_calls_without_a_name():
    """A callable without a name is shown as what it is."""
    assert "functools.partial(<class 'int'>, base=2)('101')" == repr(Call(functools.partial(int, base=2), ("101",)))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_bound_targets_run_under_every_start_method(method):
    """A bound target, its work function and a call go to a process of every start method and come back as results."""
    context = multiprocessing.get_context(method)
    tasks, results = context.JoinableQueue(), context.Queue()
    function, args, kwargs = targets.bind("consume", (), {"work": "square"}, _refuse)
    process = context.Process(
        target=function, args=args, kwargs={**kwargs, "inbox": tasks, "outbox": results}, daemon=True
    )
    process.start()

    for item in (3, targets.make_item(CallSpec("is_prime", (7,)), _refuse), None):
        tasks.put(item)

    assert [9, True] == [results.get(timeout=DEADLINE) for _ in range(2)]
    process.join(DEADLINE)
    assert 0 == process.exitcode
    tasks.join()
    for queue in (tasks, results):
        queue.close()
        queue.join_thread()


@pytest.mark.parametrize("module", ["", "._basics", "._queues", "._endings", "._work", "._call", "._output"])
def test_a_child_imports_next_to_nothing(module):
    """What a spawned process needs for a target costs it no import beyond multiprocessing's and the target's own."""
    own = ", logging" if module == "._output" else ""  # which from Python 3.14 on imports slow ones itself
    code = (
        f"import sys, multiprocessing.spawn, multiprocessing.queues{own}; before = set(sys.modules)\n"
        f"import run_scenario.targets{module}\n"
        "print(*sorted(set(sys.modules) - before))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE)

    imported = set(done.stdout.split())
    assert f"run_scenario.targets{module}" in imported
    assert set() == SLOW & imported
    assert set() == {name for name in imported if name.startswith("run_scenario.")} - {
        "run_scenario.targets",
        "run_scenario.targets._decorators",
        f"run_scenario.targets{module}",
    }
