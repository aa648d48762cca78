"""Who waits for what, in a program that was looked at from outside: phrases, and how processes are called.

A process is called by its id: what Python calls it cannot be seen from outside.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from run_scenario.inspection.conclusions import Actor, helpers, thread_of
from run_scenario.inspection.facts import (
    OUTSIDE,
    ProcessFacts,
    Program,
    ThreadFacts,
    Wait,
    WaitKind,
    awaited_process,
)

MOST_NAMES = 6
"""Processes or threads that are named one by one; of more, the rest are counted."""
_MOST_THINGS = 4
"""Things at one of which a thread waits that are named one by one."""
_COULD: dict[WaitKind, str] = {
    "semaphore": "which only {} can do",
    "read": "to which only {} can write",
    "write": "from which only {} can read",
    "socket": "whose other end is open in {} only",
    "poll": "where only {} can cause it",
}
_PLAIN: dict[WaitKind, str] = {
    "accept": "somebody to connect to its socket",
    "lock": "another thread of its own process, at a lock inside it",
    "futex": "a lock or a semaphore (which one is not shown)",
    "sleep": "a moment to pass",
    "input": "a file, a terminal or another device",
    "file_lock": "a lock on a file",
}
_WRITING = ("write", "writev", "sendto", "sendmsg")
_SOMETHING: dict[WaitKind, str] = {
    "read": "something to read from a pipe",
    "write": "room in a pipe",
    "socket": "a connection",
    "semaphore": "memory that it shares with others",
    "poll": "one of several descriptors, or one that leads outside",
}
"""What is waited for where it cannot be named."""


def wanted(program: Program, process: ProcessFacts, wait: Wait) -> str:
    """Return what a thread waits for and who could do it, as the end of a sentence such as "pid 12 waits for …"."""
    what = thing(program, wait)
    able = helpers(program, process, wait)
    how = _COULD.get(wait.kind) if wait.kind is not None else None
    if able is None or how is None or _is_joined(program, wait):
        return what
    return f"{what}, {how.format(names([each.pid for each in able], process.pid))}"


def thing(program: Program, wait: Wait) -> str:
    """Return what a thread waits for, and no more."""
    text = _timeless(program, wait)
    return f"{text}, for some time only" if wait.timed and wait.kind != "sleep" else text


def _timeless(program: Program, wait: Wait) -> str:
    if wait.kind is None:
        return f"something that is not known here{f' ({wait.channel})' if wait.channel else ''}"
    if wait.kind in _PLAIN:
        return _PLAIN[wait.kind]
    if wait.kind == "process":
        pids = [pid for key in wait.keys if (pid := awaited_process(key)) is not None]
        return f"the end of {names(pids)}" if pids else "the end of a child"
    if not wait.keys or OUTSIDE in wait.keys:
        return _SOMETHING[wait.kind]
    if (server := _is_joined(program, wait)) is not None:
        return f"the fork server, pid {server}, as join() does until a process that it has forked has ended"
    called_so = list(dict.fromkeys(called(program, key) for key in wait.keys))
    more = [f"{len(called_so) - _MOST_THINGS} more"] if len(called_so) > _MOST_THINGS else []
    things = " or ".join([*called_so[:_MOST_THINGS], *more])
    if wait.kind == "semaphore":
        return f"{things} to be released"
    if wait.kind == "poll":
        return f"something to happen at {things}"
    return f"{'room in' if wait.call in _WRITING else 'something to read from'} {things}"


def _is_joined(program: Program, wait: Wait) -> int | None:
    """Return the fork server which alone writes to the only pipe that is waited for; None: it is not so."""
    able = program.with_key(wait.keys[0]) if len(wait.keys) == 1 and wait.kind == "poll" else []
    return able[0].pid if len(able) == 1 and able[0].role == "fork_server" else None


def called(program: Program, key: str) -> str:
    """Return how a thing that processes share is called, by its key."""
    if key.startswith("memory "):
        name = next((each.name for each in program.semaphores if each.key == key), "")
        return f"semaphore {name}" if name.startswith("sem.") else "what lies in memory that it shares"
    if (pid := awaited_process(key)) is not None:
        return f"the end of pid {pid}"
    kind, _, rest = key.partition(":[")
    return f"{kind} {rest.partition(']')[0]}"


def names(pids: Sequence[int], own: int | None = None, itself: str = "itself") -> str:
    """Return processes as one subject: `pid 10, pid 12 and itself`; of many, only the first."""
    shown = [f"pid {pid}" for pid in pids if pid != own] + ([itself] if own in pids else [])
    if not shown:
        return "nobody who was seen"
    if len(shown) > MOST_NAMES:
        shown = [*shown[: MOST_NAMES - 1], f"{len(shown) - MOST_NAMES + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def actor_name(program: Program, actor: Actor) -> str:
    """Return who waits: a process by its id, and of its threads those besides the main one by theirs."""
    process, thread = thread_of(program, actor)
    if thread.thread == process.pid:
        return f"pid {process.pid}"
    return f"{title(process, thread)} of pid {process.pid}"


def title(process: ProcessFacts, thread: ThreadFacts) -> str:
    """Return how a thread is called among those of its process."""
    if thread.thread == process.pid:
        return "main thread"
    return f"thread {thread.thread}{f' ({thread.name})' if thread.name else ''}"


def how_ended(process: ProcessFacts) -> str:
    """Return how a process has ended, as a predicate."""
    code = process.exitcode
    if code is None:
        return "has ended"
    if code >= 0:
        return f"has ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
