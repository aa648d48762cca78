"""`check`: an existing log, judged by the expectations of a scenario, or by a file of expectations alone.

Nothing is kept in memory of a log but what the judges keep: one of a million events takes no more than a short one.
"""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import IO, TYPE_CHECKING

from run_scenario.cli import github
from run_scenario.cli import options as shared
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_valid
from run_scenario.cli.logs import Event, events, opened
from run_scenario.cli.options import given_by
from run_scenario.cli.output_format import event_output
from run_scenario.cli.streams import note
from run_scenario.counting import plural
from run_scenario.errors import Status, UsageError
from run_scenario.report.text import sanitize

if TYPE_CHECKING:
    from run_scenario.events import types
    from run_scenario.expect import Judge, LateJudge
    from run_scenario.scenario.model import Given, Scenario

_MOST_RUNS = 1_000
"""Runs of a log that may be under way at the same time."""


def check(options: Namespace) -> Status:
    """Judge every run in the log; return 0 if all expectations of all runs have passed."""
    given = given_by(options)
    scenario, _ = load_valid(options.file, given, "either")
    if not scenario.expect:
        note(f"{sanitize(scenario.file)} has no expectations; only the implied ones are judged")
    with opened(options.log) as log:
        return _Checker(scenario, given, options).check(log)


class _Run:
    """One run in the log, while it is read."""

    def __init__(self, scenario: Scenario, event: Event) -> None:
        from run_scenario.expect import Judge, LateJudge

        self.judge: Judge | LateJudge
        if scenario.is_of_script:
            self.judge = LateJudge(scenario.expect)
        else:
            self.judge = Judge(scenario.expect, names_are_checked=True)
        self.last = event
        self.own = 0
        """Events of run-scenario itself so far."""

    def complete(self, event: types.Event, after: int) -> None:
        """Give a verdict's event its place, as many lines as that after the run's last one."""
        last = self.last
        event.timestamp, event.t, event.seq = last.get("timestamp", ""), last["t"], last["seq"] + after
        event.run, event.scenario, event.pid = last["run"], last.get("scenario", ""), last.get("pid")
        event.process, event.n = "run-scenario", self.own + after


class _Checker:
    def __init__(self, scenario: Scenario, given: Given, options: Namespace) -> None:
        self._scenario = scenario
        self._given, self._written = given, options.file
        self._name = options.log
        self._sinks = event_output(options).sinks
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
                what = f"event {event['seq']} of run {event['run']}, {event['event']}, is malformed: {error}"
                raise UsageError(f"{sanitize(self._name)}: {sanitize(what)}") from None
            run.last = event
            run.own += event["process"] == "run-scenario"
            if event["event"] == "scenario.finished":
                self._finish(event["run"])
        for name in list(self._open):
            note(f"{sanitize(self._name)}: run {sanitize(name)} has no end: it was cut short")
            self._finish(name)
        if not self._judged:
            raise UsageError(f"there is no run in '{sanitize(self._name)}': it has no event at all")
        return Status.FAILED if self._unmet else Status.PASSED

    def _begin(self, event: Event) -> _Run:
        if len(self._open) >= _MOST_RUNS:
            raise UsageError(f"'{sanitize(self._name)}' has more than {_MOST_RUNS:,} runs at the same time")
        other = event.get("scenario")
        if other != self._scenario.name and not self._scenario.is_of_script:
            found = f"run {event['run']} belongs to scenario '{other}', not '{self._scenario.name}'"
            note(f"{sanitize(self._name)}: {sanitize(found)}")
        run = self._open[event["run"]] = _Run(self._as_run(event), event)
        return run

    def _as_run(self, event: Event) -> Scenario:
        """Return the scenario with the values that a run had, for all parameters that none was given for now."""
        values = event.get("params")
        if not self._scenario.params or not isinstance(values, dict) or values == self._scenario.params:
            return self._scenario
        had = {name: value for name, value in values.items() if name in self._scenario.params}
        found, _ = load_valid(self._written, {**had, **self._given})
        return found

    def _finish(self, name: str) -> None:
        from run_scenario.events.exit_status import verdict_event
        from run_scenario.events.outcome import Outcome

        run = self._open.pop(name)
        self._judged += 1
        try:
            verdicts = run.judge.finish(Outcome.read(run.last).is_complete)
        except (KeyError, TypeError) as error:
            raise UsageError(
                f"{sanitize(self._name)}: an event of run {sanitize(name)} is malformed: {error}"
            ) from None
        self._unmet += sum(verdict.result != "passed" for verdict in verdicts)
        events = [verdict_event(verdict) for verdict in verdicts]
        for after, event in enumerate(events, start=1):  # as if they were the next lines of the log
            run.complete(event, after)
        for sink in self._sinks:
            sink.write(events)
        github.of_verdicts(events, self._scenario.file)
        met = sum(verdict.result == "passed" for verdict in verdicts)
        unmet = len(verdicts) - met
        end = f"{plural(met, 'expectation')} met" + (f", {unmet:,} not" if unmet else "")
        note(f"{sanitize(self._name)}: run {sanitize(name)}: {end}")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", metavar="LOG", help="a log, as JSON Lines; -: standard input")
    parser.add_argument(
        "file", metavar="FILE", help="a scenario (a path, or a bundled one), or a file with expectations alone"
    )
    shared.add_set(parser)
    shared.add_format(parser, annotated=True)
    shared.add_no_color(parser)


COMMAND = Command(
    "judge an existing log by the expectations of a scenario, or by a file of expectations alone",
    "  run-scenario check daemon.jsonl daemon.yaml\n"
    "  run-scenario check recorded.jsonl expectations.yaml\n"
    "  ssh there cat run.jsonl | run-scenario check - my.yaml\n\n"
    "Every run in the log is judged with the parameters that it had, one event after the other. The\n"
    "verdicts come on standard output, as events or, on a terminal, as sentences. The exit status is 0 if all\n"
    "expectations have passed, else 1.",
    _add_arguments,
    check,
)
