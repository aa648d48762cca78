"""What the HTML report looks like at first: where it opens, what is written where, on wide and narrow screens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import Page, assert_quiet

from report_logs import Event, event, long_log, numbered, stalled_consumers
from run_scenario.report.html.page import STATES
from run_scenario.report.sentences import sentence

DOWN, ESCAPE = "\ue015", "\ue00c"


@pytest.fixture
def narrow(page: Page) -> Iterator[Page]:
    """Return the browser with a window as wide as a telephone."""
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield page
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def run_of(*events: Event, outcome: str = "passed", **ends: Any) -> list[Event]:
    """Return the log of a run in which this happens, with what is judged a long time afterwards."""
    started = event(
        "scenario.started", "run-scenario", 0.0, title="A run",
        description="Numbers go round. Watch for: the order.", python="3.13.1", start_method="fork",
    )  # fmt: skip
    main = event("process.started", "MainProcess", 0.1, worker="process", parent=None)
    exited = event("process.exited", "MainProcess", 1.0, cause="returned", exitcode=0, allowed=True)
    finished = event(
        "scenario.finished", "run-scenario", 9.0, outcome=outcome, exit_status=int(outcome != "passed"), duration=1.0,
        **{"reasons": [], "shown_by": [], **ends},
    )  # fmt: skip
    during = [each for each in events if not each["event"].startswith("expectation.")]
    verdicts = [each for each in events if each["event"].startswith("expectation.")]
    return numbered([started, main, *during, exited, *verdicts, finished])


def test_a_passed_run_opens_at_its_start(page: Page, write) -> None:
    """With the description first, what came of it, and what to watch for last; the axis ends with the program."""
    path = write(run_of())
    page.open(path)
    assert 1 == page.selected()
    header = page.text("header")
    places = [
        header.index(part) for part in ("A run", "Numbers go round.", "passed after 1 s", "Watch for, in the log")
    ]
    assert sorted(places) == places
    assert header.endswith("Watch for, in the log of the run: the order.")
    assert pytest.approx(1.02) == page.ask("return app.axis.extent()[1]")
    page.ask("app.step(Infinity)")
    page.drawn()
    assert 4 == page.selected()
    assert pytest.approx(1.02) == page.ask("return app.axis.to")
    assert_quiet(page, path)


def test_a_failed_run_opens_where_the_cause_is(page: Page, write) -> None:
    """At the evidence of the expectation that failed, which is chosen; or at the event that shows the reason."""
    evidence = {"event": "process.output", "seq": 3, "t": 0.5, "process": "MainProcess", "text": "7"}
    failed = event(
        "expectation.failed", "run-scenario", 9.0, "error", expectation="absent: …", line=1, evidence=[evidence]
    )
    output = event("process.output", "MainProcess", 0.5, stream="stdout", text="7", via="print")
    page.open(write(run_of(output, failed, outcome="failed", reasons=["…"], shown_by=[5]), "expect: …"))
    assert 3 == page.selected()
    assert ["true"] == page.ask(
        "return [...document.querySelectorAll('.expectation')].map(e => e.getAttribute('aria-pressed'))"
    )
    assert [2] == page.ask("return app.evidence()")
    page.open(write(run_of(output, outcome="failed", reasons=["…"], shown_by=[4])))
    assert 4 == page.selected()


def test_the_table_has_the_usual_sentences(page: Page, write) -> None:
    """Also of events of which there are ten thousand: each has the words that it has in all other views."""
    events = long_log(12_000)
    page.open(write(events))
    expected = [sentence(each) for each in events]
    assert expected == page.ask("return Array.from({length: app.log.length}, (_, i) => app.sentence(i))")
    page.ask("app.select(11000)")
    page.drawn()
    row = page.text("#rows [aria-current]")
    assert expected[11000] in row


def test_who_puts_is_not_said_to_sleep(page: Page, write) -> None:
    """A bar is named for what is recorded in it, though its process had no processor for most of the time."""
    puts = [event("queue.put", "A", 0.2 + n / 200, queue="q", item_id=n, item=n, waited=0.0) for n in range(100)]
    ends = {"cause": "returned", "cpu_user": 0.1, "cpu_system": 0.0, "voluntary_switches": 9, "involuntary_switches": 1}
    exited = event("process.exited", "A", 0.9, **ends)
    page.open(write(run_of(event("process.started", "A", 0.15), *puts, exited)), "event=9")
    assert [STATES.index("sleeping")] == page.ask("return Array.from(app.lanesData[1].state)")
    assert "puts on q, most of the time without a processor" in page.text("#moment")
    assert "sleeps" not in page.text("#moment")


def test_no_label_stands_on_hatching(page: Page, write) -> None:
    """Whatever is written in a bar has one colour around it."""
    page.open(write(stalled_consumers()), "by=steps")
    plates = page.ask("return app.lanes.written.map(({from, to, y}) => [from, to, y])")
    assert plates
    for start, end, y in plates:
        colours = page.ask(
            "const [from, to, y] = arguments, pixel = (x, y) => [...app.lanes.canvas.getContext('2d')"
            ".getImageData(x, y, 1, 1).data].join();"
            "return [...new Set([-5, -2, 2, 5].flatMap((d) => [pixel(from + 2, y + d), pixel(to - 2, y + d)]))]",
            start,
            end,
            y,
        )
        assert 1 == len(colours), (start, end, y)


def test_many_arrows_are_folded(page: Page, write) -> None:
    """Sixty at most are drawn, the note says how many items they stand for, and zooming in unfolds them."""
    page.open(write(long_log(2_000)))
    note = page.text("#lanes-note")
    assert "items are drawn as" in note
    assert "×n says how many go the same way" in note
    page.press(*"+" * 14)
    assert "items are drawn as" not in page.text("#lanes-note")


def test_the_legend_has_what_there_is(page: Page, write) -> None:
    """And nothing that a reader would look for in vain."""
    page.open(write(stalled_consumers()))
    shown = [line.strip() for line in page.text(".legend").splitlines() if line.strip()]
    assert "nobody got it" in " ".join(shown)
    assert "waits, or is held, for ever" in " ".join(shown)
    assert not {"computes, or waits for a processor", "held", "■acquired, set", "•printed, logged"} & set(shown)


def test_400_pixels_are_enough(narrow: Page, write) -> None:
    """Nothing is wider than the screen, the graph of who waits included; each event is a block with its sentence."""
    path = write(stalled_consumers(), "version: 1  # " + "long " * 60)
    narrow.open(path)
    assert [400, 400] == narrow.ask("return [document.documentElement.scrollWidth, innerWidth]")
    wide = narrow.ask(
        "return [...document.querySelectorAll('header *, main *')].filter(e => e.getBoundingClientRect().width &&"
        " e.getBoundingClientRect().right > 400.5 && !e.closest('.unseen, thead')).map(e => e.outerHTML.slice(0, 80))"
    )
    assert [] == wide
    boxes = narrow.ask("return [...document.querySelectorAll('.node rect')].map(e => e.getBoundingClientRect().width)")
    assert min(boxes) > 140
    first, last = (
        narrow.ask(f"return document.querySelector('#rows td:{place}-child').offsetTop") for place in ("first", "last")
    )
    assert first < last
    assert_quiet(narrow, path)


def test_the_table_is_walked_by_keys(page: Page, write) -> None:
    """One row is a stop of Tab; the arrow keys go on from it, over the end of what is shown of a long table as well."""
    page.open(write(long_log(300)), "event=99")
    page.ask("document.querySelector('#rows [tabindex=\"0\"]').focus()")
    page.press(DOWN, DOWN)
    assert 101 == page.selected()
    assert "101" == page.ask("return document.activeElement.cells[0].textContent")
    assert 1 == len(page.texts("#rows [tabindex='0']"))


@pytest.mark.campaign
def test_a_menu_is_closed_by_escape(page: Page, write) -> None:
    """And by a click elsewhere; the focus is where it was."""
    page.open(write(stalled_consumers()))
    page.click("details.menu:first-child summary")
    page.press(ESCAPE)
    is_open = "return document.querySelector('details.menu').open"
    assert not page.ask(is_open)
    assert "SUMMARY" == page.ask("return document.activeElement.tagName")
    page.click("details.menu:first-child summary")
    assert page.ask(is_open)
    page.click("h1")
    assert not page.ask(is_open)
