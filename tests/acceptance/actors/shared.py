"""What is done with shared data."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing import shared_memory, sharedctypes
from typing import Any

from actors.pipes import outcome_of


def use_shared(value: Any, raw: Any, row: Any, word: Any, locked: Any) -> None:
    """Print what the calls on shared values and arrays return or raise, and those on multiprocessing's own."""
    ctx = multiprocessing.get_context()  # not its methods: what these make is recorded as well
    own_value, own_row = sharedctypes.Value("i", 5, ctx=ctx), sharedctypes.Array("i", [1, 2, 3], ctx=ctx)
    own_word, own_raw = sharedctypes.Array("c", b"abc", ctx=ctx), sharedctypes.RawValue("d", 2.5)
    plain = own_value, own_raw, own_row, own_word, sharedctypes.RawArray("q", 2)
    print(json.dumps([_use(value, raw, row, word, locked), _use(*plain)]))


def _use(value: Any, raw: Any, row: Any, word: Any, locked: Any) -> list[str]:
    def swap() -> Any:
        row[0], row[-1] = row[-1], row[0]
        return list(row)

    calls: list[Callable[[], Any]] = [
        lambda: value.value,
        lambda: setattr(value, "value", 7),
        lambda: [value.get_obj().value, value.get_lock().acquire(), value.release(), value.acquire(), value.release()],
        lambda: setattr(value, "value", "text"),
        lambda: value.__enter__(),
        lambda: value.__exit__(None, None, None),
        lambda: raw.value,
        lambda: setattr(raw, "value", raw.value * 2),
        lambda: raw.value,
        lambda: raw.get_lock(),
        swap,
        lambda: [len(row), row[1], row[-1], row[0:2], row[::2]],
        lambda: row.__setitem__(slice(0, 2), [8, 9]),
        lambda: row[:],
        lambda: row[3],
        lambda: row.__setitem__(5, 1),
        lambda: row.__setitem__(0, 1 << 40),
        lambda: word.value,
        lambda: setattr(word, "value", b"xy"),
        lambda: [word.value, word.raw, word[0]],
        lambda: [len(locked), locked[1]],
        lambda: locked.__setitem__(1, 1 << 40),
        lambda: list(locked),
    ]
    return [outcome_of(call) for call in calls]


def use_list(things: Any) -> None:
    """Print what the calls on a ShareableList return or raise, and those on multiprocessing's own."""
    from multiprocessing.shared_memory import ShareableList

    plain = ShareableList([1, "two", None, True, 2.5])
    try:
        print(json.dumps([_use_list(things), _use_list(plain)]))
    finally:
        plain.shm.close()
        plain.shm.unlink()


def _use_list(things: Any) -> list[str]:
    calls: list[Callable[[], Any]] = [
        lambda: [things[i] for i in range(5)],
        lambda: [len(things), things.count(1), things.index("two"), things[-1], things.format],
        lambda: things.__setitem__(0, 12),
        lambda: things.__setitem__(1, "much longer than before"),
        lambda: things.__setitem__(9, 1),
        lambda: things[9],
        lambda: list(things),
    ]
    return [outcome_of(call) for call in calls]


def use_block(block: Any) -> None:
    """Print a block's size and first bytes, and fill some of it."""
    print(block.size >= 10, bytes(block.buf[:5]))
    block.buf[:3] = b"xyz"


def kill_manager_and_ask(mapping: Any) -> None:
    """Kill the manager's process, and then ask it something."""
    [manager] = [int(pid) for pid in siblings() if int(pid) != os.getpid()]
    os.kill(manager, signal.SIGKILL)
    mapping["key"] = "value"


def siblings() -> list[str]:
    parent = os.getppid()
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        found = file.read().split()
    return [pid for pid in found if "resource_tracker" not in _command(pid)]


def _command(pid: str) -> str:
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return file.read()


def add_blindly(value: Any, own: Any, other: Any) -> None:
    """Read a value, let the other read it too, and write it back."""
    number = value.value
    own.set()
    other.wait()
    value.value = number + 1


def write_under_lock(value: Any, held: Any, event: Any) -> None:
    """Hold a value's lock, say so, and wait for an event."""
    value.get_lock().acquire()
    held.set()
    event.wait()


def create_memory_and_wait() -> None:
    """Create a block of memory that the scenario knows nothing of, say its name, and wait for ever."""
    memory = shared_memory.SharedMemory(create=True, size=100_000)
    print(memory.name)
    signal.pause()


def keep_own_memory() -> None:
    """Print what a block of shared memory of one's own is called, and keep it."""
    block = shared_memory.SharedMemory(create=True, size=100)
    print(block.name, flush=True)
    signal.pause()
