"""Workers that take calls from one queue and put answers on another, as the documentation of multiprocessing has it."""

import sys
import time
from multiprocessing import Process, Queue, current_process, freeze_support, set_start_method


def worker(calls, answers):
    for function, args in iter(calls.get, "STOP"):
        answers.put((function.__name__, args, function(*args), current_process().name.startswith("Process-")))


def multiply(a, b):
    time.sleep(0.001 * a)
    return a * b


def plus(a, b):
    return a + b


def test():
    first, second = [(multiply, (i, 7)) for i in range(20)], [(plus, (i, 8)) for i in range(10)]
    calls, answers = Queue(), Queue()
    for call in first:
        calls.put(call)
    workers = [Process(target=worker, args=(calls, answers)) for _ in range(4)]
    for process in workers:
        process.start()
    print("Unordered results:", sorted(answers.get()[1:] for _ in first))
    for call in second:
        calls.put(call)
    print("and", sorted(answers.get()[1:] for _ in second))
    for _ in workers:
        calls.put("STOP")
    for process in workers:  # who is late needs the queues still
        process.join()


if __name__ == "__main__":
    freeze_support()
    set_start_method(sys.argv[1])
    test()
