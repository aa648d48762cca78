"""Ctrl-C, where no run is under way, which has handlers of its own; Ctrl-Z; and the end of who has called this."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from run_scenario.errors import Status, UsageError

_IMPORTS = "<frozen importlib._bootstrap>"
"""The file name of the code that imports modules."""


def raise_between_imports() -> None:
    """Have Ctrl-C raise KeyboardInterrupt, or, while a module is imported, end this process as it ends any program."""
    # Whoever starts this as a program has set the default of the system; anything else means that somebody wants it so.
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_DFL):
        signal.signal(signal.SIGINT, _on_interrupt)


def end_plainly() -> None:
    """Have Ctrl-C end this process as it ends any program: what Python does at its end is no place for exceptions."""
    if signal.getsignal(signal.SIGINT) is _on_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    # An exception in the midst of an import may come out as another one, or, in a callback, be printed and forgotten.
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        frame = frame.f_back
    raise KeyboardInterrupt


@contextlib.contextmanager
def before_suspension(tidy: Callable[[], None]) -> Iterator[None]:
    """Have `tidy` called before this process is stopped by SIGTSTP (Ctrl-Z), for as long as this lasts.

    What is drawn for a moment only must not stay on the screen meanwhile.
    """

    def on_stop(number: int, frame: FrameType | None) -> None:
        tidy()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # stops here, until SIGCONT
        signal.signal(number, on_stop)

    if not hasattr(signal, "SIGTSTP") or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        # No job control here: there is no such signal, or it is ignored.
        yield
        return
    signal.signal(signal.SIGTSTP, on_stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


class EndedBySignal(BaseException):
    """SIGTERM or SIGHUP has come, where somebody has to tidy before this process ends."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = Status(128 + number)


@contextlib.contextmanager
def tidied() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise EndedBySignal, as Ctrl-C raises KeyboardInterrupt, for as long as this lasts."""

    def end(number: int, frame: FrameType | None) -> None:
        raise EndedBySignal(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with(parent: int) -> None:
    """Stop in an orderly way when the caller is gone, even if it is killed.

    Raises:
        UsageError: it is gone already.
    """
    from run_scenario.runtime.platform import system

    system.die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        raise UsageError(f"process {parent}, with which this run is to end, is not its parent")
