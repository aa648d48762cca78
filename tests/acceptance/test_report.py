"""The HTML report as a user sees it: in a real browser, and what it shows compared with the log."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, found
from support import COMMAND, PATIENCE, read_events

from report_logs import Event, event, hostile, long_log, numbered, stalled_consumers
from run_scenario import bundled
from run_scenario.views.html import render

NEXT, BACK, HOME, END = "\ue014", "\ue012", "\ue011", "\ue010"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return one browser for all tests of this module."""
    found()
    page = Page(tmp_path_factory.mktemp("profile"))
    yield page
    page.close()


@pytest.fixture(scope="module")
def forks(page: Page, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """Return the report and the log of a real deadlock."""
    folder = tmp_path_factory.mktemp("forks")
    report, log = folder / "report.html", folder / "log.jsonl"
    command = [*COMMAND, "run", "two-forks", "--report", str(report), "--log", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert 3 == done.returncode, done.stderr
    return report, read_events(log.read_text(encoding="ascii"))


@pytest.fixture
def write(tmp_path: Path):
    """Return a function that writes the report of a log, and returns its path."""

    def write(events: list[Event], text: str | None = None) -> Path:
        path = tmp_path / "report.html"
        path.write_text(render(iter(events), text), encoding="utf-8")
        return path

    return write


def assert_quiet(page: Page, path: Path) -> None:
    """Nothing was complained about, and nothing but the file itself was asked for."""
    assert [] == page.complaints()
    assert [path.as_uri()] == page.requests()


def test_a_deadlock_is_shown(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """The page opens at the standstill: who waits for what as a graph, and who holds the locks; nothing is loaded."""
    path, events = forks
    page.open(path)
    stall = next(each for each in events if each["event"] == "scenario.stalled")
    assert stall["seq"] == page.selected()
    assert stall["reason"] in page.text("#outcome")
    assert {"MainProcess", "Kant", "Hegel", "lock left", "lock right"} == set(page.texts("#waits .name"))
    (edges,) = page.texts("#waits svg > title")
    assert "Kant waits for lock right" in edges
    assert "lock right is held by Hegel" in edges
    moment = page.text("#moment")
    assert "held by Kant; Hegel waits" in moment
    assert "held by Hegel; Kant waits" in moment
    assert_quiet(page, path)


def test_every_event_is_there_with_every_field(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """The page holds the log without loss."""
    path, events = forks
    page.open(path)
    assert events == page.ask("return Array.from({length: app.log.length}, (_, i) => app.log.event(i))")


def test_odd_logs_are_kept_as_they_are(page: Page, write) -> None:
    """Gaps in the numbers, other times, other pids, fields that are not always there: all is kept."""
    events = stalled_consumers()
    for place, changes in {
        3: {"seq": 70, "pid": 99},
        5: {"n": 40, "level": "error"},
        9: {"item": [1.5, {"a": None}]},
    }.items():
        events[place].update(changes)
    for number, each in enumerate(events[4:], 71):
        each["seq"] = number
    events[11]["extra"] = 2.5
    events[12]["timestamp"] = "some day"
    page.open(write(events), "event=75")
    assert events == page.ask("return Array.from({length: app.log.length}, (_, i) => app.log.event(i))")
    assert 75 == page.selected()


def test_a_learner_sees_who_left_early(page: Page, write) -> None:
    """Of the trap with the empty queue the picture tells who left, what was left, and who waits for what."""
    text = bundled.find_scenario("consumers-until-empty").read_text(encoding="utf-8")
    path = write(stalled_consumers(), text)
    page.open(path)
    graph = " ".join(page.texts("#waits text"))
    assert "waits for task_done() for every item of queue 'tasks'" in graph
    assert "3 put, 0 got, 3 left" in graph
    assert 2 == graph.count("after tasks looked empty")
    assert ["10", "20", "30"] == page.texts("#moment .item")
    assert "returned as tasks looked empty" in page.text("#moment")
    assert "3 put, 3 left" in page.text("#depths")
    assert text.splitlines() == [line.rstrip() for line in page.texts("#source code")]
    assert_quiet(page, path)


def test_stepping_shows_the_state_of_each_moment(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """Forward and back, by key and by button, to the first and the last: each time the locks are as the log says."""
    path, events = forks
    page.open(path)
    page.in_lanes().press(HOME)
    assert 1 == page.selected()
    page.click("#step-on")
    assert 2 == page.selected()
    held: dict[str, str] = {}
    for each in events[2:14]:
        page.press(NEXT)
        assert each["seq"] == page.selected()
        if each["event"] == "lock.acquired":
            held[each["lock"]] = each["process"]
        for lock, holder in held.items():
            assert f"held by {holder}" in page.ask(
                "return app.panels[1].words(app.story.stateAt(arguments[0]), arguments[1], 'lock')",
                each["seq"] - 1,
                lock,
            )
        assert f"\n{each['event']}\n" in page.text("#event")
    page.press(BACK, BACK)
    assert 12 == page.selected()
    page.in_lanes().press(END)
    assert len(events) == page.selected()
    spoken = page.ask("return document.getElementById('lanes').getAttribute('aria-valuetext')")
    assert f"event {len(events)} of {len(events)}" in spoken
    assert "run-scenario stalled after" in spoken


def test_a_click_shows_the_event(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """A mark in a lane, and a row of the table, can be clicked; hovering tells in a sentence what it was."""
    path, events = forks
    page.open(path, "by=steps")
    place = next(
        at for at, each in enumerate(events) if each["event"] == "lock.acquired" and each["process"] == "Hegel"
    )
    page.click_event(place)
    assert events[place]["seq"] == page.selected()
    assert "Hegel acquired lock 'right'" in page.text("#event .sentence")
    assert f"#{events[place]['seq']}" in page.text("#tip")
    page.click("#rows tr:nth-child(3)")
    assert 3 == page.selected()


def test_filtering(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """What is hidden is gone from lanes, table and steps, and the page says that something is."""
    path, events = forks
    page.open(path)
    page.click("details.menu:first-child summary")
    boxes = page.texts("#menu-process label")
    row = next(at for at, text in enumerate(boxes, 1) if text.strip().startswith("Kant"))
    page.click(f"#menu-process label:nth-child({row}) input")
    others = [each for each in events if each["process"] != "Kant"]
    assert ["MainProcess", "Hegel"] == page.ask(
        "return app.rows.shown.filter(r => r.type === 'process').map(r => r.name)"
    )
    assert [str(each["seq"]) for each in others] == page.texts("#rows td:first-child")
    assert f"{len(others)} of {len(events)} events shown" == page.text("#filter-note")
    page.in_lanes().press(HOME, *[NEXT] * 6)
    assert others[6]["seq"] == page.selected()
    assert "hide-process=Kant" in page.driver.current_url


def test_searching(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """Words are found in names and values of every event; Enter goes from one to the next."""
    path, events = forks
    page.open(path)
    page.in_lanes().press(HOME)
    page.type("#search", "lock hegel")
    wanted = [each["seq"] for each in events if {"lock", "hegel"} <= words(each)]
    assert f"{len(wanted)} events found" == page.text("#find-note")
    assert wanted == page.ask("return [...app.found].map(i => app.log.seqOf(i))")
    page.type("#search", "lock hegel\n")
    assert wanted[0] == page.selected()


def words(event: Event) -> set[str]:
    """Return which of the words that are looked for are in an event: in its kind, process or another field."""
    common = ("level", "timestamp", "t", "seq", "run", "scenario", "pid", "n")
    text = " ".join(json.dumps(value) for name, value in event.items() if name not in common).lower()
    return {word for word in ("lock", "hegel") if word in text}


def test_zoom_and_address(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """Keys and buttons zoom and pan; the address tells what is seen, and leads there."""
    path, _ = forks
    page.open(path, "event=7")
    assert 7 == page.selected()
    whole = page.ask("return [app.axis.from, app.axis.to]")
    page.press("+", "+")
    page.click("#zoom-in")
    seen = page.ask("return [app.axis.from, app.axis.to]")
    assert (whole[1] - whole[0]) / 3.375 == pytest.approx(seen[1] - seen[0])
    address = page.driver.current_url.partition("#")[2]
    assert "event=7" in address
    page.open(path, address)
    assert seen == pytest.approx(page.ask("return [app.axis.from, app.axis.to]"))
    page.press("0", "t")
    assert "by=" in page.driver.current_url
    page.ask("location.hash = '#event=3'")
    page.drawn()
    assert 3 == page.selected()


def test_expectations_and_their_evidence(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """Each expectation has its verdict, its line of the scenario, and buttons that lead to what shows it."""
    path, events = forks
    page.open(path)
    verdicts = [each for each in events if each["event"].startswith("expectation.")]
    assert [each["expectation"] for each in verdicts] == page.texts("#expectations .expectation code")
    page.click("#expectations .expectation")
    chosen = page.ask(
        "return [...document.querySelectorAll('#source li')].findIndex(e => e.classList.contains('chosen')) + 1"
    )
    assert verdicts[0]["line"] == chosen
    assert [each["seq"] for each in verdicts[0]["evidence"]] == page.ask(
        "return app.evidence().map(i => app.log.seqOf(i))"
    )
    rows = page.texts("#rows .evidence td:first-child")
    assert [str(each["seq"]) for each in verdicts[0]["evidence"]] == rows
    page.in_lanes().press(HOME)
    page.click("#expectations .jump")
    assert verdicts[0]["evidence"][0]["seq"] == page.selected()


def test_the_lanes_are_as_wide_as_their_box(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """A scrollbar that comes when the page is filled cuts nothing off at the right edge, however high the window."""
    path, _ = forks
    before = page.driver.get_window_size()
    widths = "return [app.lanes.width, document.getElementById('lanes').clientWidth]"
    try:
        for height in range(1000, 3000, 200):
            page.driver.set_window_size(1280, height)
            page.open(path)
            page.drawn()
            drawn, box = page.ask(widths)
            assert box == drawn, height
    finally:
        page.driver.set_window_size(before["width"], before["height"])


@pytest.mark.parametrize(
    ("involuntary", "words"),
    [
        (400, "computes, or waits for a processor"),
        (2, "sleeps, or waits for a processor or something outside the scenario"),
    ],
)
def test_who_has_no_processor_is_not_said_to_sleep(page: Page, write, involuntary: int, words: str) -> None:
    """The state at a moment says what the switches tell, and leaves open what they do not; the legend has the same."""
    switches = {"voluntary_switches": 1, "involuntary_switches": involuntary}
    events = [
        event("process.started", "S", 0.1, worker="process", daemon=False),
        event("process.output", "S", 1.0, stream="stdout", text="here", via="print"),
        event("process.exited", "S", 3.0, exitcode=0, cause="returned", cpu_user=0.4, cpu_system=0.1, **switches),
    ]
    page.open(write(numbered(events)), "event=2")
    assert words in page.text("#moment")
    legend = page.text(".legend")
    assert "computes, or waits for a processor" in legend
    assert "sleeps, or has no processor" in legend
    assert not page.complaints()


def test_a_bounded_queue_never_has_more_than_it_holds(page: Page, write) -> None:
    """A put that is told before the get that made room for it overfills neither the queue nor the list of its items."""
    puts = [event("queue.put", "A", number / 10, queue="q", item_id=number, item=number * 10) for number in (1, 2, 3)]
    gets = [event("queue.get", "B", 0.4 + number / 10, queue="q", item_id=number) for number in (1, 2, 3)]
    started = event("scenario.started", "run-scenario", 0.0, title="Bounded", maxsize={"q": 2})
    page.open(write(numbered([started, *puts, *gets])), "event=4")
    assert "3 put, none left, 2 at most" in page.text("#depths")
    assert ["20", "30"] == page.texts("#moment .item")
    assert [1, 2, 2, 2, 1, 0] == page.ask("return app.story.channels[0].depths")


def test_hostile_names_and_outputs_are_inert(page: Page, write) -> None:
    """Markup, scripts, terminal escapes and invisible characters in a log are shown as text and do nothing."""
    events, corpus = hostile()
    path = write(events, "\n".join(corpus))
    page.open(path)
    page.ask("for (let i = 0; i < app.log.length; i += 3) { app.select(i); app.draw(); }")
    page.type("#search", "script")
    assert page.ask("return globalThis.hacked === undefined && document.title !== 'hacked'")
    assert [] == page.ask(
        "return [...document.querySelectorAll('img, iframe, object, embed, form, base')].map(e => e.tagName)"
    )
    assert 3 == page.ask("return document.scripts.length")
    shown = " ".join(page.texts("#rows td:last-child"))
    assert "</script><script>globalThis.hacked=1</script>" in shown
    assert r"\u202e" in shown
    assert not {"\x1b", "\u202e", "\x00"} & set(page.ask("return document.body.textContent"))
    assert_quiet(page, path)


def test_items_can_be_followed(page: Page, write) -> None:
    """From a put one comes to its get and back; the queue's depth is that of the log at each moment."""
    events = long_log(200)
    page.open(write(events))
    put = next(at for at, each in enumerate(events) if each["event"] == "queue.put")
    got = next(
        at
        for at, each in enumerate(events)
        if each["event"] == "queue.get" and each["item_id"] == events[put]["item_id"]
    )
    page.ask("app.select(arguments[0])", put)
    page.press("f")
    assert events[got]["seq"] == page.selected()
    page.click("#event .jump")
    assert events[put]["seq"] == page.selected()
    depths, depth = [], 0
    for each in events:
        depth += {"queue.put": 1, "queue.get": -1}.get(each["event"], 0)
        depths.append(depth)
    assert depths == page.ask("return Array.from({length: app.log.length}, (_, i) => app.story.channels[0].depthAt(i))")


def test_a_long_log_is_counted_and_says_so(page: Page, write) -> None:
    """Events too many to be drawn one by one are drawn as bars that count every one; nearer, they are marks again."""
    events = long_log(20_000)
    path = write(events)
    page.open(path)
    assert "20,000 events are too many to draw one by one" in page.text("#lanes-note")
    processes = Counter(each["process"] for each in events)
    counted = page.ask(
        "const l = app.lanes, rows = app.rows.shown, places = new Int32Array(app.log.processes.length).fill(-1);"
        "rows.forEach((row, at) => places[app.log.processes.indexOf(row.name)] = at);"
        "const counts = rows.map(() => new Uint32Array(400)); l.countInto(counts, places, 0, app.log.length, 400);"
        "return rows.map((row, at) => [row.name, counts[at].reduce((a, b) => a + b, 0)])"
    )
    assert [[name, processes[name]] for name, _ in counted] == counted
    page.press(*"++++++++++++")
    assert "too many" not in page.text("#lanes-note")
    assert page.ask("return app.lanes.hits.length") > 0
    assert_quiet(page, path)


def test_a_dropped_item_was_got_by_nobody(page: Page, write) -> None:
    """It is off the queue, and yet no arrow leads to where it was dropped, and nobody is said to have got it."""
    events = [
        event("scenario.started", "run-scenario", t=0.0),
        event("process.started", "Sender", t=0.1),
        event("queue.put", "Sender", t=0.2, queue="q", item_id=1, item="x"),
        event("queue.item_dropped", "Sender", t=0.3, queue="q", item_id=1, item="x", error="no"),
    ]
    path = write(numbered(events))
    page.open(path)
    assert [-1] * 4 == page.ask("return Array.from(app.story.partner)")
    assert [1, 0] == page.ask("return [2, 3].map((i) => app.story.itemsAt(app.story.channels[0], i).length)")
    assert_quiet(page, path)


def test_light_dark_and_paper(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """The system's theme is followed, a button turns it, and paper is white with all events on it."""
    path, events = forks
    colours = []
    for theme in ("dark", "light"):
        feature = {"name": "prefers-color-scheme", "value": theme}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        page.open(path)
        colours.append(page.ask("return getComputedStyle(document.body).backgroundColor"))
    page.click("#theme")
    assert colours[0] == page.ask("return getComputedStyle(document.body).backgroundColor") != colours[1]
    page.ask("dispatchEvent(new Event('beforeprint'))")
    assert "#ffffff" == page.ask(
        "return getComputedStyle(document.documentElement).getPropertyValue('--ground').trim()"
    )
    assert len(events) == len(page.texts("#rows tr"))
    page.ask("dispatchEvent(new Event('afterprint'))")
    assert_quiet(page, path)


def test_an_unfinished_log_opens(page: Page, write) -> None:
    """A log that was cut short, and one that holds a single event, are shown for what they are."""
    for events in (stalled_consumers()[:7], numbered([stalled_consumers()[0]])):
        path = write(events)
        page.open(path)
        assert re.fullmatch(r"the log ends after [\d.]+ s, before the run does", page.text("#outcome"))
        assert len(events) == len(page.texts("#rows tr"))
        assert_quiet(page, path)


def test_shared_numbers_have_a_curve(page: Page, write) -> None:
    """What a shared value was after each write can be seen, and at the moment that is looked at."""
    contents = [1, 9, -2, 7]
    written = [event("value.written", "MainProcess", n / 10, value="hits", content=c) for n, c in enumerate(contents)]
    path = write(numbered(written), None)
    page.open(path, "event=3")
    assert "7 at last, 9 at most\nnow -2" in page.text("#depths")
    assert contents == page.ask("return [0, 1, 2, 3].map(i => app.story.gauges[0].depthAt(i))")
    assert_quiet(page, path)


def test_logs_of_other_versions_open(page: Page, write) -> None:
    """Events that lack all that is their own, or have something else there, are shown as far as they go."""
    names = json.loads(bundled.schema_text("event"))["properties"]["event"]["enum"]
    bare = [event(name, "A", n / 100) for n, name in enumerate(names)]
    keys = ("queue", "pipe", "end", "lock", "semaphore", "item_id", "evidence", "count", "content", "owner")
    odd = [{**event(name, "B", 1 + n / 100), **dict.fromkeys(keys, 7)} for n, name in enumerate(names)]
    for events in (bare, odd):
        path = write(numbered(events))
        page.open(path)
        page.ask("for (let i = 0; i < app.log.length; i++) { app.select(i); app.draw(); }")
        assert len(names) == int(page.text("#place").split()[3])
        assert_quiet(page, path)
