"""A program that was not started by run-scenario: what the system shows of it, and what follows, as values.

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


# What follows


ConclusionKind = Literal[
    "deadlock", "asleep", "own_writer", "not_waited_for", "stopped", "computes", "clock_only", "helped", "outside"
]
Certainty = Literal["certain", "as_far_as_seen", "possible", "may_go_on", "seen"]
"""`as_far_as_seen`: certain if only those have to do with it who could be looked at; `seen`: a fact, and no more."""
_SEEN = ("own_writer", "not_waited_for", "stopped", "computes")
_MAY_GO_ON = ("clock_only", "helped", "outside")
BUSY = 0.05
"""Share of a processor's time from which on a process is said to compute: who only looks at a clock takes less."""

Actor = tuple[int, int]
"""A process, and a thread of it."""


class Doubt(Value):
    """Why what follows is not certain."""

    kind: Literal["handlers", "hidden", "changed", "unseen"]
    pids: tuple[int, ...] = ()
    count: int = 0


class Conclusion(Value):
    """One thing that follows."""

    kind: ConclusionKind
    actors: tuple[Actor, ...]
    """Of whom it is said."""
    others: tuple[int, ...] = ()
    """Processes that have to do with it: who could help and still moves, who waits, who has the same."""
    key: str = ""
    """What it is about."""
    doubts: tuple[Doubt, ...] = ()

    @property
    def certainty(self) -> Certainty:
        """Return how much of it is sure."""
        if self.kind in _SEEN:
            return "seen"
        if self.kind in _MAY_GO_ON:
            return "may_go_on"
        if not self.doubts:
            return "certain"
        return "as_far_as_seen" if all(each.kind == "hidden" for each in self.doubts) else "possible"


def conclude(program: Program) -> list[Conclusion]:
    """Return what follows, the most important first."""
    stuck = stuck_threads(program)
    return [
        *_deadlock(program, stuck),
        *_asleep(program),
        *_own_writers(program, stuck),
        *_ended(program),
        *_stopped(program),
        *_computing(program),
        *_by_clock(program),
        *_helped(program, stuck),
        *_outside(program),
    ]


def helpers(program: Program, process: ProcessFacts, wait: Wait) -> list[ProcessFacts] | None:
    """Return the processes one of which could end a wait; None: anybody could, or that is not known."""
    if not wait.keys or OUTSIDE in wait.keys:
        return None
    found: dict[int, ProcessFacts] = {}
    for key in wait.keys:
        if key == THREADS:
            able = [process]
        elif (pid := awaited_process(key)) is not None:
            able = [each for each in [program.process(pid)] if each is not None]
        else:
            able = program.with_key(key)
        if not able:  # it has just happened, or there is somebody whom we cannot see
            return None
        found |= {each.pid: each for each in able}
    return list(found.values())


def stuck_threads(program: Program) -> dict[Actor, Wait]:
    """Return the threads that wait for ever, as far as can be seen, each with what it waits in."""
    stuck = {
        (process.pid, thread.thread): wait
        for process, thread, wait in program.sleeping()
        if thread.state == "S" and not thread.moved and not wait.timed and not process.is_stopped
    }
    while True:
        moving = _moving(program, stuck)
        helped = []
        for (pid, thread), wait in stuck.items():
            process = program.process(pid)
            who = helpers(program, process, wait) if process is not None else None
            if who is None or any(moving.get(each.pid) for each in [*who, *_could_open(program, wait)]):
                helped.append((pid, thread))
        if not helped:
            return stuck
        for actor in helped:
            del stuck[actor]


def _could_open(program: Program, wait: Wait) -> list[ProcessFacts]:
    """Return who could still get what is waited for: a semaphore that has a name, as a child that is just starting."""
    named = {each.key for each in program.semaphores if each.has_name}
    return [each for each in program.processes if each.inside] if named.intersection(wait.keys) else []


def _moving(program: Program, stuck: dict[Actor, Wait]) -> dict[int, set[int]]:
    """Return the threads that are not stuck, by process; of one that has ended, or is about to, the main one."""
    return {
        process.pid: {process.pid}
        if process.is_over or not process.threads
        else {thread.thread for thread in process.threads if (process.pid, thread.thread) not in stuck}
        for process in program.processes
    }


def _doubts(program: Program, pids: set[int]) -> tuple[Doubt, ...]:
    handling = sorted(each.pid for each in program.processes if each.pid in pids and each.has_handlers)
    doubts = []
    if handling:
        doubts.append(Doubt("handlers", tuple(handling)))
    if program.changed:
        doubts.append(Doubt("changed"))
    if program.hidden:
        doubts.append(Doubt("hidden", count=program.hidden))
    return tuple(doubts)


