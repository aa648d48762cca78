"""`compare`: one scenario, run again and again with different workers, and what each of them costs.

The runs are interleaved, so that a machine that gets busier meanwhile does not favour one of them.
"""

from __future__ import annotations

import argparse
import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_each, report, report_end, resolve
from run_scenario.cli.options import given_by, limits_of, number
from run_scenario.cli.output_format import OutputFormat
from run_scenario.cli.progress_bar import Bar
from run_scenario.cli.settings import allowed_for
from run_scenario.cli.streams import table_console, write_stdout
from run_scenario.errors import Status, UsageError
from run_scenario.runtime.platform.capabilities import check_fork
from run_scenario.scenario.model import START_METHODS

if TYPE_CHECKING:
    from run_scenario.events.exit_status import Judge, Verdict
    from run_scenario.events.outcome import Outcome
    from run_scenario.events.types import Event
    from run_scenario.limits import Limits
    from run_scenario.loader import Loaded
    from run_scenario.report.comparison import Combination, Comparison
    from run_scenario.scenario.model import Scenario, Worker

_ENDS_ALL = (Status.MACHINERY, Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED)
_WIDE = 200
"""Columns of the table where there is no terminal."""
WORKERS = ("process", "thread", "serial")
MAX_RUNS = 10_000
T = TypeVar("T")


def compare(options: Namespace) -> Status:
    """Run a scenario in all combinations, and print the table or the JSON."""
    from run_scenario.report.comparison import Comparison

    check_fork(os.environ)
    (file,) = resolve([options.file])
    loaded = load_each(file, given_by(options))
    scenarios = _by_parameters(loaded, options)
    if scenarios is None:
        return Status.INVALID
    _check_cpus(options.cpus)
    allow, limits = allowed_for(scenarios.values(), options.allow), limits_of(options)
    combinations = [each for name, scenario in scenarios.items() for each in _combinations(scenario, options, name)]
    first = next(iter(scenarios.values()))
    params = {name: scenario.params for name, scenario in scenarios.items()}
    comparison = Comparison(first.name, first.file, combinations, params)
    total = options.runs * len(combinations)
    _import_what_runs()
    with Bar(total) as progress:
        for done in range(total):
            combination = combinations[done % len(combinations)]
            progress.show(done, f"run {done + 1} of {total}: {combination.label}")
            scenario = scenarios[combination.parameters]
            outcome = _run_once(scenario, combination, comparison, allow, limits)
            refused_at_once = outcome.status is Status.INVALID and done == 0
            if refused_at_once or outcome.status in _ENDS_ALL:
                progress.erase()
                report(outcome.problems, loaded[0].text)
                report_end(outcome)
                return outcome.status
    _print(comparison, first, options)
    return Status.PASSED if comparison.passed else Status.FAILED


def _by_parameters(loaded: Sequence[Loaded], options: Namespace) -> dict[str, Scenario] | None:
    """Return the scenarios by the values of their `matrix`, in words; None if one is invalid."""
    from run_scenario.scenario.parameters import assignments

    found: dict[str, Scenario] = {}
    for each in loaded:
        if each.scenario is None:
            return None
        varied = {name for combination in loaded[0].require().matrix for name in combination}
        values = {name: value for name, value in each.scenario.params.items() if name in varied}
        timeout = each.scenario.timeout if options.timeout is None else options.timeout
        found[", ".join(assignments(values))] = each.scenario.replace(timeout=timeout)
    return found


def _import_what_runs() -> None:
    """Import what a run takes: Ctrl-C in the midst of an import ends this process at once, and would leave the bar."""
    import run_scenario.loader
    import run_scenario.report.diagnosis
    import run_scenario.runtime.run_follower
    import run_scenario.runtime.run_request
    import run_scenario.runtime.runner
    import run_scenario.scenario.processes  # noqa: F401


def _check_cpus(counts: Sequence[int]) -> None:
    """Refuse more CPUs than there are before anything is run.

    Raises:
        UsageError: there are not so many.
    """
    from run_scenario.runtime.cpus import choose_cpus
    from run_scenario.runtime.refusal import RefusedError

    try:
        for count in counts:
            choose_cpus(count)
    except RefusedError as refusal:
        raise UsageError(f"--cpus: {refusal}") from None


def _combinations(scenario: Scenario, options: Namespace, parameters: str) -> Iterator[Combination]:
    """Yield what is to be compared; a start method makes no difference to threads and plain calls."""
    from run_scenario.report.comparison import Combination
    from run_scenario.runtime.runner import default_start_method

    methods = options.start_methods or [scenario.start_method or default_start_method()]
    for cpus in options.cpus or [None]:
        for workers in options.workers:
            for method in methods if workers == "process" else [None]:
                yield Combination(workers, method, cpus, parameters)


