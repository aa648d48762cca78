"""Something of each kind that multiprocessing makes, and processes that end in different ways."""

import multiprocessing as mp
import sys
import time
from multiprocessing import Process


class Adder(Process):
    def __init__(self, conn, go):
        super().__init__(name="adder")
        self.conn, self.go = conn, go

    def run(self):
        self.go.wait()
        self.conn.send(sum(self.conn.recv()))
        self.conn.close()


def work(tasks, results, lock, total):
    while (item := tasks.get()) is not None:
        with lock, total.get_lock():
            total.value += item
        results.put(item * item)


def finish(tasks, done, meet, condition):
    for _ in range(3):
        tasks.get()
        tasks.task_done()
    with condition:
        condition.notify()
    meet.wait()
    done.put("done")


def main():
    tasks, results = mp.Queue(), mp.Queue()
    lock = mp.Lock()
    total = mp.Value("i", 0)
    workers = [Process(target=work, args=(tasks, results, lock, total)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for number in range(5):
        tasks.put(number)
    for _ in workers:
        tasks.put(None)
    print(sorted(results.get() for _ in range(5)))
    for worker in workers:
        worker.join()
    print("total", total.value)

    left, right = mp.Pipe()
    go = mp.Event()
    adder = Adder(right, go)
    adder.start()
    left.send([1, 2, 3])
    go.set()
    print("sum", left.recv())
    adder.join()

    jobs, done = mp.JoinableQueue(), mp.SimpleQueue()
    meet, condition = mp.Barrier(2), mp.Condition()
    finisher = Process(target=finish, args=(jobs, done, meet, condition), name="finisher")
    with condition:
        finisher.start()
        for number in range(3):
            jobs.put({"number": number})
        condition.wait()
    jobs.join()
    meet.wait()
    print(done.get())
    finisher.join()

    with mp.Manager() as manager:
        shared = manager.dict()
        shared["a"] = 1
        print(dict(shared))
    sleeper = Process(target=time.sleep, args=(100,))
    sleeper.start()
    sleeper.terminate()
    sleeper.join()
    print("sleeper", sleeper.exitcode)
    daemon = Process(target=time.sleep, args=(100,), daemon=True)
    daemon.start()
    print(daemon.is_alive())
    sys.exit(7)


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    main()
