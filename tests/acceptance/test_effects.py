"""What did not happen is not in the log, and what caused something stands before it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from support import Result, expects, scenario

Play = Callable[..., Result]


def test_a_condition_without_its_lock(play: Play) -> None:
    """Nobody is notified, and nobody waits."""
    misuse = {"name": "P", "target": "actors:misuse_condition", "uses": "door"}
    result = play(scenario(misuse, sync={"door": {"type": "Condition"}}))
    assert [] == [name for name in result.log.names("P") if name.startswith("condition.")]
    assert 0 == result.status


def test_writes_that_raise(play: Play) -> None:
    """Only those that happened are told, and with what is stored by them: what does not fit is cut off by ctypes."""
    names = ("number", "row", "word", "board")
    shared = {
        "number": {"type": "Value", "typecode": "i", "value": 1},
        "row": {"type": "Array", "typecode": "i", "value": [1, 2, 3]},
        "word": {"type": "Array", "typecode": "c", "value": "short"},
        "board": {"type": "ShareableList", "value": ["small", 2]},
    }
    process = {"name": "P", "target": "actors:miswrite", "uses": {name: name for name in names}}
    log = play(scenario(process, shared=shared)).log
    assert [5] == [e["content"] for e in log.all("value.written", "P")]
    assert [("row", 2, 7)] == [(e["array"], e["index"], e["content"]) for e in log.all("array.written", "P")]
    assert 5 == log.one("value.final")["content"]
    assert [1, 2, 7] == log.one("array.final", array="row")["content"]


def test_a_put_on_a_closed_queue(play: Play) -> None:
    """A SimpleQueue writes at once: what it cannot write has not been put."""
    process = {"name": "P", "target": "actors:put_on_what_is_closed", "to": "q"}
    result = play(scenario(process, queues={"q": {"type": "SimpleQueue"}}, expect=expects("queue.item_dropped")))
    assert "closed" in result.log.one("queue.item_dropped", "P")["error"]
    assert (0, 0) == tuple(result.log.finished["counts"][key] for key in ("left", "got"))


@pytest.mark.parametrize("calls", [1, 6])
def test_a_broken_executor_says_who_broke_it_first(play: Play, calls: int) -> None:
    """result() and submit() raise as soon as a worker is lost, before anybody has waited for it: it is told before."""
    crash = [{"submit": "actors:crash_at", "args": [1], "raises": "BrokenProcessPool"}] * calls
    pool = {"type": "executor", "processes": 2, "calls": crash}
    result = play(json.dumps({"version": 1, "timeout": 30, "pools": {"crew": pool}}))
    failed = result.log.all("pool.call_failed")
    assert calls == len(failed)
    assert min(e["seq"] for e in result.log.all("pool.worker_lost")) < failed[0]["seq"]
    exited = [e["process"] for e in result.log.all("pool.worker_exited")]
    assert len(set(exited)) == len(exited)
