"""What a recorded script is told of what its own output does not tell: errors that were swallowed, and who waits."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from recorded import Recording, plainly, record

from run_scenario.runtime.platform.sleeping_threads import outside_call
from run_scenario.runtime.platform.system import is_running

HEAD = "import multiprocessing\nimport os\nimport sys\nimport threading\n"
GUARD = 'if __name__ == "__main__":\n    multiprocessing.set_start_method(sys.argv[1])\n    main()\n'


def script(body: str) -> str:
    """Return a script with a function `main`, which is called under the start method of its first argument."""
    return f"{HEAD}{body}\n{GUARD}"


SWALLOWED = {
    "a result that nobody asks for": (
        """
def work(x):
    raise ValueError(f"no {x}")

def main():
    pool = multiprocessing.Pool(1)
    for x in range(3):
        pool.apply_async(work, (x,))
    pool.close()
    pool.join()
""",
        "never asked for the result of apply_async(work, …) (call 1, script.py:12) of pool 'pool (script.py:10)': it "
        "had raised ValueError: no 0, and so had 2 more calls of this pool (get() would have raised it here)",
    ),
    "a future that nobody asks": (
        """
from concurrent.futures import ProcessPoolExecutor

def work(x):
    raise ValueError(f"no {x}")

def main():
    with ProcessPoolExecutor(1) as executor:
        executor.submit(work, 0)
""",
        "never asked for the result of submit(work, …) (call 1, script.py:13) of pool 'executor (script.py:12)': it "
        "had raised ValueError: no 0 (result() would have raised it here)",
    ),
    "results that nobody goes through": (
        """
from concurrent.futures import ProcessPoolExecutor

def work(x):
    return 1 / x

def main():
    with ProcessPoolExecutor(1) as executor:
        executor.map(work, range(2))
""",
        "never asked for the result of map(work, …) (script.py:13) of pool 'executor (script.py:12)': it had raised "
        "ZeroDivisionError: division by zero (to go through its results would have raised it here)",
    ),
    "a task that cannot be pickled": (
        """
def work(queue):
    queue.put(1)

def main():
    queue = multiprocessing.Queue()
    with multiprocessing.Pool(1) as pool:
        pool.apply_async(work, (queue,))
        pool.close()
        pool.join()
""",
        "never asked for the result of apply_async(work, …) (call 1, script.py:12) of pool 'pool (script.py:11)': it "
        "was never given to a worker, because it cannot be pickled: RuntimeError: Queue objects should only be shared "
        "between processes through inheritance (get() would have raised it here)",
    ),
    "a future whose function cannot be pickled": (
        """
from concurrent.futures import ProcessPoolExecutor

def main():
    with ProcessPoolExecutor(1) as executor:
        future = executor.submit(lambda: 1)
        while not future.done():  # from 3.12 on, shutdown() may join the feeder with the lock that this waits for
            pass
""",
        "never asked for the result of submit(main.<locals>.<lambda>, …) (call 1, script.py:10) of pool 'executor "
        "(script.py:9)': it was never given to a worker, because it cannot be pickled: ",
    ),
    "a result that cannot be pickled": (
        """
def work():
    return threading.Lock()

def main():
    pool = multiprocessing.Pool(1)
    pool.apply_async(work)
    pool.close()
    pool.join()
""",
        "never asked for the result of apply_async(work, …) (call 1, script.py:11) of pool 'pool (script.py:10)': its "
        "result never came, because it cannot be pickled: MaybeEncodingError: ",
    ),
    "a future whose result cannot be pickled": (
        """
from concurrent.futures import ProcessPoolExecutor

def work():
    return threading.Lock()

def main():
    with ProcessPoolExecutor(1) as executor:
        executor.submit(work)
        executor.submit(work)
""",
        "its result never came, because it cannot be pickled: TypeError: cannot pickle '_thread.lock' object, and 1 "
        "more call of this pool failed, too (result() would have raised it here)",
    ),
    "a pool whose block ends before its tasks": (
        """
def work(x):
    threading.Event().wait()

def main():
    with multiprocessing.Pool(1) as pool:
        pool.map_async(work, range(4))
""",
        "4 of 4 tasks of pool 'pool (script.py:10)' were not done when its `with` block ended, which terminates its "
        "workers, and nobody had asked for the results of map_async(work, …) (script.py:11)",
    ),
    "a program that ends before its pool's tasks": (
        """
def work(x):
    threading.Event().wait()

def main():
    pool = multiprocessing.Pool(1)
    pool.apply_async(work, (1,))
