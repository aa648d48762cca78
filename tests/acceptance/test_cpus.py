"""`cpus`: the main program and all its children run on certain CPUs alone, or the scenario is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support import METHODS, Result, run, scenario

ALLOWED = sorted(os.sched_getaffinity(0))


def play(folder: Path, cpus: Any, method: str = "fork") -> Result:
    """Run a process that prints which CPUs it may use."""
    text = scenario({"name": "W", "target": "actors:tell_cpus"}, cpus=cpus)
    return run(folder, text, "--start-method", method)


@pytest.mark.parametrize("method", METHODS)
def test_children_are_pinned_with_the_main_program(tmp_path: Path, method: str) -> None:
    """One CPU is the lowest that may be used; the log says which, and each child has inherited it."""
    result = play(tmp_path, 1, method)
    started = result.log.events[0]
    assert (0, 1, ALLOWED[:1]) == (result.status, started["cpus"], started["pinned_to"])
    assert [str(ALLOWED[:1])] == result.log.output("W")


def test_cpus_by_id(tmp_path: Path) -> None:
    """A list names the CPUs themselves, and only the run is pinned: the runner's own CPUs are what they were."""
    last = ALLOWED[-1:]
    result = play(tmp_path, last)
    assert (0, last) == (result.status, result.log.events[0]["pinned_to"])
    assert [str(last)] == result.log.output("W")


def test_without_cpus_nothing_is_pinned(tmp_path: Path) -> None:
    """What the runner may use, its scenarios may use."""
    result = run(tmp_path, scenario({"name": "W", "target": "actors:tell_cpus"}))
    assert result.log.events[0]["pinned_to"] is None
    assert [str(ALLOWED)] == result.log.output("W")


@pytest.mark.parametrize(
    ("cpus", "words"), [(4000, "4,000 CPUs are not available"), ([ALLOWED[0], 60_000], "CPU 60000 is not available")]
)
def test_cpus_that_are_not_there(tmp_path: Path, cpus: Any, words: str) -> None:
    """The error has its place in the file and names what there is; nothing was created."""
    result = play(tmp_path, cpus)
    assert (2, "refused") == (result.status, result.outcome)
    assert [] == result.log.all("process.starting")
    place, _, told = result.stderr.partition(": error: ")
    assert place.endswith("case.yaml:1:" + place.rpartition(":")[2])
    count = "1 CPU" if len(ALLOWED) == 1 else f"{len(ALLOWED)} CPUs"
    lines = told.splitlines()
    assert (words, f"   this program may use {count}: {', '.join(map(str, ALLOWED))}") == (lines[0], lines[-1])
    assert "the scenario asks for CPUs that are not available" == result.log.one("scenario.refused")["reason"]
