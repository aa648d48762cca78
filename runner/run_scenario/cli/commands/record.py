"""`record`: run a Python program as it is, and record what its processes do."""

from __future__ import annotations

import argparse
import contextlib
import sys
from argparse import Namespace
from collections.abc import Collection
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_expectations
from run_scenario.cli.scripts import Losses
from run_scenario.cli.signals import end_with
from run_scenario.cli.streams import note
from run_scenario.counting import plural
from run_scenario.errors import Status, UsageError
from run_scenario.limits import LIMITS, OF_SCRIPTS
from run_scenario.report.text import sanitize, seconds
from run_scenario.runtime.script.frame import frame_of, source_of
from run_scenario.scenario.model import Scenario

if TYPE_CHECKING:
    from run_scenario.events.exit_status import Judge
    from run_scenario.events.outcome import Outcome
    from run_scenario.report.terminal.troubles import TroubleView, View
    from run_scenario.runtime.run_follower import Sink
    from run_scenario.runtime.run_request import Script

_LONG_NAME = "ForkPoolWorker-10"
"""The names of a script's processes are not known beforehand: as much room as this is made for them."""
_SCRIPT = "a Python file, or a folder or zip file with a __main__.py, and its arguments: all that stands behind it"
_WHAT_IS_RUN = "name a Python file, or a folder or zip file with a __main__.py"
_STOPPED = (Status.STOPPED, Status.MACHINERY, Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED)
"""Statuses that do not come from the script."""


def record(options: Namespace) -> int:
    """Run the script; return its exit code, or the status of what had to be done to it."""
    script = _script(options)
    _say_what_the_script_gets(script, options.option_names)
    expected = load_expectations(options.expect)
    if options.end_with_parent is not None:
        end_with(options.end_with_parent)
    for name, path in (("scenario", options.scenario), (None, options.report)):
        if path is not None:
            from run_scenario.cli.pictures import check_writable, choose

            choose(name, path)
            check_writable(path)
    from run_scenario.report.reasons import Sentences
    from run_scenario.runtime import runner

    with runner.start_supervisor() as supervisor, contextlib.ExitStack() as stack:
        scenario = frame_of(script, options.timeout, expected)
        if options.control:  # the clock is virtual, and nothing happens at the same time
            from run_scenario.runtime.exploration.limits import judged

            scenario, _ = judged(scenario, options.hazards)
        log = None
        if options.report is not None or options.scenario is not None or options.timeline:
            from run_scenario.cli.pictures import spool

            log = stack.enter_context(spool())
        sinks, troubles = _sinks(options, log.fileno() if log is not None else None)
        losses = Losses()
        if options.control and expected is None and not options.hazards.kill:  # as `explore` has it
            sinks.append(losses)
        try:
            outcome = runner.run(
                scenario,
                (),
                supervisor=supervisor,
                allow={},
                sinks=sinks,
                wording=Sentences(),
                make_judge=None if expected is None else lambda: _judge(scenario),
                limits=OF_SCRIPTS.replace(log=options.max_log),
                script=script,
                coverage=options.coverage,
                control=options.control,
                pipe_capacity=options.hazards.pipe_capacity if options.control else None,
            )
        finally:
            for sink in sinks:
                sink.close()
        _tell(script, outcome, troubles.left_out)
        if expected is not None and outcome.status is Status.PASSED:
            note(f"{plural(len(expected.expect), 'expectation')} met")
        if log is not None:
            from run_scenario.cli.pictures import draw, draw_run

            source = source_of(script) if script.payloads else ""
            if options.scenario is not None:
                draw(log, source, "scenario", options.scenario)
            draw_run(log, source, options)
    status = _exit_status(outcome, is_judged=expected is not None)
    return Status.FAILED if losses.found and status == Status.PASSED else status


def _script(options: Namespace) -> Script:
    """Return what is to be run.

    Raises:
        UsageError: nothing is named, or no file of that name can be read.
    """
    from run_scenario.runtime.run_request import Script

    interpreter = None
    if options.python is not None:
        from run_scenario.runtime.script.interpreters import find_interpreter

        interpreter = find_interpreter(options.python)
    how = {name: getattr(options, name) for name in ("keep", "payloads", "subprocesses")} | {"interpreter": interpreter}
    if options.module:
        module, *arguments = options.module
        return Script("", module, tuple(arguments), **how)
    if not options.script:
        raise UsageError("record needs a script, or -m and a module: run-scenario record SCRIPT.py")
    path, *arguments = options.script
    if not Path(path).is_file() and not Path(path, "__main__.py").is_file():
        hint = "a scenario is run by `run-scenario run`" if path.endswith((".yaml", ".yml")) else _WHAT_IS_RUN
        raise UsageError(f"there is no script {path!r} to be recorded; {hint}")
    if path.endswith((".yaml", ".yml")):
        raise UsageError(f"{path!r} is a scenario: run-scenario run {path}")
    return Script(path, "", tuple(arguments), **how)


