"""The HTML report as text: what is in it, what cannot be in it, and what is worked out before a browser sees it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from report_logs import CORPUS, Event, event, hostile, long_log, numbered, stalled_consumers
from run_scenario.events.history.history import read
from run_scenario.report import html
from run_scenario.report.html.columns import Columns
from run_scenario.report.html.page import SCRIPTS, STATES, Raised, lanes, opening
from run_scenario.report.html.waits import waits
from run_scenario.report.json_parts import json_parts

FOLDER = Path(html.__file__).parent
STYLE = (FOLDER / "page.css").read_text(encoding="utf-8")
THEMES = re.split(r" color-scheme: (?:light|dark);", STYLE)[1:]
"""Light, and dark."""


class Parsed(HTMLParser):
    """The elements of a page, as a browser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")
        if tag == "style":
            self.styles.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open == "style":
            self.styles[-1] += data


def rendered(events: Iterable[Event], scenario_text: str | None) -> str:
    """Return a run's page."""
    return "".join(html.render(events, scenario_text))


def as_json(data: Any) -> Any:
    """Return what is read of data of a page that was written piece by piece."""
    return json.loads("".join(json_parts(data, json.dumps)))


def data_of(page: str) -> dict[str, Any]:
    """Return the data that a page carries."""
    return json.loads(Parsed(page).scripts[0])


def test_the_policy_allows_its_own_code_and_nothing_else() -> None:
    """Nothing may be loaded; what may run or style is named by its hash."""
    page = Parsed(rendered(stalled_consumers(), "version: 1"))
    policy = next(attrs["content"] for tag, attrs in page.elements if attrs.get("http-equiv"))
    digests = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (*page.scripts[1:], *page.styles)
    ]
    assert (
        f"default-src 'none'; script-src {digests[0]} {digests[1]}; style-src {digests[2]}; "
        "base-uri 'none'; form-action 'none'" == policy
    )


