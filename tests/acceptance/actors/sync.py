"""What is done with synchronization objects."""

from __future__ import annotations

import json
import multiprocessing
import os
import select
from typing import Any


def _outcomes(lock: Any) -> list[Any]:
    """Return what a lock or semaphore answers to calls of every kind."""
    answers: list[Any] = [lock.acquire(), lock.acquire(False), lock.acquire(True, 0.01), lock.acquire(timeout=-1)]
    for _ in range(4):
        try:
            lock.release()
            answers.append("released")
        except (ValueError, AssertionError) as error:
            answers.append(f"{type(error).__name__}: {error}")
    with lock as entered:
        answers.append(entered)
    return answers


def compare_with_plain(lock: Any, kind: str, value: int = 1) -> None:
    """Print what a recorded lock answers, and what multiprocessing's own answers to the same calls."""
    plain = getattr(multiprocessing, kind)(*([value] if "Semaphore" in kind else []))
    print(json.dumps([_outcomes(lock), _outcomes(plain)]))


def release_of_another(lock: Any, event: Any) -> None:
    """Release what somebody else holds, when told to."""
    event.wait()
    lock.release()


def take_and_tell(lock: Any, event: Any) -> None:
    """Acquire a lock, tell so, and end without releasing it."""
    lock.acquire()
    event.set()


def notify_when_all_wait(condition: Any, ready: Any, count: int) -> None:
    """Notify when so many have said that they wait: they say it with the lock in hand, so who has it comes later."""
    for _ in range(count):
        ready.get()
    with condition:
        condition.notify(count)


def wait_on_conditions(condition: Any, ready: Any) -> None:
    """Wait in vain for a moment, and then until notified."""
    with condition:
        print(condition.wait(0.01))
        print(condition.wait_for(lambda: False, 0.01))
        ready.put("waits")
        print(condition.wait())


def tell_pid_and_wait(event: Any, outbox: Any) -> None:
    """Tell who one is, and wait for an event."""
    outbox.put(os.getpid())
    event.wait()


def set_when_dead(event: Any, inbox: Any) -> None:
    """Set an event when a process is no more."""
    descriptor = os.pidfd_open(inbox.get())
    select.select([descriptor], [], [])
    event.set()


def break_barrier(barrier: Any) -> None:
    """Abort a barrier, mend it, and say what it tells of itself."""
    barrier.abort()
    print(barrier.broken)
    barrier.reset()
    print(barrier.broken, barrier.parties, barrier.n_waiting)
