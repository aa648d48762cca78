"""A program that was looked at from outside, as text or as JSON: the tree, what follows, what is unknown.

A process is called by its id: what Python calls it cannot be seen from outside.
"""

from __future__ import annotations

import json
import signal
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from run_scenario.counting import plural
from run_scenario.inspection import (
    OUTSIDE,
    THREADS,
    Actor,
    Certainty,
    Conclusion,
    Doubt,
    ProcessFacts,
    Program,
    Role,
    Semaphore,
    ThreadFacts,
    Wait,
    WaitKind,
    awaited_process,
    conclude,
    helpers,
    thread_of,
)
from run_scenario.report.text import sanitize, seconds, truncate
from run_scenario.values import Value

# Phrases


MOST_NAMES = 6
"""Processes or threads that are named one by one; of more, the rest are counted."""
_MOST_THINGS = 4
"""Things at one of which a thread waits that are named one by one."""
_COULD: dict[WaitKind, str] = {
    "semaphore": "which only {} can do",
    "read": "to which only {} can write",
    "write": "from which only {} can read",
    "socket": "whose other end is open in {} only",
    "poll": "where only {} can cause it",
}
_PLAIN: dict[WaitKind, str] = {
    "accept": "somebody to connect to its socket",
    "lock": "another thread of its own process, at a lock inside it",
    "futex": "a lock or a semaphore (which one is not shown)",
    "sleep": "a moment to pass",
    "input": "a file, a terminal or another device",
    "file_lock": "a lock on a file",
}
_WRITING = ("write", "writev", "sendto", "sendmsg")
_SOMETHING: dict[WaitKind, str] = {
    "read": "something to read from a pipe",
    "write": "room in a pipe",
    "socket": "a connection",
    "semaphore": "memory that it shares with others",
    "poll": "one of several descriptors, or one that leads outside",
}
"""What is waited for where it cannot be named."""


def wanted(program: Program, process: ProcessFacts, wait: Wait) -> str:
    """Return what a thread waits for and who could do it, as the end of a sentence such as "pid 12 waits for …"."""
    what = thing(program, wait)
    able = helpers(program, process, wait)
    how = _COULD.get(wait.kind) if wait.kind is not None else None
    if able is None or how is None or _is_joined(program, wait):
        return what
    return f"{what}, {how.format(names([each.pid for each in able], process.pid))}"


def thing(program: Program, wait: Wait) -> str:
    """Return what a thread waits for, and no more."""
    text = _timeless(program, wait)
    return f"{text}, for some time only" if wait.timed and wait.kind != "sleep" else text


def _timeless(program: Program, wait: Wait) -> str:
    if wait.kind is None:
        return f"something that is not known here{f' ({wait.channel})' if wait.channel else ''}"
    if wait.kind in _PLAIN:
        return _PLAIN[wait.kind]
    if wait.kind == "process":
        pids = [pid for key in wait.keys if (pid := awaited_process(key)) is not None]
        return f"the end of {names(pids)}" if pids else "the end of a child"
    if not wait.keys or OUTSIDE in wait.keys:
        return _SOMETHING[wait.kind]
    if (server := _is_joined(program, wait)) is not None:
        return f"the fork server, pid {server}, as join() does until a process that it has forked has ended"
    called_so = list(dict.fromkeys(called(program, key) for key in wait.keys))
    more = [f"{len(called_so) - _MOST_THINGS} more"] if len(called_so) > _MOST_THINGS else []
    things = " or ".join([*called_so[:_MOST_THINGS], *more])
    if wait.kind == "semaphore":
        return f"{things} to be released"
    if wait.kind == "poll":
        return f"something to happen at {things}"
    return f"{'room in' if wait.call in _WRITING else 'something to read from'} {things}"


def _is_joined(program: Program, wait: Wait) -> int | None:
    """Return the fork server which alone writes to the only pipe that is waited for; None: it is not so."""
    able = program.with_key(wait.keys[0]) if len(wait.keys) == 1 and wait.kind == "poll" else []
    return able[0].pid if len(able) == 1 and able[0].role == "fork_server" else None


