"""`run`: load and check all scenarios, run each, and show its log; a report or timeline of it, if one is wanted.

The supervisor is forked first, while this process is small and has one thread. YAML and rich are imported after that,
beside processes that already run.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any, NamedTuple

from run_scenario.cli import github
from run_scenario.cli import options as shared
from run_scenario.cli.command import COMMANDS, Command
from run_scenario.cli.files import load_each, load_expectations, remove_read, report, resolve
from run_scenario.cli.options import given_by, limits_of
from run_scenario.cli.output_format import OutputFormat, check_unused, event_output, json_lines
from run_scenario.cli.settings import allowed_for, log_processors
from run_scenario.cli.signals import before_suspension, end_with
from run_scenario.cli.streams import note, terminal_restored
from run_scenario.errors import Status, UsageError
from run_scenario.limits import DEFAULTS, Limits
from run_scenario.report.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

    from run_scenario.cli.files import File
    from run_scenario.events.exit_status import Judge
    from run_scenario.events.outcome import Outcome
    from run_scenario.report.outputs import Output
    from run_scenario.report.watcher import EndWatcher
    from run_scenario.runtime.run_follower import Sink
    from run_scenario.runtime.supervisor.client import SupervisorClient
    from run_scenario.scenario.model import Given, Scenario

    _Checked = tuple[Scenario, str]
    """A scenario, and its file's text."""

_ENDS_ALL = (Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED, Status.BROKEN_PIPE)
"""After these, the scenarios that are left are not run."""


def run(options: Namespace) -> Status:
    """Check all the scenarios, then run them one after the other; return the highest status of all."""
    check_output = OutputFormat.chosen if options.captured else check_unused
    check_output(options, options.log)  # what contradicts itself is refused before anything is run
    _check_pictures(options)
    files = resolve(options.files, COMMANDS)
    from run_scenario.runtime import runner

    if options.end_with_parent is not None:
        end_with(options.end_with_parent)
    with runner.start_supervisor() as supervisor:
        checked = _checked(files, given_by(options), options.max_runs)
        if options.temporary:
            remove_read(*(file.path for file in files))
        if checked is None:
            return Status.INVALID
        from run_scenario.scenario.expected_ends import judged_by

        expected = load_expectations(options.expect)
        _check_single(checked, options)
        scenarios = (scenario for each in checked.values() for scenario, _ in each)
        allow = allowed_for(scenarios, options.allow, settings=options.settings)
        worst = Status.PASSED
        for index, each in enumerate(each for file in files for each in checked[file]):
            each = (judged_by(expected, each[0]), each[1])
            status = _run_one(each, allow, options, supervisor if index == 0 else runner.start_supervisor())
            worst = max(worst, status)
            if status in _ENDS_ALL:
                break
    return worst


def _checked(files: Sequence[File], given: Given, most: int | None) -> dict[File, list[_Checked]] | None:
    """Load each file once, and for each combination of its `matrix`, of which there may be `most`; print all problems.

    None if any is invalid, for then none is to be run.
    """
    loaded = {file: load_each(file, given, most=most) for file in dict.fromkeys(files)}
    checked = {
        file: found
        for file, combinations in loaded.items()
        if len(found := [(each.scenario, each.text) for each in combinations if each.scenario]) == len(combinations)
    }
    if len(checked) == len(loaded):
        return checked
    if len(loaded) > 1:
        invalid = [file.name for file in loaded if file not in checked]
        note(f"nothing was run: {sanitize(', '.join(invalid))} cannot be run as written")
    return None


def _check_single(checked: Mapping[File, Sequence[_Checked]], options: Namespace) -> None:
    """Refuse to write the report of several runs into one file.

    Raises:
        UsageError: the one file has a `matrix` of which several combinations are to be run.
    """
    count = sum(map(len, checked.values()))
    if options.report is not None and count > 1:
        raise UsageError(
            f"--report writes one file about one run, and `matrix` has {count} combinations: choose one by --set"
        )


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
    from run_scenario.cli.pictures import check_writable, choose  # 11 ms, which a run without a picture saves

    choose(None, options.report)
    check_writable(options.report)


