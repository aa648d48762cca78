"""The main program lets its manager end before the process that uses what it holds."""

import multiprocessing as mp
import sys


def report(board, gone):
    gone.wait()
    board["done"] = True


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    gone = mp.Event()
    with mp.Manager() as manager:
        board = manager.dict()
        slow = mp.Process(target=report, args=(board, gone), name="Slow")
        slow.start()
    gone.set()
    slow.join()
    print("exit code", slow.exitcode)
