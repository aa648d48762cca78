"""The only worker leaves after its second task and is not replaced: so it is in Python 3.11 to 3.13."""

import multiprocessing as mp
import sys
from concurrent.futures import ProcessPoolExecutor


def square(number):
    return number * number


if __name__ == "__main__":
    context = mp.get_context(sys.argv[1])
    executor = ProcessPoolExecutor(1, max_tasks_per_child=2, mp_context=context)
    futures = [executor.submit(square, number) for number in range(1, 7)]
    for future in futures:
        print(future.result(), flush=True)