""",
        "1 of 1 task of pool 'pool (script.py:10)' was not done when the program ended",
    ),
}


@pytest.mark.parametrize("name", SWALLOWED)
def test_what_a_program_does_not_ask_for_is_told(tmp_path: Path, method: str, name: str) -> None:
    """It ends as it does without; that something has failed, or was not done, is said in one line."""
    text, told = SWALLOWED[name]
    recorded = record(tmp_path, script(text), method)
    # What Python says of a pool that it collects at its end, it says without us, too.
    own = re.sub(r"(?s)Exception ignored [^\n]*Pool\.__del__.*?\nOSError: [^\n]*\n", "", recorded.stderr)
    [line] = own.splitlines()
    assert (0, True) == (recorded.status, told in line), recorded.stderr


HEARD = """
from concurrent.futures import ProcessPoolExecutor

def work(x):
    if x == 1:
        raise ValueError(x)
    return x

def main():
    told = threading.Event()
    with multiprocessing.Pool(1) as pool:
        pool.apply_async(work, (1,), error_callback=lambda error: told.set())
        told.wait()
        answer = pool.apply_async(work, (1,))
        while True:
            try:
                answer.get(0.001)
            except multiprocessing.TimeoutError:
                continue
            except ValueError:
                break
        checked = pool.apply_async(work, (1,))
        checked.wait()
        assert not checked.successful()
        try:
            list(pool.imap(work, range(3)))
        except ValueError:
            pass
        for _ in pool.imap_unordered(work, [0] * 100):
            break
    with ProcessPoolExecutor(1) as executor:
        print(repr(executor.submit(work, 1).exception()))
"""


def test_what_a_program_has_heard_of_is_not_told(tmp_path: Path, method: str) -> None:
    """An exception that a callback, get(), next() or exception() has told is the script's own business."""
    recorded = record(tmp_path, script(HEARD), method)
    assert (0, "ValueError(1)\n", "") == recorded[:3]


