"""Data from a log as a scenario writes it, and whether the log has it as it was."""

from __future__ import annotations

import re
from typing import Any

from run_scenario.recording.payloads import WITHHELD
from run_scenario.report.scenario.yaml_text import escaped
from run_scenario.report.sentences import Event
from run_scenario.scenario.forms import in_words

_DESCRIBED = re.compile(r"<.*>|.*[….)]", re.DOTALL)
"""What a description may look like that stands for something else."""
_MOST_PARTS = 2_000
_LONGEST = 2_000
NOT_RECORDED = "not recorded (--no-payloads)"


def item_of(event: Event) -> tuple[Any, str]:
    """Return what was put or sent, and a comment where that is only something like it."""
    item = event.get("item")
    if item == WITHHELD:
        return item, NOT_RECORDED
    if "data" not in event:
        shortened = isinstance(item, str) and re.fullmatch(r"<\w+ of \d+>", item) is not None
        return bounded(item) if not shortened else (escaped(item), "no data: this is only what the log shows of it")
    if event["data"] is None:
        return escaped(_as_text(item)), "no data, or too much of it: this is only what the log shows of it"
    return bounded(event["data"])


def shown(value: Any) -> tuple[Any, str]:
    """Return what the log only describes, and a comment where that may be something else."""
    if value == WITHHELD:
        return value, NOT_RECORDED
    certain = not isinstance(value, dict | list) and not (isinstance(value, str) and _DESCRIBED.fullmatch(value))
    return escaped(value), "" if certain else "as the log shows it: it may be something else"


def bounded(form: Any) -> tuple[Any, str]:
    """Return data, or, of too much, a text and a comment."""
    return (escaped(form), "") if parts(form) <= _MOST_PARTS else ("", "left out here: too much for a scenario")


def parts(form: Any) -> int:
    """Return how many values there are in some data."""
    if isinstance(form, dict):
        return 1 + len(form) + sum(map(parts, form.values()))
    if isinstance(form, list):
        return 1 + sum(map(parts, form))
    return 1


def _as_text(item: Any) -> str:
    return (item if isinstance(item, str) else in_words(item))[:_LONGEST]
