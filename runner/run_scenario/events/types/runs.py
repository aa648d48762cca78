"""Events of a run as a whole: its beginning, how it was stopped, its end; and what it lost or left behind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from run_scenario.events.types.base import Count, Event, Level, NonEmpty, Ordinal, Reason, Seconds, about

Operation = Literal[
    "get",
    "put",
    "join_queue",
    "task_done",
    "join_thread",
    "acquire",
    "wait",
    "set",
    "clear",
    "is_set",
    "notify",
    "wake",
    "recv",
    "send",
    "call",
    "next_task",
    "result",
    "join_pool",
    "join",
    "sleep",
    "exit",
    "thread",
    "own",
    "outside",
    "serve",
]
"""What a thread is blocked in. `thread`: in a lock inside its own process, such as a threading.Lock. `own`: at a lock,
a queue or a pipe that a target has made itself. `outside`: in a call to the system that may end by itself, or by what
somebody else does. `wake`: inside set(), clear(), is_set() or notify(), and it is not
known which. `serve`: a manager's process, which waits for calls."""
Action = Literal[
    "put", "take", "task_done", "release", "set", "notify", "arrive", "send", "receive", "close", "end", "call"
]
"""What somebody could do so that one who waits goes on."""
DiagnosisKind = Literal[
    "cycle",
    "abandoned_lock",
    "held_by_itself",
    "held_by_own_threads",
    "held_lock",
    "no_holder",
    "waits_for_itself",
    "abandoned_waiters",
    "barrier_short",
    "abandoned_barrier",
    "event_never_set",
    "nobody_notifies",
    "full_pipe",
    "nobody_sends",
    "end_left_open",
    "worker_crash_loop",
    "lost_pool_task",
    "pool_thread_ended",
    "lost_pool_lock",
    "no_pool_worker",
    "deaf_pool_workers",
    "locked_inside",
    "unfinished_join",
    "starved_get",
    "abandoned_queue",
    "exit_blocked_by_feeder",
    "full_queue",
    "unanswered_call",
    "unknown",
]
SOMETHING_IS_MISSING = (
    *("held_lock", "no_holder", "barrier_short", "event_never_set", "nobody_notifies", "full_pipe", "nobody_sends"),
    *("end_left_open", "unfinished_join", "starved_get", "full_queue", "unanswered_call", "unknown"),
)
"""Kinds of deadlock in which somebody waits for what another could have done, had it not failed."""
FactRole = Literal[
    "acquired",
    "set",
    "cleared",
    "notified",
    "notified_nobody",
    "waiting",
    "woken",
    "first_put",
    "last_put",
    "last_get",
    "found_empty_before_first_put",
    "found_empty_when_all_taken",
    "found_empty",
    "found_not_empty",
    "dropped",
    "unreadable",
    "lost",
    "abandoned",
    "worker_lost",
    "worker_failed",
    "worker_exited",
    "terminated",
    "thread_at_fork",
    "crash_loop",
    "thread_failed",
    "own_thread_failed",
    "task_failed",
    "failed",
    "ended",
    "polled",
]
"""What a recorded event means for a diagnosis."""


class RunEvent(Event, kw_only=True):
    """What happens to the run as a whole."""


class BlockedOperation(Struct, kw_only=True, frozen=True):
    """What one thread is blocked in."""

    process: Annotated[str, about("Its name.")]
    operation: Annotated[Operation | None, about("What it is blocked in; null: nothing that is known.")]
    resource: Annotated[str | None, about("The resource of any kind that it waits on.")]
    resource_type: Annotated[str | None, about("The type of that resource, such as Queue, Lock or Pipe.")]
    end: Annotated[Literal["left", "right"] | None, about("Of a pipe: the end at which it waits.")]
    on_process: Annotated[str | None, about("The process it waits for.")]
    since: Annotated[Seconds | None, about("Since when: t of that moment.")]
    method: Annotated[
        str | None,
        about(
            "Of a call that a manager does not answer: the method, if it is known. Of a `thread`: join, if it waits "
            "for the end of another; alone, if there is no other in its process. Of a `result`: that of the call. "
            "Of an `outside`: sleep, accept, connect, receive, send, select or lock (of a file)."
        ),
    ] = None
    thread: Annotated[
        Ordinal | None, about("The native id of the thread; null: the main thread, or that of a worker with a name.")
    ] = None
    thread_name: Annotated[str | None, about("The name that this thread was started with, if it is known.")] = None
    call: Annotated[
        Ordinal | None, about("Of a `result`: the number of the call among those on the pool, if it is known.")
    ] = None
    function: Annotated[str | None, about("Of such a call that own code has made: what the workers are to call.")] = (
        None
    )
    place: Annotated[str | None, about("Where own code has made it, as `script.py:12`.")] = None


