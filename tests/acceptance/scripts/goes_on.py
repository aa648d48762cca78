"""A program in which processes wait for each other all the time, and which ends: `goes_on.py START_METHOD SEED`."""

import contextlib
import multiprocessing
import queue
import random
import sys
import threading
import time
from multiprocessing.connection import wait

WORKERS = 3
STEPS = ("lock", "sleep", "put", "get", "ask", "event", "thread", "compute")


def work(number, seed, locks, items, told, end, event):
    chance = random.Random(seed * WORKERS + number)
    for step in chance.choices(STEPS, k=4):
        if step == "lock":
            with chance.choice(locks):
                time.sleep(chance.random() / 2)
        elif step == "sleep":
            time.sleep(chance.random() / 2)
        elif step == "put":
            items.put(bytes(chance.choice([1, 100_000])))
            told.put("put")
        elif step == "get":
            told.put("get")
            items.get()
        elif step == "ask":
            end.send("question")
            end.recv()
        elif step == "event":
            told.put("event")
            event.wait()
        elif step == "thread":
            timer = threading.Timer(chance.random() / 2, int)
            timer.start()
            timer.join()
        else:
            until = time.process_time() + 0.1
            while time.process_time() < until:
                pass
    told.put("done")


def answer(ends):
    """Answer late, until one asks for nothing."""
    while True:
        for end in wait(ends):
            question = end.recv()
            if question is None:
                return
            time.sleep(0.2)
            end.send(question)


def help_until_done(told, items, event):
    """Do late what the others wait for."""
    done = spare = 0
    while done < WORKERS:
        step = told.get()
        done += step == "done"
        spare += {"put": 1, "get": -1}.get(step, 0)
        if spare < 0 or step == "event":
            time.sleep(0.2)
            event.set()
            if spare < 0:
                items.put(None)
                spare += 1


def main(seed):
    locks = [multiprocessing.Lock(), multiprocessing.RLock(), multiprocessing.Semaphore(1)]
    items, told, event = multiprocessing.Queue(), multiprocessing.Queue(), multiprocessing.Event()
    pipes = [multiprocessing.Pipe() for _ in range(WORKERS)]
    workers = [
        multiprocessing.Process(target=work, args=(number, seed, locks, items, told, pipes[number][1], event))
        for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    answering = threading.Thread(target=answer, args=([ours for ours, _ in pipes],))
    answering.start()
    help_until_done(told, items, event)
    while any(worker.is_alive() for worker in workers):  # they end when what they have put is taken
        with contextlib.suppress(queue.Empty):
            items.get(timeout=0.05)
    items.cancel_join_thread()
    pipes[0][1].send(None)
    answering.join()  # a daemon thread may make Python abort as it shuts down


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main(int(sys.argv[2]))
