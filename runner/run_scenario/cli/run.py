"""`run`: load and check all scenarios, run each, and show its log; a report or timeline of it, if one is wanted.

The guard is forked first, while this process is small and has one thread; YAML, structlog and rich are imported only
then, beside processes that already run.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, NamedTuple

from run_scenario.cli.limiting import limits_of
from run_scenario.cli.problems import report
from run_scenario.cli.streams import complain
from run_scenario.cli.suspension import before_suspension
from run_scenario.errors import Problem, Status, UsageError
from run_scenario.limits import DEFAULTS, Limits
from run_scenario.views.text import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import IO

    from run_scenario.cli.files import File
    from run_scenario.engine.guard_handle import Guard
    from run_scenario.engine.judging import Judge
    from run_scenario.engine.outcome import Outcome
    from run_scenario.engine.sink import Sink
    from run_scenario.model import Scenario
    from run_scenario.views.last_word import LastWord
    from run_scenario.views.outputs import Output

    _Checked = tuple[Scenario, str]
    """A scenario, and its file's text."""

_STANDARD_OUTPUT = "-"
_ENDS_ALL = (Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED, Status.BROKEN_PIPE)
"""After these, the scenarios that are left are not run."""


def run(options: Namespace) -> Status:
    """Check all the scenarios, then run them one after the other; return the highest status of all."""
    from run_scenario.cli.files import resolve

    _check_output(options)
    _check_pictures(options)
    files = resolve(options.files, options.commands)
    from run_scenario.engine import front

    if options.end_with_parent is not None:
        _end_with(options.end_with_parent)
    guard = front.start_guard()
    try:
        checked = _checked(files)
        if options.temporary:
            _remove(files)
        if checked is None:
            guard.dismiss()
            return Status.INVALID
        allow = allowed_for(checked.values(), options)
    except BaseException:
        guard.dismiss()
        raise
    worst = Status.PASSED
    for index, file in enumerate(files):
        status = _run_one(checked[file], allow, options, guard if index == 0 else front.start_guard())
        worst = max(worst, status)
        if status in _ENDS_ALL:
            break
    return worst


def _end_with(parent: int) -> None:
    """Stop in an orderly way when the caller is gone, even if it is killed.

    Raises:
        UsageError: it is gone already.
    """
    from run_scenario.engine import platform

    platform.die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        raise UsageError(f"process {parent}, with which this run is to end, is not its parent")


def _remove(files: Sequence[File]) -> None:
    """Remove files that have been read, each with its folder if there is nothing else in it."""
    from pathlib import Path

    for file in files:
        path = Path(file.path)
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()


def _check_output(options: Namespace) -> None:
    """Take `--log -` for what it means.

    Raises:
        UsageError: the console view and the log are both to go to standard output.
    """
    if options.log != _STANDARD_OUTPUT:
        return
    if options.format == "console":
        raise UsageError("--log - and --format console both want standard output; give --log the path of a file")
    options.log, options.format = None, "json"


def _checked(files: Sequence[File]) -> dict[File, _Checked] | None:
    """Load each file once and print all problems; None if any is invalid, for then none is to be run."""
    from run_scenario.cli.commands import load

    loaded = {file: load(file) for file in dict.fromkeys(files)}
    checked = {file: (each.scenario, each.text) for file, each in loaded.items() if each.scenario is not None}
    if len(checked) == len(loaded):
        return checked
    if len(loaded) > 1:
        invalid = [file.name for file in loaded if file not in checked]
        complain(f"run-scenario: nothing was run: {scrub(', '.join(invalid))} cannot be run as written\n")
    return None


def _check_pictures(options: Namespace) -> None:
    """Find out before anything is run that a report could not be written.

    Raises:
        UsageError: there would be several, or one that cannot be drawn.
        MachineryError: it cannot be written.
    """
    if options.report is None:
        return
    if len(options.files) > 1:
        raise UsageError("--report writes one file about one run; give it one FILE, or use --timeline")
    from run_scenario.cli.pictures import choose
    from run_scenario.cli.show import check_writable

    choose(None, options.report)
    check_writable(options.report)


def _run_one(checked: _Checked, allow: frozenset[str], options: Namespace, guard: Guard) -> Status:
    with contextlib.ExitStack() as stack:
        try:
            scenario = _overridden(checked[0], options)
            log = None
            if options.report is not None or options.timeline:
                from run_scenario.cli.show import spool

                log = stack.enter_context(spool())
            output, limits = _output(scenario, options, log), limits_of(options)
        except BaseException:
            guard.dismiss()
            raise
        outcome = _carry_out(scenario, checked[1], allow, guard, output, limits)
        if log is not None and outcome.status not in _ENDS_ALL and not outcome.problems:
            from run_scenario.cli.show import draw_run

            draw_run(log, checked[1], options)
    return outcome.status