def _deadlock(program: Program, stuck: dict[Actor, Wait]) -> Iterator[Conclusion]:
    told = tuple(actor for actor in _in_order(program, stuck) if not _serves(program, actor[0]))
    if told:
        yield Conclusion("deadlock", told, doubts=_doubts(program, {pid for pid, _ in told}))


def _asleep(program: Program) -> Iterator[Conclusion]:
    """Nobody moves, and what somebody waits at cannot be seen."""
    threads = [(p, t) for p in program.processes if p.inside and not p.is_over for t in p.threads]
    if any(thread.wait is None or thread.wait.timed or thread.moved for _, thread in threads):
        return
    unseen = tuple((p.pid, t.thread) for p, t in threads if t.wait is not None and not t.wait.keys)
    if unseen:
        pids = tuple(dict.fromkeys(pid for pid, _ in unseen))
        yield Conclusion("asleep", unseen, doubts=(Doubt("unseen", pids),))


def _serves(program: Program, pid: int) -> bool:
    """Tell whether a process is one of multiprocessing's own, which does nothing unless it is asked to."""
    process = program.process(pid)
    return process is not None and process.role in ("resource_tracker", "fork_server")


def _in_order(program: Program, stuck: dict[Actor, Wait]) -> Iterator[Actor]:
    for process in program.processes:
        for thread in process.threads:
            if (process.pid, thread.thread) in stuck:
                yield process.pid, thread.thread


def _own_writers(program: Program, stuck: dict[Actor, Wait]) -> Iterator[Conclusion]:
    """Who reads from a pipe that it could write to itself will never see its end of file."""
    for process, thread, wait in program.sleeping():
        key = wait.keys[0] if len(wait.keys) == 1 else ""
        is_own = wait.kind == "read" and key in process.keys
        if is_own and (process.pid, thread.thread) in stuck:
            others = tuple(each.pid for each in program.with_key(key) if each.pid != process.pid)
            yield Conclusion("own_writer", ((process.pid, thread.thread),), others, key)


def _ended(program: Program) -> Iterator[Conclusion]:
    for process in program.processes:
        if process.is_over:
            yield Conclusion("not_waited_for", ((process.pid, process.pid),), (process.parent,))


def _stopped(program: Program) -> Iterator[Conclusion]:
    for process in program.processes:
        if process.is_stopped:
            waiting = [each.pid for each, _, wait in program.sleeping() if _awaits(program, each, wait, process)]
            yield Conclusion("stopped", ((process.pid, process.pid),), tuple(dict.fromkeys(waiting)))


def _awaits(program: Program, process: ProcessFacts, wait: Wait, other: ProcessFacts) -> bool:
    able = helpers(program, process, wait)
    return able is not None and other in able and process.pid != other.pid


def _computing(program: Program) -> Iterator[Conclusion]:
    for process in program.processes:
        if process.inside and _computes(process):
            yield Conclusion("computes", ((process.pid, process.pid),))


def _computes(process: ProcessFacts) -> bool:
    """Tell whether a process has used a processor, or wants one that others use."""
    return process.busy >= BUSY or any(thread.state == "R" for thread in process.threads)


def _by_clock(program: Program) -> Iterator[Conclusion]:
    """Nobody computes, and who is not in a wait for others wakes up by a clock alone."""
    inside = [(p, t, t.wait) for p in program.processes if p.inside for t in p.threads if not p.is_over]
    if any(_computes(process) for process in program.processes if process.inside):
        return
    timed = tuple((process.pid, thread.thread) for process, thread, wait in inside if wait is not None and wait.timed)
    if timed:
        yield Conclusion("clock_only", timed)


def _helped(program: Program, stuck: dict[Actor, Wait]) -> Iterator[Conclusion]:
    """Main threads that wait for others, of whom one still moves."""
    moving = _moving(program, stuck)
    for process, thread, wait in program.sleeping():
        able = helpers(program, process, wait)
        is_told = _is_main(process, thread) and not _serves(program, process.pid)
        if is_told and able is not None and not wait.timed and (process.pid, thread.thread) not in stuck:
            others = tuple(each.pid for each in able if moving[each.pid] - {thread.thread})
            yield Conclusion("helped", ((process.pid, thread.thread),), others)


def _outside(program: Program) -> Iterator[Conclusion]:
    for process, thread, wait in program.sleeping():
        comes_from_outside = not wait.timed and wait.kind is not None and OUTSIDE in wait.keys
        if comes_from_outside and _is_main(process, thread) and not _serves(program, process.pid):
            yield Conclusion("outside", ((process.pid, thread.thread),))


def _is_main(process: ProcessFacts, thread: ThreadFacts) -> bool:
    return process.inside and thread.thread == process.pid


def thread_of(program: Program, actor: Actor) -> tuple[ProcessFacts, ThreadFacts]:
    """Return process and thread of an actor."""
    process = program.process(actor[0])
    assert process is not None
    return process, next(each for each in process.threads if each.thread == actor[1])
