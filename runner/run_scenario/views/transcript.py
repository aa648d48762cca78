"""The log as a person reads it: noise folded together, each traceback told once.

    events ──▶ Transcript.lines() ──▶ Line(t, process, text, tone, details)

A transcript remembers what the next batch needs to know: whose traceback was just told.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from run_scenario.values import Value
from run_scenario.views.frames import shown_frames
from run_scenario.views.sentences import Event, sentence
from run_scenario.views.sentences_expectations import explanation
from run_scenario.views.text import plural, scrub, seconds, shorten, value, values

Tone = Literal["error", "warning", "plain", "quiet", "output", "title"]

_FOLDED = frozenset(("queue.put", "queue.get", "queue.task_done", "queue.empty"))
_MANY = 40
"""Queue events in a row from which on they are counted instead of listed."""

_LONGEST_DETAIL = 2_000


class Line(Value):
    """One line of the transcript; `details` are further lines below it. Everything is safe on a terminal."""

    t: float
    process: str
    text: str
    tone: Tone = "plain"
    details: tuple[str, ...] = ()


class Transcript:
    """Turns batches of events into lines."""

    def __init__(self) -> None:
        self._told: dict[str, _ToldTraceback] = {}
        self._deadline_told = False

    def lines(self, events: Sequence[Event]) -> Iterator[Line]:
        """Yield the lines of the next events; `scenario.finished` has none, it is the summary's."""
        for noisy, group in itertools.groupby(events, key=lambda event: event.get("event") in _FOLDED):
            if noisy:
                yield from _folded(list(group))
            else:
                yield from (self._line(event) for event in group if not self._is_known(event))

    def _line(self, event: Event) -> Line:
        details: list[str] = []
        if event.get("event") == "process.failed" and event.get("traceback"):
            traceback = str(event["traceback"]).splitlines()
            self._told[str(event.get("process"))] = _ToldTraceback(frozenset(traceback), traceback[-1])
            details = traceback
        elif event.get("event") == "scenario.stalled":
            details = _stuck(event)
        elif event.get("event") in ("expectation.failed", "expectation.inconclusive"):
            details = explanation(event, sentence)
        safe = tuple(shorten(scrub(line), _LONGEST_DETAIL) for line in details)
        return Line(_time(event), scrub(str(event.get("process"))), sentence(event), _tone(event), safe)

    def _is_known(self, event: Event) -> bool:
        """Whether the event says again what was said.

        That is the end, which the summary tells; the deadline, which the report of who waits for what began with; a
        logged message that logging's own handler prints too; a traceback that multiprocessing prints too.
        """
        kind = event.get("event")
        if kind == "scenario.finished" or (kind == "scenario.timed_out" and self._deadline_told):
            return True
        if kind == "scenario.stalled":
            self._deadline_told = event.get("cause") == "deadline"
        if kind != "process.output":
            return False
        if event.get("via") == "logging":
            return True
        if event.get("stream") != "stderr":
            return False
        told = self._told.get(str(event.get("process")))
        if told is None:
            return False
        text = str(event.get("text", ""))
        if told.covers(text) and text != told.last:
            return True
        del self._told[str(event.get("process"))]
        return text == told.last


class _ToldTraceback(Value):
    """The traceback of a `process.failed`: the same lines on standard error right after it are not told again."""

    lines: frozenset[str]
    last: str

    def covers(self, text: str) -> bool:
        return text in self.lines or text.startswith("  ") or re.fullmatch(r"Process .*:", text) is not None


def _folded(events: list[Event]) -> Iterator[Line]:
    """Merge neighbours that did the same thing; where there are very many, count them."""
    if len(events) > _MANY:
        groups: dict[tuple[Any, ...], list[Event]] = {}
        for event in events:
            groups.setdefault(_deed(event), []).append(event)
        yield from (_merged(group) for group in groups.values())
    else:
        for _, group in itertools.groupby(events, key=_deed):
            yield _merged(list(group))


def _deed(event: Event) -> tuple[Any, ...]:
    return event.get("process"), event.get("event"), event.get("queue"), event.get("call"), event.get("empty")


def _merged(events: list[Event]) -> Line:
    first = events[0]
    text = sentence(first) if len(events) == 1 else scrub(_together(events))
    return Line(_time(first), scrub(str(first.get("process"))), text, _tone(first))


def _together(events: list[Event]) -> str:
    first, last, count = events[0], events[-1], len(events)
    if first.get("event") == "queue.task_done":
        return f"{sentence(last)} ({count:,} times)"
    if first.get("event") == "queue.empty":
        return f"{sentence(first)} ({count:,} times)"
    verb, preposition = ("put", "on") if first.get("event") == "queue.put" else ("got", "from")
    if count > _MANY:
        items = f"{value(first.get('item'))} … {value(last.get('item'))}"
    else:
        items = values([event.get("item") for event in events])
    return f"{verb} {plural(count, 'item')} {preposition} '{first.get('queue')}': {items}"


_STATES = {
    "sleeping": "sleeps, or waits for something outside the scenario",
    "running": "computes",
    "exiting": "is about to end",
}


def _stuck(event: Event) -> list[str]:
    lines = []
    for process in event.get("processes") or ():
        state = str(process.get("state"))
        doing = f"waits for {process['waiting_for']}" if process.get("waiting_for") else _STATES.get(state, state)
        since = process.get("seconds")
        lasting = "" if since is None else f" ({seconds(since)})"
        name, pid = process.get("process"), f"pid {process.get('pid')}"
        lines.append(f"{name}{'' if name == pid else f' ({pid})'}: {doing}{lasting}")
        lines.extend(f"    {frame}" for frame in shown_frames([str(line) for line in process.get("stack") or ()]))
    return lines


def _tone(event: Event) -> Tone:
    if event.get("event") == "scenario.started":
        return "title"
    level = event.get("level")
    if level in ("error", "critical"):
        return "error"
    if level == "warning":
        return "warning"
    if event.get("event") in ("process.output", "log.message"):
        return "output"
    return "quiet" if level == "debug" or event.get("event") in _FOLDED else "plain"


def _time(event: Event) -> float:
    t = event.get("t")
    return float(t) if isinstance(t, int | float) else 0.0
