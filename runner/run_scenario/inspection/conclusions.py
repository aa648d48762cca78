"""Facts about a program → what follows from them, as values; `report/inspection.py` makes sentences of these.

What is certain: a set of threads stands still for ever if each of them is in a wait without an end of its own, and if
whatever would end it can only be done by threads of that very set. That set is found by taking away, again and again,
each thread that somebody outside of it could help.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from run_scenario.inspection.facts import (
    OUTSIDE,
    THREADS,
    ProcessFacts,
    Program,
    ThreadFacts,
    Wait,
    awaited_process,
)
from run_scenario.values import Value

ConclusionKind = Literal[
    "standstill", "asleep", "own_writer", "not_waited_for", "stopped", "computes", "clock_only", "helped", "outside"
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
        *_standstill(program, stuck),
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


def _standstill(program: Program, stuck: dict[Actor, Wait]) -> Iterator[Conclusion]:
    told = tuple(actor for actor in _in_order(program, stuck) if not _serves(program, actor[0]))
    if told:
        yield Conclusion("standstill", told, doubts=_doubts(program, {pid for pid, _ in told}))


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
