"""All that a Pool can be asked for, its errors and its end, after the example of multiprocessing's documentation."""

import multiprocessing
import os
import sys
import time


def calculate(func, args):
    result = func(*args)
    in_pool = "PoolWorker" in multiprocessing.current_process().name
    return f"{func.__name__}{args} = {result} {'in' if in_pool else 'outside of'} a worker"


def calculatestar(args):
    return calculate(*args)


def mul(a, b):
    time.sleep(0.005)
    return a * b


def plus(a, b):
    return a + b


def f(x):
    return 1.0 / (x - 5.0)


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.001)


def pow3(x):
    return x**3


def test():
    with multiprocessing.Pool(4) as pool:
        tasks = [(mul, (i, 7)) for i in range(10)] + [(plus, (i, 8)) for i in range(10)]
        results = [pool.apply_async(calculate, task) for task in tasks]
        for result in results:
            print("\t", result.get())
        print(*pool.imap(calculatestar, tasks), sep="\n")
        print(sorted(pool.imap_unordered(calculatestar, tasks)))
        print(pool.map(calculatestar, tasks) == [calculate(*task).replace("outside of", "in") for task in tasks])
        for ask in (lambda: pool.apply(f, (5,)), lambda: pool.map(f, range(10)), lambda: list(pool.imap(f, range(10)))):
            try:
                print(ask())
            except ZeroDivisionError as error:
                print("\tGot ZeroDivisionError as expected:", error, type(error.__cause__).__name__)
        results = pool.imap(f, range(10))
        for _ in range(10):
            try:
                print(next(results), end=" ")
            except ZeroDivisionError:
                print("error", end=" ")
        print()
        result = pool.apply_async(wait_for, ("gate",))
        try:
            result.get(timeout=0.02)
        except multiprocessing.TimeoutError:
            print("not ready", result.ready())
        open("gate", "w").close()
        print(result.get(), result.successful())
        results = pool.imap(calculatestar, tasks)
        while True:
            try:
                results.next(timeout=10)
            except StopIteration:
                break
        got = []
        pool.apply_async(mul, (7, 8), callback=got.append).wait()
        pool.map_async(pow3, range(10), callback=got.extend).wait()
        print(got)
        pool.close()
        pool.join()
        try:
            pool.apply_async(pow3, (1,))
        except ValueError as error:
            print(error)
    print(multiprocessing.active_children())


if __name__ == "__main__":
    multiprocessing.freeze_support()
    multiprocessing.set_start_method(sys.argv[1])
    test()
