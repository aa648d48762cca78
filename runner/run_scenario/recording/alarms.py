"""When a process's own clock will send it SIGALRM: the system shows that to nobody else."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable

from run_scenario.recording.replacements import replace


def watch(note: Callable[[float], object]) -> None:
    """From now on, in this process and those forked from it, say in how many seconds an alarm comes; 0: no more.

    One that comes again and again is infinitely far away.
    """
    if not hasattr(signal, "setitimer") or hasattr(signal.setitimer, "noted"):
        return
    set_timer, set_alarm = signal.setitimer, signal.alarm

    def setitimer(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
        before = set_timer(which, seconds, interval)
        if which == signal.ITIMER_REAL:  # the others stand still while their process sleeps
            note(math.inf if seconds and interval else seconds)
        return before

    def alarm(seconds: int) -> int:
        before = set_alarm(seconds)
        note(seconds)
        return before

    setitimer.noted = True  # type: ignore[attr-defined]
    replace(signal, "setitimer", setitimer)
    replace(signal, "alarm", alarm)
