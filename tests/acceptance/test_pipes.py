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
    assert ["<int of 71 bits>", -1, True, None, 2.5, "b'bytes'", {"set": [1, 2]}] == [e["item"] for e in sent[:-1]]
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
def test_an_end_that_was_inherited_is_named(play: Play, method: str) -> None:
    """The main program has closed both ends; a forked receiver has inherited the sender's, and EOF does not come."""
    receiver = {"name": "R", "target": "receive_until_eof", "from": {"connection": "rope.left"}}
    sender = {"name": "S", "target": "send_items", "to": {"connection": "rope.right"}, "kwargs": {"items": [1]}}
    main = [{"start": "R"}, {"start": "S"}, {"close": "rope.right"}, {"close": "rope.left"}, {"join": "R"}]
    pipes = {"rope": {"duplex": False, "close_unused": False}}
    result = play(scenario(receiver, sender, pipes=pipes, main=[*main, {"join": "S"}], start_method=method))
    stalled = result.log.all("scenario.stalled")
    assert ([] if method != "fork" else ["end_left_open"]) == [e["diagnosis"]["kind"] for e in stalled]
    for each in stalled:
        assert "S has ended, but R itself has 'rope.right' open, and so EOF does not come" in each["reason"]


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
def test_who_waits_for_room_is_told(play: Play) -> None:
    """A send() that does not fit into the pipe waits for the receiver, and for how long is in the log."""
    sender = {"name": "S", "target": "actors:send_bulk", "uses": {"connection": "rope.left"}}
    late = {"target": "actors:receive_late", "uses": {"connection": "rope.right"}, "kwargs": {"seconds": 0.3}}
    result = play(scenario({**sender, "kwargs": {"size": 4_000_000}}, {"name": "R", **late}, pipes={"rope": {}}))
    assert 0 == result.status
    told = [e["waited"] for e in result.log.all("pipe.send_waited", "S", pipe="rope", end="left")]
    assert 0.3 <= told[0] < result.log.finished["duration"]
    assert result.log.one("pipe.sent")["seq"] < result.log.one("pipe.send_waited")["seq"]


@every_method
def test_a_send_that_fits_waits_for_nobody(play: Play) -> None:
    """It comes back before anybody receives: whoever receives waits for that."""
    sender = {"name": "S", "target": "actors:send_and_say_so", "uses": {"connection": "rope.left", "sent": "sent"}}
    late = {"name": "R", "target": "actors:receive_when_sent", "uses": {"connection": "rope.right", "sent": "sent"}}
    result = play(scenario(sender, late, pipes={"rope": {}}, sync={"sent": {"type": "Event"}}))
    assert 0 == result.status
    assert result.log.one("event.set", "S")["seq"] < result.log.one("pipe.received", "R")["seq"]


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


def several(*senders: dict[str, Any], receivers: int = 1, count: int, method: str) -> str:
    """Return a scenario in which several send at `line.right`, and one or two receive at `line.left`."""
    target = {"target": "actors:receive_so_many", "uses": {"line": "line.left"}}
    takers = [{"name": f"R{n}", **target, "kwargs": {"count": count // receivers}} for n in range(receivers)]
    uses = {"uses": {"line": "line.right"}}
    return piped(*({**sender, **uses} for sender in senders), *takers, line={"duplex": False}, method=method)


@every_method
@pytest.mark.parametrize("receivers", [1, 2])
def test_what_several_send_keeps_its_number(play: Play, method: str, receivers: int) -> None:
    """Which object was received is told by what it is, not by the order in which sending it was recorded."""
    names = "abc"
    senders = [
        {"name": name, "target": "actors:send_numbered", "kwargs": {"name": name, "count": 40}} for name in names
    ]
    result = play(several(*senders, receivers=receivers, count=120, method=method))
    sent = {e["item_id"]: e for e in result.log.all("pipe.sent")}
    received = result.log.all("pipe.received")
    assert (0, 120) == (result.status, len(received))
    assert list(range(1, 121)) == sorted(e["item_id"] for e in received)
    for e in received:
        assert sent[e["item_id"]]["item"] == e["item"]
        assert sent[e["item_id"]]["process"] == e["item"][0]
        assert sent[e["item_id"]]["seq"] < e["seq"]
    assert [] == result.log.all("pipe.left_over")


@every_method
def test_what_nobody_can_tell_apart_has_no_number(play: Play, method: str) -> None:
    """Of objects that are alike, sent by two at the same time, it is not known which one was received."""
    together = {"all_sent": "all_sent"}
    sender = {"target": "actors:send_same", "kwargs": {"count": 30}, "uses": {"line": "line.right", **together}}
    taker = {"target": "actors:receive_so_many", "kwargs": {"count": 58}, "uses": {"line": "line.left", **together}}
    processes = [{"name": "a", **sender}, {"name": "b", **sender}, {"name": "R", **taker}]
    sync = {"all_sent": {"type": "Barrier", "parties": 3}}
    result = play(scenario(*processes, pipes={"line": {"duplex": False}}, sync=sync, start_method=method))
    received = result.log.all("pipe.received")
    assert (0, 58) == (result.status, len(received))
    assert {"same"} == {e["item"] for e in received}
    known = [e["item_id"] for e in received if e["item_id"] is not None]
    assert len(set(known)) == len(known)
    assert 2 == result.log.one("pipe.left_over")["count"]
