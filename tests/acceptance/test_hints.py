"""Where Python's own words do not say why, and one fact of the log does, that fact is said."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from support import Result, scenario

Play = Callable[..., Result]


def pooled(pool: dict[str, Any]) -> str:
    """Return the text of a scenario with nothing but a pool."""
    return json.dumps({"version": 1, "timeout": 30, "pools": {"crew": pool}})


def test_a_manager_that_was_shut_down(play: Play) -> None:
    """What a proxy raises then depends on the moment; who shut the manager down, and when, is in the log."""
    late = {
        "name": "Late",
        "target": "actors:append_when_told",
        "uses": "log",
        "from": {"go": "go"},
        "to": {"ready": "ready"},
    }
    main = [{"start": "Late"}, {"get": "ready"}, {"put": 1, "to": "go"}]
    result = play(
        scenario(late, queues={"go": {}, "ready": {}}, shared={"log": {"type": "list", "value": []}}, main=main)
    )
    failed, down = result.log.one("process.failed", "Late"), result.log.one("manager.shut_down")
    assert down["seq"] == failed["hint_seq"]
    assert (
        failed["hint"]
        == f"the main program had shut {down['manager']} down after {down['t']:.2f} s, and what it held is gone"
    )
    assert failed["hint"] in result.log.one("process.exited", "Late")["reason"]
    assert failed["hint"] in result.log.finished["reasons"][0]


def test_the_end_of_standard_input(play: Play) -> None:
    """In a process, and in a pool's task, it is that of /dev/null."""
    result = play(scenario({"name": "Reader", "target": "actors:read_line"}))
    assert "standard input is /dev/null there" in result.log.one("process.failed", "Reader")["hint"]
    call = {"map": "actors:read_line", "over": [1], "raises": "EOFError"}
    result = play(pooled({"processes": 1, "calls": [call]}))
    assert "standard input is /dev/null there" in result.log.one("pool.task_failed")["hint"]


def test_a_broken_pool(play: Play) -> None:
    """BrokenProcessPool says that some process was ended: which one, in which task, is in the log."""
    pool = {"type": "executor", "processes": 1, "calls": [{"submit": "actors:crash_at", "args": [1]}]}
    result = play(pooled(pool))
    failed, lost = result.log.one("process.failed", "MainProcess"), result.log.one("pool.worker_lost")
    assert lost["seq"] == failed["hint_seq"] < failed["seq"]
    assert f"{lost['process']} was ended by SIGABRT in submit() (call 1)" == failed["hint"]


def broken_executor(play: Play, call: dict[str, Any], **pool: Any) -> tuple[str, str]:
    """Return the hint of an executor that is broken, and the name of the event that it is made of."""
    pool = {"type": "executor", "processes": 1, **pool, "calls": [call]}
    result = play(json.dumps({"version": 1, "timeout": 30, "pools": {"crew": pool}}))
    failed = result.log.one("process.failed", "MainProcess")
    assert (1, "BrokenProcessPool") == (result.status, failed["exception"])
    return failed["hint"], result.log.events[failed["hint_seq"] - 1]["event"]


def test_an_initializer_that_breaks_an_executor(play: Play) -> None:
    """Python only says that a process was terminated abruptly, which none was."""
    hint, event = broken_executor(play, {"submit": "square", "args": [2]}, initializer="fail_on", initargs=[13])
    assert "pool.worker_failed" == event
    assert hint.startswith("the initializer raised ValueError: failed on purpose on item 13 in ")


def test_a_result_that_breaks_an_executor(play: Play) -> None:
    """The same is said where the main program cannot unpickle what a worker has sent."""
    hint, event = broken_executor(play, {"submit": "actors:return_unopenable", "args": [1]})
    assert ("no worker had ended: what one of them sent cannot be unpickled", "pool.call_failed") == (hint, event)
    hint, event = broken_executor(play, {"submit": "actors:fail_unloadably", "args": [1]})
    assert "no worker had ended: what submit() (call 1) sent cannot be unpickled; it had raised Demanding" == hint
    assert "pool.task_failed" == event


