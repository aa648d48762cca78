"""What the supervisor finds out about a process when nothing moves: by it who waits for what is worked out."""

from __future__ import annotations

from run_scenario.recording.segment_reader import PackedWait
from run_scenario.values import Value

Packed = tuple[int, str, list[PackedWait], str, list[tuple[int, str]]]
"""A report in a record: its fields in order."""


class ProcessReport(Value):
    """What one process does at this moment."""

    pid: int
    state: str
    """As in proc(5)."""
    waits: list[PackedWait]
    stack: str = ""
    """The stacks of its threads, as faulthandler writes them."""
    threads: list[tuple[int, str]] = []  # noqa: RUF012 (never changed)
    """Native ids and states."""

    def packed(self) -> Packed:
        """Return the fields in order, for a record."""
        return self.pid, self.state, self.waits, self.stack, self.threads
