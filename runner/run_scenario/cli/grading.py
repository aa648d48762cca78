"""Runs one hand-in and has it judged by checks: for `grade`, and for exercises.

Each is run by a command of its own, so that whatever one of them does, the others are graded, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from run_scenario.cli import options as shared
from run_scenario.cli.hand_ins import SCRIPTS, ending
from run_scenario.errors import Status
from run_scenario.limits import DEFAULTS, GIBI, LIMITS
from run_scenario.report.text import seconds

if TYPE_CHECKING:
    from run_scenario.report.exercises import Tried
    from run_scenario.report.grading import Graded
    from run_scenario.scenario.model import Scenario

LIMITS_OF_HAND_INS = DEFAULTS.replace(memory=2 * GIBI)
"""By mistake or on purpose, a hand-in may want all the memory that there is, in which all others are to be run."""
USUAL_TIMEOUT = 60.0
_MOST_SAID = 100_000
"""Bytes that are read of what a command says on standard error."""
_TOLD = (b'{"event":"scenario.', b'{"event":"expectation.')
"""How the lines of a log begin that are needed: of a long one, these are few."""
_REPLAYS = 20
"""Of a schedule with which it fails: so often it has to fail again."""
_STOP_WITHIN = 20.0
"""Seconds that a run gets to stop in an orderly way when this command is interrupted, or has waited long enough."""
_MOST_RUNS = 20
"""Of one hand-in, which has several if it has a `matrix`."""
_LEAST_SECONDS, _DEADLINES = 60.0, 5
"""All runs of a hand-in together may take so many seconds, or as long as so many runs, whichever is more."""


def add_budget(parser: ArgumentParser) -> None:
    """Add the options that limit all runs of a hand-in together."""
    group = parser.add_argument_group("limits of a hand-in", "the most that all runs of one hand-in may have together")
    group.add_argument(
        "--max-runs",
        metavar="N",
        type=shared.number(int, lambda number: 0 < number <= 500, "a whole number from 1 to 500"),
        default=_MOST_RUNS,
        help=f"combinations of its `matrix`; one with more is not run at all (default: {_MOST_RUNS})",
    )
    group.add_argument(
        "--max-seconds",
        metavar="S",
        type=shared.number(float, lambda number: 0 < number < float("inf"), "a number of seconds above 0"),
        help=f"beyond, it is stopped (default: {_DEADLINES} times the deadline of a run, "
        f"and at least {_LEAST_SECONDS:g})",
    )


def grade(
    name: str, path: Path, expected: Scenario, options: Namespace, start_method: str | None = None
) -> list[Graded]:
    """Run a hand-in; return what came of each of its runs.

    Args:
        name: What it is called in the results.
        path: Its file, a scenario or a Python script.
        expected: A file of expectations, which it is judged by.
        options: `--timeout`, `--allow` and the limits, those of `add_budget`, too.
        start_method: Instead of what a scenario says.
    """
    from run_scenario.report.grading import Graded, read_runs

    timeout = options.timeout
    if timeout is None and expected.timeout == float("inf"):
        timeout = USUAL_TIMEOUT
    command = _command(path, expected, options, timeout)
    most = options.max_seconds or max(_LEAST_SECONDS, _DEADLINES * (timeout or expected.timeout))
    if start_method is not None:
        command += ["--start-method", start_method]
    with tempfile.TemporaryDirectory(prefix="run-scenario-", ignore_cleanup_errors=True) as folder:
        log, said = Path(folder, "log"), Path(folder, "said")
        log.touch()
        file = os.path.join(".", path) if str(path).startswith("-") else str(path)  # noqa: PTH118 (a Path drops it)
        if ending(path.name) in SCRIPTS:
            status = _call([*command, "--log", str(log), file], None, said, most)
            unrun = "invalid"
        else:
            status = _call([*command, file], log, said, most)
            unrun = "invalid" if status == Status.INVALID else "internal_error"
        with log.open("rb") as lines:
            runs = read_runs(name, list(_told(lines)))
        with said.open("rb") as text:
            message = text.read(_MOST_SAID).decode("utf-8", "replace").strip()
    if status is None:
        return [*_complete(runs), Graded(name, "limit_exceeded", False, (), (_too_long(most, len(runs)),))]
    return runs or [Graded(name, unrun, False, (), _reasons(message))]


def _complete(runs: list[Graded]) -> list[Graded]:
    """Return the runs without the one that was under way when all of them together had taken too long."""
    return [each for each in runs if each.is_judged]


def _too_long(most: float, begun: int) -> str:
    which = f" in run {begun}" if begun > 1 else ""
    return f"it was stopped{which}: its runs took more than the {seconds(most)} that --max-seconds allows together"


def explore(path: Path, expected: Scenario, options: Namespace, keep: str) -> Tried:
    """Run a scenario with `options.schedules` schedules, judged by the same checks.

    A schedule with which it fails is kept in the file `keep`.
    """
    from run_scenario.report.exercises import Tried

    command = [sys.executable, "-P", "-m", "run_scenario", "explore", str(path), "--expect", expected.file]
    command += ["--schedules", str(options.schedules), "--replays", str(_REPLAYS), "--format", "json", "--keep", keep]
    command += [part for package in options.allow for part in ("--allow", package)]
    command += ["--timeout", str(options.timeout)] if options.timeout is not None else []
    command += _limits(options, LIMITS)
    with tempfile.TemporaryDirectory(prefix="run-scenario-", ignore_cleanup_errors=True) as folder:
        answer, said = Path(folder, "answer"), Path(folder, "said")
        _call(command, answer, said, None)
        text = answer.read_bytes()
        message = said.read_text(encoding="utf-8", errors="replace").strip()
    if not text:
        return Tried("refused", _reasons(message))
    found = json.loads(text)
    finding = found["finding"] or {}
    reasons = (*finding.get("reasons", ()), *found["reasons"])
    kept = finding.get("kept") or ""
    return Tried(found["verdict"], reasons, found["schedules"], found["orders"], kept, tuple(found["not_judged"]))


def _limits(options: Namespace, names: Iterable[str]) -> list[str]:
    most = {LIMITS[name].option: getattr(options, f"max_{name}") for name in names}
    return [part for option, number in most.items() if number is not None for part in (option, str(number))]


def _command(path: Path, expected: Scenario, options: Namespace, timeout: float | None) -> list[str]:
    """Return the command that runs a hand-in and writes its log to standard output, or to a file named behind it."""
    is_of_script = ending(path.name) in SCRIPTS
    if is_of_script:
        command = ["record", "--no-color", "--end-with-parent", str(os.getpid())]
    else:
        command = ["run", "--format", "json", "--for-program", "--end-with-parent", str(os.getpid())]
        # The folder of hand-ins may have a pyproject.toml, which is no consent of whoever grades them.
        command += ["--no-settings", "--max-runs", str(options.max_runs)]
        command += [part for package in options.allow for part in ("--allow", package)]
    command += _limits(options, ["log"] if is_of_script else LIMITS)
    command += ["--timeout", str(timeout)] if timeout is not None else []
    # -P: what lies in the current folder must not be imported in the place of a library.
    return [sys.executable, "-P", "-m", "run_scenario", *command, "--expect", expected.file]


def _call(command: list[str], stdout: Path | None, stderr: Path, most: float | None) -> int | None:
    """Run a command to its end, and return its exit status; None: it was stopped after so many seconds.

    Ctrl-C reaches it as well, and it gets the time to end what it runs.
    """
    with open(os.devnull if stdout is None else stdout, "wb") as out, stderr.open("wb") as err:  # noqa: PTH123
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            return process.wait(most)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.returncode is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_WITHIN)
                process.kill()
                process.wait()


def _told(log: IO[bytes]) -> Iterator[dict[str, Any]]:
    for line in log:
        if line.startswith(_TOLD) and line.endswith(b"\n"):
            yield json.loads(line)


def _reasons(message: str) -> tuple[str, ...]:
    """Return the sentences that a command has said, each with its hint, without excerpts from files."""
    from run_scenario.loader.problems import on_single_lines

    lines = [line.removeprefix("run-scenario: ") for line in on_single_lines(message)]
    return tuple(lines) or ("it could not be run",)
