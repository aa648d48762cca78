"""Long text on a terminal, page by page; anywhere else as it is."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

from run_scenario.cli.streams import write_stdout

_USUAL = ("less -FRX '-Psspace goes on, q leaves'", "more")
"""The first that is there. less: leave at once if it fits, show colours, leave the text on the screen, say the keys."""


def page(text: str, *, wanted: bool = True) -> None:
    """Print text; through the person's pager (PAGER, or less) if it is longer than the terminal it goes to.

    Raises:
        BrokenPipeError: standard output was closed.
        MachineryError: it could not be written.
    """
    pager = chosen() if wanted and _is_long(text) else None
    if pager is None:
        write_stdout(text)
        return
    import pydoc  # 20 ms, which only a long text on a terminal has to pay

    os.environ.pop("MANPAGER", None)  # pydoc prefers it; many have told it to page manuals, and nothing else
    os.environ["PAGER"] = pager
    pydoc.pager(text)


def chosen() -> str | None:
    """Return the command of the person's pager, or else of a usual one; None: it is not there."""
    return next(filter(_is_there, [os.environ["PAGER"]] if "PAGER" in os.environ else _USUAL), None)


def _is_there(pager: str) -> bool:
    command = shlex.split(pager)
    return bool(command) and shutil.which(command[0]) is not None


def _is_long(text: str) -> bool:
    if not (sys.stdout.isatty() and sys.stdin is not None and sys.stdin.isatty()):
        return False
    try:
        return text.count("\n") >= os.get_terminal_size(sys.stdout.fileno()).lines
    except (OSError, ValueError):
        return False
