"""runtime/supervisor/sweep.py: what is recorded of processes that SIGKILL does not end."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from run_scenario.recording import codes
from run_scenario.runtime.platform.capabilities import Capabilities
from run_scenario.runtime.platform.system import ProcessStat
from run_scenario.runtime.supervisor import sweep
from run_scenario.runtime.supervisor.processes import Processes

PID = 4711
ALL = Capabilities()
NO_PROC = ALL.replace(proc=False, children=False, syscall=False)
NONE = NO_PROC.replace(pidfd=False, subreaper=False)


class Undying(Processes):
    """Stands for the processes of a run: one, in an uninterruptible sleep."""

    def __init__(self, means: Capabilities) -> None:
        super().__init__(means, 1, "")
        self.sent: list[tuple[int, int]] = []

    def stat(self, pid: int) -> ProcessStat | None:
        """Return what /proc says of it."""
        return ProcessStat("D", 1, 1, None, 0.0, 0.0) if self.means.proc else None

    def is_over(self, pid: int) -> bool:
        """Tell that it is there."""
        return False

    def send(self, pid: int, number: int, started: int | None = None) -> bool:
        """Keep the signal."""
        self.sent.append((pid, number))
        return True


@pytest.mark.parametrize(("means", "state"), [(ALL, "D"), (NO_PROC, "?"), (NONE, None)])
def test_who_does_not_end(means: Capabilities, state: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for as long as there is hope, and then told: as what was seen, or as what nobody can see."""
    records: list[tuple[Any, ...]] = []
    monkeypatch.setattr(sweep.recorder, "emit", lambda *record: records.append(record))
    monkeypatch.setattr(sweep, "_LIMIT", 0.01)
    monkeypatch.setattr(sweep, "_BLIND", 0.01)
    monkeypatch.setattr(sweep, "GRACE", 0.01)
    processes = Undying(means)
    sweep.Sweeper(processes, lambda: {PID: None}, lambda: True).clear_up("the deadline was reached")
    assert (codes.NOT_ENDED, PID, state) == records[-1]
    assert 1 == sum(record[0] == codes.NOT_ENDED for record in records)
    assert {signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT, signal.SIGKILL} == {number for _, number in processes.sent}
