"""Python's stacks of other processes: what the tools print, and what is said where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from run_scenario.inspection import StackSource
from run_scenario.runtime.inspection import stacks
from run_scenario.runtime.inspection.stacks import ThreadStack, of_sampling, read_stacks

SAMPLING = """\
Stack dump for PID 4711, thread 4711 (main thread, idle; most recent call last):
  File "work.py", line 12, in <module>
    main()
  File "/lib/python3.15/multiprocessing/process.py", line 149, in BaseProcess.join
    res = self._popen.wait(timeout)

Stack dump, thread 4715 (idle; most recent call last):
No Python frames
"""
"""What `python -m profiling.sampling dump -a` prints (Lib/profiling/sampling/dump.py)."""


_PYTHON = sys.executable


def tool(folder: Path, name: str, text: str) -> None:
    """Put a script into a folder."""
    (folder / name).write_text(f"#!{_PYTHON}\nimport sys\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder in which programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


def test_what_sampling_prints() -> None:
    """Each thread has its frames, the innermost first; lines of source are left out."""
    frames = ("/lib/python3.15/multiprocessing/process.py:149 in BaseProcess.join", "work.py:12 in <module>")
    assert [ThreadStack(4711, "", frames), ThreadStack(4715, "", ())] == of_sampling(SAMPLING)


def test_without_any_tool(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read, and nothing is claimed to have been."""
    monkeypatch.setattr(sys, "version_info", (3, 14))
    assert ({}, StackSource("")) == read_stacks([4711])


def test_python_3_15_does_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This Python is asked by itself, without a module of the current folder in its way."""
    tool(folder, "python", f"assert sys.argv[1:] == '-I -m profiling.sampling dump -a 7'.split()\nprint({SAMPLING!r})")
    monkeypatch.setattr(sys, "version_info", (3, 15))
    found, source = read_stacks([7])
    assert StackSource("profiling.sampling") == source
    assert [4711, 4715] == [each.thread for each in found[7]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sys.exit('Error: not permitted\\nReason: …')", "Error: not permitted"),
        ("sys.exit(3)", "exit status 3"),
        ("print('no JSON')", "JSONDecodeError"),
        ("print('[{}]')", "KeyError"),
        ("print('7')", "TypeError"),
    ],
)
def test_a_tool_that_fails(folder: Path, text: str, problem: str) -> None:
    """Why it did is said once, with the first process of which it could not read the stacks; the others are there."""
    good = (
        '[{"os_thread_id": 7, "thread_name": "MainThread", "frames": [{"filename": "a.py", "line": 1, "name": "f"}]}]'
    )
    tool(folder, "py-spy", f"if sys.argv[-1] == '7':\n    print({good!r})\nelse:\n    {text}")
    found, source = read_stacks([7, 8, 9])
    assert {7: [ThreadStack(7, "MainThread", ("a.py:1 in f",))]} == found
    assert "py-spy" == source.tool
    assert source.problem.startswith(f"pid 8: {problem}")


def test_it_is_not_to_be_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """py-spy is told not to pause the program; of many processes only some are asked, and that is said."""
    tool(folder, "py-spy", "assert '--nonblocking' in sys.argv\nprint('[]')")
    assert ({7: []}, StackSource("py-spy")) == read_stacks([7])
    monkeypatch.setattr(stacks, "_MOST_PROCESSES", 1)
    assert ({7: []}, StackSource("py-spy", "only the first 1 were asked")) == read_stacks([7, 8])
