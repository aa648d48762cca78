"""Tasks that end more than themselves: the worker, or a thread of the pool in the main program."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from actors.locked import lock_oneself_out
from actors.shared import siblings

_FUTEX = ("202", "98")
"""Its number among the system calls of x86-64, and of ARM64."""


def leave(item: Any) -> Any:
    """Call sys.exit() with the item, unless it is 0."""
    if item:
        sys.exit(item)
    return item


def leave_hard(item: Any) -> Any:
    """End the worker by os._exit() with the item, unless it is 0."""
    if item:
        os._exit(item)
    return item


def stop_fully(item: Any) -> Any:
    """Raise an exception that is no Exception, unless the item is 0."""
    if item:
        raise Halt(item)
    return item


class Halt(BaseException):
    """No ordinary exception."""


def leave_at_once() -> None:
    """Call sys.exit(): as an initializer, before there is any task."""
    sys.exit("no licence")


def return_unopenable(item: Any) -> Any:
    """Return what can be pickled and not be unpickled, unless the item is 0."""
    return Sealed(item) if item else item


def kill_who_is_not_let_in(item: Any) -> None:
    """Kill the idle worker that waits for the lock of another, which waits for a task; then hang by oneself."""
    waiting: list[int] = []
    while len(waiting) != 1:
        time.sleep(0.01)
        others = [int(pid) for pid in siblings() if int(pid) != os.getpid()]
        calls = {pid: Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()[0] for pid in others}
        waiting = [pid for pid, call in calls.items() if call in _FUTEX] if len(others) == 2 else []
    os.kill(waiting[0], signal.SIGKILL)
    lock_oneself_out(item)


class Sealed:
    """What cannot be unpickled."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __getstate__(self) -> Any:
        return {"item": self.item}

    def __setstate__(self, state: Any) -> None:
        raise LookupError("the seal does not fit")
