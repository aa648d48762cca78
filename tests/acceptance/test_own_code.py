"""What a target makes itself, processes, pools, queues and locks, is in the log like what the scenario describes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import METHODS, Result, expects, run, scenario

Play = Callable[..., Result]


def helped(*exitcodes: int, **more: object) -> str:
    """Return a scenario in which P has a child of its own, which ends so, and may have one itself."""
    return scenario({"name": "P", "target": "actors:start_helper", "args": [list(exitcodes)], **more})


def test_a_child_that_fails_fails_the_run(play: Play) -> None:
    """It is in the log from its start to its end, with its output, and the run says how that could be allowed."""
    result = play(helped(3))
    log = result.log
    assert (1, [_REASON]) == (result.status, log.one("scenario.finished")["reasons"])
    assert ("P", "actors.own:_help") == tuple(log.one("process.starting", "Helper")[key] for key in ("by", "target"))
    started, exited = log.one("process.started", "Helper"), log.one("process.exited", "Helper")
    assert ("P", log.events[0]["start_method"]) == (started["parent"], started["start_method"])
    assert (3, "sys.exit", False) == (exited["exitcode"], exited["cause"], exited["allowed"])
    assert ("P", 3) == tuple(log.one("process.joined", "Helper")[key] for key in ("by", "exitcode"))
    assert ["a helper"] == log.output("Helper")
    assert ("returned", 0) == tuple(log.one("process.exited", "P")[key] for key in ("cause", "exitcode"))


_REASON = "Helper ended with exit code 3: it called sys.exit() (to allow that, write `children_exitcode: 3` for P)"


def test_what_a_child_puts_is_what_its_parent_gets(play: Play) -> None:
    """The queue has the name of its variable, and of the line that has made it; those of a scenario come before."""
    text = scenario(
        {"name": "P", "target": "actors:start_helper", "args": [[0]]},
        {"name": "Q", "target": "consume", "from": "q"},
        queues={"q": {"items": ["theirs"], "poison_pills": True}},
    )
    log = play(text).log
    put, got = log.one("queue.put", "Helper"), log.one("queue.get", "P")
    assert put["queue"].startswith("answers (own.py:")
    assert (put["queue"], put["item_id"], 0) == (got["queue"], got["item_id"], got["item"])
    assert ["theirs", None] == [event["item"] for event in log.all("queue.get", "Q", queue="q")]


@pytest.mark.parametrize(("allowed", "status"), [([3, 4], 0), ("any", 0), (4, 1)])
def test_ends_of_children_can_be_allowed(play: Play, allowed: object, status: int) -> None:
    """The exit codes are right for all that come of the process, children of children, too; each has its own name."""
    result = play(helped(3, 4, children_exitcode=allowed))
    assert status == result.status
    exits = {name: result.log.one("process.exited", name)["exitcode"] for name in ("Helper", "Helper #2")}
    assert {"Helper": 3, "Helper #2": 4} == exits
    assert "Helper" == result.log.one("process.started", "Helper #2")["parent"]


def test_a_name_that_the_scenario_has_is_not_given_twice(play: Play) -> None:
    """A child of the name of a process of the scenario gets a number."""
    log = play(scenario({"name": "Helper", "target": "actors:start_helper", "args": [[0]]})).log
    assert "Helper" == log.one("process.started", "Helper #2")["parent"]
    assert ["a helper"] == log.output("Helper #2")


def test_a_child_is_started_as_its_context_says(tmp_path: Path) -> None:
    """However the processes of the scenario are started."""
    processes = [{"name": method, "target": "actors:start_helper", "args": [[0], method]} for method in METHODS]
    log = run(tmp_path, scenario(*processes), "--start-method", "fork", allow="actors").log
    starts = {(event["parent"], event["start_method"]) for event in log.all("process.started")}
    assert {(method, method) for method in METHODS} < starts


def test_threads_have_children_as_well(play: Play) -> None:
    """The thread that has started a child is named, and says which ends of it are right."""
    result = play(helped(3, worker="thread", children_exitcode=3))
    assert (0, "P") == (result.status, result.log.one("process.starting", "Helper")["by"])


def test_pools_and_all_else_are_in_the_log_beside_the_scenarios(play: Play) -> None:
    """What the target makes is announced once; what the scenario describes is not announced at all."""
    text = scenario(
        {"name": "P", "target": "actors:make_everything"},
        shared={"list": {"type": "list", "value": []}, "numbers": {"type": "ShareableList", "value": [1]}},
        pools={
            "pool": {"type": "Pool", "processes": 1, "calls": [{"map": "square", "over": [2]}]},
            "executor": {"type": "executor", "processes": 1, "calls": [{"submit": "square", "args": [3]}]},
        },
    )
    result = play(text)
    log = result.log
    assert 0 == result.status
    by_p = [event["pool"].partition(" (own.py:")[0] for event in log.all("pool.created", "P")]
    assert (["pool", "executor"], ["pool", "executor"]) == (
        by_p,
        [event["pool"] for event in log.all("pool.created", "MainProcess")],
    )
    assert [[1, 2]] == [event["result"] for event in log.all("pool.returned", "P", method="map")]
    assert log.one("lock.acquired", "P")["lock"].startswith("lock (own.py:")
    assert log.one("value.written", "P")["value"].startswith("value (own.py:")
    assert log.one("manager.called", "P", method="append")["object"].startswith("names (own.py:")
    assert log.one("array.written", "P")["array"].startswith("row (own.py:")
    done: dict[str, list[str]] = {"P": [], "MainProcess": []}
    for event in log.events:
        if "memory" in event:
            done[event["process"]].append(event["event"])
    assert [f"shared_memory.{deed}" for deed in ("created", "closed", "unlinked")] == done["P"] == done["MainProcess"]


def test_a_shared_list_beside_code_that_makes_no_shared_memory(tmp_path: Path, method: str) -> None:
    """The list is the first to import multiprocessing.shared_memory, and with that what records own code's."""
    (tmp_path / "mine.py").write_text("def change(row):\n    row[0] = 2\n")
    process = {"name": "P", "target": "mine:change", "uses": "row"}
    text = scenario(process, shared={"row": {"type": "ShareableList", "value": [1]}})
    (tmp_path / "mine.yaml").write_text(text)
    result = run(tmp_path, str(tmp_path / "mine.yaml"), "--start-method", method, allow="mine")
    assert (0, 2) == (result.status, result.log.one("array.written", "P")["content"])