DEADLOCKS = {
    "a task that fails before it puts": (
        """
def begin(queue):
    global results
    results = queue

def work(x):
    results.put(10 / x)

def main():
    results = multiprocessing.Queue()
    pool = multiprocessing.Pool(1, begin, (results,))
    for x in range(3):
        pool.apply_async(work, (x,))
    for x in range(3):
        results.get()
""",
        "; apply_async(work, …) (call 1, script.py:17) of pool 'pool (script.py:15)' has raised ZeroDivisionError: "
        "division by zero in {worker}, and nobody has asked for its result",
    ),
    "a task that was never sent": (
        """
def work(queue):
    queue.put(1)

def main():
    queue = multiprocessing.Queue()
    pool = multiprocessing.Pool(1)
    pool.apply_async(work, (queue,))
    queue.get()
""",
        "; apply_async(work, …) (call 1, script.py:12) of pool 'pool (script.py:11)' was never given to a worker, "
        "because it cannot be pickled (RuntimeError: Queue objects should only be shared between processes through "
        "inheritance), and nobody has asked for its result",
    ),
    "a task that no worker can unpickle": (
        """
class Torn:
    def __reduce__(self):
        return int, ("x",)

def main():
    pool = multiprocessing.Pool(1)
    pool.apply(repr, (Torn(),))
""",
        " could not unpickle a task that it was given (ValueError: invalid literal for int() with base 10: 'x'), and "
        "ended; a Pool never gives a lost task to another worker",
    ),
    "a queue of threads": (
        """
import queue

def main():
    queue.Queue().get()
""",
        "the main program waits for ever in get() of a queue.Queue, which only threads of its own process share, and "
        "there is no other thread in it",
    ),
    "a worker that crashes before it puts": (
        """
import signal

def work(items):
    os.kill(os.getpid(), signal.SIGSEGV)

def main():
    items = multiprocessing.Queue()
    multiprocessing.Process(target=work, args=(items,), name="worker").start()
    items.get()
""",
        "nobody is left who could put one (worker was ended by SIGSEGV)",
    ),
    "a producer that fails before its first item": (
        """
def produce(items):
    raise ValueError("no source")

def main():
    items = multiprocessing.Queue()
    producer = multiprocessing.Process(target=produce, args=(items,), name="producer")
    producer.start()
    items.get()
""",
        "nobody is left who could put one (producer has failed: ValueError: no source)",
    ),
    "a consumer that fails with an item, beside another": (
        """
def consume(items, fails):
    while True:
        items.get()
        if fails:
            raise ValueError("bad item")
        items.task_done()

def main():
    items = multiprocessing.JoinableQueue()
    failing = multiprocessing.Process(target=consume, args=(items, True), name="failing", daemon=True)
    failing.start()
    items.put(1)
    failing.join()
    multiprocessing.Process(target=consume, args=(items, False), daemon=True).start()
    items.join()
""",
        "failing ended without calling it for every item taken (failing has failed: ValueError: bad item)",
    ),
    "both ends that receive first": (
        """
def work(end):
    end.recv()

def main():
    mine, yours = multiprocessing.Pipe()
    multiprocessing.Process(target=work, args=(yours,), name="worker").start()
    mine.recv()
""",
        "deadlock: the main program and worker both wait in recv() on pipe 'mine, yours (script.py:10)', each for the "
        "other to send first",
    ),
    "both ends that send more than there is room for": (
        """
def work(end):
    end.send(bytes(1_000_000))

def main():
    mine, yours = multiprocessing.Pipe()
    multiprocessing.Process(target=work, args=(yours,), name="worker").start()
    mine.send(bytes(1_000_000))
""",
        "both wait in send() on pipe 'mine, yours (script.py:10)': it is full in both directions, and neither receives "
        "before it has sent",
    ),
    "an end of which only the main program has the other": (
        """
def work(end):
    end.recv()

def main():
    mine, yours = multiprocessing.Pipe()
    worker = multiprocessing.Process(target=work, args=(yours,), name="worker")
    worker.start()
    worker.join()
""",
        "worker waits for ever in recv() on 'yours (script.py:10)', and the main program, who could send at "
        "'mine (script.py:10)', waits for the end of worker",
    ),
    "a process that fails, beside its parent's parent": (
        """
def fail():
    raise ValueError("no source")

def manage(items):
    multiprocessing.Process(target=fail, name="leaf").start()
    items.get()

def main():
    items = multiprocessing.Queue()
    manager = multiprocessing.Process(target=manage, args=(items,), name="manager")
    manager.start()
    manager.join()
""",
        "the main program, who could put one, waits for the end of manager; leaf has failed: ValueError: no source",
    ),
    "a callback that a thread of a pool would call": (
        """
def begin(event):
    global go
    go = event

def work():
    go.wait()

def main():
    go, done = multiprocessing.Event(), threading.Event()
    pool = multiprocessing.Pool(1, begin, (go,))
    pool.apply_async(work, callback=lambda result: done.set())
    done.wait()
""",
        "'go (script.py:14)': the main program, who could set it, waits for another thread of its own process",
    ),
    "a thread that would put": (
        """
import queue

def main():
    jobs, items = queue.Queue(), multiprocessing.Queue()
    threading.Thread(target=lambda: items.put(jobs.get()), name="pump").start()
    items.get()
""",
        "nobody is left who could put one but thread 'pump' of the main program, which waits for another thread of "
        "its own process",
    ),
    "an event that one would set who waits for main": (
        """
def work(end, ready):
    end.recv()
    ready.set()

def main():
    mine, yours = multiprocessing.Pipe()
    ready = multiprocessing.Event()
    multiprocessing.Process(target=work, args=(yours, ready), name="setter").start()
    ready.wait()
    mine.send("go")
""",
        "the main program waits for ever for event 'ready (script.py:12)': setter, who could set it, waits for "
        "something to receive at 'yours (script.py:11)'",
    ),
    "a semaphore and a queue, in a circle": (
        """
def take(permits, box, ready):
    permits.acquire()
    permits.acquire()
    ready.set()
    box.get()

def give(permits, box, ready):
    ready.wait()
    with permits:
        box.put(1)

def main():
    permits, box, ready = multiprocessing.BoundedSemaphore(2), multiprocessing.SimpleQueue(), multiprocessing.Event()
    for name, target in (("ann", take), ("bob", give)):
        process = multiprocessing.Process(target=target, args=(permits, box, ready), name=name)
        process.start()
    process.join()
""",
        "bob waits for ever for semaphore 'permits (script.py:18)', held by ann, which waits for an item from queue "
        "'box (script.py:18)': bob, who could put one, waits for 'permits (script.py:18)' to be released and the main "
        "program, who could put one, waits for the end of bob",
    ),
    "what lies deep inside of what a process is given": (
        """
class Box:
    def __init__(self, items):
        self.shelves = {"upper": [items]}

def work(box, gates):
    gates[0]["open"].get()
    box.shelves["upper"][0].put(1)

def main():
    items, gate = multiprocessing.JoinableQueue(), multiprocessing.Queue()
    given = {"args": (Box(items),), "kwargs": {"gates": [{"open": gate}]}}
    worker = multiprocessing.Process(target=work, name="feeder", **given)
    worker.start()
    items.get()
    gate.put(1)
""",
        "feeder, who could put one, waits for an item from queue 'gate (script.py:15)'",
    ),
    "one who has put all that it had": (
        """
def produce(items):
    items.put(1)

def consume(items):
    items.get()
    items.get()

def main():
    items = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=each, args=(items,), name=each.__name__) for each in (produce, consume)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
""",
        "the one item put is taken, and produce, who could put another, has ended and the main program, who could put "
        "another, waits for the end of consume",
    ),
    "one who did not come to a barrier": (
        """
def work(barrier, comes):
    if comes:
        barrier.wait()

def main():
    barrier = multiprocessing.Barrier(2)
    late = multiprocessing.Process(target=work, args=(barrier, False), name="late")
    late.start()
    late.join()
    first = multiprocessing.Process(target=work, args=(barrier, True), name="first")
    first.start()
    first.join()
""",
        "it opens when 2 have come, only 1 did, and late, who could come, has ended and the main program, who could "
        "come, waits for the end of first",
    ),
    "a worker of a pool that would set it": (
        """
def begin(*given):
    global go, box
    go, box = given

def work(_):
    box.get()
    go.set()

def main():
    go, box = multiprocessing.Event(), multiprocessing.Queue()
    with multiprocessing.Pool(1, begin, (go, box)) as pool:
        pool.apply_async(work, (1,))
        go.wait()
""",
        "PoolWorker-1, who could set it, waits for an item from queue 'box (script.py:15)'",
    ),
    "a worker of an executor that would set it": (
        """
import functools
from concurrent.futures import ProcessPoolExecutor

def begin(*given):
    global go, box
    go, box = given

def work(_):
    box.get()
    go.set()

def main():
    go, box = multiprocessing.Event(), multiprocessing.Queue()
    with ProcessPoolExecutor(1, initializer=functools.partial(begin, go), initargs=(box,)) as executor:
        executor.submit(work, 1)
        go.wait()
""",
        "Process-1, who could set it, waits for an item from queue 'box (script.py:18)'",
    ),
    "what a manager holds, which a task is given": (
        """
def work(go, end):
    end.recv()
    go.set()

def main():
    with multiprocessing.Manager() as manager:
        go = manager.Event()
        mine, yours = multiprocessing.Pipe()
        multiprocessing.Process(target=work, args=(go, yours), name="setter").start()
        go.wait()
        mine.send(1)
""",
        "setter, who could set it, waits for something to receive at 'yours (script.py:13)'",
    ),
    "what a manager holds, which is passed on later": (
        """
def work(box, lock):
    box.get().set()
    lock.acquire()

def main():
    lock, box = multiprocessing.Lock(), multiprocessing.Queue()
    lock.acquire()
    with multiprocessing.Manager() as manager:
        first, second = manager.Event(), manager.Event()
        multiprocessing.Process(target=work, args=(box, lock), name="worker").start()
        box.put(first)
        first.wait()
        second.wait()
""",
        "it is not known whether worker, which waits for 'lock (script.py:11)' to be released, would set it",
    ),
    "a forked process, whose function knows it": (
        """
FORK = multiprocessing.get_context("fork")
ready, go = FORK.Event(), FORK.Event()

def work():
    go.wait()
    say()

def say():
    ready.set()

def main():
    FORK.Process(target=work, name="setter").start()
    ready.wait()
    go.set()
""",
        "setter, who could set it, waits for event 'go (script.py:7)' to be set",
    ),
    "a forked worker of a pool, whose tasks may know it": (
        """
FORK = multiprocessing.get_context("fork")
ready, go = FORK.Event(), FORK.Event()

def work(_):
    go.wait()
    ready.set()

def main():
    with FORK.Pool(1) as pool:
        pool.apply_async(work, (1,))
        ready.wait()
""",
        "it is not known whether ForkPoolWorker-1, which waits for event 'go (script.py:7)' to be set, would set it",
    ),
    "a result that is asked for after the pool": (
        """
def work(_):
    threading.Event().wait()

def main():
    with multiprocessing.Pool(2) as pool:
        result = pool.map_async(work, [1, 2])
    result.get()
""",
        ", at the end of its `with` block, before the result of map_async(work, …) (script.py:11) had come",
    ),
    "a thread that nobody wakes up": (
        """
def work():
    thread = threading.Thread(target=threading.Event().wait, name="listener")
    thread.start()
    thread.join()

def main():
    worker = multiprocessing.Process(target=work, name="worker")
    worker.start()
    worker.join()
""",
        "worker waits for the end of another thread of its own process (in work, script.py:9); thread 'listener' of "
        "worker waits for another thread of its own process",
    ),
    "items that nobody takes": (
        """
def main():
    queue = multiprocessing.Queue()
    queue.put(bytes(100_000))
    queue.close()
    queue.join_thread()
""",
        "the main program waits for ever in join_thread() of queue 'queue (script.py:7)': what it has put does not fit "
        "into the pipe of the queue, and nobody takes it (1 of 1 is left); have it taken first",
    ),
}


