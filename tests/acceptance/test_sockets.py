"""Where the sockets of fork server, managers and targets lie: in a folder that is short enough, and is removed."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import KEPT, PATIENCE, Running, is_readable, scenario, search_path

MOST = 107
"""Bytes of a socket's path (unix(7))."""
NOWHERE_ELSE = """
import os

access = os.access
os.access = lambda path, mode: path not in ("/tmp", "/var/tmp") and access(path, mode)
"""
"""A sitecustomize: two folders in which everybody may write are closed."""


@pytest.fixture
def folder_of() -> Iterator[Callable[[int], str]]:
    """Return a function that makes a folder whose path has so many characters."""
    base = tempfile.mkdtemp(prefix="rs-", dir="/tmp")

    def folder_of(length: int) -> str:
        folder = f"{base}/".ljust(length, "x")
        os.mkdir(folder)
        return folder

    yield folder_of
    shutil.rmtree(base)


def listening(tmp_path: Path, method: str, tmp: str, *, forever: bool = False, search: str = "") -> Running:
    """Return a run with a manager and a listener, whose TMPDIR is that folder."""
    listener = {"name": "L", "target": "actors:listen", "kwargs": {"forever": forever}, "uses": {"mapping": "d"}}
    text = scenario(listener, shared={"d": {"type": "dict"}})
    path = os.pathsep.join(filter(None, [search, search_path()]))
    shell = "env", "-u", "XDG_RUNTIME_DIR", f"TMPDIR={tmp}", f"PYTHONPATH={path}"
    return Running(tmp_path, text, "--start-method", method, shell=shell)


def left_of(run: str) -> list[str]:
    """Return what there still is of a run where its sockets may have been."""
    return [f"{base}/{name}" for base in ("/tmp", "/var/tmp") for name in os.listdir(base) if run in name]


@pytest.mark.parametrize("length", [40, 60, 85, 120, 200])
def test_every_length_of_tmpdir(tmp_path: Path, method: str, length: int, folder_of: Callable[[int], str]) -> None:
    """However long TMPDIR is, all can listen, targets see it as it was set, and nothing stays behind."""
    tmp = folder_of(length)
    result = listening(tmp_path, method, tmp).finish()
    assert 0 == result.status, result.stderr
    [line] = result.log.output("L")
    temporary, variable, address = line.split()
    assert (tmp, tmp) == (temporary, variable)
    assert len(address) <= MOST
    assert address.startswith(tmp if length < 59 else "/tmp/run-scenario-")
    assert ([], []) == (os.listdir(tmp), left_of(result.log.events[0]["run"]))


@pytest.mark.parametrize(
    ("who", "number"),
    [
        ("runner", signal.SIGTERM),
        ("runner", signal.SIGKILL),
        ("supervisor", signal.SIGKILL),
        ("main program", signal.SIGKILL),
    ],
)
def test_whoever_is_ended(tmp_path: Path, method: str, who: str, number: int, folder_of: Callable[[int], str]) -> None:
    """Who sweeps removes the folder of the sockets as well."""
    tmp = folder_of(120)
    running = listening(tmp_path, method, tmp, forever=True)
    main = running.wait_for("process.started", "MainProcess")
    address = running.wait_for("process.output", "L")["text"].split()[-1]
    assert "/tmp" == os.path.dirname(os.path.dirname(address))
    assert 0o40700 == os.stat(os.path.dirname(address)).st_mode
    ends = [os.pidfd_open(pid) for pid in running.survivors()]
    os.kill({"runner": running.process.pid, "supervisor": main["ppid"], "main program": main["pid"]}[who], number)
    for end in ends:
        assert is_readable(end, PATIENCE)
        os.close(end)
    running.finish(whole=(who, number) != ("runner", signal.SIGKILL))
    assert [] == left_of(running.events[0]["run"])
    assert [] == [name for name in os.listdir(tmp) if not name.startswith(KEPT)]


def test_nowhere_for_sockets(tmp_path: Path, folder_of: Callable[[int], str]) -> None:
    """Where no folder is short enough, a scenario that needs sockets does not begin; the message has the way out."""
    (tmp_path / "sitecustomize.py").write_text(NOWHERE_ELSE)
    tmp = folder_of(120)
    result = listening(tmp_path, "forkserver", tmp, search=str(tmp_path)).finish()
    assert 4 == result.status
    assert "TMPDIR is too long for that" in result.stderr
    assert "set TMPDIR to a shorter folder" in result.stderr
    assert [] == os.listdir(tmp)
