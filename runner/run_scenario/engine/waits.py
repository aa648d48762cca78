"""What a thread can wait for, in words: the ends of sentences such as "Worker 1 waits for …"."""

from __future__ import annotations

from run_scenario.record import codes

WAITS = {
    codes.W_GET: "an item from queue '{name}'",
    codes.W_GET_TIMED: "an item from queue '{name}'",
    codes.W_PUT: "room in queue '{name}'",
    codes.W_JOIN_QUEUE: "task_done() for every item of queue '{name}'",
    codes.W_TASK: "its turn to call task_done() on queue '{name}'",
    codes.W_JOIN_THREAD: "the items it has put on queue '{name}' to be written to the pipe",
    codes.W_SLEEP: "its next step, after a delay",
    codes.W_EXIT: "its own end: its threads, its children, or items that nobody has taken yet",
}
"""Kind of waiting (`record.codes`) -> words; `{name}` is the resource that is waited for."""
