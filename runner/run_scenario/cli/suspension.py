"""Ctrl-Z: what is drawn for a moment only must not stay on the screen while the command is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def before_suspension(tidy: Callable[[], None]) -> Iterator[None]:
    """Have `tidy` called before this process is stopped by SIGTSTP, for as long as this lasts."""

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