def test_a_page_is_one_file() -> None:
    """It has no address of anything to be loaded, no listener or style in its markup, and no code made of text."""
    page = Parsed(rendered(stalled_consumers(), None))
    loading = {"src", "srcset", "data", "action", "style", "background", "poster"}
    for tag, attrs in page.elements:
        assert not {name for name in attrs if name in loading or name.startswith("on")}, tag
        assert attrs.get("href", "#").startswith("#")
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
    own = "".join((FOLDER / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    assert [] == re.findall(
        r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?:",
        own.replace("http://www.w3.org/2000/svg", ""),
    )


def test_all_scripts_are_in_it() -> None:
    """Each file of the folder is put into the page."""
    assert set(SCRIPTS) == {path.stem for path in (FOLDER / "js").glob("*.js")}


def test_hostile_texts_stay_data() -> None:
    """Whatever a log and a scenario say, the page has the same elements as that of a harmless run."""
    events, corpus = hostile()
    hostile_page = Parsed(rendered(events, "\n".join(corpus)))
    harmless = Parsed(rendered(stalled_consumers(), "version: 1"))
    assert [tag for tag, _ in harmless.elements] == [tag for tag, _ in hostile_page.elements]
    assert harmless.scripts[1:] == hostile_page.scripts[1:]
    assert not set("<>&\u2028\u2029") & set(hostile_page.scripts[0])
    assert "\n".join(corpus) == json.loads(hostile_page.scripts[0])["source"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**30, [math.nan, {"a": 10**30}], {"b": [None]}])
def test_any_value_can_be_written(value: Any) -> None:
    """What JavaScript's numbers cannot hold is written as text; the page is JSON in any case."""
    events = numbered([event("queue.put", "A", 0.5, queue="q", item_id=1, item=value, waited=0.0)])
    text = rendered([{**events[0], "t": value if isinstance(value, float) else 0.5}], None)
    json.loads(Parsed(text).scripts[0], parse_constant=pytest.fail)


def test_columns_are_in_their_shortest_form() -> None:
    """Of a field that is the same in all rows one value is written, of numbers that grow their differences."""
    columns = Columns()
    for each in long_log(1_000):
        columns.add(each)
    data = as_json(columns.to_json())
    assert {"same", "all"} & set(data["fields"]["queue.put"]["queue"])
    assert {"steps"} == set(data["fields"]["queue.put"]["item_id"])
    assert {"same": 1e-5} == data["fields"]["queue.get"]["waited"]
    assert ["run"] == [name for name in data["unexpected"] if name in ("seq", "n", "timestamp", "run")]
    assert 1 == len(data["unexpected"]["run"])


@pytest.mark.campaign
def test_a_long_log_makes_a_small_page() -> None:
    """An event of a long log costs some thirty bytes: of thousands of sentences alike there is one, with holes."""
    events = long_log(20_000)
    page = rendered(iter(events), None)
    assert len(page) < 200_000 + 60 * len(events)
    sentences = data_of(page)["sentences"]
    puts = sentences["queue.put"]
    assert [["put ", ["item", "value"], " on ", ["queue", "value"], ""]] == puts["phrases"][200:]
    assert puts["phrases"].index(puts["phrases"][-1]) == puts["most"]
    assert 1 == len(sentences["scenario.finished"]["phrases"])


def test_the_lane_of_who_left_early() -> None:
    """Its end says that a queue looked empty; the wait that never ended is distinguished from those that did."""
    texts: list[str] = []
    history = read(stalled_consumers())
    found = as_json(lanes(history, lambda text: texts.append(text) or len(texts) - 1))
    drawn = {lane["process"]: lane for lane in found}
    assert {"MainProcess", "Consumer-1", "Consumer-2"} == set(drawn)
    assert "returned: tasks.empty() said True" == drawn["Consumer-1"]["ending"]
    assert (20_000, 26_000) == (drawn["Consumer-1"]["start"], drawn["Consumer-1"]["end"])
    main = drawn["MainProcess"]
    assert not main["allowed"]
    assert "stuck" == STATES[main["state"][-1]]
    assert "waits for task_done() for every item of queue 'tasks'" == texts[main["what"][-1]]


def ended(outcome: str, *shown_by: int | None) -> Event:
    """Return the end of a run that has these events to show for its reasons."""
    reasons = ["…" for _ in shown_by]
    return event("scenario.finished", "run-scenario", 2.0, outcome=outcome, reasons=reasons, shown_by=list(shown_by))


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (ended("passed"), None),
        (ended("failed", None, 2, 3), 2),
        (ended("failed", None), -1),
        (ended("stalled", 3), 3),
        (event("process.output", "A", 1.0, text="cut off"), -1),
    ],
)
def test_where_a_page_opens(last: Event, expected: int | None) -> None:
    """A run that passed at its start; any other at what shows its first reason, and where nothing does, at its end."""
    started = event("scenario.started", "run-scenario", 0.0, title="Any")
    assert expected == opening(read(numbered([started, event("process.started", "A", 0.5), last])), Raised())


def test_a_page_opens_at_a_deadlock() -> None:
    """Also of a log that does not say what shows its reason."""
    events = stalled_consumers()
    assert next(each["seq"] for each in events if each["event"] == "scenario.stalled") == opening(
        read(events), Raised()
    )


def test_a_page_opens_at_an_exception() -> None:
    """Not at the end that comes of it some time later: of another process, or without an exception, at the end."""
    events = numbered(
        [
            event("process.started", "A", 0.1),
            event("process.failed", "A", 0.2, exception="ValueError", message=""),
            event("process.failed", "B", 0.3, exception="KeyError", message=""),
            event("process.exited", "A", 0.4, cause="exception", exitcode=1),
            event("process.exited", "C", 0.5, cause="exception", exitcode=1),
        ]
    )
    raised = Raised()
    for each in events:
        raised.add(each)
    for end, expected in ((4, 2), (5, 5)):
        assert expected == opening(read([*events, {**numbered([ended("failed", end)])[0], "seq": 6}]), raised)