def _say_what_the_script_gets(script: Script, names: Collection[str]) -> None:
    """Say which of its arguments are called as options of `record`, if it seems to know nothing of them.

    Otherwise a run that somebody wants to be judged would pass without that. A script that says the name anywhere may
    take it, and so may a module, whose text is not known before it is imported.
    """
    given = (argument.partition("=")[0] for argument in takewhile(lambda each: each != "--", script.arguments))
    own = [name for name in given if name.startswith("--") and name in names and name != "--help"]
    text = source_of(script) if own else ""
    for name in dict.fromkeys(own):
        word = name.removeprefix("--")
        if text and word not in text and word.replace("-", "_") not in text:
            path = sanitize(script.path)
            note(f"{name} stands behind {path}, so it is the script's; to give it to record: record {name} … {path}")


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


def _judge(scenario: Scenario) -> Judge:
    from run_scenario.expect import LateJudge

    return LateJudge(scenario.expect)


def _tell(script: Script, outcome: Outcome, left_out: int) -> None:
    """Say on standard error what was not said, and if it was not the script that has ended the run."""
    if left_out:
        note(f"{plural(left_out, 'more warning')} like these: see the log (--log)")
    if outcome.status in _STOPPED:
        name = sanitize(script.path or script.module)
        note(f"{name} was ended after {seconds(outcome.duration)}, with exit status {int(outcome.status)}")


def _exit_status(outcome: Outcome, *, is_judged: bool) -> int:
    """Return the script's own exit code; of a run that is judged it is 0 only if the run has passed."""
    if outcome.status in _STOPPED or outcome.exitcode is None:
        return outcome.status
    if is_judged and (outcome.status is Status.PASSED or outcome.unmet or not outcome.exitcode):
        return outcome.status
    return outcome.exitcode if outcome.exitcode >= 0 else 128 - outcome.exitcode


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "script",
        metavar="SCRIPT",
        nargs=argparse.REMAINDER,
        help=_SCRIPT,
    )
    parser.add_argument(
        "-m",
        dest="module",
        metavar="MODULE",
        nargs=argparse.REMAINDER,
        help="a module that is run as a script, and its arguments, as `python -m` has it",
    )
    shared.add_expect(parser, "judge the run by the expectations in this file: it has passed if all are met")
    parser.add_argument("--log", metavar="PATH", help="append the log to this file, as JSON Lines")
    shared.add_timeout(parser, "stop the program after so many seconds; without it, it has all the time it takes")
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="the interpreter that runs it, such as that of another virtual environment (default: this one)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="only explain a deadlock, and leave the program as it is: for a debugger"
    )
    parser.add_argument(
        "--subprocesses",
        action="store_true",
        help="record the Python programs that it starts (subprocess, os.exec, os.posix_spawn), too",
    )
    parser.add_argument(
        "--no-payloads",
        dest="payloads",
        action="store_false",
        help="record no data of the program: no items, messages, arguments, results, output and exceptions' messages",
    )
    parser.add_argument(
        "--report", metavar="PATH", help="draw the run into this file: .html; or a timeline: .svg, .png, .txt"
    )
    parser.add_argument(
        "--scenario", metavar="PATH", help="write what the program did as a scenario into this file (.yaml)"
    )
    parser.add_argument("--timeline", action="store_true", help="print a timeline of the run after it")
    shared.add_limit(parser.add_argument, LIMITS["log"], "the rest is left out, and the program goes on")
    shared.add_no_color(parser)
    parser.add_argument("--end-with-parent", metavar="PID", type=int, help=argparse.SUPPRESS)
    shared.add_coverage(parser)
    # The script has the standard output: a timeline goes to standard error.
    parser.set_defaults(control="", hazards=None, format="json")


COMMAND = Command(
    "run a Python script as it is, record what its processes do, and explain why it hangs",
    "  run-scenario record script.py\n"
    "  run-scenario record --log script.jsonl --report script.html script.py --workers 4\n"
    "  run-scenario record --timeline -m mypackage.crawler\n"
    "  run-scenario record --expect expectations.yaml script.py\n"
    "  run-scenario record --scenario script.yaml script.py\n"
    "\nThe script runs as `python script.py` would run it, with its own standard streams, folder and arguments. A\n"
    "deadlock that is certain is explained and ended (exit status 3); otherwise the exit code is the script's. With\n"
    "--expect, it is 1 if an expectation is not met, and 0 only if all went as expected.",
    _add_arguments,
    record,
)
