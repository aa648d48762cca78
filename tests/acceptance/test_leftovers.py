"""`recover`: what is left where supervisor and runner were killed in the same instant is listed, ended and removed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from support import COMMAND, Running, scenario


def recover(running: Running, *arguments: str) -> str:
    """Return what the command prints in the same temporary folder."""
    environment = {**os.environ, "TMPDIR": str(running.tmp)}
    command = [*COMMAND, "recover", *arguments]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_what_is_left_is_listed_and_removed(tmp_path: Path, method: str) -> None:
    """While anybody looks after the run nothing is left; after both were killed, its own is found and removed."""
    stays = {"name": "Stays", "target": "actors:keep_own_memory", "exitcode": "any"}
    running = Running(tmp_path, scenario(stays, sync={"gate": {"type": "Lock"}}, start_method=method))
    block = Path("/dev/shm", running.wait_for("process.output", "Stays")["text"])
    run, supervisor = running.events[0]["run"], running.events[0]["pid"]
    assert run not in recover(running)
    assert "there is nothing to remove" in recover(running, "--clean", run)
    for number in (signal.SIGSTOP, signal.SIGKILL):  # the one could not see the end of the other
        for pid in (supervisor, running.process.pid):
            os.kill(pid, number)
    running.process.communicate()
    stuck = running.survivors()
    assert stuck
    listed = recover(running)
    assert f"{run}  {running.tmp}/run-scenario-{run}; " in listed
    assert "End and remove this: run-scenario recover --clean" in listed
    assert f"{run}  removed: " in recover(running, "--clean", run)
    assert ([], [], False) == (running.survivors(), [*running.tmp.iterdir()], block.exists())
    assert run not in recover(running)
