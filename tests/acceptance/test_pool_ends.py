"""Tasks that end their worker, or a thread of the pool: what is lost, and by what, is what really happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support import Result

Play = Callable[..., Result]


def pooled(*calls: dict[str, Any], **pool: Any) -> str:
    """Return the text of a scenario with one pool of two workers, `crew`."""
    return json.dumps({"version": 1, "timeout": 30, "pools": {"crew": {"processes": 2, **pool, "calls": list(calls)}}})


@pytest.mark.parametrize(
    ("call", "raised", "exitcode"),
    [
        ({"map": "actors:leave", "over": [0, 0, 3], "chunksize": 1}, "SystemExit", 3),
        ({"apply": "actors:leave", "args": [3]}, "SystemExit", 3),
        ({"imap_unordered": "actors:leave", "over": [3]}, "SystemExit", 3),
        ({"apply_async": "actors:stop_fully", "args": [1]}, "Halt", 1),
        ({"map": "actors:leave_hard", "over": [5]}, None, 5),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_task_that_ends_its_worker_is_lost(
    play: Play, call: dict[str, Any], raised: str | None, exitcode: int
) -> None:
    """It is lost with its worker; what ended that is said, and nothing about pickling."""
    result = play(pooled(call))
    lost, stalled = result.log.one("pool.worker_lost"), result.log.one("scenario.stalled")
    assert (exitcode, None, raised, 1) == tuple(lost[key] for key in ("exitcode", "signal", "exception", "call"))
    assert [] == result.log.all("pool.worker_failed")
    assert ("deadlock", "lost_pool_task", 3) == (stalled["cause"], stalled["diagnosis"]["kind"], result.status)
    assert (raised or "") in stalled["reason"]
    assert "pickle" not in stalled["reason"]
    assert lost["process"] in stalled["reason"]
    assert lost["seq"] in {fact["seq"] for fact in stalled["diagnosis"]["facts"]}
    exited = result.log.one("pool.worker_exited", lost["process"])
    assert exited["tasks"] == len(result.log.all("pool.task_finished", lost["process"]))


def test_a_task_that_was_given_up_explains_no_other_wait(play: Play) -> None:
    """The worker of call 1 was lost, and the wait for it is over; call 2 hangs by itself."""
    result = play(
        pooled(
            {"apply_async": "actors:leave_hard", "args": [3], "timeout": 0.5, "raises": "TimeoutError"},
            {"apply_async": "actors:lock_oneself_out"},
        )
    )
    lost, stalled = result.log.one("pool.worker_lost"), result.log.one("scenario.stalled")
    assert (1, "locked_inside") == (lost["call"], stalled["diagnosis"]["kind"])
    assert lost["process"] not in stalled["reason"]


def test_an_idle_worker_without_the_lock_takes_nothing_along(play: Play) -> None:
    """Of two idle workers one has the lock, and lives; the task hangs by itself."""
    result = play(pooled({"apply": "actors:kill_who_is_not_let_in", "args": [1]}, processes=3))
    lost, stalled = result.log.one("pool.worker_lost"), result.log.one("scenario.stalled")
    assert (None, "locked_inside") == (lost["call"], stalled["diagnosis"]["kind"])
    assert lost["process"] not in stalled["reason"]


@pytest.mark.parametrize("code", [3, 0, "out of licences"])
def test_an_executor_hands_the_exit_on(play: Play, code: Any) -> None:
    """An executor sends SystemExit as any exception: result() raises it in the main program, which it ends."""
    result = play(
        pooled({"submit": "actors:leave", "args": [code or "0"]}, {"submit": "square", "args": [2]}, type="executor")
    )
    failed, exiting = result.log.one("pool.call_failed"), result.log.one("process.exiting", "MainProcess")
    assert ("SystemExit", code or "0") == (failed["exception"], exiting["exitcode"])
    exited = result.log.one("process.exited", "MainProcess")
    assert ("sys.exit", "one of its steps raised SystemExit") == (exited["cause"], exited["reason"])
    assert failed["seq"] < exiting["seq"] < exited["seq"]
    assert [] == result.log.all("pool.worker_lost")
    assert (1, "failed") == (result.status, result.outcome)
    assert result.log.finished["reasons"]


def test_an_exit_that_is_expected_is_caught(play: Play) -> None:
    """As `raises:` says of any other exception."""
    calls = {"submit": "actors:leave", "args": [3], "raises": "SystemExit"}, {"submit": "square", "args": [2]}
    result = play(pooled(*calls, type="executor"))
    assert ("SystemExit", 4) == (
        result.log.one("pool.call_failed")["exception"],
        result.log.one("pool.returned")["result"],
    )
    assert (0, []) == (result.status, result.log.all("process.exiting"))


@pytest.mark.campaign
def test_an_initializer_that_exits(play: Play) -> None:
    """It fails before any task, and so do all that take its place."""
    # Without a chunksize, map() divides by the number of workers, of which there may be none just then.
    result = play(pooled({"map": "square", "over": [1], "chunksize": 1}, initializer="actors:leave_at_once"))
    assert "SystemExit: no licence" in result.log.one("scenario.stalled")["reason"]
    assert "worker_crash_loop" == result.log.one("scenario.stalled")["diagnosis"]["kind"]
    assert [] == result.log.all("pool.worker_lost")
