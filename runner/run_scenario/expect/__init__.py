"""Expectations: a log is judged by what is expected of it.

    events ─▶ Judge.take() ─▶ an Observer for each expectation ─▶ Judge.finish() ─▶ Verdicts

Everything is judged in one pass, in memory that depends on the expectations and the processes, not on the events.
"""

from __future__ import annotations

from run_scenario.expect.judge import Judge
from run_scenario.expect.verdicts import Verdict

__all__ = ["Judge", "Verdict"]
