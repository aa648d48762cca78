"""Shared data behaves as multiprocessing's own, tells who reads and writes what, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import METHODS, Result, Running, scenario

Play = Callable[..., Result]
every_method = pytest.mark.parametrize("method", METHODS)


def shared(*processes: dict[str, Any], method: str = "fork", **objects: Any) -> str:
    """Return the text of a scenario with these shared objects."""
    return scenario(*processes, shared=objects, start_method=method)


VALUES = {
    "value": {"type": "Value", "typecode": "i", "value": 5},
    "raw": {"type": "Value", "typecode": "d", "value": 2.5, "lock": False},
    "row": {"type": "Array", "typecode": "i", "value": [1, 2, 3]},
    "word": {"type": "Array", "typecode": "c", "value": "abc"},
    "locked": {"type": "Array", "typecode": "q", "size": 2, "lock": False},
}


@every_method
def test_answers_are_those_of_the_plain_objects(play: Play, method: str) -> None:
    """Every call returns or raises what the same call on multiprocessing's own does."""
    process = {"name": "P", "target": "actors:use_shared", "uses": {name: name for name in VALUES}}
    result = play(shared(process, method=method, **VALUES))
    recorded, plain = json.loads(result.log.output("P")[0])
    assert plain == recorded
    assert (0, 23) == (result.status, len(recorded))
    assert [5, 7] == [e["content"] for e in [*result.log.all("value.read", value="value"), *_finals(result, "value")]]
    assert [{"value": "raw", "content": 5.0}] == [_kept(e, "value", "content") for e in _finals(result, "raw")]
    assert [0, 9, 1] == result.log.one("array.final", array="row")["content"]
    assert "b'xy'" == result.log.one("array.final", array="word")["content"]


def _finals(result: Result, name: str) -> list[dict[str, Any]]:
    return result.log.all("value.final", value=name)


def _kept(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: event[key] for key in keys}


@every_method
def test_a_shareable_list(play: Play, method: str) -> None:
    """It answers as the plain one, also where it was attached to by name, and is removed in the end."""
    things = {"things": {"type": "ShareableList", "value": [1, "two", None, True, 2.5]}}
    process = {"name": "P", "target": "actors:use_list", "uses": {"things": "things"}}
    result = play(shared(process, method=method, **things))
    recorded, plain = json.loads(result.log.output("P")[0])
    assert plain == recorded
    assert 0 == result.status
    assert (0, 12) == tuple(result.log.all("array.written", "P")[0][key] for key in ("index", "content"))
    assert [] == list(Path("/dev/shm").glob(f"*{result.log.one('shared_memory.created', memory='things')['name']}*"))


@every_method
def test_a_block_of_memory(play: Play, method: str) -> None:
    """What one has written the next finds; who was not forked has attached; the main program removes it."""
    user = {"target": "actors:use_block", "uses": {"block": "board"}}
    board = {"board": {"type": "SharedMemory", "value": "hello", "size": 10}}
    main = [{"start": "A"}, {"join": "A"}, {"start": "B"}, {"join": "B"}]
    processes = {**user, "name": "A"}, {**user, "name": "B"}
    result = play(scenario(*processes, shared=board, main=main, start_method=method))
    assert ["True b'hello'"] == result.log.output("A")
    assert ["True b'xyzlo'"] == result.log.output("B")
    assert (0 if method == "fork" else 2) == len(result.log.all("shared_memory.attached"))
    names = [n for n in result.log.names("MainProcess") if n.startswith("shared_memory.")]
    assert ["shared_memory.created", "shared_memory.closed", "shared_memory.unlinked"] == names


