"""Pools are multiprocessing's own; each task is told, with its worker and its result, and no loss waits for ever."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, PATIENCE, Result

Play = Callable[..., Result]


def pooled(*calls: dict[str, Any], **pool: Any) -> str:
    """Return the text of a scenario with one pool of two workers, `crunch`."""
    return json.dumps(
        {"version": 1, "timeout": 30, "pools": {"crunch": {"processes": 2, **pool, "calls": list(calls)}}}
    )


def test_every_method_gives_what_it_gives(play: Play) -> None:
    """Results are in the order of the input, whoever did them; each task has one worker, a beginning and an end."""
    items = [5, 4, 3, 2, 1]
    calls: list[dict[str, Any]] = [
        *({name: "square", "over": items} for name in ("map", "map_async", "imap", "imap_unordered")),
        *({name: "power", "over": [[n, 2] for n in items]} for name in ("starmap", "starmap_async")),
        *({name: "power", "args": [3], "kwargs": {"exponent": 2}} for name in ("apply", "apply_async")),
    ]
    result = play(pooled(*calls))
    squares = [25, 16, 9, 4, 1]
    returned = {e["call"]: e["result"] for e in result.log.all("pool.returned")}
    assert {1: squares, 2: squares, 5: squares, 6: squares, 7: 9, 8: 9} == returned
    assert squares == [e["result"] for e in result.log.all("pool.result", call=3)]
    assert sorted(squares) == sorted(e["result"] for e in result.log.all("pool.result", call=4))
    for number, call in enumerate(calls, start=1):
        started, finished = (result.log.all(f"pool.task_{deed}", call=number) for deed in ("started", "finished"))
        count = len(call.get("over", [0]))
        assert list(range(count)) == sorted(e["task"] for e in started) == sorted(e["task"] for e in finished)
        assert {e["task"]: e["pid"] for e in started} == {e["task"]: e["pid"] for e in finished}
    assert 0 == result.status


def test_workers_are_the_pools_own(play: Play, method: str) -> None:
    """Their names, their being daemons and their parent are those of any pool's workers."""
    result = play(pooled({"map": "actors:describe_worker", "over": [1, 2, 3, 4], "chunksize": 1}))
    [told] = result.log.all("pool.returned")
    assert [1, 2, 3, 4] == [row[0] for row in told["result"]]
    title = {"fork": "Fork", "spawn": "Spawn", "forkserver": "ForkServer"}[method]
    assert {row[1] for row in told["result"]} <= {f"{title}PoolWorker-1", f"{title}PoolWorker-2"}
    assert {(True, "MainProcess")} == {(row[2], row[3]) for row in told["result"]}
    started = {e["process"] for e in result.log.all("pool.worker_started")}
    assert started == {e["process"] for e in result.log.all("pool.worker_exited", exitcode=0)}
    assert {f"{title}PoolWorker-1", f"{title}PoolWorker-2"} == started


def test_processes_count_before_pools(play: Play) -> None:
    """The workers of a pool are started after the processes, which keep their numbers."""
    text = json.loads(pooled({"map": "square", "over": [1]}))
    result = play(json.dumps({**text, "processes": [{"target": "print_info"}, {"target": "print_info"}]}))
    assert {"Process-1", "Process-2"} <= {e["process"] for e in result.log.all("process.finished")}
    assert {"3", "4"} == {e["process"].rpartition("-")[2] for e in result.log.all("pool.worker_started")}


def test_callbacks(play: Play) -> None:
    """A thread of the main program calls back with each result, or the exception; that is recorded before it."""
    calls: list[dict[str, Any]] = [
        {"map_async": "square", "over": [2, 3], "callback": "announce"},
        {"starmap_async": "power", "over": [[2, 3]], "callback": "actors.data:show"},
        {"apply_async": "fail_on", "args": [1, 1], "error_callback": "actors.data:show", "raises": "ValueError"},
        {"apply_async": "square", "args": [4], "callback": "announce", "error_callback": "actors.data:show"},
    ]
    result = play(pooled(*calls))
    assert 0 == result.status, result.stderr
    told = {e["call"]: (e["keyword"], e["function"], e["argument"]) for e in result.log.all("pool.called_back")}
    assert {
        1: ("callback", "announce", [4, 9]),
        2: ("callback", "actors.data:show", [8]),
        4: ("callback", "announce", 16),
    } == {call: each for call, each in told.items() if call != 3}
    assert ("error_callback", "actors.data:show") == told[3][:2]
    assert told[3][2].startswith("ValueError: ")
    printed = result.log.output("MainProcess")
    assert {"MainProcess: [4, 9]", "[8]", "MainProcess: 16"} <= set(printed)
    for number in (1, 2, 4):
        [called, returned] = [
            e["event"] for e in result.log.events if e.get("call") == number and e["event"] in _ABOUT_RESULTS
        ]
        assert ("pool.called_back", "pool.returned") == (called, returned)


_ABOUT_RESULTS = ("pool.called_back", "pool.returned")


def test_a_callback_that_raises(play: Play) -> None:
    """It ends the thread that takes results, and no other result ever comes: that is told, and the run is ended."""
    text = pooled(
        {"map_async": "square", "over": [1], "callback": "actors.data:refuse"}, {"apply": "square", "args": [2]}
    )
    result = play(text)
    assert 3 == result.status
    assert [] != result.log.all("pool.thread_failed")


def test_an_exception_comes_back(play: Play) -> None:
    """It is raised again in the main program, which goes on only where that is expected."""
    failing = {"map": "actors:fail_with_cause", "over": [1, 2]}
    result = play(pooled({**failing, "raises": "LookupError"}, {"map": "square", "over": [3]}))
    assert (0, "KeyError") == (result.status, result.log.one("pool.call_failed")["exception"])
    assert [9] == result.log.one("pool.returned")["result"]
    assert 2 == len(result.log.all("pool.task_failed", exception="KeyError"))
    result = play(pooled(failing, {"map": "square", "over": [3]}))
    assert 1 == result.status
    assert "KeyError" == result.log.one("process.failed", "MainProcess")["exception"]
    assert [] == result.log.all("pool.returned")


