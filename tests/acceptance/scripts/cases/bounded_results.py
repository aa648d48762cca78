"""All processes are joined before the main program takes what they put, and the queue has room for three."""

import multiprocessing as mp
import sys


def show(results, device):
    results.put((device, "output"))


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    results = mp.Queue(3)
    processes = [mp.Process(target=show, args=(results, "rtr")) for _ in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(results.get())
