"""Locks, semaphores, events, conditions and barriers behave as multiprocessing's own, and tell who holds and waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support import METHODS, Result, scenario

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)


def sync(*processes: dict[str, Any], method: str = "fork", **objects: Any) -> str:
    """Return the text of a scenario with these synchronization objects."""
    return scenario(*processes, sync=objects, start_method=method)


@every_method
@pytest.mark.parametrize(
    ("kind", "value"), [("Lock", 1), ("RLock", 1), ("Semaphore", 2), ("BoundedSemaphore", 2), ("Semaphore", 1)]
)
def test_answers_are_those_of_the_plain_object(play: Play, method: str, kind: str, value: int) -> None:
    """Every call returns or raises what the same call on multiprocessing's own object does."""
    described = {"type": kind} | ({"value": value} if value > 1 else {})
    process = {"name": "P", "target": "actors:compare_with_plain", "kwargs": {"kind": kind, "value": value}}
    result = play(sync({**process, "uses": {"lock": "it"}}, it=described, method=method))
    recorded, plain = json.loads(result.log.output("P")[0])
    assert plain == recorded
    assert (0, True) == (result.status, len(plain) == 9)


@every_method
def test_a_lock_is_held_by_one_at_a_time(play: Play, method: str) -> None:
    """Between an acquire and its release there is no other; who has to wait is told by whom."""
    worker = {"name": "W", "replicas": 3, "target": "hold_lock", "uses": {"lock": "gate"}, "kwargs": {"times": 20}}
    worker["kwargs"] |= {"seconds": 0.001}
    result = play(sync(worker, gate={"type": "Lock"}, method=method))
    deeds = [e for e in result.log.events if e["event"] in ("lock.acquired", "lock.released")]
    assert 120 == len(deeds)
    for acquired, released in zip(deeds[::2], deeds[1::2], strict=True):
        assert ("lock.acquired", "lock.released") == (acquired["event"], released["event"])
        assert acquired["process"] == released["process"] == released["owner"]
    for e in result.log.all("lock.waiting"):
        assert "gate" == e["lock"]
        assert e["process"] not in e["held_by"]


@every_method
def test_nobody_holds_a_semaphore_that_signals(play: Play, method: str) -> None:
    """It begins at 0, so that one process releases it and another acquires it: neither keeps it when it ends."""
    customer = {"name": "Customer", "replicas": 2, "steps": [{"release": "ready"}, {"acquire": "done"}]}
    barber = {"name": "Barber", "steps": [{"repeat": 2, "steps": [{"acquire": "ready"}, {"release": "done"}]}]}
    signal = {"type": "Semaphore", "value": 0}
    result = play(sync(customer, barber, ready=signal, done=signal, method=method))
    assert 0 == result.status
    assert [None] * 4 == [e["owner"] for e in result.log.all("semaphore.released")]
    assert [] == [e for e in result.log.events if e["event"] == "semaphore.abandoned" or e.get("held_by")]


@every_method
def test_a_release_by_another_is_told(play: Play, method: str) -> None:
    """A Lock may be released by who does not hold it: it works, and the event names the owner."""
    holder = {"name": "A", "target": "actors:take_and_tell", "uses": {"lock": "gate", "event": "taken"}}
    thief = {"name": "B", "target": "actors:release_of_another", "uses": {"lock": "gate", "event": "taken"}}
    result = play(sync(holder, thief, gate={"type": "Lock"}, taken={"type": "Event"}, method=method))
    assert ("B", "A") == tuple(result.log.one("lock.released")[key] for key in ("process", "owner"))
    assert 0 == result.status


@every_method
@pytest.mark.fault("F10", event="lock.abandoned", status=0)
def test_a_lock_that_is_never_released_is_told(play: Play, method: str) -> None:
    """Whoever ends with a lock in hand leaves it behind; an end by its own return is no different."""
    holder = {"name": "A", "target": "actors:take_and_tell", "uses": {"lock": "gate", "event": "taken"}}
    result = play(sync(holder, gate={"type": "Lock"}, taken={"type": "Event"}, method=method))
    assert ("A", "gate") == tuple(result.log.one("lock.abandoned")[key] for key in ("process", "lock"))


