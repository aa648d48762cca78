"""The timeline in text: exact drawings of logs made by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest
from example_events import event

from run_scenario.events.history.history import read
from run_scenario.report.terminal.cells import width_of
from run_scenario.report.timeline import svg
from run_scenario.report.timeline.layout import Scale
from run_scenario.report.timeline.text import render

Event = dict[str, Any]

STUCK = {"pid": 1, "queue": None, "on_process": None, "seconds": 1.0, "stack": [], "state": "waiting"}
LEFT_EARLY = [
    event("scenario.started", title="The trap"),
    event("process.started", "MainProcess", t=0.0),
    event("process.starting", "Early", t=1.0),
    event("process.started", "Early", t=2.0),
    event("queue.empty", "Early", t=2.5),
    event("process.finished", "Early", t=2.8),
    event("process.exited", "Early", t=3.0, cpu_user=None),
    event("queue.put", "MainProcess", t=3.0, item_id=1, item="a"),
    event("queue.put", "MainProcess", t=3.0, item_id=2, item="b"),
    event("queue.joining", "MainProcess", t=4.0),
    event(
        "scenario.stalled",
        t=9.0,
        processes=[
            {**STUCK, "process": "MainProcess", "waiting_for": "task_done()", "resource": "tasks", "since": 4.0}
        ],
    ),
    event(
        "process.exited",
        "MainProcess",
        t=10.0,
        cause="stopped_by_runner",
        signal="SIGTERM",
        allowed=False,
        cpu_user=None,
    ),
    event("queue.left_over", "run-scenario", t=10.0, count=2, items=["a", "b"], pills=0),
    event("scenario.finished", t=10.0, outcome="stalled", duration=10.0),
]
"""In small, what `consumers-until-empty` does when it hangs."""


def drawn(*events: Event, width: int = 62, **options: Any) -> list[str]:
    """Return the lines of a timeline without colour."""
    return render(read(events), width, **options).splitlines()


def test_who_left_early_what_was_left_and_who_waits() -> None:
    """The picture alone says all three."""
    assert (
        """\
The trap

seconds     0         2         4         6         8
            ┬─────────┬─────────┬─────────┬─────────┬─────────
MainProcess ━━━━━━━━━━━━━━━━━━━━░ tasks.join() ░░░░░░░░░░░░░░✗
Early            ·····━━━━╌┤ returned: tasks.empty() said True
tasks                      ██████████████████████████ 2 left █

· being started   ━ running   ░ waiting   ╌ its target is over
┤ end   ✗ an end that is not allowed   _▄█ items in it

MainProcess: stopped by run-scenario: SIGTERM

tasks: 2 items left of 2 put: 'a', 'b'

when nothing moved any more:
  MainProcess waits for task_done()

