"""What a scenario needs, compared with what the machine has: asked before anything is created.

Half a graph is of no use to anybody.

What is counted is what the main program keeps for sure; what goes wrong later in spite of it ends the run with status 4
as well.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Sequence

from run_scenario.limits import KIBI, LIMITS, size
from run_scenario.recording import layout
from run_scenario.runtime.platform import system
from run_scenario.runtime.platform.system import default_start_method
from run_scenario.scenario.model import PoolSpec, Scenario, SharedSpec

_SPARE = 12
"""Descriptors for what multiprocessing and Python open for a moment."""
_OF_PROCESS = 2
"""A process's sentinel, and the other end that its parent keeps."""
_OF_POOL = 8
_THREADS_OF_POOL = 3
_OF_MANAGER = 3
"""Its process, the thread that takes connections, and that of the main program's own."""
_SHARED_MEMORY = "/dev/shm"
NO_SOCKETS = (
    "the fork server and managers listen on sockets, whose paths may have 107 characters: TMPDIR is too long for that, "
    "and no folder could be made in /tmp, /var/tmp or XDG_RUNTIME_DIR; set TMPDIR to a shorter folder"
)
"""The message where there is no folder for the sockets that a scenario needs."""
_AUXILIARY_PROCESSES = {"fork": 0, "spawn": 1, "forkserver": 2}
"""Processes that multiprocessing starts by itself."""
_ITEM_SIZES = {code: struct.calcsize(code) for code in "cbBhHiIlLqQfd"} | {"u": struct.calcsize("i")}
"""Bytes of one element, by type code."""
_MEMORY_LIMITS = ("memory.max", "memory.limit_in_bytes")


def shortage(scenario: Scenario, folder: str, *, proc: bool = True) -> str:
    """Return what there is too little of, as a sentence with the way out; empty if there is enough.

    `folder` is where the processes record. Without `proc` nobody knows how many processes and descriptors there are.
    """
    counted = (_descriptors(scenario) or _processes(scenario) or _memory(scenario)) if proc else ""
    return counted or _disk(scenario, folder) or _semaphores(scenario) or _shared_memory(scenario)


def needs_sockets(scenario: Scenario) -> bool:
    """Return whether multiprocessing will surely make sockets in a folder for this scenario."""
    return bool(scenario.managed) or (scenario.start_method or default_start_method()) == "forkserver"


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
    free = _free(folder)
    if free is None or needed <= free:
        return ""
    return (
        f"the scenario needs {size(needed)} for what its processes record, and {os.path.dirname(folder)} has "
        f"{size(free)} left: make room, or set TMPDIR to another folder"
    )


def _semaphores(scenario: Scenario) -> str:
    """Return that there is no place for semaphores: every queue, lock and pool has some, shared data as well."""
    own = any(not spec.is_managed for spec in scenario.sync) or any(not spec.is_managed for spec in scenario.shared)
    if not system.IS_LINUX or not (scenario.queues or scenario.pools or own):
        return ""
    if os.path.isdir(_SHARED_MEMORY) and os.access(_SHARED_MEMORY, os.W_OK):
        return _semaphore_files(len(scenario.queues) + len(scenario.pools) + own)
    return (
        f"queues, locks, pools and shared data need {_SHARED_MEMORY}, which is not there or cannot be written to: "
        f"mount it (mount -t tmpfs tmpfs {_SHARED_MEMORY}; in a container, see its options, such as --shm-size)"
    )


def _semaphore_files(least: int) -> str:
    """Return that so many files, of which each is a semaphore, find no room."""
    found = os.statvfs(_SHARED_MEMORY)
    if not found.f_files or found.f_favail >= least:
        return ""
    return (
        f"queues, locks, pools and shared data need semaphores, and {_SHARED_MEMORY} has room for {found.f_favail} "
        "more files (df -i): remove some there"
    )


def _shared_memory(scenario: Scenario) -> str:
    needed = sum(spec.size for spec in scenario.shared if spec.type == "SharedMemory")
    free = _free(_SHARED_MEMORY)
    if free is None or needed <= free:
        return ""
    return (
        f"the scenario needs {size(needed)} of shared memory, and {_SHARED_MEMORY} has {size(free)} left: make room "
        "there, or describe smaller blocks"
    )


