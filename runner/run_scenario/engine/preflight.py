"""Is there room for a scenario? Asked before anything of it is created: half a graph is of no use to anybody.

What is counted is what the main program keeps for sure; what goes wrong later in spite of it ends the run with status 4
as well.
"""

from __future__ import annotations

import contextlib
import os

from run_scenario.limits import LIMITS, size
from run_scenario.model import PoolSpec, Scenario
from run_scenario.record import layout

_SPARE = 12
"""Descriptors for what multiprocessing and Python open for a moment."""
_OF_PROCESS = 2
"""A process's sentinel, and the other end that its parent keeps."""
_OF_POOL = 8


def shortage(scenario: Scenario, folder: str) -> str:
    """Return what there is too little of, as a sentence with the way out; empty if there is enough.

    `folder` is where the processes record.
    """
    return _descriptors(scenario) or _processes(scenario) or _disk(scenario, folder)


def _workers(pool: PoolSpec) -> int:
    return pool.processes or os.cpu_count() or 1


def _children(scenario: Scenario) -> int:
    own = sum(spec.worker == "process" for spec in scenario.processes)
    return own + sum(_workers(pool) for pool in scenario.pools)


def _descriptors(scenario: Scenario) -> str:
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken = len(os.listdir("/proc/self/fd"))
    except (ImportError, OSError):
        return ""
    needed = _OF_PROCESS * (_children(scenario) + len(scenario.queues) + len(scenario.pipes))
    needed += len(scenario.shared) + _OF_POOL * len(scenario.pools) + _SPARE
    if limit == resource.RLIM_INFINITY or taken + needed <= limit:
        return ""
    enough, option = _rounded(taken + needed), LIMITS["open_files"].option
    return (
        f"the main program would need about {taken + needed} open files, and may have {limit}: raise the limit "
        f"(ulimit -n {enough}, or {option} {enough}), or describe fewer processes, queues and pipes"
    )


def _disk(scenario: Scenario, folder: str) -> str:
    needed = _children(scenario) * (layout.header_size(len(scenario.queues)) + layout.chunk_size(0))
    try:
        found = os.statvfs(folder)
    except OSError:
        return ""
    free = found.f_bavail * found.f_frsize
    if needed <= free:
        return ""
    return (
        f"the scenario needs {size(needed)} for what its processes record, and {os.path.dirname(folder)} has "
        f"{size(free)} left: make room, or set TMPDIR to another folder"
    )


def _rounded(number: int) -> int:
    """Return a power of two with some room above a number."""
    return 1 << (number + number // 4).bit_length()


def _processes(scenario: Scenario) -> str:
    needed = _children(scenario) + 1
    left = _left_by_user()
    if left is not None and needed > left:
        return (
            f"the scenario needs {needed} processes, and this user may have {left}: raise the limit (ulimit -u), or "
            "describe fewer processes"
        )
    left = _left_by_group()
    if left is not None and needed > left:
        return (
            f"the scenario needs {needed} processes, and this container or session has room for {left}: raise its "
            "limit (pids.max), or describe fewer processes"
        )
    return ""


def _left_by_user() -> int | None:
    """Return how many processes the user may have at most; None: as many as he likes. The superuser always may."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        if limit != resource.RLIM_INFINITY and os.geteuid() != 0:
            return limit
    return None


def _left_by_group() -> int | None:
    """Return how many processes the narrowest control group (cgroups(7)) has room for; None: no limit is known."""
    rooms = []
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        root = {"": "/sys/fs/cgroup", "pids": "/sys/fs/cgroup/pids"}.get(controllers)
        while root:
            most, now = _read(f"{root}{path}/pids.max").strip(), _read(f"{root}{path}/pids.current").strip()
            if most.isdecimal() and now.isdecimal():
                rooms.append(max(0, int(most) - int(now)))
            if path in ("", "/"):
                break
            path = path.rpartition("/")[0]
    return min(rooms, default=None)


def _read(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.read()
    return ""
