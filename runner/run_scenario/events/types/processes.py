"""Events of processes: start, output, logging, joins, signals, end; and steps of the main program."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from run_scenario.events.exit_cause import Cause
from run_scenario.events.types.base import (
    Arguments,
    Bytes,
    CallTime,
    Count,
    Event,
    ExceptionName,
    Hint,
    HintSeq,
    Item,
    Level,
    Message,
    NonEmpty,
    Ordinal,
    Path,
    Reason,
    Seconds,
    ThreadsLeftOut,
    Times,
    Until,
    Worker,
    about,
)


class ProcessActionEvent(Event, kw_only=True):
    """What one process does to another."""

    by: Annotated[
        NonEmpty, about("Who did it: a process, MainProcess for the main program, run-scenario for the runner.")
    ]


class ProcessStarting(ProcessActionEvent, kw_only=True, tag="process.starting"):
    """A process is about to be started."""

    target: Annotated[str, about("What it will run.")]
    worker: Worker
    daemon: Annotated[bool, about("Whether it is a daemon.")]
    delay: Annotated[Seconds, about("Seconds that were waited before.")]
    path: Path = UNSET
    arguments: Arguments = UNSET
    threads: ThreadsLeftOut = UNSET


class ProcessStarted(Event, kw_only=True, tag="process.started"):
    """Recorded in the process itself: it runs."""

    worker: Worker
    ppid: Annotated[
        Count | None,
        about("Process id of the parent; with `forkserver`, of the fork server. Null if that was gone before it ran."),
    ]
    parent: Annotated[
        str | None, about("Name of the process that started it; null for the main program, which has none here.")
    ]
    daemon: Annotated[bool, about("Whether it is a daemon.")]
    start_method: Annotated[
        Literal["fork", "spawn", "forkserver"] | None,
        about("How it was started; null for the main program, and for a thread."),
    ]
    thread_id: Annotated[Ordinal | UnsetType, about("Of a thread: its native id, as the system knows it.")] = UNSET


class ProcessFinished(Event, kw_only=True, tag="process.finished"):
    """The target returned."""

    duration: Annotated[Seconds, about("Seconds since it started.")]


class ProcessExiting(Event, kw_only=True, tag="process.exiting"):
    """The target called sys.exit()."""

    exitcode: Annotated[
        int | str | None,
        about("What it called sys.exit() with: a text is printed and makes the exit code 1, null makes it 0."),
    ]


class ProcessFailed(Event, kw_only=True, tag="process.failed"):
    """The target raised an exception, or start() did."""

    level: Level = "error"
    by: Annotated[str | UnsetType, about("Who could not start it; only if it was never started.")] = UNSET
    exception: Annotated[str, about("Name of the exception's type.")]
    message: Annotated[str, about("The exception as text.")]
    traceback: Annotated[str, about("The traceback, several lines.")]
    hint: Hint = UNSET
    hint_seq: HintSeq = UNSET


class ProcessThreadFailed(Event, kw_only=True, tag="process.thread_failed"):
    """A thread that own code has started has ended by an exception; its process goes on."""

    level: Level = "warning"
    thread: Annotated[str, about("Its name.")]
    exception: Annotated[str, about("Name of the exception's type.")]
    message: Annotated[str, about("The exception as text.")]


class ProcessExitFunctionsMissed(Event, kw_only=True, tag="process.exit_functions_missed"):
    """The process has registered functions with atexit, and ends without calling them."""

    level: Level = "warning"
    functions: Annotated[list[str], about("Their names; of many, the first.")]


class ProcessExited(Event, kw_only=True, tag="process.exited"):
    """The process is no more: how it ended and why."""

    worker: Worker
    exitcode: Annotated[int | None, about("The exit code as multiprocessing gives it: negative for a signal.")]
    cause: Annotated[
        Cause,
        about(
            "How it ended. ended: by itself, a process that a target or a pool had started; refused: the main program "
            "of a refused scenario; cut_off: a thread whose program ended."
        ),
    ]
    signal: Annotated[NonEmpty | None, about("The signal that ended it.")]
    by: Annotated[str | None, about("Who sent the signal, if that is known.")]
    reason: Annotated[str, about("Why it ended, in one sentence.")]
    allowed: Annotated[bool, about("Whether the scenario allows this end.")]
    cpu_user: Annotated[Seconds | None, about("Seconds of processor time in its own code.")]
    cpu_system: Annotated[Seconds | None, about("Seconds of processor time in the system.")]
    max_rss: Annotated[Bytes | None, about("Most memory it held at a time, in bytes.")]
    voluntary_switches: Annotated[Count | None, about("How often it waited.")]
    involuntary_switches: Annotated[Count | None, about("How often it was interrupted in its work.")]
    duration: Annotated[Seconds | None, about("Seconds since it started.")]


class ProcessJoining(ProcessActionEvent, kw_only=True, tag="process.joining"):
    """join() begins."""

    timeout: Annotated[Seconds | None, about("Most seconds to wait; null: until it ends.")]


class ProcessJoined(ProcessActionEvent, kw_only=True, tag="process.joined"):
    """join() returned: the process had ended."""

    exitcode: Annotated[int | None, about("The exit code as multiprocessing gives it: negative for a signal.")]
    waited: CallTime


class ProcessRestarting(ProcessActionEvent, kw_only=True, tag="process.restarting"):
    """It has ended, and is started again, as its `restart` says."""

    attempt: Annotated[int, about("How often it is started again so far, this time included.")]
    maximum: Annotated[int, about("How often it may be started again.")]
    exitcode: Annotated[int | None, about("With which exit code it has ended.")]
    delay: Annotated[Seconds, about("Seconds until it is started.")]


class ProcessLingering(Event, kw_only=True, tag="process.lingering"):
    """Its target is over, but threads that are no daemons keep it alive."""

    level: Level = "warning"
    threads: Annotated[list[str], about("Their names, of many only the first.", min_length=1, max_length=16)]


class ProcessJoinTimedOut(ProcessActionEvent, kw_only=True, tag="process.join_timed_out"):
    """join() returned: the process still lives."""

    level: Level = "warning"
    timeout: Annotated[Seconds, about("Most seconds to wait.")]
    waited: CallTime


class ProcessAlive(ProcessActionEvent, kw_only=True, tag="process.alive"):
    """is_alive() was asked."""

    alive: Annotated[bool, about("The answer.")]
    times: Times = UNSET
    until: Until = UNSET


class ProcessInterrupting(ProcessActionEvent, kw_only=True, tag="process.interrupting"):
    """interrupt() is called, which sends SIGINT."""

    reason: Reason


class ProcessTerminating(ProcessActionEvent, kw_only=True, tag="process.terminating"):
    """terminate() is called, or SIGTERM sent."""

    reason: Reason


class ProcessKilling(ProcessActionEvent, kw_only=True, tag="process.killing"):
    """kill() is called, or SIGKILL sent."""

    reason: Reason


class ProcessRaisingSignal(ProcessActionEvent, kw_only=True, tag="process.raising_signal"):
    """A step has it send a signal to itself, by raise_signal()."""

    signal: Annotated[NonEmpty, about("The name of the signal.")]


class ProcessEscalated(ProcessActionEvent, kw_only=True, tag="process.escalated"):
    """It did not heed SIGTERM and is sent SIGKILL."""

    level: Level = "warning"
    reason: Reason


class ProcessOrphaned(Event, kw_only=True, tag="process.orphaned"):
    """It lives, but its parent has ended."""

    level: Level = "warning"
    ppid: Annotated[Count | None, about("Process id of the parent it had; null if nobody saw it.")]
    parent: Annotated[str | None, about("Name of the parent it had; null if nobody saw it.")]
    command: Annotated[str, about("What it runs, as the system tells it.")]


class ProcessMisreported(Event, kw_only=True, tag="process.misreported"):
    """multiprocessing says that it has ended, which nobody knows: the fork server that would know is gone."""

    level: Level = "warning"
    by: Annotated[NonEmpty, about("Who got that answer.")]
    exitcode: Annotated[int, about("The exit code that multiprocessing makes up.")]
    reason: Reason


class ProcessLeft(Event, kw_only=True, tag="process.left"):
    """The recorded block of a program was left before anybody had seen the end of this process."""

    level: Level = "warning"
    running: Annotated[bool, about("Whether it still ran when the log was written.")]


class ProcessNotEnded(Event, kw_only=True, tag="process.not_ended"):
    """It is, or may be, left behind: nobody has seen that SIGKILL ended it, or whether it is of this run."""

    level: Level = "error"
    state: Annotated[
        NonEmpty | None,
        about(
            "Its state as the system gives it (D: uninterruptible sleep); ?: it is there, its state is not known; "
            "null: nobody can see whether it is there."
        ),
    ]
    reason: Annotated[str, about("What is known, in one sentence.")]


class ProcessOutput(Event, kw_only=True, tag="process.output"):
    """It wrote a line to standard output or standard error."""

    stream: Annotated[Literal["stdout", "stderr"], about("Where it wrote to.")]
    text: Annotated[str, about("The line without its newline.")]
    via: Annotated[
        Literal["print", "descriptor", "logging"],
        about(
            "print: through sys.stdout or sys.stderr; descriptor: past them; logging: by a handler of the logging "
            "module, which is a log.message too."
        ),
    ]
    truncated: Annotated[Literal[True] | UnsetType, about("The line was longer; only its beginning was kept.")] = UNSET
    order: Annotated[
        Literal["unknown"] | UnsetType,
        about(
            "Nobody saw when it was written: past Python's streams, as by a subprocess or a C library. It was found "
            "later, so that it is older than its place in the log, as a rule. Such lines of one stream are in order."
        ),
    ] = UNSET


class ProcessOutputCutOff(Event, kw_only=True, tag="process.output_cut_off"):
    """The process has written more than is logged of one process; it goes on, what else it writes is left out."""

    level: Level = "warning"
    most: Annotated[Count, about("How many characters are logged.")]
    option: Annotated[NonEmpty, about("The option that allows more.")]
    reason: Annotated[NonEmpty, about("The same in one sentence.")]


class LogMessage(Event, kw_only=True, tag="log.message"):
    """The target logged something; the level is its own."""

    message: Annotated[str, about("What it logged.")]
    logger: Annotated[str, about("Name of the logger.")]
    via: Annotated[Literal["logging", "structlog", "warnings"], about("What it logged with.")]
    source: Annotated[Literal["target"], about("The target logged this, not run-scenario.")]
    fields: Annotated[dict[str, Any], about("What else it logged: key and value.")]


class StepCalled(Event, kw_only=True, tag="step.called"):
    """A step has asked something that no other event tells."""

    subject: Annotated[str | None, about("Whom it was done to: a process or a resource.")]
    method: Annotated[str, about("The method or attribute.")]
    result: Item


class StepRaised(Event, kw_only=True, tag="step.raised"):
    """A step has raised the exception that the scenario expects of it."""

    subject: Annotated[str | None, about("Whom it was done to: a process or a resource.")]
    method: Annotated[str, about("The method or attribute.")]
    exception: ExceptionName
    message: Message
