"""LOG on the command line: the events of a log, read line by line; what is wrong with it is reported in words."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from run_scenario.cli.streams import note
from run_scenario.counting import plural
from run_scenario.errors import UsageError, reason_of
from run_scenario.events.lines import parse_line
from run_scenario.report.text import sanitize

Event = dict[str, Any]

STANDARD_INPUT = "-"
_LONGEST_LINE = 1 << 24
"""Bytes of a line; a longer one is no event, and is not read as a whole."""
_TAIL = 1 << 20
"""How far back, in bytes, the end of a log is searched for the last event."""
_SCENARIOS = (".yaml", ".yml")
_MOST_RUNS = 1_000
"""Other runs of a log that are counted."""


def is_log(name: str) -> bool:
    """Return whether `name` is a log, not a scenario: a file that begins as JSON does, or standard input."""
    if name == STANDARD_INPUT:
        return True
    path = Path(name)
    if path.suffix in _SCENARIOS or path.is_dir():
        return False
    if path.suffix == ".jsonl" or path.is_fifo():
        return True
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip().startswith(b'{"')
    except OSError:
        return False


def opened(name: str) -> IO[bytes]:
    """Open a log.

    Raises:
        UsageError: it cannot be read.
    """
    if name == STANDARD_INPUT:
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise UsageError(f"cannot read the log '{sanitize(name)}': {reason_of(error)}") from None


def events(log: IO[bytes], name: str) -> Iterator[Event]:
    """Yield the events; the last line may be torn, where whoever wrote it was killed.

    Raises:
        UsageError: another line is no event.
    """
    torn = number = 0
    for number, line in enumerate(iter(lambda: log.readline(_LONGEST_LINE), b""), 1):
        if torn:
            break
        event = parse_line(line)
        if event is None:
            torn = number
        else:
            yield event
    if not torn:
        return
    if torn < number or torn == 1:
        raise UsageError(f"{sanitize(name)}:{torn}: this line is no event of a log of run-scenario")
    note(f"{sanitize(name)}:{torn}: the last line is torn, and was left out")


@contextlib.contextmanager
def seekable(name: str) -> Iterator[IO[bytes]]:
    """Open a log to be read more than once; what comes through a pipe is kept in a temporary file meanwhile.

    Raises:
        UsageError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        log = opened(name)
        if name != STANDARD_INPUT:
            stack.enter_context(log)
        try:
            if not log.seekable() or log is sys.stdin.buffer:
                kept = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(log, kept)
                log = kept
        except OSError as error:
            raise UsageError(f"cannot read the log '{sanitize(name)}': {reason_of(error)}") from None
        yield log


def one_run(log: IO[bytes], name: str, run: str | None) -> Iterator[Event]:
    """Yield the events of one run of a log that can be read twice: the one called `run`, otherwise the last one.

    Raises:
        UsageError: there is no such run, or a line is no event.
    """
    wanted = _last_run(log) if run is None else run
    others: set[str] = set()
    found = False
    log.seek(0)
    for event in events(log, name):
        if event["run"] == wanted:
            found = True
            yield event
        elif len(others) < _MOST_RUNS:
            others.add(event["run"])
    if not found and run is not None:
        known = ", ".join(sorted(others)[:10])
        raise UsageError(f"'{sanitize(name)}' has no run {run!r}" + (f"; it has {sanitize(known)}" if known else ""))
    if not found:
        raise UsageError(f"there is no run in '{sanitize(name)}': it has no event at all")
    if others and run is None:
        more = plural(len(others), "earlier run")
        note(f"{sanitize(name)} has {more}, too; this is the last one; --run {min(others)} shows another")


def _last_run(log: IO[bytes]) -> str | None:
    """Return the name of the run that the last event is of."""
    size = log.seek(0, io.SEEK_END)
    log.seek(max(0, size - _TAIL))
    for line in reversed(log.read().splitlines()):
        event = parse_line(line)
        if event is not None:
            return str(event["run"])
    return None
