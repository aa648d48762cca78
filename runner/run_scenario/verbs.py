"""What the main program can be told to do by a step of `main:`, one entry for each verb.

A new verb is an entry here, and one in the schema, which a test compares with this table; the checks, `plan`, `python`
and the engine take it from here. The words are those of the multiprocessing documentation.
"""

from __future__ import annotations

from typing import Literal

from run_scenario.values import Value

Kind = Literal["subject", "argument", "plain"]

_WORKERS = ("process", "thread")
_QUEUES = ("Queue", "JoinableQueue", "SimpleQueue", "ManagerQueue")
_SIZED = ("Queue", "JoinableQueue", "ManagerQueue")
_FED = ("Queue", "JoinableQueue")
_HELD = ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition")


class Verb(Value):
    """One thing that a step can do."""

    name: str
    takes: tuple[str, ...]
    """Types of what it is done to; empty where it is done to nothing."""
    method: str = ""
    """The method that is called; empty if it is called like the verb."""
    value: Kind = "subject"
    """What stands after the verb: whom it is done to; an argument, with whom under `to`; or an argument alone."""
    options: tuple[str, ...] = ()
    """What the step may say besides: keyword arguments of the method."""
    told: bool = False
    """Whether the answer is told by the step itself: the object does not record that call."""
    help: str = ""

    @property
    def called(self) -> str:
        """The method's name."""
        return self.method or self.name


_ALL = (
    Verb("start", _WORKERS, help="Start it."),
    Verb(
        "join",
        (*_WORKERS, "Pool"),
        options=("timeout",),
        help="Wait for its end, with `timeout` for so many seconds at most.",
    ),
    Verb("is_alive", _WORKERS, help="Ask whether it runs; the answer is in the log."),
    Verb("exitcode", ("process",), told=True, help="Ask for its exit code: none while it runs."),
    Verb("terminate", ("process", "Pool"), help="Send it SIGTERM, and go on without waiting."),
    Verb("kill", ("process",), help="Send it SIGKILL, and go on without waiting."),
    Verb("put", _QUEUES, value="argument", options=("block", "timeout"), help="Put this on the queue named by `to`."),
    Verb("put_nowait", _SIZED, value="argument", help="Put this on the queue named by `to`, or raise Full at once."),
    Verb("get", _QUEUES, options=("block", "timeout"), help="Get the next item from a queue."),
    Verb("get_nowait", _SIZED, help="Get the next item from a queue, or raise Empty at once."),
    Verb("empty", _QUEUES, help="Ask whether a queue is empty; the answer is in the log."),
    Verb("full", _SIZED, help="Ask whether a queue is full; the answer is in the log."),
    Verb("qsize", _SIZED, told=True, help="Ask how many items are on a queue, about."),
    Verb("task_done", ("JoinableQueue", "ManagerQueue"), help="Say that an item got from the queue is worked off."),
    Verb("join_queue", ("JoinableQueue", "ManagerQueue"), "join", help="Wait until all items are worked off."),
    Verb(
        "close",
        (*_FED, "SimpleQueue", "Pipe", "process", "Pool"),
        help="Close a queue, an end of a pipe, a process, or a pool.",
    ),
    Verb("join_thread", _FED, help="Wait until all that was put has been written to the pipe of a closed queue."),
    Verb("cancel_join_thread", _FED, told=True, help="Do not wait for that at the end: items may be lost."),
    Verb("acquire", _HELD, options=("block", "timeout"), help="Acquire a lock, a semaphore, or a condition's lock."),
    Verb("release", _HELD, help="Release it."),
    Verb("set", ("Event",), help="Set an event: who waits for it goes on."),
    Verb("clear", ("Event",), help="Clear an event."),
    Verb("is_set", ("Event",), help="Ask whether an event is set; the answer is in the log."),
    Verb("wait", ("Event", "Condition", "Barrier"), options=("timeout",), help="Wait for it."),
    Verb("notify", ("Condition",), options=("n",), help="Wake up one who waits on a condition, or `n` of them."),
    Verb("notify_all", ("Condition",), help="Wake up all who wait on a condition."),
    Verb("abort", ("Barrier",), help="Break a barrier: whoever waits gets a BrokenBarrierError."),
    Verb("reset", ("Barrier",), help="Make a barrier as new."),
    Verb("send", ("Pipe",), value="argument", help="Send this at the end of a pipe named by `to`."),
    Verb("recv", ("Pipe",), help="Receive an object at an end of a pipe."),
    Verb("poll", ("Pipe",), options=("timeout",), help="Ask whether there is something to receive."),
    Verb("read", ("Value",), "value", help="Read a value."),
    Verb("write", ("Value",), "value", value="argument", help="Write this to the value named by `to`."),
    Verb("use", ("Pool", "executor"), help="Create a pool, make its calls, close and join it."),
    Verb("create", ("Pool", "executor"), help="Create a pool: its workers start."),
    Verb("call", ("Pool", "executor"), help="Make the next of a pool's `calls`."),
    Verb("result", ("Pool", "executor"), help="Ask for the result of the first call not asked for yet."),
    Verb("shutdown", ("executor",), help="Shut an executor down, and wait for its workers."),
    Verb("sleep", (), value="plain", help="Sleep for so many seconds."),
    Verb("print", (), value="plain", help="Print a text, on standard output."),
    Verb(
        "active_children", (), value="plain", told=True, help="Ask which children are alive: `active_children: true`."
    ),
    Verb("cpu_count", (), value="plain", told=True, help="Ask how many CPUs there are: `cpu_count: true`."),
)

VERBS = {verb.name: verb for verb in _ALL}
"""All verbs by name."""

ATTRIBUTES = ("exitcode", "read", "write")
"""Verbs that stand for an attribute instead of a method."""

OPTIONS = ("block", "timeout", "n")
"""All that a step may say besides its verb, `to` and `raises`."""
