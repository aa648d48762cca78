"""What the system says of a process, in the cases in which that is easily misread."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from run_scenario.engine import platform

EXIT = {"x86_64": 60, "aarch64": 93}
"""Number of the system call that ends one thread only (asm/unistd.h)."""
LEADER_LEAVES = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
ctypes.CDLL(None).syscall(int(sys.argv[1]), 0)
"""


@pytest.mark.skipif(os.uname().machine not in EXIT or not platform.IS_LINUX, reason="its system calls are not known")
def test_a_zombie_whose_threads_run_is_not_over() -> None:
    """It cannot be waited for, and its children are still its own: whoever has ended it has to wait for more."""
    command = [sys.executable, "-c", LEADER_LEAVES, str(EXIT[os.uname().machine])]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        while (stat := platform.process_stat(process.pid)) and stat.state != "Z":
            pass
        assert stat
        assert (False, True) == (stat.is_over, platform.is_running(process.pid))
        assert None is process.poll()
        assert process.stdin
        process.stdin.close()
        while (stat := platform.process_stat(process.pid)) and not stat.is_over:
            pass
        assert stat
        assert 0 == process.wait()