class StuckThread(BlockedOperation, kw_only=True, frozen=True):
    """What a thread does while nothing moves."""

    state: Annotated[
        Literal["waiting", "running", "sleeping", "stopped", "exiting", "unknown"],
        about(
            "What it does; stopped: by a signal, such as SIGSTOP, or by a debugger; unknown: it is in no recorded "
            "wait, and the system does not tell."
        ),
    ]
    waiting_for: Annotated[str | None, about("What it waits for, in words.")]
    seconds: Annotated[Seconds | None, about("For how long.")]
    stack: Annotated[list[str], about("Its Python stack, the innermost frame first.")]
    held_by: Annotated[
        list[str], about("Who holds the lock or semaphore that it wants to acquire, those that have ended included.")
    ] = field(default_factory=list)


class StuckProcess(StuckThread, kw_only=True, frozen=True):
    """What a process does while nothing moves: its main thread."""

    pid: Annotated[Ordinal | None, about("Its process id.")]
    queue: Annotated[str | None, about("The queue it waits on.")]
    waits_on: Annotated[
        list[str], about("The processes, blocked as well, whose part it is to move it; of many, the first.")
    ] = field(default_factory=list)


class Mover(Struct, kw_only=True, frozen=True):
    """Somebody who could have done what a process waits for, and why that does not happen."""

    process: Annotated[str, about("Its name.")]
    action: Annotated[Action, about("What it could have done.")]
    resource: Annotated[str | None, about("To which resource; null: it would have ended.")]
    standing: Annotated[
        Literal["ended", "waits", "later", "not_started", "unknown"],
        about(
            "ended: it is over; waits: it is blocked, too; later: the main program has a step for it, but after the "
            "one that it is in; not_started: nobody has started it; unknown: that is not decided by what is recorded."
        ),
    ]
    cause: Annotated[str | None, about("How it ended, as in process.exited; null: it has not.")]


class CycleLink(Struct, kw_only=True, frozen=True):
    """One step of a cycle: `process` waits for what only the next one could do."""

    process: Annotated[str, about("Its name.")]
    operation: Annotated[Operation, about("What it is blocked in.")]
    resource: Annotated[str | None, about("The resource that it waits on.")]
    action: Annotated[Action, about("What the next process would do.")]
    next: Annotated[str, about("The process that would do it.")]
    later: Annotated[bool, about("Whether that is the main program, in a later step than the one that it is in.")]


class ResourceState(Struct, kw_only=True, frozen=True):
    """What a resource was like when nothing moved."""

    resource: Annotated[str, about("Its name.")]
    type: Annotated[str, about("Its type.")]
    holders: Annotated[list[str], about("Of a lock or semaphore: who holds it, those that have ended included.")]
    ended_holders: Annotated[list[str], about("Those of them that have ended without releasing it.")]
    owing: Annotated[list[str], about("Of a queue: who ended without calling task_done() for every item taken.")]
    counts: Annotated[
        dict[str, int],
        about(
            "Of a queue: maxsize, put, got, left, dropped, too_large, lost, broken, unfinished, pills, takers; "
            "of a barrier: parties, arrived; of a pool: lost_idle, the workers that a signal ended while they had no "
            "task."
        ),
    ]


class Fact(Struct, kw_only=True, frozen=True):
    """An event that decided it."""

    seq: Annotated[Ordinal, about("Its number in this log.")]
    t: Annotated[Seconds, about("When it was.")]
    event: Annotated[str, about("Its name.")]
    process: Annotated[str, about("The process it is about.")]
    resource: Annotated[str | None, about("The resource it is about.")]
    role: Annotated[FactRole, about("What it means here.")]
    fields: Annotated[dict[str, Any], about("Those of its other fields that matter here.")]


class Diagnosis(Struct, kw_only=True, frozen=True):
    """Why nothing moves, as data: who waits, who could have moved it, and the facts that decided it."""

    cause: Annotated[
        Literal["deadlock", "deadline", "signal"],
        about("deadlock: nobody can ever move again; deadline: the time is up; signal: somebody interrupts it."),
    ]
    kind: Annotated[DiagnosisKind, about("What kind of deadlock it is; unknown: the facts do not decide.")]
    waits: Annotated[list[BlockedOperation], about("The waits that it is about; the first is explained first.")]
    cycle: Annotated[list[CycleLink], about("Who waits for each other in a cycle; empty if nobody does.")]
    could_have_moved: Annotated[list[Mover], about("Who could have moved them, and why each does not.")]
    resources: Annotated[list[ResourceState], about("The resources that it is about.")]
    facts: Annotated[list[Fact], about("The recorded events that it rests on, in the order of the log.")]


