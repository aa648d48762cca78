"""Who waits for something that comes after a while: from outside, from a clock, from a program or a thread.

Whoever helps from outside listens at the socket `place` (see tests/live); he acts some time after he was asked.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import math
import multiprocessing
import os
import queue
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any


class _Woken(Exception):
    """Raised by a handler, which ends any wait."""


def _wake(*_: Any) -> None:
    raise _Woken


def _ask(place: str, request: str = "answer", *descriptors: int) -> socket.socket:
    """Ask the helper for something; return the connection."""
    if ":" in place:
        host, _, port = place.partition(":")
        connection = socket.create_connection((host, int(port)))
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(place)
    if descriptors:
        socket.send_fds(connection, [f"{request}\n".encode()], list(descriptors))
    else:
        connection.sendall(f"{request}\n".encode())
    return connection


def wait_for_answer(place: str, seconds: float) -> None:
    """Read from a socket."""
    _ask(place).recv(1)


def wait_for_answer_at_exit(place: str, seconds: float) -> None:
    """Read from a socket when the process ends, as whatever flushes telemetry does."""
    multiprocessing.util.Finalize(None, wait_for_answer, (place, seconds), exitpriority=-50)
    atexit.register(wait_for_answer, place, seconds)


def wait_for_answer_in_thread(place: str, seconds: float) -> None:
    """Wait for a thread that reads from a socket."""
    thread = threading.Thread(target=wait_for_answer, args=(place, seconds))
    thread.start()
    thread.join()


def wait_for_fifo(place: str, seconds: float) -> None:
    """Read from a named pipe."""
    path = f"{place}.fifo"
    os.mkfifo(path)
    _ask(place, f"write {path}")
    with open(path, "rb") as file:
        file.read(1)


def wait_for_file_lock(place: str, seconds: float) -> None:
    """Wait for the lock of a file that another program has locked."""
    with open(f"{place}.lock", "w", encoding="ascii") as file:
        _ask(place, f"lock {file.name}").recv(1)
        fcntl.flock(file, fcntl.LOCK_EX)


def wait_for_passed_pipe(place: str, seconds: float) -> None:
    """Receive at a pipe whose other end was sent to another program."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    _ask(place, "send", sender.fileno())
    sender.close()
    thread = threading.Thread(target=receiver.recv)
    thread.start()
    thread.join()


def receive_from_stranger(place: str, mine: Any, other: Any) -> None:
    """Receive at an end of a pipe whose other end was sent to another program."""
    _ask(place, "send", other.fileno())
    other.close()
    mine.recv()


def wait_for_passed_end(place: str, seconds: float, mine: Any, other: Any) -> None:
    """Do so at a pipe of the scenario."""
    receive_from_stranger(place, mine, other)


def wait_for_signal(place: str, seconds: float, inbox: Any) -> None:
    """Be woken by a signal from outside, in the middle of a get."""
    signal.signal(signal.SIGUSR1, _wake)
    with contextlib.suppress(_Woken):
        _ask(place, f"signal {os.getpid()}")
        inbox.get()
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def wait_for_blocked_signal(place: str, seconds: float) -> None:
    """Take a signal from outside that is blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    _ask(place, f"signal {os.getpid()}")
    signal.sigwait([signal.SIGUSR1])


def wait_for_alarm(place: str, seconds: float, inbox: Any) -> None:
    """Be woken by a timer of the process, in the middle of a get."""
    signal.signal(signal.SIGALRM, _wake)
    with contextlib.suppress(_Woken):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        inbox.get()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _take_until_alarm(inbox: Any, seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    inbox.get()


def take_until_alarm(inbox: Any, seconds: float, how: str) -> None:
    """Wait for an item until the system ends the process, by a clock of its own that rings unheard."""
    if how == "alarm":
        signal.alarm(math.ceil(seconds))
        inbox.get()
    _take_until_alarm(inbox, seconds)


def wait_for_deadly_alarm(place: str, seconds: float, inbox: Any) -> None:
    """Join a child of one's own that its clock ends."""
    child = multiprocessing.Process(target=_take_until_alarm, args=(inbox, seconds))
    child.start()
    child.join()


def wait_for_timer(place: str, seconds: float) -> None:
    """Wait for a thread that sleeps."""
    done = threading.Event()
    threading.Timer(seconds, done.set).start()
    done.wait()


def wait_for_select(place: str, seconds: float) -> None:
    """Wait for nothing, for some time."""
    select.select([], [], [], seconds)


