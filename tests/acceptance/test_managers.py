"""Locks, events, values and the like of a manager are used, recorded and explained as the plain objects are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, METHODS, Result, Running, expects, scenario

import commands

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)
LOCK = {"type": "Lock", "manager": True}
CONDITION = {"type": "Condition", "manager": True}


def held(*processes: dict[str, Any], method: str = "fork", main: Any = None, **more: Any) -> str:
    """Return the text of a scenario with these sections."""
    if main is not None:
        more["main"] = main
    return scenario(*processes, start_method=method, **more)


def of_resource(result: Result, name: str, *processes: str) -> list[str]:
    """Return the names of the events about a resource (and these processes), in order."""
    fields = ("lock", "semaphore", "flag", "condition", "barrier", "value", "array", "object")
    found = [e for e in result.log.events if any(e.get(field) == name for field in fields)]
    return [e["event"] for e in found if not processes or e["process"] in processes]


@every_method
@pytest.mark.parametrize(("kind", "value"), [("Lock", 1), ("RLock", 1), ("Semaphore", 2), ("BoundedSemaphore", 2)])
def test_answers_are_those_of_a_manager(play: Play, method: str, kind: str, value: int) -> None:
    """Every call returns or raises what the same call on an object of multiprocessing's own manager does."""
    described = {"type": kind, "manager": True} | ({"value": value} if value > 1 else {})
    process = {"name": "P", "target": "actors:compare_with_manager", "kwargs": {"kind": kind, "value": value}}
    result = play(held({**process, "uses": {"lock": "it"}}, sync={"it": described}, method=method))
    recorded, plain = json.loads(result.log.output("P")[0])
    assert plain == recorded
    assert (0, True) == (result.status, len(plain) == 9)
    name = "semaphore" if "Semaphore" in kind else "lock"
    events = Counter(of_resource(result, "it", "P"))
    assert events[f"{name}.acquired"] == 1 + plain[:4].count(True)
    released = plain.count("released") + 1
    assert released == events[f"{name}.released"]


@every_method
def test_a_lock_is_held_by_one_at_a_time(play: Play, method: str) -> None:
    """Between an acquire and its release there is no other; what is done there is not lost."""
    inside = [{"read": "total", "as": "before"}, {"write": "${before + 1}", "to": "total"}]
    steps = [{"repeat": 10, "steps": [{"with": "gate", "steps": inside}]}]
    total = {"type": "Value", "typecode": "i", "manager": True}
    worker = {"name": "W", "replicas": 3, "steps": steps}
    result = play(held(worker, sync={"gate": LOCK}, shared={"total": total}, method=method))
    deeds = [e for e in result.log.events if e["event"] in ("lock.acquired", "lock.released")]
    assert 60 == len(deeds)
    for acquired, released in zip(deeds[::2], deeds[1::2], strict=True):
        assert ("lock.acquired", "lock.released") == (acquired["event"], released["event"])
        assert acquired["process"] == released["process"] == released["owner"]
    assert [] == result.log.all("manager.called") + result.log.all("value.overwritten")
    assert (30, 30) == (len(result.log.all("value.written")), result.log.one("value.final")["content"])


@every_method
def test_an_update_is_lost_without_a_lock(play: Play, method: str) -> None:
    """A manager's Value has no lock: who writes what it read before another wrote destroys that."""
    total = {"type": "Value", "typecode": "i", "value": 5, "manager": True}
    steps = [{"read": "total", "as": "number"}, {"wait": "line"}, {"write": "${number + 1}", "to": "total"}]
    worker = {"name": "W", "replicas": 2, "steps": steps}
    line = {"type": "Barrier", "parties": 2, "manager": True}
    result = play(held(worker, shared={"total": total}, sync={"line": line}, method=method))
    assert 0 == result.status
    assert 1 == len(result.log.all("value.overwritten"))
    assert 6 == result.log.one("value.final")["content"]
    assert 2 == len(result.log.all("barrier.passed"))


