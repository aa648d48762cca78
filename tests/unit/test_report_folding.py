"""What repeats is folded on the terminal: what of it is shown, what is counted, and that nothing is left out."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from example_events import event
from hypothesis import given
from hypothesis import strategies as st

from run_scenario.events.encoding import as_event
from run_scenario.events.types import Event
from run_scenario.report.terminal import folding
from run_scenario.report.terminal.console import ConsoleView
from run_scenario.report.terminal.folding import Folding
from run_scenario.report.terminal.transcript import Transcript
from run_scenario.runtime.run_follower import RunState


def numbered(events: Iterable[dict[str, Any]], step: float = 0.001) -> list[Event]:
    """Return events in their order, one every `step` seconds."""
    return [as_event({**each, "seq": seq, "t": round(seq * step, 6)}) for seq, each in enumerate(events, start=1)]


def reads(count: int, process: str = "Adder") -> list[dict[str, Any]]:
    """Return that a process reads a value, 0, 1, 2, …"""
    return [event("value.read", process, value="counter", content=number) for number in range(count)]


def says(*texts: str, process: str = "Adder") -> list[dict[str, Any]]:
    """Return what a process prints."""
    return [event("process.output", process, stream="stdout", text=text) for text in texts]


def texts(events: Sequence[Event]) -> list[str]:
    """Return the transcript's lines."""
    return [line.text for line in Transcript().lines(events)]


def test_a_long_repeat_is_shown_and_then_counted() -> None:
    """The first few lines say what it is; the last line how often, until when, and how it was in the end."""
    lines = texts(numbered(reads(50)))
    assert [f"reads {number} from counter" for number in range(3)] == lines[:3]
    assert ["47 more like this, the last at 0.050 s: reads 49 from counter"] == lines[3:]


def test_a_short_repeat_is_shown_in_full() -> None:
    """A line that counts a few others would say less than they do."""
    assert [f"reads {number} from counter" for number in range(12)] == texts(numbered(reads(12)))
    assert 4 == len(texts(numbered(reads(13))))


def test_two_that_take_turns_are_folded_each() -> None:
    """That another process did something in between does not make it less of a repeat."""
    turns = [each for pair in zip(reads(30, "A"), reads(30, "B"), strict=True) for each in pair]
    lines = list(Transcript().lines(numbered(turns)))
    assert 6 + 2 == len(lines)
    assert ["A", "B"] == [line.process for line in lines[6:]]
    assert [line.t for line in lines] == sorted(line.t for line in lines)


def test_what_is_printed_is_folded_where_only_numbers_differ() -> None:
    """Other words are other lines, and come where they were printed."""
    countdown = says(*(f"{number}..." for number in range(50, 0, -1)), "lift-off")
    lines = texts(numbered(countdown))
    assert ["| 48...", "47 more like this, the last at 0.050 s: | 1...", "| lift-off"] == lines[2:]
    assert 26 == len(texts(numbered(says(*"abcdefghijklmnopqrstuvwxyz"))))


def test_a_page_of_results_is_shown_in_full() -> None:
    """What a program prints may be what it is for: more of it is shown than of what it does."""
    results = [f"| {number} squared is {number**2}" for number in range(43)]
    assert results == texts(numbered(says(*(each[2:] for each in results))))
    assert 4 == len(texts(numbered(says(*(each[2:] for each in results), "43 squared is 1849"))))


def test_after_something_else_the_first_are_shown_again() -> None:
    """A process that starts, ends or fails divides what was before it from what is after it."""
    events = [*reads(20), event("process.finished", "Other"), *reads(20)]
    lines = texts(numbered(events))
    assert 4 + 1 + 4 == len(lines)
    assert lines[3].startswith("17 more like this")
    assert "reads 0 from counter" == lines[5]


def test_the_answers_of_a_repeat_are_told_apart() -> None:
    """That a queue is no longer empty is something new."""
    asked = [event("queue.empty", queue="tasks", call="empty", empty=empty) for empty in [True] * 3 + [False]]
    assert 2 == len(texts(numbered(asked)))


