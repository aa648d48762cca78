"""A fork server that is still coming up when somebody of the run is killed: nobody stays, though it has work to do."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support import PATIENCE, Running, is_readable, scenario, search_path

HOLD_UP = """
import os, re, select, sys

fork_server = re.search(r"multiprocessing.forkserver import main; main\\((\\d+),", " ".join(sys.orig_argv))
if fork_server:
    main_program = os.getppid()
    end = os.pidfd_open(main_program)
    select.select([int(fork_server[1])], [], [])  # it is asked for a process
    while open(f"/proc/{main_program}/stat").read().rpartition(")")[2].split()[0] not in "SZ":
        os.sched_yield()  # until it waits for the answer
    with open(os.environ["HELD_UP"], "w") as told:
        told.write(str(main_program))
    select.select([end], [], [])  # and will never read it
"""
"""A sitecustomize: the fork server comes up only when the main program, which has asked it for a process, is dead."""


@pytest.mark.parametrize("who", ["runner", "supervisor", "main program"])
def test_a_fork_server_that_comes_up_too_late(tmp_path: Path, who: str) -> None:
    """What it starts for a main program that is dead is ended as well, whoever was killed."""
    (tmp_path / "sitecustomize.py").write_text(HOLD_UP)
    os.mkfifo(tmp_path / "held_up")
    text = scenario({"name": "P", "target": "hang", "replicas": 3})
    path = f"PYTHONPATH={tmp_path}{os.pathsep}{search_path()}"
    shell = "env", path, f"HELD_UP={tmp_path / 'held_up'}"
    running = Running(tmp_path, text, "--start-method", "forkserver", shell=shell)
    main = int((tmp_path / "held_up").read_text())
    supervisor = running.wait_for("process.started", "MainProcess")["ppid"]
    pids = [os.pidfd_open(pid) for pid in running.survivors()]
    os.kill({"runner": running.process.pid, "supervisor": supervisor, "main program": main}[who], signal.SIGKILL)
    for pid in pids:
        assert is_readable(pid, PATIENCE)
        os.close(pid)
    running.finish(whole=who != "runner")