def test_an_orphan_has_a_lane() -> None:
    """Of a process whose start nobody recorded it is shown since when it was seen, and not what it did."""
    events = [
        event("process.started", "MainProcess", 0.1),
        event("process.orphaned", "pid 77", 0.5, ppid=None, parent=None, command=None),
        event("process.terminating", "pid 77", 0.6, by="run-scenario", reason="it outlived the main program"),
        event("process.exited", "pid 77", 0.7, cause="stopped_by_runner", cpu_user=0.4, cpu_system=0.0, allowed=False),
    ]
    _, orphan = as_json(lanes(read(numbered(events)), lambda text: 0))
    assert ("pid 77", True, 500_000, 700_000) == tuple(orphan[name] for name in ("process", "sighted", "start", "end"))
    assert ["running"] == [STATES[state] for state in orphan["state"]]


def test_who_waits_for_what() -> None:
    """The graph of a deadlock leads from who waits over the queue to those who left."""
    graph = waits(read(stalled_consumers()))
    assert graph is not None
    titles = [node["title"] for node in graph["nodes"]]
    edges = {(titles[edge["from"]], edge["label"], titles[edge["to"]]) for edge in graph["edges"]}
    assert {
        ("MainProcess", "waits for", "queue tasks"),
        ("queue tasks", "is taken from by", "Consumer-1"),
        ("queue tasks", "is taken from by", "Consumer-2"),
    } == edges
    queue = graph["nodes"][titles.index("queue tasks")]
    assert ["3 put, 0 got, 3 left", "10, 20 and 1 more"] == queue["lines"]
    gone = graph["nodes"][titles.index("Consumer-2")]
    assert ["left at 0.036 s: returned", "tasks.empty() said True"] == gone["lines"]


def stall(*stuck: dict[str, Any]) -> Event:
    """Return the report of a deadlock of these processes."""
    usual = {
        "pid": 9,
        "state": "waiting",
        "queue": None,
        "resource": None,
        "on_process": None,
        "since": 0.2,
        "seconds": 0.5,
    }
    processes = [{**usual, **each} for each in stuck]
    return event("scenario.stalled", "run-scenario", 1.0, reason="…", cause="deadlock", processes=processes, queues=[])


def test_who_holds_a_lock_is_in_the_graph() -> None:
    """Two locks in two orders make a circle; who waits for the end of a process leads into it."""
    events = [
        event("lock.acquired", "Kant", 0.1, lock="left", waited=0.0),
        event("lock.acquired", "Hegel", 0.1, lock="right", waited=0.0),
        stall(
            {"process": "Main", "waiting_for": "the end of Kant", "on_process": "Kant"},
            {"process": "Kant", "waiting_for": "'right' to be released", "resource": "right"},
            {"process": "Hegel", "waiting_for": "'left' to be released", "resource": "left"},
        ),
    ]
    graph = waits(read(numbered(events)))
    assert graph is not None
    titles = [node["title"] for node in graph["nodes"]]
    edges = [f"{titles[edge['from']]} {edge['label']} {titles[edge['to']]}" for edge in graph["edges"]]
    assert {
        "Main waits for its end Kant",
        "Kant waits for lock right",
        "Hegel waits for lock left",
        "lock right is held by Hegel",
        "lock left is held by Kant",
    } == set(edges)


def test_of_a_thousand_that_wait_the_first_are_drawn() -> None:
    """The graph stays readable, and says how many are not in it."""
    stuck = [{"process": f"W-{n}x", "waiting_for": "an item", "resource": "tasks"} for n in range(1_000)]
    graph = waits(read(numbered([stall(*stuck)])))
    assert graph is not None
    assert 960 == graph["left_out"]
    assert 41 == len(graph["nodes"])


