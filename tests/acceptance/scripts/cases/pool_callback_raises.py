"""The callback of a call raises, and with it ends the pool's thread that takes the results."""

import multiprocessing as mp
import sys


def square(number):
    return number * number


def boom(result):
    raise ValueError("cannot store this")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(1) as pool:
        pending = pool.apply_async(square, (3,), callback=boom)
        print(pending.get(), flush=True)
