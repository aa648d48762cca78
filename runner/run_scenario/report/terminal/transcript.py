"""The log as a person reads it: long repeats folded, each traceback shown once.

    events ──▶ Transcript.lines() ──▶ Line(t, process, text, tone, details)

A transcript keeps what it needs for the next batch: whose traceback was just shown, and what it holds back.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from run_scenario.counting import plural
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
from run_scenario.report.sentences import explanation, sentence
from run_scenario.report.summary import introduction
from run_scenario.report.terminal.folding import Folding, Group
from run_scenario.report.text import sanitize, seconds, truncate, value, values
from run_scenario.report.waits import doing, held
from run_scenario.values import Value

Tone = Literal["error", "warning", "plain", "quiet", "output", "title"]

_MANY = 40
"""Items of which only the first and the last are shown."""
_QUIET = (QueuePut, QueueGet, QueueTaskDone, QueueEmpty)
"""What there is very much of."""
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
        self._folding = Folding()
        self._shown: dict[str, _Traceback] = {}
        """Process -> its traceback, while it may still come again on standard error."""
        self._deadline_reported = False

    def lines(self, events: Iterable[Event], *, more: bool = False) -> Iterator[Line]:
        """Yield the lines of the next events; `scenario.finished` has none, it is the summary's.

        `more`: others will follow, so that long repeats can be held back to be folded with those.
        """
        shown = (event for event in events if not self._is_repeated(event))
        yield from map(self._line, self._folding.add(shown))
        if not more:
            yield from self.rest()

    def overdue(self, now: float) -> Iterator[Line]:
        """Yield the lines of what was held back for long; `now` in seconds since the run began."""
        yield from map(self._line, self._folding.overdue(now))

    def rest(self) -> Iterator[Line]:
        """Yield the lines of what is held back: nothing will follow."""
        yield from map(self._line, self._folding.rest())

    def _line(self, group: Group) -> Line:
        event = group.events[0]
        if len(group.events) > 1:
            text = sanitize(_together(group.events, follows=group.follows))
            return Line(event.t, sanitize(event.process), text, _tone(event))
        details: list[str] = []
        line = as_mapping(event)
        if isinstance(event, ProcessFailed) and event.traceback:
            details = event.traceback.splitlines()
        elif isinstance(event, WhoWaits):
            details = _stuck(event)
        elif isinstance(event, ScenarioStarted):
            details = [shows] if (shows := introduction(event)[0]) else []
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
        if isinstance(event, ProcessFailed) and event.traceback:
            lines = event.traceback.splitlines()
            self._shown[event.process] = _Traceback(frozenset(lines), lines[-1])
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


def _together(events: Sequence[Event], *, follows: bool) -> str:
    """Return what events that are alike have in common, how many there are, and the last of them."""
    first, last, count = events[0], events[-1], sum(getattr(event, "times", None) or 1 for event in events)
    if isinstance(first, QueuePut | QueueGet):
        verb, preposition = ("put", "on") if isinstance(first, QueuePut) else ("got", "from")
        items = [event.item for event in events if isinstance(event, QueuePut | QueueGet)]
        shown = f"{value(items[0])} … {value(items[-1])}" if follows or count > _MANY else values(items)
        return f"{verb} {plural(count, 'item')} {preposition} '{first.queue}': {shown}"
    if follows:
        return f"{count:,} more like this, the last at {last.t:.3f} s: {sentence(as_mapping(last))}"
    if isinstance(first, QueueEmpty):
        return f"{sentence({**as_mapping(first), 'times': 1})} ({count:,} times)"
    return f"{sentence(as_mapping(last))} ({count:,} times)"


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
    return "quiet" if event.level == "debug" or isinstance(event, _QUIET) else "plain"
