"""Is anybody still able to move? And if not, or when time is up: who waits for what, and where in its code?

A deadlock is claimed only when it is certain: every thread of every process of the run is in a wait without a timeout
that only the run itself could end, the system reports that all of them sleep, and between looks none of them has even
been scheduled. Most waits were recorded as such; of some the system shows it: in a lock of one's own process, for a
child, of multiprocessing's own processes for requests. What is not known to wait (a target's own sleep, a socket) might
move and is given its time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from operator import attrgetter

from run_scenario.recording import codes, layout
from run_scenario.recording.process_report import ProcessReport
from run_scenario.recording.segment_reader import Wait, read_alarm, read_stack_descriptor, read_waits
from run_scenario.runtime.platform import sleeping_threads, system
from run_scenario.runtime.platform.capabilities import Capabilities

LOOK_EVERY = 0.2
"""Seconds between two looks."""
LOOKS = 3
"""Looks in a row that must show the same deadlock."""

_STACKS_WITHIN = 1.0
"""Seconds the processes get to write down their stacks. They need a thousandth of it, where they get a processor."""
_STACK_WITHIN = 0.2
"""The same of one that is not the main thread."""
_STACK_PAUSE = 0.005
_STACK_LOOKS = 8
"""How often, so many seconds apart, nothing more is found before they are taken for whole: they come in pieces."""
_STACK_LOOKS_ASLEEP = 2
"""The same of a thread that sleeps again: it is not in the middle of writing."""
_LATE_ALARM = 1_000_000_000
"""Nanoseconds by which a process may get SIGALRM later than it has asked for."""
_MOST_STACK = 65_536
_MOST_STACK_THREADS = 32
"""Threads of one process that are asked besides its main thread."""

Signature = tuple[tuple[int, ...], ...]

_BY_SOCKET = frozenset(
    (
        *(codes.W_RECEIVE_LEFT, codes.W_RECEIVE_RIGHT, codes.W_SEND_LEFT, codes.W_SEND_RIGHT),
        *(codes.W_MANAGER, codes.W_ACQUIRE, codes.W_EVENT, codes.W_CONDITION, codes.W_BARRIER),
    )
)
"""Waits in which a process may have a socket to another one of the run: Pipe() makes some, managers have them.

