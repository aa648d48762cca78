"""The condition is notified before anybody waits for it."""

import multiprocessing as mp
import sys


def take(ready, begin):
    begin.wait()
    with ready:
        ready.wait()
    print("went on", flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    ready, begin = mp.Condition(), mp.Event()
    process = mp.Process(target=take, args=(ready, begin), name="Taker")
    process.start()
    with ready:
        ready.notify()
    begin.set()
    process.join()
