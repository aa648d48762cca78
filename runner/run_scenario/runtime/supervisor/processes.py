"""The processes of one run: who is there, who is over, and signals for them, with the means that there are.

All of them are below the supervisor, and in its session unless they have left it. Which of that can be seen depends:

    /proc, subreaper      everybody below the supervisor
    /proc alone           all processes that were below it, are in its session, or write into the run's folder
    neither               whom their parents have reported, who is in the session, and whom a subreaper has adopted
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from itertools import chain

from run_scenario.recording.codes import UNKNOWN
from run_scenario.recording.pid_exists import pid_exists
from run_scenario.recording.segment_reader import SegmentReader
from run_scenario.runtime.platform import system
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.platform.system import ProcessStat

ADOPTED_WITHIN = 5.0
"""Seconds that are spent on ending the processes of a killed supervisor."""
_TRACKERS_WITHIN = 1.0
"""Seconds that multiprocessing's resource trackers get before they are ended."""
_PAUSE = 0.001
_PARENTS_SHARE = 20
"""How many times as long as looking for parents takes, nobody looks again: at most 5 % of the time go into it."""
_MOST_IDS = 200_000
"""Process ids that are gone through, at 1 µs each, where there is no list of processes."""

_HIGHEST_IDS = (32_768, 4_194_304)
"""After which the system begins anew: by default, and at most (proc(5), /proc/sys/kernel/pid_max)."""


