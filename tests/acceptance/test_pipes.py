"""Pipes behave as multiprocessing's own, tell what goes through them, and come to an end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support import METHODS, Result, scenario

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)


def piped(*processes: dict[str, Any], method: str = "fork", **pipes: Any) -> str:
    """Return the text of a scenario with these pipes."""
    return scenario(*processes, pipes=pipes, start_method=method)


@every_method
def test_answers_are_those_of_a_plain_pipe(play: Play, method: str) -> None:
    """Every call on an end returns or raises what the same call on multiprocessing's own does."""
    process = {"name": "P", "target": "actors:call_both_ends", "uses": {"left": "rope.left", "right": "rope.right"}}
    result = play(piped(process, rope={}, method=method))
    recorded, plain = json.loads(result.log.output("P")[0])
    assert plain == recorded
    assert (0, 25) == (result.status, len(recorded))
    broken = [(e["end"], e["call"], e["item_id"]) for e in result.log.all("pipe.broken")]
    assert [("right", "send", 4)] == broken
    assert "right" == result.log.one("pipe.eof")["end"]
    assert ["left", "right"] == [e["end"] for e in result.log.all("pipe.closed", "P")]


@every_method
@pytest.mark.parametrize("duplex", [True, False])
def test_what_is_sent_is_received_in_order(play: Play, method: str, duplex: bool) -> None:
    """Each object received has the number and the description of the one sent, and comes later in the log."""
    sender = {"name": "S", "target": "actors:send_odd_things", "to": {"connection": "rope.right"}}
    receiver = {"name": "R", "target": "actors:receive_odd_things", "from": {"connection": "rope.left"}}
    result = play(piped(sender, receiver, rope={"duplex": duplex}, method=method))
    sent, received = result.log.all("pipe.sent", "S"), result.log.all("pipe.received", "R")
    assert ["<int of 71 bits>", -1, True, None, 2.5, "b'bytes'", "<set of 2>"] == [e["item"] for e in sent[:-1]]
    assert [e["item"] for e in sent[:-1]] == [e["item"] for e in received[:-1]]
    assert "<cannot be unpickled: ValueError>" == received[-1]["item"]
    assert list(range(1, 9)) == [e["item_id"] for e in sent] == [e["item_id"] for e in received]
    assert all(s["seq"] < r["seq"] for s, r in zip(sent, received, strict=True))
    assert (0, 1) == (result.status, len(result.log.all("pipe.eof", "R")))


@every_method
@pytest.mark.fault("F13", event="pipe.eof", status=0)
def test_eof_comes_whatever_the_order(play: Play, method: str) -> None:
    """The receiver gets EOF although it, the main program and a third process have had the sender's end as well."""
    sender = {"name": "S", "target": "send_items", "to": {"connection": "rope.right"}, "kwargs": {"items": [1]}}
    receiver = {"name": "R", "target": "receive_until_eof", "from": {"connection": "rope.left"}}
    other = {"name": "O", "target": "wait_for_event", "uses": {"event": "over"}}
    last = {"name": "L", "target": "set_event", "uses": {"event": "over"}, "join": False}
    objects = {"pipes": {"rope": {}}, "sync": {"over": {"type": "Event"}}, "start_method": method}
    result = play(scenario(other, receiver, sender, last, **objects))
    assert 0 == result.status
    assert ["R received 1", "R has come to the end"] == result.log.output("R")
    closed = {(e["process"], e["end"]) for e in result.log.all("pipe.closed")}
    assert {("MainProcess", "left"), ("MainProcess", "right"), ("S", "right")} <= closed
    if method == "fork":
        assert {("O", "left"), ("O", "right"), ("R", "right")} <= closed


@every_method
def test_an_end_can_be_sent_on(play: Play, method: str) -> None:
    """An end that travels through a queue is still recorded where it arrives."""
    first = {"name": "A", "target": "actors:send_end", "to": "ends", "uses": {"connection": "rope.right"}}
    second = {"name": "B", "target": "actors:use_sent_end", "from": "ends"}
    receiver = {"name": "R", "target": "receive_until_eof", "from": {"connection": "rope.left"}}
    text = scenario(
        first,
        second,
        receiver,
        queues={"ends": {"type": "JoinableQueue", "join": False}},
        pipes={"rope": {}},
        start_method=method,
    )
    result = play(text)
    assert ["R received 'hello'", "R has come to the end"] == result.log.output("R")
    assert ("B", "right") == tuple(result.log.one("pipe.sent")[key] for key in ("process", "end"))


