"""How things are measured here.

A *pair* is the same program twice: once as a scenario, once as the plain script that a person would write. The two
are run in turn, A B A B …, after one round that is not counted, so that a machine that gets slower or faster does so
for both. What is reported is the median of the ratios (or differences) pair by pair, with the lowest and the highest.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.programs import PROGRAMS

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Result:
    """One line of the table: medians, the spread of the pairwise comparison, and the goal it is held against."""

    name: str
    unit: str
    scenario: float
    script: float | None
    comparison: str
    """`×` (scenario / script), or `+UNIT` (scenario - script)."""
    median: float
    lowest: float
    highest: float
    goal: float
    gross: float | None = None
    """A ratio beyond which something is broken, whatever the machine; None: no ratio."""
    pairs: int = 1

    def row(self) -> str:
        """Return the result as a line of text."""
        mark = "ok" if self.median <= self.goal else "over"
        spread = f"{self.lowest:.2f} … {self.highest:.2f}"
        script = "" if self.script is None else f"{self.script:.3f}"
        return (
            f"{self.name:<46} {self.scenario:>9.3f} {script:>9} {self.unit:<3} "
            f"{self.median:>8.2f} {self.comparison:<4} {spread:>18}   at most {self.goal:g}: {mark}"
        )

    @property
    def is_gross(self) -> bool:
        """Whether even a busy machine does not explain it."""
        return self.gross is not None and self.median > self.gross


@dataclass(frozen=True)
class Options:
    """How much is measured: so many pairs, of whole programs or of short ones, in a folder for what is made."""

    pairs: int
    short: bool
    folder: Path


def environment() -> dict[str, str]:
    """Return the environment for what is measured: compiled files are kept, as for every user."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")}
    return {**kept, "PYTHONPATH": str(HERE)}


def run(command: Sequence[str]) -> bytes:
    """Run a command that must succeed; return what it writes to standard output."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout


def wall(command: Sequence[str]) -> float:
    """Run a command that must succeed; return its wall time in seconds, from the outside."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
    return time.perf_counter() - began


def command(*arguments: str) -> list[str]:
    """Return the command with these arguments."""
    return [sys.executable, "-m", "run_scenario", *arguments]


def write_scenario(options: Options, name: str, *numbers: int) -> Path:
    """Write a program's scenario to a file; return its path."""
    path = options.folder / f"{'-'.join([name, *map(str, numbers)])}.yaml"
    path.write_text(json.dumps(PROGRAMS[name](*numbers)))
    return path


def run_command(path: Path, *more: str) -> list[str]:
    """Return the command that runs a scenario file and writes its log to standard output."""
    return command("run", str(path), "--format", "json", "--allow", "workers", *more)


def script_command(name: str, *numbers: int, method: str = "fork") -> list[str]:
    """Return the command that runs a program's plain script."""
    return [sys.executable, str(HERE / "plain.py"), name, *map(str, numbers), method]


def main_program_seconds(path: Path, method: str = "fork") -> float:
    """Run a scenario and return how long its main program took, from its own events."""
    for line in run(run_command(path, "--start-method", method)).splitlines():
        if b'"process.finished"' in line:
            event: dict[str, Any] = json.loads(line)
            if event["process"] == "MainProcess":
                return float(event["duration"])
    raise RuntimeError(f"{path}: the main program did not finish")


def own_seconds(command: Sequence[str], *, processor: bool = False) -> float:
    """Run a script that prints how long it took, and how much processor time; return one of them."""
    return float(run(command).split()[processor])


def compare_program(
    title: str, options: Options, name: str, *numbers: int, goal: float, method: str = "fork", gross: float = 6.0
) -> Result:
    """Compare the seconds that the main programs of a scenario and of its plain script took."""
    path = write_scenario(options, name, *numbers)
    return compare(
        title,
        partial(main_program_seconds, path, method),
        lambda: own_seconds(script_command(name, *numbers, method=method)),
        pairs=options.pairs,
        goal=goal,
        gross=gross,
    )


def compare(
    name: str,
    scenario: Callable[[], float],
    script: Callable[[], float],
    *,
    pairs: int,
    goal: float,
    gross: float | None = None,
    unit: str = "s",
    difference: str = "",
    factor: float = 1.0,
) -> Result:
    """Measure both in turn and compare pair by pair: as a ratio, or as a `difference` in that unit, times `factor`."""
    scenario()
    script()
    measured = [(scenario(), script()) for _ in range(pairs)]
    compared = [(a - b) * factor if difference else a / b for a, b in measured]
    return Result(
        name=name,
        unit=unit,
        scenario=statistics.median(a for a, _ in measured),
        script=statistics.median(b for _, b in measured),
        comparison=f"+{difference}" if difference else "×",
        median=statistics.median(compared),
        lowest=min(compared),
        highest=max(compared),
        goal=goal,
        gross=gross,
        pairs=pairs,
    )


def alone(name: str, unit: str, measured: Sequence[float], goal: float) -> Result:
    """Report a figure that has no counterpart in a script."""
    middle = statistics.median(measured)
    return Result(name, unit, middle, None, unit, middle, min(measured), max(measured), goal, pairs=len(measured))


def write_json(path: str, results: list[Result]) -> None:
    """Write the results, and what they were measured on, to a file."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else None
    about = {"python": sys.version.split()[0], "platform": platform.platform(), "cpus": os.cpu_count(), "load": load}
    Path(path).write_text(json.dumps({"machine": about, "results": [asdict(r) for r in results]}, indent=2) + "\n")
