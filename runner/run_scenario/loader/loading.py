"""A file → a checked Scenario, or everything that is wrong with it.

    path ─source─▶ text ─cache─▶ known? ─reading─▶ Scenario
             └──────── Problems ◀──────────┘

No code that a scenario names is ever imported here.

What came of a text is kept in a cache, so that it need not be read and checked again. An entry is a pickle in the
user's cache folder: the text, what else the outcome depends on (what kind of file it is to be, the values given for its
parameters, this package's own files and the number of CPUs), the scenario's values and the problems. The file's name is
left out, and put in again when the entry is read. The cache only saves time: whatever goes wrong with its folder is
silently harmless, and nothing but the product's own value types, and dates, can come of it.
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
from zlib import crc32

from run_scenario import bundled
from run_scenario.errors import InvalidScenario, Problem
from run_scenario.loader.source import Kind, decode, read
from run_scenario.ownership import is_own_folder
from run_scenario.scenario.model import NOTHING, Given, Scenario
from run_scenario.values import Value

# The cache


MAX_ENTRIES = 500
"""When there are more, the older half is removed."""
_MAX_BYTES = 256 * 1024
"""Largest entry: scenarios of thousands of processes are not worth the space."""
_VALUE_MODULES = {
    "run_scenario.errors",
    *(
        f"run_scenario.scenario.{name}"
        for name in ("model", "processes", "resources", "data", "steps", "expressions", "expectations")
    ),
}
"""Where the types of all values in an entry are defined."""
_DATES = {("datetime", name) for name in ("date", "datetime", "timezone", "timedelta")}
"""What else there may be in data, besides what pickle itself knows: bytes, tuples."""
_PACKAGE = Path(__file__).parents[1]

Outcome = tuple[Scenario | None, tuple[Problem, ...]]
"""What came of a text: its scenario, without name and path, unless a problem is an error; and all problems."""


def default_folder() -> Path | None:
    """Return the folder in the user's cache, or None where there is none that belongs to the user alone."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG base directory specification: relative paths are to be ignored.
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError:  # this user has no home
            return None
    folder = base / "run-scenario" / "scenarios"
    # What is found there is believed: `sudo` may have left us the home of somebody else.
    return folder if is_own_folder(folder) else None


class ScenarioCache:
    """The entries in `folder` of texts read with these values; without a folder, nothing is stored, nothing found."""

    def __init__(self, folder: Path | None, given: Given = NOTHING, kind: Kind = "scenario") -> None:
        self._folder = folder
        self._given = given
        self._kind = kind

    def get(self, data: bytes, file: str) -> Outcome | None:
        """Return what came of a text before, as if it had been read from `file`; None if that is not known."""
        if self._folder is None:
            return None
        try:
            basis = (self._environment(), data)
            entry = (self._folder / _entry_name(basis)).read_bytes()
            stored, scenario, problems = _Unpickler(io.BytesIO(entry), file).load()
        except Exception:  # not there, damaged, or somebody else's: then the text is read
            return None
        if stored != basis:
            return None
        is_outcome = (scenario is None or type(scenario) is Scenario) and type(problems) is tuple
        return (scenario, problems) if is_outcome else None

    def put(self, data: bytes, file: str, outcome: Outcome) -> None:
        """Store what came of a text; all its locations name this very `file`. Failing to is harmless."""
        if self._folder is None or len(file) < 2:  # Python has only one object for each single character
            return
        with contextlib.suppress(OSError, ValueError):  # ValueError: the path has a NUL in it
            basis = (self._environment(), data)
            entry = io.BytesIO()
            _Pickler(entry, file).dump((basis, *outcome))
            if entry.tell() > _MAX_BYTES:
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / _entry_name(basis)
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(entry.getbuffer())
            draft.rename(path)  # whole or not at all
            _prune(self._folder)

    def _environment(self) -> str:
        """Return what the outcome depends on besides the text."""
        machine = f"{sys.version_info[:2]} {os.cpu_count()} {sorted(_files_of_product())}"
        return f"{self._kind} {sorted(self._given.items())!r} {machine}"


class _Pickler(pickle.Pickler):
    """Leaves out the file's name wherever that very object stands, not what only looks like it."""

    def __init__(self, stream: io.BytesIO, file: str) -> None:
        super().__init__(stream, protocol=5)
        self._file = file

    def persistent_id(self, found: Any) -> str | None:
        return "file" if found is self._file else None


