"""`run_scenario.explore` and the fixture's `explore`: what the command can, they can."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest
from exploring import GIVES_UP, HOLDERS, LOST_UPDATE
from support import run_pytest

from run_scenario import Exploration, UsageError, explore
from run_scenario.cli.commands import explore as command
from run_scenario.exploration.options import STRATEGIES, TIMES, ExploreOptions, as_arguments

_OF_THE_COMMAND_ALONE = {"help", "replay_first", "set", "format", "no_color"}
"""Options that are said otherwise in Python: `keep`, `params`, `str()` and `repr()`."""
_OF_EACH_DOOR = {"keep", "log", "timeout", "expect", "allow"}


def outcome(explored: Exploration) -> str:
    """Return that of the run that was found."""
    return "" if explored.run is None else explored.run.outcome


def test_a_process_is_killed() -> None:
    """Then others wait for its lock for ever."""
    explored = explore(HOLDERS, schedules=60, seed=1, replays=2, kill=True)
    assert ("found", "stalled") == (explored.verdict, outcome(explored))
    assert any(" is killed before " in each for each in explored.switches), explored


def test_timeouts_come_early() -> None:
    """Then a second is not long enough."""
    explored = explore(GIVES_UP, schedules=60, seed=1, replays=2, time="any")
    assert ("found", "failed") == (explored.verdict, outcome(explored))


def test_runs_of_few_steps() -> None:
    """What is not over then is not judged."""
    explored = explore(HOLDERS, schedules=5, seed=1, steps=3)
    assert "inconclusive" == explored.verdict
    assert any("it was not over after 3 steps" in each for each in explored.reasons), explored


def test_a_file_of_expectations(tmp_path: Path) -> None:
    """It decides in place of what the scenario itself expects."""
    (tmp_path / "checks.yaml").write_text("version: 1\nexpect:\n  - absent: {event: lock.acquired}\n")
    explored = explore(HOLDERS, schedules=5, seed=1, replays=2, expect=tmp_path / "checks.yaml")
    assert ("found", 1) == (explored.verdict, len(explored.scenario.expect))
    assert "lock.acquired" in explored.reasons[0]


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"time": "never"}, UsageError, "argument --time: invalid choice: 'never'"),
        ({"schedules": 0}, UsageError, "argument --schedules: '0' is not a number from 1"),
        ({"schedule": 3}, TypeError, "unexpected keyword argument 'schedule'"),
    ],
)
def test_an_option_that_cannot_be(option: dict[str, Any], error: type[Exception], message: str) -> None:
    """The command says so, as it would to anybody; what there is not is an error of the program."""
    with pytest.raises(error, match=re.escape(message)):
        explore("names", **option)


def test_a_script(tmp_path: Path) -> None:
    """To name it is to allow it; what is found is kept, with its arguments, and tried first the next time."""
    script, kept = tmp_path / "race.py", tmp_path / "race.schedule.json"
    script.write_text(LOST_UPDATE)
    explored = explore(script, "--expected", "2", schedules=40, seed=1, replays=2, keep=kept)
    assert ("found", "failed", kept) == (explored.verdict, outcome(explored), explored.path)
    assert ("race", str(script)) == (explored.scenario.name, explored.scenario.script)
    assert explored.run is not None
    assert explored.run.log.exists("process.exited", "MainProcess", exitcode=1)
    assert ["--expected", "2"] == json.loads(kept.read_text())["arguments"]
    again = explore(str(script), "--expected", "2", schedules=1, replays=2, keep=kept)
    assert "by the schedule that was kept" in str(again)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (["missing.py"], {}, "the script 'missing.py' cannot be read"),
        ([__file__], {"params": {"workers": 2}}, "--set is for the parameters of a scenario"),
        ([__file__], {"allow": ["json"]}, "to name a script is to allow it"),
        (["names", "2"], {}, "only a script gets arguments"),
    ],
)
def test_what_is_not_for_both(arguments: list[str], options: dict[str, Any], message: str) -> None:
    """What is for a scenario is refused for a script, and the other way round; so is a script that is not there."""
    with pytest.raises(UsageError, match=re.escape(message)):
        explore(*arguments, **options)


def test_all_options_of_the_command() -> None:
    """Each is there in Python, under the name that the command keeps it by, and means the same."""
    parser = argparse.ArgumentParser()
    command.COMMAND.add_arguments(parser)
    shown = {
        action.dest
        for group in (parser._positionals, parser._optionals)
        for action in group._group_actions
        if action.option_strings and action.help != argparse.SUPPRESS
    }
    assert set(ExploreOptions.__annotations__) == shown - _OF_THE_COMMAND_ALONE - _OF_EACH_DOOR
    given: ExploreOptions = {
        "schedules": 3,
        "seconds": 2.5,
        "strategies": ["walk", "dfs"],
        "seed": 7,
        "jobs": 2,
        "time": "any",
        "kill": True,
        "pipe_capacity": 4096,
        "steps": 9,
        "replays": 4,
    }
    found = parser.parse_args([*as_arguments(given), "names"])
    assert given == {name: getattr(found, name) for name in given}
    without: ExploreOptions = {"seconds": None, "strategies": (), "kill": None, "steps": None}
    assert [] == as_arguments(without)
    assert ["--no-kill"] == as_arguments({"kill": False})


def test_what_a_scenario_says_of_it(tmp_path: Path) -> None:
    """It counts where nothing else is said; what bounds the schedules is asked of one of both alone."""
    explored = tmp_path / "explored.yaml"
    said = "{schedules: 60, seed: 1, kill: true}"
    explored.write_text(HOLDERS.replace("processes:", f"explore: {said}\nprocesses:", 1))
    found = explore(explored, replays=2)
    assert ("found", 1, "stalled") == (found.verdict, found.seed, outcome(found))
    assert any(" is killed before " in each for each in found.switches), found
    passed = explore(explored, replays=2, kill=False, schedules=4, seed=2)
    assert ("not_found", 4, 2) == (passed.verdict, passed.schedules, passed.seed)
    explored.write_text(explored.read_text().replace(said, "{schedules: 60, steps: 3, strategies: [random]}"))
    few = explore(explored, seconds=0.001)
    assert ("inconclusive", True) == (few.verdict, few.schedules < 60)
    assert any("it was not over after 3 steps" in each for each in few.reasons), few


def test_what_a_scenario_may_say_of_it() -> None:
    """The options of Python, but for those that depend on the machine and the reader."""
    schema = json.loads((Path(__file__).parents[2] / "schema/scenario.schema.json").read_text())
    properties = schema["properties"]["explore"]["properties"]
    assert set(ExploreOptions.__annotations__) - {"jobs", "replays"} == set(properties)
    assert list(STRATEGIES) == properties["strategies"]["items"]["enum"]
    assert list(TIMES) == properties["time"]["enum"]


OF_PYTEST = """\
def test_killed(scenario):
    explored = scenario.explore("holders.yaml", seed=1, schedules=60, replays=2, kill=True)
    assert "stalled" == explored.run.outcome


def test_early(scenario):
    explored = scenario.explore("gives-up.yaml", seed=1, schedules=60, replays=2, time="any", expect="checks.yaml")
    assert explored.passed


def test_script(scenario):
    explored = scenario.explore("race.py", "2", seed=1, schedules=40, replays=2)
    assert explored.passed, explored
"""


@pytest.mark.campaign
def test_the_fixture(tmp_path: Path) -> None:
    """It takes the same options; a script and a file of expectations are found beside the test."""
    (tmp_path / "race.py").write_text(LOST_UPDATE)
    (tmp_path / "holders.yaml").write_text(HOLDERS)
    (tmp_path / "gives-up.yaml").write_text(GIVES_UP.replace("timeout: 1}]}", "timeout: 1}], exitcode: any}"))
    (tmp_path / "checks.yaml").write_text("version: 1\nexpect:\n  - exists: {event: queue.put, queue: tasks}\n")
    (tmp_path / "test_own.py").write_text(OF_PYTEST)
    status, text = run_pytest(tmp_path, "-q")
    assert (1, True) == (status, "1 failed, 2 passed" in text), text
    assert "race: found (failed) in schedule " in text
    assert (tmp_path / "test_own.test_script.schedule.json").exists()
