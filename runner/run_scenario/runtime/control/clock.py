"""The virtual clock: it stands still while anybody can move, and jumps to the next moment somebody waits for.

What a program reads of it is real time at its start and virtual from there on. What is recorded keeps the real time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from run_scenario.runtime.control import actors

_TICK_NS = 1_000
"""How much later it is each time a program asks."""
_REAL = ("run_scenario.recording", __name__)
"""Modules that keep the real time."""

_sleep = time.sleep
_read = 0


def sleep(seconds: float) -> None:
    """Sleep as `time.sleep` does, by the virtual clock."""
    actor = actors.current()
    if actor is None or not seconds > 0:
        _sleep(seconds)
        return
    actor.perform("sleep", "time", lambda: False, timeout=float(seconds), label=f"sleep({seconds:g})", is_waiting=True)


def _virtual_ns() -> int:
    global _read
    _read += _TICK_NS
    return actors.now + _read


def _of(real: int, *, in_seconds: bool) -> Callable[[], float]:
    def read() -> float:
        now = real + _virtual_ns()
        return now / 1e9 if in_seconds else now

    return read


class _Place(NamedTuple):
    """A name in a module by which a function of `time` is called."""

    module: ModuleType
    name: str
    function: Any


_searched: set[str] = set()
"""Modules that have been searched: that takes longer than all else that is done to control a process."""
_places: list[_Place] = []
"""What was found in them."""


def search() -> None:
    """Find what is to be replaced in the modules that there are, for processes that are forked from this one."""
    modules = sys.modules
    new = []
    for name in reversed(modules):  # the newest first: to look at all would make a fork copy half of its memory
        if name in _searched:
            break
        new.append(name)
    _searched.update(new)
    for name in new:
        if not name.startswith(_REAL):
            for key, value in list(vars(modules[name] or sys).items()):
                if type(value) is type(_sleep) and value in _REPLACED:
                    _places.append(_Place(modules[name], key, value))


began: dict[str, int] = {}
"""When the clocks began, in ns, by the functions that read them: the same in all processes of a run."""


def install() -> None:
    """Have this process use the virtual clock, whatever has taken functions from `time` before."""
    search()
    made: dict[Any, Any] = {_sleep: sleep}
    for plain, (read, in_seconds) in _CLOCKS.items():
        made[plain] = _of(began.setdefault(plain.__name__, read()), in_seconds=in_seconds)
    for module, name, function in _places:
        setattr(module, name, made[function])


_CLOCKS: dict[Any, tuple[Callable[[], int], bool]] = {
    time.monotonic: (time.monotonic_ns, True),
    time.perf_counter: (time.perf_counter_ns, True),
    time.perf_counter_ns: (time.perf_counter_ns, False),
    time.time: (time.time_ns, True),
    time.time_ns: (time.time_ns, False),
}
"""What reads a clock, but for `monotonic_ns`, by which we record; what begins it, and whether it is in seconds."""
_REPLACED = frozenset({_sleep, *_CLOCKS})
