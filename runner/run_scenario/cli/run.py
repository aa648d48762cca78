"""`run`: load, check and run each scenario, and show its log.

The guard is forked first, while this process is small and has one thread; YAML, structlog and rich are imported only
then, beside processes that already run.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from run_scenario.cli.problems import report
from run_scenario.cli.streams import complain
from run_scenario.errors import Problem, Status
from run_scenario.views.text import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_scenario.cli.files import File
    from run_scenario.engine.sink import Sink
    from run_scenario.model import Scenario
    from run_scenario.views.summary import Verdict

_ENDS_ALL = (Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED, Status.BROKEN_PIPE)
"""After these, the scenarios that are left are not run."""


def run(options: Namespace) -> Status:
    """Run the scenarios one after the other; return the highest status of all."""
    from run_scenario.cli.files import resolve

    worst = Status.PASSED
    for file in resolve(options.files, options.commands):
        status = _run_one(file, options)
        worst = max(worst, status)
        if status in _ENDS_ALL:
            break
    return worst


def _run_one(file: File, options: Namespace) -> Status:
    from run_scenario.engine import front

    guard = front.start_guard()
    try:
        from run_scenario import language
        from run_scenario.cli.commands import load

        loaded = load(file)
        if loaded.scenario is None:
            guard.dismiss()
            return Status.INVALID
        scenario = _overridden(loaded.scenario, options)
        allow = _allowed(scenario, options)
        steps = language.plan(scenario)
        verdict, sinks = _sinks(scenario, options)
    except BaseException:
        guard.dismiss()
        raise
    try:
        outcome = front.run(scenario, steps, guard=guard, allow=allow, sinks=sinks)
    finally:
        for sink in sinks:
            sink.close()
    if outcome.problems:
        report(_with_source(problem, loaded.text) for problem in outcome.problems)
    elif verdict is not None and outcome.status != Status.PASSED:
        complain(f"run-scenario: {scrub(scenario.name)}: {verdict.text}\n")
    return outcome.status


def _with_source(problem: Problem, text: str) -> Problem:
    lines = text.splitlines()
    line = problem.where.line
    return problem.replace(source=lines[line - 1]) if 0 < line <= len(lines) else problem


def _overridden(scenario: Scenario, options: Namespace) -> Scenario:
    if options.start_method is not None:
        scenario = scenario.replace(start_method=options.start_method)
    return scenario if options.timeout is None else scenario.replace(timeout=options.timeout)


def _allowed(scenario: Scenario, options: Namespace) -> frozenset[str]:
    given = frozenset(options.allow)
    if scenario.packages <= given:
        return given
    from pathlib import Path

    from run_scenario.cli.settings import allowed

    return allowed(scenario.packages, given, Path.cwd())


def _sinks(scenario: Scenario, options: Namespace) -> tuple[Verdict | None, Sequence[Sink]]:
    """Return the sinks, and the one that knows the verdict where standard output tells no person.

    Raises:
        MachineryError: the log cannot be written.
    """
    sinks: list[Sink] = []
    outputs = []
    verdict = None
    console = options.format == "console" or (options.format == "auto" and sys.stdout.isatty())
    if console:
        from run_scenario.views.console import ConsoleView

        names = ["MainProcess", *(process.name for process in scenario.processes)]
        sinks.append(ConsoleView(sys.stdout, names=names, colour=not options.no_color))
    else:
        from run_scenario.views.outputs import Output
        from run_scenario.views.summary import Verdict

        outputs.append(Output(sys.stdout.fileno(), "standard output"))
        verdict = Verdict()
        sinks.append(verdict)
    if options.log is not None:
        from run_scenario.views.outputs import Output

        outputs.append(Output.log(options.log))
    if outputs:
        from run_scenario.views.jsonlines import JsonLines

        sinks.append(JsonLines(outputs))
    return verdict, sinks