@pytest.mark.parametrize("name", DEADLOCKS)
def test_a_deadlock_is_explained_by_what_else_happened(tmp_path: Path, method: str, name: str) -> None:
    """What would have put the missing item may have failed or ended, or waits itself; or both sides wait alike."""
    text, told = DEADLOCKS[name]
    recorded = record(tmp_path, script(text), method)
    failed = recorded.log.all("pool.task_failed")
    assert (3, "deadlock") == (recorded.status, recorded.stall()["cause"])
    assert told.format(worker=failed[0]["process"] if failed else "") in recorded.stall()["reason"]


@pytest.mark.parametrize("call", ["submit(repr, Torn()).result()", "map(repr, [Torn()]).__next__()"])
def test_a_task_that_breaks_an_executor(tmp_path: Path, method: str, call: str) -> None:
    """Python only says that a process was terminated abruptly; it was no initializer, since there is none."""
    text = f"""
from concurrent.futures import ProcessPoolExecutor

class Torn:
    def __reduce__(self):
        return int, ("x",)

def main():
    with ProcessPoolExecutor(1) as executor:
        executor.{call}
"""
    recorded = record(tmp_path, script(text), method)
    worker = recorded.log.one("pool.worker_failed")
    assert (1, "unpickling") == (recorded.status, worker["doing"])
    hint = (
        f"{worker['process']} could not unpickle its next task: ValueError: invalid literal for int() with base 10: 'x'"
    )
    assert hint == recorded.log.one("process.failed", "MainProcess")["hint"]


