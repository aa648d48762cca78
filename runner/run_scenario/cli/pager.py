"""Long text on a terminal, page by page; anywhere else as it is.

Not by pydoc, which many have told, by MANPAGER, to page manuals, and which is not told what less is to do.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

from run_scenario.cli.streams import write_stdout

_USUAL = "less"
_OPTIONS = "FRX"
"""The options of less where LESS does not say: leave at once if it fits, show colours, leave the text on the screen."""


def page(text: str, *, wanted: bool = True) -> None:
    """Print text; through the person's pager (PAGER, or less) if it is longer than the terminal it goes to.

    Raises:
        BrokenPipeError: standard output was closed.
        MachineryError: it could not be written.
    """
    command = _pager() if wanted and _is_long(text) else None
    if command is None:
        write_stdout(text)
        return
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, text=True, errors="backslashreplace", env=_environment()
        )
    except OSError:
        write_stdout(text)
        return
    try:
        process.communicate(text)
    except KeyboardInterrupt:
        _wait(process)


def _wait(process: subprocess.Popen[str]) -> None:
    """Wait until the pager ends: it has the terminal, so Ctrl-C is for it, however often."""
    while True:
        try:
            process.wait()
            return
        except KeyboardInterrupt:
            continue


def _is_long(text: str) -> bool:
    if not (sys.stdout.isatty() and sys.stdin is not None and sys.stdin.isatty()):
        return False
    try:
        return text.count("\n") >= os.get_terminal_size(sys.stdout.fileno()).lines
    except (OSError, ValueError):
        return False


def _pager() -> list[str] | None:
    """Return the pager's command; None if there is none, or `PAGER` is empty, which means: none."""
    words = shlex.split(os.environ.get("PAGER", _USUAL))
    return words if words and shutil.which(words[0]) else None


def _environment() -> dict[str, str]:
    return {"LESS": _OPTIONS, **os.environ}
