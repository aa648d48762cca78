"""What a run has come to: its outcome, its exit status, and the reasons in words."""

from __future__ import annotations

from signal import SIGPIPE
from typing import TYPE_CHECKING

from run_scenario.engine.exits import signal_name
from run_scenario.engine.outcome import Outcome
from run_scenario.errors import Problem, Status
from run_scenario.model import Location

if TYPE_CHECKING:
    from run_scenario.engine.narrator import Narrator

_BY_SIGNAL = {1: Status.HANGUP, 2: Status.INTERRUPTED, 13: Status.BROKEN_PIPE, 15: Status.TERMINATED}


def conclude(narrator: Narrator, stop_signal: int, duration: float) -> Outcome:
    """Judge a run that is over; what kept it from being run at all weighs most, a process that failed least."""
    stop_signal = stop_signal or narrator.stop_signal
    if narrator.refusals:
        texts = tuple(text for _, _, text in narrator.refusals)
        return Outcome(Status.INVALID, "refused", texts, duration, tuple(_problems(narrator)))
    if stop_signal:
        why = "as nobody reads its output any more" if stop_signal == SIGPIPE else f"by {signal_name(stop_signal)}"
        reasons = (f"it was interrupted {why}",)
        return Outcome(_BY_SIGNAL.get(stop_signal, Status.INTERRUPTED), "interrupted", reasons, duration)
    if narrator.too_much:
        return Outcome(Status.STOPPED, "too_much", (narrator.too_much,), duration)
    if narrator.troubles:
        return Outcome(Status.MACHINERY, "broken", tuple(narrator.troubles[:10]), duration)
    if narrator.stall_cause:
        outcome = "timed_out" if narrator.timed_out else "stalled"
        return Outcome(Status.STOPPED, outcome, (narrator.stalled,), duration)
    failures = tuple(narrator.processes.failures())
    if failures:
        return Outcome(Status.FAILED, "failed", failures, duration)
    return Outcome(Status.PASSED, "passed", (), duration)


def _problems(narrator: Narrator) -> list[Problem]:
    found = []
    for spec, queue, text in narrator.refusals:
        if spec is not None:
            where = spec.target_where or spec.where
        else:
            where = narrator.resources[queue].where if queue >= 0 else narrator.cpus_where
        found.append(Problem(where or Location(narrator.file, 1, 1), text))
    return found
