"""The sentences of locks, semaphores, events, conditions and barriers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from run_scenario.views.text import seconds

Event = Mapping[str, Any]

_FIELDS = {"event": "flag"}
"""Where the field that names the object is not called like its kind."""
_NOTABLE_WAIT = 0.1
"""Seconds from which on a wait is worth a word."""


def _named(event: Event) -> str:
    kind = str(event.get("event")).partition(".")[0]
    return f"{kind} '{event.get(_FIELDS.get(kind, kind), '?')}'"


def _after(event: Event) -> str:
    waited = event.get("waited") or 0.0
    return f" after waiting {seconds(waited)}" if waited >= _NOTABLE_WAIT else ""


def _held(event: Event) -> str:
    holders: Sequence[object] = event.get("held_by") or ()
    return f", held by {', '.join(map(str, holders))}" if holders else ""


def _released(event: Event) -> str:
    owner = event.get("owner")
    whose = "" if owner in (None, event.get("process")) else f", which {owner} holds"
    return f"releases {_named(event)}{whose}"


def _waited(event: Event) -> str:
    deed = "set" if str(event.get("event")).startswith("event.") else "notified"
    return f"{_named(event)} was {deed if event.get('answer') else f'not {deed} in time'}{_after(event)}"


def _poisoned(event: Event) -> str:
    return f"leaves {_named(event)} broken: {event.get('reason')}"


_HELD: dict[str, Callable[[Event], str]] = {
    "waiting": lambda e: f"waits for {_named(e)}{_held(e)}",
    "acquired": lambda e: f"acquired {_named(e)}{_after(e)}",
    "not_acquired": lambda e: f"did not get {_named(e)}{_held(e)}{_after(e)}",
    "released": _released,
    "abandoned": lambda e: f"has ended without releasing {_named(e)}",
}

SENTENCES: dict[str, Callable[[Event], str]] = {
    **{f"lock.{deed}": sentence for deed, sentence in _HELD.items()},
    **{f"semaphore.{deed}": sentence for deed, sentence in _HELD.items()},
    "event.set": lambda e: f"sets {_named(e)}",
    "event.cleared": lambda e: f"clears {_named(e)}",
    "event.is_set": lambda e: f"asks whether {_named(e)} is set: {bool(e.get('answer'))}",
    "event.waiting": lambda e: f"waits for {_named(e)} to be set",
    "event.waited": _waited,
    "event.poisoned": _poisoned,
    "condition.poisoned": _poisoned,
    "barrier.poisoned": _poisoned,
    "condition.waiting": lambda e: f"waits for {_named(e)} to be notified",
    "condition.waited": _waited,
    "condition.notified": lambda e: f"notifies {_named(e)}: {e.get('most')} at most",
    "barrier.waiting": lambda e: f"has come to {_named(e)}",
    "barrier.passed": lambda e: f"passes {_named(e)}{_after(e)}",
    "barrier.broken": lambda e: f"finds {_named(e)} broken{_after(e)}",
    "barrier.aborted": lambda e: f"aborts {_named(e)}",
    "barrier.reset": lambda e: f"resets {_named(e)}",
}
"""Event -> its sentence."""
