"""A process joins one that it has not started itself."""

import multiprocessing as mp
import sys
import time


def wait_for(process):
    process.join()


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    first = mp.Process(target=time.sleep, args=(0,), name="First")
    first.start()
    second = mp.Process(target=wait_for, args=(first,), name="Second")
    second.start()
    second.join()
    first.join()
    print("exit code of Second:", second.exitcode)