def test_replicas_that_wait_for_the_same_have_one_box() -> None:
    """But whom somebody waits for, who waits for something else, and a pair."""
    at_the_queue = {"waiting_for": "an item from queue 'jobs'", "resource": "jobs"}
    at_the_other = {"waiting_for": "an item from queue 'texts'", "resource": "texts"}
    stuck = [
        {"process": "Main", "waiting_for": "the end of C-1", "on_process": "C-1"},
        *({"process": f"C-{n}", **at_the_queue} for n in range(1, 61)),
        *({"process": f"ForkPoolWorker-{n}", **at_the_queue} for n in range(7, 12)),
        {"process": "C-61", **at_the_other},
        {"process": "D-1", **at_the_queue},
        {"process": "D-2", **at_the_queue},
    ]
    graph = waits(read(numbered([stall(*stuck)])))
    assert graph is not None
    titles = [node["title"] for node in graph["nodes"]]
    assert ["Main", "C-1", "C-2 … C-60", "ForkPoolWorker-7 … 11", "C-61", "D-1", "D-2"] == titles[:7]
    assert ["59 processes", "waits for an item from queue 'jobs'"] == graph["nodes"][2]["lines"]
    edges = [(titles[edge["from"]], edge["label"]) for edge in graph["edges"]]
    assert ("C-2 … C-60", "wait for") in edges
    assert ("C-1", "waits for") in edges
    assert 0 == graph["left_out"]


def test_a_run_that_moved_has_no_graph() -> None:
    """Who waits for what is only asked of a deadlock."""
    assert waits(read(long_log(100))) is None


def test_what_is_vendored_is_written_down() -> None:
    """The notice names each file with its hash, and the licence lies beside it."""
    notice = (FOLDER / "vendor" / "THIRD-PARTY.md").read_text(encoding="utf-8")
    for name in ("uPlot.iife.min.js", "uPlot.min.css"):
        assert f"`{name}` {hashlib.sha256((FOLDER / 'vendor' / name).read_bytes()).hexdigest()}" in notice
    version = re.search(r"uPlot \| (\S+) \|", notice)
    assert version
    assert f"(v{version[1]})" in (FOLDER / "vendor" / "uPlot.iife.min.js").read_text(encoding="utf-8")[:80]
    assert "MIT" in (FOLDER / "vendor" / "uPlot.LICENSE").read_text(encoding="utf-8")


def test_the_corpus_is_hostile() -> None:
    """It has what ends a script, begins a comment, and what a terminal would obey."""
    assert all(
        any(mark in text for text in CORPUS)
        for mark in ("</script>", "<!--", "onerror=", "\x1b", "\u202e", "__proto__")
    )


