"""Threads, their locks, and all that Python makes of these, such as conditions, events and queues, controlled."""

from __future__ import annotations

import _thread
import itertools
import os
import queue
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from run_scenario.runtime.control import actors
from run_scenario.runtime.cpython import frames_of_caller

_OF_THREADS = frozenset({"threading", "queue"})
"""Modules that make locks for whoever calls them."""
_wait_code = threading.Condition.wait.__code__
_plain_lock, _plain_reentrant_lock = _thread.allocate_lock, _thread.RLock


class Lock:
    """A lock between threads of this process: a real one, but who has to wait for it gives the turn away.

    To acquire one that the program itself has made is a step, as others see it. Of those inside multiprocessing and
    other modules of Python, only the waits are.
    """

    def __init__(self) -> None:
        self._plain = _plain_lock()
        self._verb = "acquire"
        self._label = ""
        """How people read that it is acquired, where that is a step."""
        actor = actors.current()
        caller, *frames = itertools.islice(frames_of_caller(), 8)
        if actor is not None and caller.f_code is _wait_code:  # nobody else will wait for it
            self._verb, self._key = "await", f"notification of {actor.name}"
            return
        self._key = actors.own_key("lock ")
        maker = next((each for each in (caller, *frames) if each.f_globals.get("__name__") not in _OF_THREADS), caller)
        # In a child that is not forked, the script is imported before the process is an actor.
        if actors.own_name() and not is_pythons(str(maker.f_globals.get("__name__"))):
            self._label = f"acquire lock ({os.path.basename(maker.f_code.co_filename)}:{maker.f_lineno})"

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire it as the plain one does."""
        actor = actors.current()
        if actor is None or (timeout != -1 and not blocking):  # which is refused
            return self._plain.acquire(blocking, timeout)
        if not self._label:
            if self._plain.acquire(False):
                return True
            if not blocking:
                return False
        acquired = actor.perform(
            self._verb,
            self._key,
            lambda: self._plain.acquire(False),
            blocks=blocking,
            timeout=None if timeout < 0 else timeout,
            label=self._label,
            is_waiting=not self._label,
        )
        return bool(acquired)

    def release(self) -> None:
        """Release it."""
        self._plain.release()
        actors.touch(self._key)

    def locked(self) -> bool:
        """Tell whether somebody has it."""
        return self._plain.locked()

    _is_owned = locked
    """So a condition asks, which would try to acquire it otherwise."""

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._plain = _plain_lock()
        if self._verb == "acquire":  # another one than that of the process that was copied
            self._key = actors.own_key("lock ")


def is_pythons(module: str) -> bool:
    """Tell whether a module is one of Python, or of ours, and not of the program."""
    package = module.partition(".")[0]
    return package in sys.stdlib_module_names or package == "run_scenario"


class _Started:
    """Stands for the event in a thread that says that it has begun: it is no actor before."""

    def __init__(self) -> None:
        self._lock = _plain_lock()
        self._lock.acquire()
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        self._lock.release()

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        if self._lock.acquire(timeout=-1 if timeout is None else timeout):
            self._lock.release()
        return self._is_set

    def _at_fork_reinit(self) -> None:
        self._lock = _plain_lock()


class _End:
    """Whether a thread has ended."""

    def __init__(self, token: str, name: str) -> None:
        self.token = token
        self.name = name
        """What people call the thread, within its process."""
        self.has_come = False


_ends: WeakKeyDictionary[threading.Thread, _End] = WeakKeyDictionary()
_ROLES = {
    "QueueFeederThread": "feeder",
    "_ExecutorManagerThread": "manager",
    **{f"_handle_{each}s": f"{each} handler" for each in ("worker", "task", "result")},
}
"""How the threads are called that multiprocessing has for itself: by their names, classes or functions."""
_plain_start, _plain_join, _plain_is_alive = threading.Thread.start, threading.Thread.join, threading.Thread.is_alive
_plain_shutdown: Any = threading._shutdown  # type: ignore[attr-defined]


def _start(self: threading.Thread) -> None:
    """Stand for `Thread.start`: the thread is an actor of its own from its first to its last line."""
    begun = getattr(self, "_started", None)
    if actors.current() is not None and begun is not None and not begun.is_set():
        name, fed = _role(self)
        token = actors.own_key(f"{name}, ")
        _ends[self] = _End(token, name)
        self._started = _Started()  # type: ignore[attr-defined]
        self.run = partial(_run, self, self.run, token, f"{name} in {actors.own_name()}", fed)  # type: ignore[method-assign]
        actors.note_started(token)
    _plain_start(self)


def _role(thread: threading.Thread) -> tuple[str, str]:
    """Return what a thread is called, and the resource that it is for, if it is one of multiprocessing's own."""
    function = thread.name.partition("(")[2].rstrip(")")  # as in `Thread-1 (_handle_tasks)`
    role = next((_ROLES[each] for each in (thread.name, type(thread).__name__, function) if each in _ROLES), "")
    used = actors.name_in_use() if role else ""
    return (f"{role} of {used}" if used else role or f"thread {thread.name}"), used


