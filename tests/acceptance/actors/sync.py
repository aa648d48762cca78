"""What is done with synchronization objects."""

from __future__ import annotations

import array as arrays
import contextlib
import json
import multiprocessing
import os
import select
import signal
import sys
import threading
import time
from multiprocessing import synchronize
from pathlib import Path
from typing import Any

from actors.faults import wait_until_asleep
from run_scenario.runtime.cpython import mark_as_described


def _outcomes(lock: Any, shortest: float = -1) -> list[Any]:
    """Return what a lock or semaphore answers to calls of every kind."""
    answers: list[Any] = [lock.acquire(), lock.acquire(False), lock.acquire(True, 0.01), lock.acquire(timeout=shortest)]
    for _ in range(4):
        try:
            lock.release()
            answers.append("released")
        except (ValueError, AssertionError, RuntimeError) as error:
            answers.append(f"{type(error).__name__}: {error}")
    with lock as entered:
        answers.append(entered)
    return answers


def compare_with_plain(lock: Any, kind: str, value: int = 1) -> None:
    """Print what a recorded lock answers, and what multiprocessing's own answers to the same calls."""
    ctx = multiprocessing.get_context()  # not its methods: what these make is recorded as well
    plain = getattr(synchronize, kind)(*([value] if "Semaphore" in kind else []), ctx=ctx)
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


def meet_others(barrier: Any) -> None:
    """Meet at a barrier, if this is not a plain call in the main program, beside which there is nobody."""
    plain = multiprocessing.parent_process() is None and threading.current_thread() is threading.main_thread()
    if not plain:
        barrier.wait()


def take_two_locks(first: Any, second: Any, barrier: Any) -> None:
    """Take one lock, and another when all others have their first."""
    with first:
        meet_others(barrier)
        with second:
            pass


def tell_pid_and_wait(event: Any, outbox: Any) -> None:
    """Tell who one is, and wait for an event."""
    outbox.put(os.getpid())
    event.wait()


def set_when_dead(event: Any, inbox: Any, asleep: Any) -> None:
    """Say when a process sleeps in its wait, and set an event when it is no more."""
    pid = inbox.get()
    wait_until_asleep(pid)
    descriptor = os.pidfd_open(pid)
    asleep.set()
    select.select([descriptor], [], [])
    event.set()


def wait_for_end(inbox: Any) -> None:
    """Return when the process that has named itself is no more."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(inbox.get())
        select.select([descriptor], [], [])


def break_barrier(barrier: Any) -> None:
    """Abort a barrier, mend it, and say what it tells of itself."""
    barrier.abort()
    print(barrier.broken)
    barrier.reset()
    print(barrier.broken, barrier.parties, barrier.n_waiting)


def set_in_own_handler(event: Any) -> None:
    """Wait for an event that only this process's own signal handler would set, in the middle of that wait."""
    signal.signal(signal.SIGUSR1, lambda *_: event.set())
    main = threading.get_ident()
    threading.Thread(target=_signal_once_it_waits, args=(main, threading.get_native_id())).start()
    event.wait()


def _signal_once_it_waits(ident: int, native: int) -> None:
    """Send a signal to a thread as soon as it sleeps inside the wait() of a synchronization object."""
    while True:
        frame = sys._current_frames()[ident]
        waits = frame.f_code.co_name == "wait" and frame.f_code.co_filename.endswith("synchronize.py")
        state = Path(f"/proc/self/task/{native}/stat").read_text().rpartition(")")[2].split()[0]
        if waits and state == "S":
            signal.pthread_kill(ident, signal.SIGUSR1)
            return
        time.sleep(0.01)


def wait_once_told(condition: Any, event: Any) -> None:
    """Wait on a condition, but only after an event is set."""
    event.wait()
    with condition:
        condition.wait()


def put_while_holding(lock: Any, queue: Any, event: Any) -> None:
    """Put two items while a lock is held; say when the first is there."""
    with lock:
        queue.put(1)
        event.set()
        queue.put(2)


def acquire_then_take(lock: Any, queue: Any, event: Any) -> None:
    """Acquire a lock before each item is taken, once the first is there."""
    event.wait()
    for _ in range(2):
        with lock:
            queue.get()


def compare_with_manager(lock: Any, kind: str, value: int = 1) -> None:
    """Print what a recorded lock of a manager answers, and what a manager's own answers to the same calls."""
    with multiprocessing.Manager() as manager:
        mark_as_described(manager)  # otherwise what it makes is recorded as well
        plain = getattr(manager, kind)(*([value] if "Semaphore" in kind else []))
        print(json.dumps([_outcomes(lock, 0), _outcomes(plain, 0)]))  # -1 is for ever there


def ask_about_barrier(barrier: Any) -> None:
    """Meet at a manager's barrier, and print what it says about itself."""
    number = barrier.wait()
    print(barrier.parties, barrier.broken, number in (0, 1))


def slice_array(array: Any) -> None:
    """Write and read several elements at once of a manager's array, in vain as well."""
    array[0:2] = arrays.array("i", [7, 8])
    print(list(array[0:2]), array[-1])
    for at, content in ((9, 1), (0, "text")):
        try:
            array[at] = content
        except (IndexError, TypeError) as error:
            print(type(error).__name__)