@every_method
def test_steps_of_every_kind(play: Play, method: str) -> None:
    """Processes and the main program do with a manager's objects what they do with plain ones."""
    sync = {
        "again": {"type": "RLock", "manager": True},
        "few": {"type": "BoundedSemaphore", "manager": True},
        "gun": {"type": "Event", "manager": True},
        "key": LOCK,
        "door": CONDITION,
        "hatch": {**CONDITION, "lock": "key"},
        "line": {"type": "Barrier", "parties": 2, "manager": True},
    }
    numbers = {"type": "Array", "typecode": "i", "size": 3, "manager": True}
    worker = [
        {"with": "again", "steps": [{"with": "again", "steps": [{"write": 4, "to": "numbers", "at": "$i"}]}]},
        {"wait": "line"},
        {"read": "numbers", "as": "all"},
        {"print": "$all"},
        {"wait": "gun", "as": "answer"},
        {"print": "$answer"},
    ]
    waits = [{"with": name, "steps": [{"put": 1, "to": "q"}, {"wait": name}]} for name in ("door", "hatch")]
    main = [
        {"start": ["W", "S"]},
        {"is_set": "gun"},
        {"get": "q"},
        {"with": "door", "steps": [{"notify": "door"}]},
        {"get": "q"},
        {"with": "hatch", "steps": [{"notify_all": "hatch"}]},
        {"set": "gun"},
        {"join": ["W", "S"]},
        {"clear": "gun"},
        {"wait": "gun", "timeout": 0.01},
        {"acquire": "few", "block": False},
        {"acquire": "few", "block": False},
        {"acquire": "few", "timeout": 0.01},
        {"release": "few"},
        {"release": "few", "raises": "ValueError"},
        {"release": "key", "raises": "RuntimeError"},
        {"abort": "line"},
        {"wait": "line", "raises": "BrokenBarrierError"},
        {"reset": "line"},
        {"read": "numbers", "at": -1},
        {"len": "numbers"},
    ]
    processes = {"name": "W", "replicas": 2, "steps": worker}, {"name": "S", "steps": waits}
    text = held(*processes, queues={"q": {}}, sync=sync, shared={"numbers": numbers}, main=main, method=method)
    result = play(text)
    assert 0 == result.status
    assert ["[0, 4, 4]", "True"] == result.log.output("W-1")
    got = ["condition.waiting", "lock.released", "lock.acquired", "condition.waited"]
    assert ["lock.acquired", *got, "lock.released"] == of_resource(result, "door", "S")
    assert [got[0], got[3]] == of_resource(result, "hatch", "S")
    assert ["lock.acquired", "lock.released"] * 2 == of_resource(result, "key", "S")
    assert ["event.is_set", "event.set", "event.cleared", "event.waiting", "event.waited"] == of_resource(
        result, "gun", "MainProcess"
    )
    tried = ["acquired", "not_acquired", "waiting", "not_acquired", "released"]
    assert [*(f"semaphore.{each}" for each in tried), "manager.called"] == of_resource(result, "few")
    assert ["barrier.aborted", "barrier.waiting", "barrier.broken", "barrier.reset"] == of_resource(
        result, "line", "MainProcess"
    )
    assert [0, 4, 4] == result.log.one("array.final")["content"]
    refused = {e["object"]: e["error"].partition(":")[0] for e in result.log.all("manager.called")}
    assert {"few": "ValueError", "key": "RuntimeError"} == refused


