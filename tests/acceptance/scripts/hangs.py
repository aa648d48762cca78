"""Programs that hang, or seem to: `hangs.py CASE START_METHOD`; each prints a line where it has come that far."""

import multiprocessing
import os
import signal
import sys
import time


def say(text):
    os.write(1, f"{text}\n".encode())  # by one call, so that no lines are mixed up


def hold_and_take(one, other, ready):
    with one:
        ready.wait()
        say("holds one")
        with other:
            pass


def two_locks():
    one, other = multiprocessing.Lock(), multiprocessing.Lock()
    ready = multiprocessing.Barrier(2)
    arguments = [(one, other, ready), (other, one, ready)]
    run_and_join(*[multiprocessing.Process(target=hold_and_take, args=each) for each in arguments])


def run_and_join(*processes):
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def die(_):
    say("dies")
    os.kill(os.getpid(), signal.SIGKILL)


def killed_producer():
    queue = multiprocessing.Queue()
    multiprocessing.Process(target=die, args=(queue,)).start()
    queue.get()


def take(queue):
    say("takes")
    queue.get()


def waiting_child():
    queue = multiprocessing.Queue()
    run_and_join(multiprocessing.Process(target=take, args=(queue,)))


def killed_worker():
    with multiprocessing.Pool(2) as pool:
        pool.map(die, [1])


def fill(queue):
    queue.put(bytes(10_000_000))
    say("has put")


def full_queue():
    queue = multiprocessing.Queue()
    run_and_join(multiprocessing.Process(target=fill, args=(queue,)))


def send(end):
    say("sends")
    end.send(bytes(10_000_000))


def full_pipe():
    other, end = multiprocessing.Pipe()
    run_and_join(multiprocessing.Process(target=send, args=(end,)))
    other.close()


def pause():
    time.sleep(10_000)


def stopped_child():
    child = multiprocessing.Process(target=pause)
    child.start()
    os.kill(child.pid, signal.SIGSTOP)
    say("stopped")
    child.join()


def compute():
    say("computes")
    while True:
        pass


def computing_child():
    run_and_join(multiprocessing.Process(target=compute))


def handler():
    signal.signal(signal.SIGUSR1, print)
    lock = multiprocessing.Lock()
    lock.acquire()
    say("waits")
    lock.acquire()


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    globals()[sys.argv[1]]()
