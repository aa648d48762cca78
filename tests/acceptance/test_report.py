"""The HTML report as a user sees it: in a real browser, and what it shows compared with the log."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from browser import Page, assert_quiet
from support import COMMAND, PATIENCE, read_events

from report_logs import Event, stalled_consumers
from run_scenario import bundled

NEXT, BACK, HOME, END = "\ue014", "\ue012", "\ue011", "\ue010"


@pytest.fixture(scope="module")
def forks(page: Page, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """Return the report and the log of a real deadlock."""
    folder = tmp_path_factory.mktemp("forks")
    report, log = folder / "report.html", folder / "log.jsonl"
    command = [*COMMAND, "run", "two-forks", "--report", str(report), "--log", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert 0 == done.returncode, done.stderr
    return report, read_events(log.read_text(encoding="ascii"))


def test_a_deadlock_is_shown(page: Page, forks: tuple[Path, list[Event]]) -> None:
    """The page opens at the deadlock: who waits for what as a graph, and who holds the locks; nothing is loaded."""
    path, events = forks
    page.open(path)
    stall = next(each for each in events if each["event"] == "scenario.stalled")
    assert stall["seq"] == page.selected()
    assert stall["reason"] in page.text("#outcome")
    assert 2 == events[-1]["counts"]["processes"]
    assert "the main program and 2 processes" in page.text("#facts")
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


def test_a_learner_sees_who_left_early(page: Page, write) -> None:
    """Of the trap with the empty queue the picture tells who left, what was left, and who waits for what."""
    text = bundled.find_scenario("consumers-until-empty").read_text(encoding="utf-8")
    path = write(stalled_consumers(), text)
    page.open(path)
    graph = " ".join(page.texts("#waits text"))
    assert "waits for task_done() for every item of queue 'tasks'" in graph
    assert "3 put, 0 got, 3 left" in graph
    assert 2 == graph.count("tasks.empty() said True")
    assert ["10", "20", "30"] == page.texts("#moment .item")
    assert "returned: tasks.empty() said True" in page.text("#moment")
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
    assert next(seq for seq in wanted if seq > 1) == page.selected()  # the first event was selected before


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


@pytest.mark.campaign
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