def _run_one(checked: _Checked, allow: Mapping[str, str], options: Namespace, supervisor: SupervisorClient) -> Status:
    with supervisor, contextlib.ExitStack() as stack:
        scenario = _overridden(checked[0], options)
        if options.control:  # the clock is virtual, and nothing happens at the same time
            from run_scenario.runtime.exploration.limits import judged

            scenario, _ = judged(scenario, options.hazards)
        if not options.captured and os.isatty(0):
            stack.enter_context(terminal_restored())
            if options.timeout is None:
                scenario = scenario.replace(timeout=math.inf)  # a person at a debugger takes the time it takes
        log = None
        if options.report is not None or options.timeline or github.are_wanted():
            from run_scenario.cli.pictures import spool

            log = stack.enter_context(spool())
        output, limits = _output(scenario, options, log, supervisor), limits_of(options)
        how = {name: getattr(options, name) for name in ("way_to_allow", "captured", "coverage", "control")}
        how |= {"pipe_capacity": options.hazards.pipe_capacity} if options.control else {}
        outcome = _carry_out(scenario, checked[1], allow, supervisor, output, limits, **how)
        if log is not None and outcome.status not in _ENDS_ALL and not outcome.problems:
            from run_scenario.cli.pictures import draw_run

            draw_run(log, checked[1], options)
            if github.are_wanted() and outcome.status != Status.PASSED:
                github.of_run(scenario, log, outcome)
    return outcome.status


def run_for_its_log(checked: _Checked, options: Namespace, log: IO[bytes]) -> Outcome:
    """Run a scenario of built-in targets for its log; on a terminal, show meanwhile that it goes on."""
    from run_scenario.runtime import runner

    scenario = _overridden(checked[0], options)
    sinks: list[Sink] = json_lines([_spooled(log)])
    suspend: Callable[[], None] = _nothing
    if sys.stderr.isatty():
        from run_scenario.report.terminal.live import Progress

        progress = Progress(sys.stderr, colour=not options.no_color)
        sinks.append(progress)
        suspend = progress.suspend
    output, limits = _Output(sinks, None, suspend), limits_of(options)
    with runner.start_supervisor() as supervisor:
        return _carry_out(scenario, checked[1], {}, supervisor, output, limits)


def _nothing() -> None:
    """Do nothing: there is nothing to be tidied."""


def _spooled(log: IO[bytes]) -> Output:
    from run_scenario.report.outputs import Output

    return Output(log.fileno(), "a temporary file")


def _carry_out(
    scenario: Scenario,
    text: str,
    allow: Mapping[str, str],
    supervisor: SupervisorClient,
    output: _Output,
    limits: Limits = DEFAULTS,
    **how: Any,
) -> Outcome:
    """Run a scenario with a supervisor just started; report what was wrong with it, or why it did not pass.

    `how`: more arguments of `runner.run`.
    """
    from run_scenario import loader
    from run_scenario.report.reasons import Sentences
    from run_scenario.runtime import runner

    steps = loader.plan(scenario)
    try:
        with before_suspension(output.suspend):
            outcome = runner.run(
                scenario,
                steps,
                supervisor=supervisor,
                allow=allow,
                sinks=output.sinks,
                wording=Sentences(),
                make_judge=lambda: _judge(scenario),
                limits=limits,
                **how,
            )
    finally:
        for sink in output.sinks:
            sink.close()
    if outcome.problems:
        report(outcome.problems, text)
    elif output.end is not None and outcome.status != Status.PASSED:
        from run_scenario.report.summary import verdict

        note(f"{sanitize(scenario.name)}: {verdict(output.end.end)}")
    return outcome


def _judge(scenario: Scenario) -> Judge:
    from run_scenario.expect import Judge, LateJudge

    if scenario.is_of_script:
        return LateJudge(scenario.expect)
    return Judge(scenario.expect, names_are_checked=True, not_implied=scenario.not_implied)


def _overridden(scenario: Scenario, options: Namespace) -> Scenario:
    if options.start_method is not None:
        scenario = scenario.replace(start_method=options.start_method)
    return scenario if options.timeout is None else scenario.replace(timeout=options.timeout)


