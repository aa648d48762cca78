"""Lines of a log read as the types of their events, those of other versions and damaged ones included."""

from __future__ import annotations

from typing import Any

import pytest
from example_events import NAMES, event

from run_scenario.events.encoding import as_event, as_mapping
from run_scenario.events.history.history import read
from run_scenario.events.types import Event, ProcessExited, ScenarioFinished, ScenarioStalled

DAMAGE: list[Any] = [None, 7, -1, 2.5, "text", "\ud800", True, [], [7], {}, {"a": 1}, 10**40]
"""What may stand in the fields of an event, whatever they are."""


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_is_what_was_written(name: str) -> None:
    """A line that is as the schema says gives all its fields back."""
    line = event(name)
    assert line == {key: value for key, value in as_mapping(as_event(line)).items() if key in line}
    assert name == type(as_event(line)).__struct_config__.tag


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_line_is_read_as_far_as_it_goes(name: str) -> None:
    """Whatever stands in its own fields, an event keeps its name, its process and its time, and a history takes it."""
    whole = event(name, t=1.5)
    own = set(whole) - {"event", "level", "timestamp", "t", "seq", "run", "scenario", "process", "pid", "n"}
    for value in DAMAGE:
        line = {**whole, **dict.fromkeys(own, value)}
        damaged = as_event(line)
        assert (name, whole["process"], 1.5) == (type(damaged).__struct_config__.tag, damaged.process, damaged.t), value
        assert 2 == read([whole, line]).events, value


def test_what_a_log_lacks_is_not_claimed() -> None:
    """An end of which nothing is known has not passed, and is no failure; texts that are unknown stay as they are."""
    bare = {"t": 1.0, "seq": 1, "run": "r", "process": "A"}
    end = as_event({**bare, "event": "scenario.finished"})
    assert isinstance(end, ScenarioFinished)
    assert ("", False) == (end.outcome, read([{**bare, "event": "scenario.finished"}]).passed)
    exited = as_event({**bare, "event": "process.exited", "cause": "of a later version"})
    assert isinstance(exited, ProcessExited)
    assert ("of a later version", True, None) == (exited.cause, exited.allowed, exited.exitcode)


def test_parts_of_an_event_are_read_as_far_as_they_go() -> None:
    """A process of a deadlock that lacks fields keeps those that it has."""
    stalled = as_event(event("scenario.stalled", processes=[{"process": "A", "state": "waiting", "queue": "tasks"}, 7]))
    assert isinstance(stalled, ScenarioStalled)
    assert [("A", "tasks", None), ("", None, None)] == [(p.process, p.queue, p.resource) for p in stalled.processes]


def test_an_unknown_event_has_what_all_have() -> None:
    """An event of a later version is one that happened, at its time, to its process."""
    found = as_event({**event("queue.put", "A", t=3.0), "event": "queue.peeked"})
    assert (Event, "A", 3.0) == (type(found), found.process, found.t)
