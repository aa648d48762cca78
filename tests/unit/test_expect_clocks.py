"""What can have caused what: happens_before, on hand-made logs, for everything that orders events of processes."""

from __future__ import annotations

from typing import Any

import pytest

from expecting import judge, log

MAIN = "MainProcess"


def start(child: str) -> list[Any]:
    """Return the start of a process by the main program."""
    return [(child, "process.starting", {"by": MAIN}), (child, "process.started")]


def end(child: str) -> list[Any]:
    """Return the end of a process, seen by the main program."""
    return [(child, "process.exited", {"exitcode": 0, "cause": "returned"}), (child, "process.joined", {"by": MAIN})]


def put(who: str, number: int = 1) -> Any:
    """Return a put."""
    return who, "queue.put", {"queue": "q", "item_id": number}


def got(who: str, number: int = 1) -> Any:
    """Return a get."""
    return who, "queue.get", {"queue": "q", "item_id": number}


def done(who: str, what: str, **fields: Any) -> Any:
    """Return any other event."""
    return who, what, fields


FIRST, LAST = done("A", "process.output", text="first"), done("B", "process.output", text="last")
ORDERED: dict[str, list[Any]] = {
    "a put and its get": [FIRST, put("A"), got("B"), LAST],
    "a start": [FIRST, done("B", "process.starting", by="A"), done("B", "process.started"), LAST],
    "a join": [FIRST, done("A", "process.exited", cause="returned"), done("A", "process.joined", by="B"), LAST],
    "seen to be dead": [
        FIRST,
        done("A", "process.exited", cause="returned"),
        done("A", "process.alive", by="B", alive=False),
        LAST,
    ],
    "a lock": [FIRST, done("A", "lock.released", lock="gate"), done("B", "lock.acquired", lock="gate"), LAST],
    "a semaphore": [
        FIRST,
        done("A", "semaphore.released", semaphore="s"),
        done("B", "semaphore.acquired", semaphore="s"),
        LAST,
    ],
    "an event": [FIRST, done("A", "event.set", flag="f"), done("B", "event.waited", flag="f", answer=True), LAST],
    "a notification": [
        FIRST,
        done("A", "condition.notified", condition="c"),
        done("B", "condition.waited", condition="c", answer=True),
        LAST,
    ],
    "a barrier": [
        FIRST,
        done("A", "barrier.waiting", barrier="line"),
        done("B", "barrier.waiting", barrier="line"),
        done("B", "barrier.passed", barrier="line"),
        LAST,
    ],
    "a pipe": [
        FIRST,
        done("A", "pipe.sent", pipe="p", end="left", item_id=1),
        done("B", "pipe.received", pipe="p", end="right", item_id=1),
        LAST,
    ],
    "the end of a pipe": [
        FIRST,
        done("A", "pipe.closed", pipe="p", end="left"),
        done("B", "pipe.eof", pipe="p", end="right"),
        LAST,
    ],
    "the join of a queue": [FIRST, done("A", "queue.task_done", queue="q"), done("B", "queue.joined", queue="q"), LAST],
    "a call on a pool": [
        FIRST,
        done("A", "pool.called", pool="p", call=1),
        done("B", "pool.task_started", pool="p", call=1),
        LAST,
    ],
    "the result of a pool": [
        FIRST,
        done("A", "pool.task_finished", pool="p", call=1),
        done("B", "pool.returned", pool="p", call=1),
        LAST,
    ],
    "through a third": [FIRST, put("A"), got("C"), put("C", 2), got("B", 2), LAST],
    "interrupt()": [
        FIRST,
        done("B", "process.interrupting", by="A"),
        done("B", "process.exited", cause="interrupted"),
        done("B", "process.joined", by="B"),
        LAST,
    ],
    "terminate()": [
        FIRST,
        done("B", "process.terminating", by="A"),
        done("B", "process.exited", cause="terminated"),
        done("B", "process.joined", by="B"),
        LAST,
    ],
}  # fmt: skip
UNORDERED: dict[str, list[Any]] = {
    "nothing between them": [FIRST, LAST],
    "the wrong way round": [got("B"), FIRST, put("A"), LAST],
    "another item": [FIRST, put("A", 1), got("B", 2), LAST],
    "put before": [put("A"), FIRST, got("B"), LAST],
    "got after": [FIRST, put("A"), LAST, got("B")],
    "another lock": [FIRST, done("A", "lock.released", lock="a"), done("B", "lock.acquired", lock="b"), LAST],
    "an event that was not set": [
        FIRST,
        done("A", "event.set", flag="f"),
        done("B", "event.waited", flag="f", answer=False),
        LAST,
    ],
    "the next round of a barrier": [
        done("A", "barrier.waiting", barrier="line"),
        done("B", "barrier.waiting", barrier="line"),
        done("A", "barrier.passed", barrier="line"),
        FIRST,
        done("A", "barrier.waiting", barrier="line"),
        done("B", "barrier.passed", barrier="line"),
        LAST,
    ],
    "the same end of a pipe": [
        FIRST,
        done("A", "pipe.sent", pipe="p", end="left", item_id=1),
        done("B", "pipe.received", pipe="p", end="left", item_id=1),
        LAST,
    ],
    "still alive": [FIRST, done("A", "process.alive", by="B", alive=True), LAST],
    "memory": [FIRST, done("A", "value.written", value="v"), done("B", "value.read", value="v"), LAST],
    "a damaged event": [FIRST, ("A", "queue.put"), ("B", "queue.get"), LAST],
}
TEXT = "- happens_before: [{event: process.output, text: first}, {event: process.output, text: last}]"


@pytest.mark.parametrize("name", ORDERED)
def test_what_orders(name: str) -> None:
    """What one process did before it, the other one did after it."""
    assert "passed" == judge(TEXT, log(*ORDERED[name])).result
    assert "inconclusive" == judge(TEXT, log(*ORDERED[name]), complete=False).result


@pytest.mark.parametrize("name", UNORDERED)
def test_what_does_not_order(name: str) -> None:
    """That one came earlier on the clock is no reason."""
    verdict = judge(TEXT, log(*UNORDERED[name]))
    assert "failed" == verdict.result
    assert "does not depend on any process.output with text 'first'" in verdict.reason
    assert "failed" == judge(TEXT, log(*UNORDERED[name]), complete=False).result


def test_within_one_process() -> None:
    """The order of one process's own events is one of cause and effect."""
    text = "- happens_before: [{event: queue.put}, {event: queue.closed}]"
    assert "passed" == judge(text, log(put("A"), done("A", "queue.closed", queue="q"))).result
    assert "failed" == judge(text, log(done("A", "queue.closed", queue="q"), put("A"))).result


def test_the_same_item() -> None:
    """`same` asks for the cause with the same value of a field."""
    text = "- {happens_before: [{event: queue.put}, {event: queue.get}], same: item_id}"
    assert "passed" == judge(text, log(put("A", 1), put("A", 2), got("B", 2), got("B", 1))).result
    assert "failed" == judge(text, log(put("A", 1), got("B", 1), got("B", 2))).result


def test_nothing_to_order() -> None:
    """Where the second never happens, nothing is violated."""
    assert "passed" == judge(TEXT, log(FIRST)).result
