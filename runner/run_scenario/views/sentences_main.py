"""The sentences of what the main program does in steps of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.views.text import value

Event = Mapping[str, Any]


def _call(event: Event) -> str:
    subject, method = event.get("subject"), event.get("method")
    return f"{subject}.{method}" if subject else str(method)


def _raised(event: Event) -> str:
    message = event.get("message")
    return f"{_call(event)} raised {event.get('exception')}" + (f": {message}" if message else "") + ", as expected"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "main.called": lambda e: f"{_call(e)}: {value(e.get('result'))}",
    "main.raised": _raised,
}
"""Event -> its sentence."""
