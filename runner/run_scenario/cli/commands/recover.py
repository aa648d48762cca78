"""`recover`: what had been recorded of a run when run-scenario itself was killed."""

from __future__ import annotations

import argparse
import os
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.output_format import event_output
from run_scenario.cli.settings import check_settings, log_processors
from run_scenario.cli.streams import note, write_stdout
from run_scenario.counting import plural
from run_scenario.errors import MachineryError, Status, UsageError
from run_scenario.report.text import sanitize
from run_scenario.runtime.platform.capabilities import check_fork

if TYPE_CHECKING:
    from run_scenario.runtime.archive import ArchivedRun
    from run_scenario.runtime.leftovers import Leftover


def recover(options: Namespace) -> Status:
    """List what has been kept; or write one recording's log, and remove it."""
    check_fork(os.environ)
    from run_scenario.runtime import archive, leftovers

    if options.clean:
        return _clean([left for left in leftovers.leftovers() if left.run.startswith(options.run or "")])
    found = archive.recordings()
    if options.run is None:
        write_stdout(_listed(found) + _listed_leftovers(leftovers.leftovers()))
        return Status.PASSED
    recording = _named(options.run, found)
    from run_scenario.report.reasons import Sentences, sentences

    check_settings(Path.cwd())
    sinks = event_output(options, options.log, processors=lambda: log_processors(None, ())).sinks
    try:
        outcome = archive.recover(recording, sinks, Sentences())
    finally:
        for sink in sinks:
            sink.close()
    note(f"run {sanitize(recording.run)}: {'; '.join(sentences(outcome))}")
    if not options.keep:
        archive.remove(recording)
    return Status.PASSED


def _listed(found: Sequence[ArchivedRun]) -> str:
    if not found:
        return "there is nothing to recover: no run-scenario that was killed has left a recording\n"
    from run_scenario.runtime import archive

    lines = []
    for recording in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(recording.ended))
        try:
            name = archive.read(recording).request.scenario.name
        except UsageError:
            name = "cannot be read"
        lines.append(f"{sanitize(recording.run)}  {when}  {recording.size / 1e6:6.1f} MB  {sanitize(name)}\n")
    footer = f"{plural(len(found), 'recording')}. Show one and remove it: run-scenario recover {sanitize(found[0].run)}"
    return f"{''.join(lines)}\n{footer}\n"


def _listed_leftovers(found: Sequence[Leftover]) -> str:
    if not found:
        return ""
    lines = [f"{sanitize(left.run)}  {_what_is_left(left)}\n" for left in found]
    head = (
        "Left behind, because run-scenario and its supervisor were killed at the same moment, or a program in a "
        "recorded block:"
    )
    return f"\n{head}\n{''.join(lines)}\nEnd and remove this: run-scenario recover --clean\n"


def _what_is_left(left: Leftover) -> str:
    parts = [sanitize(folder) for folder in left.folders]
    if left.processes:
        pids = ", ".join(str(pid) for pid, _ in left.processes)
        parts.append(f"{plural(len(left.processes), 'process')} ({pids})")
    if left.names:
        parts.append(f"{plural(len(left.names), 'name')} in /dev/shm")
    return "; ".join(parts)


def _clean(found: Sequence[Leftover]) -> Status:
    """End and remove what runs have left behind."""
    from run_scenario.runtime import leftovers

    if not found:
        write_stdout("there is nothing to remove: no such run has left anything behind\n")
    for left in found:
        stuck = leftovers.remove(left)
        write_stdout(f"{sanitize(left.run)}  removed: {_what_is_left(left)}\n")
        if stuck:
            raise MachineryError(f"these processes do not end: {', '.join(map(str, stuck))}")
    return Status.PASSED


def _named(name: str, found: Sequence[ArchivedRun]) -> ArchivedRun:
    """Return the recording that is meant; the beginning of its run's id will do.

    Raises:
        UsageError: there is none, or more than one.
    """
    meant = [recording for recording in found if recording.run.startswith(name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise UsageError(
            f"{sanitize(name)!r} may be {' or '.join(sanitize(each.run) for each in meant)}: write more of it"
        )
    raise UsageError(f"there is no recording of a run {sanitize(name)!r}; 'run-scenario recover' lists what there is")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", help="a run's id, or its beginning; left out: list them")
    parser.add_argument("--log", metavar="PATH", help="append the log to this file, as JSON Lines; -: standard output")
    shared.add_format(parser)
    parser.add_argument("--clean", action="store_true", help="end and remove what the run, or any, has left behind")
    parser.add_argument("--keep", action="store_true", help="do not remove the recording when its log has been written")
    shared.add_no_color(parser)


COMMAND = Command(
    "show what was recorded of a run whose run-scenario was killed",
    "  run-scenario recover                          what there is\n"
    "  run-scenario recover 3f2a --log run.jsonl     write one, and remove it\n"
    "  run-scenario recover --clean                  end and remove what runs have left behind\n\n"
    "When run-scenario itself is killed, its run is ended and its recording kept in the temporary folder, private\n"
    "to you: the last five, and no more than 256 MB. Expectations are not judged: `run-scenario check` does that.",
    _add_arguments,
    recover,
)
