"""What a task returns cannot be unpickled, and with that ends the pool's thread that takes the results."""

import multiprocessing as mp
import sys


class Letter:
    def __getstate__(self):
        return {"sealed": True}

    def __setstate__(self, state):
        raise TypeError("this letter cannot be opened")


def write(number):
    return Letter() if number == 2 else number


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2) as pool:
        print(pool.map(write, range(4), chunksize=1))
