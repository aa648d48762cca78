"""Which of some large numbers are primes: the example of ProcessPoolExecutor's documentation, and futures besides."""

import concurrent.futures
import math
import multiprocessing
import sys

PRIMES = [112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419]


def is_prime(n):
    if n < 2 or n % 2 == 0:
        return n == 2
    return all(n % i for i in range(3, math.isqrt(n) // 100 + 1, 2))  # not all the way: it is to be quick


def fail(text):
    raise KeyError(text)


def main():
    context = multiprocessing.get_context(sys.argv[1])
    with concurrent.futures.ProcessPoolExecutor(mp_context=context, max_workers=2) as executor:
        for number, prime in zip(PRIMES, executor.map(is_prime, PRIMES), strict=True):
            print(f"{number} is prime: {prime}")
        futures = {executor.submit(pow, base, 2): base for base in range(20)}
        done, not_done = concurrent.futures.wait(futures, return_when=concurrent.futures.ALL_COMPLETED)
        print(sorted((futures[future], future.result()) for future in done), not_done)
        failed = executor.submit(fail, "nothing")
        print(repr(failed.exception()), failed.done(), failed.cancelled())
        called = []
        future = executor.submit(abs, -3)
        future.add_done_callback(lambda each: called.append(each.result()))
        print(sorted(each.result() for each in concurrent.futures.as_completed([future], timeout=60)))
        try:
            list(executor.map(fail, "ab", chunksize=2))
        except KeyError as error:
            print("failed with", error)
    print(called)
    try:
        executor.submit(abs, 1)
    except RuntimeError as error:
        print(error)


if __name__ == "__main__":
    main()