def called(program: Program, key: str) -> str:
    """Return how a thing that processes share is called, by its key."""
    if key.startswith("memory "):
        name = next((each.name for each in program.semaphores if each.key == key), "")
        return f"semaphore {name}" if name.startswith("sem.") else "what lies in memory that it shares"
    if (pid := awaited_process(key)) is not None:
        return f"the end of pid {pid}"
    kind, _, rest = key.partition(":[")
    return f"{kind} {rest.partition(']')[0]}"


def names(pids: Sequence[int], own: int | None = None, itself: str = "itself") -> str:
    """Return processes as one subject: `pid 10, pid 12 and itself`; of many, only the first."""
    shown = [f"pid {pid}" for pid in pids if pid != own] + ([itself] if own in pids else [])
    if not shown:
        return "nobody who was seen"
    if len(shown) > MOST_NAMES:
        shown = [*shown[: MOST_NAMES - 1], f"{len(shown) - MOST_NAMES + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def actor_name(program: Program, actor: Actor) -> str:
    """Return who waits: a process by its id, and of its threads those besides the main one by theirs."""
    process, thread = thread_of(program, actor)
    if thread.thread == process.pid:
        return f"pid {process.pid}"
    return f"{title(process, thread)} of pid {process.pid}"


def title(process: ProcessFacts, thread: ThreadFacts) -> str:
    """Return how a thread is called among those of its process."""
    if thread.thread == process.pid:
        return "main thread"
    return f"thread {thread.thread}{f' ({thread.name})' if thread.name else ''}"


def how_ended(process: ProcessFacts) -> str:
    """Return how a process has ended, as a predicate."""
    code = process.exitcode
    if code is None:
        return "has ended"
    if code >= 0:
        return f"has ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


# Sentences


_MOST_WAITS = 20
"""Threads of a deadlock that are named one by one."""


def lines(program: Program, conclusion: Conclusion) -> list[str]:
    """Return a conclusion as a sentence, and a line for each of its parts and doubts."""
    first, *rest = _LINES[conclusion.kind](program, conclusion)
    return [first, *rest, *(_doubt(each) for each in conclusion.doubts)]


def _deadlock(program: Program, conclusion: Conclusion) -> list[str]:
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
        parts.append(f"and {plural(len(stuck) - _MOST_WAITS, 'more thread', 'waits')} so")
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
    "deadlock": _deadlock,
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


# The whole


_MOST_THREADS = 20
_MOST_FRAMES = 6
_MOST_INNER_FRAMES = 3
"""Frames that are shown of a thread that runs none of the program's own code."""
_COMMAND = 100
_ROLES: dict[Role, str] = {
    "resource_tracker": "multiprocessing's resource tracker",
    "fork_server": "multiprocessing's fork server",
    "forked_by_server": "a process that the fork server has forked",
    "spawned": "a process that multiprocessing has spawned",
    "forked": "a fork of its parent",
}
_CERTAINTY: dict[Certainty, str] = {
    "certain": "Certain",
    "as_far_as_seen": "As far as can be seen",
    "possible": "Possible",
    "may_go_on": "May go on",
    "seen": "Seen",
}
_STATES = {
    "R": "runs, or is ready to",
    "S": "sleeps",
    "D": "sleeps so that nothing can wake it (a disk, a network file system)",
    "T": "is stopped",
    "t": "is stopped by a debugger",
    "Z": "has ended",
    "X": "has ended",
    "I": "sleeps",
}
_OF_PYTHON = ("/multiprocessing/", "/concurrent/futures/", "/threading.py:", "/queue.py:", "/selectors.py:", "<frozen ")
"""Parts of the paths of modules in which a process waits on behalf of its own code, or is started."""
_STARTS = ("<string>:1 in <module>",)
"""How a process begins that multiprocessing starts with `python -c`."""


def as_json(program: Program) -> str:
    """Return all of it as one JSON document; what follows has its sentences, too."""
    conclusions = [
        {
            "kind": each.kind,
            "certainty": each.certainty,
            "actors": [{"pid": pid, "thread": thread} for pid, thread in each.actors],
            "others": list(each.others),
            "key": each.key,
            "doubts": _plain(each.doubts),
            "text": lines(program, each),
        }
        for each in conclude(program)
    ]
    document = {**_plain(program), "conclusions": conclusions, "unknown": list(unknown(program))}
    return json.dumps(document, indent=2) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return {field: _plain(getattr(value, field)) for field in value.__match_args__}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value


def as_text(program: Program, width: int) -> str:
    """Return all of it for a person, in lines of at most `width` columns where that can be."""
    out: list[str] = []
    if program.run:
        out += [*_filled(_of_run(program), "", width), ""]
    for process in program.processes:
        out += _process(program, process, width)
    if program.stacks.tool:
        out += _filled(f"(lines of Python: by {program.stacks.tool})", "", width)
    if program.semaphores:
        out += ["", "Semaphores that are waited for:"]
        for semaphore in program.semaphores:
            out += _filled(_semaphore(program, semaphore), "  ", width, "    ")
    found = conclude(program)
    out.append("")
    out.append("What follows:")
    for conclusion in found:
        first, *rest = lines(program, conclusion)
        out += _filled(f"{_CERTAINTY[conclusion.certainty]}: {first}", "  ", width, "    ")
        for line in rest:
            out += _filled(line, "    - ", width, "      ")
    if not found:
        out += _filled("nothing that the system shows: no process waits for another one", "  ", width)
    out += ["", "What cannot be known from outside:"]
    for line in unknown(program):
        out += _filled(line, "  - ", width, "    ")
    return "\n".join(out) + "\n"


def _of_run(program: Program) -> str:
    where = f"its log, {' and '.join(program.logs)}," if program.logs else f"its recording, in {program.folder},"
    return f"This program belongs to run {program.run} of run-scenario: {where} knows more, and why it stands still."


def _filled(text: str, indent: str, width: int, further: str | None = None) -> list[str]:
    after = indent if further is None else further
    return textwrap.wrap(
        sanitize(text),
        width,
        initial_indent=indent,
        subsequent_indent=after,
        break_on_hyphens=False,
        break_long_words=False,
    )


# The tree


def _process(program: Program, process: ProcessFacts, width: int) -> Iterator[str]:
    indent = "  " * process.depth
    what = _ROLES.get(process.role) or truncate(process.command, _COMMAND)
    where = "" if process.inside else " (not below it, but shares what is waited for)"
    age = f"{_age(process.age)} old, {seconds(process.cpu)} of processor time"
    yield from _filled(f"pid {process.pid}{where}: {what}; {age}", indent, width, f"{indent}    ")
    if process.is_over:
        yield from _filled(f"{how_ended(process)}; its parent has not waited for it", f"{indent}    ", width)
    for thread in process.threads[:_MOST_THREADS]:
        yield from _filled(_does(program, process, thread), f"{indent}    ", width)
        for frame in _own_frames_first(thread.stack):
            yield f"{indent}        {sanitize(frame)}"
    if len(process.threads) > _MOST_THREADS:
        yield f"{indent}    and {plural(len(process.threads) - _MOST_THREADS, 'more thread')}"


def _age(age: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if age >= 2 * length:
            return f"{age / length:.0f} {unit}"
    return seconds(age)


def _does(program: Program, process: ProcessFacts, thread: ThreadFacts) -> str:
    who = f"{title(process, thread)} " if len(process.threads) > 1 else ""
    if thread.wait is None:
        return f"{who}{_STATES.get(thread.state, f'is in state {thread.state}')}"
    how = f"{_STATES[thread.state]}{f' in {thread.wait.call}()' if thread.wait.call else ''}"
    if process.role in ("resource_tracker", "fork_server"):
        return f"{who}{how}: waits for requests"
    return f"{who}{how}: waits for {thing(program, thread.wait)}"


def _own_frames_first(stack: Sequence[str]) -> list[str]:
    """Return the frames that say most: those of the program itself, and if there are none, the innermost."""
    own = [frame for frame in stack if not any(part in frame for part in _OF_PYTHON) and frame not in _STARTS]
    return [_short(frame) for frame in (own[:_MOST_FRAMES] or stack[:_MOST_INNER_FRAMES])]


def _short(frame: str) -> str:
    place, separator, function = frame.rpartition(" in ")
    return f"{place.rpartition('/')[2]}{separator}{function}"


def _semaphore(program: Program, semaphore: Semaphore) -> str:
    value = "its value cannot be read" if semaphore.value is None else f"value {semaphore.value}"
    shared = [each.pid for each in program.with_key(semaphore.key)]
    return f"{semaphore.name or 'memory without a name'}: {value}; shared by {names(shared)}"
