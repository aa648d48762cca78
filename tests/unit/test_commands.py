"""What tests/commands.py starts looks and ends like the command that a user starts."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import commands
from effort import WARM

pytestmark = pytest.mark.skipif(not WARM, reason="only with WARM=1")

Start = Callable[..., subprocess.Popen[Any]]
STARTS: tuple[Start, ...] = (subprocess.Popen, commands.Popen)
OF_INTEREST = ("Name", "Umask", "SigBlk", "SigIgn", "SigCgt")


MORE_THAN_A_PIPE_HOLDS = b" " * 70_000


def reading(start: Start, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a command that reads from us, and wait until it does."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start([*command, "show", "-"], **pipes, **options)
    assert process.stdin
    process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
    process.stdin.flush()
    return process


def looks(start: Start, command: list[str], folder: Path) -> dict[str, Any]:
    """Return what the system says of a command, and what it comes to."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "MARK": "é\n1"}
    with reading(start, command, cwd=folder, env=environment, start_new_session=True) as process:
        place = Path("/proc", str(process.pid))
        status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        found = {
            **{name: status[name] for name in OF_INTEREST},
            "environment": (place / "environ").read_bytes().rstrip(b"\0").split(b"\0"),
            "command": (place / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")[1:],  # of what name Python is
            "folder": os.readlink(place / "cwd"),
            "program": os.readlink(place / "exe"),
            "descriptors": {number for number in map(int, os.listdir(place / "fd")) if number < 3},
            "is leader": os.getsid(process.pid) == process.pid,
        }
        stdout, stderr = process.communicate(timeout=60)
    return {**found, "stdout": stdout, "stderr": stderr, "returncode": process.returncode}


@pytest.mark.parametrize("command", [commands.MODULE, commands.SCRIPT], ids=["module", "script"])
def test_a_copy_looks_like_a_fresh_process(tmp_path: Path, command: list[str]) -> None:
    """Its environment, command line, signals, session and folder are the same, and what it comes to."""
    fresh, warm = (looks(start, command, tmp_path) for start in STARTS)
    assert fresh == warm
    assert fresh["returncode"]
    assert b"MARK=\xc3\xa9\n1" in fresh["environment"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_copy_ends_by_signals(number: signal.Signals) -> None:
    """How it ends is told as of a child."""
    ends = []
    for start in STARTS:
        with reading(start, commands.MODULE) as process:
            process.send_signal(number)
            ends.append((process.wait(60), *process.communicate()))
    assert ends[0] == ends[1]


def test_a_wait_for_a_copy_has_an_end(tmp_path: Path) -> None:
    """Whoever waits too long for it is told so, and what it has printed is not lost."""
    with commands.Popen([*commands.MODULE, "show", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        assert process.poll() is None
        _, errors = process.communicate(b"", 60)
    assert process.returncode == process.poll() != 0
    assert errors


def test_what_python_reads_at_its_start(tmp_path: Path) -> None:
    """A command with another such variable is no copy, but started anew."""
    (tmp_path / "own.py").write_text("import sys\n\ndef tell():\n    print(sys.flags.hash_randomization)\n")
    (tmp_path / "own.yaml").write_text("{version: 1, processes: [{target: 'own:tell'}]}")
    done = commands.run(
        [*commands.MODULE, "own.yaml", "--allow", "own", "--format", "console"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, done.stderr
    assert "Process-1          | 0\n" in done.stdout, done.stdout