def test_more_than_is_recorded_is_said_once(tmp_path: Path) -> None:
    """What is made after that is multiprocessing's own, and the run goes on."""
    text = scenario({"name": "P", "target": "actors:make_many", "args": [1100]}, sync={"known": {"type": "Lock"}})
    result = run(tmp_path, text, allow="actors")
    assert (0, ["done"]) == (result.status, result.log.output("P"))
    assert "resources after the first 1,025" == result.log.one("recording.incomplete")["missing"]


def test_who_is_left_behind_is_no_failure_of_its_own(play: Play) -> None:
    """That it was is what fails the run, unless that is the point of the scenario."""
    text = scenario(
        {"name": "P", "target": "actors:leave_a_child_behind", "exitcode": 0}, expect=expects("process.orphaned")
    )
    result = play(text)
    exited = result.log.one("process.exited", "Left")
    assert (0, "stopped_by_runner", "P") == (
        result.status,
        exited["cause"],
        result.log.one("process.orphaned", "Left")["parent"],
    )


def test_children_of_a_pools_workers_can_be_allowed(play: Play) -> None:
    """What holds of the children of the process that has made the pool holds of theirs."""
    target = {"name": "P", "target": "actors:start_helper_in_pool"}
    assert 1 == play(scenario(target)).status
    assert 0 == play(scenario({**target, "children_exitcode": 3})).status


def test_what_the_main_program_calls_may_have_children(play: Play) -> None:
    """They are named in expectations like any process, as the run says; and so are the objects of own code."""
    process = {"name": "Q", "target": "sleep", "kwargs": {"seconds": 0}}
    main = [{"call": "actors:start_helper", "args": [[3]], "as": "nothing"}, {"start": "Q"}, {"join": "Q"}]
    result = play(scenario(process, main=main))
    way = "(to allow that, write `exitcodes: {Helper: 3}` under `expect`)"
    assert (1, True) == (result.status, way in result.log.finished["reasons"][0])
    queue = result.log.one("queue.put", "Helper")["queue"]
    expected = [{"exitcodes": {"Helper": 3}}, {"exists": {"event": "queue.put", "queue": queue}}]
    assert 0 == play(scenario(process, main=main, expect=expected)).status


def test_who_has_made_it_has_left_it(play: Play) -> None:
    """What is left over, and what nobody has asked for, is told of its maker; os._exit(0) in a child is no failure."""
    log = play(scenario({"name": "P", "target": "actors:leave_much"})).log
    assert ["P"] == [event["process"] for event in log.all("queue.left_over")]
    assert ["P"] == [event["process"] for event in log.all("pool.exception_not_retrieved")]
    assert "os._exit() or the like" in " ".join(event["reason"] for event in log.all("process.exited"))
    assert not any("ended with exit code" in reason for reason in log.finished["reasons"])


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("join_what_an_ended_child_took", "1 of 1 item: Taker ended without calling it for every item taken"),
        ("get_what_a_failed_child_would_put", "could put one; Putter has failed: ValueError: no source"),
    ],
)
def test_a_child_that_nobody_has_waited_for_has_ended(play: Play, target: str, told: str) -> None:
    """It was started, and how it ended is told where its parent waits for what it would have done."""
    result = play(scenario({"name": "P", "target": f"actors:{target}"}))
    assert 3 == result.status
    assert told in result.log.one("scenario.stalled")["reason"]
