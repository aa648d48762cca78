"""Before Python 3.13, what a forked process registers with atexit is never called."""

import atexit
import multiprocessing as mp
import sys


def work():
    atexit.register(print, "cleaned up", flush=True)
    print("working", flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    process = mp.Process(target=work)
    process.start()
    process.join()