@every_method
def test_own_code(play: Play, method: str) -> None:
    """What a proxy can do besides is recorded as a call; what raised is not told as done."""
    line = {"type": "Barrier", "parties": 2, "manager": True}
    numbers = {"type": "Array", "typecode": "i", "value": [1, 2, 3], "manager": True}
    meets = {"name": "M", "replicas": 2, "target": "actors:ask_about_barrier", "uses": {"barrier": "line"}}
    slices = {"name": "A", "target": "actors:slice_array", "uses": {"array": "numbers"}}
    result = play(held(meets, slices, sync={"line": line}, shared={"numbers": numbers}, method=method))
    assert (["2 False True"], ["[7, 8] 3", "IndexError", "TypeError"]) == (
        result.log.output("M-1"),
        result.log.output("A"),
    )
    assert {"__getattribute__"} == {e["method"] for e in result.log.all("manager.called", object="line")}
    (written,) = result.log.all("array.written")
    assert ("0:2", [7, 8]) == (written["index"], written["content"])
    assert 2 == len(result.log.all("manager.called", object="numbers", method="__setitem__"))


KANT = {"name": "Kant", "target": "hold_two_locks", "uses": {"first": "left", "second": "right", "barrier": "both"}}
HUME = {"name": "Hume", "target": "hold_two_locks", "uses": {"first": "right", "second": "left", "barrier": "both"}}
BOTH = {"left": LOCK, "right": LOCK, "both": {"type": "Barrier", "parties": 2, "manager": True}}
EVENT, BARRIER = {"type": "Event", "manager": True}, {"type": "Barrier", "parties": 3, "manager": True}


