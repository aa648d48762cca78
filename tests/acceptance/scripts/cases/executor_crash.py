"""A task of an executor crashes while others are being sent: all of them fail, because of the one."""

import multiprocessing as mp
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor


def make(number, filler):
    if number == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return number


if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=mp.get_context(sys.argv[1])) as executor:
        futures = [executor.submit(make, number, "x" * 20_000) for number in range(10)]
        print(sum(future.exception() is not None for future in futures) > 0)
        futures[-1].result()