def run_for_its_log(checked: _Checked, options: Namespace, log: IO[bytes]) -> Outcome:
    """Run a scenario of built-in targets for its log; on a terminal, say meanwhile that it goes on."""
    from run_scenario.engine import front

    scenario = _overridden(checked[0], options)
    sinks: list[Sink] = _json_lines([_spooled(log)])
    suspend: Callable[[], None] = _nothing
    if sys.stderr.isatty():
        from run_scenario.views.progress import Progress

        progress = Progress(sys.stderr, colour=not options.no_color)
        sinks.append(progress)
        suspend = progress.suspend
    output, limits = _Output(sinks, None, suspend), limits_of(options)
    return _carry_out(scenario, checked[1], frozenset(), front.start_guard(), output, limits)


def _nothing() -> None:
    """Do nothing: there is nothing to be tidied."""


def _spooled(log: IO[bytes]) -> Output:
    from run_scenario.views.outputs import Output

    return Output(log.fileno(), "a temporary file")


def _carry_out(
    scenario: Scenario,
    text: str,
    allow: frozenset[str],
    guard: Guard,
    output: _Output,
    limits: Limits = DEFAULTS,
) -> Outcome:
    """Run a scenario with a guard just started; say what was wrong with it, or why it did not pass."""
    from run_scenario import language
    from run_scenario.engine import front

    try:
        steps = language.plan(scenario)
    except BaseException:
        guard.dismiss()
        raise
    try:
        with before_suspension(output.suspend):
            outcome = front.run(
                scenario,
                steps,
                guard=guard,
                allow=allow,
                sinks=output.sinks,
                make_judge=lambda: _judge(scenario),
                limits=limits,
            )
    finally:
        for sink in output.sinks:
            sink.close()
    if outcome.problems:
        report(with_source(problem, text) for problem in outcome.problems)
    elif output.last_word is not None and outcome.status != Status.PASSED:
        complain(f"run-scenario: {scrub(scenario.name)}: {output.last_word.text}\n")
    return outcome


def _judge(scenario: Scenario) -> Judge:
    from run_scenario.expect import Judge

    return Judge(scenario.expect)


def with_source(problem: Problem, text: str) -> Problem:
    """Return a problem with the line of the scenario's `text` that it is about."""
    lines = text.splitlines()
    line = problem.where.line
    return problem.replace(source=lines[line - 1]) if 0 < line <= len(lines) else problem


def _overridden(scenario: Scenario, options: Namespace) -> Scenario:
    if options.start_method is not None:
        scenario = scenario.replace(start_method=options.start_method)
    return scenario if options.timeout is None else scenario.replace(timeout=options.timeout)


def allowed_for(checked: Iterable[_Checked], options: Namespace) -> frozenset[str]:
    """Return the packages that may be run: those given, and what pyproject.toml allows where more are wanted."""
    given = frozenset(options.allow)
    wanted = frozenset().union(*(scenario.packages for scenario, _ in checked))
    if wanted <= given:
        return given
    from pathlib import Path

    from run_scenario.cli.settings import allowed

    return allowed(wanted, given, Path.cwd())


class _Output(NamedTuple):
    """Where the log goes."""

    sinks: Sequence[Sink]
    last_word: LastWord | None = None
    """Knows how the run ended, where standard output tells no person."""
    suspend: Callable[[], None] = lambda: None


def _output(scenario: Scenario, options: Namespace, kept: IO[bytes] | None) -> _Output:
    """Return where the log of this scenario goes; `kept` is for a picture of it.

    Raises:
        MachineryError: the log cannot be written.
    """
    log = []
    if options.log is not None:
        from run_scenario.views.outputs import Output

        log.append(Output.log(options.log))
    if kept is not None:
        log.append(_spooled(kept))
    if options.format == "console" or (options.format == "auto" and sys.stdout.isatty()):
        from run_scenario.views.console import ConsoleView

        names = ["MainProcess", *(process.name for process in scenario.processes)]
        if scenario.pools:
            names.append("ForkPoolWorker-10")
        view = ConsoleView(sys.stdout, names=names, colour=not options.no_color)
        return _Output([view, *_json_lines(log)], suspend=view.suspend)
    from run_scenario.views.last_word import LastWord
    from run_scenario.views.outputs import Output

    last_word = LastWord()
    return _Output([last_word, *_json_lines([Output(sys.stdout.fileno(), "standard output"), *log])], last_word)


def _json_lines(outputs: Sequence[Output]) -> list[Sink]:
    if not outputs:
        return []
    from run_scenario.views.jsonlines import JsonLines

    return [JsonLines(outputs)]
