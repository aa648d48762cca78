"""Functions and classes that a script needs besides the scenario's own: they stand in it as they stand here."""

from __future__ import annotations

import io
import os
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Sequence
from multiprocessing import Process, connection
from typing import Any


class Call:
    """A function with its arguments, to be called by whoever takes it from a queue."""

    def __init__(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def process(self) -> Any:
        return self.function(*self.args, **self.kwargs)

    def __repr__(self) -> str:
        arguments = [repr(value) for value in self.args]
        arguments += [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"{self.function.__name__}({', '.join(arguments)})"


def close_others(ends: Sequence[Any], target: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
    """Close the pipe ends that are not the target's, or EOF would never come; call the target."""
    for end in ends:
        if end not in args and end not in kwargs.values():
            end.close()
    target(*args, **kwargs)


def run_with(surroundings: dict[str, Any], target: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
    """Give this process its own environment, folder, arguments or input; call the target."""
    for name, value in surroundings.get("env", {}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    os.chdir(surroundings.get("cwd", "."))
    sys.argv = surroundings.get("argv", sys.argv)
    sys.stdin = io.StringIO(surroundings.get("stdin", ""))
    target(*args, **kwargs)


Restart = namedtuple("Restart", "process create most always delay", defaults=(False, 0))


def supervise(*restarts: Any) -> list[Process]:
    """Wait until all have ended for good; start each again after a failure, or always, a number of times and after a
    delay. Return the last process of each.
    """
    processes = [restart.process for restart in restarts]
    left = [restart.most for restart in restarts]
    running = {process.sentinel: index for index, process in enumerate(processes)}
    due: dict[int, float] = {}
    while running or due:
        timeout = max(0, min(due.values()) - time.monotonic()) if due else None
        for sentinel in connection.wait(running, timeout):
            index = running.pop(sentinel)
            processes[index].join()
            if left[index] and (restarts[index].always or processes[index].exitcode != 0):
                left[index] -= 1
                due[index] = time.monotonic() + restarts[index].delay
        for index in [index for index, moment in due.items() if moment <= time.monotonic()]:
            del due[index]
            first, processes[index] = restarts[index].process, restarts[index].create()
            processes[index].name, processes[index].daemon = first.name, first.daemon
            processes[index].start()
            running[processes[index].sentinel] = index
    return processes
