"""What is known about the built-ins, and how a scenario's data become functions and arguments."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from run_scenario import bundled, targets
from run_scenario.targets import Parameter, Target, _basics, _binding

TARGETS = [
    "count_down",
    "sleep",
    "print_info",
    "spin",
    "produce",
    "consume",
    "consume_until_empty",
    "consume_until_timeout",
    "call_method",
    "relay",
    "reply",
    "fail",
    "exit",
    "crash",
    "hang",
    "with_cleanup",
    "ignore_sigterm",
    "linger",
    "fail_in_thread",
    "spawn_child",
    "put_large",
    "put_and_exit",
    "put_unpicklable",
    "mutate_after_put",
    "put_unloadable",
    "take_and_die",
    "print_start_method",
    "allocate_memory",
    "report_resources",
    "print_siblings",
    "remember",
    "write_output",
    "send_items",
    "receive_until_eof",
    "receive",
    "ping",
    "pong",
    "send_large",
    "poll",
    "receive_and_die",
    "send_until_broken",
    "hold_lock",
    "hold_lock_twice",
    "hold_two_locks",
    "die_holding",
    "use_slot",
    "wait_for_event",
    "set_event",
    "wait_for_notice",
    "notify",
    "meet",
    "increment",
    "increment_with_lock",
    "square_elements",
    "write_memory",
    "read_memory",
    "put_into",
    "print_dict",
    "append_inside",
    "append_and_assign",
    "extend_list",
    "set_attribute",
    "print_attribute",
    "call_remote",
]


WORK = ["is_prime", "check_prime", "square", "fibonacci", "sleep_for", "identity", "fail_on", "greet"]


WORK += ["power", "crash_on", "name_of_worker", "announce"]


def test_names():
    """The built-in targets, in the order of the documentation."""
    assert TARGETS == targets.names()


def test_work_names():
    """The work functions, in the order of the documentation."""
    assert WORK == targets.work_names()


def test_names_cannot_be_spoilt():
    """Who changes the list that names() returned changes nothing else."""
    targets.names().clear()

    assert TARGETS == targets.names()


@pytest.mark.parametrize("name", ["nothing", "is_prime", "", "count-down", "os:system"])
def test_find_nothing(name):
    """What is no target is None, a work function included."""
    assert targets.find(name) is None


@pytest.mark.parametrize("name", ["nothing", "sleep", "perform"])
def test_find_no_work(name):
    """What is no work function is None, a target included."""
    assert targets.find_work(name) is None


def test_unknown_attribute():
    """The package has no attributes but its public names."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = targets.nothing


@pytest.mark.parametrize("found", [*map(targets.find, TARGETS), *map(targets.find_work, WORK)], ids=lambda t: t.name)
def test_everything_is_documented(found: Target):
    """Every built-in and every parameter has a text of whole sentences, and an example."""
    parameters = found.parameters if found.item is None else (found.item, *found.parameters)

    assert found.summary.endswith(".")
    assert "" == found.description or found.description.endswith(".")
    assert list(inspect.signature(found.function).parameters) == [p.name for p in parameters]
    for parameter in parameters:
        assert parameter.help.endswith("."), parameter.name
        assert "  " not in parameter.help
    assert found.name in found.example


def _fits(parameter: Parameter, value: object) -> bool:
    if parameter.kind == "work":
        return targets.find_work(str(value)) is not None
    kinds = {"integer": int, "number": (int, float), "text": str, "boolean": bool, "items": list, "any": object}
    return (
        isinstance(value, kinds[parameter.kind])
        and (parameter.choices is None or value in parameter.choices)
        and (parameter.minimum is None or value >= parameter.minimum)
        and (parameter.maximum is None or value <= parameter.maximum)
    )


@pytest.mark.parametrize("name", TARGETS)
def test_example_fits_the_target(name):
    """The example of each target is an element of `processes` that the schema allows and the target can take."""
    found = targets.find(name)
    [process] = yaml.safe_load(found.example)
    ends = {process[key] for key in ("from", "to") if isinstance(process.get(key), str)}
    scenario = {"version": 1, "processes": [process], "queues": {end: {"type": "JoinableQueue"} for end in ends}}
    scenario = {key: value for key, value in scenario.items() if value}

    jsonschema.Draft202012Validator(json.loads(bundled.schema_text("scenario"))).validate(scenario)
    assert name == process["target"]
    required = {p.direction for p in found.parameters if p.kind == "queue" and p.required}
    assert required <= {key for key in ("from", "to") if key in process}
    for key, value in process.get("kwargs", {}).items():
        assert _fits(found.parameter(key), value), key