class _Unpickler(pickle.Unpickler):
    """Makes values of a scenario and dates, and nothing else."""

    def __init__(self, stream: io.BytesIO, file: str) -> None:
        super().__init__(stream)
        self._file = file

    def persistent_load(self, pid: Any) -> str:
        return self._file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _DATES:
            return super().find_class(module, name)
        found = super().find_class(module, name) if module in _VALUE_MODULES else None
        if not isinstance(found, type) or not issubclass(found, Value):
            raise pickle.UnpicklingError(f"{module}.{name} is no value of a scenario")
        return found


def _prune(folder: Path) -> None:
    """Remove the older half of the entries if there are too many."""
    with os.scandir(folder) as entries:
        files = list(entries)
    if len(files) > MAX_ENTRIES:
        files.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
        for entry in files[: len(files) - MAX_ENTRIES // 2]:
            Path(entry.path).unlink()


def _entry_name(basis: tuple[str, bytes]) -> str:
    """Return the name of the entry. Another text may have the same one, so the entry has the text, too."""
    environment, data = basis
    return f"{crc32(data, crc32(environment.encode())):08x}"


def _files_of_product() -> Iterator[tuple[str, int, int]]:
    """Yield path, time and size of all files on which an outcome depends: another version has other times."""
    for folder in (*_folders_of_code(), bundled.folder("schema")):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".json")):
                    status = entry.stat()
                    yield entry.path, status.st_mtime_ns, status.st_size


def _folders_of_code() -> list[Path]:
    """Return the folders whose code decides what a scenario becomes."""
    within = ("loader", "loader/reading", "loader/reading/checks", "scenario", "targets", "events")
    return [_PACKAGE, *(_PACKAGE / name for name in within)]


# Loading


class Loaded(Value):
    """What came of a file: a scenario, unless a problem is an error."""

    scenario: Scenario | None
    problems: tuple[Problem, ...]
    """Errors and warnings, ordered by position."""
    text: str
    """The file's text; empty where it could not be read."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are errors."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that are warnings."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def require(self) -> Scenario:
        """Return the scenario.

        Raises:
            InvalidScenario: there is none; it carries the errors and warnings.
        """
        if self.scenario is None:
            raise InvalidScenario(self.problems)
        return self.scenario


def load(
    path: str | Path,
    *,
    file: str | None = None,
    given: Given = NOTHING,
    use_cache: bool = True,
    kind: Kind = "scenario",
) -> Loaded:
    """Read and check the scenario at `path`; `file` is its name in messages, by default the path as given.

    `given` are values for its parameters. What `matrix` has several of, and no value is given for, has its first value.
    What comes of a file of expectations is a scenario with nothing to run, and with no deadline if the file has none.

    Never raises for what is in the file, or for a file that cannot be read. What comes of a text is kept in the user's
    cache, so that it is read and checked once, unless `use_cache` is false.
    """
    file = str(path) if file is None else file
    data, unreadable = read(str(path), file)
    if unreadable:
        return Loaded(None, unreadable.ordered(), "")
    text, undecodable = decode(data, file)
    if undecodable:
        return Loaded(None, undecodable.ordered(), "")
    return _load(text, data, file, _absolute(path), given, use_cache, kind)


def load_text(
    text: str,
    *,
    file: str = "scenario.yaml",
    path: str | Path | None = None,
    given: Given = NOTHING,
    use_cache: bool = True,
    kind: Kind = "scenario",
) -> Loaded:
    """Check a scenario's text; `file` is its name in messages, `path` (by default `file`) is its place."""
    data = text.encode("utf-8", errors="surrogatepass")
    return _load(text, data, file, _absolute(path or file), given, use_cache, kind)


def check(path: str | Path, *, file: str | None = None, use_cache: bool = True) -> tuple[Problem, ...]:
    """Return all problems of the scenario at `path`, ordered by position; empty if there are none."""
    return load(path, file=file, use_cache=use_cache).problems


def _absolute(path: str | Path) -> str:
    # Not resolved: a link keeps its own folder, beside which its modules are looked for.
    return str(Path.cwd() / path)


def _load(text: str, data: bytes, file: str, path: str, given: Given, use_cache: bool, kind: Kind) -> Loaded:
    cache = ScenarioCache(default_folder() if use_cache else None, given, kind)
    outcome = cache.get(data, file)
    if outcome is None:
        file = "".join([*file])  # an object that nothing else has: the cache can leave it out
        # Another package, which brings PyYAML and jsonschema: 150 ms that a text in the cache does without.
        from run_scenario.loader.reading import read_scenario

        outcome = read_scenario(text, data, file, given, kind)
        cache.put(data, file, outcome)
    scenario, problems = outcome
    return Loaded(scenario and scenario.replace(name=_name(file), path=path), problems, text)


def _name(file: str) -> str:
    name = Path(file).name
    for suffix in (".yaml", ".yml", ".scenario"):
        name = name.removesuffix(suffix)
    return name