def test_whom_a_broken_executor_terminates(tmp_path: Path, method: str) -> None:
    """The worker that has broken it comes first; of the other it is said who sent SIGTERM, and what it was doing."""
    text = """
import asyncio
from concurrent.futures import ProcessPoolExecutor

def begin(queue):
    global begun
    begun = queue

def work(x):
    if x == 0:
        begun.put(x)
        threading.Event().wait()
    begun.get()
    os._exit(3)

async def calls(executor):
    loop = asyncio.get_running_loop()
    waits = [loop.run_in_executor(executor, work, x) for x in range(2)]
    waits.append(loop.run_in_executor(executor, repr, 2))  # by which the executor sees its second worker, see below
    await asyncio.gather(*waits, return_exceptions=True)

def main():
    with ProcessPoolExecutor(2, initializer=begin, initargs=(multiprocessing.SimpleQueue(),)) as executor:
        asyncio.run(calls(executor))
"""
    recorded = record(tmp_path, script(text), method)
    lost = recorded.log.all("pool.worker_lost")
    found = [(each["exitcode"], each.get("by"), each["call"], each["place"]) for each in lost]
    assert [(3, None, 2, "script.py:22"), (-15, "executor", 1, "script.py:22")] == found


@pytest.mark.parametrize("method", ["spawn", "forkserver"])  # by fork, all workers are started at once
def test_an_executor_that_does_not_notice_the_end_of_a_worker(tmp_path: Path, method: str) -> None:
    """It only watches the workers that there were when it began to wait: submit() wakes it, and then starts one."""
    text = """
import sys, time
from concurrent.futures import ProcessPoolExecutor

class Executor(ProcessPoolExecutor):
    def _adjust_process_count(self):
        if self._executor_manager_thread is not None:
            while self._executor_manager_thread_wakeup._reader.poll():
                time.sleep(0.01)
            while sys._current_frames()[self._executor_manager_thread.ident].f_code.co_name != "select":
                time.sleep(0.01)
        super()._adjust_process_count()

def begin(queue):
    global begun
    begun = queue

def work(x):
    if x:
        os._exit(3)
    begun.put(x)
    threading.Event().wait()

def main():
    queue = multiprocessing.SimpleQueue()
    with Executor(2, initializer=begin, initargs=(queue,)) as executor:
        executor.submit(work, 0)
        queue.get()
        executor.submit(work, 1).result()
"""
    recorded = record(tmp_path, script(text), method)
    lost = recorded.log.one("pool.worker_lost")
    assert (3, "lost_pool_task") == (recorded.status, recorded.stall()["diagnosis"]["kind"])
    assert (3, 2) == (lost["exitcode"], lost["call"])
    assert (
        f"{lost['process']} ended with exit code 3 while it was doing submit(work, …) (call 2, script.py:33), and the "
        "executor has not noticed it"
    ) in recorded.stall()["reason"]


def test_a_thread_that_has_failed(tmp_path: Path, method: str) -> None:
    """Python prints it; whoever waits for what the thread was to do is told again. sys.exit() in one is no failure."""
    text = """
import sys
from concurrent.futures import ThreadPoolExecutor

class Silent(Exception):
    def __str__(self):
        raise KeyError("no text")

def fail(error):
    raise error

def work(queue):
    for error in (ValueError("no source"), Silent()):
        thread = threading.Thread(target=fail, args=(error,), name=type(error).__name__)
        thread.start()
        thread.join()
    threading.Thread(target=sys.exit).start()
    ThreadPoolExecutor(1).submit(fail, OSError("who asks, is told")).exception()
    queue.get()

def main():
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(queue,), name="W")
    worker.start()
    worker.join()
"""
    recorded = record(tmp_path, script(text), method)
    failed = [(each["process"], each["thread"], each["message"]) for each in recorded.log.all("process.thread_failed")]
    unsaid = "<its message cannot be made: __str__ failed>"
    assert [("W", "ValueError", "no source"), ("W", "Silent", unsaid)] == failed
    assert recorded.stall()["reason"].endswith(
        "; thread 'ValueError' of W has failed: ValueError: no source"
        f"; thread 'Silent' of W has failed: Silent: {unsaid}"
    )