@every_method
def test_a_killed_sender_is_an_end_too(play: Play, method: str) -> None:
    """The system closes the ends of who is killed: the others get EOF, and nobody waits for ever."""
    asker = {"name": "Asker", "target": "ping", "uses": {"connection": "rope.left"}, "exitcode": 1}
    killed = {"name": "Killed", "target": "actors:receive_and_be_killed", "uses": {"connection": "rope.right"}}
    result = play(piped(asker, {**killed, "exitcode": -9}, rope={}, method=method))
    assert 0 == result.status
    assert "EOFError" == result.log.one("process.failed", "Asker")["exception"]


def test_threads_share_the_main_programs_end(play: Play) -> None:
    """An end that a thread uses stays open in the main program, until the thread closes it."""
    sender = {"name": "S", "target": "send_items", "to": {"connection": "rope.right"}, "kwargs": {"items": [1, 2]}}
    receiver = {"name": "R", "target": "receive_until_eof", "from": {"connection": "rope.left"}}
    result = play(piped({**sender, "worker": "thread"}, receiver, rope={}))
    assert 0 == result.status
    assert ["R received 1", "R received 2", "R has come to the end"] == result.log.output("R")
    assert {"S"} == {e["process"] for e in result.log.all("pipe.sent")}


@every_method
@pytest.mark.parametrize(("size", "waits"), [(4_000_000, True), (10, False)])
def test_who_waits_for_room_is_told(play: Play, size: int, waits: bool) -> None:
    """A send() that does not fit into the pipe waits for the receiver, and for how long is in the log."""
    sender = {"name": "S", "target": "actors:send_bulk", "uses": {"connection": "rope.left"}, "kwargs": {"size": size}}
    late = {"target": "actors:receive_late", "uses": {"connection": "rope.right"}, "kwargs": {"seconds": 0.05}}
    result = play(scenario(sender, {"name": "R", **late}, pipes={"rope": {}}))
    assert 0 == result.status
    told = [e["waited"] for e in result.log.all("pipe.send_waited", "S", pipe="rope", end="left")]
    if waits:
        assert 0.05 <= told[0] < result.log.finished["duration"]
        assert result.log.one("pipe.sent")["seq"] < result.log.one("pipe.send_waited")["seq"]
    else:
        assert all(waited < 0.05 for waited in told)


def test_the_other_end_is_held_by_who_waits_for_something_else(play: Play, method: str) -> None:
    """One receives, the other waits for an event that nobody sets: the sentence names both."""
    receiver = {"name": "R", "target": "receive_until_eof", "from": {"connection": "rope.left"}}
    other = {"name": "O", "target": "actors:hold_end_and_wait", "uses": {"connection": "rope.right", "event": "go"}}
    objects = {"pipes": {"rope": {}}, "sync": {"go": {"type": "Event"}}, "start_method": method}
    result = play(scenario(receiver, other, **objects))
    stalled = result.log.one("scenario.stalled")
    assert 3 == result.status
    waits = {p["process"]: (p["resource"], p["waiting_for"]) for p in stalled["processes"]}
    assert ("rope", "something to receive at 'rope.left'") == waits["R"]


def test_one_sided_sends_end_in_a_sentence(play: Play) -> None:
    """Who sends more than the pipe holds to somebody who never receives is told so."""
    sender = {"name": "S", "target": "send_large", "uses": {"connection": "rope.left"}}
    other = {"name": "O", "target": "actors:hold_end_and_get", "uses": {"connection": "rope.right", "queue": "tasks"}}
    result = play(scenario(sender, other, pipes={"rope": {}}, queues={"tasks": {}}))
    assert 3 == result.status
    reason = result.log.one("scenario.stalled")["reason"]
    assert reason.startswith("S waits for ever in send() on 'rope.left': the pipe is full, and O, who could receive")