A lock or the like that a manager holds is waited for at a socket; any other is waited for in a system call without one.
"""


class DeadlockDetector:
    """Looks at the processes of one run, whose segments lie in `folder`."""

    def __init__(self, folder: str, sockets: str, capabilities: Capabilities) -> None:
        """Look into `folder`; managers have their sockets in the folder `sockets`."""
        self._sockets = sockets
        self._proc = capabilities.proc
        # Only /proc shows who sleeps for sure; and an orphan that nobody has adopted is not found, but may wake others.
        self._can_be_sure = capabilities.syscall and capabilities.subreaper
        self._folder = folder
        self._last: Signature | None = None
        self._same = 0

    def is_deadlocked(self, main: int, everybody: Callable[[], list[int]]) -> bool:
        """Look once; True after enough looks at the same deadlock.

        `everybody` lists all processes of the run, with multiprocessing's own. It is only asked when the main program
        waits, since in a run that goes well that alone settles the matter, and going through /proc costs time.
        """
        if not self._can_be_sure:
            return False
        segments = self._segments()
        signature = self._signature(segments, everybody) if self._is_waiting(segments, main) else None
        self._same = self._same + 1 if signature is not None and signature == self._last else 0
        self._last = signature
        if signature is None or self._same < LOOKS - 1:
            return False
        if _may_strangers_help(everybody()) or _do_strangers_share(signature):
            return False
        # A stranger may have helped in the meantime, and have nothing any more: then somebody goes on.
        return self._signature(segments, everybody) == signature

    def _segments(self) -> dict[int, str]:
        """Return the first chunk of each process's segment: its name begins with the process id."""
        found: dict[int, tuple[int, str]] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                pid, _, rest = entry.name.partition("-")
                began, _, ending = rest.partition(".")
                if ending == "0" and pid.isdecimal() and began.isdecimal():
                    found[int(pid)] = max(found.get(int(pid), (0, "")), (int(began), entry.path))
        return {pid: path for pid, (_, path) in found.items()}

    def _is_waiting(self, segments: dict[int, str], pid: int) -> bool:
        """Tell, at little cost, whether a process may be waiting for ever."""
        waits = read_waits(segments[pid]) if pid in segments else []
        if any(wait.until > 0 for wait in waits):
            return False
        return (
            any(wait.thread == pid for wait in waits)
            or sleeping_threads.waits_for_own_thread(pid, pid)
            or bool(sleeping_threads.awaited_child(pid, pid))
            or (_is_of_run(pid, segments) and sleeping_threads.waits_for_processes(pid, pid))
            or (pid not in segments and system.is_auxiliary(pid))
        )

    def _signature(self, segments: dict[int, str], everybody: Callable[[], list[int]]) -> Signature | None:
        """Return all waits, each with how often its thread was scheduled; None if anybody may still move."""
        pids = everybody()
        if not pids or not all(self._is_waiting(segments, pid) for pid in pids):
            return None
        found: list[tuple[int, ...]] = []
        for pid in pids:
            waits = self._waits_of(pid, segments, pids)
            if waits is None:
                return None
            found += waits
        return tuple(found)

    def _waits_of(self, pid: int, segments: dict[int, str], pids: list[int]) -> list[tuple[int, ...]] | None:
        """Return what the threads of a process wait for, for ever; None if one may still move."""
        segment = segments.get(pid)
        recorded = read_waits(segment) if segment else []
        waits = {wait.thread: wait for wait in sorted(recorded, key=attrgetter("since"))}
        if not _is_in_handler(pid, recorded) and sleeping_threads.may_be_woken_by_signal(pid):
            return None
        if segment and _may_ring(read_alarm(segment)):
            return None
        useless = {wait.thread for wait in recorded if wait.kind == codes.W_NO_MORE}
        threads = system.threads(pid)
        if not threads:  # it ends just now, or nobody may look
            return None
        is_auxiliary = segment is None and system.is_auxiliary(pid)
        is_manager = any(wait.kind == codes.W_SERVE for wait in recorded)
        found: list[tuple[int, ...]] = []
        for thread, state in threads:
            if thread in useless:
                continue
            switches = system.context_switches(pid, thread)
            if state != "S" or switches is None:
                return None
            wait = waits.get(thread)
            if wait is None:
                if is_auxiliary:
                    waiting = sleeping_threads.waits_for_a_request(pid, thread)
                elif is_manager:
                    waiting = sleeping_threads.serves(pid, thread, self._sockets)
                else:
                    waiting = _waits_for_its_own(pids, pid, thread)
                    if not waiting and _is_of_run(pid, segments):
                        waiting = sleeping_threads.waits_for_processes(pid, thread)
                    waiting = waiting and not sleeping_threads.has_handlers(pid)
                found.append((pid, thread, codes.W_THREAD, layout.NO_RESOURCE, 0, *switches))
            elif wait.kind == codes.W_SERVE:
                waiting = sleeping_threads.pauses(pid, thread)  # and is scheduled each time
                found.append((pid, thread, wait.kind))
            else:
                waiting = sleeping_threads.waits_for_others(pid, thread, by_socket=wait.kind in _BY_SOCKET)
                found.append((pid, thread, wait.kind, wait.resource, wait.since, *switches))
            if not waiting:
                return None
        return found

    def askable(self, pids: list[int]) -> dict[int, str]:
        """Return who can be asked for its stack, and the file into which it would be written."""
        if not self._proc:
            return {}
        segments = self._segments()
        files = {pid: f"{segments[pid][:-2]}.stack" for pid in pids if pid in segments}
        return {pid: file for pid, file in files.items() if _can_be_asked(pid, segments[pid], file)}

    def reports(self, pids: list[int], files: dict[int, str]) -> list[ProcessReport]:
        """Return what all processes do, with the stacks of those that have a file for it; the main program is first.

        One without a segment is only just beginning, or is another program that a target has started: of it, no more is
        known than what the system shows.
        """
        segments = self._segments()
        stacks = _ask_for_stacks(files)
        reports = []
        for pid in pids:
            if pid not in segments and self._proc and system.is_auxiliary(pid):
                continue  # that of a target: it only does what it is asked for
            stat = system.process_stat(pid) if self._proc else None
            found = read_waits(segments[pid]) if pid in segments else []
            waits = [wait.packed() for wait in found]
            if self._proc:
                state, threads = (stat.state if stat else "X"), system.threads(pid)
            else:
                state, threads = codes.UNKNOWN, []
            known = {wait.thread for wait in found}
            unknown = [thread for thread, at in threads if thread not in known and at == "S"]
            waits += [wait for thread in unknown if (wait := _seen_wait(pid, thread))]
            reports.append(ProcessReport(pid, state, waits, "".join(stacks.get(pid, ())), threads))
        return reports


