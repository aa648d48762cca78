"""runtime/child/reports.py: what of a process is known before its fork server has seen that it is over."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal

import pytest

from run_scenario.runtime import cpython
from run_scenario.runtime.child.reports import exitcode_of_ended
from run_scenario.runtime.platform import system

pytestmark = pytest.mark.skipif(not system.IS_LINUX, reason="it is seen in /proc")


def _wait() -> None:
    signal.pause()


def test_the_code_of_who_has_ended_is_waited_for() -> None:
    """As long as the server has not told it, multiprocessing takes the process for alive."""
    process = multiprocessing.get_context("forkserver").Process(target=_wait)
    process.start()
    server, pid = cpython.fork_server_pid(), process.pid
    assert pid is not None
    assert None is exitcode_of_ended(process, proc=True)
    end = os.pidfd_open(pid)
    os.kill(server, signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        select.select([end], [], [])
        assert process.is_alive()
        assert None is exitcode_of_ended(process, proc=False)
    finally:
        os.kill(server, signal.SIGCONT)
    assert -signal.SIGKILL == exitcode_of_ended(process, proc=True)
    assert -signal.SIGKILL == exitcode_of_ended(process, proc=False)
    os.close(end)
    os.kill(server, signal.SIGKILL)