def _memory(scenario: Scenario) -> str:
    """Compare what is filled when it is created with the memory there is: more would end in a kill by the system."""
    needed = sum(_elements(spec) * _ITEM_SIZES[spec.typecode] for spec in scenario.shared if spec.typecode)
    most = _most_memory()
    if most is None or needed <= most:
        return ""
    return (
        f"the scenario needs {size(needed)} of memory for its values and arrays, and can have at most {size(most)}: "
        "describe smaller arrays, or run it where there is more memory"
    )


def _elements(spec: SharedSpec) -> int:
    return len(spec.value) if isinstance(spec.value, (str, tuple, list)) else max(1, spec.size)


def _most_memory() -> int | None:
    """Return how many bytes of memory can be had in the best case, swap space included; None: it is not known.

    Of a control group that is its limit: what it has now, such as files that were read, may make room.
    """
    lines = dict(line.partition(":")[::2] for line in _read("/proc/meminfo").splitlines())
    if "MemAvailable" not in lines:
        return None
    free, swap = (int(lines.get(name, "0").split()[0]) * KIBI for name in ("MemAvailable", "SwapFree"))
    limits = [int(text) for *_, text in _limits_of_groups("memory", _MEMORY_LIMITS) if text.isdecimal()]
    return min([free, *limits]) + swap


def _free(folder: str) -> int | None:
    """Return how many bytes are free where a folder lies; None: it is not known."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _rounded(number: int) -> int:
    """Return a power of two with some room above a number."""
    return 1 << (number + number // 4).bit_length()


def _processes(scenario: Scenario) -> str:
    needed = _children(scenario) + 1 + _threads(scenario)
    most = _most_of_user()
    if most is not None and (taken := _taken_by_user()) + needed > most:
        return (
            f"the scenario needs {needed} processes and threads, and this user may have {most}, of which "
            f"{taken} are there already: raise the limit (ulimit -u), or describe fewer processes"
        )
    left = _left_by_group()
    if left is not None and needed > left:
        return (
            f"the scenario needs {needed} processes and threads, and this container or session has room for {left}: "
            "raise its limit (pids.max), or describe fewer processes"
        )
    return ""


def _threads(scenario: Scenario) -> int:
    """Return how many threads there will be besides, and processes that are none of the scenario's."""
    fed = {queue.name for queue in scenario.queues if queue.type != "SimpleQueue"}
    ends = [(c.resource, c.direction) for spec in scenario.processes for c in spec.bindings]
    feeders = sum(name in fed and direction == "to" for name, direction in ends)
    feeders += sum(bool(queue.items) and queue.name in fed for queue in scenario.queues)
    remote = [spec.name for spec in scenario.shared if spec.remote]
    held = {*remote, *(spec.name for spec in scenario.managed)}
    managers = len(remote) + bool(scenario.managed)
    served = sum(any(c.resource in held for c in spec.bindings) for spec in scenario.processes)
    auxiliary = _AUXILIARY_PROCESSES.get(scenario.start_method or default_start_method(), 0)
    return feeders + _OF_MANAGER * managers + served + _THREADS_OF_POOL * len(scenario.pools) + auxiliary


def _taken_by_user() -> int:
    """Return how many processes and threads this user has, as far as that can be seen."""
    taken, user = 0, os.getuid()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdecimal():
                with contextlib.suppress(OSError):
                    if os.stat(f"/proc/{name}").st_uid == user:
                        taken += len(os.listdir(f"/proc/{name}/task"))
    return taken


def _most_of_user() -> int | None:
    """Return how many processes the user may have at most; None: as many as he likes. The superuser always may."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        if limit != resource.RLIM_INFINITY and os.geteuid() != 0:
            return limit
    return None


def _left_by_group() -> int | None:
    """Return how many processes the narrowest control group has room for; None: no limit is known."""
    rooms = []
    for folder, most in _limits_of_groups("pids", ("pids.max",)):
        now = _read(f"{folder}/pids.current").strip()
        if most.isdecimal() and now.isdecimal():
            rooms.append(max(0, int(most) - int(now)))
    return min(rooms, default=None)


def _limits_of_groups(controller: str, files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the folder of each control group (cgroups(7)) that this process is in, and what the file of its limit says.

    The file has one of these names, as the system has one hierarchy for all controllers or one for each.
    """
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        root = {"": "/sys/fs/cgroup", controller: f"/sys/fs/cgroup/{controller}"}.get(controllers)
        while root:
            for file in files:
                yield f"{root}{path}", _read(f"{root}{path}/{file}").strip()
            if path in ("", "/"):
                break
            path = path.rpartition("/")[0]


def _read(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.read()
    return ""
