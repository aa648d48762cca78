"""What the code of steps calls: as globals, whose names begin with `_`, which no name in a file does.

What the objects record themselves is not recorded again; what they do not, such as the answer of a function, is
recorded here.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from run_scenario.recording import codes
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import recorder
from run_scenario.runtime.child.own_frames import message_of
from run_scenario.scenario.expressions import GLOBALS, RANDOM, global_name
from run_scenario.scenario.steps import EXCEPTION_MODULES
from run_scenario.targets import Call

_MOST_MESSAGE = 500


def namespace(
    resources: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]], seed: str = ""
) -> dict[str, Any]:
    """Return the globals of steps: what they are done to, by name, and the functions that they may name.

    `seed`: what all that is random follows from; empty: chance.
    """
    chance = _Chance(seed)
    return {
        **_COMMON,
        **{global_name(name): partial(chance.draw, name) for name in RANDOM},
        "_sleep_between": lambda least, most: _sleep(chance.draw("uniform", least, most)),
        "_resources": resources,
        "_call": _Caller(functions),
        "_make": lambda name, /, *args, **kwargs: functions[name](*args, **kwargs),
        "_make_call": lambda name, args, kwargs: Call(functions[name], args, kwargs),
    }


class _Chance:
    """Draws random numbers, which are the same ones each time if there is a seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._source: Any = None

    def draw(self, method: str, /, *given: Any) -> Any:
        """Return what this function of the module `random` does."""
        if self._source is None:
            import random  # 3 ms, where it is needed

            self._source = random.Random(self._seed) if self._seed else random
        return getattr(self._source, method)(*given)


class _Caller:
    """Calls a function by name, and records what it returns."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def __call__(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        answer = self._functions[name](*args, **kwargs)
        recorder.emit(codes.STEP_CALLED, "", name, describe(answer))
        return answer


def _answered(subject: str, method: str, answer: Any) -> Any:
    """Record an answer that no object records, and return it."""
    recorder.emit(codes.STEP_CALLED, subject, method, describe(answer))
    return answer


def _raised(subject: str, method: str, expected: str, error: Exception) -> None:
    """Record an exception that is expected; raise any other."""
    if not any(base.__name__ == expected for base in type(error).__mro__):
        raise error
    recorder.emit(codes.STEP_RAISED, subject, method, type(error).__name__, message_of(error, _MOST_MESSAGE))


def _sleep(seconds: float) -> None:
    recorder.begin_wait(codes.W_SLEEP, timeout=seconds)
    time.sleep(seconds)
    recorder.end_wait()


def _raise_signal(name: str) -> None:
    """Send a signal to this process; it is recorded before, since there may be no after."""
    number = signal.Signals[name]
    recorder.emit(codes.RAISING_SIGNAL, int(number))
    signal.raise_signal(number)


def _exception(name: str, message: str | None) -> BaseException:
    """Return an exception to be raised."""
    kind = _exceptions(name)
    made: BaseException = kind() if message is None else kind(message)
    return made


def _exceptions(name: str) -> Any:
    """Return the exception of a name that the checks know."""
    return getattr(import_module(EXCEPTION_MODULES.get(name, "builtins")), name)


def _read_memory(memory: Any, at: int | None) -> str:
    """Return the text in a block of shared memory, from a position on, up to the first zero byte."""
    return bytes(memory.buf[at or 0 :]).partition(b"\0")[0].decode(errors="replace")


def _write_memory(memory: Any, text: str, at: int) -> None:
    data = str(text).encode()
    memory.buf[at : at + len(data)] = data


_COMMON: dict[str, Any] = {
    **GLOBALS,
    "_Exception": Exception,
    "_make_set": set,
    "_answered": _answered,
    "_raised": _raised,
    "_sleep": _sleep,
    "_print": print,
    "_exit": sys.exit,
    "_raise_signal": _raise_signal,
    "_exception": _exception,
    "_exceptions": _exceptions,
    "_getattr": getattr,
    "_setattr": setattr,
    "_read_memory": _read_memory,
    "_write_memory": _write_memory,
    "_active_children": lambda: sorted(child.name for child in multiprocessing.active_children()),
    "_cpu_count": multiprocessing.cpu_count,
}