def _may_ring(alarm: int) -> bool:
    """Tell whether SIGALRM may still come at that time (ns), which would end the process or call its handler."""
    return alarm > time.monotonic_ns() - _LATE_ALARM if alarm else False


def _is_in_handler(pid: int, waits: list[Wait]) -> bool:
    """Tell whether the main thread wakes up others in the middle of its own wait: only a handler can do that."""
    kinds = {wait.kind for wait in waits if wait.thread == pid}
    return codes.W_ANSWER in kinds and not kinds.isdisjoint((codes.W_EVENT, codes.W_CONDITION, codes.W_BARRIER))


def _may_strangers_help(pids: list[int]) -> bool:
    """Return whether a process that is none of the run may have what one of these waits at: it was sent there.

    So it is as well with an end that nobody has open: it is on its way to somebody.
    """
    awaited = {
        end for pid in pids for thread, _ in system.threads(pid) for end in sleeping_threads.awaited_ends(pid, thread)
    }
    if not awaited:
        return False
    known = {os.getpid(), *system.descendants(os.getpid())}  # this is the supervisor
    if not awaited <= {end for pid in known for end in sleeping_threads.open_ends(pid)}:
        return True
    others = {int(name) for name in os.listdir("/proc") if name.isdecimal()} - known
    return any(awaited & sleeping_threads.open_ends(pid) for pid in others)


def _do_strangers_share(signature: Signature) -> bool:
    """Return whether a process that is none of the run has the memory in which one waits that has not recorded it.

    The semaphores of the scenario are the run's alone: they have lost their names, or have that of the run.
    """
    seen = {(pid, thread) for pid, thread, kind, *_ in signature if kind == codes.W_THREAD}
    awaited = {sleeping_threads.awaited_memory(pid, thread) for pid, thread in seen} - {""}
    if not awaited:
        return False
    known = {os.getpid(), *system.descendants(os.getpid())}
    others = {int(name) for name in os.listdir("/proc") if name.isdecimal()} - known
    return any(awaited & sleeping_threads.mapped_memory(pid) for pid in others)


def _is_of_run(pid: int, segments: dict[int, str]) -> bool:
    """Return whether a process records, or is a copy of one that does: whether it has set an alarm is known then."""
    while pid not in segments:
        stat = system.process_stat(pid)
        if stat is None or not system.is_copy(pid):
            return False
        pid = stat.ppid
    return True


def _waits_for_its_own(pids: list[int], pid: int, thread: int) -> bool:
    """Return whether a thread waits for another of its process, or for a child that must be one of these."""
    if sleeping_threads.waits_for_own_thread(pid, thread):
        return True
    child = sleeping_threads.awaited_child(pid, thread)
    children = {child} if child > 0 else set(system.children(pid)) if child else set()
    return bool(children) and children <= set(pids)


