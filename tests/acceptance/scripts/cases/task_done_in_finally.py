"""task_done() in a `finally` is called once too often: also where get() found nothing."""

import multiprocessing as mp
import queue
import sys


def work(tasks):
    for _ in range(3):
        try:
            print("did", tasks.get(timeout=0.1), flush=True)
        except queue.Empty:
            continue
        finally:
            tasks.task_done()


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    tasks = mp.JoinableQueue()
    tasks.put(1)
    tasks.put(2)
    process = mp.Process(target=work, args=(tasks,), name="Worker")
    process.start()
    tasks.join()
    process.join()
    print(process.exitcode)
