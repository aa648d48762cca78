"""How the main program learns of ends, recorded: its join(), what the system says when it waits, whom it terminates."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from run_scenario.engine import platform
from run_scenario.engine.platform import Usage
from run_scenario.record import codes
from run_scenario.record.presence import is_present
from run_scenario.record.recorder import recorder

_SERVER_GONE = 255
"""The exit code that multiprocessing makes up for the children of a fork server that does not answer."""


def join(process: Any, index: int, plainly: Callable[[Any, float | None], None], timeout: float | None = None) -> None:
    """Stand for `process.join` in the parent: the real one, recorded."""
    recorder.emit(codes.JOINING, index, timeout)
    since = recorder.waiting(codes.W_JOIN_PROCESS, index, timeout)
    try:
        plainly(process, timeout)
    finally:
        recorder.moving()
    code = process._popen.returncode  # not .exitcode, which would look again
    # No code, and yet gone: somebody else in this program has waited for it, and taken the code.
    if code is None and timeout is not None and is_present(process.pid):
        recorder.emit(codes.JOIN_TIMED_OUT, index, timeout, since)
    else:
        recorder.emit(codes.JOINED, index, code, since)


def helper_pid(module: str, variable: str, attribute: str) -> int:
    """Return the process id of one of multiprocessing's own processes, 0 if there is none."""
    helper = getattr(sys.modules.get(f"multiprocessing.{module}"), variable, None)
    return getattr(helper, attribute, None) or 0


def terminate_daemon(index: int, terminate: Callable[[], None]) -> None:
    """Stand for a daemon's `_popen.terminate`, which multiprocessing calls when the main program ends."""
    recorder.emit(codes.TERMINATING, index, "daemon")
    terminate()


def record_reaping(popen: Any, index: int) -> None:
    """Have `popen.poll` record what the system says when the process is waited for, once."""
    original = popen.poll
    server = helper_pid("forkserver", "_forkserver", "_forkserver_pid")

    def poll_with_usage(flag: int = os.WNOHANG) -> int | None:
        if popen.returncode is None:
            try:
                pid, status, rusage = os.wait4(popen.pid, flag)
            except OSError:
                return None
            if pid == popen.pid:
                code = popen.returncode = os.waitstatus_to_exitcode(status)
                recorder.emit(codes.REAPED, index, pid, code, Usage.of_rusage(rusage).packed())
        return popen.returncode

    def poll_by_server(flag: int = os.WNOHANG) -> int | None:
        known = popen.returncode
        code: int | None = original(flag)
        if known is None and code is not None:
            if code == _SERVER_GONE and (platform.is_ending(server) or not platform.is_running(server)):
                recorder.emit(codes.MISREPORTED, index, code)  # only the guard can tell when it ends, and how
            else:
                recorder.emit(codes.REAPED, index, popen.pid, code, Usage().packed())
        return code

    # A process of the fork server is the server's child, which reaps it and hands on the exit code alone.
    popen.poll = poll_by_server if popen.method == "forkserver" else poll_with_usage
