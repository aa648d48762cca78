"""What tests of `explore` share: the command in a folder, and some scenarios."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from support import COMMAND, PATIENCE, check_log, read_events

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
HOLDERS = """\
version: 1
title: Two that use a lock, one of which may be killed meanwhile
timeout: 30
sync:
  gate: {type: Lock}
processes:
  - {name: Worker, replicas: 2, steps: [{with: gate, steps: [{print: inside}]}]}
expect:
  - mutual_exclusion: gate
  - count: {event: lock.acquired}
    is: 2
"""
GIVES_UP = """\
version: 1
title: A consumer that gives up after a second
timeout: 30
queues:
  tasks: {type: Queue}
processes:
  - {name: Producer, steps: [{sleep: 0.1}, {put: 7, to: tasks}]}
  - {name: Consumer, steps: [{get: tasks, timeout: 1}]}
"""
KILLED_HOLDER = """\
version: 1
title: Who is killed with a lock takes it along
timeout: 30
sync:
  gate: {type: Lock}
processes:
  - {name: Killed, steps: [{with: gate, steps: [{print: inside}]}]}
  - {name: Later, steps: [{with: gate, steps: [{print: inside}]}]}
main:
  - start: Killed
  - kill: Killed
  - start: Later
  - join: [Killed, Later]
expect:
  - exitcodes: {Killed: [0, -9], Later: 0}
"""
LOST_UPDATE = """\
import multiprocessing, sys

def add(counter):
    seen = counter.value
    counter.value = seen + 1

if __name__ == "__main__":
    counter = multiprocessing.Value("i")
    adders = [multiprocessing.Process(target=add, args=(counter,)) for _ in range(2)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    sys.exit(counter.value != int(sys.argv[-1]))
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


BY_ORDER = {"broken-executor": "tasks", "crash-loop": "exits", "lost-items": "items", "missing-pill": "exits"}
"""Scenarios with a fact that depends on the order in which processes move, as they say themselves."""


def without_what_order_decides(name: str, log: str) -> dict[str, Any]:
    """Return what a run of a bundled scenario comes to, in whatever order its processes move."""
    events = read_events(log)
    check_log(events)
    counts = events[-1]["counts"]
    exits = [
        ("without a name" if each["process"].startswith("pid ") else each["process"], each["exitcode"])
        for each in events
        if each["event"] == "process.exited"
    ]
    tasks = [each["event"] for each in events if each["event"].startswith(("pool.called", "pool.task_"))]
    found = {
        "items": {name: counts[name] for name in ("put", "got", "dropped", "lost", "left")},
        "ends": (events[-1]["outcome"], events[-1]["exit_status"]),
        "exits": sorted(exits),
        "tasks": sorted(Counter(tasks).items()),
    }
    found.pop(BY_ORDER.get(name, ""), None)
    return found
