"""Programs that ask the same again and again end as they would, and their logs are small and exact."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import METHODS, Result, scenario, stopped_at_its_deadline

from effort import in_part

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)

SLOW = 20_000
"""Times where each one is a system call."""

KINDS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any], str]] = {
    # how it is asked: parameter, section of the scenario, event of the answer before, event of the change
    "is_set": ("event", {"sync": {"it": {"type": "Event"}}}, "event.is_set", {"answer": False}, "event.set"),
    "value": ("value", {"shared": {"it": {"type": "Value", "typecode": "i"}}}, "value.read", {}, "value.written"),
    "raw": (
        "value",
        {"shared": {"it": {"type": "Value", "typecode": "d", "lock": False}}},
        "value.read",
        {},
        "value.written",
    ),
    "element": (
        "value",
        {"shared": {"it": {"type": "Array", "typecode": "i", "size": 4}}},
        "array.read",
        {"index": 2},
        "array.written",
    ),
    "text": (
        "value",
        {"shared": {"it": {"type": "Array", "typecode": "c", "value": "a"}}},
        "array.read",
        {"content": "b'a'"},
        "array.written",
    ),
    "list": (
        "value",
        {"shared": {"it": {"type": "ShareableList", "value": [0, "text", 0.5]}}},
        "array.read",
        {"index": 2},
        "array.written",
    ),
    "empty": ("tasks", {"queues": {"it": {}}}, "queue.empty", {"empty": True, "call": "empty"}, "queue.put"),
    "full": ("tasks", {"queues": {"it": {"maxsize": 1}}}, "queue.full", {"full": False, "call": "full"}, "queue.put"),
    "get_nowait": ("tasks", {"queues": {"it": {}}}, "queue.empty", {"empty": True, "call": "get"}, "queue.put"),
    "get_at_once": (
        "tasks",
        {"queues": {"it": {"type": "JoinableQueue"}}},
        "queue.empty",
        {"empty": True, "call": "get"},
        "queue.put",
    ),
    "simple": (
        "tasks",
        {"queues": {"it": {"type": "SimpleQueue"}}},
        "queue.empty",
        {"empty": True, "call": "empty"},
        "queue.put",
    ),
    "acquire": ("lock", {"sync": {"it": {"type": "Lock"}}}, "lock.not_acquired", {}, "lock.released"),
    "acquire_at_once": (
        "lock",
        {"sync": {"it": {"type": "Semaphore", "value": 1}}},
        "semaphore.not_acquired",
        {},
        "semaphore.released",
    ),
    "poll": ("connection", {"pipes": {"rope": {}}}, "pipe.polled", {"ready": False}, "pipe.sent"),
}
_CALLS = {"raw": "value", "list": "element", "simple": "empty"}
_SLOW = ("empty", "get_nowait", "get_at_once", "simple", "poll", "list")


@every_method
@pytest.mark.parametrize("kind", in_part(KINDS, 3))
def test_a_hundred_thousand_answers(play: Play, method: str, kind: str) -> None:
    """They are a few events; their `times` are what the process counted; the last comes before what the change did."""
    parameter, section, answer, fields, changed = KINDS[kind]
    how = _CALLS.get(kind, kind)
    ends = ("rope.left", "rope.right") if parameter == "connection" else ("it", "it")
    kwargs = {"how": how, "least": SLOW if kind in _SLOW else 100_000}
    poller = {"name": "Poller", "target": "actors:poll", "uses": {parameter: ends[0], "started": "go"}}
    changer = {"name": "Changer", "target": "actors:change", "uses": {parameter: ends[1], "started": "go"}}
    sync = {**section.get("sync", {}), "go": {"type": "Event"}}
    order = [changer, poller] if parameter == "lock" else [poller, changer]
    for process in order:
        process["kwargs"] = kwargs if process is poller else {"how": how}
    if parameter == "lock":  # whoever is to release it has it
        sync["held"] = {"type": "Event"}
        for process in order:
            process["uses"]["held"] = "held"
    result = play(scenario(*order, **{**section, "sync": sync, "start_method": method}))
    assert (0, "passed") == (result.status, result.outcome), result.log.text()
    counted = int(result.log.output("Poller")[0])
    answers = result.log.all(answer, "Poller")
    before = [e for e in answers if all(e[key] == value for key, value in fields.items())]
    assert kwargs["least"] <= counted
    assert counted - 1 <= sum(e.get("times", 1) for e in answers) <= counted
    assert len(answers) <= 20
    for e in answers:
        assert ("times" in e) == ("until" in e)
        assert e.get("until", e["t"]) >= e["t"]
    change = result.log.all(changed, "Changer")[-1]
    (told,) = result.log.all("process.output", "Poller")
    assert before[0]["seq"] < min(change["seq"], told["seq"])
    if kind != "full":  # room is taken before the item is put
        assert change["seq"] < told["seq"]
    assert sum(e.get("times", 1) for e in before if e["seq"] < change["seq"]) >= kwargs["least"] - 1


@every_method
def test_two_in_turn(play: Play, method: str) -> None:
    """Each is counted for itself."""
    poller = {"name": "Poller", "target": "actors:poll", "kwargs": {"how": "two_in_turn"}}
    poller["uses"] = {"event": "over", "value": "flag", "started": "go"}
    changer = {"name": "Changer", "target": "actors:change", "kwargs": {"how": "is_set"}}
    changer["uses"] = {"event": "over", "started": "go"}
    sync = {"over": {"type": "Event"}, "go": {"type": "Event"}}
    shared = {"flag": {"type": "Value", "typecode": "i"}}
    result = play(scenario(poller, changer, sync=sync, shared=shared, start_method=method))
    counted = int(result.log.output("Poller")[0])
    asked, read = result.log.all("event.is_set", "Poller"), result.log.all("value.read", "Poller")
    assert (counted, counted - 1) == tuple(sum(e.get("times", 1) for e in events) for events in (asked, read))
    assert len(asked) + len(read) <= 30


@every_method
def test_it_ends_as_it_would(play: Play, method: str) -> None:
    """A process that asks for ever is stopped at the deadline, not for the size of its log."""
    poller = {"name": "Poller", "target": "actors:poll_for_ever", "uses": {"value": "flag"}}
    shared = {"flag": {"type": "Value", "typecode": "i"}}
    result = stopped_at_its_deadline(play, scenario(poller, shared=shared, start_method=method, timeout=3))
    assert (3, "timed_out") == (result.status, result.outcome)
    read = result.log.all("value.read", "Poller")
    assert len(read) <= 3 + math.log2(result.log.events[0]["timeout"])  # each takes twice the time of the one before
    assert sum(e.get("times", 1) for e in read) > 100_000
    exited = result.log.one("process.exited", "Poller")
    assert all(e["seq"] < exited["seq"] and e.get("until", e["t"]) <= exited["t"] for e in read)


@every_method
def test_expectations_count_answers(play: Play, method: str) -> None:
    """`count` and `distribution` take an event for as many as it stands for."""
    poller = {"name": "Poller", "target": "actors:poll", "kwargs": {"how": "value", "least": 1_000}}
    poller["uses"] = {"value": "flag", "started": "go"}
    changer = {"name": "Changer", "target": "actors:change", "kwargs": {"how": "value"}}
    changer["uses"] = {"value": "flag", "started": "go"}
    matcher = {"event": "value.read", "content": 0}
    expect = [{"count": matcher, "at_least": 999}, {"distribution": matcher, "at_least": 999, "workers": 1}]
    shared = {"flag": {"type": "Value", "typecode": "i"}}
    objects = {"sync": {"go": {"type": "Event"}}, "shared": shared, "start_method": method, "expect": expect}
    result = play(scenario(poller, changer, **objects))
    assert (0, 2) == (result.status, len(result.log.all("expectation.passed"))), result.log.text()


@every_method
def test_slow_polling_folds_as_well(play: Play, method: str) -> None:
    """Pauses in between record nothing; while nothing else happens, there is nothing to log."""
    poller = {"name": "Poller", "target": "actors:poll_between_pauses", "kwargs": {"pause": 0.1}}
    poller["uses"] = {"value": "flag"}
    changer = {"name": "Changer", "target": "actors:change", "kwargs": {"how": "value"}, "delay": 2}
    changer["uses"] = {"value": "flag", "started": "go"}
    opener = {"name": "Opener", "target": "set_event", "uses": {"event": "go"}, "delay": 2}
    shared = {"flag": {"type": "Value", "typecode": "i"}}
    sync = {"go": {"type": "Event"}}
    result = play(scenario(poller, opener, changer, sync=sync, shared=shared, start_method=method))
    read = result.log.all("value.read", "Poller")
    assert int(result.log.output("Poller")[0]) == sum(e.get("times", 1) for e in read)
    assert len(read) < 15


@every_method
def test_no_update_is_called_lost_that_was_seen(play: Play, method: str, tmp_path: Path) -> None:
    """The last of many reads came after the other's write of the same content: nothing was overwritten unseen."""
    asker = {"name": "Asker", "target": "actors:ask_and_write"}
    writer = {"name": "Writer", "target": "actors:write_the_same"}
    for process in (asker, writer):
        process["kwargs"] = {"path": str(tmp_path / "written")}
        process["uses"] = {"value": "flag", "started": "go"}
    shared = {"flag": {"type": "Value", "typecode": "i"}}
    result = play(scenario(asker, writer, sync={"go": {"type": "Event"}}, shared=shared, start_method=method))
    assert (0, []) == (result.status, result.log.all("value.overwritten"))
    assert 1 == result.log.one("value.final")["content"]
