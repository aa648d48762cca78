"""A task of an executor crashes while others wait for their turn: what is not done by then fails with it."""

import multiprocessing as mp
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor


def install(event):
    global go
    go = event


def make(number, filler):
    go.wait()
    if number == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return number


if __name__ == "__main__":
    context = mp.get_context(sys.argv[1])
    go = context.Event()
    with ProcessPoolExecutor(2, mp_context=context, initializer=install, initargs=(go,)) as executor:
        futures = [executor.submit(make, number, "x" * 20_000) for number in range(10)]
        go.set()
        print(sum(future.exception() is not None for future in futures) > 0)
        futures[1].result()
