"""Where the schemas and the bundled scenarios are: in a wheel, an editable install or a checkout."""

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


def folder(name: str) -> Path:
    """Return the folder `schema` or `scenarios`.

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


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is longer than names can be
        return False
