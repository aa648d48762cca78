"""Events of pools, their workers and their tasks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from run_scenario.events.types.base import (
    Arguments,
    CalledFunction,
    Count,
    Event,
    ExceptionName,
    Hint,
    HintSeq,
    Item,
    Level,
    Message,
    Ordinal,
    Path,
    Place,
    Seconds,
    ThreadsLeftOut,
    Timeout,
    about,
)

TerminatedBy = Literal["with", "collected"]


WorkerDoing = Literal["initializer", "unpickling"]
Part = Literal["task", "result"]


class PoolEvent(Event, kw_only=True):
    """What happens at a pool."""

    pool: Annotated[str, about("Name of the pool.")]


class PoolCallEvent(PoolEvent, kw_only=True):
    """What happens to a call on a pool."""

    call: Annotated[Ordinal, about("Number of the call among those on this pool: 1, 2, 3, …")]
    method: Annotated[str, about("The method that was called, such as map.")]


class PoolTaskEvent(PoolCallEvent, kw_only=True):
    """What happens to a task of a call on a pool."""

    task: Annotated[Count, about("Number of the task among those of the call: 0, 1, 2, … in the order of the input.")]


class PoolCreated(PoolEvent, kw_only=True, tag="pool.created"):
    """The main program creates a pool."""

    type: Annotated[
        Literal["Pool", "executor"], about("A multiprocessing.Pool, or a concurrent.futures.ProcessPoolExecutor.")
    ]
    processes: Annotated[Count, about("How many workers it has.")]


class PoolWorkerStarted(PoolEvent, kw_only=True, tag="pool.worker_started"):
    """A worker of the pool runs."""

    ppid: Annotated[Count, about("Process id of its parent.")]
    threads: ThreadsLeftOut = UNSET


class PoolWorkerFailed(PoolEvent, kw_only=True, tag="pool.worker_failed"):
    """A worker has failed outside of a task, and ends."""

    level: Level = "error"
    exception: ExceptionName
    message: Message
    doing: Annotated[
        WorkerDoing | UnsetType,
        about("initializer: it raised; unpickling: what the worker was given to do; left out: neither."),
    ] = UNSET


class PoolWorkerExited(PoolEvent, kw_only=True, tag="pool.worker_exited"):
    """A worker of the pool has ended."""

    exitcode: Annotated[int, about("Its exit code; -N if it was ended by signal N.")]
    signal: Annotated[str | None, about("Name of the signal that ended it, or null.")]
    tasks: Annotated[Count, about("How many tasks it had done.")]


class PoolWorkerLost(PoolEvent, kw_only=True, tag="pool.worker_lost"):
    """A worker has ended in the middle of a task, which is lost, or was ended while it waited for one."""

    level: Level = "error"
    exitcode: Annotated[int, about("Its exit code; -N if it was ended by signal N.")]
    signal: Annotated[str | None, about("Name of the signal that ended it, or null.")]
    call: Annotated[
        Ordinal | None, about("Number of the call among those on this pool: 1, 2, 3, …; null: it had no task.")
    ]
    method: Annotated[str | None, about("The method that was called, such as map.")]
    task: Annotated[
        Count | None, about("Number of the task among those of the call: 0, 1, 2, … in the order of the input.")
    ]
    exception: Annotated[
        str | None,
        about("Name of the exception, such as SystemExit, that left the task and ended the worker; null: none did."),
    ]
    function: CalledFunction = UNSET
    place: Place = UNSET
    by: Annotated[
        Literal["executor"] | UnsetType,
        about("executor: it has lost another worker and, being broken, has terminated this one; left out: it has not."),
    ] = UNSET


PoolThread = Literal["results", "tasks", "workers", "executor"]
Doing = Literal["unpickling", "callback", "other"]


class PoolThreadFailed(PoolEvent, kw_only=True, tag="pool.thread_failed"):
    """One of the pool's own threads in the main program has ended by an exception, and nobody takes its place."""

    level: Level = "error"
    thread: Annotated[
        PoolThread,
        about(
            "What it did. results: it took the results; tasks: it handed tasks to the workers; workers: it replaced "
            "workers that had ended; executor: all of that."
        ),
    ]
    doing: Annotated[
        Doing, about("unpickling: what a worker had sent; callback: it called what a call was given; other: neither.")
    ]
    exception: ExceptionName
    message: Message


class PoolCrashLoop(PoolEvent, kw_only=True, tag="pool.crash_loop"):
    """The workers end as soon as they are started; no more are, except for a script's pool, which goes on."""

    level: Level = "error"
    workers: Annotated[Count, about("How many were started.")]
    reason: Annotated[str, about("How the last one failed.")]
    goes_on: Annotated[bool | UnsetType, about("Of a script's pool: true, it starts more and more.")] = UNSET