class _Output(NamedTuple):
    """Where the log goes."""

    sinks: Sequence[Sink]
    end: EndWatcher | None = None
    """Knows how the run ended, where standard output has no text for a person."""
    suspend: Callable[[], None] = lambda: None


def _output(scenario: Scenario, options: Namespace, kept: IO[bytes] | None, supervisor: SupervisorClient) -> _Output:
    """Return where the log of this scenario goes; `kept` is for a picture of it.

    Raises:
        MachineryError: the log cannot be written.
    """
    from run_scenario.report.outputs import Output
    from run_scenario.report.watcher import EndWatcher

    others = [] if kept is None else [_spooled(kept)]
    if not options.captured:
        end = EndWatcher()
        files = [] if options.log is None else [Output.log(options.log)]
        processors = log_processors(options.processors, options.allow) if files else ()
        return _Output([end, *json_lines(others), *json_lines(files, processors)], end)
    names = ["MainProcess", *(process.name for process in scenario.processes)]
    if scenario.pools or scenario.packages:  # code of somebody's own may make pools, too
        # As multiprocessing will call them, but for their numbers.
        method = options.start_method or scenario.start_method or supervisor.default_start_method()
        title = {"spawn": "Spawn", "forkserver": "ForkServer"}.get(method, "Fork")
        names.append(f"{title}PoolWorker-10")
    sinks, view = event_output(
        options,
        options.log,
        others,
        names,
        processors=lambda: log_processors(options.processors, options.allow),
        is_for_program=options.for_program,
    )
    if view is not None:
        return _Output(sinks, suspend=view.suspend)
    end = EndWatcher()
    return _Output([end, *sinks], end)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_files(parser)
    parser.add_argument(
        "--log", metavar="PATH", help="append the log to this file, as JSON Lines; -: standard output, as --format json"
    )
    shared.add_set(parser)
    shared.add_format(parser, annotated=True)
    shared.add_start_method(parser)
    shared.add_timeout(parser)
    shared.add_allow(parser)
    shared.add_expect(parser, "judge by this file of expectations, instead of what the scenarios expect")
    parser.add_argument(
        "--report", metavar="PATH", help="draw the run into this file: .html; or a timeline: .svg, .png, .txt"
    )
    parser.add_argument("--timeline", action="store_true", help="print a timeline of the run after it")
    parser.add_argument(
        "--no-capture",
        dest="captured",
        action="store_false",
        help="leave standard input and output to the processes, for a debugger (breakpoint()): the log goes to --log "
        "alone, and in a terminal there is no deadline but that of --timeout",
    )
    shared.add_no_color(parser)
    # For programs that run this one, such as the Python API: whoever is killed cannot stop the run any more.
    parser.add_argument("--end-with-parent", metavar="PID", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--temporary", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--processors", metavar="LIST", help=argparse.SUPPRESS)
    parser.add_argument("--for-program", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--no-settings", dest="settings", action="store_false", help=argparse.SUPPRESS)
    parser.add_argument("--max-runs", metavar="N", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--way-to-allow", metavar="TEXT", default="", help=argparse.SUPPRESS)
    parser.set_defaults(control="", hazards=None)  # `replay` sets both
    shared.add_coverage(parser)
    shared.add_limits(parser)


COMMAND = Command(
    "run scenarios, one after the other",
    "  run-scenario daemon\n"
    "  run-scenario run names pids --format console\n"
    "  run-scenario run count-down --start-method spawn --timeout 30 --log count-down.jsonl"
    "\n  run-scenario run my.yaml --allow mypackage      run targets of your own package\n"
    "  run-scenario run my.yaml --set workers=4        with another value for a parameter\n"
    "  run-scenario run my.yaml --no-capture           stop at breakpoint() in a target\n"
    "\nA file with a `matrix:` is run once for each combination of its values that --set leaves open.\n"
    "Several are checked before the first one runs: if one is invalid, none is run. Of several runs, the exit "
    "status\nis the highest; an interrupt ends them all.",
    _add_arguments,
    run,
)
