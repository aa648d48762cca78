"""What the person running has set: packages whose code may run, and processors of the log's lines.

Both come from options, or from `[tool.run-scenario]` in pyproject.toml of the current folder's project. That file
counts only if nobody else can have written it: see `ownership`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from run_scenario.cli.streams import note
from run_scenario.errors import InvalidScenario, Problem, UsageError
from run_scenario.ownership import ForeignFileError, read_own
from run_scenario.report.text import sanitize
from run_scenario.scenario.model import Location, Scenario

if TYPE_CHECKING:
    from run_scenario.report.jsonlines import Processor

_TABLE = "[tool.run-scenario]"
OPTION = "--allow"
_WITH_TABLE = re.compile(rb"\btool\b.*\brun-scenario\b|\[\s*[\"']?tool[\"']?\s*\]")
"""What a file that has the table contains, in whichever of TOML's ways it is written."""
_REFERENCE = re.compile(r"[^\W\d]\w*(\.\w+)*:\w+(\.\w+)*")
"""`package.module:function`"""
_KEYS: dict[str, tuple[Callable[[str], object], str, str]] = {
    "allow": (str.isidentifier, "the names of top-level packages", "mypackage"),
    "processors": (_REFERENCE.fullmatch, "functions", "mypackage.module:function"),
}
"""The keys of the table, each a list of texts: what is true of each text, what they are, an example."""


class Settings(NamedTuple):
    """What `[tool.run-scenario]` of a pyproject.toml says."""

    file: Path
    text: str
    """All that is in the file."""
    allow: frozenset[str] = frozenset()
    processors: tuple[str, ...] = ()


class Allowed(NamedTuple):
    """The packages that the person running has named."""

    packages: dict[str, str]
    """Package -> who has named it: the option, or the path of a pyproject.toml."""
    not_counted: str = ""
    """Which file was left out, and why, in words."""


def allowed(wanted: frozenset[str], given: Collection[str], folder: Path) -> Allowed:
    """Return the packages that may be run.

    pyproject.toml is looked for from `folder` upwards, and only read when a scenario wants a package that was not
    given on the command line.

    Raises:
        InvalidScenario: pyproject.toml is malformed.
    """
    by_option = dict.fromkeys(given, OPTION)
    missing = wanted - by_option.keys()
    file = find_pyproject(folder) if missing else None
    if file is None:
        return Allowed(by_option)
    try:
        return Allowed(dict.fromkeys(read_settings(file).allow, str(file)) | by_option)
    except ForeignFileError as foreign:
        hint = f"if you trust {', '.join(sorted(missing))}, name it yourself with {OPTION}"
        return Allowed(by_option, f"{file} is ignored, because {foreign}; {hint}")


def allowed_for(scenarios: Iterable[Scenario], given: Collection[str], *, settings: bool = True) -> dict[str, str]:
    """Return the packages whose code scenarios may run, each with who has named it; `given` are those of the option.

    Without `settings`, these are all: what pyproject.toml says may be somebody else's.

    What pyproject.toml allows is added where more is wanted; a file that does not count is reported. What it says of
    run-scenario is checked in any case.

    Raises:
        InvalidScenario: pyproject.toml is malformed.
    """
    if not settings:
        return dict.fromkeys(given, OPTION)
    check_settings(Path.cwd())
    wanted = frozenset().union(*(scenario.packages for scenario in scenarios))
    if not wanted and not given:
        return {}
    found = allowed(wanted, given, Path.cwd())
    if found.not_counted:
        note(sanitize(found.not_counted))
    return found.packages


def log_processors(given: str | None, allowed: Collection[str]) -> list[Processor]:
    """Return the processors that the lines of a log go through, in their order.

    `given` are those that were named instead of pyproject.toml's, with commas between; `allowed` the packages that
    `--allow` has named.

    Raises:
        InvalidScenario: pyproject.toml is malformed, or a processor of it is not there or may not be run.
        UsageError: one of those given is not there or may not be run.
    """
    if given is not None:
        return _given_processors([name for name in given.split(",") if name], frozenset(allowed))
    settings = _settings_with_processors(Path.cwd())
    return [] if settings is None else _processors_of(settings, frozenset(allowed))


def _given_processors(names: Iterable[str], allowed: frozenset[str]) -> list[Processor]:
    from run_scenario.runtime.refusal import RefusedError

    found = []
    for name in names:
        if not _REFERENCE.fullmatch(name):
            raise UsageError(f"'{sanitize(name)}' is not the name of a processor: write 'mypackage.module:function'")
        try:
            found.append(_processor(name, "this run", allowed, Path.cwd()))
        except RefusedError as refusal:
            raise UsageError(f"this is no processor of the log: {sanitize(str(refusal))}") from None
    return found


