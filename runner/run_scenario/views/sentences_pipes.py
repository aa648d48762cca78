"""The sentences of pipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.views.text import plural, seconds, value, values

Event = Mapping[str, Any]

_NOTABLE_WAIT = 0.1
"""Seconds from which on a wait is worth a word."""


def _end(event: Event) -> str:
    return f"{event.get('pipe', '?')}.{event.get('end', '?')}"


def _after(event: Event) -> str:
    waited = event.get("waited") or 0.0
    return f" after waiting {seconds(waited)}" if waited >= _NOTABLE_WAIT else ""


def _polled(event: Event) -> str:
    answer = "there is something" if event.get("ready") else "there is nothing"
    return f"polls {_end(event)}: {answer}{_after(event)}"


def _left_over(event: Event) -> str:
    count = event.get("count", 0)
    return f"{plural(count, 'object')} never received at {_end(event)}: {values(event.get('items') or (), count)}"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "pipe.sent": lambda e: f"sends {value(e.get('item'))} at {_end(e)}",
    "pipe.send_waited": lambda e: f"could send at {_end(e)}{_after(e) or ' after a moment'}",
    "pipe.received": lambda e: f"received {value(e.get('item'))} at {_end(e)}{_after(e)}",
    "pipe.eof": lambda e: f"has come to the end of {_end(e)}: nobody has the other end any more{_after(e)}",
    "pipe.broken": lambda e: f"{e.get('call')}() on {_end(e)} failed: {e.get('error')}",
    "pipe.polled": _polled,
    "pipe.closed": lambda e: f"closes {_end(e)}",
    "pipe.left_over": _left_over,
}
"""Event -> its sentence."""
