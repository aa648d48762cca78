"""What each event is given when it takes its place in the log: here, its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from run_scenario.events.decoding.event_factory import EventFactory
from run_scenario.events.types import QueueClosed

_ANY_TIME = st.integers(0, 4 * 10**18)
_STEPS = st.lists(st.one_of(st.integers(0, 2 * 10**9), st.sampled_from([1, 999, 1_000, 999_999_999, 10**9, -5])))


@given(began=_ANY_TIME, wall=_ANY_TIME, steps=_STEPS)
def test_an_event_has_the_time_of_the_wall_clock(began: int, wall: int, steps: list[int]) -> None:
    """It is that of the run's beginning and what has gone by since, cut off to the microsecond; it never goes back."""
    events = EventFactory("run", "made", began, wall)
    t = began
    for step in [0, *steps]:
        t += step
        events.emit(t, "A", 12, QueueClosed(queue="tasks"))
    texts = [event.timestamp for event in events.take()]
    expected, latest, t = [], 0, began
    for step in [0, *steps]:
        t += step
        latest = max(latest, t)
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=(latest - began + wall) // 1000)
        expected.append(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    assert expected == texts
