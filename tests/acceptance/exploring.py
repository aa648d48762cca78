"""What tests of `explore` share: the command in a folder, and a scenario that has two locks taken in two orders."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from support import COMMAND, PATIENCE

import commands

LOCK_ORDER = """\
version: 1
title: Two locks, taken in two orders
timeout: 30
sync:
  one: {type: Lock}
  two: {type: Lock}
processes:
  - {name: Forwards, steps: [{with: one, steps: [{with: two, steps: [{print: both}]}]}]}
  - {name: Backwards, steps: [{with: two, steps: [{with: one, steps: [{print: both}]}]}]}
"""


def call(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call run-scenario in a folder."""
    return commands.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def explore(folder: Path, text: str, *options: str, status: int, file: str = "it.yaml") -> dict[str, Any]:
    """Explore a scenario, or a script, of this text, in a file of this name; return what is printed as JSON."""
    (folder / file).write_text(text)
    done = call(folder, "explore", file, "--seed", "1", "--replays", "3", "--format", "json", *options)
    assert (status, "") == (done.returncode, done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