@every_method
@pytest.mark.fault("F14", event="value.overwritten", status=0)
def test_a_lost_update_is_told(play: Play, method: str) -> None:
    """Who writes what he has computed from an outdated value is told whose update is lost by it."""
    one = {"name": "A", "target": "actors:add_blindly", "uses": {"value": "hits", "own": "a", "other": "b"}}
    two = {"name": "B", "target": "actors:add_blindly", "uses": {"value": "hits", "own": "b", "other": "a"}}
    events = {"a": {"type": "Event"}, "b": {"type": "Event"}}
    hits = {"hits": {"type": "Value", "typecode": "i"}}
    result = play(scenario(one, two, sync=events, shared=hits, start_method=method))
    lost = result.log.one("value.overwritten")
    assert {"A", "B"} == {lost["process"], lost["writer"]}
    assert (1, 1) == (lost["lost"], result.log.one("value.final")["content"])


@every_method
def test_with_a_lock_nothing_is_lost(play: Play, method: str) -> None:
    """The lock is the value's own, told under its name; or one that the scenario names, told under that."""
    adder = {"name": "A", "replicas": 3, "target": "increment_with_lock", "kwargs": {"times": 20, "pause": 0.0}}
    objects = {
        "own": {"type": "Value", "typecode": "i"},
        "named": {"type": "Value", "typecode": "q", "lock": "gate"},
    }
    first, second = {**adder, "uses": {"counter": "own"}}, {**adder, "name": "B", "uses": {"counter": "named"}}
    result = play(scenario(first, second, sync={"gate": {"type": "RLock"}}, shared=objects, start_method=method))
    assert {"own": 60, "named": 60} == {e["value"]: e["content"] for e in result.log.all("value.final")}
    assert [] == result.log.all("value.overwritten")
    assert {"own": 60, "gate": 60} == {
        name: len(result.log.all("lock.acquired", lock=name)) for name in ("own", "gate")
    }


def test_who_waits_for_a_values_lock_is_explained(play: Play) -> None:
    """A deadlock on a value's own lock names the value."""
    holder = {"name": "Holder", "target": "actors:write_under_lock"}
    holder["uses"] = {"value": "hits", "held": "held", "event": "never"}
    adder = {"name": "Adder", "target": "increment", "uses": {"counter": "hits"}}
    events, hits = {"held": {"type": "Event"}, "never": {"type": "Event"}}, {"hits": {"type": "Value", "typecode": "i"}}
    main = [{"start": "Holder"}, {"wait": "held"}, {"start": "Adder"}, {"join": ["Holder", "Adder"]}]
    result = play(scenario(holder, adder, sync=events, shared=hits, main=main))
    reason = result.log.one("scenario.stalled")["reason"]
    assert "Adder waits for ever for the lock of Value 'hits', held by Holder" in reason


@every_method
def test_managed_objects(play: Play, method: str) -> None:
    """Each call of a proxy is told with its result, or what it raised; the manager outlives the others."""
    processes = [
        {"target": "put_into", "uses": {"mapping": "stock"}, "kwargs": {"key": "a", "value": [1]}},
        {"name": "L", "target": "extend_list", "uses": {"sequence": "seen"}, "kwargs": {"items": [1, 2]}},
        {"name": "N", "target": "set_attribute", "uses": {"namespace": "n"}, "kwargs": {"name": "x", "value": 5}},
        {"name": "F", "target": "print_attribute", "uses": {"namespace": "n"}, "kwargs": {"name": "y"}, "exitcode": 1},
    ]
    objects = {"stock": {"type": "dict"}, "seen": {"type": "list", "value": [0]}, "n": {"type": "Namespace"}}
    result = play(shared(*processes, method=method, **objects))
    assert (0, "") == (result.status, result.stderr)
    called = {e["process"]: (e["object"], e["method"], e["arguments"]) for e in result.log.all("manager.called")}
    assert ("stock", "__setitem__", ["a", [1]]) == called["Process-2"]
    assert ("seen", "append", [2]) == called["L"]
    assert ("n", "__setattr__", ["x", 5]) == called["N"]
    assert "AttributeError" in result.log.one("manager.called", "F")["error"]
    names = [n for n in result.log.names("MainProcess") if n.startswith(("manager.", "process.finished"))]
    assert ["manager.started", "manager.shut_down", "process.finished"] == names


