"""`check`: an existing log, judged by a scenario's expectations, line by line.

Nothing is kept of a log but what the judges keep: a log of a million events is judged in the memory of a short one.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import IO, TYPE_CHECKING

from run_scenario.cli.logs import Event, events, opened
from run_scenario.cli.streams import complain
from run_scenario.errors import Status, UsageError
from run_scenario.views.text import plural, scrub

if TYPE_CHECKING:
    from run_scenario.engine.sink import Sink
    from run_scenario.expect import Judge
    from run_scenario.model import Scenario

_MOST_RUNS = 1_000
"""Runs that a log may tell at the same time."""


def check(options: Namespace) -> Status:
    """Judge every run in the log; return 0 if all expectations of all runs have passed."""
    from run_scenario.cli.commands import load
    from run_scenario.cli.files import resolve

    (file,) = resolve([options.file])
    scenario = load(file).scenario
    if scenario is None:
        return Status.INVALID
    if not scenario.expect:
        complain(f"run-scenario: {scrub(file.name)} expects nothing; only what goes without saying is judged\n")
    with opened(options.log) as log:
        return _Checker(scenario, options).check(log)


class _Run:
    """One run in the log, while it is read."""

    def __init__(self, scenario: Scenario, event: Event) -> None:
        from run_scenario.expect import Judge

        self.judge: Judge = Judge(scenario.expect)
        self.last = event
        self.own = 0
        """Events of run-scenario itself so far."""
        self.outcome = ""


class _Checker:
    def __init__(self, scenario: Scenario, options: Namespace) -> None:
        self._scenario = scenario
        self._name = options.log
        self._sink = _sink(options)
        self._open: dict[str, _Run] = {}
        self._judged = 0
        self._unmet = 0

    def check(self, log: IO[bytes]) -> Status:
        """Judge the runs, each at its end."""
        for event in events(log, self._name):
            run = self._open.get(event["run"])
            if run is None:
                run = self._begin(event)
            try:
                run.judge.take((event,))
            except (KeyError, TypeError) as error:
                what = f"line {event['seq']} of run {event['run']}: its {event['event']} is not as events are: {error}"
                raise UsageError(f"{scrub(self._name)}: {scrub(what)}") from None
            run.last = event
            run.own += event["process"] == "run-scenario"
            if event["event"] == "scenario.finished":
                run.outcome = str(event.get("outcome"))
                self._finish(event["run"])
        for name in list(self._open):
            complain(f"run-scenario: {scrub(self._name)}: run {scrub(name)} has no end: it was cut short\n")
            self._finish(name)
        if not self._judged:
            raise UsageError(f"there is no run in '{scrub(self._name)}': it has no event at all")
        return Status.FAILED if self._unmet else Status.PASSED

    def _begin(self, event: Event) -> _Run:
        if len(self._open) >= _MOST_RUNS:
            raise UsageError(f"'{scrub(self._name)}' tells more than {_MOST_RUNS:,} runs at the same time")
        other = event.get("scenario")
        if other != self._scenario.name:
            told = f"run {event['run']} is one of '{other}', and is judged by '{self._scenario.name}'"
            complain(f"run-scenario: {scrub(self._name)}: {scrub(told)}\n")
        run = self._open[event["run"]] = _Run(self._scenario, event)
        return run

    def _finish(self, name: str) -> None:
        from run_scenario.engine.judging import ENDED, told

        run = self._open.pop(name)
        self._judged += 1
        verdicts = run.judge.finish(run.outcome in ENDED)
        self._unmet += sum(verdict.result != "passed" for verdict in verdicts)
        told_events = []
        for after, verdict in enumerate(verdicts, start=1):  # as if they were the next lines of the log
            event, level, fields = told(verdict)
            common = {
                key: run.last.get(key) for key in ("timestamp", "t", "seq", "run", "scenario", "process", "pid", "n")
            }
            common |= {"seq": run.last["seq"] + after, "process": "run-scenario", "n": run.own + after}
            told_events.append({"event": event, "level": level, **common, **fields})
        self._sink.write(told_events)
        met = sum(verdict.result == "passed" for verdict in verdicts)
        unmet = len(verdicts) - met
        end = f"{plural(met, 'expectation')} met" + (f", {unmet:,} not" if unmet else "")
        complain(f"run-scenario: {scrub(self._name)}: run {scrub(name)}: {end}\n")


def _sink(options: Namespace) -> Sink:
    if options.format == "console" or (options.format == "auto" and sys.stdout.isatty()):
        from run_scenario.views.console import ConsoleView

        return ConsoleView(sys.stdout, colour=not options.no_color)
    from run_scenario.views.jsonlines import JsonLines
    from run_scenario.views.outputs import Output

    return JsonLines([Output(sys.stdout.fileno(), "standard output")])
