"""Tasks for pools."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from typing import Any


def describe_worker(item: Any) -> Any:
    """Return who does it."""
    process, parent = multiprocessing.current_process(), multiprocessing.parent_process()
    assert parent is not None
    return [item, process.name, process.daemon, parent.name]


def fail_with_cause(item: Any) -> Any:
    """Raise an exception with a cause."""
    raise KeyError(item) from OSError("why")


def return_unpicklable(item: Any) -> Any:
    """Return what cannot be pickled."""
    return lambda: item


class FullStop(BaseException):
    """No ordinary exception."""


def exit_worker(item: Any) -> Any:
    """End the worker by os._exit."""
    os._exit(7)


def print_and_log(item: Any) -> Any:
    """Print from a worker, in two ways."""
    print("printed", item)
    logging.getLogger("pool").warning("logged %s", item)
    return item


def fail_unloadably(item: Any) -> Any:
    """Raise an exception that can be pickled and not be unpickled: its class cannot be called with its arguments."""
    raise Demanding(item, "reason")


class Demanding(Exception):
    """An exception that does not hand its arguments on to Exception."""

    def __init__(self, item: Any, why: str) -> None:
        super().__init__(f"{item}: {why}")


_kept: dict[str, Any] = {}


def keep(greeting: str, *resources: Any) -> None:
    """Keep what a worker is given: a lock, a value, a queue, an event, as far as there are any."""
    _kept.update(zip(("lock", "value", "queue", "event"), resources, strict=False))
    print(greeting)


def add(number: int) -> int:
    """Add a number to what is kept, and put it on the queue."""
    with _kept["lock"]:
        _kept["value"].value += number
    _kept["queue"].put(number)
    _kept["event"].set()
    return number


def take_and_die(number: int) -> None:
    """Acquire the lock that is kept, tell so, and die."""
    _kept["lock"].acquire()
    _kept["event"].set()
    os.kill(os.getpid(), signal.SIGKILL)


def take(number: int) -> int:
    """Acquire the lock that is kept, and keep it."""
    _kept["lock"].acquire()
    return number
