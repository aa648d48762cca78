"""Processes of processes: trees of any depth, with orphans and daemons in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import METHODS, Result, scenario

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)


def parents(result: Result) -> dict[str, str]:
    """Return who has started whom, as each process itself has seen it."""
    return {e["process"]: e["parent"] for e in result.log.all("process.started") if e["parent"]}


@every_method
def test_three_levels(play: Play, method: str) -> None:
    """Each process starts its own, before its target or its steps, and joins them after."""
    leaf = {"name": "Leaf", "replicas": 2, "steps": [{"put": "$name of $replicas", "to": "words"}]}
    middle = {"name": "Middle", "target": "print_info", "processes": [leaf]}
    top = {"name": "Top", "steps": [{"put": "top", "to": "words"}], "processes": [middle]}
    result = play(scenario(top, queues={"words": {"collect": 3}}, start_method=method))
    log = result.log
    assert 0 == result.status
    assert {"Top": "MainProcess", "Middle": "Top", "Leaf-1": "Middle", "Leaf-2": "Middle"} == parents(result)
    assert {"top", "Leaf-1 of 2", "Leaf-2 of 2"} == {e["item"] for e in log.all("queue.get", "MainProcess")}
    for child, parent in parents(result).items():
        assert parent == log.one("process.starting", child)["by"] == log.one("process.joined", child)["by"]
        assert log.one("process.exited", child)["seq"] < log.one("process.exited", parent)["seq"]
    assert log.one("process.starting", "Middle")["seq"] < log.one("queue.put", "Top")["seq"]
    assert [] == log.all("process.orphaned")


@every_method
def test_each_parent_starts_its_share(play: Play, method: str) -> None:
    """The replicas of a child are counted through, from the first parent to the last."""
    child = {"name": "Child", "replicas": 2, "steps": [{"print": "$name"}]}
    result = play(
        scenario({"name": "P", "replicas": 2, "target": "print_info", "processes": [child]}, start_method=method)
    )
    assert 0 == result.status
    owners = {name: parent for name, parent in parents(result).items() if name.startswith("Child")}
    assert {"Child-1": "P-1", "Child-2": "P-1", "Child-3": "P-2", "Child-4": "P-2"} == owners


@every_method
def test_steps_that_start_say_when(play: Play, method: str) -> None:
    """Where the steps of a parent start a process themselves, nothing else does; it is asked and joined there."""
    child = {"name": "Child", "steps": [{"wait": "go"}], "exitcode": 0}
    steps: list[dict[str, Any]] = [
        {"is_alive": "Child", "as": "before"},
        {"start": "Child"},
        {"is_alive": "Child", "as": "meanwhile"},
        {"set": "go"},
        {"join": "Child"},
        {"exitcode": "Child", "as": "code"},
        {"print": "$before $meanwhile $code"},
    ]
    parent = {"name": "Parent", "steps": steps, "processes": [child]}
    result = play(scenario(parent, sync={"go": {"type": "Event"}}, start_method=method))
    assert (0, ["False True 0"]) == (result.status, result.log.output("Parent"))


@every_method
def test_eof_comes_to_who_is_started_by_steps(play: Play, method: str) -> None:
    """Whoever starts others closes the ends that these alone use, and they those that others use, also in blocks."""
    reading: list[dict[str, Any]] = [
        {
            "try": [{"repeat": "forever", "steps": [{"recv": "line-$i.left", "as": "x"}, {"print": "$x"}]}],
            "except": {"EOFError": [{"print": "end"}]},
        },
    ]
    steps: list[dict[str, Any]] = [
        {
            "for": "n",
            "in": [1, 2],
            "steps": [
                {"start": "Reader-$n"},
                {"send": "$n", "to": "line-${n}.right"},
                {"close": "line-${n}.right"},
                {"join": "Reader-$n"},
            ],
        },
    ]
    reader = {"name": "Reader", "replicas": 2, "steps": reading}
    text = scenario(
        {"name": "Top", "steps": steps, "processes": [reader]},
        pipes={"line": {"replicas": 2, "duplex": False}},
        start_method=method,
    )
    result = play(text)
    assert (0, "") == (result.status, result.stderr)
    assert [["1", "end"], ["2", "end"]] == [result.log.output(f"Reader-{n}") for n in (1, 2)]


@every_method
def test_the_middle_is_terminated(play: Play, method: str) -> None:
    """Who is below it goes on as an orphan, and that is told; the exit code that the file allows is right."""
    clerk = {"name": "Clerk", "exitcode": "any", "steps": [{"set": "ready"}, {"wait": "never"}]}
    manager = {"name": "Manager", "exitcode": -15, "target": "hang", "processes": [clerk]}
    steps = [{"start": "Manager"}, {"wait": "ready"}, {"terminate": "Manager"}, {"join": "Manager"}, {"print": "gone"}]
    boss = {"name": "Boss", "steps": steps, "processes": [manager]}
    events = {"ready": {"type": "Event"}, "never": {"type": "Event"}}
    expect = [{"exists": {"event": "process.orphaned", "process": "Clerk"}}]
    result = play(scenario(boss, sync=events, start_method=method, expect=expect))
    log = result.log
    assert (0, ["gone"]) == (result.status, log.output("Boss"))
    assert ("terminated", "Boss") == tuple(log.one("process.exited", "Manager")[key] for key in ("cause", "by"))
    # Also where a fork server stands between, which is nobody's parent.
    orphaned, manager_pid = log.one("process.orphaned", "Clerk"), log.one("process.started", "Manager")["pid"]
    assert ("Manager", manager_pid) == (orphaned["parent"], orphaned["ppid"])
    assert log.one("process.exited", "Manager")["seq"] < log.one("process.exited", "Clerk")["seq"]


@every_method
def test_a_daemon_of_a_process(play: Play, method: str) -> None:
    """It is terminated when its parent ends, not the main program."""
    ghost = {"name": "Ghost", "steps": [{"set": "ready"}, {"wait": "never"}], "daemon": True, "join": False}
    parent = {"name": "Parent", "steps": [{"start": "Ghost"}, {"wait": "ready"}], "processes": [ghost]}
    events = {"ready": {"type": "Event"}, "never": {"type": "Event"}}
    later = {"name": "Later", "steps": [{"sleep": 0.1}]}
    result = play(scenario(parent, later, sync=events, start_method=method))
    assert 0 == result.status
    end = result.log.one("process.exited", "Ghost")
    assert ("daemon", "Parent") == (end["cause"], end["by"])
    assert end["reason"].startswith("terminated because Parent, which has started it, ended")
    assert end["seq"] < result.log.one("process.exited", "Parent")["seq"]


@every_method
@pytest.mark.parametrize("between", [0, 1, 2])
def test_eof_comes_however_deep(play: Play, method: str, between: int) -> None:
    """Ends of pipes that the processes in between only hand on are closed there."""
    sender = {"name": "Sender", "steps": [{"send": 1, "to": "line.right"}]}
    receiver = {
        "name": "Receiver",
        "steps": [{"recv": "line.left"}, {"recv": "line.left", "raises": "EOFError"}],
    }
    top: dict[str, Any] = {"name": "Top", "target": "print_info", "processes": [sender, receiver]}
    for level in range(between):
        work: dict[str, Any] = {"target": "print_info"} if level else {"steps": [{"print": "above"}]}
        top = {"name": f"Above-{level}", **work, "processes": [top]}
    result = play(scenario(top, pipes={"line": {"duplex": False}}, start_method=method))
    assert 0 == result.status
    assert "EOFError" == result.log.one("step.raised", "Receiver")["exception"]


def test_a_child_that_fails_fails_the_run(play: Play) -> None:
    """However deep it is."""
    leaf = {"name": "Leaf", "steps": [{"raise": "ValueError", "message": "no"}]}
    top = {
        "name": "Top",
        "target": "print_info",
        "processes": [{"name": "Middle", "target": "print_info", "processes": [leaf]}],
    }
    result = play(scenario(top))
    assert 1 == result.status
    assert result.log.one("scenario.finished")["reasons"][0].startswith(
        "Leaf ended with exit code 1: it raised ValueError: no"
    )


def test_a_deadlock_below(play: Play) -> None:
    """It is seen at once, with the chain of waits from the main program down."""
    leaf = {"name": "Leaf", "steps": [{"get": "words"}]}
    top = {
        "name": "Top",
        "target": "print_info",
        "processes": [{"name": "Middle", "target": "print_info", "processes": [leaf]}],
    }
    result = play(scenario(top, queues={"words": {}}))
    stall = result.log.one("scenario.stalled")
    assert 3 == result.status
    assert stall["reason"].startswith("Leaf waits for ever for an item from queue 'words'")
    waiting = {each["process"]: each["waiting_for"] for each in stall["processes"] if each["waiting_for"]}
    assert {
        "MainProcess": "the end of Top",
        "Top": "the end of Middle",
        "Middle": "the end of Leaf",
        "Leaf": "an item from queue 'words'",
    } == waiting