class Processes:
    """Those of the run whose supervisor has the process id `supervisor`, and which records in `folder`."""

    def __init__(self, means: Capabilities, supervisor: int, folder: str) -> None:
        self.means = means
        self._supervisor = supervisor
        self.folder = folder
        self._reported: set[int] = set()
        """Process ids that their parents have reported, of those that are not known to be over."""
        self._parents: dict[int, int] = {}
        """Process id -> its parent's, when it was seen first."""
        self._next_parents = 0.0
        self._seen: dict[int, int] = {}
        """Process id -> when it began, of everybody who has been found: who lost its parents is still one of them."""

    @property
    def sees_ends(self) -> bool:
        """Whether it can be seen that a process is over which others have to wait for.

        Otherwise it seems to be there until they have: until its new parent has, which is the system's first process.
        """
        return self.means.proc or self.means.pidfd or self.means.kqueue or self.means.subreaper

    @property
    def finds_quickly(self) -> bool:
        """Whether the run's own processes can be found without going through all of the machine's."""
        return self.means.children and self.means.subreaper

    def note(self, pid: int) -> None:
        """Take in that a process of the run has been started."""
        self._reported.add(pid)

    def forget(self, pid: int) -> None:
        """Take in that it is over: its id may be another's from now on."""
        self._reported.discard(pid)

    # One of them

    def stat(self, pid: int) -> ProcessStat | None:
        """Return what /proc knows of a process, None if that is nothing."""
        return system.process_stat(pid) if self.means.proc else None

    def is_over(self, pid: int) -> bool:
        """Return whether a process was seen to be over. Without /proc and pidfd, nobody sees that of a zombie."""
        if self.means.proc:
            return not system.is_running(pid)
        descriptor = self.open_end(pid)
        if descriptor is None:
            return not pid_exists(pid)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        ended = bool(poll.poll(0))
        os.close(descriptor)
        return ended

    def state_of(self, pid: int) -> str | None:
        """Return the state of a process that is not over, as in proc(5); UNKNOWN if it is only seen to be there.

        None: its id is in use, and nobody sees more, for instance whether it waits for being waited for.
        """
        if (stat := self.stat(pid)) is not None:
            return stat.state
        return UNKNOWN if self.means.pidfd or self.means.kqueue or _is_child(pid) else None

    def open_end(self, pid: int) -> int | None:
        """Return a descriptor that becomes readable when a process ends; None: it is gone, or that cannot be had."""
        if self.means.pidfd:
            return system.open_pidfd(pid)
        return system.open_exit_queue(pid) if self.means.kqueue else None

    def send(self, pid: int, number: int, started: int | None = None) -> bool:
        """Send a signal, as `system.send_signal` does."""
        return system.send_signal(pid, number, started, pidfd=self.means.pidfd)

    def is_auxiliary(self, pid: int) -> bool:
        """Return whether a process was seen to be a fork server or a resource tracker."""
        return self.means.proc and system.is_auxiliary(pid)

    # All of them

    def living(self) -> dict[int, int | None]:
        """Return whoever is not known to be over, parents before children: process id -> when it began, if known."""
        if not self.means.proc:
            found = self._reported | self._in_session(self._ids())
            return {pid: None for pid in sorted(found) if not self.is_over(pid)}
        stats = {pid: self.stat(pid) for pid in self._below_supervisor()}
        return {pid: stat.started for pid, stat in stats.items() if stat and not stat.is_over}

    def listed(self) -> list[int]:
        """Return who can be found at little cost: somebody who has left everything behind may be missing."""
        if not self.means.proc:
            return sorted(self._reported | self._in_session(self._recorded()))
        found = self._below_supervisor()
        for pid in found:  # noted while it lives: once it is an orphan, the system only knows who has adopted it
            if pid not in self._parents and (stat := self.stat(pid)) is not None:
                self._parents[pid] = stat.ppid
        return found

    def note_parents(self) -> None:
        """Note whose children those are that are there now, unless that would take more than its share of the time."""
        began = time.monotonic()
        if self.finds_quickly and began >= self._next_parents:
            self.listed()
            now = time.monotonic()
            self._next_parents = now + _PARENTS_SHARE * (now - began)

    def parent_of(self, pid: int) -> int:
        """Return which process of the run was seen to be the parent of one; 0 if that was not seen."""
        parent = self._parents.get(pid, 0)
        return 0 if parent == self._supervisor else parent

    def orphans(self) -> list[int]:
        """Return the children of the supervisor, and whose parent is none of the run; where that can be seen."""
        if not self.means.proc:
            return [pid for pid in self.listed() if self._has_lost_its_parent(pid)]
        if self.means.subreaper:
            return self.children(self._supervisor)
        family = {self._supervisor, *self._below_supervisor()}
        stats = {pid: self.stat(pid) for pid in family - {self._supervisor}}
        return [
            pid for pid, stat in stats.items() if stat and (stat.ppid == self._supervisor or stat.ppid not in family)
        ]

    def _has_lost_its_parent(self, pid: int) -> bool:
        """Return whether a living process has recorded a parent, which is one of the run, and which is over."""
        if pid not in self._parents:
            self._parents[pid] = self._recorded_parent(pid)
        parent = self._parents[pid]
        return bool(parent) and self.is_over(parent) and not self.is_over(pid)

    def strays(self) -> list[int]:
        """Return who has begun since the run did, in a session that has, too: of this run or not, nobody knows.

        Empty where that is known.
        """
        if self.means.proc or self.means.subreaper:
            return []
        # A lower id may be that of a process that is older than the run.
        ids = {pid for pid in self._ids() if pid > self._supervisor} | (self._recorded() - {self._supervisor})
        return [pid for pid in ids if _session(pid) in ids and _may_be_signalled(pid)]

    def children(self, pid: int) -> list[int]:
        """Return the children of a process, as far as /proc shows them."""
        if self.means.children:
            return system.children(pid)
        return [child for child, stat in self._table().items() if stat.ppid == pid]

    def descendants(self, pid: int) -> list[int]:
        """Return all processes below one, parents before children, as far as /proc shows them."""
        return system.descendants(pid) if self.means.children else _below({pid}, self._table())

    # With /proc

    def _below_supervisor(self) -> list[int]:
        if self.means.subreaper:
            return self.descendants(self._supervisor)
        table = self._table()
        roots = {pid for pid, stat in table.items() if self._is_one(pid, stat, table)}
        found = [*roots, *_below({self._supervisor, *roots}, table)]
        self._seen = {pid: table[pid].started for pid in found}
        return sorted(self._seen, key=lambda pid: (self._seen[pid], pid))

    def _table(self) -> dict[int, ProcessStat]:
        stats: dict[int, ProcessStat | None] = {}
        if self.means.proc:
            with contextlib.suppress(OSError):
                stats = {int(name): self.stat(int(name)) for name in os.listdir("/proc") if name.isdecimal()}
        return {pid: stat for pid, stat in stats.items() if stat is not None}

    def _is_one(self, pid: int, stat: ProcessStat, table: dict[int, ProcessStat]) -> bool:
        if pid == self._supervisor:
            return False
        if stat.session == self._supervisor or self._seen.get(pid) == stat.started:
            return True
        supervisor = table.get(self._supervisor)
        if supervisor is not None and stat.started < supervisor.started:
            return False
        # Whatever it was started by, its output goes where the run's does, unless it was sent elsewhere.
        return system.leads_into(self.folder, pid)

    # Without

    def _recorded(self) -> set[int]:
        """Return who has ever recorded something: the names of the segments begin with process ids."""
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            return {int(word) for entry in entries if (word := entry.name.partition("-")[0]).isdecimal()}
        return set()

    def _recorded_parent(self, pid: int) -> int:
        """Return whose child a process was when it began to record; 0 if that was none that has recorded itself."""
        with contextlib.suppress(OSError, ValueError, StopIteration):
            first = next(name for name in os.listdir(self.folder) if name.startswith(f"{pid}-") and name.endswith(".0"))
            reader = SegmentReader(os.path.join(self.folder, first), discard=lambda path: None)
            reader.close()
            return reader.ppid if reader.ppid in self._recorded() else 0
        return 0

    def _ids(self) -> set[int]:
        """Return all ids that a process of the run can have: those given since the supervisor's, and who recorded."""
        found = self._recorded()
        with contextlib.suppress(OSError):  # there is no room for one process more
            newest = os.fork()
            if newest == 0:
                os._exit(0)
            os.waitpid(newest, 0)
            found.update(_given_between(self._supervisor, newest))
        return found

    def _in_session(self, pids: set[int]) -> set[int]:
        """Return who of these is in the session, or an orphan that has left it and come to this process."""
        adopts = self.means.subreaper
        return {
            pid
            for pid in pids
            if pid != self._supervisor and (_session(pid) == self._supervisor or (adopts and _is_child(pid)))
        }