def _run(thread: threading.Thread, plainly: Callable[[], None], token: str, name: str, used: str) -> None:
    actor = actors.begin_thread(token, name, used)
    del thread.run
    try:
        plainly()
    finally:
        _ends[thread].has_come = True
        actors.touch(token)
        actor.end()


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    """Stand for `Thread.join`."""
    actor, end = actors.current(), _ends.get(self)
    if actor is not None and end is not None and self is not threading.current_thread():
        actor.perform(
            "join",
            end.token,
            lambda: end.has_come,
            blocks=timeout is None or timeout > 0,
            timeout=timeout,
            label=f"join {end.name}",
        )
        if not end.has_come:
            return
        timeout = None  # it is about to end
    _plain_join(self, timeout)


def _is_alive(self: threading.Thread) -> bool:
    """Stand for `Thread.is_alive`: what an actor has ended as does not move any more, though it may be there still."""
    end = _ends.get(self)
    return not (end is not None and end.has_come) and _plain_is_alive(self)


def _shutdown() -> None:
    """Stand for what a process does before it ends: it waits for its threads, but for daemons."""
    calls = threading._threading_atexits  # type: ignore[attr-defined]  # by which executors end their threads
    while calls:
        calls.pop()()
    while (left := next(filter(_is_waited_for, threading.enumerate()), None)) is not None:
        _join(left)
    _plain_shutdown()


def _is_waited_for(thread: threading.Thread) -> bool:
    end = _ends.get(thread)
    return end is not None and not end.has_come and not thread.daemon


def forget() -> None:
    """Be a copy of a process, in which none of the other threads are."""
    _ends.clear()
    # What threads use before they are actors is plain; a fork has just made it anew.
    threading._active_limbo_lock = _plain_reentrant_lock()  # type: ignore[attr-defined]
    if hasattr(threading, "_shutdown_locks_lock"):
        threading._shutdown_locks_lock = _plain_lock()


def install() -> None:
    """Have the threads of this process controlled, and the locks between them that are made from now on."""
    names: dict[Any, dict[str, Any]] = {
        # Without the last, RLock() makes one of Python's own, and that of these.
        threading: {"Lock": Lock, "_allocate_lock": Lock, "_CRLock": None},
        queue: {"SimpleQueue": queue._PySimpleQueue},  # type: ignore[attr-defined]
    }
    for module, each in names.items():
        for name, replaced in each.items():
            setattr(module, name, replaced)
    methods: dict[str, Callable[..., Any]] = {"start": _start, "join": _join, "is_alive": _is_alive}
    for name, method in methods.items():
        setattr(threading.Thread, name, method)
    threading._shutdown = _shutdown  # type: ignore[attr-defined]