def test_an_executor_that_is_broken_before_map_has_begun(tmp_path: Path, method: str) -> None:
    """Then it is not the results that raise, but map() itself: that is explained in the same way."""
    text = """
from concurrent.futures import ProcessPoolExecutor

def begin():
    raise ValueError("no licence")

def main():
    with ProcessPoolExecutor(1, initializer=begin) as executor:
        executor.submit(repr, 1).exception()
        executor.map(repr, [1])
"""
    recorded = record(tmp_path, script(text), method)
    worker = recorded.log.one("pool.worker_failed")
    hint = recorded.log.one("process.failed", "MainProcess")["hint"]
    assert (1, f"the initializer raised ValueError: no licence in {worker['process']}") == (recorded.status, hint)


def test_an_initializer_that_fails_in_one_worker_after_the_other(tmp_path: Path, method: str) -> None:
    """It is named at the end: until then it might have gone well in the next worker."""
    text = """
def begin():
    raise RuntimeError("no licence")

def main():
    with multiprocessing.Pool(1, begin) as pool:
        pool.map(abs, [1], 1)  # without a size, it divides by the number of workers, which may be 0 just then
"""
    recording = Recording(tmp_path, script(text), method)
    recording.wait_for("pool.worker_failed")
    recording.process.send_signal(signal.SIGTERM)
    reason = recording.finish().log.one("scenario.signalled")["reason"]
    assert "; the initializer of pool 'pool (script.py:10)' has raised RuntimeError: no licence in " in reason


def test_what_the_runner_ends_leaves_no_warnings(tmp_path: Path, method: str) -> None:
    """The resource tracker's complaint of semaphores is not the script's fault when the runner ends it, else it is."""
    text = """
def main():
    lock = multiprocessing.Lock()
    if "stay" in sys.argv:
        lock.acquire()
        lock.acquire()
    os._exit(0)
"""
    stopped, ended = (record(tmp_path, script(text), "spawn", *more) for more in (["stay"], []))
    assert (3, False) == (stopped.status, "resource_tracker" in stopped.stderr)
    assert (0, True) == (ended.status, "resource_tracker: There appear to be 1 leaked" in ended.stderr)


THREADS = """
def use(first, second, name):
    with first:
        with second:
            print(name)

def idle(box):
    box.get()

def work(first, second, box):
    second.acquire()
    user = threading.Thread(target=use, args=(first, second, "user"), name="user")
    user.start()
    threading.Thread(target=idle, args=(box,), name="idler").start()
    user.join()

def main():
    first, second, box = multiprocessing.Lock(), multiprocessing.Lock(), multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(first, second, box), name="worker")
    worker.start()
    worker.join()
"""


def test_other_threads_are_told_by_name_with_their_stacks(tmp_path: Path, method: str) -> None:
    """The one that waits and those beside it: what each waits for, and in which line."""
    recorded = record(tmp_path, script(THREADS), method)
    told = {each["thread_name"]: each for each in recorded.stall()["threads"]}
    assert ("'second (script.py:22)' to be released", "an item from queue 'box (script.py:22)'") == tuple(
        told[name]["waiting_for"] for name in ("user", "idler")
    )
    assert {"user", "idler"} == set(told)
    assert ["script.py:8 in use", "script.py:12 in idle"] == [
        next(frame for frame in told[name]["stack"] if "script.py" in frame).rpartition("/")[2]
        for name in ("user", "idler")
    ]
    assert "thread 'user' of worker waits for ever for lock 'second (script.py:22)'" in recorded.stderr
    assert "thread 'idler': waits for an item from queue 'box (script.py:22)'" in recorded.stderr
    assert "): waits for the end of another thread of its own process\n" in recorded.stderr


HELD_AT_FORK = """
inside = threading.Lock()

def hold(ready, over):
    with inside:
        ready.set()
        over.wait()

def work():
    with inside:
        pass

def main():
    ready, over = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(ready, over), name="holder")
    holder.start()
    ready.wait()
    worker = multiprocessing.Process(target=work, name="worker")
    worker.start()
    if "own" not in sys.argv:
        over.set()
        holder.join()
    worker.join()
"""


@pytest.mark.parametrize("more", [(), ("own",)])
def test_a_lock_that_a_thread_held_at_the_fork_is_explained(tmp_path: Path, more: tuple[str, ...]) -> None:
    """That threads ran where the process was forked is a fact, whether or not the lock was released there meanwhile."""
    recorded = record(tmp_path, script(HELD_AT_FORK), "fork", *more)
    told = (
        "was forked while thread 'holder' was running in the main program, and a lock that such a thread held then "
        "stays locked in the child for ever (unless it is one that the child itself has acquired)"
    )
    assert (3, True) == (recorded.status, told in recorded.stderr)


