"""A process is killed while it holds a manager's lock."""

import multiprocessing as mp
import os
import signal
import sys


def die_holding(lock):
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def need(lock):
    with lock:
        print("has it", flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    with mp.Manager() as manager:
        lock = manager.Lock()
        first = mp.Process(target=die_holding, args=(lock,), name="Dying")
        first.start()
        first.join()
        second = mp.Process(target=need, args=(lock,), name="Needy")
        second.start()
        second.join()
