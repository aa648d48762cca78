"""How a parent learns of ends, recorded: join(), what waiting returns, which daemons are terminated."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from run_scenario.recording import codes
from run_scenario.recording.pid_exists import pid_exists
from run_scenario.recording.recorder import recorder
from run_scenario.recording.usage import Usage
from run_scenario.runtime import cpython
from run_scenario.runtime.platform import system


def join(process: Any, index: int, plainly: Callable[[Any, float | None], None], timeout: float | None = None) -> None:
    """Stand for `process.join` in the parent: the real one, recorded."""
    recorder.emit(codes.JOINING, index, timeout)
    since = recorder.begin_wait(codes.W_JOIN_PROCESS, index, timeout)
    try:
        plainly(process, timeout)
    finally:
        recorder.end_wait()
    code = cpython.popen_of(process).returncode  # not .exitcode, which would look again
    # No code, and yet gone: somebody else in this program has waited for it, and taken the code.
    if code is None and timeout is not None and pid_exists(process.pid):
        recorder.emit(codes.JOIN_TIMED_OUT, index, timeout, since)
    else:
        recorder.emit(codes.JOINED, index, code, since)


def _is_gone(child: int, proc: bool) -> bool:
    """Tell whether a child of this process, which only multiprocessing waits for, is over or just ending."""
    if proc:
        return system.is_ending(child) or not system.is_running(child)
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except (OSError, AttributeError):  # somebody has waited for it, or this system has no such call
        return not pid_exists(child)


def terminate_daemon(index: int, terminate: Callable[[], None]) -> None:
    """Stand for a daemon's `_popen.terminate`, which multiprocessing calls when its parent ends."""
    recorder.emit(codes.TERMINATING, index, "daemon")
    terminate()


def record_reaping(popen: Any, index: int, proc: bool) -> None:
    """Have `popen.poll` record, once, what waiting for the process returns; `proc`: /proc can be read."""
    original = popen.poll
    server = cpython.fork_server_pid()

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
            if code == cpython.FORKSERVER_LOST and _is_gone(server, proc):
                recorder.emit(codes.MISREPORTED, index, code)  # only the supervisor sees when it ends, and how
            else:
                recorder.emit(codes.REAPED, index, popen.pid, code, Usage().packed())
        return code

    # A process of the fork server is the server's child, which reaps it and hands on the exit code alone.
    popen.poll = poll_by_server if popen.method == "forkserver" else poll_with_usage
