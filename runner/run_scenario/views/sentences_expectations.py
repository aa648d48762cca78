"""What became of an expectation, as sentences; and the events that show it, as lines below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Event = Mapping[str, Any]


def _told(event: Event, result: str) -> str:
    return f"{result}{_where(event)}: {event.get('expectation')}"


def _where(event: Event) -> str:
    if event.get("line") is None:
        return ""
    if event.get("event") == "expectation.passed" or not event.get("file"):
        return f" (line {event['line']})"
    return f" ({event['file']}:{event['line']})"


def explanation(event: Event, sentence: Callable[[Event], str]) -> list[str]:
    """Return the lines below a verdict that is not passed: why it matters, what was found, and the events that show it.

    `sentence` tells what one event says.
    """
    lines = [str(event[key]) for key in ("because", "reason") if event.get(key)]
    shown = [each for each in event.get("evidence") or () if isinstance(each, Mapping)]
    for each in shown:
        lines.append(f"  line {each.get('seq')}, {_seconds(each.get('t'))}: {each.get('process')} {sentence(each)}")
    return lines


def _seconds(t: object) -> str:
    return f"{t:.3f} s" if isinstance(t, int | float) else "?"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "expectation.passed": lambda event: _told(event, "as expected"),
    "expectation.failed": lambda event: _told(event, "not as expected"),
    "expectation.inconclusive": lambda event: _told(event, "could not be judged"),
}