stalled after 10 s: nobody fills 'tasks' any more""".splitlines()
        == drawn(*LEFT_EARLY)
    )


def test_in_plain_ascii() -> None:
    """Where only ASCII can be shown, the drawing has nothing else."""
    lines = drawn(*LEFT_EARLY, unicode=False)
    assert "MainProcess --------------------~ tasks.join() ~~~~~~~~~~~~~~X" == lines[4]
    assert all(line.isascii() for line in lines)


def test_colours_change_nothing_but_the_colour() -> None:
    """Without its escape sequences, a coloured drawing is the plain one."""
    import re

    coloured = render(read(LEFT_EARLY), 62, colour=True)
    assert "\x1b[33m" in coloured
    assert drawn(*LEFT_EARLY) == re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    """Every line fits."""
    assert [] == [line for line in drawn(*LEFT_EARLY, width=width) if len(line) > width]


def test_a_part_of_the_time() -> None:
    """A window shows what happened in it, in its own proportion."""
    lines = drawn(*LEFT_EARLY, first=1.0, last=3.5)
    assert ["seconds", "1.0", "1.5", "2.0", "2.5", "3.0"] == lines[2].split()
    assert "Early       ····················━━━━━━━━━━━━━━━━╌╌╌╌┤" == lines[5]


EMPTIED = [
    event("process.started", "A", t=0.0),
    event("queue.put", "A", t=1.0, item_id=1),
    event("queue.put", "A", t=1.0, item_id=2),
    event("queue.get", "A", t=2.0, item_id=1),
    event("queue.get", "A", t=6.0, item_id=2),
    event("process.started", "B", t=5.0),
    event("process.exited", "A", t=7.0, cpu_user=None),
    event("process.exited", "B", t=10.0, cpu_user=None),
]
"""A queue that has two items, then one, then none."""


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (7.0, 8.0, "_" * 50),
        (3.0, 5.0, "▄" * 50),
        (2.0, 3.0, "▄" * 50),
        (5.0, 7.0, "▄" * 26 + "_" * 24),
        (0.0, 0.5, ""),
        (1.0, 2.0, "█" * 50),
        (8.0, 12.0, "_" * 26),
    ],
)
def test_a_queue_is_as_long_as_it_was_within_the_window(first: float, last: float, expected: str) -> None:
    """What a queue had before the window is not drawn into it, and nothing is drawn behind the end of the run."""
    assert f"tasks    {expected}".rstrip() in drawn(*EMPTIED, width=59, first=first, last=last)


def test_what_is_outside_of_the_window_is_not_drawn_at_its_edges() -> None:
    """An end before the window, and what is left at the end of the run, are not to be seen in it."""
    history = read([*EMPTIED, event("queue.put", "B", t=9.0, item_id=3), event("process.exited", "C", t=12.0)])
    early, whole = svg.render(history, 7.5, 8.5), svg.render(history)
    assert (0, 2) == (early.count(">returned</text>"), whole.count(">returned</text>"))
    assert (0, 1) == (early.count("1 left"), whole.count("1 left</text>"))
    assert not any("left " in line for line in render(history, 59, first=7.5, last=8.5).splitlines()[:-5])
    (curve,) = re.findall(r'<polygon points="([^"]*)"', early)
    assert 1 == len({point.split(",")[1] for point in curve.split()})


def test_a_lane_is_open_only_where_the_log_ends() -> None:
    """A window that ends before the log does not look as if the log did."""
    events = [event("process.started", "A", t=0.0), event("queue.empty", "A", t=10.0)]
    assert "A        ━━━━━━━━━━━━━━━━━━━━" == drawn(*events, width=29, first=0.0, last=5.0)[4]
    assert "A        ━━━━━━━━━━━━━━━━━━━▷" == drawn(*events, width=29)[4]


def test_puts_are_tied_to_gets() -> None:
    """Each flow has a number where it leaves and where it arrives, and a sentence; what is too close is one flow."""
    lines = drawn(
        event("process.started", "A", t=0.0),
        event("process.started", "B", t=0.0),
        *(event("queue.put", "A", t=2.0, item_id=number, item=number) for number in (1, 2)),
        event("queue.get", "B", t=4.0, item_id=1),
        event("queue.get", "B", t=8.0, item_id=2),
        event("process.exited", "A", t=10.0, cpu_user=None),
        event("process.exited", "B", t=10.0, cpu_user=None),
        width=59,
    )
    assert "                   1-2▸" == lines[5]
    assert "                             ▸1                  ▸2" == lines[7]
    assert " 1  A put 1 on tasks at 2.000 s, B got it at 4.000 s" in lines
    assert " 2  A put 2 on tasks at 2.000 s, B got it at 8.000 s" in lines


def test_many_messages_are_gathered() -> None:
    """Messages that a person could not follow one by one are shown as one flow for each way."""
    messages = [
        each
        for number in range(100)
        for each in (
            event("queue.put", "A", t=number * 1.0, item_id=number),
            event("queue.get", "B", t=number + 0.5, item_id=number),
        )
    ]
    lines = drawn(event("process.started", "A"), event("process.started", "B"), *messages, width=150)
    assert " 1  A put 100 items on tasks at 0.000 to 99.000 s, B got them at 0.500 to 99.500 s" in lines


def many_ways(count: int) -> list[Event]:
    """Return the events of as many consumers, each of which gets one item from the main program, all at one moment."""
    started = [event("process.started", f"C{number}", t=0.0) for number in range(count)]
    puts = [event("queue.put", "Main", t=0.1, item_id=number) for number in range(count)]
    gets = [event("queue.get", f"C{number}", t=number / count + 1, item_id=number) for number in range(count)]
    return [*started, *puts, *gets]


def test_all_flows_are_counted() -> None:
    """Of two hundred flows, twelve have sentences, and the rest is counted; each has its mark where it arrives."""
    lines = drawn(*many_ways(200), width=100)
    assert "    and 188 more" in lines
    assert 1 == sum("1-200▸" in line for line in lines)
    assert {f"▸{number}" for number in range(1, 201)} <= {line.strip() for line in lines}
    assert not any("do not fit" in line for line in lines)


def test_marks_without_room_are_counted() -> None:
    """After three rows of marks the rest is not drawn, and there is a line that says how many."""
    ways = [
        each
        for number in range(40)
        for each in (
            event("queue.put", "A", t=number / 10, item_id=number, queue=f"q{number}"),
            event("queue.get", "B", t=number / 10 + 0.01, item_id=number, queue=f"q{number}"),
        )
    ]
    lines = drawn(event("process.started", "A"), event("process.started", "B"), *ways, width=40)
    marks = sum(line.count("▸") for line in lines if "put" not in line)
    (note,) = [line for line in lines if "do not fit" in line]
    missing = int(note.split()[0])
    assert 0 < missing < 80
    assert marks <= 80 - missing


def test_of_many_arrows_some_are_left_out() -> None:
    """The picture says how many there are."""
    assert "the first 400 of 401 arrows are drawn" in svg.render(read(many_ways(401)))


def test_who_holds_a_lock() -> None:
    """A lock has a row with the names of its holders."""
    lines = drawn(
        event("lock.acquired", "Kant", t=0.0, waited=0.0),
        event("lock.released", "Kant", t=5.0, owner="Kant"),
        event("lock.acquired", "Hegel", t=6.0, waited=0.0),
        event("process.exited", "Hegel", t=10.0),
        width=59,
    )
    assert "gate     Kant ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒    Hegel ▒▒▒▒▒▒▒▒▒▒▒▒▒▒" in lines


def held_at_once(*names: str) -> list[Event]:
    """Return the events of a semaphore that all of these hold at once, one second after the other."""
    acquired = [event("semaphore.acquired", name, t=t * 1.0, waited=0.0) for t, name in enumerate(names)]
    released = [event("semaphore.released", name, t=t + 10.0, owner=name) for t, name in enumerate(names)]
    return [*acquired, *released, event("process.exited", names[0], t=20.0)]


def test_all_who_hold_a_semaphore_at_once_are_seen() -> None:
    """Each has a row of its own, with its name, in text and in SVG; a row is used again when it is free."""
    events = [*held_at_once("Kant", "Hegel"), event("semaphore.acquired", "Marx", t=15.0, waited=0.0)]
    lines = drawn(*events, width=59)
    assert "gate     Kant ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒           Marx ▒▒▒▒▒▒▒▒" in lines
    assert "           Hegel ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒" in lines
    picture = svg.render(read(events))
    places = {name: y for y, name in re.findall(r'y="([^"]*)"[^>]*>held by (\w+)<', picture)}
    assert {"Kant", "Hegel", "Marx"} == places.keys()
    assert places["Kant"] == places["Marx"] != places["Hegel"]


def test_of_many_who_hold_a_semaphore_some_are_left_out() -> None:
    """There is a line that says how many."""
    events = held_at_once(*"ABCDEF")
    assert "gate: more than 4 held it at once; not drawn: 2 of 6 times" in drawn(*events)
    assert "gate: more than 4 held it at once; not drawn: 2 of 6 times" in svg.render(read(events))


def test_a_lock_that_died_with_its_holder_is_held_to_the_end() -> None:
    """Nobody releases what a killed process had: the row says so for as long as the others wait."""
    lines = drawn(
        event("process.started", "Dying", t=0.0),
        event("lock.acquired", "Dying", t=1.0, waited=0.0),
        event("process.exited", "Dying", t=2.0, cause="signal", signal="SIGKILL", cpu_user=None),
        event("lock.abandoned", "Dying", t=2.0),
        event("lock.waiting", "Waiting", t=3.0),
        event("process.exited", "Waiting", t=10.0, cpu_user=None),
        width=59,
    )
    assert "gate          Dying ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒" in lines


def test_hostile_names_are_inert() -> None:
    """Escapes and controls in names, items and reasons do not reach the terminal; wide characters keep the columns."""
    bad = "\x1b[31mx\u202e\n"
    lines = drawn(
        event("scenario.started", title=bad),
        event("process.started", bad, t=0.0),
        event("process.started", "日本語日本語日本語日本", t=0.0),
        event("queue.put", bad, t=1.0, item_id=1, item=bad, queue=bad),
        event("queue.get", "日本語日本語日本語日本", t=2.0, item_id=1, queue=bad),
        event("process.exited", bad, t=3.0, cause=bad, signal=bad, cpu_user=None),
        event("scenario.finished", t=3.0, outcome="failed", reasons=[bad]),
        width=80,
    )
    assert all(character.isprintable() for line in lines for character in line)
    (wide,) = [line for line in lines if line.startswith("日")]
    assert "日本語日本語日本語…  ━" in wide


@pytest.mark.parametrize("unicode", [True, False])
def test_wide_names_make_no_line_too_wide(unicode: bool) -> None:
    """A character that takes two columns, or six where it is written out, is counted as so many in sentences, too."""
    one, other = "日本語の名前のプロセス", "もう一つのとても長い名前のプロセス"
    lines = drawn(
        event("scenario.started", title="題" * 60),
        event("process.started", one, t=0.0),
        event("process.started", other, t=0.0),
        event("queue.put", one, t=1.0, item_id=1, item="値" * 20, queue="待ち行列"),
        event("queue.get", other, t=2.0, item_id=1, queue="待ち行列"),
        event("process.joining", t=2.0, by=one),
        event("process.exited", other, t=5.0, cpu_user=None, cause="signal", signal="SIGKILL", allowed=False),
        event("process.exited", one, t=5.0, cpu_user=None),
        unicode=unicode,
        width=80,
    )
    assert [] == [line for line in lines if width_of(line) > 80]
    assert unicode or all(line.isascii() for line in lines)


def test_what_is_cut_off_in_ascii_ends_in_dots() -> None:
    """A shortened call leaves the signs beside it where they are."""
    events = [
        event("process.started", "Main", t=0.0),
        event("process.joining", "Consumer with a long name", t=1.0, by="Main"),
        event("process.exited", "Main", t=3.0, cpu_user=None),
        event("process.exited", "B", t=4.0),
    ]
    assert "Main     -------~ Consume... |" == drawn(*events, width=36, unicode=False)[4]


def test_a_log_that_was_cut_off_explains_its_open_lanes() -> None:
    """The sign at the end of such a lane is in the legend; where there is no such lane it is not."""
    torn = [event("process.started", "A", t=0.0), event("queue.empty", "A", t=1.0)]
    assert any("▷ the log ends before the process" in line for line in drawn(*torn))
    assert not any("▷" in line for line in drawn(*LEFT_EARLY))


def test_a_log_of_one_event() -> None:
    """There is a picture of it, and it says that the run has no end."""
    assert "the log ends after 0 s, before the run does" == drawn(event("scenario.started"))[-1]


@pytest.mark.parametrize(
    ("first", "last", "most", "expected"),
    [
        (0.0, 10.0, 5, ["0", "2", "4", "6", "8", "10"]),
        (0.0, 0.65, 7, ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]),
        (1.05, 1.1, 5, ["1.05", "1.06", "1.07", "1.08", "1.09", "1.10"]),
        (0.0, 3600.0, 4, ["0", "1000", "2000", "3000"]),
    ],
)
def test_ticks_are_round(first: float, last: float, most: int, expected: list[str]) -> None:
    """Ticks are at round moments, written as exactly as they need to be."""
    assert expected == [text for _, text in Scale(first, last, 100.0).ticks(most)]
