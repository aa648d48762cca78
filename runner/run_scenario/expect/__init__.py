"""Expectations: a log is judged by what is expected of it.

    events ─▶ Judge.take() ─▶ an Observer for each expectation ─▶ Judge.finish() ─▶ Verdicts

Everything is judged in one pass, in memory that depends on the expectations and the processes, not on the events. Where
the names are not known beforehand, as those of a script, a `LateJudge` keeps the log until they are.
"""

from __future__ import annotations

from run_scenario.expect.judge import Judge
from run_scenario.expect.late_judge import LateJudge
from run_scenario.expect.verdicts import Verdict

__all__ = ["Judge", "LateJudge", "Verdict"]
