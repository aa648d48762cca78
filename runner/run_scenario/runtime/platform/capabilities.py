"""What the system lets the runner see and do, found by trying, once, before anything is forked.

A system call that is there may still be refused: by a container's seccomp filter, by a system that imitates Linux. So
nothing is concluded from names. Whoever needs one of these is given this value, and promises less without it.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping

from run_scenario.errors import MachineryError, UsageError
from run_scenario.runtime.platform import system
from run_scenario.values import Value

VARIABLE = "RUN_SCENARIO_WITHOUT"
"""An environment variable that takes some of them away, for tests: names with commas between them."""


class Capabilities(Value):
    """Which means there are."""

    pidfd: bool = True
    """An end can be waited for, and a signal reaches one process and no other, whatever becomes of its id."""
    proc: bool = True
    """/proc shows processes."""
    children: bool = True
    """/proc lists the children of a process."""
    syscall: bool = True
    """/proc shows in which system call a thread sleeps."""
    subreaper: bool = True
    """Orphans become children of the runner."""
    epoll: bool = True
    """Waiting costs no more for many descriptors than for few."""
    kqueue: bool = False
    """An end can be waited for, where there is no pidfd."""
    affinity: bool = True
    """A program can be pinned to CPUs."""
    fork: bool = True
    """A process can be copied: without that, nothing can be run."""

    def by_name(self) -> dict[str, bool]:
        """Return them by name, for the log."""
        return {name: getattr(self, name) for name in NAMES}


NAMES = Capabilities.__match_args__
_NO_FORK = (
    "nothing can be run, recorded or looked at here: this system has no fork(), from which each run starts (Linux and "
    "macOS have it); validate, plan, python, show, check, list, targets and schema work"
)


def find(environment: Mapping[str, str], unwanted: frozenset[str] = frozenset()) -> Capabilities:
    """Try everything but what is unwanted; where `subreaper` works, this process is one from then on.

    Raises:
        UsageError: the environment takes away what is not known here.
    """
    without = _taken_away(environment) | unwanted
    proc = "proc" not in without and _has_proc()
    return Capabilities(
        pidfd="pidfd" not in without and _has_pidfd(),
        proc=proc,
        children=proc and "children" not in without and os.path.exists(f"/proc/self/task/{os.getpid()}/children"),
        syscall=proc and "syscall" not in without and bool(system.read_file("/proc/self/syscall")),
        subreaper="subreaper" not in without and system.become_subreaper(),
        epoll="epoll" not in without and _has_epoll(),
        kqueue="kqueue" not in without and _has_kqueue(),
        affinity="affinity" not in without and hasattr(os, "sched_setaffinity"),
        fork="fork" not in without and hasattr(os, "fork"),
    )


def check_fork(environment: Mapping[str, str]) -> None:
    """Check that there is what a run cannot do without; called before anything is imported that needs it, too.

    Raises:
        MachineryError: there is not.
        UsageError: the environment takes away what is not known here.
    """
    if "fork" in _taken_away(environment) or not hasattr(os, "fork"):
        raise MachineryError(_NO_FORK)


def _taken_away(environment: Mapping[str, str]) -> frozenset[str]:
    names = frozenset(name.strip() for name in environment.get(VARIABLE, "").split(",")) - {""}
    if unknown := sorted(names.difference(NAMES)):
        raise UsageError(f"{VARIABLE} names {', '.join(map(repr, unknown))}: it takes away any of {', '.join(NAMES)}")
    return names


def _has_pidfd() -> bool:
    try:
        descriptor = os.pidfd_open(os.getpid())
        try:
            signal.pidfd_send_signal(descriptor, 0)
        finally:
            os.close(descriptor)
    except (OSError, AttributeError):
        return False
    return True


def _has_proc() -> bool:
    """Try it; that of another PID namespace shows others under the same numbers."""
    try:
        return os.readlink("/proc/self") == str(os.getpid()) and system.process_stat(os.getpid()) is not None
    except OSError:
        return False


def _has_kqueue() -> bool:
    descriptor = system.open_exit_queue(os.getpid())
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def _has_epoll() -> bool:
    try:
        select.epoll().close()
    except (OSError, AttributeError):
        return False
    return True
