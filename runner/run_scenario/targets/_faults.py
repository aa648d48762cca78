"""Targets that do on a queue what one should not do, each with the fault that comes of it."""

from __future__ import annotations

import os
import time
from multiprocessing import current_process

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import AnyEvent, Count, ExitCode, Outbox, Seconds, TaskInbox


@target
def put_large(outbox: Outbox, size: Count = 1_000_000, count: Count = 1) -> None:
    """Put large texts on a queue.

    What does not fit into the queue's pipe (about 64 kB) stays in this process, which cannot end before somebody has
    taken it: who joins the process first, and takes only then, waits for ever.

    Args:
        outbox: The queue it puts on.
        size: Characters in each text.
        count: How many texts.

    Example:
        - target: put_large
          to: results
          kwargs: {size: 100000}
    """
    name = current_process().name
    for number in range(1, count + 1):
        outbox.put("x" * size)
        print(f"{name} has put text {number} of {size} character{'s' * (size != 1)}")


@target
def put_and_exit(outbox: Outbox, count: Count = 1000, code: ExitCode = 0) -> None:
    """Put the numbers 0, 1, 2, … on a queue and leave at once by `os._exit()`.

    `put()` only hands an item to a thread, which writes it to the queue's pipe a little later. `os._exit()` ends the
    thread too: most of the items are lost, and the exit code says nothing about it.

    Args:
        outbox: The queue it puts on.
        count: How many numbers.
        code: The exit code.

    Example:
        - target: put_and_exit
          to: results
          exitcode: 0
    """
    print(f"{current_process().name} puts {count} number{'s' * (count != 1)} and leaves")
    for number in range(count):
        outbox.put(number)
    os._exit(code)


@target
def put_unpicklable(outbox: Outbox) -> None:
    """Put three items on a queue; the second, a lambda, cannot be pickled.

    `put()` takes it without a word. It is the queue's thread that fails to pickle it: it prints a traceback and drops
    the item, and this process ends well.

    Args:
        outbox: The queue it puts on.

    Example:
        - target: put_unpicklable
          to: results
    """
    name = current_process().name
    for text, item in (("a text", "first"), ("a lambda", lambda: "second"), ("a text", "third")):
        outbox.put(item)
        print(f"{name} has put {text}")
    # In a process that is ending, the thread would drop the third item too: wait for the thread.
    outbox.close()
    outbox.join_thread()


@target
def mutate_after_put(outbox: Outbox, size: Count = 0, ready: AnyEvent | None = None) -> None:
    """Put a list on a queue, and change the list afterwards.

    The queue's thread pickles it only a little later, so that what arrives is usually the changed list. It certainly is
    if the thread is busy until then with a text that does not fit into the queue's pipe (about 64 kB).

    Args:
        outbox: The queue it puts on.
        size: Characters of a text that it puts before the list; 0: none.
        ready: An event that it sets when it has changed the list.

    Example:
        - target: mutate_after_put
          to: results
    """
    if size:
        outbox.put("x" * size)
    item = ["as it was put"]
    outbox.put(item)
    item[0] = "changed after put()"
    print(f"{current_process().name} has put a list and changed it")
    if ready is not None:
        ready.set()


class Unloadable:
    """An object that can be pickled, but not unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return refuse_to_load, ("this object cannot be unpickled",)


def refuse_to_load(message: str) -> None:
    """Raise what whoever unpickles the object gets to see."""
    raise ValueError(message)


@target
def put_unloadable(outbox: Outbox) -> None:
    """Put an object on a queue that can be pickled, but not unpickled: `get()` raises in whoever takes it.

    Args:
        outbox: The queue it puts on.

    Example:
        - target: put_unloadable
          to: tasks
    """
    outbox.put(Unloadable())
    print(f"{current_process().name} has put an object that nobody can load")


@target
def take_and_die(inbox: TaskInbox, count: Count = 1, code: ExitCode = 1, after: Seconds = 0.0) -> None:
    """Take tasks from a queue, and die in the midst of the last one, before its `task_done()`.

    Whoever has joined the queue waits for that `task_done()`, which nobody will ever call.

    Args:
        inbox: The queue it takes from, a JoinableQueue.
        count: How many tasks it takes; all but the last one are done properly.
        code: The exit code with which it leaves by `os._exit()`.
        after: Seconds of sleep before it dies.

    Example:
        - target: take_and_die
          from: tasks
          exitcode: 1
    """
    name = current_process().name
    for number in range(1, count + 1):
        task = inbox.get()
        print(f"{name} processing task: {task}")
        if number < count:
            inbox.task_done()
    time.sleep(after)
    os._exit(code)
