"""What the main program tells the supervisor of the processes that it starts; of those of others, it is not told."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from run_scenario.runtime import cpython

Report = Callable[..., None]
"""Sends the supervisor a letter and numbers."""
MANAGER = "m"
"""The letter that reports a manager."""
LOST_MANAGER = "x"
"""The letter that reports one that had ended, with its exit code, when it was to be shut down."""

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


def report_auxiliary_processes(report: Report | None) -> None:
    """Report which children are multiprocessing's own, so that they are not taken for orphans."""
    if report is None:
        return
    for letter, pid in (("t", cpython.resource_tracker_pid()), ("f", cpython.fork_server_pid())):
        if pid and pid not in _reported:
            _reported.add(pid)
            report(letter, pid)
