"""`predict`: questions about a scenario, before it is run; then the run, and what was so."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from run_scenario.cli import options as shared
from run_scenario.cli.answers import read_answers
from run_scenario.cli.command import Command
from run_scenario.cli.files import load_valid, report, report_end
from run_scenario.cli.options import given_by, limits_of
from run_scenario.cli.output_format import OutputFormat
from run_scenario.cli.settings import allowed_for
from run_scenario.cli.streams import table_console, write_stderr, write_stdout
from run_scenario.errors import Status, UsageError
from run_scenario.report.text import sanitize

if TYPE_CHECKING:
    from run_scenario.events.history.history import History
    from run_scenario.events.outcome import Outcome
    from run_scenario.report.prediction import Question
    from run_scenario.scenario.model import Scenario

_WIDE = 110
_IS_COMPLETE = (Status.PASSED, Status.FAILED, Status.STOPPED)


def predict(options: Namespace) -> Status:
    """Ask, run, compare; return 0 if all that was predicted was so."""
    shown = OutputFormat.chosen(options)
    scenario, text = load_valid(options.file, given_by(options))
    allow = allowed_for([scenario], options.allow)
    from run_scenario.report import prediction

    asked = prediction.questions(scenario)
    answers = read_answers(options.answers, asked) if options.answers is not None else _ask(scenario, asked)
    outcome, history = _run(scenario, allow, options)
    if outcome.status not in _IS_COMPLETE or history.started is None:
        report(outcome.problems, text)
        report_end(outcome)
        return outcome.status
    predictions = prediction.compare(asked, answers, history)
    if shown is OutputFormat.JSON:
        write_stdout(prediction.as_json(predictions, history))
    else:
        console = table_console(_WIDE, colour=not options.no_color)
        write_stdout(prediction.table(console, predictions, history))
    return Status.PASSED if all(each.is_right for each in predictions) else Status.FAILED


def _ask(scenario: Scenario, asked: Sequence[Question]) -> dict[str, Any]:
    """Ask a person at a terminal, on standard error; what they leave open is not in it.

    Raises:
        UsageError: there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        names = ", ".join(question.name for question in asked)
        raise UsageError(f"nobody can be asked where there is no terminal; give --answers FILE: it may have {names}")
    write_stderr(
        f"{sanitize(scenario.title or scenario.name)}\n`run-scenario plan {sanitize(scenario.file)}` shows it.\n"
    )
    found: dict[str, Any] = {}
    for number, question in enumerate(asked, start=1):
        choices = list(question.choices)
        lines = [f"  {at} {sanitize(question.choices[each])}" for at, each in enumerate(choices, start=1)]
        write_stderr("\n".join(["", f"{number}. {sanitize(question.text)}", *lines, ""]))
        said = _read_answer(choices)
        if said is not None:
            found[question.name] = said
    write_stderr("\n")
    return found


def _read_answer(choices: Sequence[str]) -> Any:
    """Read until there is an answer that fits, or an empty line: None."""
    import yaml

    hint = "a number" if choices else "your answer"
    while True:
        write_stderr(f"   {hint}, or Enter to leave it open: ")
        line = sys.stdin.readline()
        text = line.strip()
        if not text:
            return None
        if not choices:
            try:
                return yaml.safe_load(text)
            except yaml.YAMLError:
                return text
        if text in choices:
            return text
        if text.isdecimal() and 1 <= int(text) <= len(choices):
            return choices[int(text) - 1]
        write_stderr(f"   there is no {sanitize(text)!r}; it is a number from 1 to {len(choices)}\n")


def _run(scenario: Scenario, allow: Mapping[str, str], options: Namespace) -> tuple[Outcome, History]:
    """Run the scenario; return how it ended, and what happened."""
    from run_scenario import expect, loader
    from run_scenario.events.history.history import History
    from run_scenario.report.reasons import Sentences
    from run_scenario.report.watcher import HistoryWatcher
    from run_scenario.runtime import runner

    history = History(detailed=False)
    if options.timeout is not None:
        scenario = scenario.replace(timeout=options.timeout)
    if options.start_method is not None:
        scenario = scenario.replace(start_method=options.start_method)
    with runner.start_supervisor() as supervisor:
        outcome = runner.run(
            scenario,
            loader.plan(scenario),
            supervisor=supervisor,
            allow=allow,
            sinks=[HistoryWatcher(history)],
            wording=Sentences(),
            make_judge=lambda: expect.Judge(scenario.expect, names_are_checked=True),
            limits=limits_of(options),
        )
    return outcome, history


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_file(parser)
    parser.add_argument(
        "--answers", metavar="ANSWERS", help="a YAML file with the answers, instead of asking for them on the terminal"
    )
    shared.add_set(parser)
    shared.add_format(parser)
    shared.add_start_method(parser)
    shared.add_timeout(parser)
    shared.add_allow(parser)
    shared.add_limits(parser)
    shared.add_no_color(parser)


COMMAND = Command(
    "ask what a scenario will do, run it, and compare",
    "  run-scenario predict daemon\n"
    "  run-scenario predict my.yaml --answers mine.yaml\n\n"
    "The questions are made from the scenario: how it ends, whose end comes first, which exit codes its `exitcodes`\n"
    "are about, what is left on its queues, what its values hold. A file of answers has those that it wants:\n"
    "`{ends: hangs, first: Worker 1, left: {tasks: 0}, values: {counter: 100}, exitcodes: {Worker 1: 0}}`; `ends` is\n"
    "returns, fails, hangs or busy. The answers hold for the one run that follows: others may go otherwise. The exit\n"
    "status is 0 if all was as predicted, else 1.",
    _add_arguments,
    predict,
)
