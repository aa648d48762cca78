"""A process asks the user: its standard input is /dev/null, as multiprocessing makes it."""

import multiprocessing as mp
import sys


def ask():
    print("you said", input("overwrite? "), flush=True)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    process = mp.Process(target=ask, name="Trainer")
    process.start()
    process.join()
    print(process.exitcode)