@every_method
@pytest.mark.parametrize(
    ("processes", "sync", "kind"),
    [
        ([KANT, HUME], BOTH, "cycle"),
        ([{"name": "A", "target": "hold_lock_twice", "uses": {"lock": "gate"}}], {"gate": LOCK}, "held_by_itself"),
        ([{"name": "A", "replicas": 2, "target": "wait_for_event", "uses": {"event": "gun"}}], {"gun": EVENT},
         "event_never_set"),
        ([{"name": "A", "replicas": 2, "target": "meet", "uses": {"barrier": "line"}}], {"line": BARRIER},
         "barrier_short"),
        ([{"name": "A", "target": "wait_for_notice", "uses": {"condition": "door"}}], {"door": CONDITION},
         "nobody_notifies"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_a_deadlock(play: Play, method: str, processes: list[dict[str, Any]], sync: Any, kind: str) -> None:
    """It is seen at once, and explained by who holds, or has done, what."""
    result = play(held(*processes, sync=sync, expect=expects("scenario.stalled"), method=method, timeout=25))
    stalled = result.log.one("scenario.stalled")
    assert ("deadlock", kind) == (stalled["cause"], stalled["diagnosis"]["kind"])


def test_a_cycle_in_words(play: Play) -> None:
    """Who holds which lock, and waits for which."""
    reason = play(held(KANT, HUME, sync=BOTH, expect=expects("scenario.stalled"))).log.one("scenario.stalled")["reason"]
    for words in ("Kant holds 'left' and waits for 'right'", "Hume holds 'right' and waits for 'left'"):
        assert words in reason


@every_method
@pytest.mark.parametrize("kind", ["Lock", "Semaphore"])
def test_who_dies_keeps_it(play: Play, method: str, kind: str) -> None:
    """A manager gives back nothing of what a process held that has ended."""
    name = kind.lower()
    dies = {"name": "Killed", "steps": [{"acquire": "it"}, {"exit": 1}], "exitcode": "any"}
    main = [{"start": "Killed"}, {"join": "Killed"}, {"start": "Next"}, {"join": "Next"}]
    sync = {"it": {"type": kind, "manager": True}}
    waits = {"name": "Next", "steps": [{"acquire": "it"}]}
    result = play(held(dies, waits, sync=sync, main=main, expect=expects("scenario.stalled"), method=method))
    assert "reason" not in result.log.one(f"{name}.abandoned", "Killed")
    assert ["Killed"] == result.log.one(f"{name}.waiting", "Next")["held_by"]
    ended = "Killed ended without releasing it (Killed has ended with exit code 1)"
    reason = f"Next waits for ever for {name} 'it': {ended}"
    assert reason == result.log.one("scenario.stalled")["reason"]


@pytest.mark.fault("F48", event="lock.abandoned", status=3)
@every_method
def test_who_dies_while_it_waits(play: Play, method: str) -> None:
    """Its manager waits in its place, and acquires what is then released: nobody else gets it any more."""
    waits = {"name": "Killed", "steps": [{"put": 1, "to": "q"}, {"acquire": "gate"}], "exitcode": "any"}
    after = {"name": "Next", "steps": [{"acquire": "gate"}]}
    # Its wait is seen in the log alone: it comes long before the end of this pause.
    main = [{"acquire": "gate"}, {"start": "Killed"}, {"get": "q"}, {"sleep": 2}, {"terminate": "Killed"}]
    main += [{"join": "Killed"}, {"release": "gate"}, {"sleep": 0.2}, {"start": "Next"}, {"join": "Next"}]
    text = held(
        waits, after, queues={"q": {}}, sync={"gate": LOCK}, main=main, expect=expects("lock.abandoned"), method=method
    )
    result = play(text)
    assert "its manager goes on waiting in its place" in result.log.one("lock.abandoned", "Killed")["reason"]
    reason = "Next waits for ever for lock 'gate': Killed ended while it waited there, and the manager that holds it "
    assert reason + "acquired it in its place" == result.log.one("scenario.stalled")["reason"]


@every_method
def test_who_dies_while_it_waits_for_a_notice(play: Play, method: str) -> None:
    """A notice may then wake nobody; what the manager does in its place is told."""
    waits = {"name": "Killed", "steps": [{"with": "door", "steps": [{"put": 1, "to": "q"}, {"wait": "door"}]}]}
    main = [{"start": "Killed"}, {"get": "q"}, {"with": "door", "steps": [{"print": "it waits"}]}]
    main += [{"terminate": "Killed"}, {"join": "Killed"}]
    text = held({**waits, "exitcode": "any"}, queues={"q": {}}, sync={"door": CONDITION}, main=main, method=method)
    result = play(text)
    assert 0 == result.status
    assert "takes the next notice" in result.log.one("lock.abandoned", "Killed", lock="door")["reason"]


@every_method
def test_who_is_late_is_no_deadlock(play: Play, method: str) -> None:
    """All wait for a manager's event, which a process sets that sleeps in code of its own."""
    waits = {"name": "W", "replicas": 2, "target": "wait_for_event", "uses": {"event": "gun"}}
    late = {"name": "Late", "target": "set_event", "uses": {"event": "gun"}, "kwargs": {"seconds": 1.2}}
    result = play(held(waits, late, sync={"gun": EVENT}, method=method))
    assert (0, []) == (result.status, result.log.all("scenario.stalled"))


def test_who_dies_while_it_waits_with_a_given_lock(play: Play) -> None:
    """What the manager keeps for it is that lock."""
    waits = {"name": "Killed", "steps": [{"with": "door", "steps": [{"put": 1, "to": "q"}, {"wait": "door"}]}]}
    after = {"name": "Next", "steps": [{"acquire": "gate"}]}
    main = [{"start": "Killed"}, {"get": "q"}, {"with": "door", "steps": [{"print": "it waits"}]}]
    main += [{"terminate": "Killed"}, {"join": "Killed"}, {"with": "door", "steps": [{"notify": "door"}]}]
    main += [{"sleep": 0.2}, {"start": "Next"}, {"join": "Next"}]
    sync = {"gate": LOCK, "door": {**CONDITION, "lock": "gate"}}
    text = held(
        {**waits, "exitcode": "any"}, after, queues={"q": {}}, sync=sync, main=main, expect=expects("scenario.stalled")
    )
    result = play(text)
    assert "takes the next notice" in result.log.one("lock.abandoned", "Killed", lock="gate")["reason"]
    reason = "Next waits for ever for lock 'gate': Killed ended while it waited there, and the manager that holds it "
    assert reason + "acquired it in its place" == result.log.one("scenario.stalled")["reason"]


@every_method
def test_a_killed_manager(tmp_path: Path, method: str) -> None:
    """Whoever waits for what it holds is told so at once: it fails, and has acquired nothing."""
    waits = {"name": "L", "steps": [{"acquire": "gate"}], "exitcode": "any"}
    main = [{"acquire": "gate"}, {"start": "L"}, {"join": "L", "timeout": 30}, {"release": "gate", "raises": "OSError"}]
    total = {"type": "Value", "typecode": "i", "manager": True}
    text = held(waits, sync={"gate": LOCK}, shared={"total": total}, main=main, method=method)
    running = Running(tmp_path, text)
    pid = running.wait_for("manager.started")["manager_pid"]
    running.wait_for("lock.waiting", "L")
    os.kill(pid, signal.SIGKILL)
    result = running.finish()
    assert ["manager.lost"] == [e["event"] for e in result.log.events if e["event"].startswith("manager.l")]
    assert ["lock.waiting", "manager.called"] == of_resource(result, "gate", "L")
    assert result.log.one("manager.called", "L")["error"].partition(":")[0] in ("EOFError", "ConnectionResetError")
    assert [] == result.log.all("scenario.stalled") + result.log.all("value.final")


def test_what_is_left_when_the_main_program_fails(play: Play) -> None:
    """What the manager holds then is recorded as well."""
    total = {"type": "Value", "typecode": "d", "value": 1.5, "manager": True}
    main = [{"write": 2.5, "to": "total"}, {"raise": "ValueError", "message": "on purpose"}]
    result = play(held({"name": "P", "target": "print_info"}, shared={"total": total}, main=main))
    assert (1, 2.5) == (result.status, result.log.one("value.final")["content"])


def test_threads(play: Play) -> None:
    """Each thread has a connection of its own, so that an RLock belongs to one of them."""
    workers = {"name": "T", "replicas": 3, "worker": "thread", "target": "hold_lock", "uses": {"lock": "gate"}}
    workers["kwargs"] = {"times": 3, "seconds": 0.01}
    result = play(held(workers, sync={"gate": {"type": "RLock", "manager": True}}))
    deeds = [e for e in result.log.events if e["event"] in ("lock.acquired", "lock.released")]
    assert (0, 18) == (result.status, len(deeds))
    assert all(a["process"] == r["process"] for a, r in zip(deeds[::2], deeds[1::2], strict=True))


def test_the_script(tmp_path: Path) -> None:
    """`python` asks the manager for each, and the script runs."""
    numbers = {"type": "Array", "typecode": "d", "size": 2, "manager": True}
    steps = [{"with": "gate", "steps": [{"write": 1.5, "to": "numbers", "at": 0}, {"read": "numbers"}]}]
    steps += [{"read": "count"}, {"acquire": "gate", "block": False}]
    count = {"type": "Value", "typecode": "i", "manager": True}
    file = tmp_path / "it.yaml"
    sync = {"gate": LOCK, "door": {**CONDITION, "lock": "gate"}, "line": BARRIER}
    file.write_text(held({"name": "P", "steps": steps}, sync=sync, shared={"numbers": numbers, "count": count}))
    made = commands.run([*COMMAND, "python", str(file)], capture_output=True, text=True, timeout=60)
    for line in (
        "gate = manager.Lock()",
        "door = manager.Condition(gate)",
        "line = manager.Barrier(3)",
        'numbers = manager.Array("d", [0.0] * 2)',
        'count = manager.Value("i", 0)',
        "print(list(numbers[:]))",
        "gate.acquire(False)",
    ):
        assert line in made.stdout
    script = tmp_path / "script.py"
    script.write_text(made.stdout)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert (0, "", "[1.5, 0.0]\n0\n") == (done.returncode, done.stderr, done.stdout)
