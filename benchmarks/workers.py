"""The targets of the measured scenarios; the plain scripts use the same functions."""

from __future__ import annotations

from typing import Any


def nothing() -> None:
    """Return at once."""


def produce(outbox: Any, count: int) -> None:
    """Put so many integers, then None."""
    for number in range(count):
        outbox.put(number)
    outbox.put(None)


def consume(inbox: Any) -> None:
    """Take items until None comes."""
    while inbox.get() is not None:
        pass
