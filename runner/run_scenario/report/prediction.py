"""What there is to be predicted about a run of a scenario, and what then was so: questions, answers, and a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from run_scenario.report.summary import IN_A_LOG, introduction, outcome
from run_scenario.report.text import sanitize, value
from run_scenario.scenario.resources import SharedSpec
from run_scenario.values import Value

if TYPE_CHECKING:
    from rich.console import Console

    from run_scenario.events.history.history import History
    from run_scenario.events.history.lane import Lane
    from run_scenario.scenario.model import Scenario

NOBODY = "nobody"
_MOST_CHOICES = 12
"""Processes among whom somebody is asked to choose."""
_MOST_OF_A_KIND = 5
"""Questions about queues, values or exit codes."""
_ENDS = {
    "returns": "it ends, and all its processes return",
    "fails": "it ends, but not all its processes return: one fails, is terminated or killed",
    "hangs": "it hangs: nobody can go on",
    "busy": "it is still busy, or asleep, at its deadline",
}
_COLUMNS = ("question", "you said", "it was")


class Question(Value):
    """Something that can be predicted."""

    key: tuple[str, ...]
    """Where its answer stands in a file of answers: `ends`, or `left` and the name of a queue."""
    text: str
    choices: Mapping[str, str] = {}
    """Answers among which to choose, each with what it means; none: any plain value is one."""

    @property
    def name(self) -> str:
        """Its key in one word: `left.tasks`."""
        return ".".join(self.key)


def questions(scenario: Scenario) -> list[Question]:
    """Return what is asked about a scenario, made from what it describes and expects."""
    found = [Question(("ends",), "How does the program end?", _ENDS)]
    names = [process.name for process in scenario.processes]
    if 1 < len(names) <= _MOST_CHOICES:
        text = "Whose end comes first (the main program apart)?"
        found.append(Question(("first",), text, {name: name for name in (*names, NOBODY)}))
    codes = list(dict.fromkeys(name for each in scenario.expect for name, _ in each.codes if name in names))
    found += [Question(("exitcodes", name), f"Which exit code has {name!r}?") for name in codes[:_MOST_OF_A_KIND]]
    found += [
        Question(("left", queue.name), f"How many items that nobody took are left on the queue {queue.name!r}?")
        for queue in scenario.queues[:_MOST_OF_A_KIND]
    ]
    values = [each.name for each in scenario.shared if isinstance(each, SharedSpec) and each.type == "Value"]
    text = "What does the value {!r} hold in the end?"
    return found + [Question(("values", name), text.format(name)) for name in values[:_MOST_OF_A_KIND]]


def answer(question: Question, history: History) -> Any:
    """Return what was so in a run; None: that is not known, as of a value in a run that was stopped."""
    kind, *names = question.key
    if kind == "ends":
        return _end(history)
    if kind == "first":
        ended = [
            lane for name in question.choices if (lane := history.lanes.get(name)) is not None and _has_ended(lane)
        ]
        return min(ended, key=lambda lane: lane.ended or 0.0).name if ended else NOBODY
    (name,) = names
    if kind == "exitcodes":
        lane = history.lanes.get(name)
        return lane.end.exitcode if lane is not None and lane.end is not None else None
    if kind == "left":
        queue = history.queues.get(name)
        return 0 if queue is None else queue.remaining
    content = history.contents.get(name)
    return None if content is None or content.last is UNSET else content.last


def _end(history: History) -> str:
    if history.stall is not None:
        return "hangs" if history.stall.cause == "deadlock" else "busy"
    returned = all(lane.end is None or lane.end.cause == "returned" for lane in history.processes.values())
    return "returns" if returned else "fails"


def _has_ended(lane: Lane) -> bool:
    """Return whether it came to an end of which run-scenario is not the cause."""
    return lane.ended is not None and lane.end is not None and lane.end.cause != "stopped_by_runner"


class Prediction(Value):
    """A question, what somebody has said, and what was so."""

    question: Question
    said: Any
    found: Any

    @property
    def is_right(self) -> bool:
        """Whether that is the same; 1 is not True."""
        return self.found is not None and json.dumps(self.said) == json.dumps(self.found)


def compare(asked: Sequence[Question], answers: Mapping[str, Any], history: History) -> list[Prediction]:
    """Return what became of each prediction; what somebody has left open is none."""
    return [
        Prediction(question, answers[question.name], answer(question, history))
        for question in asked
        if question.name in answers
    ]


def table(console: Console, predictions: Sequence[Prediction], history: History) -> str:
    """Return a line for each prediction, those that were wrong marked; how the run ended; and what to watch for."""
    from run_scenario.report.terminal.cells import wrap
    from run_scenario.report.terminal.tables import render_table

    rows = [
        (
            (sanitize(each.question.text), _shown(each.question, each.said), _shown(each.question, each.found)),
            "" if each.is_right else "✗",
        )
        for each in predictions
    ]
    right = sum(each.is_right for each in predictions)
    parts = [render_table(console, _COLUMNS, rows, left=3)] if rows else []
    parts.append(f"{right} of {len(predictions)} predicted. The run: {outcome(history)}\n")
    if watch_for := introduction(history.started, IN_A_LOG)[1]:
        parts.append("".join(f"{line}\n" for line in wrap(watch_for, console.width)))
    return "\n".join(parts)


def _shown(question: Question, given: Any) -> str:
    if given is None:
        return "not known"
    if question.key == ("ends",):
        return question.choices[given]
    return sanitize(given) if question.choices else value(given)


def as_json(predictions: Sequence[Prediction], history: History) -> str:
    """Return it as one JSON object."""
    found = [
        {"question": each.question.name, "said": each.said, "found": each.found, "right": each.is_right}
        for each in predictions
    ]
    return json.dumps({"outcome": outcome(history), "predictions": found}, indent=2) + "\n"
