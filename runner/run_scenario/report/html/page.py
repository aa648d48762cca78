"""One page for one run: the events, and the code and styles that show them, in a single file.

Whatever comes from the log is data: JSON in an element that is never executed, in which `<`, `>` and `&` are escaped;
the page writes it as text and nothing else. The page's policy lets no other script run but its own, and nothing be
loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from run_scenario.events.encoding import as_event
from run_scenario.events.exit_cause import RUNNER
from run_scenario.events.history.history import History
from run_scenario.events.history.lane import Lane, Segment
from run_scenario.report.html.columns import MICRO, Columns
from run_scenario.report.html.phrases import Phrases
from run_scenario.report.html.waits import waits
from run_scenario.report.json_parts import json_parts
from run_scenario.report.sentences import Event
from run_scenario.report.summary import IN_THE_LOG, introduction, lane_exit_and_why, outcome
from run_scenario.report.text import sanitize
from run_scenario.report.waits import doing

SCRIPTS = (
    "words", "dom", "log", "phrases", "axis", "story", "deeds", "holds", "filter", "paint", "rows", "lanes", "arrows",
    "marks", "counts", "depths", "waits", "panels", "expectations", "source", "table", "menus", "input", "address",
    "main",
)  # fmt: skip
"""The page's own scripts, in the order in which they are put into it."""

_FOLDER = Path(__file__).parent
STATES = ("starting", "running", "computing", "competing", "sleeping", "waiting", "stuck", "ending")
"""The states by number, as in the page; `stuck` is a wait that was still going on when nothing moved any more."""
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def render(events: Iterable[Event], scenario_text: str | None) -> Iterator[str]:
    """Yield the page of one run, whose events may come from anywhere; `scenario_text` is shown beside them."""
    history, columns, phrases, raised = History(), Columns(), Phrases(), Raised()
    for event in events:
        history.add(as_event(event))
        columns.add(event)
        phrases.add(event)
        raised.add(event)
    history.close()
    data = {
        "lanes": lanes(history, columns.pool.place),
        "waits": waits(history),
        "opening": opening(history, raised),
        "sentences": phrases.to_json(),
        "source": scenario_text,
        "log": columns.to_json(),
    }
    before, after = _page(history)
    yield before
    yield from map(_embedded, json_parts(data, _dumps))
    yield after


_LAST = -1


class Raised:
    """Takes the events of a run one by one, and knows of each end that it comes of an exception, and of which."""

    def __init__(self) -> None:
        self._of_processes: dict[str, int] = {}
        self._of_ends: dict[int, int] = {}

    def add(self, event: Event) -> None:
        """Take the next event."""
        kind, process, seq = event.get("event"), event.get("process"), event.get("seq")
        if kind == "process.failed":
            self._of_processes[str(process)] = seq if isinstance(seq, int) else _LAST
        elif kind == "process.exited" and isinstance(seq, int):
            self._of_ends[seq] = self._of_processes.pop(str(process), seq)

    def before(self, seq: int) -> int:
        """Return the number of the event that an end comes of; of any other event, its own."""
        return self._of_ends.get(seq, seq)


def opening(history: History, raised: Raised) -> int | None:
    """Return the number (`seq`) of the event at which the page opens: what shows why the run did not simply pass.

    None: at its start, for it did; `_LAST`: at the last event, for nothing else is known.
    """
    end = history.end
    if end is not None and end.outcome == "passed":
        return None
    shown_by = [] if end is None else [seq for seq in end.shown_by or () if seq is not None]
    if shown_by:
        return raised.before(shown_by[0])
    return _LAST if history.stall is None else history.stall.seq


def lanes(history: History, place: Callable[[str], int]) -> list[dict[str, Any]]:
    """Return each process's lane, of which the lists are iterators, to be written in this order.

    `place` gives the place of a text in the pool of values.
    """
    stuck = {each.process: doing(each.state, each.waiting_for) for each in history.stuck}
    stalled = None if history.stall is None else history.stall.t
    return [
        _lane(lane, history.segments_of(lane), stalled, stuck.get(lane.name, ""), place)
        for lane in history.lanes.values()
        if lane.name != RUNNER and (lane.born is not None or lane.sighted is not None)
    ]


def _lane(
    lane: Lane, segments: Sequence[Segment], stalled: float | None, stuck: str, place: Callable[[str], int]
) -> dict[str, Any]:
    spans = partial(_spans, segments, stalled, stuck)
    return {
        "process": lane.name,
        "pid": lane.pid,
        "start": _micros(lane.sighted if lane.born is None else lane.born),
        "sighted": lane.born is None,
        "end": _micros(lane.ended),
        "ending": _exit(lane),
        "allowed": not lane.failed,
        "target": lane.target,
        "from": (_micros(start) for start, _, _ in spans()),
        "to": _micros(segments[-1].end) if segments else None,
        "state": (STATES.index(state) for _, state, _ in spans()),
        "what": (place(segment.what) if segment.what else -1 for _, _, segment in spans()),
    }


def _spans(segments: Sequence[Segment], stalled: float | None, stuck: str) -> Iterator[tuple[float, str, Segment]]:
    """Yield start, state and segment; segments follow each other without gaps."""
    for segment in segments:
        waits = segment.state in ("waiting", "ending")
        if stuck and stalled is not None and waits and segment.start < stalled <= segment.end:
            yield segment.start, "stuck", segment._replace(what=stuck)
        else:
            yield segment.start, segment.state, segment


def _exit(lane: Lane) -> str:
    """Return how a process ended; its exit code, too, if no other word explains it."""
    words, end = lane_exit_and_why(lane), lane.end
    if end is None or end.exitcode in (None, 0) or end.signal:
        return words
    return f"{words}, exit code {end.exitcode}"


def _micros(t: float | None) -> int | None:
    if t is None:
        return None
    return round(t * MICRO) if math.isfinite(t) else 0


_dumps = partial(json.dumps, separators=(",", ":"), ensure_ascii=True, default=repr, allow_nan=False)


def _embedded(text: str) -> str:
    """Return a piece of JSON that no browser takes for markup, wherever it stands in a script element."""
    return text.translate(_ESCAPES) if any(character in text for character in "<>&") else text


def _page(history: History) -> tuple[str, str]:
    """Return what of the page comes before its data, and what after."""
    library = _file("vendor/uPlot.iife.min.js")
    own = "".join(_file(f"js/{name}.js") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{own}}})();\n'
    style = _file("vendor/uPlot.min.css") + _file("page.css")
    shows, watch_for = introduction(history.started, IN_THE_LOG)
    parts = {
        "policy": escape(_policy([library, script], style)),
        "title": escape(sanitize(history.title or "A run")),
        "shows": escape(shows),
        "watch_for": escape(watch_for),
        "outcome": escape(outcome(history)),
        "tone": "good" if history.passed else "bad",
        "style": style,
        "library": library,
        "script": script,
    }
    before, _, after = _file("page.html").partition("{{data}}")
    return _filled(before, parts), _filled(after, parts)


def _filled(text: str, parts: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], text)


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str], style: str) -> str:
    """Return a policy that allows exactly these texts, and no request to anywhere."""
    allowed = " ".join(map(_digest, scripts))
    return f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