@pytest.mark.fault("F40", event="manager.lost", status=0)
def test_a_killed_manager(play: Play) -> None:
    """Who asks a manager that is gone is told so at once, and the run ends."""
    process = {"name": "P", "target": "actors:kill_manager_and_ask", "uses": {"mapping": "stock"}, "exitcode": 1}
    result = play(shared(process, stock={"type": "dict"}))
    error = result.log.one("manager.called", "P")["error"]
    assert error.partition(":")[0] in ("ConnectionRefusedError", "ConnectionResetError", "EOFError", "BrokenPipeError")
    assert result.log.one("process.failed", "P")["exception"] == error.partition(":")[0]


@every_method
def test_a_remote_manager(play: Play, method: str) -> None:
    """Who knows the address and the key is let in, wherever he comes from; who does not is not."""
    caller = {"target": "call_remote", "uses": {"server": "office"}}
    right = {**caller, "name": "R", "kwargs": {"authkey": "s", "method": "append", "arguments": [1]}}
    wrong = {**caller, "name": "W", "kwargs": {"authkey": "x", "method": "append", "arguments": [2]}, "exitcode": 1}
    office = {"type": "list", "remote": True, "authkey": "s", "value": [0]}
    queue = {"type": "Queue", "remote": True, "authkey": "q"}
    putter = {**caller, "name": "Q", "uses": {"server": "tasks"}}
    putter["kwargs"] = {"authkey": "q", "method": "put", "arguments": [5]}
    result = play(shared(right, wrong, putter, office=office, tasks=queue, method=method))
    assert 0 == result.status
    calls = {(e["process"], e["object"], e["method"]) for e in result.log.all("manager.called")}
    assert {("R", "office", "append"), ("Q", "tasks", "put")} == calls
    assert "AuthenticationError" == result.log.one("process.failed", "W")["exception"]
    assert {"127.0.0.1"} == {e["address"].partition(":")[0] for e in result.log.all("manager.started")}


INTRUDER = """
import hashlib, hmac, os, sys
from multiprocessing.managers import BaseManager
os.setgid(65534)
os.setuid(65534)
manager = BaseManager(("127.0.0.1", int(sys.argv[1])), b"s")
manager.register("get")
try:
    manager.connect()
except (EOFError, ConnectionError) as refused:
    print("refused")
"""


@pytest.mark.skipif(os.getuid() != 0 or sys.platform != "linux", reason="only root can become another user")
@every_method
def test_a_remote_manager_and_another_user(tmp_path: Path, method: str) -> None:
    """Who is somebody else is not let in, even with the key, which stands in the file."""
    office = {"type": "list", "remote": True, "authkey": "s"}
    running = Running(tmp_path, shared({"name": "P", "target": "hang"}, office=office, method=method))
    main = running.wait_for("process.started", "MainProcess")["pid"]
    port = running.wait_for("manager.started")["address"].rpartition(":")[2]
    done = subprocess.run([sys.executable, "-c", INTRUDER, port], capture_output=True, text=True, timeout=60)
    os.kill(main, signal.SIGKILL)
    running.finish()
    assert ("refused\n", "") == (done.stdout, done.stderr)


def test_nothing_is_left_when_everybody_is_killed(tmp_path: Path) -> None:
    """A block of memory and a manager are gone as well when the main program is killed."""
    text = shared(
        {"name": "P", "target": "hang"},
        board={"type": "SharedMemory", "size": 100},
        stock={"type": "dict"},
        office={"type": "list", "remote": True, "authkey": "s"},
    )
    running = Running(tmp_path, text)
    started = running.wait_for("process.started", "MainProcess")
    running.wait_for("process.started", "P")
    os.kill(started["pid"], signal.SIGKILL)
    result = running.finish()
    name = result.log.one("shared_memory.created")["name"]
    assert not os.path.exists(f"/dev/shm/{name}")
    assert 1 == result.status
