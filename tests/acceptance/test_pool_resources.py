"""The workers of a pool are given resources when they start, by its initializer; what they do with them is recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, HERE, METHODS, Result, expects, scenario

import commands

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)
KEEP = {"initializer": "actors.pools:keep", "initargs": ["ready"]}


def pooled(calls: list[Any], *, method: str = "fork", pool: Any = (), manager: bool = False, **more: Any) -> str:
    """Return the text of a scenario whose pool has a lock, a value, a queue and an event."""
    of = {"manager": True} if manager else {}
    return scenario(
        {"name": "Idle", "target": "print_info"},
        start_method=method,
        sync={"gate": {"type": "Lock", **of}, "done": {"type": "Event", **of}},
        shared={"total": {"type": "Value", "typecode": "i", **of}},
        queues={"results": {}},
        pools={
            "crunch": {"processes": 2, **KEEP, "uses": ["gate", "total", "results", "done"], "calls": calls}
            | dict(pool)
        },
        **more,
    )


@every_method
@pytest.mark.parametrize("manager", [False, True], ids=["plain", "manager"])
@pytest.mark.parametrize("kind", ["Pool", "executor"])
def test_workers_use_what_they_are_given(play: Play, method: str, kind: str, manager: bool) -> None:
    """A function of the pool holds the lock, writes the value and puts on the queue: the log says which worker did."""
    calls = [{"map": "actors.pools:add", "over": [1, 2, 3, 4]}]
    main = [{"use": "crunch"}, *[{"get": "results"}] * 4, {"is_set": "done"}, {"read": "total"}]
    result = play(pooled(calls, method=method, manager=manager, main=main, pool={"type": kind}))
    assert 0 == result.status
    assert (10, True) == (result.log.one("value.final")["content"], result.log.one("event.is_set")["answer"])
    workers = {e["process"] for e in result.log.all("pool.worker_started")}
    for event in ("lock.acquired", "lock.released", "value.written", "queue.put", "event.set"):
        found = result.log.all(event)
        assert (4, set()) == (len(found), {e["process"] for e in found} - workers)
    assert {1, 2, 3, 4} == {e["item"] for e in result.log.all("queue.get", "MainProcess")}


@every_method
def test_a_worker_that_dies_with_a_lock(play: Play, method: str) -> None:
    """It is told at its end that nobody gets the lock any more, and again where somebody waits for it."""
    calls = [{"apply_async": "actors.pools:take_and_die", "args": [1]}]
    main = [{"create": "crunch"}, {"next_call": "crunch"}, {"wait": "done"}, {"acquire": "gate"}]
    text = pooled(calls, method=method, main=main, expect=expects("scenario.stalled"))
    result = play(text)
    lost = result.log.one("lock.abandoned")
    assert lost["process"] == result.log.one("pool.worker_lost")["process"]
    reason = f"the main program waits for ever for lock 'gate': {lost['process']} ended without releasing it"
    assert reason == result.log.one("scenario.stalled")["reason"]


@every_method
def test_workers_that_wait_for_each_other(play: Play, method: str) -> None:
    """A deadlock of workers is seen, and says who holds what they wait for."""
    calls = [{"map": "actors.pools:take", "over": [1, 2], "chunksize": 1}]
    result = play(pooled(calls, method=method, expect=expects("scenario.stalled")))
    stalled = result.log.one("scenario.stalled")
    assert "deadlock" == stalled["cause"]
    holder = result.log.one("lock.acquired")["process"]
    assert [holder] == next(each for each in stalled["diagnosis"]["resources"] if each["resource"] == "gate")["holders"]


def test_the_script(tmp_path: Path) -> None:
    """`python` gives them to the initializer behind its arguments, and the script runs."""
    main = [{"use": "crunch"}, {"read": "total"}]
    file = tmp_path / "it.yaml"
    file.write_text(pooled([{"map": "actors.pools:add", "over": [1, 2]}], main=main))
    plan = commands.run([*COMMAND, "plan", str(file)], capture_output=True, text=True, timeout=60).stdout
    assert 'Pool(2, initializer=actors.pools.keep, initargs=("ready", gate, total, results, done))' in plan.replace(
        "'", '"'
    )
    made = commands.run([*COMMAND, "python", str(file)], capture_output=True, text=True, timeout=60).stdout
    assert 'initargs=("ready", gate, total, results, done)' in made
    script = tmp_path / "script.py"
    script.write_text(made)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(HERE), "PATH": "/usr/bin:/bin"},
    )
    assert (0, "", ["3", "[1, 2]", "ready", "ready"]) == (
        done.returncode,
        done.stderr,
        sorted(done.stdout.split("\n")[:-1]),
    )
