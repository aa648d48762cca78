"""What a program does that is not controlled: the scheduler is told, and so whoever reads its answer."""

from __future__ import annotations

import _thread
import functools
import itertools
import os
import sys
from multiprocessing import sharedctypes
from typing import Any

from run_scenario.runtime.control import actors, threads
from run_scenario.runtime.cpython import frames_of_caller

_start_plainly = _thread.start_new_thread
_OTHER_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})
_CONTROLLED = frozenset({"multiprocessing.connection", "multiprocessing.forkserver"})
"""Modules whose connections are controlled, or lead to no actor."""
_OTHER_INPUT = frozenset({"socket.connect", "socket.bind", "socket.sendto"})


def place() -> str:
    """Return where the program, rather than a module of Python, calls what asks, as ` (script.py:12)`."""
    for frame in frames_of_caller():
        if not threads.is_pythons(str(frame.f_globals.get("__name__"))):
            return f" ({os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno})"
    return ""


def _asker() -> str:
    """Return the module of what has called the function that asks."""
    caller, *_ = itertools.islice(frames_of_caller(), 1, 2)
    return str(caller.f_globals.get("__name__"))


def _start_thread(*args: Any) -> int:
    """Stand for `_thread.start_new_thread`, of which `threading` has taken the plain one."""
    actors.lose(f"a thread that `_thread` has started{place()}")
    return _start_plainly(*args)


def _look_at(event: str, values: tuple[Any, ...]) -> None:
    """Notice what the program does, by the events of Python's audit (PEP 578)."""
    actor = actors.current()
    if actor is None or actor.inside:
        return
    if event in _OTHER_PROGRAMS:
        actors.note_beside(f"another program is started, and does what it does within a step{place()}")
    elif event in _OTHER_INPUT:
        if _asker() not in _CONTROLLED:
            actors.note_beside(f"what is sent and received by sockets{place()}")
    elif event == "mmap.__new__" and not threads.is_pythons(_asker()):
        actors.note_escape(f"memory that is mapped{place()}")


def _watch_memory() -> None:
    """Notice shared memory that has no lock of its own: nobody sees when it is read and written."""
    module: Any = sharedctypes
    for name in ("RawValue", "RawArray"):
        setattr(module, name, _noticed(getattr(module, name), is_raw=True))
    for name in ("Value", "Array"):
        setattr(module, name, _noticed(getattr(module, name), is_raw=False))


def _noticed(plainly: Any, *, is_raw: bool) -> Any:
    @functools.wraps(plainly)
    def make(*args: Any, **kwargs: Any) -> Any:
        if actors.current() is not None and (is_raw or kwargs.get("lock") is False):
            maker = str(next(frames_of_caller()).f_globals.get("__name__"))
            if maker != sharedctypes.__name__ and not maker.startswith("run_scenario"):  # which give it a lock
                note_raw_memory()
        return plainly(*args, **kwargs)

    return make


def note_raw_memory() -> None:
    """Note that the program has made memory of which nobody sees when it is read and written."""
    actors.note_escape(f"raw shared memory{place()}")


def install() -> None:
    """Watch what this process does from now on, and those that are forked from it."""
    _watch_memory()
    _thread.start_new_thread = _start_thread
    sys.addaudithook(_look_at)
