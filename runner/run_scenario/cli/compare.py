"""`compare`: one scenario, run again and again with different workers, and what each of them costs.

The runs are interleaved, so that a machine that gets busier meanwhile does not favour one of them.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from run_scenario.cli.bar import Bar
from run_scenario.cli.limiting import limits_of
from run_scenario.cli.problems import report
from run_scenario.cli.run import allowed_for, with_source
from run_scenario.cli.streams import columns, complain, say
from run_scenario.errors import Status, UsageError
from run_scenario.views.text import scrub

if TYPE_CHECKING:
    from run_scenario.engine.outcome import Outcome
    from run_scenario.limits import Limits
    from run_scenario.model import Scenario, Worker
    from run_scenario.views.comparison import Combination, Comparison

_ENDS_ALL = (Status.MACHINERY, Status.HANGUP, Status.INTERRUPTED, Status.TERMINATED)
_PROSE = 110
_WIDE = 200
"""Columns of the table where there is no terminal."""


def compare(options: Namespace) -> Status:
    """Run a scenario in all combinations, and print the table or the JSON."""
    from run_scenario.cli.commands import load
    from run_scenario.cli.files import resolve
    from run_scenario.views.comparison import Comparison

    (file,) = resolve([options.files])
    loaded = load(file)
    if loaded.scenario is None:
        return Status.INVALID
    scenario = loaded.scenario
    if options.timeout is not None:
        scenario = scenario.replace(timeout=options.timeout)
    _check_cpus(options.cpus)
    allow, limits = allowed_for([(scenario, loaded.text)], options), limits_of(options)
    combinations = list(_combinations(scenario, options))
    comparison = Comparison(scenario.name, scenario.file, combinations)
    total = options.runs * len(combinations)
    with Bar(total) as progress:
        for done in range(total):
            combination = combinations[done % len(combinations)]
            progress.show(done, f"run {done + 1} of {total}: {combination.label}")
            outcome = _run_once(scenario, combination, comparison, allow, limits)
            refused_at_once = outcome.status is Status.INVALID and done == 0
            if refused_at_once or outcome.status in _ENDS_ALL:
                progress.erase()
                _explain(outcome, loaded.text)
                return outcome.status
    _tell(comparison, options)
    return Status.PASSED if comparison.passed else Status.FAILED


def _check_cpus(counts: Sequence[int]) -> None:
    """Refuse more CPUs than there are before anything is run.

    Raises:
        UsageError: there are not so many.
    """
    from run_scenario.engine.consent import RefusedError
    from run_scenario.engine.cpus import choose

    try:
        for count in counts:
            choose(count)
    except RefusedError as refusal:
        raise UsageError(f"--cpus: {refusal}") from None


def _combinations(scenario: Scenario, options: Namespace) -> Iterator[Combination]:
    """Yield what is to be compared; a start method makes no difference to threads and plain calls."""
    from run_scenario.engine.front import default_start_method
    from run_scenario.views.comparison import Combination

    methods = options.start_methods or [scenario.start_method or default_start_method()]
    for cpus in options.cpus or [None]:
        for workers in options.workers:
            for method in methods if workers == "process" else [None]:
                yield Combination(workers, method, cpus)


def _run_once(
    scenario: Scenario, combination: Combination, comparison: Comparison, allow: frozenset[str], limits: Limits
) -> Outcome:
    """Run one combination once and add what came of it; return how the run ended."""
    from run_scenario import language
    from run_scenario.engine import front
    from run_scenario.language.workers import CannotConvertError, with_workers
    from run_scenario.views.comparison import Measurement, Meter

    worker: Worker = combination.workers  # type: ignore[assignment]  # checked by the parser
    try:
        scenario = with_workers(scenario, worker)
    except CannotConvertError as error:
        comparison.add(combination, Measurement("impossible", str(error), {}))
        return front.Outcome(Status.FAILED, "impossible", (str(error),), 0.0)
    if combination.start_method is not None:
        scenario = scenario.replace(start_method=combination.start_method)
    if combination.cpus is not None:
        scenario = scenario.replace(cpus=combination.cpus)
    meter = Meter()
    guard = front.start_guard()
    try:
        steps = language.plan(scenario)
    except BaseException:
        guard.dismiss()
        raise
    outcome = front.run(scenario, steps, guard=guard, allow=allow, sinks=[meter], limits=limits)
    comparison.add(combination, meter.measurement())
    return outcome


def _explain(outcome: Outcome, text: str) -> None:
    """Say why nothing can be compared."""
    if outcome.problems:
        report(with_source(problem, text) for problem in outcome.problems)
    elif outcome.status is Status.INTERRUPTED:
        complain("run-scenario: interrupted\n")
    elif outcome.reasons:
        complain(f"run-scenario: {scrub('; '.join(outcome.reasons))}\n")


def _tell(comparison: Comparison, options: Namespace) -> None:
    if options.format == "json" or (options.format == "auto" and not sys.stdout.isatty()):
        import platform

        from run_scenario import __version__

        facts = {
            "runs": options.runs,
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "machine_cpus": os.cpu_count(),
        }
        say(comparison.as_json(facts))
        return
    import textwrap

    from rich.console import Console

    from run_scenario.views.comparison import COLUMNS, NOTES, explanations, rows
    from run_scenario.views.tables import render_table

    console = Console(
        file=sys.stdout,
        width=columns() or _WIDE,
        no_color=options.no_color or None,
        highlight=False,
        legacy_windows=False,
    )
    marks = ["" if set(comparison.outcomes(c)) == {"passed"} else "✗" for c in comparison.runs]
    table = render_table(console, COLUMNS, list(zip(rows(comparison), marks, strict=True)), left=4)
    why = "".join(f"{line}\n" for line in explanations(comparison))
    notes = textwrap.fill(NOTES, min(console.width, _PROSE))
    say(f"{table}\n{why}{chr(10) if why else ''}{notes}\n")
