"""Who waits inside its own process, or does not heed SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import threading
from typing import Any

_once = threading.Lock()
_registry = threading.RLock()


def ignore_term() -> None:
    """Ignore SIGTERM, as a library may."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def lock_oneself_out(item: Any = None) -> Any:
    """Acquire a lock of this process twice."""
    with _once, _once:
        return item


def tell_and_lock_oneself_out(path: str) -> None:
    """Write into a named pipe, and then acquire a lock of this process twice."""
    with open(path, "w", encoding="ascii") as pipe:
        pipe.write("begun")
    lock_oneself_out()


def keep_registry(held: Any, enough: Any) -> None:
    """Hold a lock of the main program, and say so, until it is enough: to be run as a thread of it."""
    with _registry:
        held.set()
        enough.wait()


def use_registry(here: Any) -> None:
    """Say that one is there, and want that lock: in a forked process, whoever holds it there does not exist."""
    here.set()
    with _registry:
        print("used", flush=True)


def swap_in_threads() -> None:
    """Have two threads of one process take two locks in opposite order, and wait for both."""
    first, second, both = threading.Lock(), threading.Lock(), threading.Barrier(2)

    def take(one: Any, other: Any) -> None:
        with one:
            both.wait()
            with other:
                pass

    threads = [threading.Thread(target=take, args=pair, daemon=True) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for_a_late_thread() -> None:
    """Wait for a thread that sleeps, and then sets what is waited for."""
    done = threading.Event()
    threading.Timer(1.5, done.set).start()
    done.wait()


def wait_for_a_program() -> None:
    """Wait for a thread that waits for a program."""
    thread = threading.Thread(target=subprocess.run, args=(["sleep", "1.5"],))
    thread.start()
    thread.join()
