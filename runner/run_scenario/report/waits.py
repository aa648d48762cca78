"""What a process waits for, in words; and processes as subjects of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.scenario.resources import call_name, pipe_end

if TYPE_CHECKING:
    from run_scenario.events.types.runs import BlockedOperation, StuckThread

_MOST_NAMES = 5
_WAITS = {
    "get": "an item from queue '{name}'",
    "put": "room in queue '{name}'",
    "join_queue": "task_done() for every item of queue '{name}'",
    "task_done": "its turn to call task_done() on queue '{name}'",
    "join_thread": "the items it has put on queue '{name}' to be written to the pipe",
    "acquire": "'{name}' to be released",
    "recv": "something to receive at '{at}'",
    "send": "room in the pipe, to send at '{at}'",
    "next_task": "the next task of pool '{name}'",
    "result": "a result of pool '{name}'",
    "join_pool": "the end of the workers of pool '{name}'",
    "sleep": "its next step, after a delay",
    "thread": "another thread of its own process",
    "own": "a lock, a queue or a pipe that is not recorded",
    "serve": "calls on what it holds",
}
_WAITED_ON = {
    "Event": "event '{name}' to be set",
    "Condition": "condition '{name}' to be notified",
    "Barrier": "the others at barrier '{name}'",
}
_OUTSIDE = {
    "sleep": "the end of its sleep",
    "accept": "somebody to connect to its socket",
    "connect": "an answer to its connect()",
    "receive": "data at a socket",
    "send": "room in a socket, to send",
    "select": "something to do at sockets, pipes or other files",
    "lock": "a lock on a file",
}
"""What is done in a call to the system -> what is waited for."""
_WAKES = ("set", "clear", "is_set", "notify", "wake")

_STATES = {
    "sleeping": "sleeps, or waits for something that is not recorded",
    "running": "computes",
    "stopped": "is stopped (SIGSTOP or the like)",
    "unknown": "computes, sleeps, or waits for something that is not recorded",
    "exiting": "is about to end",
}


def subject(process: str) -> str:
    """Return a process as the subject of a sentence."""
    return "the main program" if process == MAIN_NAME else process


def names(processes: Sequence[str]) -> str:
    """Return processes as one subject: `A, B and the main program`; of many, only the first."""
    shown = [subject(name) for name in processes]
    if len(shown) > _MOST_NAMES:
        shown = [*shown[: _MOST_NAMES - 1], f"{len(shown) - _MOST_NAMES + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def waiting_for(blocked: BlockedOperation) -> str | None:
    """Return what a process waits for, as the end of a sentence such as "Worker 1 waits for …"; None: for nothing."""
    operation, name = blocked.operation, blocked.resource or "?"
    if operation is None:
        return None
    if operation == "join":
        return f"the end of {blocked.on_process or 'a process'}"
    if operation == "exit":
        if blocked.process == MAIN_NAME:
            return "the end of its threads, its children and its queues' threads"
        return "its own end: its threads, its children, or items that nobody has taken yet"
    if operation == "call":
        whose = f"the manager that holds '{name}'" if blocked.resource else "a manager"
        return f"{whose} to answer{f' {blocked.method}()' if blocked.method else ''}"
    if operation == "wait":
        return _WAITED_ON.get(blocked.resource_type or "", "'{name}'").format(name=name)
    if operation == "result" and blocked.method:
        return (
            f"the result of {call_name(blocked.method, blocked.call, blocked.function, blocked.place)} of pool '{name}'"
        )
    if operation in _WAKES:
        return f"those to wake up that wait for '{name}'"
    if operation == "thread" and blocked.method == "alone":
        return "a lock inside its own process, in which there is no other thread"
    if operation == "thread" and blocked.method == "join":
        return "the end of another thread of its own process"
    if operation == "outside":
        return _OUTSIDE.get(blocked.method or "", "something that is not recorded")
    return _WAITS[operation].format(name=name, end=blocked.end, at=pipe_end(name, blocked.end))


def doing(state: str, wanted: str | None) -> str:
    """Return what a process does, as the predicate of a sentence; `wanted` is what it waits for."""
    if wanted and state == "stopped":
        return f"{_STATES[state]} while it waits for {wanted}"
    return f"waits for {wanted}" if wanted else _STATES.get(state, state)


def held(stuck: StuckThread) -> str:
    """Return who holds what somebody waits for, as the continuation of a sentence; empty if nobody does."""
    own = "its own process" if stuck.thread else "itself"
    return (
        f", held by {names([own if name == stuck.process else name for name in stuck.held_by])}"
        if stuck.held_by
        else ""
    )
