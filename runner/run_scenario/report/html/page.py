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
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from run_scenario.events.exit_cause import RUNNER
from run_scenario.events.history.history import History
from run_scenario.events.history.lane import Lane, Segment
from run_scenario.events.reading import as_event
from run_scenario.report.html.columns import MICRO, Columns, Pool
from run_scenario.report.html.waits import waits
from run_scenario.report.sentences import Event, sentence
from run_scenario.report.summary import lane_exit_and_why, outcome
from run_scenario.report.text import sanitize
from run_scenario.report.waits import doing

SCRIPTS = (
    "words", "dom", "log", "axis", "story", "holds", "filter", "paint", "rows", "lanes", "arrows", "marks", "counts",
    "depths", "waits", "panels", "expectations", "source", "table", "menus", "input", "address", "main",
)  # fmt: skip
"""The page's own scripts, in the order in which they are put into it."""

_FOLDER = Path(__file__).parent
_MOST_SENTENCES = 5_000
"""Events of one kind that have their sentences in the page; of more, the page makes do with their fields."""
STATES = ("starting", "running", "computing", "competing", "sleeping", "waiting", "stuck", "ending")
"""The states by number, as in the page; `stuck` is a wait that was still going on when nothing moved any more."""
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def render(events: Iterable[Event], scenario_text: str | None) -> str:
    """Return the page of one run, whose events may come from anywhere; `scenario_text` is shown beside them."""
    history, columns, sentences = History(), Columns(), _Sentences()
    for event in events:
        history.add(as_event(event))
        columns.add(event)
        sentences.add(event, columns.pool)
    history.close()
    data = {
        "lanes": lanes(history, columns.pool.place),
        "waits": waits(history),
        "sentences": sentences.to_json(),
        "source": scenario_text,
        "log": columns.to_json(),
    }
    return _page(history, _embedded(data))


class _Sentences:
    """The sentences of the events, by kind, as places in the pool; of a kind with too many events, none."""

    def __init__(self) -> None:
        self._places: dict[str, list[int] | None] = {}

    def add(self, event: Event, pool: Pool) -> None:
        """Take the next event."""
        kind = str(event.get("event", ""))
        places = self._places.setdefault(kind, [])
        if places is None:
            return
        if len(places) == _MOST_SENTENCES:
            self._places[kind] = None
        else:
            places.append(pool.place(sentence(event)))

    def to_json(self) -> dict[str, list[int]]:
        """Return them by kind."""
        return {kind: places for kind, places in self._places.items() if places is not None}


def lanes(history: History, place: Callable[[str], int]) -> list[dict[str, Any]]:
    """Return each process's lane; `place` gives the place of a text in the pool of values."""
    stuck = {each.process: doing(each.state, each.waiting_for) for each in history.stuck}
    segments = history.segments()
    stalled = None if history.stall is None else history.stall.t
    return [
        _lane(lane, segments[lane.name], stalled, stuck.get(lane.name, ""), place)
        for lane in history.lanes.values()
        if lane.name != RUNNER and lane.born is not None
    ]


def _lane(
    lane: Lane, segments: list[Segment], stalled: float | None, stuck: str, place: Callable[[str], int]
) -> dict[str, Any]:
    spans = list(_spans(segments, stalled, stuck))
    return {
        "process": lane.name,
        "pid": lane.pid,
        "start": _micros(lane.born),
        "end": _micros(lane.ended),
        "ending": _exit(lane),
        "allowed": not lane.failed,
        "target": lane.target,
        "from": [_micros(start) for start, _, _ in spans],
        "to": _micros(spans[-1][2].end) if spans else None,
        "state": [STATES.index(state) for _, state, _ in spans],
        "what": [place(segment.what) if segment.what else -1 for _, _, segment in spans],
    }


def _spans(segments: list[Segment], stalled: float | None, stuck: str) -> Iterator[tuple[float, str, Segment]]:
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


def _embedded(data: dict[str, Any]) -> str:
    """Return JSON that no browser takes for markup, wherever it stands in a script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, default=repr, allow_nan=False)
    return text.translate(_ESCAPES) if any(character in text for character in "<>&") else text


def _page(history: History, data: str) -> str:
    library = _file("vendor/uPlot.iife.min.js")
    own = "".join(_file(f"js/{name}.js") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{own}}})();\n'
    style = _file("vendor/uPlot.min.css") + _file("page.css")
    parts = {
        "policy": escape(_policy([library, script], style)),
        "title": escape(sanitize(history.title or "A run")),
        "outcome": escape(outcome(history)),
        "tone": "good" if history.passed else "bad",
        "style": style,
        "data": data,
        "library": library,
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _file("page.html"))


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str], style: str) -> str:
    """Return a policy that allows exactly these texts, and no request to anywhere."""
    allowed = " ".join(map(_digest, scripts))
    return f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
