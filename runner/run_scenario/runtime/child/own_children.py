"""What a process starts by itself, made known: that it waits for a child's end, and which child is a manager.

The scenario names neither. Without this, a program in which nothing can move any more would seem to wait for something
outside.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from run_scenario.recording import codes
from run_scenario.recording.layout import NO_RESOURCE
from run_scenario.recording.recorder import RunRef, recorder
from run_scenario.recording.replacements import replace
from run_scenario.runtime import cpython

_MOST_THREADS = 16
_join_plainly = BaseProcess.join
_start_plainly = BaseProcess.start


def watch() -> None:
    """Have joins and managers known from now on, in this process and those that are forked from it."""
    if BaseProcess.start is _start_plainly:
        replace(BaseProcess, "join", join)
        replace(BaseProcess, "start", start)
    if "multiprocessing.managers" in sys.modules:
        _watch_proxies()


def _watch_proxies() -> None:
    from run_scenario.runtime.primitives import managers  # which is not worth its time where there are none

    managers.watch({})


def is_inside_a_wait() -> bool:
    """Return whether this thread waits already, and not for its process to end."""
    word = recorder.current_wait()
    return bool(recorder.waits[word]) and word != recorder.wait_word(codes.W_EXIT)


def threads_left_out_of(made: BaseProcess) -> list[list[str]]:
    """Return, as a field that may be missing, the names of the other threads here, if a fork will leave them out."""
    return other_threads() if cpython.start_method_of(made) == "fork" else []


def other_threads() -> list[list[str]]:
    """Return, as a field that may be missing, the names of the other threads here."""
    others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    return [others[:_MOST_THREADS]] if others else []


@functools.wraps(_join_plainly)
def join(self: BaseProcess, timeout: float | None = None) -> None:
    """Stand for `Process.join`: the same, known as a wait."""
    popen = cpython.popen_of(self)
    before = recorder.current_wait()
    if popen is None or is_inside_a_wait():  # the join of what the scenario names, or one of many for the end of a pool
        _join_plainly(self, timeout)
        return
    recorder.begin_wait_for(popen.pid, codes.W_JOIN_PROCESS, NO_RESOURCE, timeout)
    word = recorder.current_wait()
    try:
        _join_plainly(self, timeout)
    finally:
        recorder.finish_wait(word, before)


@functools.wraps(_start_plainly)
def start(self: BaseProcess) -> None:
    """Stand for `Process.start`: a manager then says in its process that it serves."""
    if cpython.is_managers(self):
        cpython.before_manager_serves(self, _begin_to_serve, recorder.run_ref)
        _watch_proxies()
    elif recorder.run_ref.folder and "run" not in vars(self):  # the scenario's own have another way to belong to it
        vars(self)["_run_scenario"] = _Membership()
    _start_plainly(self)


class _Membership:
    """Makes a child that is not forked one of the run, when it is unpickled there."""

    def __getstate__(self) -> RunRef:
        return recorder.run_ref

    def __setstate__(self, state: RunRef) -> None:
        recorder.join_run(state)
        recorder.wait_word(codes.W_EXIT)  # which makes it known


def _begin_to_serve(run_ref: RunRef, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    """Note, in a manager's process, that its main thread does nothing from now on but look whether it is to end."""
    if initializer is not None:
        initializer(*initargs)
    recorder.join_run(run_ref)
    recorder.begin_wait(codes.W_SERVE)
