"""What explains an exception: the one fact that it comes from, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from made import make_scenario, spec
from stalls import happened

from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.diagnosis.hints import Failure, hint
from run_scenario.report.reasons import sentence
from run_scenario.scenario.model import PipeSpec, PoolSpec, ResourceBinding, SyncSpec

TWO = make_scenario(spec("S"), spec("T", bindings=(ResourceBinding("conn", "p.right", "from"),))).replace(
    pipes=(PipeSpec(name="p"), PipeSpec(name="q")),
    sync=(SyncSpec(name="one", type="Barrier", parties=2), SyncSpec(name="two", type="Barrier", parties=2)),
    pools=(PoolSpec(name="first", type="executor"), PoolSpec(name="second", type="executor")),
)
PIPES, SYNC, ELSEWHERE = ("pipes",), ("sync",), ()
"""Modules of ours that an exception has come through."""


def explained(
    exception: str,
    events: Sequence[dict[str, Any]],
    traceback: str | None = "",
    process: str = "S",
    message: str = "",
    *,
    null_input: bool = False,
    last_n: int = 99,
    through: tuple[str, ...] | None = (),
) -> int | str | None:
    """Return the number of the event that explains an exception (its words, where it is none); None: nothing does."""
    facts = FactBook()
    facts.note(happened(*events))
    found = hint(Failure(process, exception, message, traceback, null_input, last_n, through), TWO, facts)
    if found is None:
        return None
    words = sentence(found)
    assert words
    return found.seq or words


def broken(pipe: str, n: int) -> dict[str, Any]:
    """Return the event of a send() that failed."""
    return {"event": "pipe.broken", "process": "S", "pipe": pipe, "end": "left", "call": "send", "n": n}


@pytest.mark.parametrize(
    ("events", "through", "last_n", "seq"),
    [
        ([broken("p", 5)], PIPES, 5, 1),
        ([broken("p", 5)], PIPES, 7, 1),
        ([broken("p", 5)], ELSEWHERE, 5, None),
        ([broken("p", 5), broken("q", 6)], PIPES, 6, 2),
        ([broken("p", 5), broken("q", 6)], PIPES, 7, None),
        ([broken("p", 5)], None, 5, 1),
        ([broken("p", 5)], None, 6, None),
        ([], PIPES, 6, None),
    ],
)
def test_a_broken_pipe(
    events: list[dict[str, Any]], through: tuple[str, ...] | None, last_n: int, seq: int | None
) -> None:
    """One that was handled does not explain another, and a pipe of the scenario does not explain any other pipe."""
    assert seq == explained("BrokenPipeError", events, last_n=last_n, through=through)


def at(barrier: str, deed: str, process: str = "S", n: int = 5) -> dict[str, Any]:
    """Return an event about a barrier."""
    return {"event": f"barrier.{deed}", "process": process, "barrier": barrier, "n": n}


@pytest.mark.parametrize(
    ("events", "last_n", "seq"),
    [
        ([at("one", "waiting"), at("one", "aborted", "T"), at("one", "broken")], 9, 2),
        ([at("one", "aborted", "T"), at("one", "waiting"), at("one", "broken")], 9, 1),
        ([at("one", "waiting"), at("one", "reset", "T"), at("one", "broken")], 9, 2),
        ([at("one", "waiting"), at("one", "aborted", "T"), at("one", "reset", "T"), at("one", "broken")], 9, 2),
        ([at("one", "aborted", "T"), at("one", "reset", "T"), at("one", "waiting"), at("one", "broken")], 9, None),
        ([at("one", "waiting"), at("one", "broken", "T"), at("one", "aborted", "T"), at("one", "broken")], 9, None),
        ([at("one", "waiting"), at("one", "broken")], 9, None),
        (
            [
                at("one", "waiting"),
                at("one", "aborted", "T"),
                at("one", "broken"),
                at("two", "waiting"),
                at("two", "broken", n=8),
            ],
            8,
            None,
        ),
    ],
)
def test_a_broken_barrier(events: list[dict[str, Any]], last_n: int, seq: int | None) -> None:
    """A timeout at one barrier is not explained by what was done to another, nor by what was over before."""
    assert seq == explained("BrokenBarrierError", events, last_n=last_n, through=SYNC)
    assert explained("BrokenBarrierError", events, last_n=last_n, through=ELSEWHERE) is None


def lost(pool: str, signal: str | None = "SIGKILL", task: int | None = 0) -> dict[str, Any]:
    """Return the event of a worker that was lost."""
    call = None if task is None else 1
    return {"event": "pool.worker_lost", "process": "W", "pool": pool, "signal": signal, "task": task, "call": call}


def failed(pool: str, exception: str = "BrokenProcessPool") -> dict[str, Any]:
    """Return the event of a call that failed."""
    return {"event": "pool.call_failed", "process": "MainProcess", "pool": pool, "exception": exception}


@pytest.mark.parametrize(
    ("events", "seq"),
    [
        ([lost("first"), failed("first"), lost("second", None), failed("second")], 3),
        ([lost("first"), failed("first"), failed("second")], None),
        ([lost("first", "SIGTERM"), lost("first", "SIGABRT", 1), failed("first")], 2),
        ([lost("first", "SIGKILL"), lost("first", "SIGABRT", 1), failed("first")], 1),
        ([lost("first", "SIGTERM"), lost("first", "SIGTERM", 1), failed("first")], None),
        ([lost("first", "SIGKILL", None), failed("first")], 1),
        ([lost("first"), failed("first", "ValueError")], None),
        ([lost("first")], None),
    ],
)
def test_a_broken_executor(events: list[dict[str, Any]], seq: int | None) -> None:
    """It is broken by a worker of its own, of which an executor ends the others."""
    assert seq == explained("BrokenProcessPool", events, process="MainProcess")
    assert explained("BrokenProcessPool", events, process="S") is None


def test_an_ended_thread_is_one_of_the_pool_that_is_terminated() -> None:
    """Another pool's thread does not explain it."""
    thread = {"event": "pool.thread_failed", "process": "MainProcess", "pool": "first", "thread": "results"}
    ends = [{"event": "pool.terminated", "process": "MainProcess", "pool": pool} for pool in ("first", "second")]
    where = "pool.py, line 7, in _terminate_pool\n"
    assert 1 == explained("AssertionError", [thread, ends[0]], where)
    assert explained("AssertionError", [thread, *ends], where) is None


