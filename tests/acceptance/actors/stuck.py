"""Who stands still together with others: beside a manager, in threads, with children of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from typing import Any


def lock_in_turn(first: Any, second: Any, barrier: Any) -> None:
    """Take two locks, the second when all have their first."""
    with first:
        barrier.wait()
        with second:
            pass


def lock_in_turn_beside_manager(first: Any, second: Any, barrier: Any) -> None:
    """Do the same, with a manager of one's own that is idle."""
    with multiprocessing.Manager() as manager:
        manager.dict(a=1)
        lock_in_turn(first, second, barrier)


def get_from_own_manager() -> None:
    """Wait for what nobody puts on a queue of one's own manager."""
    with multiprocessing.Manager() as manager:
        manager.Queue().get()


def get_managed(shared: Any) -> None:
    """Get an item from a queue that a manager holds."""
    shared.get()


def lock_in_two_threads(first: Any, second: Any) -> None:
    """Have two threads take two locks in opposite order."""
    barrier = threading.Barrier(2)
    pairs = (first, second), (second, first)
    threads = [threading.Thread(target=lock_in_turn, args=(*pair, barrier)) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lock_against_own_thread(first: Any, second: Any) -> None:
    """Take two locks in opposite order to a thread, in the main thread."""
    barrier = threading.Barrier(2)
    threading.Thread(target=lock_in_turn, args=(second, first, barrier)).start()
    lock_in_turn(first, second, barrier)


def lock_in_own_thread(first: Any, second: Any, barrier: Any) -> None:
    """Take two locks in a thread, and wait for it."""
    thread = threading.Thread(target=lock_in_turn, args=(first, second, barrier))
    thread.start()
    thread.join()


def acquire_and_release(lock: Any) -> None:
    """Take a lock."""
    with lock:
        pass


def join_while_holding(lock: Any) -> None:
    """Wait for a child that wants the lock that this process holds."""
    child = multiprocessing.Process(target=acquire_and_release, args=(lock,))
    with lock:
        child.start()
        child.join()


def wait_while_holding(lock: Any) -> None:
    """The same with a copy of this process, which os.fork() makes."""
    with lock:
        child = os.fork()
        if child == 0:
            acquire_and_release(lock)
            os._exit(0)
        os.waitpid(child, 0)


def take_from_own_queue() -> None:
    """Wait for what nobody puts on a queue of one's own."""
    multiprocessing.Queue().get()


def receive_from_oneself() -> None:
    """Wait at one end of a pipe of one's own; nobody but this process has the other."""
    mine, _other = multiprocessing.Pipe()
    mine.recv()


def _wait(event: Any) -> None:
    event.wait()


def join_at_own_event() -> None:
    """Wait for a child that waits for an event which nobody sets."""
    event = multiprocessing.Event()
    child = multiprocessing.Process(target=_wait, args=(event,))
    child.start()
    child.join()


def map_without_worker() -> None:
    """Have a pool of one's own lose the worker that has the task."""
    with multiprocessing.Pool(1) as pool:
        pool.map(os._exit, [3])
