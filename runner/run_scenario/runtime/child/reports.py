"""What the main program tells the supervisor of the processes that it starts; of those of others, it is not told."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from run_scenario.runtime import cpython
from run_scenario.runtime.platform import system

Report = Callable[..., None]
"""Sends the supervisor a letter and numbers."""
MANAGER = "m"
"""The letter that reports a manager."""
LOST_MANAGER = "x"
"""The letter that reports one that had ended, with its exit code, when it was to be shut down."""

_CODE_WITHIN = 5.0
"""Seconds within which a fork server has told how a process has ended, also on a busy machine."""
_reported: set[int] = set()
"""Process ids of multiprocessing's own processes of which the supervisor knows."""


def report_started(report: Report | None, index: int, popen: Any) -> None:
    """Report a process that has been started, by its number."""
    if report is None:
        return
    report_exitcode_of(report, popen)
    report("+", index, popen.pid)


def report_exitcode_of(report: Report | None, popen: Any) -> None:
    """Report where the exit code of a process will be read that is the child of a fork server."""
    if report is not None and popen.method == "forkserver":
        report("c", popen.pid, popen.sentinel, os.fstat(popen.sentinel).st_ino)


def exitcode_of_ended(process: BaseProcess, *, proc: bool) -> int | None:
    """Return the exit code of a process that has ended by now, None if it runs; `proc`: /proc can be read.

    The child of a fork server may be over before the server has seen it: then multiprocessing takes it for alive.
    """
    code = process.exitcode
    if code is None and proc and process.pid is not None and not system.is_running(process.pid):
        code = cpython.popen_of(process).wait(_CODE_WITHIN)
    return code


def report_auxiliary_processes(report: Report | None) -> None:
    """Report which children are multiprocessing's own, so that they are not taken for orphans."""
    if report is None:
        return
    for letter, pid in (("t", cpython.resource_tracker_pid()), ("f", cpython.fork_server_pid())):
        if pid and pid not in _reported:
            _reported.add(pid)
            report(letter, pid)