def wait_for_poll(place: str, seconds: float) -> None:
    """Poll a pipe in which nothing comes, for some time."""
    receiver, _sender = multiprocessing.Pipe(duplex=False)
    receiver.poll(seconds)


def wait_for_program(place: str, seconds: float) -> None:
    """Wait for a program."""
    subprocess.run(["sleep", f"{seconds}"], check=True)


def wait_for_output(place: str, seconds: float) -> None:
    """Read what a program writes after a while."""
    subprocess.run(["sh", "-c", f"sleep {seconds}; echo done"], check=True, capture_output=True)


def wait_for_program_in_thread(place: str, seconds: float) -> None:
    """Wait for a thread that waits for a program."""
    thread = threading.Thread(target=wait_for_program, args=(place, seconds))
    thread.start()
    thread.join()


def wait_for_child(place: str, seconds: float) -> None:
    """Join a child of one's own that waits for a program."""
    child = multiprocessing.Process(target=wait_for_program, args=(place, seconds))
    child.start()
    child.join()


def wait_for_copy(place: str, seconds: float) -> None:
    """Wait for a copy of this process that sleeps."""
    child = os.fork()
    if child == 0:
        time.sleep(seconds)
        os._exit(0)
    os.waitpid(child, 0)


def wait_for_own_manager(place: str, seconds: float) -> None:
    """Wait for an item on a queue of one's own manager, which a thread puts there after a while."""
    with multiprocessing.Manager() as manager:
        items = manager.Queue()
        threading.Thread(target=lambda: (time.sleep(seconds), items.put(1))).start()
        items.get()


def _put_late(items: Any, seconds: float) -> None:
    subprocess.run(["sleep", f"{seconds}"], check=True)
    items.put(1)


def wait_for_child_at_manager(place: str, seconds: float) -> None:
    """The same, but a child puts it."""
    with multiprocessing.Manager() as manager:
        items = manager.Queue()
        child = multiprocessing.Process(target=_put_late, args=(items, seconds))
        child.start()
        items.get()
        child.join()


def wait_for_own_queue(place: str, seconds: float) -> None:
    """Wait for an item on a queue of one's own, which a child puts there after a while."""
    items: Any = multiprocessing.Queue()
    child = multiprocessing.Process(target=_put_late, args=(items, seconds))
    child.start()
    items.get()
    child.join()


def wait_for_own_lock(place: str, seconds: float) -> None:
    """Wait for a lock of one's own, which a thread releases after a while."""
    lock = multiprocessing.Lock()
    lock.acquire()
    threading.Timer(seconds, lock.release).start()
    lock.acquire()


def wait_for_inherited_pipe(place: str, seconds: float) -> None:
    """Read a pipe of one's own, which a program that has its other end writes to after a while."""
    reader, writer = os.pipe()
    subprocess.Popen(["sh", "-c", f"sleep {seconds}; echo done >&{writer}"], pass_fds=[writer])
    os.close(writer)
    os.read(reader, 1)


def wait_for_thread_pool(place: str, seconds: float) -> None:
    """Wait for what a thread puts into a queue of the process."""
    items: queue.Queue[int] = queue.Queue()
    threading.Thread(target=lambda: (time.sleep(seconds), items.put(1))).start()
    items.get()


def compute(place: str, seconds: float) -> None:
    """Compute."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(10_000))


def live(
    how: str,
    place: str,
    seconds: float,
    gate: Any,
    event: Any,
    outbox: Any,
    never: Any,
    mine: Any,
    other: Any,
    shared: Any = None,
) -> None:
    """Wait in one of these ways, with a lock that another wants, and then give all others what they wait for."""
    wait: Callable[..., None] = globals()[how]
    with gate:
        if how in ("wait_for_signal", "wait_for_alarm", "wait_for_deadly_alarm"):
            wait(place, seconds, never)
        elif how == "wait_for_passed_end":
            wait(place, seconds, mine, other)
        else:
            wait(place, seconds)
    event.set()
    outbox.put("alive")
    if shared is not None:
        shared.put("alive")


def wait_for_live(what: str, gate: Any, event: Any, inbox: Any, shared: Any = None) -> None:
    """Wait for one of the things that `live` gives."""
    if what == "gate":
        with gate:
            pass
    elif what == "event":
        event.wait()
    elif what == "inbox":
        inbox.get()
    else:
        shared.get()
