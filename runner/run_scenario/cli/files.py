"""FILE on the command line: a path as given, or the name of a bundled scenario."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from run_scenario import bundled
from run_scenario.errors import UsageError
from run_scenario.views.text import scrub

_LIST_HINT = "'run-scenario list' shows the bundled ones"


class File(NamedTuple):
    """A scenario's path, and its name in messages: as given, or the bundled file's."""

    path: str
    name: str


def resolve(given: Sequence[str], commands: Iterable[str] = ()) -> list[File]:
    """Return each FILE; one of the `commands` may have been meant by the first.

    Raises:
        UsageError: one of them is neither there nor bundled.
    """
    return [_resolve(name, commands if index == 0 else ()) for index, name in enumerate(given)]


def _resolve(name: str, commands: Iterable[str]) -> File:
    there = os.path.lexists(name)
    if there and not Path(name).is_dir():
        return File(name, name)
    found = bundled.find_scenario(name)
    if found is not None:
        return File(str(found), found.name)
    if there:  # a folder: that it is one is the answer
        return File(name, name)
    raise UsageError(_unknown(name, commands))


def bundled_scenario(name: str) -> Path:
    """Return the path of a bundled scenario.

    Raises:
        UsageError: there is none of that name.
    """
    found = bundled.find_scenario(name)
    if found is None:
        hint = way_out(Path(name).stem, [*_bundled_names(), *bundled.CHAPTERS], _LIST_HINT)
        raise UsageError(f"there is no bundled scenario '{scrub(name)}'; {hint}")
    return found


def way_out(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return the question whether one of the `known` names was meant, or what to do otherwise."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1)
    return f"did you mean '{scrub(close[0])}'?" if close else otherwise


def _unknown(name: str, commands: Iterable[str]) -> str:
    from difflib import get_close_matches

    elsewhere = "" if "/" in name else " here, and no bundled scenario of that name"
    what = f"there is no file '{scrub(name)}'{elsewhere}"
    command = get_close_matches(name, list(commands), n=1, cutoff=0.7)
    if command:
        return f"{what}; did you mean the command '{command[0]}'?"
    # Compared without folder and suffix, which would make everything alike.
    known = {stem: stem for stem in _bundled_names()} | {path.stem: str(path) for path in _beside(Path(name))}
    close = get_close_matches(Path(name).stem, list(known), n=1)
    return f"{what}; did you mean '{scrub(known[close[0]])}'?" if close else f"{what}; {_LIST_HINT}"


def _bundled_names() -> list[str]:
    return [path.stem for path in bundled.scenarios()]


def _beside(path: Path) -> list[Path]:
    try:
        return [other for other in path.parent.iterdir() if other.suffix in (".yaml", ".yml")]
    except OSError:
        return []
