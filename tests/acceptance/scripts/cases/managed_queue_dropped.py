"""The only proxy of a managed queue goes away before the process that was to use it has its own."""

import multiprocessing as mp
import sys


def put(box):
    box.put("word")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    manager = mp.Manager()
    process = mp.Process(target=put, args=(manager.Queue(),), name="Borrower")
    process.start()
    process.join()
    print("exit code", process.exitcode, flush=True)
