"""Who is killed in the middle of something, by whom, and who meets what is left."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from typing import Any

from actors.shared import siblings


def put_large_and_tell(outbox: Any, size: int, told: Any) -> None:
    """Put a text that does not fit into the pipe, say so when its first part has arrived there, and wait."""
    outbox.put("x" * size)
    outbox._reader.poll(None)
    told.put(os.getpid())
    signal.pause()


def wait_at(event: Any, told: Any) -> None:
    """Say who one is, and wait for an event, or at a barrier."""
    told.put(os.getpid())
    event.wait()


def kill_when_told(inbox: Any, number: str = "SIGKILL", asleep: bool = True) -> None:
    """Send a signal to the process that names itself, once it sleeps in a wait; then return when it is gone."""
    pid = inbox.get()
    if asleep:
        wait_until_asleep(pid)
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.Signals[number])
    select.select([descriptor], [], [])


def wait_until_asleep(pid: int) -> None:
    """Return when a process has been asleep for a while: in the wait for which it has announced itself."""
    seen = 0
    while seen < 20:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            seen = seen + 1 if file.read().rpartition(")")[2].split()[0] == "S" else 0
        time.sleep(0.01)


def announce_and_put_two(outbox: Any, told: Any) -> None:
    """Say who one is, and put two items, of which the second has to wait for room."""
    outbox.put("first")
    told.put(os.getpid())
    outbox.put("second")


def take_from_who_waits(inbox: Any, told: Any) -> None:
    """Take two items as soon as who puts them sleeps in its wait for room."""
    wait_until_asleep(told.get())
    for _ in range(2):
        print("got", inbox.get())


def kill_parent(outbox: Any) -> None:
    """Kill the fork server, whose child this is; then say so, once it is gone, and wait for ever."""
    server = os.getppid()
    descriptor = os.pidfd_open(server)
    os.kill(server, signal.SIGKILL)
    select.select([descriptor], [], [])
    outbox.put("the fork server is gone")
    signal.pause()


def reap_anybody() -> None:
    """Wait for any child of the main program, in a thread of it, as a careless library might."""
    os.waitpid(-1, 0)


def fork_with_threads() -> None:
    """Fork from a process that has a thread: Python 3.12 and later warn of it."""
    until = threading.Event()
    thread = threading.Thread(target=until.wait)
    thread.start()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    until.set()
    thread.join()


def announce_and_take(inbox: Any, told: Any) -> None:
    """Say who one is, and wait for an item."""
    told.put(os.getpid())
    inbox.get()


def announce_and_join(queue: Any, told: Any) -> None:
    """Say who one is, and wait until every item of a queue is done."""
    told.put(os.getpid())
    queue.join()


def kill_then_put_and_take(inbox: Any, queue: Any) -> None:
    """Kill who names itself, asleep in its wait; then put something on the queue that it used, and want it back."""
    kill_when_told(inbox)
    queue.put("late")
    queue.get()


def kill_then_take(inbox: Any, queue: Any) -> None:
    """Kill who names itself, asleep in its wait; then take from the queue that it used."""
    kill_when_told(inbox)
    queue.get()


def kill_then_try(inbox: Any, queue: Any) -> None:
    """Kill who names itself; then put something on the queue that it used, and try to take it within a moment."""
    kill_when_told(inbox)
    queue.put("late")
    try:
        queue.get(timeout=0.2)
    except Exception as error:
        print(type(error).__name__, queue.qsize())


def kill_then_finish(inbox: Any, queue: Any) -> None:
    """Kill who waits for the items of a queue to be done; then do the last one."""
    kill_when_told(inbox)
    queue.get()
    queue.task_done()


def kill_then_meet(inbox: Any, barrier: Any) -> None:
    """Kill who names itself, asleep at a barrier; then come to the barrier."""
    kill_when_told(inbox)
    barrier.wait()


def kill_then_set(inbox: Any, event: Any) -> None:
    """Kill who names itself, asleep in its wait for an event; then set the event."""
    kill_when_told(inbox)
    event.set()


def announce_and_wait_for_notice(condition: Any, told: Any) -> None:
    """Say who one is, and wait to be notified."""
    with condition:
        told.put(os.getpid())
        condition.wait()


def kill_then_notify(inbox: Any, condition: Any) -> None:
    """Kill who names itself, asleep in its wait for a condition; then notify."""
    kill_when_told(inbox)
    with condition:
        condition.notify()


def kill_the_other_worker(item: Any) -> Any:
    """Kill the other of a pool's two workers, once it sleeps in its wait for a task."""
    others: list[int] = []
    while len(others) != 1:
        others = [int(pid) for pid in siblings() if int(pid) != os.getpid()]
    wait_until_asleep(others[0])
    os.kill(others[0], signal.SIGKILL)
    return item


def look_then_take(inbox: Any, barrier: Any) -> None:
    """Do what `while not queue.empty(): queue.get()` does, with another who has looked at the same moment."""
    while not inbox.empty():
        barrier.wait()
        print("got", inbox.get())


def acquire_and_wait(lock: Any, told: Any) -> None:
    """Acquire a lock, say who one is, and wait for ever."""
    lock.acquire()
    told.put(os.getpid())
    signal.pause()


def kill_then_acquire(inbox: Any, lock: Any) -> None:
    """Kill who names itself, with a lock in hand; then want the lock."""
    kill_when_told(inbox)
    lock.acquire()


def take_all_descriptors() -> None:
    """Open files until no more may be opened, and keep them."""
    try:
        while True:
            _hoard.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return


_hoard: list[int] = []