class PoolCalled(PoolCallEvent, kw_only=True, tag="pool.called"):
    """The main program makes a call on the pool."""

    function: Annotated[str, about("What the workers are to call.")]
    tasks: Annotated[Count | None, about("How many tasks it makes; null: that is not known beforehand.")]
    path: Path = UNSET
    arguments: Arguments = UNSET
    over: Annotated[
        list[Any] | UnsetType | None,
        about(
            "In the log of a script: what a map goes over, as a scenario writes it; null: it is not known, or no data."
        ),
    ] = UNSET
    chunksize: Annotated[
        int | UnsetType | None, about("In the log of a script: what the call was given; null: nothing.")
    ] = UNSET
    callbacks: Annotated[
        dict[str, str] | UnsetType,
        about("In the log of a script: what is to be called back, by keyword; as `path`, empty if it has none."),
    ] = UNSET
    place: Place = UNSET


class PoolTaskStarted(PoolTaskEvent, kw_only=True, tag="pool.task_started"):
    """A worker begins a task."""

    level: Level = "debug"
    arguments: Annotated[list[Any], about("What the function is called with; the first of many.")]


class PoolTaskFinished(PoolTaskEvent, kw_only=True, tag="pool.task_finished"):
    """A worker has finished a task."""

    level: Level = "debug"
    result: Item
    duration: Annotated[Seconds, about("Seconds that it took.")]


class PoolTaskFailed(PoolTaskEvent, kw_only=True, tag="pool.task_failed"):
    """The function raised in a task."""

    level: Level = "warning"
    exception: ExceptionName
    message: Message
    duration: Annotated[Seconds, about("Seconds that it took.")]
    hint: Hint = UNSET
    hint_seq: HintSeq = UNSET
    function: CalledFunction = UNSET
    place: Place = UNSET


class PoolResult(PoolCallEvent, kw_only=True, tag="pool.result"):
    """The main program has taken one of the results that come one by one."""

    level: Level = "debug"
    position: Annotated[Count, about("How many it has taken before.")]
    result: Item
    waited: Annotated[Seconds, about("Seconds that the main program waited for it.")]


class PoolReturned(PoolCallEvent, kw_only=True, tag="pool.returned"):
    """The main program has the result of a call."""

    result: Item
    waited: Annotated[Seconds, about("Seconds that the main program waited for it.")]
    function: CalledFunction = UNSET
    place: Place = UNSET


class PoolCalledBack(PoolCallEvent, kw_only=True, tag="pool.called_back"):
    """A thread of the main program calls back, with the result of a call or with the exception of its task."""

    keyword: Annotated[Literal["callback", "error_callback"], about("Which of the call's arguments it is.")]
    function: Annotated[str, about("The function that is called.")]
    argument: Annotated[Any, about("The result itself where JSON can say it, otherwise as text; or the exception.")]


class PoolCallFailed(PoolCallEvent, kw_only=True, tag="pool.call_failed"):
    """A call, or asking for its result, raised; or exception() of a future told what its task had raised."""

    exception: ExceptionName
    message: Message
    timeout: Timeout = UNSET
    function: CalledFunction = UNSET
    place: Place = UNSET


class PoolNotPickled(PoolCallEvent, kw_only=True, tag="pool.not_pickled"):
    """A call has failed because the pool could not send something on: no task of it has raised."""

    level: Level = "warning"
    part: Annotated[Part, about("task: what a worker was to be given; result: what it was to give back.")]
    exception: ExceptionName
    message: Message
    function: CalledFunction = UNSET
    place: Place = UNSET


class PoolClosed(PoolEvent, kw_only=True, tag="pool.closed"):
    """The pool takes no more tasks."""


class PoolTerminated(PoolEvent, kw_only=True, tag="pool.terminated"):
    """The main program stops the workers at once."""

    by: Annotated[
        TerminatedBy | UnsetType,
        about(
            "What stops them, where it is no call of terminate(): the end of the pool's `with` block, or that nothing "
            "refers to the pool any more."
        ),
    ] = UNSET


class PoolJoined(PoolEvent, kw_only=True, tag="pool.joined"):
    """All workers of the pool have ended."""

    waited: Annotated[Seconds, about("Seconds that the main program waited for it.")]


class PoolExceptionNotRetrieved(PoolCallEvent, kw_only=True, tag="pool.exception_not_retrieved"):
    """A task raised, or could not be sent, and until the end of the run nobody asked for the result of its call."""

    level: Level = "warning"
    task: Annotated[
        Count | None, about("Number of the task among those of the call: 0, 1, 2, …; null: it is not known.")
    ]
    function: Annotated[str, about("What the worker called.")]
    exception: ExceptionName
    message: Message
    calls: Annotated[Ordinal, about("Of how many calls on this pool that is so; this is the first.")]
    place: Place = UNSET
    part: Annotated[
        Part | UnsetType, about("What could not be sent, as in pool.not_pickled; left out: the task raised.")
    ] = UNSET


class PoolLeftOver(PoolCallEvent, kw_only=True, tag="pool.left_over"):
    """Tasks were not done when the pool was terminated or the program ended; nobody had asked for their results."""

    level: Level = "warning"
    tasks: Annotated[Ordinal, about("How many were not done, of all such calls on this pool; this is the first.")]
    given: Annotated[Ordinal, about("How many tasks these calls had.")]
    terminated: Annotated[
        Literal["with", "collected", "terminate"] | None,
        about("What terminated the pool: as `by` in pool.terminated, or a call; null: the end of the program."),
    ]
    function: CalledFunction = UNSET
    place: Place = UNSET
