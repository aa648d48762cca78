"""Who one is: what a process says of itself."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
from typing import Any


def tell_modules() -> None:
    """Print which modules the process has imported."""
    for name in sorted(sys.modules):
        print(name)


def tell_identity() -> None:
    """Print what multiprocessing says about this process."""
    process, parent = multiprocessing.current_process(), multiprocessing.parent_process()
    facts = {
        "name": process.name,
        "pid": process.pid,
        "daemon": process.daemon,
        "parent": None if parent is None else (parent.name, parent.pid),
        "main": sys.modules["__main__"].__name__,
        "children": len(multiprocessing.active_children()),
        "threads": threading.active_count(),
        "standard input": sys.stdin.read() if sys.stdin and not sys.stdin.closed else "",
    }
    print(json.dumps(facts))


def tell_cpus() -> None:
    """Print the ids of the CPUs that the process may use."""
    print(sorted(os.sched_getaffinity(0)))


class Worker(multiprocessing.Process):
    """A subclass of Process: its constructor runs in the main program, its run() in the child."""

    def __init__(self, word: str, outbox: Any) -> None:
        super().__init__()
        self.word = word
        self.outbox = outbox
        parent = multiprocessing.parent_process()
        facts = {"name": multiprocessing.current_process().name, "parent": parent and parent.name, "pid": os.getpid()}
        print(json.dumps(facts))

    def run(self) -> None:
        """Put one word."""
        print(f"{self.name} runs {self.word}")
        self.outbox.put(self.word)


def tell_thread() -> None:
    """Print what multiprocessing and threading say about where this runs."""
    thread = threading.current_thread()
    print(json.dumps([multiprocessing.current_process().name, thread.name, type(thread).__name__, thread.daemon]))