def test_a_broken_barrier(play: Play) -> None:
    """BrokenBarrierError has no words at all."""
    waiting = {"name": "Waits", "target": "actors:wait_at_the_gate", "uses": "gate"}
    aborting = {"name": "Aborts", "target": "actors:abort_the_gate", "uses": "gate"}
    result = play(scenario(waiting, aborting, sync={"gate": {"type": "Barrier", "parties": 3}}))
    failed, aborted = result.log.one("process.failed", "Waits"), result.log.one("barrier.aborted")
    assert (aborted["seq"], f"Aborts had aborted barrier 'gate' after {aborted['t']:.2f} s") == (
        failed["hint_seq"],
        failed["hint"],
    )


def test_a_broken_pipe(play: Play) -> None:
    """BrokenPipeError does not say which pipe, and who it was that no longer reads."""
    speaks = {"name": "Speaks", "target": "actors:say_much", "uses": {"line": "line.right"}}
    listens = {"name": "Listens", "target": "actors:listen_once", "uses": {"line": "line.left"}}
    result = play(scenario(speaks, listens, pipes={"line": {"duplex": False}}))
    assert result.log.one("process.failed", "Speaks")["hint"].startswith("no process has 'line.left' open any more")


def test_what_explains_another_exception_explains_nothing(play: Play) -> None:
    """An exception that was handled, and one of another pipe, barrier or pool, is not the one that was not."""
    sends = {"name": "S", "target": "actors:send_and_write", "to": {"conn": "p.left"}, "uses": {"over": "over"}}
    closes = {"name": "C", "target": "actors:close_and_say_so", "from": {"conn": "p.right"}, "uses": {"over": "over"}}
    waits = {"name": "W", "target": "actors:wait_at_two", "uses": {"one": "one", "two": "two"}}
    aborts = {"name": "A", "target": "actors:abort_one", "uses": {"one": "one"}}
    receives = {"name": "R", "target": "actors:listen_twice", "uses": {"line": "q.left"}}
    says = {"name": "Y", "target": "send_items", "to": {"connection": "q.right"}, "kwargs": {"items": [1]}}
    barriers = {name: {"type": "Barrier", "parties": 2} for name in ("one", "two")}
    result = play(
        scenario(
            *(sends, closes, waits, aborts, receives, says),
            pipes={"p": {}, "q": {"duplex": False}},
            sync={**barriers, "over": {"type": "Event"}},
        )
    )
    assert ["BrokenBarrierError", "BrokenPipeError", "EOFError"] == sorted(
        e["exception"] for e in result.log.all("process.failed")
    )
    assert ["R"] == [e["process"] for e in result.log.all("process.failed") if "hint" in e]


def test_the_end_of_what_comes_through_a_pipe(play: Play) -> None:
    """EOFError has no words at all."""
    says = {"name": "Says", "steps": [{"send": 1, "to": "line.right"}]}
    listens = {"name": "Listens", "exitcode": 1, "steps": [{"recv": "line.left"}, {"recv": "line.left"}]}
    main = [{"start": "Says"}, {"join": "Says"}, {"start": "Listens"}, {"close": "line.right"}, {"join": "Listens"}]
    result = play(scenario(says, listens, pipes={"line": {"duplex": False}}, main=main))
    failed = result.log.one("process.failed", "Listens")
    assert "no process has 'line.right' open any more: Says had ended" == failed["hint"]
    assert f"({failed['hint']})" in result.log.one("process.exited", "Listens")["reason"]


def test_a_message_that_is_cut_off(play: Play) -> None:
    """Its sender was killed in the middle of it."""
    says = {"name": "Says", "exitcode": -9, "steps": [{"send": "word" * 24_000, "to": "line.right"}]}
    listens = {"name": "Listens", "exitcode": 1}
    listens["steps"] = [{"poll": "line.left", "timeout": 20}, {"set": "begun"}, {"wait": "over"}, {"recv": "line.left"}]
    main = [{"start": ["Says", "Listens"]}, {"close": "line.right"}, {"wait": "begun"}, {"kill": "Says"}]
    main += [{"join": "Says"}, {"set": "over"}, {"join": "Listens"}]
    sync = {"begun": {"type": "Event"}, "over": {"type": "Event"}}
    result = play(scenario(says, listens, pipes={"line": {"duplex": False}}, sync=sync, main=main))
    failed = result.log.one("process.failed", "Listens")
    assert ("OSError", "got end of file during message") == (failed["exception"], failed["message"])
    assert "no process has 'line.right' open any more: Says had ended" == failed["hint"]


