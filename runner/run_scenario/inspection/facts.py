"""What the system shows of a program from outside: its processes, what they sleep in, who shares that.

Things that processes share have keys, texts that are equal wherever the thing is the same:

    pipe:[39198] write      an end of a pipe, by the pipe's inode
    socket:[4711]           a local socket, by its inode
    memory 00:1b 1325       memory that several processes map, by the device and inode of its file: that of a semaphore
    process 4711            the end of a process
    threads                 what only another thread of the same process does
    outside                 what may come from elsewhere: a network, a terminal, a clock, or nothing that is known
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from run_scenario.values import Value

WaitKind = Literal[
    "read", "write", "socket", "accept", "poll", "semaphore", "lock", "futex", "process", "sleep", "input", "file_lock"
]
"""`futex`: a semaphore or a lock of its own process, which of them cannot be seen."""
Role = Literal["resource_tracker", "fork_server", "forked_by_server", "spawned", "forked", "program"]
_DELETED = " (deleted)"
"""How the system marks the name of a file that was removed."""
THREADS, OUTSIDE = "threads", "outside"


def process_key(pid: int) -> str:
    """Return the key of the end of a process."""
    return f"process {pid}"


def awaited_process(key: str) -> int | None:
    """Return the process whose end a key means; None: it means something else."""
    kind, _, number = key.partition(" ")
    return int(number) if kind == "process" else None


class Wait(Value):
    """What a thread sleeps in."""

    kind: WaitKind | None
    """None: in nothing that is known here."""
    call: str
    """The system call, as `read`; empty: it cannot be seen, or has no name here."""
    channel: str
    """Where in the kernel it sleeps, as the kernel names it; empty: that cannot be seen."""
    timed: bool = False
    """Whether it ends by itself after some time."""
    keys: tuple[str, ...] = ()
    """What would end it, if any process that has one of these does something with it; empty: that is not known."""


class ThreadFacts(Value):
    """A thread."""

    thread: int
    name: str
    """As the system has it, or as Python has it where its stack could be read; empty: no other than its process's."""
    state: str
    """A letter, as /proc has it: R, S, D, T, t, Z, X."""
    wait: Wait | None
    """None: it does not sleep."""
    moved: bool
    """Whether it was scheduled, or its call changed, between two looks."""
    stack: tuple[str, ...] = ()
    """Python's frames, the innermost first, as `path:line in function`; empty: not known."""


class ProcessFacts(Value):
    """A process."""

    pid: int
    parent: int
    depth: int
    """How far below the process that was asked for; that is 0."""
    command: str
    role: Role
    state: str
    exitcode: int | None
    """Of a process that has ended, and that nobody has waited for."""
    age: float
    cpu: float
    """Seconds of processor time since it began."""
    busy: float
    """Seconds of processor time in each second between two looks."""
    inside: bool
    """Whether it is below the process that was asked for; otherwise it shares with one of these what it waits for."""
    is_python: bool
    is_open: bool
    """Whether its descriptors and memory could be looked at."""
    has_handlers: bool
    """Whether it has handlers for signals, or timers, by which it might go on."""
    keys: frozenset[str]
    """What it shares with others, and could end a wait by."""
    threads: tuple[ThreadFacts, ...]

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state in "ZX"

    @property
    def is_stopped(self) -> bool:
        """Whether it is stopped, by SIGSTOP or by a debugger."""
        return self.state in "Tt"


class Semaphore(Value):
    """Memory that threads of several processes wait at; almost always a semaphore."""

    key: str
    path: str
    """As the system names its file; a name that was removed ends with ` (deleted)`."""
    value: int | None
    """How often it can be acquired; None: it could not be read."""
    waiting: int | None
    """How many threads it has noted as waiting, in any process."""

    @property
    def name(self) -> str:
        """The name of its file, `sem.mp-72Ew7Y`."""
        return self.path.removesuffix(_DELETED).rpartition("/")[2]

    @property
    def has_name(self) -> bool:
        """Whether others could still open it: multiprocessing removes its name at once, if processes are forked."""
        return bool(self.path) and not self.path.endswith(_DELETED)


class StackSource(Value):
    """What Python stacks were read with."""

    tool: str
    """Empty: there is none."""
    problem: str = ""
    """Why there are none, or not of all."""


class Program(Value):
    """All that was seen."""

    pid: int
    processes: tuple[ProcessFacts, ...]
    """Those below `pid` in the order of a tree, then those that share with them what is waited for."""
    semaphores: tuple[Semaphore, ...]
    hidden: int
    """Processes of this machine whose descriptors could not be looked at."""
    sees_calls: bool
    """Whether the system shows in which calls threads sleep."""
    changed: bool
    """Whether processes came or went between two looks."""
    between: float
    """Seconds between two looks."""
    stacks: StackSource
    run: str = ""
    """The run of run-scenario that the process belongs to; empty: to none, as far as can be seen."""
    folder: str = ""
    """Where that run records."""
    logs: tuple[str, ...] = ()
    """The files that it writes its log to; there may be others that cannot be seen."""

    def process(self, pid: int) -> ProcessFacts | None:
        """Return a process, if it was looked at."""
        return next((each for each in self.processes if each.pid == pid), None)

    def with_key(self, key: str) -> list[ProcessFacts]:
        """Return the processes that have something, by its key."""
        return [each for each in self.processes if key in each.keys and not each.is_over]

    def sleeping(self) -> Iterator[tuple[ProcessFacts, ThreadFacts, Wait]]:
        """Yield each thread that sleeps, with its process and what it sleeps in."""
        for process in self.processes:
            for thread in process.threads:
                if thread.wait is not None and not process.is_over:
                    yield process, thread, thread.wait