def test_an_error_is_never_folded() -> None:
    """Each has its line, however many there are."""
    dropped = [event("queue.item_dropped", item_id=f"{number}") for number in range(30)]
    assert 30 == len(texts(numbered(dropped)))


def test_what_is_shown_does_not_depend_on_the_batches() -> None:
    """A machine that is slower shows the same lines."""
    events = numbered([*reads(40), *says("x"), *reads(40, "B")])
    one, by_one = Transcript(), Transcript()
    lines = [each for at in events for each in by_one.lines([at], more=True)]
    assert [*one.lines(events)] == [*lines, *by_one.rest()]


def test_nothing_is_held_back_for_long() -> None:
    """Who watches a program that prints for ever sees that it goes on."""
    transcript = Transcript()
    events = numbered(reads(400), 1 / 64)
    shown = [line.text for line in transcript.lines(events, more=True)]
    assert ["64 more like this, the last at 1.047 s: reads 66 from counter"] == shown[3:4]
    assert 3 + 6 == len(shown)
    assert [] == list(transcript.overdue(388 / 64 + 0.9))
    assert ["13 more like this, the last at 6.250 s: reads 399 from counter"] == [
        line.text for line in transcript.overdue(388 / 64 + 1)
    ]


def test_what_comes_slowly_is_shown_as_it_comes() -> None:
    """A countdown by the second is not held back."""
    lines = Transcript().lines(numbered(reads(30), 0.2), more=True)
    assert [f"reads {number} from counter" for number in range(30)] == [line.text for line in lines]


def test_the_terminal_shows_what_is_held_back() -> None:
    """When nothing else comes, and at the end of a log that breaks off."""
    stream = io.StringIO()
    view = ConsoleView(stream)
    view.write(numbered(reads(20)))
    assert "more like this" not in stream.getvalue()
    view.tick(RunState(2.0, 30.0, ["Adder"], {}))
    assert 1 == stream.getvalue().count("17 more like this")
    view.write([as_event({**each, "seq": 100, "t": 2.1}) for each in reads(1)])
    view.close()
    assert stream.getvalue().endswith("reads 0 from counter\n")


_POOL = [
    *reads(2, "A"),
    *reads(2, "B"),
    *says("1", "2", "x"),
    *(event("queue.put", process, item=1, item_id="1") for process in "AB"),
    event("process.finished", "C"),
]


@given(st.lists(st.sampled_from(range(len(_POOL))), max_size=150), st.integers(1, 40), st.sampled_from([0.001, 0.1]))
def test_no_event_is_left_out_and_none_comes_twice(chosen: list[int], size: int, step: float) -> None:
    """Whatever the batches, each event is in one group; groups stand in the order of their first events."""
    events = numbered([_POOL[index] for index in chosen], step)
    fold = Folding()
    groups = [group for at in range(0, len(events), size) for group in fold.add(events[at : at + size])]
    groups += fold.rest()
    assert [each.seq for each in events] == sorted(each.seq for group in groups for each in group.events)
    firsts = [group.events[0].seq for group in groups]
    assert sorted(firsts) == firsts
    assert all(len({(type(each), each.process) for each in group.events}) == 1 for group in groups)


def test_a_program_that_prints_without_end_does_not_fill_the_memory() -> None:
    """Neither ever new lines nor ever the same one at one moment are kept for long."""
    fold = Folding()
    words = says(*(f"{chr(97 + at % 26)}{chr(97 + at // 26 % 26)}{chr(97 + at // 676)}" for at in range(5_000)))
    assert 5_000 == len([*fold.add(numbered(words, 1e-6))])
    assert len(fold._latest) <= folding._MOST_KINDS + 1
    groups = [*Folding().add(numbered(reads(25_000), 1e-6))]
    assert [1, 1, 1, 10_001, 10_001] == [len(group.events) for group in groups]


@pytest.mark.parametrize("kind", folding._ALIKE, ids=lambda kind: str(kind.__name__))
def test_each_kind_has_the_fields_by_which_it_is_compared(kind: type[Event]) -> None:
    """A field that was renamed would end the view with an error, but only in a run that has such an event."""
    assert set(folding._ALIKE[kind]) <= set(kind.__struct_fields__)
