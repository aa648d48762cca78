"""The only proxy of a managed queue goes away before the process that was to use it has its own."""

import multiprocessing as mp
import sys


def put(box, go):
    go.wait()
    box.put("word")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    manager, go = mp.Manager(), mp.Event()
    process = mp.Process(target=put, args=(manager.Queue(), go), name="Borrower")
    process.start()  # which lets go of what it was given
    go.set()
    process.join()
    print("exit code", process.exitcode, flush=True)
