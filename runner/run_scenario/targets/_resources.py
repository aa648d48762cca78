"""Targets about what each process has to itself: memory, open files, processor time, its place in the tree."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from multiprocessing import current_process
from pathlib import Path
from threading import current_thread

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import AnyEvent, Count, Seconds


@target
def print_start_method() -> None:
    """Print by which start method the process was started, and whether it has inherited the main program's memory.

    A forked process is a copy of the main program. A spawned one is a new Python that imports what it needs; one of
    the fork server is a copy of that server.

    Example:
        - target: print_start_method
    """
    name = current_process().name
    method = multiprocessing.get_start_method()
    inherited = "copied from its parent" if method == "fork" else "its own from the beginning"
    print(f"{name} was started by {method}: its memory is {inherited}")


@target
def allocate_memory(megabytes: Count = 50, seconds: Seconds = 0.5) -> None:
    """Fill so much memory, and keep it for a while.

    It counts for this process alone: no other becomes larger by it.

    Args:
        megabytes: How much, in units of 1,048,576 bytes.
        seconds: How long it is kept.

    Example:
        - target: allocate_memory
          kwargs: {megabytes: 100, seconds: 1}
    """
    memory = b"\1" * (megabytes << 20)  # zeros would take no room before they are changed
    print(f"{current_process().name} holds {len(memory) >> 20} MB of its own")
    time.sleep(seconds)


def several(count: int, noun: str, ending: str = "s") -> str:
    """Return `1 thread`, or `2 threads`."""
    return f"{count} {noun}{ending if count != 1 else ''}"


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@target
def report_resources(seconds: Seconds = 0.1) -> None:
    """Compute for a while, then print what belongs to this process, as the operating system counts it.

    Args:
        seconds: Processor time that it uses first.

    Example:
        - target: report_resources
    """
    import resource  # which does not exist everywhere

    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    name, usage = current_process().name, resource.getrusage(resource.RUSAGE_SELF)
    megabytes = usage.ru_maxrss >> (20 if sys.platform == "darwin" else 10)  # macOS: bytes
    print(f"{name}: process id {os.getpid()}, child of {os.getppid()}")
    print(f"{name}: {several(threading.active_count(), 'thread')}")
    files = sum(map(is_open, range(1024)))  # a new one gets the lowest number that is free
    print(f"{name}: {several(files, 'open file')}")
    print(f"{name}: {megabytes} MB of memory at most")
    print(f"{name}: {usage.ru_utime + usage.ru_stime:.2f} s of processor time")
    switches = several(usage.ru_nvcsw, "context switch", "es")
    print(f"{name}: {switches} of its own, {usage.ru_nivcsw} forced on it")


@target
def print_siblings(after: Seconds = 1.0, start: AnyEvent | None = None) -> None:
    """Print the state of each process that has the same parent as this one: running, sleeping, or a zombie.

    A zombie has ended, but nobody has waited for it: the system keeps its exit code until its parent asks. Under the
    start method forkserver the parent is the server, which waits at once. Linux only: it reads /proc.

    Args:
        after: Seconds of sleep before it looks.
        start: An event that it waits for before all this.

    Example:
        - target: print_siblings
    """
    if not Path("/proc/self/stat").exists():
        raise NotImplementedError("print_siblings reads /proc, which only Linux has")
    if start is not None:
        start.wait()
    time.sleep(after)
    parent, states = str(os.getppid()), {"R": "running", "S": "sleeping", "Z": "a zombie"}
    for pid in sorted(int(entry.name) for entry in Path("/proc").glob("[0-9]*")):
        try:
            state, its_parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has ended in between
        if its_parent == parent:
            whose = "itself" if pid == os.getpid() else "a sibling"
            print(f"process ID: {pid}, {whose}: {states.get(state, state)}")


known_words: list[str] = []


@target
def remember(word: str, after: Seconds = 0.0) -> None:
    """Append a word to a list that is a global variable, and print the list.

    Threads of one process all append to the same list, and print what the others have appended. A process has a list
    of its own: it prints its own word, and what its parent had appended before it was forked.

    Args:
        word: What is appended.
        after: Seconds of sleep before it.

    Example:
        - target: remember
          worker: thread
          kwargs: {word: tea}
    """
    time.sleep(after)
    known_words.append(word)
    print(f"{current_thread().name} of {current_process().name}: {', '.join(known_words)}")
