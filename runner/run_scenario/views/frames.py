"""Stacks as a person needs them: the lines of the program that waits, not those of the library it waits in."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

_LIBRARY = Path(threading.__file__).parent
_WAITING_ROOMS = (
    *(str(_LIBRARY / name) for name in ("multiprocessing/", "threading.py", "queue.py")),
    str(Path(__file__).parents[1] / "engine") + "/",
)
"""Where in the standard library a process waits, and where what records it stands in for that."""

_MOST_FRAMES = 3


def shown_frames(stack: Sequence[str], folders: Iterable[str] | None = None) -> list[str]:
    """Return the innermost frames (`path:line in function`) that are worth showing, the innermost first.

    Frames in which the library waits are left out. Where there is nothing else (the main program waits at a
    `join()`), the outermost one stays: the call that was made. Paths are told from `folders` on: the current one and
    those that modules are found in.
    """
    own = [frame for frame in stack if not frame.startswith(_WAITING_ROOMS)]
    known = [str(Path.cwd()), *sys.path] if folders is None else folders
    prefixes = sorted((folder.rstrip("/") + "/" for folder in known if folder), key=len, reverse=True)
    return [_short(frame, prefixes) for frame in own[:_MOST_FRAMES] or stack[-1:]]


def _short(frame: str, prefixes: Iterable[str]) -> str:
    return next((frame.removeprefix(prefix) for prefix in prefixes if frame.startswith(prefix)), frame)