def luminance(colour: str) -> float:
    """Return how light a colour such as `#1b1f24` is, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast(theme: int) -> None:
    """Each colour of text has the contrast of 4.5 that WCAG asks for, on each ground that it is written on."""
    blocks = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in THEMES]
    colours = blocks[theme]
    hues = [name for name in colours if name.startswith("hue-")]
    assert (2, 8) == (len(THEMES), len(hues))
    texts = {
        "ink": ("ground", "page", "raised", "held", "waiting"),
        "quiet": ("ground", "page"),
        "bad": ("ground", "stuck"),
    }
    pairs = [(text, ground) for text, grounds in texts.items() for ground in grounds]
    pairs += [(text, "ground") for text in ("accent", "warn", "good")]
    poor = []
    for text, ground in pairs:
        lighter, darker = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        if (lighter + 0.05) / (darker + 0.05) < 4.5:
            poor.append((text, ground))
    assert [] == poor


def test_who_took_a_lock_along_is_named() -> None:
    """A process that ended with a lock is who never released it, and not just who had used it once."""
    waits_for = {"state": "waiting", "waiting_for": "'gate' to be released", "resource": "gate", "on_process": None}
    stuck = {"process": "Waiting", "since": 0.2, **waits_for}
    events = [
        event("process.started", "Dying", 0.1),
        event("lock.acquired", "Dying", 0.1, lock="gate", waited=0.0),
        event("process.exited", "Dying", 0.15, cause="signal", signal="SIGKILL", allowed=True),
        event("lock.waiting", "Waiting", 0.2, lock="gate"),
        event("scenario.stalled", "run-scenario", 0.6, processes=[stuck], queues=[]),
        event("process.exited", "Waiting", 0.7, cause="stopped_by_runner", signal="SIGTERM", allowed=False),
    ]
    graph = waits(read(numbered(events)))
    titles = [node["title"] for node in graph["nodes"]]
    assert [
        ("Waiting", "waits for", "lock gate", "stuck"),
        ("lock gate", "never released by", "Dying", "stuck"),
    ] == [(titles[edge["from"]], edge["label"], titles[edge["to"]], edge["tone"]) for edge in graph["edges"]]
    assert {"Waiting": "stuck", "lock gate": "", "Dying": "left"} == {
        node["title"]: node["tone"] for node in graph["nodes"]
    }


COUNTING = """
const { logs } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const counted = (log) => new Story(new Log(log)).channels.map(({ name, depths, most }) => [name, depths, most]);
console.log(JSON.stringify(logs.map(counted)));
"""


def bounded() -> list[Event]:
    """Return the log of a queue that holds two items, and of a pipe: a put is logged before the get that let it in."""
    puts = [event("queue.put", "A", number / 10, queue="q", item_id=number, item=number) for number in (1, 2, 3)]
    gets = [event("queue.get", "B", 0.4 + number / 10, queue="q", item_id=number, item=number) for number in (1, 2)]
    lost = [event("queue.items_lost", "A", 0.7, queue="q", count=1)]
    sent = [event("pipe.sent", "A", 0.8, pipe="p", end="left", item_id=1, item=1)]
    received = [event("pipe.received", "B", 0.9, pipe="p", end="right", item_id=1, item=1, waited=0.1)]
    started = event("scenario.started", "run-scenario", 0.0, title="Bounded", maxsize={"q": 2})
    return numbered([started, *puts, *gets, *lost, *sent, *received])


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: install it to compare the page with the history")
def test_the_page_counts_as_the_history_does() -> None:
    """The page looks up any moment by itself; what it counts in a queue or a pipe is what all other views show."""
    logs, expected = [], []
    for events in (stalled_consumers(), long_log(2_000), bounded()):
        columns = Columns()
        for each in events:
            columns.add(each)
        logs.append(as_json(columns.to_json()))
        channels = read(events).channels.values()
        expected.append(
            [[each.name, [depth for _, depth in each.depths], each.most] for each in channels if each.depths]
        )
    own = "".join(
        (FOLDER / "js" / f"{name}.js").read_text(encoding="utf-8") for name in ("words", "dom", "log", "story")
    )
    done = subprocess.run(
        ["node", "--eval", own + COUNTING], input=json.dumps({"logs": logs}), capture_output=True, text=True, check=True
    )
    assert expected == json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: install it to read the page's columns")
def test_the_page_has_each_timestamp_as_it_is() -> None:
    """One is told by how far it is from `t`, which is mostly nothing or a microsecond; any other as it is written."""
    stamps = ["00.500000Z", "00.500002Z", "00.499999Z", "00.500100Z", "00.500101Z", "00.5Z", "01.500000Z", "never", 7]
    written = [f"2026-01-31T23:59:{each}" if isinstance(each, str) and "Z" in each else each for each in stamps]
    events = [{**numbered([event("queue.put", "A", 0.5)])[0], "timestamp": each} for each in written]
    columns = Columns()
    for each in events:
        columns.add(each)
    data = as_json(columns.to_json())
    own = "".join((FOLDER / "js" / f"{name}.js").read_text(encoding="utf-8") for name in ("words", "dom", "log"))
    read_back = (
        f"const log = new Log({json.dumps(data)});"
        "console.log(JSON.stringify(Array.from(log.t, (_, i) => log.event(i).timestamp)));"
    )
    done = subprocess.run(["node", "--eval", own + read_back], capture_output=True, text=True, check=True)
    assert written == json.loads(done.stdout)
    assert [0, 2, -1, 100, 0, 0, 0, 0, 0] == data["shift"]


PAGE_CODE = """
const { data, lanes } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const log = new Log(data);
"""


def of_the_page(events: Iterable[Event], code: str) -> Any:
    """Return what code prints that has the page's own at its disposal, but no page: a log, and lanes as data."""
    events = list(events)
    columns = Columns()
    for each in events:
        columns.add(each)
    drawn = as_json(lanes(read(events), columns.pool.place))
    scripts = ("words", "dom", "log", "axis", "story", "deeds", "holds", "rows")
    own = "".join((FOLDER / "js" / f"{name}.js").read_text(encoding="utf-8") for name in scripts)
    given = json.dumps({"data": as_json(columns.to_json()), "lanes": drawn})
    own += "class Lanes {}\n" + (FOLDER / "js" / "arrows.js").read_text(encoding="utf-8")
    done = subprocess.run(
        ["node", "--eval", own + PAGE_CODE + code], input=given, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: install it to run the page's code")


@needs_node
@pytest.mark.parametrize(("mode", "expected"), [("time", [-0.02, 1.02]), ("steps", [-0.5, 2.56])])
def test_the_axis_ends_with_the_program(mode: str, expected: list[float]) -> None:
    """What is judged afterwards takes no room: it stands where the program has ended."""
    moments = [
        event("scenario.started", "run-scenario", 0.0),
        event("process.started", "A", 0.2),
        event("process.exited", "A", 1.0),
        event("expectation.passed", "run-scenario", 7.0),
        event("scenario.finished", "run-scenario", 8.0),
    ]
    code = (
        f"const axis = new Axis(log); axis.mode = '{mode}';"
        "console.log(JSON.stringify([axis.extent(), axis.ofEvent(4), axis.ofEvent(2)]));"
    )
    extent, after, end = of_the_page(numbered(moments), code)
    assert pytest.approx(expected) == extent
    assert end == after


@needs_node
def test_bars_are_named_for_what_a_process_does() -> None:
    """By the events in them, in the order in which it began with each; what it waits in has its name from the wait."""
    events = [
        event("process.started", "A", 0.0),
        event("process.starting", "B", 0.01, by="A", target="work"),
        event("process.started", "B", 0.02),
        *(event("queue.put", "A", 0.1 + n / 100, queue="q", item_id=n, item=n, waited=0.0) for n in range(9)),
        event("lock.waiting", "A", 0.3, lock="gate"),
        event("lock.acquired", "A", 0.5, lock="gate", waited=0.2),
        event("value.written", "A", 0.55, value="hits", content=1),
        event("pool.task_started", "B", 0.55, pool="p", method="map", call=1, task=4, arguments=[1]),
        event("process.exited", "A", 0.6, cause="returned"),
        event("process.exited", "B", 0.7, cause="returned"),
    ]
    code = (
        "const deeds = new Deeds(log); console.log(JSON.stringify(lanes.map((data) => new Lane(data, log.values))"
        ".map((lane) => lane.from.reduce((found, _, at) => [...found, lane.what[at] || deeds.of(lane, at)], []))));"
    )
    [of_a, of_b] = of_the_page(numbered(events), code)
    assert ["starts processes, puts on q", "gate.acquire()", "uses gate, hits"] == of_a
    assert ["", "does task 4 of map()"] == of_b


@needs_node
def test_arrows_that_are_too_many_are_folded() -> None:
    """Those that go the same way are one, which counts them; none is lost, and few are as they are."""
    code = """
const arrow = (n) => ({ from: n, to: n + 1, x1: n / 10, x2: n / 10 + 30, row1: 0, row2: n % 3, resource: 0 });
const many = Array.from({ length: 9000 }, (_, n) => arrow(n));
const count_of = (groups) => [groups.length, groups.reduce((sum, group) => sum + group.count, 0), groups.at(-1).count];
console.log(JSON.stringify([count_of(foldArrows(many.slice(0, 60), 60, 900)), count_of(foldArrows(many, 60, 900))]));
"""
    few, folded = of_the_page(long_log(10), code)
    assert [60, 60, 1] == few
    assert folded[0] <= 60
    assert 9000 == folded[1]
    assert folded[2] > 100
