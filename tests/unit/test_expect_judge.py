"""The judge as a whole: one pass, in memory that does not grow with the log; what is implied."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from expecting import expectations, log
from run_scenario.events.encoding import as_event, as_mapping
from run_scenario.expect import Judge
from run_scenario.expect.judge import implied
from run_scenario.expect.observer import OBSERVERS
from run_scenario.scenario.expectations import PATTERNS

ALL = """
- exists: {event: process.exited}
- absent: {event: process.failed}
- {count: {event: queue.get}, at_least: 1}
- order: [{event: queue.put, item: 1}, {event: queue.get, item: {more_than: 5}}]
- precedes: [{event: queue.put}, {event: queue.get}]
- {leads_to: [{event: queue.put}, {event: queue.get}], same: item_id, within: 5}
- {happens_before: [{event: queue.put}, {event: queue.get}]}
- overlap: [A, C]
- mutual_exclusion: gate
- mutual_exclusion: {from: {event: queue.put}, to: {event: queue.get}}
- conserved: q
- fifo: q
- exitcodes: {A: 0}
- {distribution: {event: queue.get}, at_least: 1}
- {duration: A, at_most: 1000000}
- all_of: [{exists: {event: queue.get}}, {absent: {event: queue.left_over}}]
- {exists: {event: queue.put}, between: [{event: lock.acquired}, {event: lock.released}]}
- {absent: {event: queue.closed}, after: {event: queue.put}}
"""


def traffic(count: int) -> Iterator[dict[str, Any]]:
    """Yield a long log, event by event."""
    line = 0
    for number in range(1, count + 1):
        for process, event, fields in (
            ("C", "lock.acquired", {"lock": "gate", "waited": 0.0}),
            ("A", "queue.put", {"queue": "q", "item_id": number, "item": number}),
            ("C", "lock.released", {"lock": "gate", "owner": "C"}),
            ("A", "queue.get", {"queue": "q", "item_id": number, "item": number}),
        ):
            line += 1
            yield {"event": event, "seq": line, "t": line * 0.001, "process": process, "pid": 1, "n": line, **fields}


def growth(count: int) -> int:
    """Return by how many bytes memory has grown when so many rounds have been judged, with every pattern watching."""
    judge = Judge(expectations(ALL))
    judge.take(traffic(500))  # what is made once is made
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    judge.take(traffic(count))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown


@pytest.mark.campaign
def test_memory_does_not_grow() -> None:
    """Ten times as many events leave hardly more behind; other threads of the tests may take some at the same time."""
    few, many = (min(growth(count) for _ in range(2)) for count in (500, 5_000))
    assert many < few + 100_000


def test_events_that_come_of_judging_are_passed_over() -> None:
    """A log that has been judged before is judged as if it had not."""
    (absent,) = expectations("- absent: {process: run-scenario}")
    judge = Judge([absent])
    judge.take(log(("run-scenario", "expectation.failed"), ("run-scenario", "scenario.finished")))
    assert ["passed"] == [v.result for v in judge.finish(True)]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("- exists: {event: process.exited}", 4),
        ("- exists: {event: queue.items_lost}", 3),
        ("- absent: {event: queue.items_lost}", 3),
        ("- any_of: [{exists: {event: queue.left_over}}, {exists: {event: queue.item_dropped}}]", 2),
        ("- exists: {event: {one_of: [process.orphaned, queue.left_over]}}", 2),
        ("- not: {no_orphans: true}", 3),
    ],
)
def test_what_an_expectation_speaks_of_does_not_go_without_saying(text: str, left: int) -> None:
    """Whatever it says of the event, it is its own matter from then on."""
    assert left == len(implied(expectations(text)))


def test_what_goes_without_saying_is_told_only_if_violated() -> None:
    """There is no verdict on it otherwise."""
    assert [] == Judge([]).finish(True)
    judge = Judge([])
    judge.take(log(("A", "queue.items_lost", {"queue": "q", "count": 2})))
    (verdict,) = judge.finish(True)
    assert ("failed", None) == (verdict.result, verdict.expectation.where)


def test_every_pattern_has_an_observer() -> None:
    """What can be written can be judged, and nothing else is registered."""
    assert set(PATTERNS) == set(OBSERVERS)


UNENDED = "- {duration: {from: {event: queue.put, item: 20}, to: {event: queue.closed}}, at_most: 5}"


@pytest.mark.parametrize("text", [*ALL.strip().split("\n"), UNENDED])
def test_types_are_judged_as_lines_are(text: str) -> None:
    """While a run goes on, its events come as types; what comes of judging them is what comes of judging its log."""
    lines = [as_mapping(as_event(line)) for line in traffic(20)]
    lines.append(
        {**lines[-1], "event": "process.output", "t": 9_000_000.0, "stream": "stdout", "text": "", "via": "print"}
    )
    from_lines, from_types = Judge(expectations(text)), Judge(expectations(text))
    from_lines.take(lines)
    for line in lines:
        from_types.take_types([as_event(line)])
    assert from_lines.finish(True) == from_types.finish(True)
    assert from_lines.finish(False) == from_types.finish(False)


def test_names_that_a_loader_has_checked() -> None:
    """In a scenario, that somebody takes no part can be meant; what an expectation is about has to, all the same."""
    expected = expectations("- absent: {event: process.started, process: C}\n- conserved: q")
    for names_are_checked, results in ((True, ["passed", "inconclusive"]), (False, ["inconclusive", "inconclusive"])):
        judge = Judge(expected, names_are_checked=names_are_checked)
        judge.take(log(("A", "process.started")))
        assert results == [verdict.result for verdict in judge.finish(True)]


@pytest.mark.parametrize(
    ("event", "because"),
    [
        (("P", "queue.items_lost", {"queue": "q", "count": 1}), "not all that was put on a queue arrived"),
        (
            ("MainProcess", "queue.left_over", {"queue": "q", "count": 2, "pills": 2, "items": [None, None]}),
            "not every poison pill was taken",
        ),
    ],
)
def test_what_is_implied_is_said_of_any_number(event: Any, because: str) -> None:
    """How many there were stands in the event; the sentence before it is the same for one and for many."""
    judge = Judge([])
    judge.take(log(event))
    (verdict,) = judge.finish(True)
    assert verdict.expectation.because.startswith(because)