def test_a_pools_worker_that_was_forked_beside_a_thread_is_explained(tmp_path: Path) -> None:
    """It is a process like any other."""
    text = """
inside = threading.Lock()

def hold(ready, over):
    with inside:
        ready.set()
        over.wait()

def work(x):
    with inside:
        return x

def main():
    ready, over = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(ready, over), name="holder")
    holder.start()
    ready.wait()
    with multiprocessing.Pool(1) as pool:
        over.set()
        holder.join()
        pool.map(work, [1])
"""
    recorded = record(tmp_path, script(text), "fork")
    told = (
        "it was forked while thread 'holder' was running in its program, and a lock that such a thread held then stays"
    )
    assert (3, True) == (recorded.status, told in recorded.stderr)


def test_a_fork_without_other_threads_is_not_blamed(tmp_path: Path, method: str) -> None:
    """Who waits for a lock of its own alone is not said to have got it locked; a spawned process has no copy of it."""
    text = """
def work(lock):
    lock.acquire()
    lock.acquire()

def main():
    beside = threading.Thread(target=threading.Event().wait, daemon=True)
    if sys.argv[1] != "fork":
        beside.start()
    worker = multiprocessing.Process(target=work_alone)
    worker.start()
    worker.join()

def work_alone():
    work(threading.Lock())
"""
    recorded = record(tmp_path, script(text), method)
    assert (3, False) == (recorded.status, "forked" in recorded.stderr)
    assert "worker" not in recorded.stderr or "in which there is no other thread" in recorded.stderr
    starts = {event["start_method"] for event in recorded.log.all("process.started")}
    assert {None, method} == starts


HELD = """
import time

def hold(lock, holds):
    with lock:
        holds.set()
        while True:
            time.sleep(0.01)

def want(lock, holds):
    holds.wait()
    print("wants", flush=True)
    lock.acquire()

def main():
    lock, holds = multiprocessing.Lock(), multiprocessing.Event()
    multiprocessing.Process(target=hold, args=(lock, holds), name="holder").start()
    wanter = multiprocessing.Process(target=want, args=(lock, holds), name="wanter")
    wanter.start()
    wanter.join()
"""


def test_who_holds_the_lock_is_told_when_a_program_is_interrupted(tmp_path: Path, method: str) -> None:
    """By Ctrl-C, which makes no claim that nothing could move: who waits for what, held by whom, and where."""
    recording = Recording(tmp_path, script(HELD), method)
    recording.wait_for("lock.waiting")
    recording.process.send_signal(signal.SIGINT)
    recorded = recording.finish()
    told = recorded.log.one("scenario.signalled")
    assert ("SIGINT", "signal", "unknown") == (told["signal"], told["diagnosis"]["cause"], told["diagnosis"]["kind"])
    shown = recorded.stderr.partition("Ctrl-C (SIGINT) comes: ")[2].splitlines()
    assert "wanter waits for 'lock (script.py:20)' to be released, held by holder" in shown[0]
    [wanter] = [line for line in shown[1:] if line.strip().startswith("wanter (pid")]
    assert "waits for 'lock (script.py:20)' to be released, held by holder (" in wanter
    assert "script.py:17 in want" in shown[shown.index(wanter) + 1]
    assert not [line for line in shown if "terminates it" in line or "ended with exit code" in line]


INHERITED = """
def work(end):
    try:
        end.recv()
    except EOFError:
        pass

def main():
    ends, workers = [], []
    for number in range(2):
        there, here = multiprocessing.Pipe(duplex=False)
        workers.append(multiprocessing.Process(target=work, args=(there,), name=f"worker {number}"))
        workers[-1].start()
        there.close()
        ends.append(here)
    for end in ends:
        end.close()
    for worker in workers:
        worker.join()
"""


def test_an_end_that_others_have_inherited_is_named(tmp_path: Path, method: str) -> None:
    """Each forked worker has its own other end, and the later one those before it; spawned ones come to the end."""
    recorded = record(tmp_path, script(INHERITED), method)
    if method != "fork":
        assert 0 == recorded.status
        return
    stalled = recorded.stall()
    assert stalled["reason"] == (
        "worker 0 waits for ever in recv() on 'there (script.py:15)': worker 0 and worker 1 have 'here (script.py:15)' "
        "open, and so EOF does not come"
    )
    waits = {each["process"]: each["waiting_for"] for each in stalled["processes"]}
    assert "something to receive at 'there #2 (script.py:15)'" == waits["worker 1"]