class StuckQueue(Struct, kw_only=True, frozen=True):
    """What went through a queue so far."""

    queue: Annotated[str, about("Its name.")]
    type: Annotated[Literal["Queue", "JoinableQueue", "SimpleQueue"], about("Its type.")]
    put: Annotated[Count, about("Items put.")]
    got: Annotated[Count, about("Items got.")]
    left: Annotated[int, about("Items still on it.")]
    unfinished: Annotated[int | None, about("Items not done yet, of a JoinableQueue.")]


class Capabilities(Struct, kw_only=True):
    """What the system lets the runner see and do, found by trying; what is false, the runner does without."""

    pidfd: Annotated[bool, about("A descriptor shows a process's end, and a signal reaches no other process.")]
    proc: Annotated[bool, about("/proc describes processes.")]
    children: Annotated[bool, about("/proc lists the children of a process.")]
    syscall: Annotated[bool, about("/proc shows in which system call a thread sleeps.")]
    subreaper: Annotated[bool, about("Orphans become children of the runner.")]
    epoll: Annotated[bool, about("Waiting for many descriptors costs no more than for few.")]
    kqueue: Annotated[bool | UnsetType, about("Where there is no pidfd, a queue of the BSDs shows an end.")] = UNSET
    affinity: Annotated[bool | UnsetType, about("A program can be pinned to CPUs.")] = UNSET
    fork: Annotated[bool | UnsetType, about("A process can be copied, without which nothing runs.")] = UNSET


class Consent(Struct, kw_only=True):
    """That code of a package may run, and who has allowed it."""

    package: Annotated[NonEmpty, about("The package.")]
    by: Annotated[NonEmpty, about("`--allow`, or the path of the pyproject.toml that names it.")]


class ScenarioStarted(RunEvent, kw_only=True, tag="scenario.started"):
    """The run begins: what is run, by what, where."""

    log_format: Annotated[Ordinal, about("Format of this log: 2; logs of version 0.1 do not name theirs.")]
    title: Annotated[str, about("The scenario's title; empty if it has none.")]
    file: Annotated[str, about("The file as it was given.")]
    digest: Annotated[str, about("Digest of the file's bytes.", max_length=71, pattern="^sha256:[0-9a-f]{64}$")]
    version: Annotated[str, about("Version of run-scenario.")]
    python: Annotated[str, about("Version of Python.")]
    platform: Annotated[str, about("Operating system and machine.")]
    start_method: Annotated[Literal["fork", "spawn", "forkserver"], about("How processes are started.")]
    cpus: Annotated[Ordinal, about("Processors that the run may use.")]
    pinned_to: Annotated[
        list[int] | None,
        about("The ids of the processors that the scenario's `cpus` pins the program to; null: it names none."),
    ]
    timeout: Annotated[Seconds | None, about("Deadline of the run in seconds; null: it has none.")]
    capabilities: Annotated[Capabilities, about("What the system lets the runner see and do.")]
    maxsize: Annotated[
        dict[str, int],
        about("How many items each bounded queue holds at most, by its name; queues without a bound are not in it."),
    ]
    allowed: Annotated[
        list[Consent],
        about("The packages whose code the scenario runs, and who has allowed that; empty if it runs only built-ins."),
    ]
    params: Annotated[
        dict[str, Any],
        about("The scenario's parameters, by name: the values that it was run with; empty if it has none."),
    ]
    free_threaded: Annotated[
        Literal[True] | UnsetType,
        about("Threads of a process run side by side: the Python that runs it uses no interpreter lock."),
    ] = UNSET
    script: Annotated[
        Literal[True] | UnsetType, about("The file is no scenario but a script that was recorded, or a module's name.")
    ] = UNSET
    description: Annotated[
        str | UnsetType, about("What the scenario says that it shows, and what to watch for; not there: nothing.")
    ] = UNSET
    may_hang: Annotated[
        Literal[True] | UnsetType, about("The scenario says that some of its runs hang and others do not.")
    ] = UNSET


class WhoWaits(RunEvent, kw_only=True):
    """Who waits for what at one moment."""

    reason: Annotated[NonEmpty, about("The same, or why nothing moves, in one sentence that a learner understands.")]
    processes: Annotated[list[StuckProcess], about("Each process that lives.")]
    queues: Annotated[list[StuckQueue], about("Each queue.")]
    diagnosis: Annotated[Diagnosis, about("The same as data: what `reason` is made of.")]
    threads: Annotated[
        list[StuckThread], about("Other threads of these processes, as far as they are known to wait or to run Python.")
    ]


class ScenarioStalled(WhoWaits, kw_only=True, tag="scenario.stalled"):
    """Nothing moves any more, or not in time: who waits for what."""

    level: Level = "error"
    cause: Annotated[
        Literal["deadlock", "deadline"], about("deadlock: nobody can ever move again; deadline: the time is up.")
    ]


