"""When a process's own clock will send it SIGALRM: the system shows that to nobody else."""

from __future__ import annotations

import math
import signal

from run_scenario.recording.recorder import recorder


def watch() -> None:
    """Note from now on when an alarm is to come, in this process and those that are forked from it."""
    if not hasattr(signal, "setitimer") or hasattr(signal.setitimer, "noted"):
        return
    set_timer, set_alarm = signal.setitimer, signal.alarm

    def setitimer(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
        before = set_timer(which, seconds, interval)
        if which == signal.ITIMER_REAL:  # the others stand still while their process sleeps
            recorder.note_alarm(math.inf if seconds and interval else seconds)
        return before

    def alarm(seconds: int) -> int:
        before = set_alarm(seconds)
        recorder.note_alarm(seconds)
        return before

    setitimer.noted = True  # type: ignore[attr-defined]
    signal.setitimer, signal.alarm = setitimer, alarm