def _seen_wait(pid: int, thread: int) -> tuple[int, int, int, int, int] | None:
    """Return what the system shows of a wait that was not recorded, in the form of one that was; None: nothing."""
    if sleeping_threads.waits_for_own_thread(pid, thread):
        return codes.W_THREAD, layout.NO_RESOURCE, thread, 0, 0
    if sleeping_threads.waits_for_processes(pid, thread):
        return codes.W_OWN, layout.NO_RESOURCE, thread, 0, 0
    if call := sleeping_threads.outside_call(pid, thread):
        return codes.W_OUTSIDE, codes.OUTSIDE.index(call), thread, 0, 0
    child = sleeping_threads.awaited_child(pid, thread)
    return (codes.W_JOIN_PROCESS, layout.NO_RESOURCE, thread, 0, min(-child, 0)) if child else None


def _ask_for_stacks(files: dict[int, str]) -> dict[int, list[str]]:
    """Ask the main thread of each process, and then its others, one after the other: they write into the same file."""
    until = time.monotonic() + _STACKS_WITHIN
    stacks: dict[int, list[str]] = {pid: [] for pid in files}
    _ask({pid: pid for pid in files}, files, stacks, until)
    others = {pid: [thread for thread, _ in system.threads(pid) if thread != pid] for pid in files}
    for number in range(min(max(map(len, others.values()), default=0), _MOST_STACK_THREADS)):
        asked = {pid: threads[number] for pid, threads in others.items() if number < len(threads)}
        # One that is none of Python's never answers.
        _ask(asked, files, stacks, min(until, time.monotonic() + _STACK_WITHIN))
    return stacks


def _ask(threads: dict[int, int], files: dict[int, str], stacks: dict[int, list[str]], until: float) -> None:
    """Have one thread of each process write its stack, and add it to `stacks`, with the thread's native id."""
    before = {pid: _size(files[pid]) for pid in threads}
    asked = [pid for pid, thread in threads.items() if system.signal_thread(pid, thread, system.STACK_SIGNAL)]
    written, unchanged = dict.fromkeys(asked, ""), dict.fromkeys(asked, 0)
    while unchanged and time.monotonic() < until:
        time.sleep(_STACK_PAUSE)
        for pid in [*unchanged]:
            last, written[pid] = written[pid], _read(files[pid], before[pid])
            unchanged[pid] = unchanged[pid] + 1 if written[pid] and written[pid] == last else 0
            looks = _STACK_LOOKS_ASLEEP if dict(system.threads(pid)).get(threads[pid]) == "S" else _STACK_LOOKS
            if unchanged[pid] >= looks:
                del unchanged[pid]
    for pid in asked:
        _, _, frames = written[pid].partition("\n")
        stacks[pid].append(f"Thread {threads[pid]} (most recent call first):\n{frames}\n" if frames else "")


def _can_be_asked(pid: int, segment: str, file: str) -> bool:
    """Return whether a process has our handler, and still our file: it may have become another program, or a daemon.

    One that is stopped would answer only when it goes on; one that waits for a signal would take this for it.
    """
    descriptor = read_stack_descriptor(segment)
    stat = system.process_stat(pid)
    return (
        descriptor > 0
        and stat is not None
        and stat.state not in "Tt"
        and system.STACK_SIGNAL > 0
        and sleeping_threads.catches_signal(pid, system.STACK_SIGNAL)
        and sleeping_threads.leads_to(pid, descriptor, file)
        and not sleeping_threads.waits_for_a_signal(pid)
    )


def _size(path: str) -> int:
    with contextlib.suppress(OSError):
        return os.stat(path).st_size
    return 0


def _read(path: str, begin: int) -> str:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(begin)
        return file.read(_MOST_STACK).decode("utf-8", "replace")
    return ""
