"""A signal reaches the process that was meant, and no other that has got its id."""

from __future__ import annotations

import signal
import subprocess

import pytest

from run_scenario.runtime.platform import system


@pytest.mark.fault("F33")
def test_a_stranger_gets_no_signal() -> None:
    """A process with the id but not the start time of the one that was meant is left alone."""
    with subprocess.Popen(["sleep", "60"]) as process:
        stat = system.process_stat(process.pid)
        assert stat
        assert not system.send_signal(process.pid, signal.SIGKILL, stat.started + 1)
        assert None is process.poll()
        assert system.send_signal(process.pid, signal.SIGKILL, stat.started)
        assert -9 == process.wait()
    assert not system.send_signal(process.pid, signal.SIGKILL, stat.started)
    assert not system.send_signal(process.pid, signal.SIGKILL)
