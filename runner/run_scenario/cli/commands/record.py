"""`record`: run a Python program as it is, and record what its processes do."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.signals import end_with
from run_scenario.cli.streams import note
from run_scenario.errors import Status, UsageError, reason_of
from run_scenario.limits import GIBI, Limits
from run_scenario.report.text import plural, sanitize, seconds
from run_scenario.scenario.model import Scenario

if TYPE_CHECKING:
    from run_scenario.events.outcome import Outcome
    from run_scenario.events.types import WhoWaits
    from run_scenario.report.terminal.troubles import TroubleView, View
    from run_scenario.runtime.run_follower import Sink
    from run_scenario.runtime.run_request import Script

_NO_LIMIT = 1 << 62
_LIMITS = Limits(_NO_LIMIT, _NO_LIMIT, _NO_LIMIT, _NO_LIMIT, GIBI, _NO_LIMIT)
"""A script is not stopped because it does much; only its log is cut short."""
_LONG_NAME = "ForkPoolWorker-10"
"""The names of a script's processes are not known beforehand: as much room as this is made for them."""
_STOPPED = (Status.STOPPED, Status.MACHINERY, Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED)
"""Statuses that do not come from the script."""


def record(options: Namespace) -> int:
    """Run the script; return its exit code, or the status of what had to be done to it."""
    script = _script(options)
    if options.end_with_parent is not None:
        end_with(options.end_with_parent)
    if options.report is not None:
        from run_scenario.cli.pictures import check_writable, choose

        choose(None, options.report)
        check_writable(options.report)
    from run_scenario.runtime import runner

    with runner.start_supervisor() as supervisor, contextlib.ExitStack() as stack:
        scenario = _scenario(script, options)
        log = None
        if options.report is not None or options.timeline:
            from run_scenario.cli.pictures import spool

            log = stack.enter_context(spool())
        sinks, troubles = _sinks(options, log.fileno() if log is not None else None)
        try:
            outcome = runner.run(
                scenario,
                (),
                supervisor=supervisor,
                allow={},
                sinks=sinks,
                explain=_explain,
                limits=_LIMITS,
                script=script,
            )
        finally:
            for sink in sinks:
                sink.close()
        _tell(script, outcome, troubles.left_out)
        if log is not None:
            from run_scenario.cli.pictures import draw_run

            draw_run(log, _source(script), options)
    return _exit_status(outcome)


def _script(options: Namespace) -> Script:
    """Return what is to be run.

    Raises:
        UsageError: nothing is named, or no file of that name can be read.
    """
    from run_scenario.runtime.run_request import Script

    if options.module:
        return Script("", options.module[0], tuple(options.module[1:]), options.keep)
    if not options.script:
        raise UsageError("record needs a script, or -m and a module: run-scenario record SCRIPT.py")
    path, *arguments = options.script
    if not Path(path).is_file():
        hint = "a scenario is run by `run-scenario run`" if path.endswith((".yaml", ".yml")) else "name a Python file"
        raise UsageError(f"there is no script {path!r} to be recorded; {hint}")
    if path.endswith((".yaml", ".yml")):
        raise UsageError(f"{path!r} is a scenario: run-scenario run {path}")
    return Script(path, "", tuple(arguments), options.keep)


def _source(script: Script) -> str:
    """Return the text of a script; empty for a module."""
    if not script.path:
        return ""
    try:
        return Path(script.path).read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"the script {script.path!r} cannot be read: {reason_of(error)}") from error


def _scenario(script: Script, options: Namespace) -> Scenario:
    """Return the frame of a run: its name and its deadline."""
    file = script.path or script.module
    return Scenario(
        name=Path(file).name.removesuffix(".py"),
        file=file,
        path=str(Path(script.path).absolute()),
        digest=f"sha256:{hashlib.sha256(_source(script).encode()).hexdigest()}",
        timeout=math.inf if options.timeout is None else options.timeout,
        main=(),
        script=file,
    )


def _sinks(options: Namespace, kept: int | None) -> tuple[list[Sink], TroubleView]:
    """Return where the log goes: to a person only what went wrong, and only when it is over."""
    from run_scenario.cli.output_format import json_lines
    from run_scenario.report.outputs import Output
    from run_scenario.report.terminal.troubles import TroubleView

    def make_view() -> View:
        from run_scenario.report.terminal.console import ConsoleView

        return ConsoleView(sys.stderr, names=[_LONG_NAME], colour=not options.no_color)

    outputs = [] if kept is None else [Output(kept, "a temporary file")]
    if options.log is not None:
        outputs.append(Output.log(options.log))

    def say_what_becomes_of_it() -> None:
        if options.keep:
            note("the program is left as it is; Ctrl-C ends it")

    troubles = TroubleView(make_view, say_what_becomes_of_it)
    return [troubles, *json_lines(outputs)], troubles


def _explain(event: WhoWaits) -> tuple[str, list[str | None]]:
    from run_scenario.report.diagnosis import explain

    return explain(event)


def _tell(script: Script, outcome: Outcome, left_out: int) -> None:
    """Say on standard error what was not said, and if it was not the script that has ended the run."""
    if left_out:
        note(f"{plural(left_out, 'more warning')} like these: see the log (--log)")
    if outcome.status in _STOPPED:
        name = sanitize(script.path or script.module)
        note(f"{name} was ended after {seconds(outcome.duration)}, with exit status {int(outcome.status)}")


def _exit_status(outcome: Outcome) -> int:
    if outcome.status in _STOPPED or outcome.exitcode is None:
        return outcome.status
    return outcome.exitcode if outcome.exitcode >= 0 else 128 - outcome.exitcode


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "script", metavar="SCRIPT", nargs=argparse.REMAINDER, help="a Python file, and the arguments that it gets"
    )
    parser.add_argument(
        "-m",
        dest="module",
        metavar="MODULE",
        nargs=argparse.REMAINDER,
        help="a module that is run as a script, and its arguments, as `python -m` has it",
    )
    parser.add_argument("--log", metavar="PATH", help="append the log to this file, as JSON Lines")
    shared.add_timeout(parser, "stop the program after so many seconds; without it, it has all the time it takes")
    parser.add_argument(
        "--keep", action="store_true", help="only explain a standstill, and leave the program as it is: for a debugger"
    )
    parser.add_argument(
        "--report", metavar="PATH", help="draw the run into this file: .html; or a timeline: .svg, .png, .txt"
    )
    parser.add_argument("--timeline", action="store_true", help="print a timeline of the run after it")
    shared.add_no_color(parser)
    parser.add_argument("--end-with-parent", metavar="PID", type=int, help=argparse.SUPPRESS)
    parser.set_defaults(format="json")  # the script has the standard output: a timeline goes to standard error


COMMAND = Command(
    "run a Python script as it is, record what its processes do, and explain why it hangs",
    "  run-scenario record script.py\n"
    "  run-scenario record --log script.jsonl --report script.html script.py --workers 4\n"
    "  run-scenario record --timeline -m mypackage.crawler\n"
    "\nThe script runs as `python script.py` would run it, with its own standard streams, folder and arguments. A\n"
    "standstill that is certain is explained and ended (exit status 3); otherwise the exit code is the script's.",
    _add_arguments,
    record,
)
