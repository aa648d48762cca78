"""How things are measured here.

A *pair* is the same program twice: once as a scenario, once as the plain script that a person would write. The two
are run in turn, A B A B …, after one round that is not counted, so that a machine that gets slower or faster does so
for both. What is reported is the median of the ratios (or differences) pair by pair, with the lowest and the highest.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Result:
    """One line of the table: medians, the spread of the pairwise comparison, and the goal it is held against."""

    name: str
    unit: str
    scenario: float
    script: float
    comparison: str
    """`×` (scenario / script) or `+ms` (scenario - script)."""
    median: float
    lowest: float
    highest: float
    goal: float
    pairs: int

    def row(self) -> str:
        """Return the result as a line of text."""
        mark = "ok" if self.median <= self.goal else "over"
        spread = f"{self.lowest:.2f} … {self.highest:.2f}"
        return (
            f"{self.name:<34} {self.scenario:>10.3f} {self.script:>10.3f} {self.unit:<3} "
            f"{self.median:>8.2f} {self.comparison:<4} {spread:>18}   at most {self.goal:g}: {mark}"
        )


def environment() -> dict[str, str]:
    """Return the environment for what is measured: compiled files are kept, as for every user."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")}


def wall(command: list[str]) -> float:
    """Run a command that must succeed; return its wall time in seconds, from the outside."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment(), cwd=ROOT)
    return time.perf_counter() - began


def scenario_command(file: str, *options: str) -> list[str]:
    """Return the command that runs a scenario of this folder."""
    return [sys.executable, "-m", "run_scenario", "run", str(HERE / file), "--format", "json", *options]


def main_program_seconds(file: str, *options: str) -> float:
    """Run a scenario and return how long its main program took, from its own events."""
    done = subprocess.run(
        scenario_command(file, *options), check=True, capture_output=True, env=environment(), cwd=ROOT
    )
    for line in done.stdout.splitlines():
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "process.finished" and event["process"] == "MainProcess":
            return float(event["duration"])
    raise RuntimeError(f"{file}: the main program did not finish")


def script_seconds(file: str) -> float:
    """Run a plain script that prints how long its own work took; return that."""
    command = [sys.executable, str(HERE / file)]
    return float(subprocess.run(command, check=True, capture_output=True, env=environment(), cwd=ROOT).stdout)


def compare(
    name: str,
    scenario: Callable[[], float],
    script: Callable[[], float],
    *,
    pairs: int,
    goal: float,
    difference: bool = False,
) -> Result:
    """Measure both in turn and compare pair by pair: as a ratio, or as a difference in milliseconds."""
    scenario()
    script()
    measured = [(scenario(), script()) for _ in range(pairs)]
    compared = [(a - b) * 1000 if difference else a / b for a, b in measured]
    return Result(
        name=name,
        unit="s",
        scenario=statistics.median(a for a, _ in measured),
        script=statistics.median(b for _, b in measured),
        comparison="+ms" if difference else "×",
        median=statistics.median(compared),
        lowest=min(compared),
        highest=max(compared),
        goal=goal,
        pairs=pairs,
    )


def write_json(path: str, results: list[Result]) -> None:
    """Write the results, and what they were measured on, to a file."""
    about = {"python": sys.version.split()[0], "cpus": os.cpu_count()}
    Path(path).write_text(json.dumps({"machine": about, "results": [asdict(r) for r in results]}, indent=2) + "\n")
