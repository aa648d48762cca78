"""A task calls sys.exit(): its worker ends, the task is lost, and a Pool waits for it for ever."""

import multiprocessing as mp
import sys


def maybe_leave(number):
    if number == 2:
        sys.exit(1)
    return number


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        print(pool.map(maybe_leave, range(4), chunksize=1))
