"""Values, locks, conditions, events and shared types, one after the other, after the example of the documentation."""

import ctypes
import multiprocessing as mp
import queue
import sys
import time


def value_func(random, mutex, start):
    start.wait()
    for number in range(10):
        with mutex:
            random.value += number


def queue_func(q):
    for i in range(30):
        q.put(i * i)
    q.put("STOP")


def condition_func(cond):
    with cond:
        print("\tchild: notify", flush=True)
        cond.notify()


def event_func(event, seen):
    event.wait()
    with seen.get_lock():
        seen.value += 1


def semaphore_func(sema, mutex, running):
    with sema:
        with mutex:
            running.value += 1
            if running.value > 3:
                print("too many", flush=True)
        time.sleep(0.002)
        with mutex:
            running.value -= 1


def join_timeout_func(stop):
    print("\tchild waits", flush=True)
    stop.wait()


def sharedvalues_func(values, arrays, shared_values, shared_arrays):
    for i, value in enumerate(values):
        assert value == shared_values[i].value
    for array, shared in zip(arrays, shared_arrays, strict=True):
        assert list(array) == list(shared)
    shared_values[0].value += 1
    print("Tests passed", flush=True)


def run(target, *args, count=1):
    processes = [mp.Process(target=target, args=args) for _ in range(count)]
    for process in processes:
        process.start()
    return processes


def test():
    mutex, start, total = mp.Lock(), mp.Event(), mp.Value("i", 0)
    processes = run(value_func, total, mutex, start, count=4)
    start.set()
    for process in processes:
        process.join()
    print("total", total.value, mutex.acquire(timeout=0), mutex.release())

    q = mp.Queue()
    [process] = run(queue_func, q)
    o = None
    while o != "STOP":
        try:
            o = q.get(timeout=0.3)
            print(o, end=" ")
        except queue.Empty:
            continue
    process.join()
    print()

    cond = mp.Condition()
    cond.acquire()
    [process] = run(condition_func, cond)
    print("main: waiting", cond.wait(), flush=True)
    cond.release()
    process.join()

    event, seen = mp.Event(), mp.Value("i")
    processes = run(event_func, event, seen, count=3)
    print(event.is_set(), event.set(), event.is_set())
    for process in processes:
        process.join()
    print("seen", seen.value)

    sema, running = mp.Semaphore(3), mp.Value("i", 0)
    for process in run(semaphore_func, sema, mutex, running, count=6):
        process.join()
    print("running", running.value)

    stop = mp.Event()
    [process] = run(join_timeout_func, stop)
    while True:
        process.join(timeout=0.01)
        if not process.is_alive():
            break
        stop.set()
    print("joined", process.exitcode)

    values = [("i", 10), ("h", -2), ("d", 1.25)]
    arrays = [("i", list(range(100))), ("d", [0.25 * i for i in range(100)]), ("H", list(range(100)))]
    shared_values = [mp.Value(code, value) for code, value in values]
    shared_arrays = [mp.Array(code, array) for code, array in arrays]
    given = [value for _, value in values], [array for _, array in arrays], shared_values, shared_arrays
    [process] = run(sharedvalues_func, *given)
    process.join()
    text = mp.Array(ctypes.c_char, b"some text")
    print(process.exitcode, shared_values[0].value, text.value.upper(), shared_arrays[2][:3], len(shared_arrays[0]))


if __name__ == "__main__":
    mp.freeze_support()
    mp.set_start_method(sys.argv[1])
    test()
