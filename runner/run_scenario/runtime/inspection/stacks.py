"""Python's stacks of other processes, read by a tool that looks into their memory without stopping them.

That is py-spy, if it is on the PATH or beside this Python; else `profiling.sampling` of this Python (from 3.15 on),
which reads only processes of the same version.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from run_scenario.inspection import StackSource
from run_scenario.values import Value

_WITHIN = 20
"""Seconds that a tool has for one process: on a busy machine, its start alone may take some."""
_MOST_PROCESSES = 64
_MOST_FRAMES = 100
_SAMPLING = (3, 15)
"""The first Python with `profiling.sampling dump`."""
_HEADER = re.compile(r"Stack dump for PID \d+, thread (\d+) |Stack dump, thread (\d+) ")
_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+), in (?P<name>.*)')


class ThreadStack(Value):
    """The stack of a thread."""

    thread: int
    """As the system counts it."""
    name: str
    """Python's; empty: not known."""
    frames: tuple[str, ...]
    """The innermost first, as `path:line in function`."""


Stacks = dict[int, list[ThreadStack]]
"""Process -> its threads."""


def read_stacks(pids: Sequence[int]) -> tuple[Stacks, StackSource]:
    """Return the stacks of Python's processes, as far as they can be read, and by what means."""
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=os.path.dirname(sys.executable))
    if spy is not None:
        return _read_all("py-spy", [spy, "dump", "--nonblocking", "--json", "--pid"], _of_spy, pids)
    if sys.version_info >= _SAMPLING:
        dump = [sys.executable, "-I", "-m", "profiling.sampling", "dump", "-a"]
        return _read_all("profiling.sampling", dump, of_sampling, pids)
    return {}, StackSource("")


def _read_all(
    tool: str, command: list[str], parse: Callable[[str], list[ThreadStack]], pids: Sequence[int]
) -> tuple[Stacks, StackSource]:
    stacks: Stacks = {}
    problem = f"only the first {_MOST_PROCESSES} were asked" if len(pids) > _MOST_PROCESSES else ""
    for pid in pids[:_MOST_PROCESSES]:
        try:
            done = subprocess.run(
                [*command, str(pid)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_WITHIN,
                text=True,
                errors="replace",
                check=False,
            )
            if done.returncode == 0:
                stacks[pid] = parse(done.stdout)
                continue
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[0]
        except subprocess.TimeoutExpired:
            reason = f"it has not answered within {_WITHIN} s"
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
        problem = problem or f"pid {pid}: {reason}"
    return stacks, StackSource(tool, problem)


def _of_spy(text: str) -> list[ThreadStack]:
    """Return what `py-spy dump --json` has."""
    found: list[dict[str, Any]] = json.loads(text)
    return [
        ThreadStack(
            int(thread["os_thread_id"] or 0),
            str(thread["thread_name"] or ""),
            tuple(
                f"{frame['filename']}:{frame['line']} in {frame['name']}" for frame in thread["frames"][:_MOST_FRAMES]
            ),
        )
        for thread in found
    ]


def of_sampling(text: str) -> list[ThreadStack]:
    """Return what `python -m profiling.sampling dump` prints: a header for each thread, the innermost frame last."""
    stacks: list[tuple[int, list[str]]] = []
    for line in text.splitlines():
        if (header := _HEADER.match(line)) is not None:
            stacks.append((int(header[1] or header[2]), []))
        elif stacks and (frame := _FRAME.match(line)) is not None:
            stacks[-1][1].append(f"{frame['file']}:{frame['line']} in {frame['name']}")
    return [ThreadStack(thread, "", tuple(reversed(frames))[:_MOST_FRAMES]) for thread, frames in stacks]