def _processors_of(settings: Settings, allowed: frozenset[str]) -> list[Processor]:
    from run_scenario.runtime.refusal import RefusedError

    file, text = settings.file, settings.text
    found = []
    for name in settings.processors:
        line, column = _place_of_text(text, name)
        try:
            found.append(_processor(name, f"{file}:{line}", settings.allow | allowed, file.parent))
        except RefusedError as refusal:
            raise _invalid(file, text, line, column, refusal.what, refusal.hint) from None
    return found


def _processor(name: str, where: str, allowed: frozenset[str], folder: Path) -> Processor:
    from run_scenario.report.jsonlines import Processor
    from run_scenario.runtime.consent import ProcessorResolver

    with contextlib.redirect_stdout(sys.stderr):  # what a module prints must not come between the lines of the log
        return Processor(name, where, ProcessorResolver(allowed, str(folder))(name))


def _settings_with_processors(folder: Path) -> Settings | None:
    """Return the settings of the nearest pyproject.toml, if it names processors; every run looks, so it is quick."""
    file = find_pyproject(folder)
    if file is None:
        return None
    try:
        return read_settings(file) if b"processors" in read_own(file) else None
    except ForeignFileError as foreign:
        if b"processors" in foreign.content:
            note(f"processors of {sanitize(str(file))} are ignored, because {foreign}")
    except OSError:
        pass  # nobody needs it
    return None


def check_settings(folder: Path) -> None:
    """Check `[tool.run-scenario]` of the nearest pyproject.toml, if it has that table and counts.

    Also where nothing of it is wanted: if `processors` is misspelt, the log would have in it what they are to take out.

    Raises:
        InvalidScenario: pyproject.toml is malformed.
    """
    file = find_pyproject(folder)
    # What cannot be read, or does not count, is reported where it is wanted.
    with contextlib.suppress(OSError, ForeignFileError):
        if file is not None and _WITH_TABLE.search(read_own(file)):
            read_settings(file)


def find_pyproject(folder: Path) -> Path | None:
    """Return the nearest pyproject.toml in `folder` or above it."""
    paths = (above / "pyproject.toml" for above in (folder, *folder.parents))
    # Unlike Path.is_file, this raises nothing for a folder that cannot be searched.
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113


def read_settings(file: Path) -> Settings:
    """Return what `[tool.run-scenario]` says.

    Raises:
        ForeignFileError: somebody else may have written it.
        InvalidScenario: the file is not TOML, or the table holds something else.
    """
    import tomllib

    try:
        text = read_own(file).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file, "", 1, 1, f"this file cannot be read: {error}", "") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line, column = _toml_place(str(error), text)
        raise _invalid(file, text, line, column, f"this is not TOML: {message}", "correct it, or use --allow") from None
    return _table(document, file, text)


def _table(document: dict[str, Any], file: Path, text: str) -> Settings:
    tools = document.get("tool")
    table = tools.get("run-scenario", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise _invalid(file, text, *_place(text, "run-scenario"), f"{_TABLE} is not a table", f"write {_TABLE}")
    for key in table:
        if key not in _KEYS:
            what = f"{_TABLE} has no key {key!r}"
            raise _invalid(file, text, *_place(text, key), what, f"the keys are {' and '.join(map(repr, _KEYS))}")
    for key, (is_valid, what, example) in _KEYS.items():
        names = table.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) and is_valid(name) for name in names):
            hint = f'write {key} = ["{example}"]'
            raise _invalid(file, text, *_place(text, key), f"{key!r} is not a list of {what}", hint)
    return Settings(file, text, frozenset(table.get("allow", ())), tuple(table.get("processors", ())))


def _invalid(file: Path, text: str, line: int, column: int, what: str, hint: str) -> InvalidScenario:
    lines = text.splitlines()
    source = lines[line - 1] if 0 < line <= len(lines) else ""
    return InvalidScenario([Problem(Location(str(file), line, column), what, hint, source)])


def _toml_place(message: str, text: str) -> tuple[str, int, int]:
    """Take `Expected '=' (at line 3, column 7)` apart."""
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if found is None:
        return message, 1, 1
    lines = text.splitlines() or [""]
    line, column = (int(found[1]), int(found[2])) if found[1] else (len(lines), len(lines[-1]) + 1)
    return message[: found.start()], line, column


def _place(text: str, key: str) -> tuple[int, int]:
    """Return line and column of `key` below the table's header, or of the first line that names it."""
    is_key = re.compile(rf"(?<![\w-])[\"']?{re.escape(key)}[\"']?\s*(?:=|\])")
    return next(
        ((number, found.start() + 1) for number, line in _lines(text) if (found := is_key.search(line))), (1, 1)
    )


def _place_of_text(text: str, name: str) -> tuple[int, int]:
    """Return line and column of a text in the file, or of the key `processors`."""
    found = next(((number, line.index(name) + 1) for number, line in _lines(text) if name in line), None)
    return found or _place(text, "processors")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines from the table's header on, or all if it has none, each with its number, from 1."""
    lines = list(enumerate(text.splitlines(), 1))
    start = next((index for index, (_, line) in enumerate(lines) if line.strip() == _TABLE), 0)
    yield from lines[start:]
