"""Which object was received: by the order where that is certain, else by what it is, else it is not said."""

from __future__ import annotations

from typing import Any

import pytest

from run_scenario.events.decoding.pipes import PipeLedger
from run_scenario.recording.segment_reader import ThreadSource

A, B, R, S = (ThreadSource(pid, 0) for pid in (1, 2, 8, 9))
T = ThreadSource(1, 3)
"""A thread of A that is a worker of its own."""


def played(*steps: tuple[ThreadSource, str, Any]) -> tuple[list[int | None], PipeLedger]:
    """Return the numbers of what was received, and the ledger; each step is who, `>`, `<` or `!`, and what."""
    ledger, numbers = PipeLedger(), []
    for source, deed, item in steps:
        if deed == ">":
            ledger.send(source, item)
        elif deed == "!":
            ledger.take_back(source)
        else:
            numbers.append(ledger.receive(source, item))
    return numbers, ledger


@pytest.mark.parametrize(
    ("steps", "numbers"),
    [
        ([(A, ">", "x"), (A, ">", "y"), (R, "<", "x"), (R, "<", "y")], [1, 2]),
        ([(A, ">", "x"), (A, ">", "x"), (R, "<", "x"), (R, "<", "x")], [1, 2]),
        ([(A, ">", "odd"), (R, "<", "looks otherwise here")], [1]),
        ([(A, ">", "x"), (B, ">", "y"), (R, "<", "y"), (R, "<", "x")], [2, 1]),
        ([(A, ">", "x"), (T, ">", "y"), (R, "<", "y"), (R, "<", "x")], [2, 1]),
        ([(A, ">", "x"), (A, ">", "y"), (R, "<", "x"), (S, "<", "y")], [1, 2]),
        ([(A, ">", [1]), (B, ">", [1]), (R, "<", [1]), (R, "<", [1]), (B, ">", [1]), (R, "<", [1])], [None, None, 3]),
        ([(A, ">", "x"), (B, ">", "x"), (R, "<", "x"), (B, ">", "x"), (R, "<", "x"), (R, "<", "x")], [None] * 3),
        ([(A, ">", "x"), (B, ">", "y"), (B, "!", None), (R, "<", "x")], [1]),
        ([(A, ">", 1), (B, ">", True), (R, "<", True), (R, "<", 1)], [2, 1]),
        ([(R, "<", "x")], [None]),
    ],
)
def test_numbers(steps: list[Any], numbers: list[int | None]) -> None:
    """Nobody is given the number of another object."""
    assert numbers == played(*steps)[0]


def test_what_is_torn_is_none_of_those() -> None:
    """A message that no sender has sent is counted, and nothing is struck out for it."""
    _, ledger = played((A, ">", "x"), (B, ">", "y"), (R, "<", "<cannot be unpickled: UnpicklingError>"))
    assert (2, 1) == (len(ledger.under_way), ledger.unmatched)


def test_what_looks_different_does_not_stay_under_way_for_ever() -> None:
    """As soon as as many were received as were sent, all were: an equal one that is sent then has its number."""
    steps = [(A, ">", "<Job at 1>"), (B, ">", "y"), (R, "<", "<Job at 2>"), (R, "<", "y")]
    numbers, ledger = played(*steps, (B, ">", "<Job at 1>"), (R, "<", "<Job at 1>"))
    assert ([None, 2, 3], 0, 0) == (numbers, len(ledger.under_way), ledger.left)


@pytest.mark.parametrize("torn", [False, True])
def test_memory_is_bounded(torn: bool) -> None:
    """Beyond a thousand that are not known, objects are counted until none is under way; no number is wrong."""
    ledger = PipeLedger()
    ledger.send(A, "first")
    ledger.send(B, "first")
    for at in range(5000):
        ledger.send(A, f"<Job at {at}>")
        assert ledger.receive(R, "<cannot be unpickled: EOFError>" if torn else f"<other Job at {at}>") is None
        assert len(ledger.under_way) < 1100
    assert (2, 0) == (ledger.left, len(ledger.under_way))
    assert (5003, 5003) == (ledger.send(B, "broken"), ledger.take_back(B))
    assert [None, None] == [ledger.receive(R, "first"), ledger.receive(R, "first")]
    assert 0 == ledger.left
    number = ledger.send(A, "again")
    assert (None if torn else number) == ledger.receive(R, "again")
