"""`record`: a copy that a script makes by os.fork() is told as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recorded import Recorded, plainly, record

COPIES = """
import os
import sys

def main():
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            os._exit(5)
        os.wait()
        print("copy", flush=True)
        sys.exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

main()
"""
ENDS = """
import os
import signal
import sys

def fail():
    raise ValueError("no")

for end in (
    lambda: os._exit(4),
    lambda: os.execv(sys.executable, [sys.executable, "-c", "raise SystemExit(6)"]),
    lambda: os.kill(os.getpid(), signal.SIGKILL),
    fail,
    lambda: None,
):
    pid = os.fork()
    if pid == 0:
        end()
        break
    os.wait4(pid, 0)
else:
    pid = os.fork()
    while pid == 0:
        signal.pause()
    os.kill(pid, signal.SIGKILL)
    os.wait()
"""
UNAWAITED = """
import os

go, gone = os.pipe(), os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.close(go[1])
        os.read(go[0], 1)
        os._exit(7)
    os._exit(0)
os.wait()
for end in (go[1], gone[1]):
    os.close(end)
os.read(gone[0], 1)
"""
IN_A_PROCESS = """
import multiprocessing
import os
import sys

def work(results):
    pid = os.fork()
    results.put("copy" if pid == 0 else "original")
    if pid:
        os.waitpid(pid, 0)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    results = multiprocessing.Queue()
    process = multiprocessing.Process(target=work, args=(results,), name="worker")
    process.start()
    print(sorted(results.get() for _ in range(2)))
    process.join()
"""
WAITS_FOR_COPY = """
import multiprocessing
import os

lock = multiprocessing.Lock()
with lock:
    pid = os.fork()
    if pid == 0:
        lock.acquire()
    os.waitpid(pid, 0)
"""

DAEMON = """
import os
import stat

if os.fork() == 0:
    os.closerange(3, 256)
    files = [os.open(os.devnull, os.O_WRONLY) for _ in range(32)]
    if os.fork() == 0:
        os._exit(sum(not stat.S_ISCHR(os.fstat(file).st_mode) for file in files))
    _, status = os.wait()
    os._exit(os.waitstatus_to_exitcode(status))
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
LEFT_AT_ONCE = """
import multiprocessing
import os
import sys

def leaf(end):
    end.send("leaf")

def middle(end):
    multiprocessing.Process(target=leaf, args=(end,), name="leaf").start()
    os._exit(0)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=middle, args=(there,), name="middle")
    process.start()
    there.close()
    process.join()
    print(here.recv())
    try:
        here.recv()
    except EOFError:
        pass
"""


def ends(recorded: Recorded) -> dict[str, tuple[Any, ...]]:
    """Return how each process has ended: exit code and cause."""
    exits = recorded.log.all("process.exited")
    assert len({event["process"] for event in exits}) == len(exits)
    return {event["process"]: (event["exitcode"], event["cause"]) for event in exits}


def test_a_copy_has_a_name_a_parent_and_an_end(tmp_path: Path) -> None:
    """Also one that is a copy of a copy; the original speaks for itself alone."""
    recorded = record(tmp_path, COPIES)
    assert (
        (0, "copy\n3\n")
        == (recorded.status, recorded.stdout)
        == (recorded.status, plainly(tmp_path, "script.py").stdout)
    )
    first, second = "fork of MainProcess", "fork of fork of MainProcess"
    assert {"MainProcess": (0, "returned"), first: (3, "sys.exit"), second: (5, "ended")} == ends(recorded)
    log = recorded.log
    pids = {event["process"]: event["pid"] for event in log.all("process.started")}
    for name, parent in ((first, "MainProcess"), (second, first)):
        starting, started = log.one("process.starting", name), log.one("process.started", name)
        assert parent == starting["by"] == started["parent"]
        assert (pids[parent], "fork", False) == (started["ppid"], started["start_method"], started["daemon"])
    assert "os.fork() in main (script.py:6)" == log.one("process.starting", first)["target"]
    assert {"MainProcess"} == {event["process"] for event in log.all("process.finished")}


def test_however_a_copy_ends(tmp_path: Path) -> None:
    """By os._exit(), as another program, by a signal, by an exception, where the script does, or at once."""
    recorded = record(tmp_path, ENDS)
    names = ["fork of MainProcess", *(f"fork of MainProcess #{number}" for number in range(2, 7))]
    expected = [(4, "ended"), (6, "ended"), (-9, "signal"), (1, "exception"), (0, "ended"), (-9, "signal")]
    assert {"MainProcess": (0, "returned"), **dict(zip(names, expected, strict=True))} == ends(recorded)


def test_whose_parent_is_gone_at_once(tmp_path: Path) -> None:
    """Its parent is still the one that it had; its end is seen by who has adopted it."""
    recorded = record(tmp_path, UNAWAITED)
    first, second = "fork of MainProcess", "fork of fork of MainProcess"
    assert recorded.log.one("process.started", first)["pid"] == recorded.log.one("process.started", second)["ppid"]
    assert {"MainProcess": (0, "returned"), first: (0, "ended"), second: (7, "ended")} == ends(recorded)


def test_a_process_whose_parent_is_gone_at_once(tmp_path: Path, method: str) -> None:
    """Who has adopted it is not told as its parent, also where nobody knows the process id of the one that it had."""
    log = record(tmp_path, LEFT_AT_ONCE, method).log
    pids = {event["process"]: event["pid"] for event in log.all("process.started")}
    leaf = log.one("process.started", "leaf")
    assert "middle" == leaf["parent"]
    if method == "forkserver":
        assert log.one("process.started", "MainProcess")["ppid"] != leaf["ppid"]
    else:
        assert pids["middle"] == leaf["ppid"]


def test_a_copy_of_a_process_of_multiprocessing(tmp_path: Path, method: str) -> None:
    """It returns from the target as well; what it puts is its own."""
    recorded = record(tmp_path, IN_A_PROCESS, method)
    assert (0, "['copy', 'original']\n") == (recorded.status, recorded.stdout)
    put = {event["process"]: event["item"] for event in recorded.log.all("queue.put")}
    assert {"worker": "original", "fork of worker": "copy"} == put
    expected = {"MainProcess": (0, "returned"), "worker": (0, "returned"), "fork of worker": (0, "ended")}
    assert expected == ends(recorded)
    assert "worker" == recorded.log.one("process.started", "fork of worker")["parent"]


def test_a_deadlock_with_a_copy(tmp_path: Path) -> None:
    """Each of the two has its own name in the explanation."""
    recorded = record(tmp_path, WAITS_FOR_COPY)
    assert 3 == recorded.status
    reason = (
        "fork of MainProcess waits for ever for lock 'lock (script.py:5)', held by the main program, which waits for "
    )
    assert reason + "the end of fork of MainProcess" in recorded.stall()["reason"]


def test_a_daemon_keeps_the_files_that_it_has_opened(tmp_path: Path) -> None:
    """It closes all that it has inherited, ours as well; what it opens then, under the same numbers, is left alone."""
    recorded = record(tmp_path, DAEMON)
    assert (0, "0\n", "") == recorded[:3]
    assert (0, "ended") == ends(recorded)["fork of fork of MainProcess"]
