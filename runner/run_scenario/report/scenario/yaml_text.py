"""YAML as a person writes a scenario: blocks outside, flow inside, comments; each text in such a way that it stays one.

Only what is made of letters, digits, `_`, `.`, `:` and `-` is written plainly; PyYAML writes everything else, in double
quotes. So nothing that comes from a log can become a key, a tag or a comment's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from run_scenario.recording.payloads import WITHHELD
from run_scenario.report.sentences import Event
from run_scenario.report.text import sanitize, truncate
from run_scenario.scenario.data import in_words

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?")
_EXPRESSION = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
_MEANINGFUL = frozenset(["yes", "no", "on", "off", "true", "false", "null"])
"""What is no text for some YAML or other, in lower case."""
_LONGEST_COMMENT = 200
WIDTH = 118
"""Columns of a line that is not one long value."""


def text(value: str) -> str:
    """Return a text as a scalar."""
    plainly = _PLAIN.fullmatch(value) or _EXPRESSION.fullmatch(value)
    if plainly and value.lower() not in _MEANINGFUL:
        return value
    return str(yaml.safe_dump(value, default_style='"', allow_unicode=True, width=float("inf"))).rstrip("\n")


def flow(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{text(str(key))}: {flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(yaml.safe_dump(value)).partition("\n")[0]


def comment(words: str) -> str:
    """Return a comment, on one line."""
    return f"# {truncate(sanitize(words), _LONGEST_COMMENT)}"


def remark(line: str, words: str) -> str:
    """Return a line with a comment behind it; none, if there are no words."""
    return f"{line}  {comment(words)}" if words else line


def indented(lines: Iterable[str], by: int) -> list[str]:
    """Return lines moved to the right."""
    return [f"{' ' * by}{line}" if line else line for line in lines]


def escaped(value: Any) -> Any:
    """Return data in which each dollar is only that, where a scenario would compute."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [escaped(each) for each in value]
    if isinstance(value, dict):
        return {key: escaped(each) for key, each in value.items()}
    return value


# Data from a log


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
        return bounded(item)
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
