"""A task makes a pool: the workers of a pool are daemons, and these may not have children."""

import multiprocessing as mp
import sys


def outer(number):
    with mp.Pool(2) as pool:
        return pool.map(abs, [-number])


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        print(pool.map(outer, [1, 2]))
