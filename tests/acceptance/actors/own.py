"""Targets that make processes, pools and objects of their own."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from multiprocessing.shared_memory import ShareableList
from typing import Any


def _help(answers: Any, exitcodes: list[int]) -> None:
    if exitcodes[1:]:
        start_helper(exitcodes[1:])
    print("a helper")
    answers.put(exitcodes[0])
    sys.exit(exitcodes[0])


def start_helper(exitcodes: list[int], method: str | None = None) -> None:
    """Have a child answer, which ends with the first of these exit codes, and has a child that ends with the next."""
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    helper: BaseProcess = context.Process(target=_help, args=(answers, exitcodes), name="Helper")  # type: ignore[attr-defined]
    helper.start()
    answers.get()
    helper.join()


def make_everything() -> None:
    """Make a pool, an executor, what a manager holds, locks, and a list in shared memory."""
    lock, value = multiprocessing.Lock(), multiprocessing.Value("i", 3)
    with lock:
        value.value += 1
    with multiprocessing.Pool(1) as pool:
        pool.map(abs, [1, -2])
    with ProcessPoolExecutor(1) as executor:
        executor.submit(abs, -3).result()
    with multiprocessing.Manager() as manager:
        names = manager.list()
        names.append("Ada")
    row = ShareableList([1, 2])
    row[0] = 3
    row.shm.close()
    row.shm.unlink()


def make_many(count: int) -> None:
    """Make more locks than are recorded, and use the last."""
    locks = [multiprocessing.Lock() for _ in range(count)]
    with locks[-1]:
        print("done")


def leave_a_child_behind() -> None:
    """Start a child, and end without waiting for it: it may only just come up."""
    multiprocessing.Process(target=time.sleep, args=(60,), name="Left").start()
    os._exit(0)


def start_helper_in_pool() -> None:
    """Have a worker of a pool start a helper that ends with 3."""
    with ProcessPoolExecutor(1) as executor:
        executor.submit(start_helper, [3]).result()


def leave_much() -> None:
    """Leave an item on a queue, and a failed task whose result nobody asks for; a child ends without a word."""
    left: Any = multiprocessing.Queue()
    left.put(1)
    with multiprocessing.Pool(1) as pool:
        pool.apply_async(int, ("x",))
        pool.close()
        pool.join()
    child = multiprocessing.Process(target=os._exit, args=(0,))
    child.start()
    child.join()


def join_what_an_ended_child_took() -> None:
    """Wait for an item to be done that a child has taken, for which nobody waits, and that has ended."""
    items: multiprocessing.JoinableQueue[int] = multiprocessing.JoinableQueue()
    items.put(1)
    multiprocessing.Process(target=items.get, name="Taker").start()
    items.join()


def get_what_a_failed_child_would_put() -> None:
    """Wait for an item of a child that has failed, and for which nobody waits."""
    items: multiprocessing.Queue[int] = multiprocessing.Queue()
    multiprocessing.Process(target=_fail, name="Putter").start()
    items.get()


def _fail() -> None:
    raise ValueError("no source")
