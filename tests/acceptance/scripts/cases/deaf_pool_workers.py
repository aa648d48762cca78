"""The workers of a pool have a handler for SIGTERM: terminate() waits for one that heard it, and went on."""

import multiprocessing as mp
import signal
import sys


def install(go, ready):
    global given
    given = go, ready
    signal.signal(signal.SIGTERM, lambda number, frame: print("shutting down gracefully", flush=True))


def work(number):
    go, ready = given
    ready.release()
    go.wait()
    return number


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    go, ready = mp.Event(), mp.Semaphore(0)
    with mp.Pool(1, initializer=install, initargs=(go, ready)) as pool:
        pool.apply_async(work, (1,))
        ready.acquire()
    print("pool terminated")