@pytest.mark.parametrize("name", WORK)
def test_example_fits_the_work_function(name):
    """The example of each work function is an item that can be made."""
    found = targets.find_work(name)
    example = yaml.safe_load(found.example)

    assert name == example["call"]
    assert _fits(found.item, example["args"][0])
    assert all(_fits(found.parameter(key), value) for key, value in example.get("kwargs", {}).items())


@pytest.mark.parametrize("found", [*map(targets.find, TARGETS), *map(targets.find_work, WORK)], ids=lambda t: t.name)
def test_defaults_are_allowed(found: Target):
    """A default is a value that the parameter itself allows."""
    for parameter in found.parameters:
        if parameter.default is not None:
            assert _fits(parameter, parameter.default), parameter.name


def test_metadata_of_numbers():
    """Kind, default and bounds come from the signature, the help from the docstring."""
    found = targets.find("count_down")

    assert _basics.count_down is found.function
    assert (
        Parameter("start", "integer", False, 5, "The first number that is printed.", minimum=0, maximum=10_000_000),
        Parameter("interval", "number", False, 0.5, "Seconds of sleep before each number.", minimum=0, maximum=86_400),
    ) == found.parameters
    assert "Count down from `start` to 1, one number after each `interval`." == found.summary
    assert found.description.startswith("Two of them side by side show that processes run at the same time: their")
    assert "- name: A\n  target: count_down\n  kwargs: {start: 3, interval: 0.1}" == found.example


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ([("outbox", "to", True, False)], "produce"),
        ([("inbox", "from", True, False), ("outbox", "to", False, False)], "consume"),
        ([("inbox", "from", True, False), ("outbox", "to", False, False)], "consume_until_empty"),
        ([("inbox", "from", True, False)], "call_method"),
        ([("inbox", "from", True, False), ("outbox", "to", True, False)], "relay"),
        ([], "sleep"),
    ],
)
def test_metadata_of_queues(expected, name):
    """The direction of a queue, whether it is needed and whether task_done() is called on it are known."""
    parameters = [p for p in targets.find(name).parameters if p.kind == "queue"]

    assert expected == [(p.name, p.direction, p.required, p.task_done) for p in parameters]


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ([None], "produce"),
        (["task_done", None], "consume"),
        (["task_done", None], "consume_until_empty"),
        ([None], "call_method"),
        (["task_done", None], "relay"),
    ],
)
def test_what_switches_task_done(expected, name):
    """It is known by which parameter a target is told whether to call task_done()."""
    assert expected == [p.switch for p in targets.find(name).parameters if p.kind == "queue"]


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ([("outbox", False, False)], "produce"),
        ([("inbox", True, False), ("outbox", False, False)], "consume"),
        ([("inbox", False, False), ("outbox", False, True)], "consume_until_empty"),
        ([("inbox", False, False)], "call_method"),
        ([("inbox", True, False), ("outbox", False, True)], "relay"),
    ],
)
def test_what_becomes_of_a_pill(expected, name):
    """It is known which queue a target takes from until a pill comes, and on which one it passes the pill on."""
    parameters = [p for p in targets.find(name).parameters if p.kind == "queue"]

    assert expected == [(p.name, p.until_pill, p.passes_pills) for p in parameters]


def test_metadata_of_a_work_function():
    """The item is told apart from the other parameters."""
    found = targets.find_work("fail_on")

    assert Parameter("item", "any", True, None, "Anything.") == found.item
    assert (Parameter("value", "any", False, 13, "The item on which it fails."),) == found.parameters


def test_metadata_of_choices():
    """Where only certain words are allowed, they are known, the default among them."""
    assert {"SIGSEGV", "SIGKILL", "SIGABRT"} <= set(targets.find("crash").parameter("signal").choices)
    assert "RuntimeError" in targets.find("fail").parameter("exception").choices
    assert targets.find("sleep").parameter("signal") is None


def test_each_module_with_targets_is_named() -> None:
    """Targets in a module that `_binding` does not name would not be found."""
    named = {*_binding._TARGET_MODULES, *_binding._WORK_MODULES}
    folder = Path(_binding.__file__).parent
    written = {path.stem for path in folder.glob("_*.py") if re.search(r"^@(target|work)\b", path.read_text(), re.M)}
    assert written == named
