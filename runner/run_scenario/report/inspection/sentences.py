"""What follows from a look at a program from outside, in sentences; and what cannot be known."""

from __future__ import annotations

from collections.abc import Iterator

from run_scenario.inspection.conclusions import Conclusion, Doubt, thread_of
from run_scenario.inspection.facts import THREADS, Program
from run_scenario.report.inspection.waits import MOST_NAMES, actor_name, called, how_ended, names, wanted
from run_scenario.report.text import plural, seconds

_MOST_WAITS = 20
"""Threads of a standstill that are named one by one."""


def lines(program: Program, conclusion: Conclusion) -> list[str]:
    """Return a conclusion as a sentence, and a line for each of its parts and doubts."""
    first, *rest = _LINES[conclusion.kind](program, conclusion)
    return [first, *rest, *(_doubt(each) for each in conclusion.doubts)]


def _standstill(program: Program, conclusion: Conclusion) -> list[str]:
    stuck = set(conclusion.actors)
    threads = {
        (process.pid, thread.thread)
        for process in program.processes
        if process.inside and process.role not in ("resource_tracker", "fork_server")
        for thread in process.threads
    }
    who = "the program stands still" if threads <= stuck else "a part of the program stands still"
    parts = []
    for actor in conclusion.actors[:_MOST_WAITS]:
        process, thread = thread_of(program, actor)
        assert thread.wait is not None
        parts.append(f"{actor_name(program, actor)} waits for {wanted(program, process, thread.wait)}")
    if len(stuck) > _MOST_WAITS:
        parts.append(f"and {len(stuck) - _MOST_WAITS} more threads wait so")
    return [f"{who}: nobody who could end {'this wait' if len(stuck) == 1 else 'these waits'} can move", *parts]


def _asleep(program: Program, conclusion: Conclusion) -> list[str]:
    between = seconds(round(program.between, 2))
    return [f"the program stands still: all of it slept, and nothing in it was scheduled for {between}"]


def _own_writer(program: Program, conclusion: Conclusion) -> list[str]:
    pid = conclusion.actors[0][0]
    too = ""
    if conclusion.others:
        too = f", and so {'has' if len(conclusion.others) == 1 else 'have'} {names(conclusion.others)}"
    return [
        f"pid {pid} reads from {called(program, conclusion.key)}, and has the end for writing open itself{too}: "
        "the end of the file cannot come while it is open"
    ]


def _not_waited_for(program: Program, conclusion: Conclusion) -> list[str]:
    process = program.process(conclusion.actors[0][0])
    assert process is not None
    return [f"pid {process.pid} {how_ended(process)}; its parent, pid {process.parent}, has not waited for it"]


def _stopped(program: Program, conclusion: Conclusion) -> list[str]:
    pid = conclusion.actors[0][0]
    waiting = f"; {names(conclusion.others)} may be waiting for it" if conclusion.others else ""
    return [f"pid {pid} is stopped, by a signal or by a debugger{waiting}; `kill -CONT {pid}` lets it go on"]


def _computes(program: Program, conclusion: Conclusion) -> list[str]:
    process = program.process(conclusion.actors[0][0])
    assert process is not None
    share = f"{process.busy:.0%} of a processor in the {seconds(round(program.between, 2))} between two looks"
    return [f"pid {process.pid} computes, or is ready to: it had {share}"]


def _clock_only(program: Program, conclusion: Conclusion) -> list[str]:
    who = [actor_name(program, actor) for actor in conclusion.actors]
    shown = [*who[: MOST_NAMES - 1], f"{len(who) - MOST_NAMES + 1} more"] if len(who) > MOST_NAMES else who
    verb = "waits" if len(who) == 1 else "wait"
    return [f"nobody computes; {', '.join(shown)} {verb} for some time only, and may do something after that"]


def _outside(program: Program, conclusion: Conclusion) -> list[str]:
    process, thread = thread_of(program, conclusion.actors[0])
    assert thread.wait is not None
    who, what = actor_name(program, conclusion.actors[0]), wanted(program, process, thread.wait)
    return [f"{who} waits for {what}: when that comes is not up to the program"]


def _helped(program: Program, conclusion: Conclusion) -> list[str]:
    process, thread = thread_of(program, conclusion.actors[0])
    assert thread.wait is not None
    who = actor_name(program, conclusion.actors[0])
    still = f"{names(conclusion.others, process.pid, 'another of its own threads')} may still move"
    if not conclusion.others:
        still = "another process may still open it, by its name"
    return [f"{who} waits for {wanted(program, process, thread.wait)}; {still}"]


_LINES = {
    "standstill": _standstill,
    "asleep": _asleep,
    "own_writer": _own_writer,
    "not_waited_for": _not_waited_for,
    "stopped": _stopped,
    "computes": _computes,
    "clock_only": _clock_only,
    "outside": _outside,
    "helped": _helped,
}


def _doubt(doubt: Doubt) -> str:
    if doubt.kind == "handlers":
        return f"{names(doubt.pids)} might go on by a signal: there is a handler, or a timer"
    if doubt.kind == "unseen":
        return f"at what {names(doubt.pids)} {'waits' if len(doubt.pids) == 1 else 'wait'} is not shown"
    if doubt.kind == "changed":
        return "processes came or went between the two looks; look again"
    return (
        f"{plural(doubt.count, 'process')} of other users cannot be looked into: one that was handed any of this could "
        "help; root sees all"
    )


def unknown(program: Program) -> Iterator[str]:
    """Yield what nobody can see from outside, and what could not be seen this time."""
    waits = [wait for _, _, wait in program.sleeping()]
    if any(wait.kind == "semaphore" for wait in waits):
        yield "who holds a semaphore: it has no owner, and whoever acquired it may have ended since"
    if any(wait.keys == (THREADS,) for wait in waits):
        yield "which thread holds a lock inside a process"
    yield "the names of queues, locks and processes: from outside, a queue is a pipe and semaphores"
    yield "what happened before, and whether an alarm is set; of a program that `run-scenario record` runs, it is known"
    if not program.sees_calls:
        yield (
            "at which pipe or semaphore they wait: the system shows that to root only "
            f"(sudo run-scenario inspect {program.pid}), or where kernel.yama.ptrace_scope is 0"
        )
    source = program.stacks
    if not any(process.is_python for process in program.processes):
        yield "lines of Python: none of these is a Python program, as far as its files show"
    elif not source.tool:
        yield (
            "the lines of Python at which they wait: they are shown if py-spy (`pip install py-spy`) is on the PATH, "
            "or where run-scenario runs on Python 3.15 or later, for programs on the same Python"
        )
    elif source.problem:
        yield f"some of the lines of Python at which they wait: {source.tool} could not read them ({source.problem})"