class ScenarioSignalled(WhoWaits, kw_only=True, tag="scenario.signalled"):
    """A signal such as that of Ctrl-C comes, and is passed on to a recorded script: who waits for what just then."""

    level: Level = "warning"
    signal: Annotated[
        NonEmpty, about("Name of the signal. SIGINT is passed on to all processes, others to the main one.")
    ]


class ScenarioTimedOut(RunEvent, kw_only=True, tag="scenario.timed_out"):
    """The deadline has passed; everything that lives is stopped."""

    level: Level = "error"
    timeout: Annotated[Seconds, about("The deadline in seconds.")]


class ScenarioInterrupted(RunEvent, kw_only=True, tag="scenario.interrupted"):
    """The person, or the system, stops the run."""

    level: Level = "error"
    signal: Annotated[NonEmpty, about("Name of the signal.")]


class ScenarioLimitReached(RunEvent, kw_only=True, tag="scenario.limit_reached"):
    """There is more of something than allowed: all that lives is stopped. If it is the log, only its end follows."""

    level: Level = "error"
    limit: Annotated[Literal["processes", "threads", "memory", "items", "log"], about("What there is too much of.")]
    most: Annotated[Count, about("How much is allowed.")]
    found: Annotated[Count, about("How much there was.")]
    option: Annotated[NonEmpty, about("The option that allows more.")]
    reason: Annotated[NonEmpty, about("The same in one sentence.")]


class ScenarioRefused(RunEvent, kw_only=True, tag="scenario.refused"):
    """The scenario was not run: a target cannot be imported, or its package is not allowed."""

    level: Level = "error"
    reason: Annotated[NonEmpty, about("Why, in one sentence.")]
    problems: Annotated[list[str], about("Each problem, one sentence.")]
    lines: Annotated[list[Ordinal] | UnsetType, about("The line of the scenario's file in which each problem is.")] = (
        UNSET
    )


class ScenarioFailed(RunEvent, kw_only=True, tag="scenario.failed"):
    """The run's own machinery failed."""

    level: Level = "error"
    reason: Annotated[NonEmpty, about("Why, in one sentence.")]


class ScenarioFinished(RunEvent, kw_only=True, tag="scenario.finished"):
    """The last event of a run: what it came to."""

    outcome: Annotated[
        Literal[
            "passed", "failed", "stalled", "timed_out", "limit_exceeded", "interrupted", "refused", "internal_error"
        ],
        about("How the run ended."),
    ]
    exit_status: Annotated[int, about("Exit status of the command for this run.", ge=0, le=255)]
    duration: Annotated[Seconds, about("Seconds from the beginning to the end of the last process.")]
    counts: Annotated[dict[str, int], about("How many events, processes, items put and got, and so on.")]
    reasons: Annotated[list[str], about("Why it ended like that, one sentence each; empty if the outcome is passed.")]
    shown_by: Annotated[
        list[Ordinal | None], about("For each of the reasons: the `seq` of the event that shows it; null: none does.")
    ]


class HelperLost(Event, kw_only=True, tag="helper.lost"):
    """One of multiprocessing's own processes has ended although it was still needed."""

    level: Level = "warning"
    helper: Annotated[Literal["fork server", "resource tracker"], about("Which one.")]
    helper_pid: Annotated[int, about("Its process id.")]
    exitcode: Annotated[int | None, about("Its exit code; null: nobody could learn it.")]
    signal: Annotated[str | None, about("The signal that ended it; null: none did.")]
    reason: Annotated[str, about("What that means, in one sentence.")]


class RecordingIncomplete(Event, kw_only=True, tag="recording.incomplete"):
    """Something that own code does, a script or a target, is not in the log; the code itself goes on."""

    level: Level = "warning"
    missing: Annotated[str, about("What is not there, or why.")]


class ResourceMade(Event, kw_only=True, tag="resource.made"):
    """A recorded script has made an object of multiprocessing, which other events name."""

    level: Level = "debug"
    resource: Annotated[NonEmpty, about("Its name in this log: the variable that got it, and the line.")]
    type: Annotated[NonEmpty, about("Its class, such as Queue; Pipe; executor for a ProcessPoolExecutor.")]
    variable: Annotated[str, about("The variable, of a pipe mostly two; empty if it is not known.")]
    file: Annotated[str, about("The file that has made it.")]
    line: Annotated[Count, about("The line there.")]
    manager: Annotated[bool, about("Whether a manager's process holds it.")]
    parameters: Annotated[
        dict[str, Any], about("What it was made with, as a scenario writes it, such as `maxsize`; not what is usual.")
    ]


class IpcLeaked(Event, kw_only=True, tag="ipc.leaked"):
    """Shared memory or semaphores that the run's processes had left behind were removed."""

    level: Level = "warning"
    names: Annotated[list[str], about("What they are called.")]
    reason: Reason
