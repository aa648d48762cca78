"""The workers of a pool have a handler for SIGTERM: terminate() waits for those that heard it, and went on."""

import multiprocessing as mp
import signal
import sys


def heard(number, frame):
    print("shutting down gracefully", flush=True)


def install():
    signal.signal(signal.SIGTERM, heard)


def square(number):
    return number * number


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Pool(2, initializer=install) as pool:
        print(pool.map(square, [1, 2, 3, 4], chunksize=1), flush=True)
    print("pool terminated")
