"""Where the schemas, the bundled scenarios and exercises are: in a wheel, an editable install or a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

CHAPTERS = {
    "processes": "Processes: what they are and how they start",
    "daemons": "Daemons: processes that do not keep the program alive",
    "ending": "Ending: join, terminate, kill, and what exit codes say",
    "queues": "Queues: messages between processes",
    "pipes": "Pipes: a line between two processes",
    "pools": "Pools: a few workers for many calls",
    "sync": "Synchronisation: locks, semaphores, events, conditions, barriers",
    "shared-state": "Shared state: values, arrays, managers, shared memory",
    "threads-and-processes": "Threads and processes: what each shares and costs",
    "main-program": "The main program: the order of its steps",
    "faults": "Faults: what goes wrong, and why",
}
"""The folders below `scenarios`, in the order of a table of contents, and their headings."""

TOPICS = {
    "deadlock": (
        *("circle", "two-forks", "ordered-forks", "dining-with-a-waiter", "waits-for-itself"),
        *("both-wait", "both-send", "lock-held-by-main", "join-before-drain"),
    ),
    "GIL (global interpreter lock)": ("threads-take-turns", "threads-wait-together", "speed-up"),
    "race condition": ("consumers-until-empty", "lost-update", "lost-update-mended", "nested-list", "mutated-item"),
    "critical section, mutual exclusion": ("one-at-a-time", "lost-update-mended", "bounded-buffer", "again-and-again"),
    "starvation, fairness": ("dining-with-a-waiter", "even-shares", "uneven-shares"),
    "producer-consumer problem": ("poison-pill", "bounded-buffer", "back-pressure", "two-producers", "slow-consumers"),
    "dining philosophers": ("two-forks", "ordered-forks", "dining-with-a-waiter", "table-of-any-size"),
    "polling, busy wait": ("consumers-until-empty", "empty-queue", "is-alive", "giving-up", "patience"),
    "resource leak": ("leaked-seat", "shared-memory-block", "shareable-list", "orphan", "zombie"),
}
"""What the field calls what scenarios show, where their own words do not: the terms, and names of scenarios."""

SYNONYMS = {
    "lock": ("mutex", "monitor", "threading.Lock"),
    "daemon": ("setDaemon", "isDaemon", "background process"),
    "names of processes": ("getName", "setName"),
    "exit code": ("getExitCode", "return code", "exit status", "returncode"),
    "process id": ("ident", "native_id", "process number"),
    "start method": ("get_context", "set_start_method", "get_start_method", "os.fork"),
    "semaphore": ("BoundedSemaphore", "counting semaphore"),
    "CPU": ("cpu_count", "process_cpu_count", "multicore", "affinity", "sched_setaffinity"),
    "poison pill": ("sentinel", "end marker", "stop token"),
    "hang": ("stuck", "freeze", "blocked forever", "lockup", "never ends"),
    "deadlock": ("circular wait", "deadly embrace"),
    "race condition": ("data race", "atomicity", "thread-safe", "nondeterminism"),
    "manager": ("SyncManager", "BaseManager"),
    "barrier": ("rendezvous", "phaser"),
    "message": ("IPC", "interprocess communication"),
    "at the same time": ("parallel", "parallelism", "parallelisation"),
    "thread": ("multithreading", "threading.Thread"),
    "bounded buffer": ("ring buffer", "circular buffer"),
    "crash": ("segfault", "core dump"),
}
"""What scenarios call it, and what others do: the field, and the documentation of multiprocessing, old and new."""

EXERCISES = (
    "two-at-once",
    "wait-for-it",
    "in-the-background",
    "patience",
    "stop-it",
    "pass-it-on",
    "all-done",
    "poison-pills",
    "many-hands",
    "count-together",
)
"""The folders below `exercises`, in the order in which they are to be done."""


def folder(name: str) -> Path:
    """Return the folder `schema`, `scenarios` or `exercises`.

    A wheel carries them inside the package; in a checkout they lie at its top, two levels above.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for candidate in (_PACKAGE / name, _PACKAGE.parent.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the folder {name!r} is missing from this installation of run-scenario; reinstall it")


def schema_text(name: str) -> str:
    """Return the text of the JSON Schema `scenario`, `expectations` or `event`."""
    return (folder("schema") / f"{name}.schema.json").read_text(encoding="utf-8")


def scenarios() -> list[Path]:
    """Return the bundled scenario files: chapter by chapter, ordered by name within each."""
    top = folder("scenarios")
    return [path for chapter in CHAPTERS for path in _by_name(top / chapter)]


def _by_name(chapter: Path) -> list[Path]:
    return sorted(chapter.glob("*.yaml"), key=lambda path: path.stem)


def find_scenario(name: str) -> Path | None:
    """Return the bundled scenario called `name`, or None: `daemon`, `daemon.yaml` or `daemons/daemon`."""
    wanted, _, stem = name.removesuffix(".yaml").rpartition("/")
    top = folder("scenarios")
    places = (top / chapter / f"{stem}.yaml" for chapter in CHAPTERS if wanted in ("", chapter))
    return next((path for path in places if _is_file(path)), None)


def exercises() -> list[Path]:
    """Return the folders of the bundled exercises, in their order."""
    top = folder("exercises")
    return [top / name for name in EXERCISES]


def find_exercise(name: str) -> Path | None:
    """Return the folder of the bundled exercise called `name`, or None."""
    return folder("exercises") / name if name in EXERCISES else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is longer than names can be
        return False