def _given_between(first: int, last: int) -> chain[int]:
    """Return the process ids that the system has given from one to the other; none where these are too many."""
    if first < last:
        ids = chain(range(first + 1, last))
        count = last - first
    else:  # it began anew, after the highest
        highest = next(limit for limit in _HIGHEST_IDS if first <= limit)
        ids = chain(range(first + 1, highest + 1), range(1, last))
        count = highest - first + last
    return ids if count <= _MOST_IDS else chain()


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _may_be_signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _is_child(pid: int) -> bool:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (OSError, AttributeError):
        return False
    return True


def _below(roots: set[int], table: dict[int, ProcessStat]) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, stat in table.items():
        children.setdefault(stat.ppid, []).append(pid)
    found: list[int] = []
    queue = [*roots]
    while queue:
        below = [pid for pid in children.get(queue.pop(), ()) if pid not in roots]
        found += below
        queue += below
    return found


def end_left(processes: Processes, others: frozenset[int] = frozenset(), seconds: float = ADOPTED_WITHIN) -> list[int]:
    """End the processes that a dead supervisor has left; resource trackers get a moment to remove what they know of.

    After so many seconds they are left, and returned: SIGKILL does not end a process in uninterruptible sleep.
    """
    until = time.monotonic() + seconds
    patience = time.monotonic() + _TRACKERS_WITHIN
    while (left := _find_left(processes, others)) and time.monotonic() < until:
        # A fork server stays as long as its children do, so those are not left to this process before they are ended.
        everybody = [*left, *(pid for child in left for pid in processes.descendants(child))]
        for pid in everybody:
            if time.monotonic() > patience or not processes.is_auxiliary(pid):
                processes.send(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE)
    return [pid for pid in left if not processes.is_over(pid)]


def _find_left(processes: Processes, others: frozenset[int]) -> list[int]:
    """Return who is left of a run, ended children of this process that nobody has waited for among them."""
    if processes.means.proc and processes.means.subreaper:
        return [pid for pid in processes.children(os.getpid()) if pid not in others]
    return [*processes.living()] if processes.folder else []  # without a folder nothing has been run