OUTSIDE = """
import socket
import time

def work(event, what):
    event.set()
    if what == "sleep":
        time.sleep(600)
    elif what == "accept":
        socket.create_server(("127.0.0.1", 0)).accept()
    else:
        left, right = socket.socketpair()
        left.recv(1)

def main():
    event = multiprocessing.Event()
    worker = multiprocessing.Process(target=work, args=(event, sys.argv[2]), name="worker", daemon=True)
    worker.start()
    worker.join()
"""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("sleep", "worker waits for the end of its sleep (in work, script.py:12)"),
        ("accept", "worker waits for somebody to connect to its socket (in work, script.py:14)"),
        ("receive", "worker waits for data at a socket (in work, script.py:17)"),
    ],
)
def test_a_call_to_the_system_is_told(tmp_path: Path, method: str, what: str, told: str) -> None:
    """What is not recorded may still be seen: in which call to the system somebody is, and where in the script."""
    recording = Recording(tmp_path, script(OUTSIDE), method, what)
    recording.wait_for("event.set")
    pid = next(event["pid"] for event in recording.events() if event["event"] == "event.set")
    while what != outside_call(pid, pid):
        assert is_running(pid)
    recording.process.send_signal(signal.SIGINT)
    assert told in recording.finish().log.one("scenario.signalled")["reason"]


POLLING = """
import queue
import time

def ask(what, event, end, items):
    if what == "event":
        poll = event.is_set
    elif what == "pipe":
        poll = end.poll
    elif what == "queue":
        poll = lambda: not items.empty()
    else:
        poll = lambda: takes(items)
    while not poll():
        time.sleep(0.01)

def takes(items):
    try:
        return bool(items.get_nowait())
    except queue.Empty:
        return False

def main():
    event, items = multiprocessing.Event(), multiprocessing.Queue()
    here, there = multiprocessing.Pipe()
    worker = multiprocessing.Process(target=ask, args=(sys.argv[2], event, there, items), name="worker", daemon=True)
    worker.start()
    while worker.is_alive():
        time.sleep(0.01)
"""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("event", "whether event 'event (script.py:28)' is set: it was not"),
        ("pipe", "whether there is something to receive at 'there (script.py:29)': there was not"),
        ("queue", "whether queue 'items (script.py:28)' is empty: it was"),
        ("item", "whether there is an item in queue 'items (script.py:28)': there was none"),
    ],
)
def test_what_is_asked_again_and_again_is_told(tmp_path: Path, method: str, what: str, told: str) -> None:
    """Who asks in a loop does not wait: what it asks, and what it is answered, is why it does not go on."""
    recording = Recording(tmp_path, script(POLLING), method, what)
    while 2 > len({event["event"] for event in recording.events() if event.get("times", 1) > 1}):
        assert recording.process.poll() is None
    recording.process.send_signal(signal.SIGINT)
    reason = recording.finish().log.one("scenario.signalled")["reason"]
    assert re.search(f"; worker has asked again and again, until [0-9.]+ s, {re.escape(told)}", reason), reason
    assert re.search(
        "; the main program has asked again and again, until [0-9.]+ s, whether worker is alive: it was", reason
    )


def test_who_ends_well_when_asked_to_is_not_told_of_it(tmp_path: Path) -> None:
    """A program that has its own way to end, and does, has not been in anybody's way; the log has who waited."""
    text = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("ready", flush=True)
while True:
    signal.sigtimedwait([], 0.01)
"""
    recording = Recording(tmp_path, text)
    assert recording.process.stdout
    assert "ready\n" == recording.process.stdout.readline()
    recording.process.send_signal(signal.SIGTERM)
    recorded = recording.finish()
    assert (0, "") == (recorded.status, recorded.stderr)
    assert "SIGTERM" == recorded.log.one("scenario.signalled")["signal"]


SHOWN = """
def fail(box):
    box.get(timeout=0)

def main():
    box, pool = multiprocessing.Queue(), multiprocessing.Pool(1)
    made = [box, pool, multiprocessing.JoinableQueue(), multiprocessing.SimpleQueue(), multiprocessing.Barrier(2)]
    made += [*multiprocessing.Pipe(), multiprocessing.Value("i"), multiprocessing.Array("i", 2), pool.imap(abs, [1])]
    print(*made, multiprocessing.Process, multiprocessing.Process(target=fail), sep="\\n")
    print(multiprocessing.Process.start.__qualname__, multiprocessing.Process.join.__doc__)
    sys.stdout.flush()
    process = multiprocessing.Process(target=fail, args=(box,))
    process.start()
    process.join()
    thread = threading.Thread(target=fail, args=(box,))
    thread.start()
    thread.join()
    pool.apply(abs, ("text",))
"""


def test_what_python_shows_is_multiprocessings_own(tmp_path: Path, method: str) -> None:
    """Objects look as they do without; tracebacks of processes, threads, tasks and the script have no frame of ours."""
    file = tmp_path / "script.py"
    file.write_text(script(SHOWN))
    plain, recorded = plainly(tmp_path, file, method), record(tmp_path, file, method)
    changing = re.compile(r"0x[0-9a-f]+|\d{3,}")
    assert changing.sub("…", plain.stdout) == changing.sub("…", recorded.stdout)
    assert plain.returncode == recorded.status == 1
    assert "run_scenario" not in recorded.stderr
    assert 2 == recorded.stderr.count("box.get(timeout=0)\n")
    assert "bad operand type for abs(): 'str'" in recorded.stderr