@pytest.mark.parametrize("step", [{"send": 1, "to": "line.right"}, {"poll": "line.right"}])
def test_a_call_at_an_end_that_its_process_has_closed(play: Play, step: dict[str, Any]) -> None:
    """The message does not say which end, nor who has closed it."""
    uses = {"name": "Uses", "exitcode": 1, "steps": [{"close": "line.right"}, step]}
    holds = {"name": "Holds", "steps": [{"poll": "line.left"}]}
    result = play(scenario(uses, holds, pipes={"line": {}}))
    closed = result.log.one("pipe.closed", "Uses", end="right")
    failed = result.log.one("process.failed", "Uses")
    assert "handle is closed" == failed["message"]
    assert (f"Uses itself had closed 'line.right' after {closed['t']:.2f} s", closed["seq"]) == (
        failed["hint"],
        failed["hint_seq"],
    )


def test_a_put_on_a_queue_that_its_process_has_closed(play: Play) -> None:
    """The message has an address in memory, and no name."""
    puts = {
        "name": "Puts",
        "exitcode": 1,
        "steps": [{"put": 1, "to": "box"}, {"close": "box"}, {"put": 2, "to": "box"}],
    }
    result = play(scenario(puts, queues={"box": {"collect": 1}, "other": {"items": [1], "collect": 1}}))
    closed = result.log.one("queue.closed", "Puts")
    failed = result.log.one("process.failed", "Puts")
    assert (f"Puts itself had closed queue 'box' after {closed['t']:.2f} s", closed["seq"]) == (
        failed["hint"],
        failed["hint_seq"],
    )


def test_the_worker_of_another_executor_explains_nothing(play: Play) -> None:
    """Each executor is broken by a worker of its own."""
    calls = [{"submit": "actors:leave_hard", "args": [code]} for code in (3, 5)]
    first = {"type": "executor", "processes": 1, "calls": [{**calls[0], "raises": "BrokenProcessPool"}]}
    second = {"type": "executor", "processes": 1, "calls": [calls[1]]}
    result = play(json.dumps({"version": 1, "timeout": 30, "pools": {"first": first, "second": second}}))
    assert "ended with exit code 5" in result.log.one("process.failed", "MainProcess")["hint"]


def test_what_a_forked_process_does_not_call(play: Play, method: str) -> None:
    """Before 3.13 it ends without calling what it has registered with atexit; a spawned process calls it."""
    result = play(
        scenario(
            {"name": "P", "target": "actors:register_some"},
            pools={"crew": {"processes": 1, "calls": [{"map": "actors:register_some", "over": [1]}]}},
        )
    )
    missed = result.log.all("process.exit_functions_missed")
    calls = method == "spawn" or sys.version_info >= (3, 13)
    assert (["cleaned"] if calls else []) == result.log.output("P")
    assert ([] if calls else [["Cleaner.clean"]]) == [e["functions"] for e in missed if e["process"] == "P"]
    assert 0 == result.status


def test_zeros_at_the_end(play: Play) -> None:
    """A ShareableList drops them; those in the middle stay, and are no matter."""
    shared = {"board": {"type": "ShareableList", "value": ["wide enough", "wide enough"]}}
    result = play(scenario({"name": "P", "target": "actors:write_zeros", "uses": "board"}, shared=shared))
    assert [r"b'\x01\x00\x02' 'a\x00b'"] == result.log.output("P")
    stripped = result.log.one("array.stripped", "P")
    assert ("board", 0) == (stripped["array"], stripped["index"])
    assert stripped["written"] != stripped["read"]
