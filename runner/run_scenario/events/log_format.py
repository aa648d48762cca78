"""The format of logs: what a line has, which format this version writes, and what older ones said otherwise."""

from __future__ import annotations

import json
from typing import Any

LOG_FORMAT = 2
"""Format of the logs that this version writes; the first event of a run names it."""

_EVENTS = {f"{group}.poisoned": f"{group}.abandoned" for group in ("queue", "event", "condition", "barrier")}
_EVENTS |= {"main.called": "step.called", "main.raised": "step.raised"}
_OUTCOMES = {"too_much": "limit_exceeded", "broken": "internal_error"}
_CAUSES = {"swept": "stopped_by_runner"}


_NEEDED = ("event", "t", "seq", "run", "process")
_LONGEST_RUN = 1e9
"""Seconds."""


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line of a log of any format; None if it is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not all(key in event for key in _NEEDED):
        return None
    texts = all(isinstance(event[key], str) for key in ("event", "run", "process"))
    numbers = type(event["t"]) in (int, float) and type(event["seq"]) is int
    return upgrade(event) if texts and numbers and 0 <= event["t"] < _LONGEST_RUN else None


def upgrade(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of any format in the words of this one; it is changed in place.

    Logs of version 0.1 had other names for some events, outcomes and causes.
    """
    name = event.get("event")
    if name == "scenario.finished":
        _rename(event, "outcome", _OUTCOMES)
    elif name == "process.exited":
        _rename(event, "cause", _CAUSES)
    else:
        _rename(event, "event", _EVENTS)
    return event


def _rename(event: dict[str, Any], field: str, names: dict[str, str]) -> None:
    old = event.get(field)
    if isinstance(old, str) and old in names:  # in a damaged log, anything may stand there
        event[field] = names[old]
