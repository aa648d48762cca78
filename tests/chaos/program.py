"""A program with something of everything, for `record`: its arguments are a start method, a file and names of parts.

Process Noting puts numbers, and notes in the file after each how many put() calls have returned. It writes nothing to
the standard output: that is where the log goes.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing as mp
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory

Begun = Callable[[], None]
"""Waits for the end of a part that has begun, and keeps what its processes use: they may be late to come for it."""


def put_and_note(outbox, path):
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    outbox.cancel_join_thread()
    until = time.monotonic() + 0.8
    for number in itertools.takewhile(lambda _: time.monotonic() < until, itertools.count(1)):
        outbox.put(number)
        os.pwrite(file, number.to_bytes(8, "little"), 0)
        time.sleep(0.0005)


def consume(tasks, done):
    while tasks.get() is not None:
        done()


def queue() -> Begun:
    tasks = mp.JoinableQueue()
    workers = [mp.Process(target=consume, args=(tasks, tasks.task_done), name=f"Worker-{n}") for n in (1, 2)]
    for worker in workers:
        worker.start()
    for item in [*range(30), None, None]:
        tasks.put(item)
    return lambda: [worker.join() for worker in workers]


def hold(gate, meeting, total):
    for _ in range(20):
        with gate:
            total.value += 1
            time.sleep(0.005)
    meeting.wait()


def locks() -> Begun:
    gate, meeting, total = mp.Lock(), mp.Barrier(3), mp.Value("i", 0)
    holders = [mp.Process(target=hold, args=(gate, meeting, total), name=f"Holder-{n}") for n in (1, 2, 3)]
    for holder in holders:
        holder.start()

    def end():
        for holder in holders:
            holder.join()
        print(meeting.parties, total.value, file=sys.stderr)

    return end


def pool() -> Begun:
    crew = mp.Pool(2)
    results = crew.imap(time.sleep, [0.05] * 8)

    def end():
        list(results)
        crew.close()
        crew.join()

    return end


def executor() -> Begun:
    crew = ProcessPoolExecutor(2, mp_context=mp.get_context())
    futures = [crew.submit(time.sleep, 0.05) for _ in range(8)]

    def end():
        with crew:
            for future in futures:
                future.result()

    return end


def write(stock, line):
    for number in range(20):
        stock[str(number)] = number
        line.send(number)


def manager() -> Begun:
    held = mp.Manager()
    stock = held.dict()
    left, right = mp.Pipe()
    writer = mp.Process(target=write, args=(stock, right), name="Writer")
    writer.start()
    right.close()

    def end():
        with contextlib.suppress(EOFError):
            while True:
                left.recv()
        writer.join()
        print(len(stock), file=sys.stderr)
        held.shutdown()

    return end


def memory() -> Begun:
    block = SharedMemory(create=True, size=1000)

    def end():
        block.close()
        block.unlink()

    return end


def be_stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = mp.Process(target=time.sleep, args=(60,), name="Grandchild")
    child.start()
    child.join()


def tree() -> Begun:
    stubborn = mp.Process(target=be_stubborn, name="Stubborn")
    stubborn.start()

    def end():
        stubborn.terminate()
        stubborn.join(0.2)
        stubborn.kill()
        stubborn.join()

    return end


def others() -> Begun:
    """What multiprocessing does not know of: a thread, a fork, and another program."""
    thread = threading.Thread(target=time.sleep, args=(0.3,))
    thread.start()
    command = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"])
    pid = os.fork()
    if not pid:
        time.sleep(0.3)
        os._exit(0)

    def end():
        thread.join()
        command.wait()
        os.waitpid(pid, 0)

    return end


PARTS = {part.__name__: part for part in (queue, locks, pool, executor, manager, memory, tree, others)}


def main(method: str, path: str, *names: str) -> None:
    mp.set_start_method(method)
    noted = mp.Queue()
    noting = mp.Process(target=put_and_note, args=(noted, path), name="Noting")
    noting.start()
    for end in [PARTS[name]() for name in names]:
        end()
    noting.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
