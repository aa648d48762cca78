"""Ways to end, and to leave something behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import util
from typing import Any


def leave_with(text: str) -> None:
    """Leave by sys.exit() with a text."""
    sys.exit(text)


def leave_silently() -> None:
    """Leave by a plain sys.exit()."""
    sys.exit()


def put_and_vanish(outbox: Any, count: int) -> None:
    """Put many items and leave by os._exit() before the feeder thread can have written all."""
    for number in range(count):
        outbox.put(number)
    os._exit(0)


def put_and_count(outbox: Any, count: int, path: str, pipe: str) -> None:
    """Put numbers, noting in a file how many put() calls have returned; say so in a named pipe in the midst of it."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    midst = os.open(pipe, os.O_WRONLY)
    for number in range(1, count + 1):
        outbox.put(number)
        os.pwrite(file, number.to_bytes(8, "little"), 0)
        if number == count // 4:
            os.close(midst)
    signal.pause()


def leave_a_thread(seconds: float) -> None:
    """Return while a thread that is no daemon goes on."""
    threading.Timer(seconds, print, ["the thread is done"]).start()


def outlive_main(event: Any) -> None:
    """Wait for an event, and then, in a thread of the main program, until that program has no more to do."""
    event.wait()
    threading.main_thread().join()


def say_and_stay(event: Any) -> None:
    """Print something, say so, and stay for ever."""
    print("here to stay")
    event.set()
    while True:
        time.sleep(60)


def leave_an_orphan() -> None:
    """Fork a child that waits for ever, and return once it is there."""
    _fork_stubborn_child()
    print("the child is there")


def leave_an_orphan_and_tell(told: Any) -> None:
    """The same, and say before it who one is."""
    told.put(os.getpid())
    leave_an_orphan()


def be_stubborn() -> None:
    """Ignore SIGTERM and wait for ever, with a child in a session of its own that does the same."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _fork_stubborn_child()
    print("stubborn")
    signal.pause()


def be_stubborn_with_a_program() -> None:
    """The same, but the child is another program."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("stubborn")
    signal.pause()


def be_deaf(event: Any) -> None:
    """Ignore SIGTERM, say so, and wait for ever."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    event.set()
    signal.pause()


def stop() -> None:
    """Stop, as by Ctrl-Z."""
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_parent() -> None:
    """Stop the fork server, whose child this is, as a machine that has no time for it would."""
    os.kill(os.getppid(), signal.SIGSTOP)


def _fork_stubborn_child() -> None:
    readable, writable = os.pipe()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(writable, b"!")
        while True:
            signal.pause()
    os.read(readable, 1)


def start_a_child(seconds: float) -> None:
    """Start a process of multiprocessing's below this one, then be killed."""
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(seconds,), name="Grandchild").start()
    print("the child is there")
    os.kill(os.getpid(), signal.SIGKILL)


def burst(seconds: float) -> None:
    """Compute for so long by the clock on the wall."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def leave_a_child_later(event: Any, pipe: str, own: str) -> None:
    """Have a child of one's own, say so by an event, and end without it when a named pipe is written to."""
    if own == "fork":
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    else:
        subprocess.Popen(["sleep", "60"])
    event.set()
    with open(pipe, "rb"):
        os._exit(0)


def fork_and_return() -> None:
    """Fork as the operating system does it: both copies return from the target."""
    pid = os.fork()
    print("parent" if pid else "child")
    if pid:
        os.waitpid(pid, 0)


def read_from(path: str) -> None:
    """Read a file, which may take as long as whoever writes it wants."""
    with open(path, encoding="ascii") as file:
        print(file.read())


def read_at_exit(path: str) -> None:
    """Have multiprocessing read a file when this process ends."""
    util.Finalize(None, read_from, (path,), exitpriority=1)


def use_item(item: Any) -> Any:
    """Return a pool's item."""
    return item
