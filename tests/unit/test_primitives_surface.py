"""Recorded objects look like multiprocessing's own: to isinstance, dir(), signatures, pickling, copies and buffers.

The classes of shared memory are multiprocessing's own: acceptance/test_record_memory.py compares how they look.
"""

from __future__ import annotations

import copy
import ctypes
import inspect
import multiprocessing
import pickle
from collections.abc import Callable
from multiprocessing import sharedctypes
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest

from run_scenario.runtime.primitives import pipes, queues, shared, sync

CTX = multiprocessing.get_context("spawn")


def _shared(kind: Any, *data: Any) -> Any:
    return kind(sharedctypes.RawArray(*data), sync.RLock(1, CTX), CTX, 0)


PAIRS: dict[str, Callable[[], tuple[Any, Any]]] = {
    **{
        name: lambda name=name: (getattr(queues, name)(0, CTX), getattr(CTX, name)())  # type: ignore[misc]
        for name in ("Queue", "JoinableQueue", "SimpleQueue")
    },
    **{
        name: lambda name=name: (getattr(sync, name)(0, CTX), getattr(CTX, name)())  # type: ignore[misc]
        for name in ("Lock", "RLock", "Event")
    },
    "Semaphore": lambda: (sync.Semaphore(0, CTX, 2), CTX.Semaphore(2)),
    "BoundedSemaphore": lambda: (sync.BoundedSemaphore(0, CTX, 2), CTX.BoundedSemaphore(2)),
    "Condition": lambda: (sync.Condition(0, CTX, None), CTX.Condition()),
    "Barrier": lambda: (sync.Barrier(0, CTX, 2, None, None), CTX.Barrier(2)),
    "Pipe": lambda: (pipes.recorded_ends(0, CTX.Pipe())[0], CTX.Pipe()[0]),
    "Value": lambda: (shared.Value(sharedctypes.RawValue("i", 5), sync.RLock(1, CTX), CTX, 0), CTX.Value("i", 5)),
    "Array": lambda: (_shared(shared.Array, "i", [1, 2]), CTX.Array("i", [1, 2])),
    "String": lambda: (_shared(shared.String, "c", b"ab"), CTX.Array("c", b"ab")),
    "RawValue": lambda: (shared.raw(shared.RawValue, sharedctypes.RawValue("i", 5), 0), CTX.RawValue("i", 5)),
    "RawArray": lambda: (shared.raw(shared.RawArray, sharedctypes.RawArray("i", 2), 0), CTX.RawArray("i", 2)),
    "raw text": lambda: (shared.raw(shared.RawArray, sharedctypes.RawArray("c", b"a"), 0), CTX.RawArray("c", b"a")),
}
"""Of each class, a recorded object and a plain one."""


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """Return a recorded object and a plain one, of each class."""
    return PAIRS[request.param]()


def _public(thing: Any) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_it_is_one_and_has_the_same_names(pair: tuple[Any, Any]) -> None:
    """isinstance() says so; no public name is missing or is there besides, and no special method is missing."""
    recorded, plain = pair
    # The length is a part of the type of an array, of which each call makes a new one.
    kind = ctypes.Array if isinstance(plain, ctypes.Array) else type(plain)
    assert isinstance(recorded, kind)
    assert _public(plain) == _public(recorded)
    made_by_ctypes = {"__ctype_be__", "__ctype_le__"}  # in its own types alone
    assert {name for name in dir(plain) if name.startswith("__")} - made_by_ctypes <= set(dir(recorded))


def test_its_methods_are_called_alike(pair: tuple[Any, Any]) -> None:
    """Each takes the same arguments, by the same names, with the same defaults."""
    recorded, plain = pair
    for name in _public(plain):
        if callable(method := getattr(plain, name)):
            assert (name, _parameters(method)) == (name, _parameters(getattr(recorded, name)))


def _parameters(method: Any) -> list[tuple[Any, ...]] | None:
    try:
        found = inspect.signature(method).parameters.values()
    except ValueError:  # it is written in C, and does not say
        return None
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize("dumps", [pickle.dumps, ForkingPickler.dumps])
def test_it_is_pickled_as_the_plain_one(pair: tuple[Any, Any], dumps: Callable[[Any], bytes]) -> None:
    """Most can only be had by a process that is being started: the error is the same."""
    recorded, plain = pair
    assert _error(dumps, plain) == _error(dumps, recorded)


def _error(function: Callable[[Any], Any], thing: Any) -> tuple[str, str]:
    try:
        function(thing)
    except (RuntimeError, TypeError, pickle.PicklingError) as error:
        return type(error).__name__, str(error).partition(" objects should only")[2]
    return "", ""


def test_raw_data_is_ctypes_own() -> None:
    """Its memory can be had as a buffer and by reference; a copy is a plain object, in memory of its own."""
    row = sharedctypes.RawArray("i", [1, 2, 3])
    recorded = shared.raw(shared.RawArray, row, 0)
    assert (ctypes.addressof(row), ctypes.sizeof(row)) == (ctypes.addressof(recorded), ctypes.sizeof(recorded))
    memoryview(recorded).cast("B").cast("i")[0] = 7
    ctypes.memset(ctypes.byref(recorded, 4), 0, 4)
    assert ([7, 0, 3], [7, 0, 3], [0, 3]) == (list(row), list(recorded), recorded[1:])
    value = shared.raw(shared.RawValue, sharedctypes.RawValue("d", 2.5), 0)
    value.value *= 2
    assert ctypes.c_double is type(copy.copy(value))
    assert ("c_double(5.0)", bytes(ctypes.c_double(5.0))) == (repr(value), bytes(value))
