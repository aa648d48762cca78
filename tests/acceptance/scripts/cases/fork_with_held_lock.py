"""A process is forked while a thread holds a lock: its copy of the lock is held by nobody there, for ever."""

import multiprocessing as mp
import sys
import threading

cache = threading.Lock()
held, done = threading.Event(), threading.Event()


def hold():
    with cache:
        held.set()
        done.wait()


def use():
    print("wants the cache", flush=True)
    with cache:
        print("has the cache", flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    threading.Thread(target=hold, name="holder").start()
    held.wait()
    process = mp.Process(target=use)
    process.start()
    done.set()
    process.join()
