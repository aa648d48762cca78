"""The programs as anybody would write them by hand: `python plain.py NAME NUMBER… [METHOD]`.

Prints how many seconds the main program took, as a scenario's own log says it, and how many seconds of processor time
it and its processes have used.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from typing import Any

from workers import contend, finish, get, nap, nothing, put, receive, send, square


def queue(putters: int, takers: int, count: int, size: int) -> list[Any]:
    """Pass items from some processes to others through one queue."""
    items: Any = multiprocessing.Queue()
    return [
        *(multiprocessing.Process(target=put, args=(items, count // putters, size)) for _ in range(putters)),
        *(multiprocessing.Process(target=get, args=(items, count // takers)) for _ in range(takers)),
    ]


def steps(count: int) -> list[Any]:
    """Pass integers from one process to another by two loops."""
    return queue(1, 1, count, 0)


def tasks(count: int) -> list[Any]:
    """Pass items through a JoinableQueue, each of which is said to be done."""
    items: Any = multiprocessing.JoinableQueue()
    return [
        multiprocessing.Process(target=put, args=(items, count, 0)),
        multiprocessing.Process(target=finish, args=(items, count)),
    ]


def pipe(count: int) -> list[Any]:
    """Send messages from one end of a pipe to the other."""
    left, right = multiprocessing.Pipe()
    return [
        multiprocessing.Process(target=send, args=(left, count)),
        multiprocessing.Process(target=receive, args=(right, count)),
    ]


def lock(processes: int, count: int) -> list[Any]:
    """Have some processes want the same lock."""
    shared = multiprocessing.Lock()
    return [multiprocessing.Process(target=contend, args=(shared, count)) for _ in range(processes)]


def rounds(times: int, processes: int, count: int) -> list[Any]:
    """Have some processes want the same lock, and others after them, so many times."""
    for _ in range(times):
        started = lock(processes, count)
        for each in started:
            each.start()
        for each in started:
            each.join()
    return []


def start(count: int) -> list[Any]:
    """Start so many processes that do nothing."""
    return [multiprocessing.Process(target=nothing) for _ in range(count)]


def alive(count: int, seconds: int) -> list[Any]:
    """Have so many processes live at the same time."""
    return [multiprocessing.Process(target=nap, args=(seconds,)) for _ in range(count)]


def pool(processes: int, count: int) -> list[Any]:
    """Map a tiny function over so many numbers."""
    with multiprocessing.Pool(processes) as workers:
        workers.map(square, list(range(count)))
        workers.close()
        workers.join()
    return []


PROGRAMS = {f.__name__: f for f in (queue, steps, tasks, pipe, lock, rounds, start, alive, pool)}

if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    if not numbers[-1].isdigit():
        multiprocessing.set_start_method(numbers.pop())
    began = time.perf_counter()
    processes = PROGRAMS[name](*map(int, numbers))
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(time.perf_counter() - began, sum(each.ru_utime + each.ru_stime for each in used))
