"""Objects of own classes, and what is told of whatever data arrives."""

from __future__ import annotations

import os
from typing import Any


class Task:
    """Asked to process itself, as in many textbooks."""

    def __init__(self, number: int, factor: int = 2) -> None:
        self.number = number
        self.factor = factor
        self.made_by = os.getpid()

    def process(self) -> int:
        """Return the product."""
        return self.number * self.factor


class Callback:
    """Called, as in others."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __call__(self) -> str:
        return f"called with {self.parts!r}"


class Odd:
    """Cannot be made."""

    def __init__(self) -> None:
        print("Odd is made")
        raise LookupError("not today")


class Loud:
    """Tells that it is made."""

    def __init__(self) -> None:
        print("Loud is made")


class Unhashable:
    """Cannot be an element of a set."""

    __hash__ = None  # type: ignore[assignment]


def make(number: int) -> Task:
    """Return a task."""
    return Task(number, 10)


def show(*args: Any, **kwargs: Any) -> None:
    """Print the arguments as they are."""
    for value in (*args, *kwargs.items()):
        print(shown(value))


def shown(value: Any) -> str:
    """Return a value as Python writes it; a set in order."""
    if isinstance(value, set):
        return f"set{sorted(value)}"
    return f"{value.number} by {value.factor}" if isinstance(value, Task) else repr(value)


def show_received(inbox: Any, count: int) -> None:
    """Print what comes from a queue, or out of a pipe."""
    for _ in range(count):
        print(shown(inbox.get() if hasattr(inbox, "get") else inbox.recv()))


def look(mapping: Any, numbers: Any) -> None:
    """Print what shared objects hold."""
    print(dict(mapping), list(numbers))


def transfer(locks: Any, outboxes: Any, ends: Any) -> None:
    """Hold all locks, put a number on each queue, and send from one end of a pipe to the other."""
    for lock in locks:
        lock.acquire()
    for number, outbox in enumerate(outboxes):
        outbox.put(number)
    for lock in locks:
        lock.release()
    ends[0].send("across")
    print(ends[1].recv())


def gather(inboxes: Any) -> None:
    """Print what comes from each queue."""
    print([inbox.get() for inbox in inboxes])


def refuse(result: Any) -> None:
    """A callback that raises."""
    raise LookupError(f"no place for {result!r}")


def remember(*args: Any) -> None:
    """An initializer."""
    print("initialized with", *map(shown, args))
