"""What the system says of a process, in the cases in which that is easily misread."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from run_scenario.runtime.platform import sleeping_threads, system, system_calls

EXIT = {"x86_64": 60, "aarch64": 93}
"""Number of the system call that ends one thread only (asm/unistd.h)."""
LEADER_LEAVES = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
ctypes.CDLL(None).syscall(int(sys.argv[1]), 0)
"""


@pytest.mark.skipif(os.uname().machine not in EXIT or not system.IS_LINUX, reason="its system calls are not known")
def test_a_zombie_whose_threads_run_is_not_over() -> None:
    """It cannot be waited for, and its children are still its own: whoever has ended it has to wait for more."""
    command = [sys.executable, "-c", LEADER_LEAVES, str(EXIT[os.uname().machine])]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        while (stat := system.process_stat(process.pid)) and stat.state != "Z":
            pass
        assert stat
        assert (False, True) == (stat.is_over, system.is_running(process.pid))
        assert None is process.poll()
        assert process.stdin
        process.stdin.close()
        while (stat := system.process_stat(process.pid)) and not stat.is_over:
            pass
        assert stat
        assert 0 == process.wait()


@pytest.mark.parametrize(
    ("machine", "number", "name"),
    [
        ("x86_64", 202, "futex"),
        ("aarch64", 98, "futex"),
        ("riscv64", 98, "futex"),
        ("loongarch64", 98, "futex"),
        ("loongarch64", 202, "accept"),
        ("s390x", 238, ""),
    ],
)
def test_a_call_by_its_number(monkeypatch: pytest.MonkeyPatch, machine: str, number: int, name: str) -> None:
    """Each machine has its numbers; of one whose are not known, no call is."""
    monkeypatch.setattr(system_calls, "MACHINE", machine)
    monkeypatch.setattr(system_calls, "read_file", lambda path: f"{number} 0x1 0x2 0x3 0x4 0x5 0x6 0x7ff 0x8")
    assert (name, (1, 2, 3, 4, 5) if name else (0,) * 5) == system_calls.call_of(1, 1)


def test_who_ends_and_who_only_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither has a command line: one that is being executed is still there, and can be ended."""
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert b"\n" == process.stdout.readline()
        assert (False, False) == (system.is_ending(process.pid), system.is_executing(process.pid))
        read = system.read_file
        monkeypatch.setattr(system, "read_file", lambda path: "" if path.endswith("/cmdline") else read(path))
        assert (False, True) == (system.is_ending(process.pid), system.is_executing(process.pid))
        assert process.stdin
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert (True, False) == (system.is_ending(process.pid), system.is_executing(process.pid))
    assert (True, False) == (system.is_ending(process.pid), system.is_executing(process.pid))


LOCKS = {
    "lock": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "timeout": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=60)",
    "handler": "import signal, threading; signal.signal(signal.SIGUSR1, lambda *_: None); threading.Event().wait()",
    "shared": "import multiprocessing; lock = multiprocessing.Lock(); lock.acquire(); lock.acquire()",
    "input": "import sys; sys.stdin.read()",
    "sleep": "import time; time.sleep(60)",
}
"""What a program may wait in."""


@pytest.mark.skipif(os.uname().machine not in EXIT or not system.IS_LINUX, reason="its system calls are not known")
@pytest.mark.parametrize("kind", LOCKS)
def test_who_waits_for_a_thread_of_its_own(kind: str) -> None:
    """Only a lock inside the process, without a timeout, and where no handler of a signal might end it."""
    with subprocess.Popen([sys.executable, "-c", LOCKS[kind]], stdin=subprocess.PIPE) as process:
        try:
            calls = {"lock": "202", "timeout": "202", "handler": "202", "shared": "202", "input": "0", "sleep": "230"}
            calls = calls if os.uname().machine == "x86_64" else {}
            until = time.monotonic() + 20
            while time.monotonic() < until and not _is_in(process.pid, calls.get(kind, "")):
                time.sleep(0.01)
            waits = sleeping_threads.waits_for_own_thread(process.pid, process.pid)
            waits = waits and not sleeping_threads.has_handlers(process.pid)
            assert (kind == "lock") == waits, system.read_file(f"/proc/{process.pid}/syscall")
        finally:
            process.kill()


@pytest.mark.skipif(os.uname().machine not in EXIT or not system.IS_LINUX, reason="its system calls are not known")
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_which_end_is_awaited(kind: str) -> None:
    """The end to write to of the pipe that is read; the socket to which one's own is connected."""
    ours, theirs = [end.detach() for end in socket.socketpair()] if kind == "socket" else os.pipe()[::-1]
    try:
        with subprocess.Popen([sys.executable, "-c", "import os; os.read(0, 1)"], stdin=theirs) as process:
            until = time.monotonic() + 20
            call = "0" if os.uname().machine == "x86_64" else ""
            while time.monotonic() < until and not _is_in(process.pid, call):
                time.sleep(0.01)
            awaited = sleeping_threads.awaited_ends(process.pid, process.pid)
            assert [os.readlink(f"/proc/self/fd/{ours}") + " write" * (kind == "pipe")] == awaited
            assert set(awaited) <= sleeping_threads.open_ends(os.getpid())
            assert not set(awaited) & sleeping_threads.open_ends(process.pid)
            process.kill()
    finally:
        os.close(ours)
        os.close(theirs)


def _is_in(pid: int, call: str) -> bool:
    """Tell whether a process has slept in the same system call in two looks, a moment apart: in that one, if known."""
    first = system.read_file(f"/proc/{pid}/syscall")
    time.sleep(0.05)
    second = system.read_file(f"/proc/{pid}/syscall")
    return first == second and first.split()[:1] not in ([], ["running"]) and call in ("", first.split()[0])
