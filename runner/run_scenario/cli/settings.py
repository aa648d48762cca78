"""Whose code may run: the packages named by --allow, and by pyproject.toml of the current folder's project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from run_scenario.errors import InvalidScenario, Problem
from run_scenario.model import Location

_TABLE = "[tool.run-scenario]"
_KEYS = ("allow",)


def allowed(wanted: frozenset[str], given: frozenset[str], folder: Path) -> frozenset[str]:
    """Return the packages that the person running has named.

    pyproject.toml is looked for from `folder` upwards, and only read when a scenario wants a package that was not
    given on the command line.

    Raises:
        InvalidScenario: pyproject.toml is malformed.
    """
    if wanted <= given:
        return given
    file = find_pyproject(folder)
    return given if file is None else given | read_allowed(file)


def find_pyproject(folder: Path) -> Path | None:
    """Return the nearest pyproject.toml in `folder` or above it."""
    return next((path for above in (folder, *folder.parents) if (path := above / "pyproject.toml").is_file()), None)


def read_allowed(file: Path) -> frozenset[str]:
    """Return `allow` of `[tool.run-scenario]`.

    Raises:
        InvalidScenario: the file is not TOML, or the table holds something else.
    """
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file, "", 1, 1, f"this file cannot be read: {error}", "") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line, column = _toml_place(str(error), text)
        raise _invalid(file, text, line, column, f"this is not TOML: {message}", "mend it, or use --allow") from None
    return _table(document, file, text)


def _table(document: dict[str, Any], file: Path, text: str) -> frozenset[str]:
    tools = document.get("tool")
    table = tools.get("run-scenario", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise _invalid(file, text, *_place(text, "run-scenario"), f"{_TABLE} is not a table", f"write {_TABLE}")
    for key in table:
        if key not in _KEYS:
            what = f"{_TABLE} has no key {key!r}"
            raise _invalid(file, text, *_place(text, key), what, "the only key is 'allow'")
    packages = table.get("allow", [])
    if not isinstance(packages, list) or not all(isinstance(name, str) and name.isidentifier() for name in packages):
        what = "'allow' is not a list of the names of top-level packages"
        raise _invalid(file, text, *_place(text, "allow"), what, 'write allow = ["mypackage"]')
    return frozenset(packages)


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
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.strip() == _TABLE), 0)
    for number in range(start, len(lines)):
        found = re.search(rf"(?<![\w-])[\"']?{re.escape(key)}[\"']?\s*(?:=|\])", lines[number])
        if found:
            return number + 1, found.start() + 1
    return 1, 1
