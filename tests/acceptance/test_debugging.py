"""A debugger in a target: with --no-capture it has the terminal; otherwise the error says the way out."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from support import COMMAND, PATIENCE, Running, is_readable, read_events, run, scenario

TARGET = """\
import pdb


def work(outbox):
    answer = 42
    breakpoint()
    outbox.put(answer)


def work_traced(outbox):
    answer = 42
    pdb.set_trace()
    outbox.put(answer)
"""


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._leader, follower = pty.openpty()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            preexec_fn=lambda: os.login_tty(os.dup(follower)),
        )
        os.close(follower)
        self._shown = b""

    def read_until(self, text: str) -> None:
        """Wait until a text is shown, below what was waited for before."""
        while text.encode() not in self._shown:
            assert self._read(), self._shown
        self._shown = self._shown.partition(text.encode())[2]

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._leader, f"{line}\n".encode())

    def finish(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and what was shown since the last wait."""
        while self._read():
            pass
        return self._process.wait(PATIENCE), self._shown.decode()

    def settings(self) -> list[Any]:
        """Return how it is set: whether it shows what is typed, and so on."""
        return termios.tcgetattr(self._leader)

    def close(self) -> None:
        """Close it."""
        os.close(self._leader)

    def _read(self) -> bool:
        if not is_readable(self._leader, PATIENCE):
            self._process.kill()
            raise AssertionError(f"nothing more is shown after {self._shown!r}")
        try:
            block = os.read(self._leader, 4096)
        except OSError:  # nobody has the other end any more
            return False
        self._shown += block
        return bool(block)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a target that is debugged, and a scenario for it."""
    (tmp_path / "debugged.py").write_text(TARGET)
    return tmp_path


def text(target: str, method: str) -> str:
    """Return a scenario with that target, in a process."""
    process = {"name": "W", "target": f"debugged:{target}", "to": "q"}
    return scenario(process, queues={"q": {"collect": 1}}, start_method=method)


@pytest.mark.parametrize("target", ["work", "work_traced"])
def test_a_debugger_has_the_terminal(folder: Path, method: str, target: str) -> None:
    """Prompt, commands, and on it goes: what the process does then is in the log."""
    (folder / "own.yaml").write_text(text(target, method))
    arguments = ("own.yaml", "--allow", "debugged", "--no-capture", "--log", "run.jsonl")
    terminal = Terminal(folder, *COMMAND, "run", *arguments)
    terminal.read_until("(Pdb) ")
    terminal.type("p answer + 1")
    terminal.read_until("43")
    terminal.read_until("(Pdb) ")
    terminal.type("!answer = 7")
    terminal.read_until("(Pdb) ")
    terminal.type("c")
    status, shown = terminal.finish()
    terminal.close()
    assert 0 == status, shown
    events = read_events((folder / "run.jsonl").read_text())
    assert [7] == [event["item"] for event in events if event["event"] == "queue.get"]
    assert events[0]["timeout"] is None


def test_an_interrupt_at_the_prompt_leaves_the_terminal_as_it_was(folder: Path) -> None:
    """What the debugger has changed, as it reads keys one by one, is undone when it is killed."""
    (folder / "own.yaml").write_text(text("work", "fork"))
    terminal = Terminal(folder, *COMMAND, "run", "own.yaml", "--allow", "debugged", "--no-capture")
    before = terminal.settings()
    terminal.read_until("(Pdb) ")
    terminal.type("\x03")
    status, shown = terminal.finish()
    assert (130, before) == (status, terminal.settings()), shown
    terminal.close()


def test_without_a_terminal_the_way_out_is_said(folder: Path, method: str) -> None:
    """breakpoint() fails at once, in words."""
    result = run(folder, text("work", method), allow="debugged", cwd=folder)
    failed = result.log.one("process.failed", "W")
    assert "RuntimeError" == failed["exception"]
    assert "run-scenario run FILE --no-capture" in failed["message"]


def test_a_debugger_without_input_is_explained(folder: Path) -> None:
    """pdb.set_trace() asks nobody, and ends at the end of its input."""
    failed = run(folder, text("work_traced", "fork"), allow="debugged", cwd=folder).log.one("process.failed", "W")
    assert ("BdbQuit" if sys.version_info < (3, 14) else "SystemExit") == failed["exception"]
    assert "`run-scenario run FILE --no-capture` gives a debugger the terminal" in failed["hint"]


def test_a_debugger_that_was_chosen_is_left_alone(folder: Path, method: str) -> None:
    """PYTHONBREAKPOINT has its meaning: with 0, breakpoint() does nothing."""
    running = Running(folder, text("work", method), allow="debugged", cwd=folder, shell=("env", "PYTHONBREAKPOINT=0"))
    result = running.finish()
    assert (0, 42) == (result.status, result.log.one("queue.get")["item"])


def test_what_cannot_both_have_the_terminal_is_refused(folder: Path) -> None:
    """The log goes to a file, or to nobody."""
    (folder / "own.yaml").write_text(text("work", "fork"))
    for arguments in (["--log", "-"], ["--format", "json"]):
        done = subprocess.run([*COMMAND, "own.yaml", "--no-capture", *arguments], cwd=folder, capture_output=True)
        assert 2 == done.returncode
        assert b"standard output is the processes'" in done.stderr
