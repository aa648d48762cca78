"""A deadlock is certain, and explained, also beside a manager, in threads, and with children of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support import Result, scenario

from effort import in_part

Play = Callable[..., Result]

LOCKS = {"a": {"type": "Lock"}, "b": {"type": "Lock"}}
GATE = {"t": {"type": "Barrier", "parties": 2}}
STOCK = {"stock": {"type": "dict"}}
SIGNAL = {"type": "Semaphore", "value": 0}
INBOX = {"inbox": {"type": "Queue"}}


def crossing(target: str, **others: str) -> list[dict[str, Any]]:
    """Return two processes that take the same locks in opposite order."""
    uses = {"first": "a", "second": "b", "barrier": "t"}, {"first": "b", "second": "a", "barrier": "t"}
    targets = {"Kant": target, "Hegel": target} | others
    names = zip(targets.items(), uses, strict=True)
    return [{"name": name, "target": f"actors:{does}", "uses": given} for (name, does), given in names]


CROSSED = "deadlock: Kant holds 'a' and waits for 'b', Hegel holds 'b' and waits for 'a': none of them can go on"
ONE = {"first": "a", "second": "b"}
SHAPES: dict[str, tuple[str, str, str]] = {
    "beside a manager": (
        scenario(*crossing("lock_in_turn"), sync={**LOCKS, **GATE}, shared=STOCK),
        "cycle",
        CROSSED,
    ),
    "beside a target's own manager": (
        scenario(*crossing("lock_in_turn_beside_manager"), sync={**LOCKS, **GATE}),
        "cycle",
        CROSSED,
    ),
    "in a call that a manager does not answer": (
        scenario({"name": "G", "target": "actors:get_managed", "uses": {"shared": "inbox"}}, shared=INBOX),
        "unanswered_call",
        "G waits for ever for the manager that holds 'inbox' to answer get(), which needs another call, and nobody is "
        "left who could make one",
    ),
    "in a call on a target's own manager": (
        scenario({"name": "G", "target": "actors:get_from_own_manager"}),
        "unanswered_call",
        "G waits for ever for the manager that holds 'ManagerQueue (stuck.py:29)' to answer get(), which needs another "
        "call, and nobody is left who could make one",
    ),
    "in two threads": (
        scenario({"name": "P", "target": "actors:lock_in_two_threads", "uses": ONE}, sync=LOCKS),
        "held_by_own_threads",
        "deadlock: threads of P wait for ",
    ),
    "in the main thread and another": (
        scenario({"name": "P", "target": "actors:lock_against_own_thread", "uses": ONE}, sync=LOCKS),
        "held_by_own_threads",
        "deadlock: threads of P wait for lock 'b' and lock 'a', and threads of P itself hold them: none can go on",
    ),
    "in a thread and another process": (
        scenario(*crossing("lock_in_turn", Hegel="lock_in_own_thread"), sync={**LOCKS, **GATE}),
        "cycle",
        CROSSED,
    ),
    "with a child": (
        scenario({"name": "P", "target": "actors:join_while_holding", "uses": {"lock": "a"}}, sync=LOCKS),
        "cycle",
        "Process-1:1 waits for ever for lock 'a', held by P, which waits for the end of Process-1:1",
    ),
    "with a copy": (
        scenario({"name": "P", "target": "actors:wait_while_holding", "uses": {"lock": "a"}}, sync=LOCKS),
        "cycle",
        "fork of P waits for ever for lock 'a', held by P, which waits for the end of fork of P",
    ),
    "at a queue of its own": (
        scenario({"name": "P", "target": "actors:take_from_own_queue"}),
        "starved_get",
        "P waits for ever for an item from queue 'Queue (stuck.py:88)', on which nobody ever put one, and nobody is "
        "left who could put one",
    ),
    "at a pipe of its own": (
        scenario({"name": "P", "target": "actors:receive_from_oneself"}),
        "nobody_sends",
        "P waits for ever in recv() on 'mine (stuck.py:93)', and nobody is left who sends at '_other (stuck.py:93)'",
    ),
    "with a child at an event of its own": (
        scenario({"name": "P", "target": "actors:join_at_own_event"}),
        "event_never_set",
        "Process-1:1 waits for ever for event 'event (stuck.py:103)': P, who could set it, waits for the end of ",
    ),
    "with a pool of its own": (
        scenario({"name": "P", "target": "actors:map_without_worker"}),
        "lost_pool_task",
        "PoolWorker-1:1 ended with exit code 3 while it was doing task 0 of map(posix:_exit, …) (stuck.py:112), and a "
        "Pool never gives a lost task "
        "to another worker",
    ),
    "at a semaphore that signals": (
        scenario(
            {"name": "Customer", "steps": [{"release": "ready"}]},
            {"name": "Barber", "steps": [{"repeat": 2, "steps": [{"acquire": "ready"}]}]},
            sync={"ready": SIGNAL},
        ),
        "no_holder",
        "Barber waits for ever for semaphore 'ready', and nobody is left who could release it",
    ),
    "at a semaphore that is refilled": (
        scenario(
            {"name": "Client", "steps": [{"acquire": "tokens"}, {"set": "taken"}, *[{"acquire": "tokens"}] * 2]},
            {"name": "Refill", "steps": [{"wait": "taken"}, {"release": "tokens"}]},
            sync={"tokens": {"type": "Semaphore", "value": 1}, "taken": {"type": "Event"}},
        ),
        "no_holder",
        "Client waits for ever for semaphore 'tokens', and nobody is left who could release it",
    ),
    "at semaphores, each for the other": (
        scenario(
            {"name": "A", "steps": [{"acquire": "x"}, {"release": "y"}]},
            {"name": "B", "steps": [{"acquire": "y"}, {"release": "x"}]},
            {"name": "C", "steps": [{"acquire": "y"}]},
            sync={"x": SIGNAL, "y": SIGNAL},
        ),
        "no_holder",
        "A waits for ever for semaphore 'x', and B, who could release it, waits for 'y' to be released",
    ),
    "at a lock that one of them holds": (
        scenario(
            {"name": "A", "steps": [{"acquire": "a"}, {"set": "held"}, {"acquire": "a"}]},
            {"name": "B", "steps": [{"wait": "held"}, {"acquire": "a"}]},
            sync={**LOCKS, "held": {"type": "Event"}},
        ),
        "held_by_itself",
        "A waits for ever for lock 'a', which it holds itself: an RLock could be acquired again",
    ),
}


@pytest.mark.parametrize("shape", in_part(SHAPES, 2))
def test_it_is_seen_and_explained(play: Play, method: str, shape: str) -> None:
    """Nobody but those who wait could move anybody: the run ends at once, with who waits for whom."""
    text, kind, words = SHAPES[shape]
    result = play(json.dumps({**json.loads(text), "start_method": method}))
    stalled = result.log.one("scenario.stalled")
    assert ("deadlock", kind) == (stalled["cause"], stalled["diagnosis"]["kind"]), stalled["reason"]
    assert words in stalled["reason"]
    assert 3 == result.status
    assert "something that is not recorded" not in stalled["reason"]
    for thread in stalled["threads"]:
        assert thread["thread"] not in (None, *(each["pid"] for each in stalled["processes"]))


@pytest.mark.parametrize("taker", [True, False])
def test_a_writer_is_killed_before_another_puts(play: Play, taker: bool) -> None:
    """The other one never gets the lock of the writers: it cannot end, and nobody gets its item."""
    killed = {"name": "Killed", "target": "actors:put_large_and_tell", "to": {"outbox": "q", "told": "told"}}
    processes = [
        {**killed, "kwargs": {"size": 200_000}, "exitcode": "any"},
        {"name": "Putter", "target": "actors:put_large", "to": {"outbox": "q"}, "kwargs": {"size": 1}},
        {"name": "Taker", "target": "actors:take", "from": {"inbox": "q"}},
    ]
    main: list[dict[str, str]] = [{"start": "Killed"}, {"get": "told"}, {"kill": "Killed"}, {"join": "Killed"}]
    main += [{"start": "Putter"}, *([{"start": "Taker"}] if taker else []), {"join": "Putter"}]
    result = play(scenario(*processes[: 2 + taker], queues={"q": {}, "told": {}}, main=main))
    stalled = result.log.one("scenario.stalled")
    assert ("deadlock", "abandoned_queue") == (stalled["cause"], stalled["diagnosis"]["kind"])
    missed = "Taker can never get the 2 items that were put"
    assert stalled["reason"] == (
        "queue 'q' is broken: Killed, which was killed, was writing an item and took the lock of the writers with it, "
        f"so {missed if taker else 'Putter can never write what it has put, and cannot end before'}"
    )
