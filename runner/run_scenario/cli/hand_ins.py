"""What is in a folder of hand-ins: those that are to be graded, what is in the place of one, and all that is left out.

Nothing is lost without a word: whatever lies there is one of these, but for the checks and the exercise themselves.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from run_scenario.errors import reason_of
from run_scenario.values import Value

SCENARIOS: tuple[str, ...] = (".yaml", ".yml")
SCRIPTS: tuple[str, ...] = (".py",)

_ORDINARY = "a hand-in is an ordinary file of text"
_LINK = "this is a symbolic link, and links are not followed: hand in the file itself"
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, _LINK),
    (stat.S_ISDIR, f"this is an empty folder: {_ORDINARY}"),
    (stat.S_ISFIFO, f"this is a named pipe: {_ORDINARY}"),
    (stat.S_ISSOCK, f"this is a socket: {_ORDINARY}"),
)


class HandIn(Value):
    """A file to be graded; or what is in the place of one."""

    name: str
    """Its path below the folder."""
    fault: str = ""
    """Why it cannot even be read."""


class Found(Value):
    """What is in a folder and in those below it."""

    hand_ins: tuple[HandIn, ...]
    left_out: tuple[str, ...]
    """All else. What is in a hidden folder is not: the folder itself is, with a slash at its end, as an empty one."""


def find(folder: Path, endings: Iterable[str], own: Iterable[Path]) -> Found:
    """Return what is in a folder, in order.

    Args:
        folder: Where to look.
        endings: How the names of hand-ins end, in small letters; `.YAML` is one of them, too.
        own: Files and folders of whoever grades, which are none of these.
    """
    root = folder.resolve()
    # Each by its own name, and by that of what it may be a link to.
    skipped = {each for path in own for each in (path.resolve(), path.parent.resolve() / path.name)}
    hand_ins: list[HandIn] = []
    left_out: list[str] = []

    folders = [root]  # not os.walk(), which fails where folders are nested a thousand times
    while folders:
        folder = folders.pop()
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            hand_ins.append(HandIn(f"{folder.relative_to(root)}/", f"this folder cannot be read: {reason_of(error)}"))
            continue
        below: list[Path] = []
        for path in paths:
            shown = str(path.relative_to(root))
            if path in skipped:
                continue
            try:
                mode = path.lstat().st_mode
            except OSError as error:
                hand_ins.append(HandIn(shown, f"this cannot be read: {reason_of(error)}"))
                continue
            is_folder = stat.S_ISDIR(mode)
            if path.name.startswith("."):
                left_out.append(f"{shown}/" if is_folder else shown)
            elif is_folder and not _is_empty(path):
                below.append(path)
            elif ending(path.name) in endings or (stat.S_ISLNK(mode) and path.is_dir()):
                hand_ins.append(HandIn(shown, _fault(mode)))
            else:
                left_out.append(f"{shown}/" if is_folder else shown)
        folders += reversed(below)
    return Found(tuple(hand_ins), tuple(left_out))


def ending(name: str) -> str:
    """Return how a name ends, in small letters: `.yaml`."""
    return Path(name).suffix.lower()


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:  # that it cannot be read is told where it is entered
        return False


def _fault(mode: int) -> str:
    """Return why something of this kind is no hand-in; empty for an ordinary file."""
    if stat.S_ISREG(mode):
        return ""
    return next((fault for test, fault in _KINDS if test(mode)), f"this is a special file: {_ORDINARY}")
