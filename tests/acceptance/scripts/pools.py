"""Calls of each kind on a Pool and on an executor, one of which raises."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor


def square(x):
    return x * x


def add(a, b):
    return a + b


def fail(x):
    raise ValueError(x)


def main():
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(5)), pool.starmap(add, [(1, 2), (3, 4)]))
        print(list(pool.imap(square, iter(range(3)))), sorted(pool.imap_unordered(square, range(7), chunksize=3)))
        later = pool.apply_async(add, (1,), {"b": 5}, callback=lambda result: print("called back with", result))
        print(later.get(timeout=30), pool.apply(square, (3,)), pool.map(square, []))
        try:
            pool.apply(fail, (3,))
        except ValueError as error:
            print("caught", error)
        pool.close()
        pool.join()
    with ProcessPoolExecutor(2) as executor:
        print(
            list(executor.map(square, range(3))),
            list(executor.map(add, [1, 2], [3, 4])),
            list(executor.map(square, [])),
        )
        print(executor.submit(square, 9).result(), repr(executor.submit(fail, 1).exception()))


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
