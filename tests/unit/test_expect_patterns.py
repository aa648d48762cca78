"""Each pattern of expectations: what passes, what fails, what cannot be decided, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest
from example_events import event

from expecting import expectations, judge, log
from run_scenario import EventLog
from run_scenario.expect.judge import Judge
from run_scenario.scenario.expectations import PATTERNS, Condition

X, Y, Z = ("A", "process.finished"), ("B", "process.finished"), ("C", "process.finished")
IS_X, IS_Y, IS_Z = (f"{{event: process.finished, process: {name}}}" for name in "ABC")
PUT1, PUT2, PUT3 = (("A", "queue.put", {"queue": "q", "item_id": n, "item": n}) for n in (1, 2, 3))
GET1, GET2, GET3 = (("B", "queue.get", {"queue": "q", "item_id": n, "item": n}) for n in (1, 2, 3))
LEFT = ("MainProcess", "queue.left_over", {"queue": "q", "count": 1, "pills": 0, "items": [3]})
UNREADABLE = ("B", "queue.get_failed", {"queue": "q", "item_id": 1})
LOST = ("A", "queue.items_lost", {"queue": "q", "count": 2})


def took(process: str, kind: str = "lock", name: str = "gate") -> tuple[Any, Any]:
    """Return the events with which a process acquires and releases a lock or a semaphore."""
    return (process, f"{kind}.acquired", {kind: name}), (process, f"{kind}.released", {kind: name})


def life(process: str, code: int = 0) -> tuple[Any, Any]:
    """Return the beginning and the end of a process."""
    return (process, "process.started"), (process, "process.exited", {"exitcode": code, "reason": "so it is"})


(IN_A, OUT_A), (IN_B, OUT_B) = took("A"), took("B")
(SIT_A, RISE_A), (SIT_B, _) = took("A", "semaphore", "seats"), took("B", "semaphore", "seats")
OUT_FOR_A = ("B", "lock.released", {"lock": "gate", "owner": "A"})
RISE_FOR_A = ("B", "semaphore.released", {"semaphore": "seats", "owner": "A"})
SIGNAL = ("B", "semaphore.released", {"semaphore": "seats", "owner": None})
GONE_A = ("A", "semaphore.abandoned", {"semaphore": "seats"})
(BEGIN_A, END_A), (BEGIN_B, END_B), (BEGIN, END) = life("A"), life("B", 3), life("MainProcess")
AGAIN_B = ("B", "process.restarting", {"attempt": 1})

POLLED = ("A", "event.is_set", {"flag": "go", "answer": False, "times": 5, "until": 9.0})
ASKED = ("A", "event.is_set", {"flag": "go", "answer": False})
LIVES = "{from: {event: process.started}, to: {event: process.exited}}"

CASES: list[tuple[str, list[Any], str, str]] = [
    # expectation, log, verdict if the log has its end, verdict if it was cut short
    (f"- exists: {IS_X}", [Y, X], "passed", "passed"),
    (f"- exists: {IS_X}", [Y], "failed", "inconclusive"),
    (f"- absent: {IS_X}", [BEGIN_A, Y], "passed", "inconclusive"),
    (f"- absent: {IS_X}", [Y], "inconclusive", "inconclusive"),
    (f"- absent: {IS_X}", [Y, X], "failed", "failed"),
    ("- {count: {event: process.finished}, is: 2}", [X, Y], "passed", "inconclusive"),
    ("- {count: {event: process.finished}, is: 2}", [X], "failed", "inconclusive"),
    ("- {count: {event: process.finished}, is: 1}", [X, Y], "failed", "failed"),
    ("- {count: {event: process.finished}, at_least: 1}", [X, Y], "passed", "passed"),
    ("- {count: {event: process.finished}, at_least: 3}", [X, Y], "failed", "inconclusive"),
    ("- {count: {event: process.finished}, at_most: 1}", [X, Y], "failed", "failed"),
    ("- {count: {event: process.finished}, at_most: 2}", [X, Y], "passed", "inconclusive"),
    (f"- order: [{IS_X}, {IS_Y}]", [X, Z, Y], "passed", "passed"),
    (f"- order: [{IS_X}, {IS_Y}]", [Y, X], "failed", "inconclusive"),
    (f"- order: [{IS_X}, {IS_X}]", [X], "failed", "inconclusive"),
    (f"- precedes: [{IS_X}, {IS_Y}]", [X, Y], "passed", "inconclusive"),
    (f"- precedes: [{IS_X}, {IS_Y}]", [Y, X], "failed", "failed"),
    (f"- precedes: [{IS_X}, {IS_Y}]", [BEGIN_A, BEGIN_B, Z], "passed", "inconclusive"),
    (f"- precedes: [{IS_X}, {IS_Y}]", [BEGIN_A, Z], "inconclusive", "inconclusive"),
    ("- {precedes: [{event: queue.put}, {event: queue.get}], same: item_id}", [PUT1, GET1], "passed", "inconclusive"),
    ("- {precedes: [{event: queue.put}, {event: queue.get}], same: item_id}", [PUT1, GET2], "failed", "failed"),
    (f"- leads_to: [{IS_X}, {IS_Y}]", [X, Y], "passed", "inconclusive"),
    (f"- leads_to: [{IS_X}, {IS_Y}]", [X, Y, X], "failed", "inconclusive"),
    (f"- leads_to: [{IS_X}, {IS_Y}]", [BEGIN_A, BEGIN_B, Z], "passed", "inconclusive"),
    (f"- leads_to: [{IS_X}, {IS_Y}]", [BEGIN_B, Z], "inconclusive", "inconclusive"),
    (f"- {{leads_to: [{IS_X}, {IS_Y}], within: 0.15}}", [X, Y], "passed", "inconclusive"),
    (f"- {{leads_to: [{IS_X}, {IS_Y}], within: 0.15}}", [X, Z, Y], "failed", "failed"),
    (f"- {{leads_to: [{IS_X}, {IS_Y}], within: 0.15}}", [X, Z, Z], "failed", "failed"),
    ("- {leads_to: [{event: queue.put}, {event: queue.get}], same: item_id}", [PUT1, GET1], "passed", "inconclusive"),
    ("- {leads_to: [{event: queue.put}, {event: queue.get}], same: item_id}", [PUT1, GET2], "failed", "inconclusive"),
    ("- overlap: [A, B]", [BEGIN_A, BEGIN_B, END_A, END_B], "passed", "passed"),
    ("- overlap: [A, B]", [BEGIN_A, END_A, BEGIN_B, END_B], "failed", "inconclusive"),
    ("- overlap: [A, B]", [BEGIN_A, END_A], "failed", "inconclusive"),
    ("- overlap: [A, B]", [BEGIN_A, BEGIN_B, X], "passed", "passed"),
    ("- not: {overlap: [A, B]}", [BEGIN_A, BEGIN_B, END_A, END_B], "failed", "failed"),
    ("- not: {overlap: [A, B]}", [BEGIN_A, END_A, BEGIN_B, END_B], "passed", "inconclusive"),
    ("- mutual_exclusion: gate", [IN_A, OUT_A, IN_B, OUT_B], "passed", "inconclusive"),
    ("- mutual_exclusion: gate", [IN_A, OUT_FOR_A, IN_B, OUT_B], "passed", "inconclusive"),
    ("- mutual_exclusion: gate", [IN_A, IN_A, OUT_A, IN_B], "failed", "failed"),
    ("- mutual_exclusion: gate", [X], "inconclusive", "inconclusive"),
    (f"- mutual_exclusion: {LIVES}", [X], "inconclusive", "inconclusive"),
    ("- mutual_exclusion: gate", [IN_A, IN_B, OUT_A, OUT_B], "failed", "failed"),
    (f"- mutual_exclusion: {LIVES}", [BEGIN_A, BEGIN_B], "failed", "failed"),
    (f"- mutual_exclusion: {LIVES}", [BEGIN_A, END_A, BEGIN_B], "passed", "inconclusive"),
    (f"- {{concurrency: {LIVES}, at_most: 1}}", [BEGIN_A, END_A, BEGIN_B], "passed", "inconclusive"),
    (f"- {{concurrency: {LIVES}, at_most: 1}}", [BEGIN_A, BEGIN_B, END_A], "failed", "failed"),
    (f"- {{concurrency: {LIVES}, is: 2}}", [BEGIN_A, BEGIN_B, END_A, BEGIN], "passed", "inconclusive"),
    (f"- {{concurrency: {LIVES}, at_least: 2}}", [BEGIN_A, BEGIN_B, END_A], "passed", "passed"),
    (f"- {{concurrency: {LIVES}, at_least: 2}}", [BEGIN_A, END_A, BEGIN_B], "failed", "inconclusive"),
    ("- {concurrency: seats, at_most: 1}", [SIT_A, RISE_A, SIT_B], "passed", "inconclusive"),
    ("- {concurrency: seats, at_most: 1}", [SIT_A, SIT_B, RISE_A], "failed", "failed"),
    ("- {concurrency: seats, at_most: 1}", [X], "inconclusive", "inconclusive"),
    # One process has two seats, and gives one back; it dies in one; somebody else gives it back.
    ("- {concurrency: seats, at_most: 1}", [SIT_A, SIT_A, RISE_A, SIT_B], "failed", "failed"),
    ("- {concurrency: seats, at_most: 1}", [SIT_A, SIT_A, RISE_A, RISE_A, SIT_B], "passed", "inconclusive"),
    ("- {concurrency: seats, at_least: 2}", [SIT_A, SIT_A, GONE_A, SIT_B], "failed", "inconclusive"),
    ("- {concurrency: seats, at_least: 2}", [SIT_A, RISE_FOR_A, SIT_B], "inconclusive", "inconclusive"),
    ("- {concurrency: seats, at_most: 2}", [SIGNAL, SIT_A, SIT_B], "inconclusive", "inconclusive"),
    ("- conserved: q", [PUT1, PUT2, UNREADABLE, GET2], "failed", "failed"),
    ("- conserved: q", [PUT1, GET1, PUT2, GET2], "passed", "inconclusive"),
    ("- conserved: q", [PUT1, GET1, PUT3, LEFT], "passed", "inconclusive"),
    ("- conserved: q", [PUT1], "failed", "inconclusive"),
    ("- conserved: q", [X], "inconclusive", "inconclusive"),
    ("- fifo: q", [X], "inconclusive", "inconclusive"),
    ("- conserved: q", [PUT1, GET1, GET1], "failed", "failed"),
    ("- conserved: q", [GET2], "failed", "failed"),
    ("- conserved: q", [PUT1, PUT2, LOST], "failed", "failed"),
    ("- fifo: q", [PUT1, PUT2, GET1, GET2], "passed", "inconclusive"),
    ("- fifo: q", [PUT1, PUT2, GET2, GET1], "failed", "failed"),
    ("- exitcodes: {A: 0, B: 3}", [END_A, END_B], "passed", "passed"),
    ("- exitcodes: {A: 0, B: [0, 3]}", [END_A, END_B], "passed", "passed"),
    ("- exitcodes: {A: 0, B: 0}", [END_A, END_B], "failed", "failed"),
    ("- exitcodes: {A: 0, B: 3}", [END_A], "failed", "inconclusive"),
    ("- exitcodes: {B: 0}", [END_B, AGAIN_B, life("B")[1]], "passed", "passed"),
    ("- exitcodes: {B: 0}", [END_B, AGAIN_B], "failed", "inconclusive"),
    ("- exitcodes: {B: 0}", [life("B")[1], AGAIN_B, END_B], "failed", "failed"),
    ("- {count: {event: event.is_set}, is: 6}", [POLLED, ASKED], "passed", "inconclusive"),
    ("- {count: {event: event.is_set}, at_most: 4}", [POLLED], "failed", "failed"),
    ("- {count: {event: event.is_set}, at_least: 5}", [POLLED], "passed", "passed"),
    ("- {distribution: {event: event.is_set}, of: {A: 6}}", [POLLED, ASKED], "passed", "inconclusive"),
    ("- {distribution: {event: event.is_set}, at_most: 5}", [POLLED, ASKED], "failed", "failed"),
    ("- {distribution: {event: process.finished}, is: 1}", [X, Y], "passed", "inconclusive"),
    ("- {distribution: {event: process.finished}, is: 1}", [X, Y, X], "failed", "failed"),
    (
        "- {distribution: {event: process.finished}, of: {A: 2, C: {at_most: 0}}}",
        [X, Y, X, ("C", "process.started")],
        "passed",
        "inconclusive",
    ),
    ("- {distribution: {event: queue.get}, of: {A: {at_most: 0}}}", [X], "passed", "inconclusive"),
    ("- {distribution: {event: queue.get}, of: {A: {at_most: 0}}}", [Y], "inconclusive", "inconclusive"),
    ("- {distribution: {event: process.finished}, of: {A: 2, C: {at_least: 1}}}", [X, Y, X], "failed", "inconclusive"),
    ("- {distribution: {event: process.finished}, workers: 2}", [X, Y, X], "passed", "inconclusive"),
    ("- {distribution: {event: process.finished}, workers: 2}", [X], "failed", "inconclusive"),
    ("- {distribution: {event: process.finished}, at_most: 2}", [], "failed", "inconclusive"),
    ("- {duration: A, at_most: 0.3}", [BEGIN_A, Z, END_A], "passed", "inconclusive"),
    ("- {duration: A, at_most: 0.1}", [BEGIN_A, Z, END_A], "failed", "failed"),
    ("- {duration: A, at_most: 0.1}", [BEGIN_A, Z, Z], "failed", "failed"),
    ("- {duration: A, at_least: 0.1}", [BEGIN_A, Z, Z], "failed", "inconclusive"),
    ("- {duration: A, at_least: 0.1}", [Z], "failed", "inconclusive"),
    ("- {duration: run, at_most: 0.3}", [BEGIN, Z, END], "passed", "inconclusive"),
    ("- {duration: run, at_least: 0.3}", [BEGIN, Z, END], "failed", "failed"),
    ("- {duration: run, at_least: 0.3}", [BEGIN, Z], "failed", "inconclusive"),
    ("- {duration: run, at_most: 0.05}", [BEGIN, Z], "failed", "failed"),
    ("- no_orphans: true", [X], "passed", "inconclusive"),
    ("- no_orphans: true", [("x", "process.orphaned")], "failed", "failed"),
    (f"- all_of: [{{exists: {IS_X}}}, {{exists: {IS_Y}}}]", [X, Y], "passed", "passed"),
    (f"- all_of: [{{exists: {IS_X}}}, {{exists: {IS_Y}}}]", [X], "failed", "inconclusive"),
    (f"- all_of: [{{exists: {IS_X}}}, {{absent: {IS_Y}}}]", [Y], "failed", "failed"),
    (f"- any_of: [{{exists: {IS_X}}}, {{exists: {IS_Y}}}]", [Y], "passed", "passed"),
    (f"- any_of: [{{exists: {IS_X}}}, {{exists: {IS_Y}}}]", [Z], "failed", "inconclusive"),
    (f"- any_of: [{{absent: {IS_X}}}, {{absent: {IS_Y}}}]", [X, Y], "failed", "failed"),
    (f"- not: {{exists: {IS_X}}}", [BEGIN_A, Z], "passed", "inconclusive"),
    (f"- not: {{exists: {IS_X}}}", [Z], "inconclusive", "inconclusive"),
    (f"- not: {{any_of: [{{exists: {IS_X}}}]}}", [Z], "inconclusive", "inconclusive"),
    (f"- any_of: [{{absent: {IS_X}}}, {{exists: {IS_Z}}}]", [Z], "passed", "passed"),
    ("- absent: {event: queue.get, queue: q}", [PUT1], "passed", "inconclusive"),
    ("- absent: {event: queue.get, queue: q}", [X], "inconclusive", "inconclusive"),
    (f"- not: {{exists: {IS_X}}}", [X], "failed", "failed"),
    (f"- {{exists: {IS_X}, after: {IS_Y}}}", [Y, X], "passed", "passed"),
    (f"- {{exists: {IS_X}, after: {IS_Y}}}", [X, Y], "failed", "inconclusive"),
    (f"- {{exists: {IS_X}, after: {IS_Y}}}", [X], "inconclusive", "inconclusive"),
    (f"- {{absent: {IS_X}, after: {IS_Y}}}", [X, Y], "passed", "inconclusive"),
    (f"- {{exists: {IS_X}, before: {IS_Y}}}", [X, Y], "passed", "passed"),
    (f"- {{exists: {IS_X}, before: {IS_Y}}}", [Y, X], "failed", "failed"),
    (f"- {{exists: {IS_X}, before: {IS_Y}}}", [X], "inconclusive", "inconclusive"),
    (f"- {{exists: {IS_X}, between: [{IS_Y}, {IS_Z}]}}", [Y, X, Z, Y, X, Z], "passed", "passed"),
    (f"- {{exists: {IS_X}, between: [{IS_Y}, {IS_Z}]}}", [Y, X, Z, Y, Z], "failed", "failed"),
    (f"- {{exists: {IS_X}, between: [{IS_Y}, {IS_Z}]}}", [Y, X, Z, Y], "passed", "inconclusive"),
    (f"- {{exists: {IS_X}, between: [{IS_Y}, {IS_Z}]}}", [Y, X], "inconclusive", "inconclusive"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "events", "whole", "cut_short"), CASES)
def test_a_verdict(text: str, events: list[Any], whole: str, cut_short: str) -> None:
    """Each has the verdict that its definition gives it, on a log with its end and on one that was cut short."""
    assert whole == judge(text, log(*events)).result
    assert cut_short == judge(text, log(*events), complete=False).result


PATTERNS_SEEN = {(text.split(":")[0].strip("- {"), verdict) for text, _, *both in CASES for verdict in both}


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if pattern != "happens_before"])
@pytest.mark.parametrize("verdict", ["passed", "failed", "inconclusive"])
def test_the_cases_are_complete(pattern: str, verdict: str) -> None:
    """Each pattern is seen with each verdict above; happens_before is, in test_expect_clocks.py."""
    assert (pattern, verdict) in PATTERNS_SEEN


REASONS = [
    (
        f"- exists: {IS_X}",
        [Y],
        "there is no process.finished with process 'A'; the nearest is process.finished (event 1), but its process is "
        "'B'; 'A' never took part: there is no event of it",
        [1],
    ),
    (
        "- exists: {event: process.exited, process: A, exitcode: 3}",
        [END_A, END_B],
        "there is no process.exited with process 'A', exitcode 3; the nearest is process.exited (event 1), but its "
        "exitcode is 0",
        [1],
    ),
    (f"- absent: {IS_X}", [Y, X], "there is process.finished with process 'A' (event 2)", [2]),
    (
        "- {count: {event: process.finished}, is: 1}",
        [X, Y],
        "2 times process.finished, and it should be exactly 1",
        [1, 2],
    ),
    (
        "- {count: {event: queue.get, item: 2}, is: 1}",
        [PUT1, GET1],
        "0 times queue.get with item 2, and it should be exactly 1; the nearest is queue.get (event 2), but its "
        "item is 1",
        [2],
    ),
    (
        f"- order: [{IS_X}, {IS_Y}]",
        [Y, X],
        "number 2 of 2 is missing: there is no process.finished with process 'B' after event 2; there is one earlier: "
        "event 1",
        [1, 2],
    ),
    (
        f"- leads_to: [{IS_X}, {IS_Y}]",
        [Z, X],
        "process.finished with process 'A' (event 2) is followed by no process.finished with process 'B'; 'B' never "
        "took part: there is no event of it",
        [2],
    ),
    ("- mutual_exclusion: gate", [IN_A, IN_B], "A and B were in lock 'gate' at the same time", [1, 2]),
    (
        "- {concurrency: seats, less_than: 2}",
        [SIT_A, X, SIT_B],
        "semaphore 'seats': at the most 2 at the same time, and it should be less than 2",
        [1, 3],
    ),
    ("- conserved: q", [PUT1, PUT2, GET2], "queue 'q': of 2 put, 1 item was neither got nor left over", [1]),
    (
        "- fifo: q",
        [PUT1, PUT2, GET2, GET1],
        "queue 'q': B got item 1 of A after item 2, which was put later",
        [1, 2, 4],
    ),
    ("- exitcodes: {A: 0, B: 0}", [END_A, END_B], "B ended with exit code 3, not 0: so it is", [2]),
    (
        "- exitcodes: {D: 0}",
        [END_A],
        "no process 'D' has started; 'D' never took part: there is no event of it",
        [],
    ),
    ("- {duration: A, at_most: 0.1}", [BEGIN_A, Z, END_A], "A took 0.200 s, and it should be at most 0.1 s", [1, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "events", "reason", "evidence"), REASONS)
def test_a_reason(text: str, events: list[Any], reason: str, evidence: list[int]) -> None:
    """A failure says what was looked for and what was found instead, and shows the events."""
    verdict = judge(text, log(*events))
    assert ("failed", reason, evidence) == (verdict.result, verdict.reason, [e["seq"] for e in verdict.evidence])


def test_a_wrong_name_in_a_log() -> None:
    """Where there may be other processes than those of a file, the mistake is only seen in the log."""
    found = EventLog([*log(("Alice", *END_A[1:])), event("scenario.finished")]).exitcodes({"Alcie": 0})
    assert not found
    assert found.reason.endswith("'Alcie' never took part: there is no event of it; did you mean 'Alice'?")


@pytest.mark.parametrize("pattern", ["leads_to", "precedes", "happens_before"])
def test_what_never_happens_leads_to_nothing(pattern: str) -> None:
    """In a log without any lock it proves nothing; in a scenario, whose names are checked, that can be meant."""
    events = [*log(X), event("scenario.finished")]
    found = getattr(EventLog(events), pattern)({"event": "lock.acquired"}, {"event": "lock.released"})
    missing = "lock.acquired" if pattern == "leads_to" else "lock.released"
    assert ("inconclusive", f"there is no event '{missing}' at all") == (found.verdict.result, found.reason)
    text = f"- {pattern}: [{{event: lock.acquired}}, {{event: lock.released}}]"
    checked = Judge(expectations(text), names_are_checked=True)
    checked.take(events)
    assert ["passed"] == [verdict.result for verdict in checked.finish(True)]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("- absent: {event: process.failed, process: B}", "inconclusive"),
        ("- not: {exists: {event: process.failed, process: B}}", "inconclusive"),
        ("- not: {overlap: [A, B]}", "inconclusive"),
        ("- count: {event: process.failed, process: B}\n  is: 0", "inconclusive"),
        ("- absent: {event: process.failed, process: A}", "passed"),
        ("- absent: {event: process.started, process: B}", "passed"),
        ("- absent: {event: queue.put, queue: q}", "passed"),
    ],
)
def test_who_never_started_shows_nothing(text: str, verdict: str) -> None:
    """Also where its name is right: only that it never started may be meant."""
    checked = Judge(expectations(text), names_are_checked=True)
    checked.take([*log(X), event("scenario.finished")])
    assert [verdict] == [found.result for found in checked.finish(True)]


def stretch(first: str, last: str) -> str:
    """Return a stretch from one line of output to another, as YAML."""
    return (
        "{"
        + ", ".join(
            f"{edge}: {{event: process.output, text: {t}}}"
            for edge, t in zip(("from", "to"), (first, last), strict=True)
        )
        + "}"
    )


TYPO, A_IN, B_IN = stretch("A inn", "A out"), stretch("A in", "A out"), stretch("B in", "B out")
SAYS = [(who, "process.output", {"text": f"{who} {what}"}) for who in "AB" for what in ("in", "out")]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (f"- overlap: [{TYPO}, {B_IN}]", "failed"),
        (f"- not: {{overlap: [{A_IN}, {B_IN}]}}", "passed"),
        (f"- not: {{overlap: [{TYPO}, {B_IN}]}}", "inconclusive"),
        (f"- not: {{overlap: [{A_IN}, {TYPO}]}}", "inconclusive"),
        (f"- mutual_exclusion: {TYPO}", "inconclusive"),
        (f"- duration: {TYPO}\n  at_most: 1", "failed"),
        (f"- not: {{duration: {A_IN}, at_least: 1}}", "passed"),
        (f"- not: {{duration: {TYPO}, at_least: 1}}", "inconclusive"),
        ("- not: {distribution: {event: process.output, text: A inn}, at_least: 1}", "inconclusive"),
        ("- not: {distribution: {event: process.output, text: A inn}, workers: 2}", "inconclusive"),
        ("- not: {distribution: {event: process.output, text: A in}, at_least: 2}", "passed"),
        (f"- not: {{overlap: [{TYPO}, {B_IN}], after: {{event: process.started}}}}", "inconclusive"),
        (f"- not: {{any_of: [{{overlap: [{TYPO}, {B_IN}]}}, {{overlap: [{A_IN}, {B_IN}]}}]}}", "inconclusive"),
        (f"- not: {{all_of: [{{overlap: [{TYPO}, {B_IN}]}}, {{overlap: [{A_IN}, {B_IN}]}}]}}", "passed"),
        (f"- any_of: [{{not: {{overlap: [{TYPO}, {B_IN}]}}}}, {{overlap: [{A_IN}, {B_IN}]}}]", "inconclusive"),
        (f"- not: {{not: {{overlap: [{TYPO}, {B_IN}]}}}}", "inconclusive"),
    ],
)
def test_what_is_denied_of_a_stretch_that_never_came(text: str, verdict: str) -> None:
    """It proves nothing: `A inn` is a slip of the pen, as likely as not."""
    checked = Judge(expectations(text), names_are_checked=True)
    checked.take([*log(BEGIN_A, BEGIN_B, *SAYS), event("scenario.finished")])
    (found,) = checked.finish(True)
    assert verdict == found.result, found.reason
    if verdict == "inconclusive":
        assert "A inn" in found.reason


def test_a_later_stretch_shows_what_an_empty_one_does_not() -> None:
    """Between two events, each time: one time without anything to judge does not hide another that fails."""
    text = f"- not: {{overlap: [{A_IN}, {B_IN}], between: [{IS_X}, {IS_Y}]}}"
    for events, verdict in (([X, Y], "inconclusive"), ([X, Y, X, *SAYS, Y], "passed"), ([X, *SAYS, Y, X, Y], "passed")):
        assert verdict == judge(text, log(BEGIN_A, BEGIN_B, *events)).result


HIDDEN = {"queue": "q", "item_id": 1, "item": "<not recorded>"}
UNRECORDED = log(
    BEGIN_A,
    ("A", "queue.put", HIDDEN),
    ("A", "queue.put", {**HIDDEN, "item_id": 2}),
    ("B", "pool.called", {"arguments": ["<not recorded>"]}),
    ("B", "queue.get_failed", {**HIDDEN, "error": "TypeError: <not recorded>"}),
)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("- exists: {event: queue.put, item: 7}", "inconclusive"),
        ("- absent: {event: queue.put, item: 7}", "inconclusive"),
        ("- {count: {event: queue.put, item: {is_not: 7}}, is: 2}", "inconclusive"),
        ("- not: {exists: {event: queue.put, item: 7}}", "inconclusive"),
        ("- exists: {event: pool.called, arguments: {contains: 7}}", "inconclusive"),
        ("- exists: {event: queue.get_failed, error: {contains: bad}}", "inconclusive"),
        ("- {precedes: [{event: queue.put}, {event: queue.put}], same: [item]}", "inconclusive"),
        ("- exists: {event: queue.put, item: 7, process: B}", "failed"),
        ("- exists: {event: queue.put, item: 7, item_id: 3}", "failed"),
        ("- exists: {event: queue.put, item_id: 2}", "passed"),
        ("- exists: {event: queue.put, item: {present: true}}", "passed"),
    ],
)
def test_what_is_not_recorded_decides_nothing(text: str, result: str) -> None:
    """With --no-payloads, a condition on data neither holds nor does not; where another decides, that one does."""
    verdict = judge(text, UNRECORDED)
    assert result == verdict.result, verdict.reason
    assert (result == "inconclusive") == ("not recorded (--no-payloads)" in verdict.reason)


def test_a_condition_in_words() -> None:
    """A name that stands for one resource is not told as a choice."""
    for operand, words in (("a",), "queue 'a'"), (("a", "b"), "queue one of 'a', 'b'"):
        assert words == str(Condition("queue", "one_of", operand))


def test_a_lock_that_nobody_had() -> None:
    """A lock does not happen: nobody had it."""
    nothing = "nobody ever had lock 'gate': there is nothing to judge"
    assert (
        f"{nothing}; 'gate' never took part: there is no event of it"
        == judge("- mutual_exclusion: gate", log(X)).reason
    )
    near = log(("A", "lock.acquired", {"lock": "gates"}))
    assert judge("- mutual_exclusion: gate", near).reason.endswith("did you mean 'gates'?")


SHOWN = [
    ("- {count: {event: process.finished}, is: 6}", [X, Y, Z, X, Y, Z], [1, 2, 3, 6]),
    ("- {count: {event: process.finished}, at_least: 1}", [Y, Z], [1, 2]),
    ("- conserved: q", [PUT1, PUT2, GET1, PUT3, GET2, GET3], [1, 3, 4, 6]),
    ("- fifo: q", [PUT1, PUT2, GET1, PUT3, GET2, GET3], [1, 3, 4, 6]),
    ("- exitcodes: {A: 0}", [X, END_A], [2]),
    ("- {distribution: {event: process.finished}, at_least: 1}", [X, Y, X], [2, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "events", "evidence"), SHOWN)
def test_what_holds_is_shown_too(text: str, events: list[Any], evidence: list[int]) -> None:
    """Of what was counted, the first and the last events are the evidence: a report can show where they are."""
    verdict = judge(text, log(*events))
    assert ("passed", evidence) == (verdict.result, [each["seq"] for each in verdict.evidence])


E1 = ("A", "process.exited", {"exitcode": 0, "duration": 1.5, "reason": "all is well", "signal": None, "allowed": True})
MATCHES = [
    ("exitcode: 0", True),
    ("exitcode: {is_not: 0}", False),
    ("exitcode: {less_than: 1}", True),
    ("exitcode: {more_than: 0}", False),
    ("exitcode: {one_of: [0, 1]}", True),
    ("exitcode: {one_of: [1, 2]}", False),
    ("duration: {at_least: 1.5, at_most: 1.5}", True),
    ("duration: {at_least: 1, less_than: 1.5}", False),
    ("reason: {contains: is well}", True),
    ("reason: {matches: 'all*w?ll'}", True),
    ("reason: {matches: 'all'}", False),
    ("signal: null", True),
    ("signal: {present: true}", True),
    ("signal: {is_not: SIGTERM}", True),
    ("cpu_user: {present: false}", True),
    ("cpu_user: {is_not: 3}", False),
    ("cpu_user: {at_most: 3}", False),
    ("allowed: true", True),
    ("allowed: {is_not: true}", False),
]


@pytest.mark.parametrize(("condition", "expected"), MATCHES)
def test_a_condition(condition: str, expected: bool) -> None:
    """A field compares as its operator says; one that is not there is only ever not there."""
    verdict = judge(f"- exists: {{event: process.exited, {condition}}}", log(E1))
    assert ("passed" if expected else "failed") == verdict.result


@pytest.mark.parametrize(
    ("item", "condition", "expected"),
    [
        (1, "item: true", False),
        (True, "item: 1", False),
        (False, "item: {one_of: [0, 2]}", False),
        ([1], "item: {one_of: [a, 2]}", False),
        (1.0, "item: 1", True),
        ([1, [2]], "item: [1, [2]]", True),
        ([1, 2], "item: {contains: 2}", True),
        ({"a": 1}, "item: {is: {a: 1}}", True),
        ({"a": 1}, "item.a: 1", True),
        ({"a": {"b": 1}}, "item.a.b: {more_than: 0}", True),
        ("x" * 5000, "item: {matches: '*a*a*a*a*a*a*a*b'}", False),
    ],
)
def test_an_item(item: Any, condition: str, expected: bool) -> None:
    """Items compare as in JSON: true is not 1, but 1 is 1.0; a dot leads into a mapping; no pattern takes for ever."""
    events = log(("A", "queue.put", {"queue": "q", "item_id": 1, "item": item}))
    assert ("passed" if expected else "failed") == judge(f"- exists: {{event: queue.put, {condition}}}", events).result


SENT, RECEIVED = {"event": "pipe.sent"}, {"event": "pipe.received"}


@pytest.mark.parametrize("pattern", ["leads_to", "precedes", "happens_before"])
@pytest.mark.parametrize(
    ("ids", "verdict"), [([1, 2], "passed"), ([1, None], "inconclusive"), ([None, None], "inconclusive")]
)
def test_what_is_not_known_decides_nothing(pattern: str, ids: list[int | None], verdict: str) -> None:
    """Where it is not known which message was received, it is not said that none was sent, or that one was not."""
    sent = [("A", "pipe.sent", {"pipe": "p", "end": "left", "item_id": n, "item": "same"}) for n in (1, 2)]
    received = [("A", "pipe.received", {"pipe": "p", "end": "right", "item_id": n, "item": "same"}) for n in ids]
    events = EventLog([*log(*sent, *received), event("scenario.finished")])
    found = getattr(events, pattern)(SENT, RECEIVED, same="item_id")
    assert verdict == found.verdict.result, found.reason
    if verdict == "inconclusive":
        assert f"of pipe.received (event {3 + ids.index(None)}) the item_id is not known" == found.reason


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_the_end_of_a_run_is_before_its_judgement(at_once: int) -> None:
    """What was open at the last event lasted until then, however many events are taken together."""
    (expectation,) = expectations("- overlap: [A, B]")
    events = [*log(BEGIN_A, BEGIN_B, (*X[:1], "process.output")), {**event("scenario.finished"), "t": 9.0}]
    judge = Judge([expectation])
    for start in range(0, len(events), at_once):
        judge.take(events[start : start + at_once])
    assert "passed" == judge.finish(True)[0].result
