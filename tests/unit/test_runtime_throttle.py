"""How the runner paces itself, with clocks that the tests set."""

from __future__ import annotations

from pathlib import Path

from run_scenario.runtime.best_effort_thread import LEAST, Throttle, idle_seconds


class Machine:
    """A machine whose clocks go as told."""

    def __init__(self) -> None:
        self.now = self.own = 0.0
        self.idle: float | None = 0.0

    def pace(self) -> Throttle:
        return Throttle(lambda: self.idle, lambda: self.own, lambda: self.now)

    def pass_time(self, seconds: float, idle: float, own: float) -> None:
        self.now += seconds
        self.own += own
        self.idle = (self.idle or 0.0) + idle


def test_it_holds_back_until_the_machine_is_known_to_have_time() -> None:
    """A short run is not disturbed by a guess."""
    assert 0.5 == Machine().pace().pause(0.05)


def test_idle_processors_are_used() -> None:
    """Where a processor is idle, the runner works on at once."""
    machine = Machine()
    pace = machine.pace()
    machine.pass_time(1.0, idle=0.9, own=0.0)
    assert pace.pause(0.05) == LEAST


def test_its_own_work_is_not_mistaken_for_the_runs() -> None:
    """A processor that is busy only with the runner is one to spare."""
    machine = Machine()
    pace = machine.pace()
    machine.pass_time(1.0, idle=0.1, own=0.8)
    assert pace.pause(0.05) == LEAST


def test_a_run_that_needs_all_processors_gets_them() -> None:
    """Then the runner takes a small share, whatever it did before."""
    machine = Machine()
    pace = machine.pace()
    machine.pass_time(1.0, idle=1.0, own=0.0)
    pace.pause(0.01)
    machine.pass_time(1.0, idle=0.2, own=0.1)
    assert 0.01 / 0.06 == pace.pause(0.01)
    assert 0.5 == pace.pause(1.0)


def test_where_nobody_counts_it_works_freely() -> None:
    """Without /proc/stat there is nothing to go by."""
    machine = Machine()
    machine.idle = None
    assert machine.pace().pause(0.05) == LEAST


def test_idle_time_is_read_from_the_system() -> None:
    """The figure is a number of seconds, where there is /proc/stat."""
    idle = idle_seconds()
    assert Path("/proc/stat").exists() == (idle is not None and idle > 0)
