"""One page for one run: the events, and the code and styles that show them, in a single file.

Whatever comes from the log is data: JSON in an element that is never executed, in which `<`, `>` and `&` are escaped;
the page writes it as text and nothing else. The page's policy lets no other script run but its own, and nothing be
loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from run_scenario.views.history import History
from run_scenario.views.history_events import read
from run_scenario.views.html.columns import Columns, Event
from run_scenario.views.html.lanes import lanes
from run_scenario.views.html.waits import waits
from run_scenario.views.overview import outcome
from run_scenario.views.sentences import sentence
from run_scenario.views.text import scrub

SCRIPTS = (
    "words", "dom", "log", "axis", "story", "holds", "filter", "paint", "rows", "lanes", "arrows", "marks", "counts",
    "depths", "waits", "panels", "expectations", "source", "table", "menus", "input", "address", "main",
)  # fmt: skip
"""The page's own scripts, in the order in which they are put into it."""

_FOLDER = Path(__file__).parent
_MOST_SENTENCES = 5_000
"""Events of one kind that have their sentences in the page; of more, the page makes do with their fields."""
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def render(events: Iterable[Event], scenario_text: str | None) -> str:
    """Return the page of one run, whose events may come from anywhere; `scenario_text` is shown beside them."""
    gathered = _Gathered()
    history = read(gathered.watch(events))
    columns = gathered.columns
    data = {
        "lanes": lanes(history, columns.pool.place),
        "waits": waits(history),
        "sentences": {kind: told for kind, told in gathered.sentences.items() if told is not None},
        "source": scenario_text,
        "log": columns.told(),
    }
    return _page(history, _embedded(data))


class _Gathered:
    """Passes events on, and keeps what the page needs of them."""

    def __init__(self) -> None:
        self.columns = Columns()
        self.sentences: dict[str, list[int] | None] = {}

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            self.columns.add(event)
            self._tell(event)
            yield event

    def _tell(self, event: Event) -> None:
        kind = str(event.get("event", ""))
        told = self.sentences.setdefault(kind, [])
        if told is None:
            return
        if len(told) == _MOST_SENTENCES:
            self.sentences[kind] = None
        else:
            told.append(self.columns.pool.place(sentence(event)))


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
        "title": escape(scrub(history.title or history.scenario or "A run")),
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
