"""What a thread can wait for, in words: the ends of sentences such as "Worker 1 waits for …"."""

from __future__ import annotations

from collections.abc import Sequence

from run_scenario.engine.exits import MAIN_NAME
from run_scenario.record import codes

WAITS = {
    codes.W_GET: "an item from queue '{name}'",
    codes.W_GET_TIMED: "an item from queue '{name}'",
    codes.W_PUT: "room in queue '{name}'",
    codes.W_JOIN_QUEUE: "task_done() for every item of queue '{name}'",
    codes.W_TASK: "its turn to call task_done() on queue '{name}'",
    codes.W_JOIN_THREAD: "the items it has put on queue '{name}' to be written to the pipe",
    codes.W_ACQUIRE: "'{name}' to be released",
    codes.W_EVENT: "event '{name}' to be set",
    codes.W_ANSWER: "those to wake up that wait for '{name}'",
    codes.W_CONDITION: "condition '{name}' to be notified",
    codes.W_BARRIER: "the others at barrier '{name}'",
    codes.W_RECEIVE_LEFT: "something to receive at '{name}.left'",
    codes.W_RECEIVE_RIGHT: "something to receive at '{name}.right'",
    codes.W_SEND_LEFT: "room in pipe '{name}', to send at its left end",
    codes.W_SEND_RIGHT: "room in pipe '{name}', to send at its right end",
    codes.W_MANAGER: "the manager that holds '{name}' to answer",
    codes.W_POOL_TASK: "the next task of pool '{name}'",
    codes.W_POOL_RESULT: "a result of pool '{name}'",
    codes.W_POOL_JOIN: "the end of the workers of pool '{name}'",
    codes.W_SLEEP: "its next step, after a delay",
    codes.W_EXIT: "its own end: its threads, its children, or items that nobody has taken yet",
}
"""Kind of waiting (`record.codes`) -> words; `{name}` is the resource that is waited for."""


def subject(process: str) -> str:
    """Return a process as the subject of a sentence."""
    return "the main program" if process == MAIN_NAME else process


def names(processes: Sequence[str]) -> str:
    """Return processes as one subject: `A, B and the main program`; of many, only the first."""
    shown = [subject(name) for name in processes]
    if len(shown) > 5:
        shown = [*shown[:4], f"{len(shown) - 4} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