def test_the_end_of_a_pipe_is_not_that_of_standard_input() -> None:
    """Both are an EOFError; only input() says that it read a line."""
    words = explained("EOFError", [], message="EOF when reading a line", null_input=True)
    assert str(words).startswith("standard input is /dev/null there")
    assert explained("EOFError", [], null_input=True) is None


def test_what_a_managers_process_has_raised_is_no_loss_of_it() -> None:
    """A proxy raises it again in the caller, from the same file."""
    over = {"event": "manager.shut_down", "process": "MainProcess"}
    where = "/lib/multiprocessing/managers.py in _callmethod\n"
    assert 1 == explained("FileNotFoundError", [over], where)
    assert explained("FileNotFoundError", [over], f"{where} raise convert_to_error(kind, result)") is None


def test_what_a_manager_does_not_hold() -> None:
    """That nobody had a proxy of it any more is said where the manager has not found it, not of what it has raised."""
    sent = '\n  File "managers.py", line 260, in serve_client\n    {}\nKeyError: 1'
    unknown = explained("RemoteError", [], message=sent.format("self.id_to_local_proxy_obj[ident]"))
    assert "its manager does not hold it any more" in str(unknown)
    assert explained("RemoteError", [], message=sent.format("res = function(*args, **kwds)")) is None


BLOCK = {"event": "shared_memory.created", "process": "S", "memory": "block", "tracker_pid": 5}
ATTACHED = {"event": "shared_memory.attached", "process": "T", "memory": "block"}
UNLINKED = {"event": "shared_memory.unlinked", "process": "T", "memory": "block"}
ENDED = {"event": "process.exited", "process": "T"}


@pytest.mark.parametrize(
    ("events", "name", "seq"),
    [
        ([BLOCK, UNLINKED], "mp-1", 2),
        ([BLOCK, UNLINKED], "mp-2", None),
        ([UNLINKED], "mp-1", None),
        ([BLOCK, ATTACHED | {"tracker_pid": 6}, ENDED], "mp-1", 3),
        ([BLOCK, ATTACHED | {"tracker_pid": 6}], "mp-1", None),
        ([BLOCK, ATTACHED | {"tracker_pid": 6}, {"event": "process.exited", "process": "pid 6", "pid": 6}], "mp-1", 3),
        ([BLOCK, ATTACHED | {"tracker_pid": 5}, ENDED], "mp-1", None),
        ([BLOCK, ATTACHED, ENDED], "mp-1", None),
        ([BLOCK, ENDED], "mp-1", None),
    ],
)
def test_shared_memory_that_is_gone(events: Sequence[dict[str, Any]], name: str, seq: int | None) -> None:
    """Who has unlinked it; or, if nobody has, who had a resource tracker of its own for it, and has ended."""
    message = f"[Errno 2] No such file or directory: '/{name}'"
    assert seq == explained("FileNotFoundError", events, message=message)