def test_a_result_that_cannot_be_pickled(play: Play) -> None:
    """The pool says so in the main program, as it always does."""
    result = play(pooled({"apply": "actors:return_unpicklable", "args": [1], "raises": "MaybeEncodingError"}))
    assert (0, "MaybeEncodingError") == (result.status, result.log.one("pool.call_failed")["exception"])


def test_what_workers_write_is_told(play: Play) -> None:
    """print and logging in a worker are events of that worker."""
    result = play(pooled({"map": "actors:print_and_log", "over": [1]}))
    [started] = result.log.all("pool.task_started")
    assert ["printed 1"] == result.log.output(started["process"], "stdout")
    assert "logged 1" == result.log.one("log.message", started["process"])["message"]


@pytest.mark.parametrize("call", ["map", "imap", "starmap", "apply", "apply_async"])
@pytest.mark.fault("F34", event="pool.worker_lost", status=3)
def test_a_lost_worker_is_bounded(play: Play, call: str) -> None:
    """A worker that ends in a task is told with the task, and nobody waits for its result for ever."""
    over = {"over": [[7]] if call == "starmap" else [7]} if call not in ("apply", "apply_async") else {"args": [7]}
    result = play(pooled({call: "actors:exit_worker", **over}))
    lost = result.log.one("pool.worker_lost")
    assert (7, None, 0, call) == tuple(lost[key] for key in ("exitcode", "signal", "task", "method"))
    assert 3 == result.status
    assert lost["process"] in result.log.one("scenario.stalled")["reason"]
    assert [] == result.log.all("scenario.timed_out")


@pytest.mark.fault("F37", event="pool.crash_loop", status=3)
def test_a_crash_loop_is_capped(play: Play) -> None:
    """An initializer that always fails starts a dozen workers, not hundreds."""
    result = play(pooled({"map": "square", "over": [1]}, initializer="fail_on", initargs=[13]))
    assert 3 == result.status
    assert 12 == result.log.one("pool.crash_loop")["workers"]
    assert 12 >= len(result.log.all("pool.worker_started"))
    assert "ValueError" in result.log.one("scenario.stalled")["reason"]


def test_workers_are_replaced(play: Play) -> None:
    """With maxtasksperchild each worker does so many tasks; the initializer is called in each."""
    options = {"processes": 1, "maxtasksperchild": 2, "initializer": "announce", "initargs": ["here"]}
    result = play(pooled({"map": "square", "over": [1, 2, 3, 4], "chunksize": 1}, **options))
    done = [e["process"] for e in result.log.all("pool.task_finished")]
    assert [2, 2] == [done.count(name) for name in dict.fromkeys(done)]
    assert all([f"{name}: here"] == result.log.output(name) for name in set(done))


def test_terminate_does_not_wait(play: Play) -> None:
    """What a terminated pool was doing is not called lost; a timeout is the main program's alone."""
    call = {"apply_async": "sleep_for", "args": [60], "timeout": 0.1, "raises": "TimeoutError"}
    result = play(pooled(call, processes=1, end="terminate"))
    assert (0, []) == (result.status, result.log.all("pool.worker_lost"))
    assert "SIGTERM" == result.log.one("pool.worker_exited")["signal"]


def test_an_executor(play: Play, method: str) -> None:
    """map() and submit() of an executor; when a worker dies, it says so by itself."""
    calls = [{"map": "square", "over": [1, 2, 3]}, {"submit": "power", "args": [2, 5]}]
    result = play(pooled(*calls, type="executor"))
    assert [1, 4, 9] == [e["result"] for e in result.log.all("pool.result")]
    assert 32 == result.log.one("pool.returned")["result"]
    assert 0 == result.status
    broken = {"map": "crash_on", "over": [13], "raises": "BrokenProcessPool"}
    result = play(pooled(broken, type="executor"))
    assert (0, "SIGKILL") == (result.status, result.log.one("pool.worker_lost")["signal"])


def test_foreign_functions_need_consent(play: Play) -> None:
    """A call of somebody's own function is refused where the package was not allowed, with its place in the file."""
    result = play(pooled({"map": "json:dumps", "over": [1]}))
    assert 2 == result.status
    assert "pools" not in result.log.names()
    assert "json" in result.stderr


def test_names_of_workers_have_room(tmp_path: Path, method: str) -> None:
    """In the console their names are whole, also the longest, those of a fork server's children."""
    path = tmp_path / "pool.yaml"
    path.write_text(pooled({"map": "square", "over": [1]}), encoding="utf-8")
    command = [*COMMAND, "run", str(path), "--format", "console", "--start-method", method]
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE).stdout
    title = {"fork": "Fork", "spawn": "Spawn", "forkserver": "ForkServer"}[method]
    assert re.search(rf"{title}PoolWorker-\d   works for pool 'crunch'", shown), shown


@pytest.mark.campaign
def test_workers_that_have_ended_keep_no_files_open(play: Play) -> None:
    """However many take each other's place, the main program has no more files open than those that live need."""
    calls = [{"map": "square", "over": {"range": 60}, "chunksize": 1}]
    pool = {"processes": 2, "maxtasksperchild": 1, "calls": calls}
    text = json.dumps({"version": 1, "timeout": 100, "pools": {"crew": pool}})
    result = play(text, "--max-open-files", "64")
    assert (0, "") == (result.status, result.stderr)
    assert len(result.log.all("pool.worker_started")) > 50
