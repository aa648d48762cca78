"""Scenarios that were found sound before: the same text need not be read and checked again.

What is kept of one is a pickle of its values in the user's cache, under a digest of the text and of all else that they
depend on: this package's own files and the number of CPUs. Where the file lies is left out, and put in again when it
is recalled. It only ever saves time: whatever goes wrong with the folder is silently harmless, and nothing but the
product's own value types can come out of it.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from run_scenario import bundled
from run_scenario.errors import Problem
from run_scenario.language.stamps import cache, digest, prune
from run_scenario.model import Scenario
from run_scenario.values import Value

MOST_KEPT = 500
"""Scenarios; when there are more, the older half is removed."""
_MOST_BYTES = 256 * 1024
"""Of one of them: those of thousands of processes are not worth the space."""
_HOMES = {f"run_scenario.{module}" for module in ("model", "resources", "expectations", "errors")}
_PACKAGE = Path(__file__).parents[1]

Sound = tuple[Scenario, tuple[Problem, ...]]
"""A scenario and the warnings about it."""


class Memory:
    """The scenarios remembered in `folder`; without a folder there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def recall(self, data: bytes, file: str) -> Sound | None:
        """Return what came of a text before, as if it had been read from `file`; the path is yet to be set."""
        if self._folder is None:
            return None
        try:
            kept = (self._folder / _key(data)).read_bytes()
            scenario, warnings = _Unpickler(io.BytesIO(kept), file).load()
        except Exception:  # not there, damaged, or somebody else's: then the text is read
            return None
        return (scenario, warnings) if type(scenario) is Scenario and type(warnings) is tuple else None

    def remember(self, data: bytes, file: str, sound: Sound) -> None:
        """Keep what came of a text; all its locations name this very `file`. Failing to is harmless."""
        if self._folder is None or len(file) < 2:  # Python has only one object for each single character
            return
        with contextlib.suppress(OSError, ValueError):  # ValueError: the path has a NUL in it
            kept = io.BytesIO()
            _Pickler(kept, file).dump(sound)
            if kept.tell() > _MOST_BYTES:
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / _key(data)
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(kept.getbuffer())
            draft.rename(path)  # whole or not at all
            prune(self._folder, MOST_KEPT)


def default_memory() -> Memory:
    """Return what is remembered in the user's cache."""
    return Memory(cache("sound"))


class _Pickler(pickle.Pickler):
    """Leaves out the file's name wherever that very object stands, not what only looks like it."""

    def __init__(self, stream: io.BytesIO, file: str) -> None:
        super().__init__(stream, protocol=5)
        self._file = file

    def persistent_id(self, found: Any) -> str | None:
        return "file" if found is self._file else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, file: str) -> None:
        super().__init__(stream)
        self._file = file

    def persistent_load(self, pid: Any) -> str:
        return self._file

    def find_class(self, module: str, name: str) -> type[Value]:
        found = super().find_class(module, name) if module in _HOMES else None
        if not isinstance(found, type) or not issubclass(found, Value):
            raise pickle.UnpicklingError(f"{module}.{name} is no value of a scenario")
        return found


def _key(data: bytes) -> str:
    about = f"{sys.version_info[:2]} {os.cpu_count()} {sorted(_edition())}"
    return digest(about.encode(), data)


def _edition() -> Iterator[tuple[str, int, int]]:
    """Yield all files that have a say in what comes of a text: an edit of any, or another version, has other times."""
    for folder in (_PACKAGE, _PACKAGE / "language", _PACKAGE / "targets", bundled.folder("schema")):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".json")):
                    status = entry.stat()
                    yield entry.path, status.st_mtime_ns, status.st_size
