"""`recover`: what had been recorded of a run when run-scenario itself was killed."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from run_scenario.cli.streams import complain, say
from run_scenario.errors import Status, UsageError
from run_scenario.views.text import plural, scrub

if TYPE_CHECKING:
    from run_scenario.engine.kept import Kept
    from run_scenario.engine.sink import Sink
    from run_scenario.views.outputs import Output


def recover(options: Namespace) -> Status:
    """List what has been kept; or tell one recording's log, and remove it."""
    from run_scenario.engine import kept

    found = kept.recordings()
    if options.run is None:
        say(_listed(found))
        return Status.PASSED
    recording = _named(options.run, found)
    from run_scenario.engine import recovery

    sinks = _sinks(options)
    try:
        outcome = recovery.recover(recording, sinks)
    finally:
        for sink in sinks:
            sink.close()
    complain(f"run-scenario: run {scrub(recording.run)}: {'; '.join(outcome.reasons)}\n")
    if not options.keep:
        recovery.remove(recording)
    return Status.PASSED


def _listed(found: Sequence[Kept]) -> str:
    if not found:
        return "there is nothing to recover: no run-scenario that was killed has left a recording\n"
    from run_scenario.engine import kept

    lines = []
    for recording in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(recording.ended))
        try:
            name = kept.read(recording).program.scenario.name
        except UsageError:
            name = "cannot be read"
        lines.append(f"{scrub(recording.run)}  {when}  {recording.size / 1e6:6.1f} MB  {scrub(name)}\n")
    footer = f"{plural(len(found), 'recording')}. Show one and remove it: run-scenario recover {scrub(found[0].run)}"
    return f"{''.join(lines)}\n{footer}\n"


def _named(name: str, found: Sequence[Kept]) -> Kept:
    """Return the recording that is meant; the beginning of its run's id will do.

    Raises:
        UsageError: there is none, or more than one.
    """
    meant = [recording for recording in found if recording.run.startswith(name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise UsageError(f"{scrub(name)!r} may be {' or '.join(scrub(each.run) for each in meant)}: write more of it")
    raise UsageError(f"there is no recording of a run {scrub(name)!r}; 'run-scenario recover' lists what there is")


def _sinks(options: Namespace) -> list[Sink]:
    from run_scenario.views.jsonlines import JsonLines
    from run_scenario.views.outputs import Output

    log: list[Output] = [] if options.log in (None, "-") else [Output.log(options.log)]
    if options.format == "console" or (options.format == "auto" and options.log != "-" and sys.stdout.isatty()):
        from run_scenario.views.console import ConsoleView

        view = ConsoleView(sys.stdout, colour=not options.no_color)
        return [view, *([JsonLines(log)] if log else [])]
    return [JsonLines([Output(sys.stdout.fileno(), "standard output"), *log])]
