"""The sentences of shared data and of managers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.views.text import seconds, value

Event = Mapping[str, Any]

_NOTABLE_WAIT = 0.1
"""Seconds from which on a wait is worth a word."""


def _place(event: Event) -> str:
    if "value" in event:
        return str(event["value"])
    index = event.get("index")
    return str(event.get("array", "?")) + ("" if index is None else f"[{index}]")


def _overwritten(event: Event) -> str:
    lost = f"the {value(event.get('lost'))} that {event.get('writer')} has written to {_place(event)}"
    return f"overwrites {lost} since it was read: that update is lost"


def _called(event: Event) -> str:
    arguments = [value(argument) for argument in event.get("arguments") or ()]
    arguments += [f"{key}={value(argument)}" for key, argument in (event.get("keywords") or {}).items()]
    call = f"calls {event.get('object')}.{event.get('method')}({', '.join(arguments)})"
    waited = event.get("waited") or 0.0
    after = f" after {seconds(waited)}" if waited >= _NOTABLE_WAIT else ""
    if event.get("error"):
        return f"{call}, which raised {event.get('error')}{after}"
    return call + ("" if event.get("result") is None else f": {value(event.get('result'))}") + after


_ELEMENTS: dict[str, Callable[[Event], str]] = {
    "read": lambda e: f"reads {value(e.get('content'))} from {_place(e)}",
    "written": lambda e: f"writes {value(e.get('content'))} to {_place(e)}",
    "overwritten": _overwritten,
    "final": lambda e: f"{_place(e)} is {value(e.get('content'))} in the end",
}


def _by_signal(event: Event) -> str:
    return f", by {event['signal']}" if event.get("signal") else ""


SENTENCES: dict[str, Callable[[Event], str]] = {
    **{f"value.{deed}": sentence for deed, sentence in _ELEMENTS.items()},
    **{f"array.{deed}": sentence for deed, sentence in _ELEMENTS.items()},
    "shared_memory.created": lambda e: f"creates shared memory '{e.get('memory')}': {e.get('size')} bytes",
    "shared_memory.attached": lambda e: f"attaches to shared memory '{e.get('memory')}'",
    "shared_memory.closed": lambda e: f"closes shared memory '{e.get('memory')}'",
    "shared_memory.unlinked": lambda e: f"removes shared memory '{e.get('memory')}'",
    "manager.started": lambda e: f"has started {e.get('manager')} (pid {e.get('manager_pid')}) at {e.get('address')}",
    "manager.lost": lambda e: f"{e.get('manager')} (pid {e.get('manager_pid')}) has ended too early{_by_signal(e)}",
    "manager.shut_down": lambda e: f"has shut {e.get('manager')} down",
    "manager.called": _called,
}
"""Event -> its sentence."""
