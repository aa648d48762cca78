"""A look at a program from outside, twice: what it was in both times is what it is in.

Between the two looks others are asked for stacks, and who shares what is awaited is looked for on the whole machine. A
thread that was not scheduled between them has slept all that time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from operator import attrgetter

from run_scenario.errors import UsageError
from run_scenario.inspection import (
    ProcessFacts,
    Program,
    Role,
    Semaphore,
    StackSource,
    ThreadFacts,
    Wait,
)
from run_scenario.runtime.inspection.runs import run_of
from run_scenario.runtime.inspection.stacks import Stacks, read_stacks
from run_scenario.runtime.inspection.waits import fork_server_wait, semaphore_at, shared_keys, wait_of
from run_scenario.runtime.platform import sleeping_threads, system
from run_scenario.runtime.platform.capabilities import find
from run_scenario.runtime.platform.system import ProcessStat
from run_scenario.values import Value

BETWEEN = 0.5
"""Seconds between two looks: so long would a program have to sleep in which anybody moves for it to be overlooked."""
_ASLEEP = "SD"


class _Look(Value):
    """What all processes were in at one time."""

    at: float
    stats: dict[int, ProcessStat]
    """Of every process of the machine."""
    below: dict[int, int]
    """The processes below the one that was asked for, in the order of a tree, each with its depth."""


class _Thread(Value):
    """A thread in one look."""

    state: str
    switches: tuple[int, int] | None
    wait: Wait | None


_Threads = dict[int, dict[int, _Thread]]
"""Of each process its threads, by their ids."""


def inspect(pid: int) -> Program:
    """Return all that can be seen of a process, those below it, and those that share what these wait for.

    Raises:
        UsageError: it cannot be looked at: it is not there, has ended, is the kernel's, or belongs to somebody else.
    """
    capabilities = find(os.environ, frozenset({"subreaper"}))  # who only looks adopts nobody
    if not capabilities.proc:
        raise UsageError("inspect reads what the system shows in /proc, as Linux does; there is none here")
    _check(pid)
    first = _look(pid)
    threads, keys = _with_sharers(first, capabilities.syscall)
    members = list(threads)
    pythons = [each for each in members if _is_python(each) and not system.is_auxiliary(each)]
    stacks, source = read_stacks(pythons) if pythons else ({}, StackSource(""))
    time.sleep(max(0.0, first.at + BETWEEN - time.monotonic()))
    second = _look(pid)
    again = {each: _threads(each, second, capabilities.syscall) for each in members}
    there = [each for each in members if _is_same(each, first, second)]
    if pid not in there:
        raise UsageError(f"process {pid} has ended while it was looked at")
    waits = [thread.wait for each in again.values() for thread in each.values() if thread.wait is not None]
    return Program(
        pid=pid,
        processes=tuple(
            _process(each, first, second, keys[each], _merged(each, threads[each], again[each], stacks))
            for each in there
        ),
        semaphores=_semaphores(again),
        hidden=sum(1 for each, stat in second.stats.items() if _is_hidden(each, stat)),
        sees_calls=not waits or any(wait.call for wait in waits),
        changed=set(first.below) != set(second.below) or len(there) < len(members),
        between=second.at - first.at,
        stacks=source,
        **run_of(pid, {each: stat.ppid for each, stat in second.stats.items()}),
    )


def _with_sharers(look: _Look, sees_calls: bool) -> tuple[_Threads, dict[int, frozenset[str]]]:
    """Return the threads of the processes below, and of those that share what these wait for; and who shares what."""
    ends = {each: sleeping_threads.open_ends(each) for each in look.stats}
    threads = {each: _threads(each, look, sees_calls) for each in look.below}
    while True:  # whoever shares what is waited for may wait for what others share
        awaited = frozenset(key for each in threads.values() for thread in each.values() for key in _keys_of(thread))
        keys = {each: frozenset(shared_keys(each, awaited, ends[each])) for each in look.stats}
        beside = [each for each, shared in keys.items() if shared and each not in threads and each != os.getpid()]
        if not beside:
            return threads, keys
        threads |= {each: _threads(each, look, sees_calls) for each in beside}


def _check(pid: int) -> None:
    """Refuse what cannot be looked at.

    Raises:
        UsageError: with the reason, and the way out.
    """
    stat = system.process_stat(pid)
    if stat is None:
        raise UsageError(f"there is no process {pid}: it has ended, or never was; `ps -e` lists all there are")
    group = _field(pid, "Tgid")
    if group not in ("", str(pid)):
        raise UsageError(f"{pid} is a thread of process {group}: run-scenario inspect {group}")
    if system.is_kernel_thread(pid):
        raise UsageError(f"{pid} is a thread of the kernel ({system.command_of(pid)}), and no program")
    if stat.is_over:
        raise UsageError(
            f"process {pid} has ended, and its parent has not waited for it (a zombie): look at that one, "
            f"run-scenario inspect {stat.ppid}"
        )
    try:
        os.listdir(f"/proc/{pid}/fd")
    except PermissionError:
        raise UsageError(
            f"process {pid} belongs to user {_owner(pid)}, and what it does is not shown to you; "
            f"be that user, or root: sudo run-scenario inspect {pid}"
        ) from None
    except OSError:
        raise UsageError(f"process {pid} has ended while it was looked at") from None


def _owner(pid: int) -> str:
    import pwd  # which is only there where it is needed

    try:
        number = os.stat(f"/proc/{pid}").st_uid
        return pwd.getpwuid(number).pw_name
    except (OSError, KeyError):
        return _field(pid, "Uid")


def _field(pid: int, name: str) -> str:
    for line in system.read_file(f"/proc/{pid}/status").splitlines():
        if line.startswith(f"{name}:"):
            return line.split()[1]
    return ""


def _look(pid: int) -> _Look:
    at = time.monotonic()
    numbers = sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())
    stats = {each: stat for each in numbers if (stat := system.process_stat(each)) is not None}
    by_parent: dict[int, list[int]] = {}
    for each, stat in sorted(stats.items(), key=lambda item: (item[1].started, item[0])):
        if each != os.getpid():  # this command, if it is the program that has started it
            by_parent.setdefault(stat.ppid, []).append(each)
    below: dict[int, int] = {}
    todo = [(pid, 0)]
    while todo:
        each, depth = todo.pop()
        below[each] = depth
        todo += [(child, depth + 1) for child in reversed(by_parent.get(each, []))]
    return _Look(at, stats, below)


def _is_same(pid: int, first: _Look, second: _Look) -> bool:
    """Tell whether a process is still there, and no other has got its id."""
    now = second.stats.get(pid)
    return now is not None and now.started == first.stats[pid].started


def _threads(pid: int, look: _Look, sees_calls: bool) -> dict[int, _Thread]:
    found = {}
    children = [each for each, stat in look.stats.items() if stat.ppid == pid and each != os.getpid()]
    is_server = _role(pid, look) == "fork_server"
    for thread, state in sorted(system.threads(pid)):
        switches = system.context_switches(pid, thread)
        wait = wait_of(pid, thread, children, sees_calls) if state in _ASLEEP else None
        if wait is not None and is_server:
            wait = fork_server_wait(wait, children)
        found[thread] = _Thread(state, switches, wait)
    return found


def _keys_of(thread: _Thread) -> tuple[str, ...]:
    return thread.wait.keys if thread.wait is not None else ()


def _merged(
    pid: int, first: Mapping[int, _Thread], second: Mapping[int, _Thread], stacks: Stacks
) -> tuple[ThreadFacts, ...]:
    """Return the threads that are there now, the main one first; each with whether it has moved."""
    known = {each.thread: each for each in stacks.get(pid, ())}
    own = system.command_of(pid)
    found = []
    for thread, now in second.items():
        name = system.read_file(f"/proc/{pid}/task/{thread}/comm").strip()
        stack = known.get(thread)
        found.append(
            ThreadFacts(
                thread=thread,
                name=(stack.name if stack is not None else "") or (name if name != own else ""),
                state=now.state,
                wait=now.wait,
                moved=first.get(thread) != now or now.switches is None,
                stack=stack.frames if stack is not None else (),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.thread != pid, each.thread)))


def _process(
    pid: int, first: _Look, second: _Look, keys: frozenset[str], threads: tuple[ThreadFacts, ...]
) -> ProcessFacts:
    stat = second.stats[pid]
    before = first.stats[pid]
    cpu = stat.cpu_user + stat.cpu_system
    return ProcessFacts(
        pid=pid,
        parent=stat.ppid,
        depth=first.below.get(pid, 0),
        command=_command(pid),
        role=_role(pid, second),
        state=stat.state,
        exitcode=stat.exitcode,
        age=system.age_of(stat),
        cpu=cpu,
        busy=max(0.0, cpu - before.cpu_user - before.cpu_system) / (second.at - first.at),
        inside=pid in first.below,
        is_python=_is_python(pid),
        is_open=_is_open(pid),
        has_handlers=not stat.is_over and _may_be_woken(pid),
        keys=keys,
        threads=() if stat.is_over else threads,
    )


def _may_be_woken(pid: int) -> bool:
    """Tell whether a process may go on by a signal; also by one that comes when a child of it ends, or is to end it."""
    return sleeping_threads.has_handlers(pid) or sleeping_threads.may_be_woken_by_signal(pid)


def _command(pid: int) -> str:
    words = system.read_file(f"/proc/{pid}/cmdline").rstrip("\0").split("\0")
    return " ".join(words) if words != [""] else system.command_of(pid)


def _role(pid: int, look: _Look) -> Role:
    """Return what a process is to multiprocessing, as its command line says, and whether it is a copy of its parent."""
    command = system.read_file(f"/proc/{pid}/cmdline")
    if system.is_auxiliary(pid):
        return "fork_server" if "multiprocessing.forkserver" in command else "resource_tracker"
    if "multiprocessing.forkserver" in command:
        return "forked_by_server"
    if "--multiprocessing-fork" in command:
        return "spawned"
    stat = look.stats.get(pid)
    is_copy = system.is_copy(pid) and stat is not None
    parent = system.read_file(f"/proc/{stat.ppid}/cmdline") if stat is not None else ""
    return "forked" if is_copy and parent == command else "program"


def _is_python(pid: int) -> bool:
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return False
    return program.startswith(("python", "pypy")) or "libpython" in system.read_file(f"/proc/{pid}/maps")


def _is_open(pid: int) -> bool:
    try:
        os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    return True


def _is_hidden(pid: int, stat: ProcessStat) -> bool:
    looked_at = stat.is_over or _is_open(pid) or system.is_kernel_thread(pid)
    return not looked_at and system.is_running(pid)


def _semaphores(threads: _Threads) -> tuple[Semaphore, ...]:
    found: dict[str, Semaphore] = {}
    for pid, each in threads.items():
        for thread, seen in each.items():
            if seen.wait is not None and seen.wait.kind == "semaphore":
                semaphore = semaphore_at(pid, thread)
                if semaphore is not None:
                    found.setdefault(semaphore.key, semaphore)
    return tuple(sorted(found.values(), key=attrgetter("key")))
