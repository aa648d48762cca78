"""What is made of records of answers that were given again and again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory
from run_scenario.events.decoding.queues import QueueDecoder
from run_scenario.events.decoding.shared import SharedDecoder
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.encoding import as_mapping, line_of
from run_scenario.recording.streams import Content
from run_scenario.scenario.model import QueueSpec, SharedSpec

SECOND = 1_000_000_000
A: Any = SimpleNamespace(name="A", pid=12)
B: Any = SimpleNamespace(name="B", pid=13)


@pytest.fixture
def events() -> EventFactory:
    """Return what makes the events of a run that began at 0."""
    return EventFactory("run", "made", 0, 0)


@pytest.fixture
def shared(events: EventFactory) -> SharedDecoder:
    """Return a decoder of one Value."""
    return SharedDecoder((SharedSpec(name="flag", type="Value", typecode="i"),), events)


def test_many_answers_are_one_event(events: EventFactory, shared: SharedDecoder) -> None:
    """It has its place and time by the first; how often, and until when, stand in it."""
    shared.on_value_read(A, 1 * SECOND, 0, 0, 7, 0, 1_000, 3 * SECOND)
    (event,) = map(as_mapping, events.take())
    assert ("value.read", 1.0, 1, 7, 1_000, 3.0) == tuple(
        event[key] for key in ("event", "t", "seq", "content", "times", "until")
    )


def test_one_answer_is_as_ever(events: EventFactory, shared: SharedDecoder) -> None:
    """An answer that was given once does not say so."""
    shared.on_value_read(A, 1 * SECOND, 0, 0, 7, 0, 1, 1 * SECOND)
    (event,) = events.take()
    assert b'"times"' not in line_of(event)
    assert not {"times", "until"} & as_mapping(event).keys()


def test_what_was_recorded_before_it(events: EventFactory, shared: SharedDecoder) -> None:
    """A content that needs a record of its own is looked up, also for the continuations."""
    content = Content(5)
    shared.on_content(A, 0, 5, "0:2", [1, 2])
    for t in (1, 2):
        shared.on_array_read(A, t * SECOND, 0, 0, content, 0, 10, t * SECOND)
    assert [[1, 2], [1, 2]] == [as_mapping(event)["content"] for event in events.take()]
    assert {} == shared._contents


@pytest.mark.parametrize(
    ("until", "written", "is_lost"),
    [
        (1, 8, True),  # it was never seen
        (3, 8, True),  # an answer that is not what was written was given before, whatever the time says
        (3, 7, False),  # what was read last may well be what was written
        (1, 7, False),
    ],
)
def test_whether_an_update_was_lost(
    events: EventFactory, shared: SharedDecoder, until: int, written: int, is_lost: bool
) -> None:
    """What was written while somebody read again and again is lost if he cannot have seen it."""
    shared.on_value_read(A, 1 * SECOND, 0, 0, 7, 0, 100, until * SECOND)
    shared.on_value_written(B, 2 * SECOND, 0, 0, written, 0)
    shared.on_value_written(A, 4 * SECOND, 0, 0, 9, 0)
    assert is_lost == any(isinstance(event, types.ValueOverwritten) for event in events.take())


def test_who_looked_until_after_a_put_did_not_look_before_it(events: EventFactory) -> None:
    """A queue that was asked again and again was not found empty only before anything was put."""
    queues, book = QueueDecoder((QueueSpec(name="q"),), events), FactBook()
    events.emit_with(1 * SECOND, "A", 12, queues.on_empty(A, 1 * SECOND, 0, True, False), (100, 5 * SECOND))
    events.emit(3 * SECOND, "B", 13, queues.on_put(B, 3 * SECOND, 0, 1, 1, 0))
    book.note(events.take())
    look = book.last_look("q", "A")
    assert look is not None
    assert (1, 0) == (look.put, look.got)


def test_who_looked_until_before_a_put(events: EventFactory) -> None:
    """That it had found nothing before the first put stands."""
    queues, book = QueueDecoder((QueueSpec(name="q"),), events), FactBook()
    events.emit_with(1 * SECOND, "A", 12, queues.on_empty(A, 1 * SECOND, 0, True, False), (100, 2 * SECOND))
    events.emit(3 * SECOND, "B", 13, queues.on_put(B, 3 * SECOND, 0, 1, 1, 0))
    book.note(events.take())
    look = book.last_look("q", "A")
    assert look is not None
    assert (0, 0) == (look.put, look.got)
