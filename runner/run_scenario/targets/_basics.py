"""Targets that need nothing but a process: counting, sleeping, computing, telling who they are."""

from __future__ import annotations

import os
import time
from multiprocessing import current_process

from run_scenario.targets._decorators import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_scenario.targets._kinds import Count, Seconds


@target
def count_down(start: Count = 5, interval: Seconds = 0.5) -> None:
    """Count down from `start` to 1, one number after each `interval`.

    Two of them side by side show that processes run at the same time: their numbers alternate, and both are done
    after the time that one of them needs.

    Args:
        start: The first number that is printed.
        interval: Seconds of sleep before each number.

    Example:
        - name: A
          target: count_down
          kwargs: {start: 3, interval: 0.1}

    Steps:
        - print: Process $name starting...
        - for: number
          in: [5, 4, 3, 2, 1]
          steps:
            - sleep: 0.5
            - print: "Process $name counting down: $number..."
        - print: Process $name exiting...
    """
    name = current_process().name
    print(f"Process {name} starting...")
    for number in range(start, 0, -1):
        time.sleep(interval)
        print(f"Process {name} counting down: {number}...")
    print(f"Process {name} exiting...")


@target
def sleep(seconds: Seconds = 1.0) -> None:
    """Print "Starting NAME", sleep, and print "Exiting NAME".

    If the second line is missing, something ended the process before its time.

    Args:
        seconds: How long it sleeps.

    Example:
        - name: Worker 1
          target: sleep
          kwargs: {seconds: 2}

    Steps:
        - print: Starting $name
        - sleep: 1
        - print: Exiting $name
    """
    name = current_process().name
    print(f"Starting {name}")
    time.sleep(seconds)
    print(f"Exiting {name}")


@target
def print_info(title: str = "Function print_info") -> None:
    """Print the name of the process, its parent's process id and its own.

    Args:
        title: The first line that is printed.

    Example:
        - target: print_info
    """
    print(title)
    print(f"Process name: {current_process().name}")
    print(f"Parent process ID: {os.getppid()}")
    print(f"Current process ID: {os.getpid()}")


@target
def spin(seconds: Seconds = 1.0) -> None:
    """Compute without a pause until so much processor time is used up.

    It is the processor's clock that counts: on a busy machine, or with more such processes than processors, it
    takes longer by the clock on the wall.

    Args:
        seconds: Processor time to use.

    Example:
        - target: spin
          kwargs: {seconds: 0.5}
          replicas: cpu_count
    """
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
