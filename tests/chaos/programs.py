"""Random programs that are recorded: some parts of `program.py`, under one of the start methods."""

from __future__ import annotations

import random
import sys
from pathlib import Path

ACCEPTANCE = Path(__file__).parents[1] / "acceptance"
sys.path.insert(0, str(ACCEPTANCE))

from support import COMMAND, METHODS, Event, Running  # noqa: E402 (it lies beside)

from chaos.scenarios import TIMEOUT  # noqa: E402

PROGRAM = Path(__file__).parent / "program.py"
PARTS = ("queue", "locks", "pool", "executor", "manager", "memory", "tree", "others")
_OURS = ("/cli/", "/report/", "/runtime/supervisor/", "/runtime/runner.py", "/runtime/run_follower.py")
"""What runs in processes of our own: none of it may be in a traceback. Those of the program's are its own matter."""

_STATUSES = {"stalled": 3, "timed_out": 3, "internal_error": 4}
"""Outcomes that decide the exit status."""


class RunningProgram(Running):
    """`record` while it runs; the program leaves it the standard output for the log."""

    def _command(self, text: str, *arguments: str, allow: str) -> list[str]:
        return [*COMMAND, "record", "--timeout", str(TIMEOUT), "--log", "/dev/stdout", text, *arguments]

    def _check_stderr(self, stderr: str) -> None:
        assert not any(f"/run_scenario{ours}" in stderr for ours in _OURS), stderr

    def _check_status(self, status: int, finished: Event) -> None:
        """It is the program's, unless that had to be stopped, or the supervisor is gone."""
        assert status == _STATUSES.get(finished["outcome"], status), finished


def run(rng: random.Random, folder: Path, noted: Path) -> RunningProgram:
    """Start such a program; its process Noting writes into a file how many of its puts have returned."""
    parts = rng.sample(PARTS, k=rng.choice([1, 1, 2]))
    return RunningProgram(folder, str(PROGRAM), rng.choice(METHODS), str(noted), *parts)
