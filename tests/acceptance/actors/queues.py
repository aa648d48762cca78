"""What is done with queues."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from multiprocessing import util
from typing import Any

from actors.ends import burst


def put_large(outbox: Any, size: int, count: int = 1) -> None:
    """Put texts of that many characters."""
    for _ in range(count):
        outbox.put("x" * size)


def take(inbox: Any, count: int = 1, done: Any = None) -> None:
    """Get so many items and print them; then say that it is done."""
    for _ in range(count):
        print("got", inbox.get())
    if done is not None:
        done.put("done")


def swap(inbox: Any, outbox: Any) -> None:
    """Get first, then put."""
    outbox.put(inbox.get())


def sleep_then_put(outbox: Any, seconds: float) -> None:
    """Sleep, then put one item."""
    time.sleep(seconds)
    outbox.put("slept")


def compute_then_put(outbox: Any, seconds: float) -> None:
    """Compute, then put one item."""
    burst(seconds)
    outbox.put("computed")


def run_command_then_put(outbox: Any, seconds: float) -> None:
    """Wait for another program, then put one item."""
    subprocess.run(["sleep", str(seconds)], check=True)
    outbox.put("ran")


def listen_then_put(outbox: Any, path: str) -> None:
    """Wait for somebody to write to a named pipe, which is nothing that the recorder knows of, then put one item."""
    with open(path) as pipe:
        outbox.put(pipe.read())


def thread_then_put(outbox: Any, seconds: float) -> None:
    """Wait in a thread's join for a thread that sleeps and then puts."""
    thread = threading.Thread(target=sleep_then_put, args=(outbox, seconds))
    thread.start()
    thread.join()


def take_with_timeout(inbox: Any, seconds: float) -> None:
    """Give up when nothing has come within the time; a put with a timeout likewise."""
    try:
        inbox.get(timeout=seconds)
    except Exception as error:
        print(type(error).__name__)


def put_with_timeout(outbox: Any, seconds: float) -> None:
    """Put into a queue that gets full, and give up when it stays so."""
    outbox.put(1)
    try:
        outbox.put(2, timeout=seconds)
    except Exception as error:
        print(type(error).__name__)
    outbox.get()


def put_unpicklable(outbox: Any, inbox: Any = None) -> None:
    """Put what cannot be pickled between two plain items; stay, if asked to, until they have arrived."""
    outbox.put("before")
    outbox.put(lambda: None)
    outbox.put("after")
    if inbox is not None:
        inbox.get()


def put_many_kinds(outbox: Any) -> None:
    """Put one item of each kind that the log has to show."""
    for item in (None, True, False, 0, -1, 2**62, 2**70, 1.5, float("inf"), "ä\ud800\x1b[31m", b"\xff", [1, {"a": ()}]):
        outbox.put(item)


def take_and_crash(inbox: Any) -> None:
    """Get one item and die before task_done()."""
    inbox.get()
    os.kill(os.getpid(), signal.SIGKILL)


def put_and_take(outbox: Any, inbox: Any) -> None:
    """Put something, and wait for an item."""
    outbox.put(1)
    inbox.get()


def serve_first(inbox: Any, outbox: Any, turns: int) -> None:
    """Put a number and wait for it to come back, again and again."""
    for number in range(turns):
        outbox.put(number)
        inbox.get()


def serve_back(inbox: Any, outbox: Any, turns: int) -> None:
    """Put back what comes."""
    for _ in range(turns):
        outbox.put(inbox.get())


def put_numbers_and_odd(outbox: Any, count: int) -> None:
    """Put so many numbers, and something that cannot be pickled."""
    for number in range(count):
        outbox.put(number)
    outbox.put(number for number in ())


def put_odd_and_return(outbox: Any, after: int) -> None:
    """Put what cannot be pickled, and so many items after it, and return at once."""
    gate = Slow()
    outbox.put(gate)
    outbox.put(lambda: None)
    for number in range(after):
        outbox.put(number)


class Slow:
    """It is pickled only when its process is ending: so what is put after it is pickled later still."""

    def __getstate__(self) -> Any:
        while not util.is_exiting():
            time.sleep(0.001)
        return {}


class Leaving:
    """Whoever pickles it is made to leave: that ends the queue's thread, without a word."""

    def __reduce__(self) -> Any:
        raise SystemExit("not now")


def put_leaving(outbox: Any) -> None:
    """Put a number, what ends the queue's thread, and another number."""
    outbox.put(1)
    outbox.put(Leaving())
    outbox.put(2)


def ask_oddly(requests: Any, answers: Any) -> None:
    """Send a question that cannot be pickled, and wait for its answer."""
    requests.put(threading.Lock())
    answers.get()


def answer(requests: Any, answers: Any) -> None:
    """Answer one question."""
    requests.get()
    answers.put("yes")


def put_odd_and_join(q: Any) -> None:
    """Put what cannot be pickled, and wait until it is done."""
    q.put(threading.Lock())
    q.join()
