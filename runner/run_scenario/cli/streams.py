"""Standard streams: always there, never failing on a character, left as they were; what fails is reported in words."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from run_scenario.cli.command import PROGRAM
from run_scenario.errors import MachineryError, reason_of

if TYPE_CHECKING:
    from rich.console import Console


def ensure() -> None:
    """Make standard input, output and error exist, and able to write every character somehow.

    With one of them closed (`>&-`), the next file opened would take its number, and be written to by mistake.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def terminal_restored() -> Iterator[None]:
    """Leave the terminal that is standard input as it was: who reads keys from it one by one may be killed."""
    import termios  # hardly any command gives the terminal away

    before = termios.tcgetattr(0)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # it is gone
            termios.tcsetattr(0, termios.TCSADRAIN, before)


def write_stdout(text: str, *, encoding: str | None = None) -> None:
    """Write to standard output; in a certain encoding, if no person reads it.

    Raises:
        BrokenPipeError: it was closed.
        MachineryError: it could not be written.
    """
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if encoding is not None and reconfigure is not None and not sys.stdout.isatty():
        reconfigure(encoding=encoding)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MachineryError(f"cannot write to standard output: {reason_of(error)}") from None


def columns(stream: TextIO | None = None) -> int | None:
    """Return how wide the terminal is that a stream (standard output) is shown on; None if it is none."""
    try:
        return os.get_terminal_size((stream or sys.stdout).fileno()).columns or None
    except (OSError, ValueError):
        return None


def table_console(otherwise: int, *, colour: bool) -> Console:
    """Return what draws tables on standard output: as wide as its terminal, or `otherwise`, where there is none."""
    from rich.console import Console  # few commands draw any

    return Console(
        file=sys.stdout,
        width=columns() or otherwise,
        no_color=None if colour else True,
        highlight=False,
        legacy_windows=False,
    )


def note(text: str) -> None:
    """Write a line to standard error, after the name of this program."""
    write_stderr(f"{PROGRAM}: {text}\n")


def write_stderr(text: str) -> None:
    """Write to standard error; if that fails, there is nowhere to report it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        silence()


def silence() -> None:
    """Let the interpreter's last flush of a stream that takes nothing more go nowhere: that was reported before."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
