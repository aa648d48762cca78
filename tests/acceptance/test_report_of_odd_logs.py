"""The HTML report of logs that no run here makes: hostile, long, unfinished, of other versions; in a real browser."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from browser import Page, assert_quiet

from report_logs import event, hostile, long_log, numbered, stalled_consumers
from run_scenario import bundled
from run_scenario.scenario.data import in_words


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


@pytest.mark.parametrize(
    ("involuntary", "words", "sign"),
    [
        (400, "computes, or waits for a processor", "computes, or waits for a processor"),
        (
            2,
            "sleeps, or waits for a processor or something that is not recorded",
            "has no processor most of the time: sleeps, or waits for one or for something not recorded",
        ),
    ],
)
def test_who_has_no_processor_is_not_said_to_sleep(page: Page, write, involuntary: int, words: str, sign: str) -> None:
    """The state at a moment says what the switches tell, and leaves open what they do not; the legend has the same."""
    switches = {"voluntary_switches": 1, "involuntary_switches": involuntary}
    events = [
        event("process.started", "S", 0.1, worker="process", daemon=False),
        event("process.output", "S", 1.0, stream="stdout", text="here", via="print"),
        event("process.exited", "S", 3.0, exitcode=0, cause="returned", cpu_user=0.4, cpu_system=0.1, **switches),
    ]
    page.open(write(numbered(events)), "event=2")
    assert words in page.text("#moment")
    assert sign in page.text(".legend")
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


def test_items_are_shown_as_python_writes_them(page: Page, write) -> None:
    """What is in a queue is told in the same words as in the other views, whatever form the log has for it."""
    items = [
        {"tuple": [1, {"set": [2, "a"]}]},
        {"tuple": [[None]]},
        {"frozenset": []},
        {"object": "datetime:date", "text": "2026-01-31"},
        {"object": "a:B", "fields": {"c": {"object": "a:C", "name": "RED", "value": 1}}},
        {"object": "pathlib:PosixPath", "text": "a/b"},
        {"object": "a:Counter", "value": {"a": 2}},
        {"object": "a:D", "shape": [1], "elements": [1]},
    ]
    puts = [event("queue.put", "A", n / 10, queue="q", item_id=n, item=item) for n, item in enumerate(items, 1)]
    page.open(write(numbered(puts)), f"event={len(puts)}")
    shown = page.text("#moment")
    assert [] == [words for words in map(in_words, items) if words not in shown]


@pytest.mark.campaign
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


@pytest.mark.campaign
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
