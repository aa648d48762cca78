"""The log as a person reads it: noise folded together, each traceback shown once.

    events ──▶ Transcript.lines() ──▶ Line(t, process, text, tone, details)

A transcript keeps what it needs for the next batch: whose traceback was just shown.
"""

from __future__ import annotations

import itertools
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from run_scenario.events.encoding import as_mapping
from run_scenario.events.types import (
    Event,
    ExpectationFailed,
    ExpectationInconclusive,
    LogMessage,
    ProcessFailed,
    ProcessOutput,
    QueueEmpty,
    QueueGet,
    QueuePut,
    QueueTaskDone,
    ScenarioFinished,
    ScenarioStalled,
    ScenarioStarted,
    ScenarioTimedOut,
    StuckThread,
    WhoWaits,
)
from run_scenario.events.types.queues import QueueEvent
from run_scenario.report.sentences import explanation, sentence
from run_scenario.report.text import plural, sanitize, seconds, truncate, value, values
from run_scenario.report.waits import doing, held
from run_scenario.values import Value

Tone = Literal["error", "warning", "plain", "quiet", "output", "title"]

_FOLDED = frozenset((QueuePut, QueueGet, QueueTaskDone, QueueEmpty))
_MANY = 40
"""Queue events in a row from which on they are counted instead of listed."""

_LONGEST_DETAIL = 2_000

_LIBRARY = Path(threading.__file__).parent
_ANY_LIBRARY = re.compile(r".*/lib(64)?/python3\.\d+/")
"""Where the standard library of a Python is, and the packages that are installed for it."""


def _here(frame: str) -> str:
    """Return a frame as it would be if the interpreter were this one: a script may have been run by another."""
    return _ANY_LIBRARY.sub(f"{_LIBRARY}/", frame)


_RUNTIME = _here(str(Path(__file__).parents[2] / "runtime") + "/")
_NO_FILE = "<steps>:"
"""Where the steps are of a main program for which the file has none."""
_WAITING_CODE = (
    *(str(_LIBRARY / name) for name in ("multiprocessing/", "threading.py", "queue.py", "selectors.py")),
    "<string>:",  # a proxy's method
    _NO_FILE,
    _RUNTIME,
)
"""Where in the standard library a process waits, and where what records it stands in for that."""

_LIBRARIES = (str(_LIBRARY), f"{sys.prefix}/lib", "<")
"""Where code is that a program uses, rather than its own."""
_HEADS = re.compile(r"(Process|Exception in thread) .*:")
"""What multiprocessing and threading write above a traceback."""
_MOST_FRAMES = 3
_MOST_THREADS = 5
"""Threads of one process that are shown besides its main thread."""


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
        self._shown: dict[str, _Traceback] = {}
        """Process -> its traceback, while it may still come again on standard error."""
        self._deadline_reported = False

    def lines(self, events: Sequence[Event]) -> Iterator[Line]:
        """Yield the lines of the next events; `scenario.finished` has none, it is the summary's."""
        for noisy, group in itertools.groupby(events, key=lambda event: type(event) in _FOLDED):
            if noisy:
                yield from _folded(list(group))
            else:
                yield from (self._line(event) for event in group if not self._is_repeated(event))

    def _line(self, event: Event) -> Line:
        details: list[str] = []
        line = as_mapping(event)
        if isinstance(event, ProcessFailed) and event.traceback:
            details = event.traceback.splitlines()
            self._shown[event.process] = _Traceback(frozenset(details), details[-1])
        elif isinstance(event, WhoWaits):
            details = _stuck(event)
        elif isinstance(event, ExpectationFailed | ExpectationInconclusive):
            details = explanation(line)
        safe = tuple(truncate(sanitize(detail), _LONGEST_DETAIL) for detail in details)
        return Line(event.t, sanitize(event.process), sentence(line), _tone(event), safe)

    def _is_repeated(self, event: Event) -> bool:
        """Whether an event is shown in another place.

        That is the end, which the summary has; the deadline, which the report of who waits for what began with; a
        logged message that logging's own handler prints too; a traceback that multiprocessing prints too.
        """
        if isinstance(event, ScenarioFinished) or (isinstance(event, ScenarioTimedOut) and self._deadline_reported):
            return True
        if isinstance(event, ScenarioStalled):
            self._deadline_reported = event.cause == "deadline"
        if not isinstance(event, ProcessOutput):
            return False
        if event.via == "logging":
            return True
        if event.stream != "stderr":
            return False
        traceback = self._shown.get(event.process)
        if traceback is None:
            return False
        if traceback.covers(event.text) and event.text != traceback.last:
            return True
        del self._shown[event.process]
        return event.text == traceback.last


class _Traceback(Value):
    """The traceback of a `process.failed`: the same lines on standard error right after it are not shown again."""

    lines: frozenset[str]
    last: str

    def covers(self, text: str) -> bool:
        return text in self.lines or text.startswith("  ") or _HEADS.fullmatch(text) is not None