@every_method
def test_a_condition_waits_and_wakes(play: Play, method: str) -> None:
    """wait() answers as the plain one: False after its timeout, True when notified; the lock is told with it."""
    waiter = {"name": "W", "replicas": 2, "target": "actors:wait_on_conditions", "uses": {"condition": "door"}}
    caller = {"name": "C", "target": "actors:notify_when_all_wait", "uses": {"condition": "door"}}
    caller["kwargs"] = {"count": 2}
    caller["from"], waiter["to"] = {"ready": "ready"}, {"ready": "ready"}
    objects = {"key": {"type": "Lock"}, "door": {"type": "Condition", "lock": "key"}}
    text = scenario(waiter, caller, queues={"ready": {}}, sync=objects, start_method=method)
    result = play(text)
    for name in ("W-1", "W-2"):
        assert ["False", "False", "True"] == result.log.output(name)
        assert [False, False, True] == [e["answer"] for e in result.log.all("condition.waited", name)]
        assert {"key"} == {e["lock"] for e in result.log.all("lock.acquired", name)}
    assert [2] == [e["most"] for e in result.log.all("condition.notified", "C")]


@every_method
@pytest.mark.fault("F11", event="event.abandoned", status=3)
def test_an_event_whose_waiter_was_killed(play: Play, method: str) -> None:
    """set() waits for ever for an answer of who is gone (gh-75158): recognised and explained."""
    killed = {"name": "W", "target": "actors:tell_pid_and_wait", "uses": {"event": "go"}, "to": {"outbox": "pids"}}
    setter = {"name": "S", "target": "actors:set_when_dead", "uses": {"event": "go", "asleep": "asleep"}}
    text = scenario(
        {**killed, "exitcode": -9},
        {**setter, "from": {"inbox": "pids"}},
        queues={"pids": {}},
        sync={"go": {"type": "Event"}, "asleep": {"type": "Event"}},
        main=[{"start": ["W", "S"]}, {"wait": "asleep"}, {"kill": "W"}, {"join": ["W", "S"]}],
        start_method=method,
    )
    result = play(text)
    assert 3 == result.status
    reason = result.log.one("scenario.stalled")["reason"]
    assert "S waits for ever inside event 'go'" in reason


@every_method
@pytest.mark.fault("F12", event="scenario.stalled", status=3)
def test_a_barrier_whose_party_was_killed(play: Play, method: str) -> None:
    """The others wait for ever (gh-123899): recognised and explained."""
    killed = {"name": "K", "target": "meet", "uses": {"barrier": "line"}, "join_timeout": 1.0, "kill": True}
    killed["kwargs"] = {"seconds": 60}
    other = {"name": "O", "target": "meet", "uses": {"barrier": "line"}}
    result = play(sync(killed, other, line={"type": "Barrier", "parties": 2}, method=method))
    assert 3 == result.status
    reason = result.log.one("scenario.stalled")["reason"]
    assert (
        "O waits for ever at barrier 'line': it opens when 2 have come, only 1 did, and nobody else is left "
        "(K was killed)"
    ) == reason


def test_a_barrier_is_aborted_and_reset(play: Play) -> None:
    """What a barrier tells of itself is the plain one's; both deeds are in the log."""
    process = {"name": "P", "target": "actors:break_barrier", "uses": {"barrier": "line"}}
    result = play(sync(process, line={"type": "Barrier", "parties": 2}))
    assert ["True", "False 2 0"] == result.log.output("P")
    assert ["barrier.aborted", "barrier.reset"] == [n for n in result.log.names("P") if n.startswith("barrier.")]


@every_method
def test_who_is_stuck_is_in_the_report(play: Play, method: str) -> None:
    """The stalled report names the object that each process waits for, of any kind."""
    worker = {"name": "W", "target": "hold_lock_twice", "uses": {"lock": "gate"}}
    result = play(sync(worker, gate={"type": "Lock"}, method=method))
    stuck = {p["process"]: p for p in result.log.one("scenario.stalled")["processes"]}
    assert ("gate", None, "'gate' to be released") == tuple(
        stuck["W"][key] for key in ("resource", "queue", "waiting_for")
    )
