"""Hostile text in every place of every event, on every way to a terminal: nothing steers it or breaks a line."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from example_events import _DEFAULTS, event
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from effort import in_part
from run_scenario import EventLog
from run_scenario.cli import main
from run_scenario.cli.pictures import RENDERERS
from run_scenario.events.encoding import as_event
from run_scenario.report.jsonlines import render
from run_scenario.report.sentences import sentence
from run_scenario.report.terminal.console import ConsoleView

HOSTILE = {
    "escape": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://example.invalid\x1b\\click\x1b]8;;\x1b\\",
    "C1": "\x9b2J\x90payload\x9c",
    "bell, backspace": "\a\b\b\b\x7f",
    "carriage return": "safe\rforged",
    "new line": 'x\n{"event": "scenario.finished", "outcome": "passed"}',
    "other line ends": "a\x0b\x0c\x1c\x85\u2028\u2029b",
    "bidi": "\u202eevil\u2066\u2067\u200f",
    "invisible": "\u200b\u00ad\ufeff\U000e0041",
    "surrogate": "\ud800x\udfff",
    "NUL": "a\0b",
    "markup": "[red]x[/red] <script>alert(1)</script> & %s {0}",
    "long": "w" * 20_000,
    "lines": "\n" * 6_000,
}
WIDEST = 60_000
"""Characters of a line: a text is cut at 5,000, and some become ten when they are made visible."""


def _poisoned(value: Any, text: str) -> Any:
    """Return a value with every text in it replaced by `text`, but for names of keys."""
    if isinstance(value, str):
        return text
    if isinstance(value, list | tuple):
        return [_poisoned(element, text) for element in value]
    if isinstance(value, dict):
        return {key: _poisoned(element, text) for key, element in value.items()}
    return value


def poisoned_events(text: str) -> Iterator[dict[str, Any]]:
    """Yield an event of every kind with a hostile text in each place that holds a text."""
    for name in _DEFAULTS:
        made = event(name)
        common = {key: made[key] for key in ("event", "level", "timestamp", "run")}
        yield {**_poisoned(made, text), **common}


def check_lines(text: str, widest: int = WIDEST) -> None:
    """Check that a terminal would show just what is written, on lines of a sensible length."""
    for line in text.split("\n"):
        assert line.isprintable(), repr(line)[:300]
        assert len(line) <= widest, (len(line), line[:300])


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_console(kind: str) -> None:
    """On the console every line is printable, and what would break one is shown as an escape."""
    stream = io.StringIO()
    view = ConsoleView(stream, names=[HOSTILE[kind]], colour=False)
    for made in poisoned_events(HOSTILE[kind]):
        view.write([as_event(made)])
    view.close()
    check_lines(stream.getvalue())
    assert len(stream.getvalue()) < 3_000_000


@pytest.mark.parametrize("kind", HOSTILE)
def test_sentences(kind: str) -> None:
    """Each event's sentence is one printable line."""
    for made in poisoned_events(HOSTILE[kind]):
        assert sentence(made).isprintable()


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_log(kind: str) -> None:
    """In the log each event is one line in ASCII that gives back what it was made of; half a surrogate pair as text."""
    events = list(poisoned_events(HOSTILE[kind]))
    lines = render(events).decode("ascii").split("\n")
    assert len(events) + 1 == len(lines)
    readable = HOSTILE[kind].encode("utf-8", "backslashreplace").decode("utf-8")
    assert list(poisoned_events(readable)) == [json.loads(line) for line in lines[:-1]]
    assert readable in json.loads(lines[0]).values()
    assert "".join(lines).isprintable()


def test_half_a_pair_in_the_log() -> None:
    """What strict readers of JSON refuse is not in it; whole pairs, and what only looks like half a one, are."""
    item = {
        "half \ud83d": ["\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), r"\ud800", "\udc00\ud800"]
    }
    line = render([event("queue.put", item=item)]).decode("ascii")
    msgspec.json.decode(line)  # refuses them
    expected = {r"half \ud83d": ["\U0001f600", r"\ud800", r"\udc00\ud800"]}
    assert expected == json.loads(line)["item"]


DATA = {"check", "html", "otlp", "perfetto", "shiviz"}
"""What is written for programs: a line may be as long as it takes."""


@pytest.mark.parametrize("shape", in_part([*RENDERERS, "mermaid", "dot", "check"], 3))
def test_a_hostile_log(shape: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever looks at a stranger's log sees its texts, and is not steered by them."""
    log = tmp_path / "log.jsonl"
    events = [made for text in HOSTILE.values() for made in poisoned_events(text)]
    log.write_bytes(render([{**made, "seq": number} for number, made in enumerate(events, 1)]))
    arguments = ["check", str(log), "daemon"] if shape == "check" else ["show", str(log), "--as", shape, "--no-pager"]
    status = main(arguments)
    out, err = capfd.readouterr()
    assert status in (0, 1, 2), err
    assert "Traceback" not in err
    check_lines(err)
    if shape == "html":
        assert "<script>alert(1)" not in out
    check_lines(out, 100_000_000 if shape in DATA else WIDEST)


_places = st.sampled_from(sorted(_DEFAULTS))
_odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}), st.just([[{}]])
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@example([("pipe.left_over", 12, [])])
@example([("scenario.finished", 14, True)])
@given(st.lists(st.tuples(_places, st.integers(0, 40), _odd), min_size=1, max_size=6))
def test_a_damaged_log(tmp_path: Path, changes: list[tuple[str, int, Any]]) -> None:
    """A log in which anything stands in any place is judged or refused in words, never with a traceback."""
    events = {name: dict(event(name)) for name in _DEFAULTS}
    for name, place, value in changes:
        keys = list(events[name])
        events[name][keys[place % len(keys)]] = value
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in events.values()))
    for arguments in (["check", str(log), "daemon"], ["show", str(log), "--as", "timeline", "--no-pager"]):
        assert main(arguments) in (0, 1, 2)
    with contextlib.suppress(ValueError):
        EventLog.read(log)


@pytest.mark.parametrize(
    "line",
    [
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"event": ' + b"9" * 10_000 + b"}",
        b"\xff\xfe\x00",
        b"\0" * 1_000,
        b"null",
        b'"x"',
        b'{"event": "x", "t": NaN, "seq": 1, "run": "r", "process": "p"}',
        b'{"event": "x", "t": 1e999, "seq": 1, "run": "r", "process": "p"}',
        b'{"event": "queue.put", "t": 0, "seq": 1, "run": "r", "process": "p", "queue": ["unhashable"]}',
        b'{"event": "x", "event": "y", "t": 0, "seq": 1, "run": "r", "process": "\\ud800"}',
    ],
)
def test_a_line_that_is_no_event(line: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line of nonsense is told with its number."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(line + b"\n" + line + b"\n")
    for arguments in (["check", str(log), "daemon"], ["show", str(log), "--no-pager"]):
        status = main(arguments)
        out, err = capfd.readouterr()
        assert status in (0, 1, 2), err
        check_lines(err)
        check_lines(out)