def _folded(events: list[Event]) -> Iterator[Line]:
    """Merge neighbours that did the same thing; where there are very many, count them."""
    if len(events) > _MANY:
        groups: dict[tuple[Any, ...], list[Event]] = {}
        for event in events:
            groups.setdefault(_action(event), []).append(event)
        yield from (_merged(group) for group in groups.values())
    else:
        for _, group in itertools.groupby(events, key=_action):
            yield _merged(list(group))


def _action(event: Event) -> tuple[Any, ...]:
    """Return what neighbours have in common that are merged."""
    queue = event.queue if isinstance(event, QueueEvent) else ""
    asked = (event.call, event.empty) if isinstance(event, QueueEmpty) else ()
    return event.process, type(event), queue, *asked


def _merged(events: list[Event]) -> Line:
    first = events[0]
    text = sentence(as_mapping(first)) if len(events) == 1 else sanitize(_together(events))
    return Line(first.t, sanitize(first.process), text, _tone(first))


def _together(events: list[Event]) -> str:
    first, last, count = events[0], events[-1], len(events)
    if isinstance(first, QueueTaskDone):
        return f"{sentence(as_mapping(last))} ({count:,} times)"
    if isinstance(first, QueueEmpty):
        count = sum(event.times or 1 for event in events if isinstance(event, QueueEmpty))
        return f"{sentence({**as_mapping(first), 'times': 1})} ({count:,} times)"
    if not isinstance(first, QueuePut | QueueGet):
        return f"{sentence(as_mapping(first))} ({count:,} times)"
    verb, preposition = ("put", "on") if isinstance(first, QueuePut) else ("got", "from")
    items = [event.item for event in events if isinstance(event, QueuePut | QueueGet)]
    shown = f"{value(items[0])} … {value(items[-1])}" if count > _MANY else values(items)
    return f"{verb} {plural(count, 'item')} {preposition} '{first.queue}': {shown}"


def _stuck(event: WhoWaits) -> list[str]:
    lines = []
    threads: dict[str, list[StuckThread]] = {}
    for thread in event.threads:
        threads.setdefault(thread.process, []).append(thread)
    for process in event.processes:
        pid = f"pid {process.pid}"
        lines += _stuck_thread(f"{process.process}{'' if process.process == pid else f' ({pid})'}", process)
        others = threads.get(process.process, [])
        for other in others[:_MOST_THREADS]:
            name = f"thread '{other.thread_name}'" if other.thread_name else "a thread"
            lines += [f"    {line}" for line in _stuck_thread(name, other)]
        if len(others) > _MOST_THREADS:
            lines.append(f"    and {plural(len(others) - _MOST_THREADS, 'more thread')}")
    return lines


def _stuck_thread(name: str, stuck: StuckThread) -> list[str]:
    lasting = "" if stuck.seconds is None else f" ({seconds(stuck.seconds)})"
    does = f"{name}: {doing(stuck.state, stuck.waiting_for)}{held(stuck)}{lasting}"
    return [does, *(f"    {frame}" for frame in shown_frames(stuck.stack))]


def shown_frames(stack: Sequence[str], folders: Iterable[str] | None = None) -> list[str]:
    """Return the innermost frames (`path:line in function`) that are worth showing, the innermost first.

    Frames in which the library waits are left out. Where there is nothing else (the main program waits at a
    `join()`), the outermost one stays: the call that was made. The innermost one of the program's own is among them.
    Paths are relative to the nearest of `folders`: the current one and those that modules are found in.
    """
    own = [frame for frame in stack if not _here(frame).startswith(_WAITING_CODE)]
    known = [str(Path.cwd()), *sys.path] if folders is None else folders
    prefixes = sorted((folder.rstrip("/") + "/" for folder in known if folder), key=len, reverse=True)
    shown = list(
        own[:_MOST_FRAMES] or [frame for frame in stack[-1:] if not _here(frame).startswith((_RUNTIME, _NO_FILE))]
    )
    if all(_here(frame).startswith(_LIBRARIES) for frame in shown):  # what its author has written is further out
        authors = [frame for frame in own if not _here(frame).startswith(_LIBRARIES)][:1]
        shown = [*shown[: _MOST_FRAMES - 1], *authors] if authors else shown
    return [_relative(frame, prefixes) for frame in shown]


def _relative(frame: str, prefixes: Iterable[str]) -> str:
    return next((frame.removeprefix(prefix) for prefix in prefixes if frame.startswith(prefix)), frame)


def _tone(event: Event) -> Tone:
    if isinstance(event, ScenarioStarted):
        return "title"
    if event.level in ("error", "critical"):
        return "error"
    if event.level == "warning":
        return "warning"
    if isinstance(event, ProcessOutput | LogMessage):
        return "output"
    return "quiet" if event.level == "debug" or type(event) in _FOLDED else "plain"