def _run_once(
    scenario: Scenario, combination: Combination, comparison: Comparison, allow: Mapping[str, str], limits: Limits
) -> Outcome:
    """Run one combination once and add what came of it; return how the run ended."""
    from run_scenario import loader
    from run_scenario.events.reasons import Quoted
    from run_scenario.report.comparison import Measurement, Meter
    from run_scenario.report.reasons import Sentences
    from run_scenario.runtime import runner
    from run_scenario.scenario.processes import CannotConvertError, with_workers

    worker: Worker = combination.workers  # type: ignore[assignment]  # checked by the parser
    try:
        converted = with_workers(scenario, worker)
    except CannotConvertError as error:
        comparison.add(combination, Measurement("impossible", False, str(error), {}))
        return runner.Outcome(Status.FAILED, "refused", (Quoted(str(error)),), 0.0)
    has_own_workers = converted.processes == scenario.processes
    scenario = converted
    if combination.start_method is not None:
        scenario = scenario.replace(start_method=combination.start_method)
    if combination.cpus is not None:
        scenario = scenario.replace(cpus=combination.cpus)
    meter = Meter()
    with runner.start_supervisor() as supervisor:
        outcome = runner.run(
            scenario,
            loader.plan(scenario),
            supervisor=supervisor,
            allow=allow,
            sinks=[meter],
            wording=Sentences(),
            make_judge=lambda: _judge(scenario, has_own_workers),
            limits=limits,
        )
    comparison.add(combination, meter.measurement())
    return outcome


def _judge(scenario: Scenario, has_own_workers: bool) -> Judge:
    from run_scenario import expect

    judge = expect.Judge(scenario.expect, names_are_checked=True)
    return judge if has_own_workers else _JudgeOfOtherWorkers(judge)


class _JudgeOfOtherWorkers:
    """Judges a run with workers for which the scenario was not written.

    That two processes overlap, or what they are called, says nothing about plain calls. But the run must not lose
    anything either, and where the scenario has to stall or to reach its deadline, it has to, too.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def take_types(self, events: Sequence[Event]) -> None:
        """Take the next events."""
        self._judge.take_types(events)

    def finish(self, complete: bool) -> list[Verdict]:
        """Return the verdicts on the implied expectations, and on those that name a stop."""
        from run_scenario.events.exit_status import expects_stop

        verdicts = self._judge.finish(complete)
        return [each for each in verdicts if each.expectation.where is None or expects_stop(each.expectation)]


def _print(comparison: Comparison, scenario: Scenario, options: Namespace) -> None:
    if OutputFormat.chosen(options) is OutputFormat.JSON:
        import platform

        from run_scenario import __version__

        facts = {
            "runs": options.runs,
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "machine_cpus": os.cpu_count(),
        }
        write_stdout(comparison.as_json(facts))
        return
    from run_scenario.report.comparison import COLUMNS, NOTES, explanations, rows
    from run_scenario.report.summary import parted
    from run_scenario.report.terminal.cells import paragraph
    from run_scenario.report.terminal.tables import render_table

    console = table_console(_WIDE, colour=not options.no_color)
    marks = ["" if comparison.have_passed(c) else "✗" for c in comparison.runs]
    table = render_table(
        console,
        COLUMNS,
        list(zip(rows(comparison), marks, strict=True)),
        left=5,
        watched=parted(scenario.description)[1],
    )
    why = "".join(f"{line}\n" for line in explanations(comparison))
    notes = "\n".join(paragraph(NOTES, console.width))
    write_stdout(f"{table}\n{why}{chr(10) if why else ''}{notes}\n")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_file(parser)
    parser.add_argument(
        "--workers",
        metavar="LIST",
        type=_listed("workers", _one_of(WORKERS), "process,thread"),
        default=list(WORKERS),
        help="what runs the targets: of process, thread, serial (default: all three)",
    )
    parser.add_argument(
        "--start-methods",
        metavar="LIST",
        type=_listed("start methods", _one_of(START_METHODS), "fork,spawn"),
        help="how processes are started: of fork, spawn, forkserver (default: what the scenario says)",
    )
    parser.add_argument(
        "--cpus",
        metavar="LIST",
        type=_listed("numbers of CPUs", _positive, "1,2"),
        default=[],
        help="on how many CPUs, one comparison for each number (default: what the scenario says)",
    )
    parser.add_argument(
        "--runs",
        metavar="N",
        type=number(int, _is_count, f"a number of runs from 1 to {MAX_RUNS}"),
        default=5,
        help="how often each combination is run (5)",
    )
    shared.add_set(parser)
    shared.add_format(parser)
    shared.add_timeout(parser)
    shared.add_allow(parser)
    shared.add_limits(parser)
    shared.add_no_color(parser)


def _listed(kind: str, parse_one: Callable[[str], T], example: str) -> Callable[[str], list[T]]:
    """Return a function that takes apart `a,b,c`."""

    def parse_all(text: str) -> list[T]:
        try:
            return list(dict.fromkeys(parse_one(part.strip()) for part in text.split(",")))
        except ValueError:
            message = f"{text!r} is not a list of {kind} with commas between, such as {example}"
            raise argparse.ArgumentTypeError(message) from None

    return parse_all


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def parse_one(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return parse_one


def _positive(text: str) -> int:
    found = int(text)
    if not _is_count(found):
        raise ValueError(text)
    return found


def _is_count(found: int) -> bool:
    return 1 <= found <= MAX_RUNS


COMMAND = Command(
    "run a scenario with processes, with threads and serially, and compare the costs",
    "  run-scenario compare speed-up\n"
    "  run-scenario compare speed-up --cpus 1,2\n"
    "  run-scenario compare my.yaml --workers process --start-methods fork,spawn --runs 20\n"
    "  run-scenario compare my.yaml --format json > costs.json\n\n"
    "The same targets, with the same queues: in processes, in threads of one process, and serially, where the\n"
    "main program calls each target when it would start it. The runs are interleaved; all figures come from their\n"
    "logs. The exit status is 0 if every run has passed, else 1. What the scenario expects is judged where its own\n"
    "workers run; of others, only whether the run has to stall or to reach its deadline.",
    _add_arguments,
    compare,
)
