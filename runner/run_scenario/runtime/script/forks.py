"""Has the copies recorded that own code makes by os.fork(), each as a process of its own.

They are noticed by the functions that Python calls around a fork, so that nothing stands in the place of os.fork(). The
copy is announced before it is there, and says itself which process id it has got; so does the original, for a copy may
be killed before it can say anything. How it has ended is seen by the supervisor or, if it was faster, by whoever has
waited for it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import Any

from run_scenario.recording import codes
from run_scenario.recording.recorder import recorder
from run_scenario.recording.replacements import replace, when_put_back
from run_scenario.recording.usage import Usage
from run_scenario.runtime import cpython
from run_scenario.runtime.child import copies
from run_scenario.runtime.child.bootstrap import join_run_as_copy
from run_scenario.runtime.child.reports import Report
from run_scenario.runtime.platform import system
from run_scenario.runtime.script.announcements import announce_copy

_OTHERS = frozenset({"multiprocessing", "run_scenario", "subprocess"})
"""Packages that fork for a purpose of their own, and whose processes are told otherwise, or are other programs."""
_report: Report | None = None
_is_recorded = False
"""Whether own code is recorded: the functions around a fork stay when a block has been left."""
_WAITS = ("wait", "wait3", "wait4", "waitpid", "waitid")


class _Forking(threading.local):
    """What a thread that forks hands on to what it becomes in the copy."""

    by_own_code = False
    number: int | None = None
    original = 0
    """The process id of who is copied."""
    newest = 0
    """The last child of this thread before that, as the system knows it; 0: none, or that cannot be seen."""


_forking = _Forking()


def record_forks(report: Report | None) -> None:
    """Have copies recorded from now on, here and in whatever is forked from here; `report` tells the supervisor."""
    global _report, _is_recorded
    _report, _is_recorded = report, True
    if hasattr(os.waitpid, "noted"):
        return
    _call_at_forks()
    when_put_back(_pause)
    for name in _WAITS:
        if hasattr(os, name):
            replace(os, name, _noting(getattr(os, name)))


def report_of_main() -> Report | None:
    """Return what tells the supervisor of processes; None but in the main program and its copies by os.fork()."""
    return _report


@functools.cache
def _call_at_forks() -> None:
    os.register_at_fork(before=_announce, after_in_parent=_note_pid, after_in_child=_begin)


def _pause() -> None:
    global _is_recorded
    _is_recorded = False


def _announce() -> None:
    _forking.by_own_code = _is_recorded and cpython.package_of_caller() not in _OTHERS
    if _forking.by_own_code:
        _forking.number = announce_copy() if recorder.run_ref.folder else None
        _forking.original = os.getpid()
        _forking.newest = _newest_child()


def _note_pid() -> None:
    if _forking.by_own_code and _forking.number is not None:
        pid = _newest_child()
        if pid not in (0, _forking.newest):  # otherwise there was no room for a copy, or nobody waits for it
            recorder.emit(codes.START_RETURNED, _forking.number, pid)


def _newest_child() -> int:
    children = system.read_file("/proc/thread-self/children").split()
    return int(children[-1]) if children else 0


def _begin() -> None:
    global _report
    if not _forking.by_own_code:
        copies.note_original()
        _report = None  # only what comes of the main program alone is reported; the others are found
        return
    number = _forking.number
    copies.note_copy(number)
    if not recorder.run_ref.folder:
        return
    join_run_as_copy()
    if number is not None:
        recorder.emit(codes.STARTED, number, os.getpid(), _forking.original, "", False)
        if _report is not None:
            _report("+", number, os.getpid())


def _noting(plainly: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of `os` that waits for children, with a record of the child that has ended, if one has."""

    @functools.wraps(plainly)
    def wait(*args: Any, **kwargs: Any) -> Any:
        result = plainly(*args, **kwargs)
        if result is not None and cpython.package_of_caller() not in _OTHERS:
            _note(result)
        return result

    wait.noted = True  # type: ignore[attr-defined]
    return wait


def _note(result: Any) -> None:
    """Record the end of a child, as far as it is one, by what a function of `os` has returned."""
    if hasattr(result, "si_pid"):
        ended, signalled = os.CLD_EXITED, (os.CLD_KILLED, os.CLD_DUMPED)
        if result.si_code == ended or result.si_code in signalled:
            code = result.si_status if result.si_code == ended else -result.si_status
            recorder.emit(codes.WAITED_FOR, result.si_pid, code, Usage().packed())
        return
    pid, status, *rusage = result
    if pid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
        usage = Usage.of_rusage(rusage[0]) if rusage else Usage()
        recorder.emit(codes.WAITED_FOR, pid, os.waitstatus_to_exitcode(status), usage.packed())
