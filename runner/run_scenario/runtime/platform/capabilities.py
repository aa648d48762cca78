"""What the system lets the runner see and do, found by trying, once, before anything is forked.

A system call that is there may still be refused: by a container's seccomp filter, by a system that imitates Linux. So
nothing is concluded from names. Whoever needs one of these is given this value, and promises less without it.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping

from run_scenario.errors import UsageError
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

    def by_name(self) -> dict[str, bool]:
        """Return them by name, for the log."""
        return {name: getattr(self, name) for name in NAMES}


NAMES = Capabilities.__match_args__


def find(environment: Mapping[str, str], unwanted: frozenset[str] = frozenset()) -> Capabilities:
    """Try everything but what is unwanted; where `subreaper` works, this process is one from then on.

    Raises:
        UsageError: the environment takes away what is not known here.
    """
    without = _taken_away(environment.get(VARIABLE, "")) | unwanted
    proc = "proc" not in without and _has_proc()
    return Capabilities(
        pidfd="pidfd" not in without and _has_pidfd(),
        proc=proc,
        children=proc and "children" not in without and os.path.exists(f"/proc/self/task/{os.getpid()}/children"),
        syscall=proc and "syscall" not in without and bool(system.read_file("/proc/self/syscall")),
        subreaper="subreaper" not in without and system.become_subreaper(),
        epoll="epoll" not in without and _has_epoll(),
    )


def _taken_away(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",")) - {""}
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


def _has_epoll() -> bool:
    try:
        select.epoll().close()
    except (OSError, AttributeError):
        return False
    return True
