"""Whoever holds the lock waits for room in the queue, and whoever would make room waits for the lock."""

import multiprocessing as mp
import sys


def request(lock, box, full):
    for number in range(3):
        with lock:
            if number:
                full.set()
            box.put(number)


def collect(lock, box, full):
    full.wait()
    for _ in range(3):
        with lock:
            pass
        print("served", box.get(), flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    lock, box, full = mp.Lock(), mp.Queue(1), mp.Event()
    requester = mp.Process(target=request, args=(lock, box, full), name="Requester")
    collector = mp.Process(target=collect, args=(lock, box, full), name="Collector")
    requester.start()
    collector.start()
    requester.join()
    collector.join()
