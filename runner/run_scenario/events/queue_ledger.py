"""The ledger of each queue, kept while the log is made: what was put, got, finished, lost or left."""

from __future__ import annotations

from collections import Counter
from typing import Any

from run_scenario.events.types.runs import StuckQueue
from run_scenario.scenario.model import QueueSpec

_PID_SHIFT = 40
"""A stamp is the putting process's id, shifted, plus that process's own count (see primitives)."""


class QueueLedger:
    """One queue's books."""

    def __init__(self, spec: QueueSpec) -> None:
        self.spec = spec
        self.put = 0
        self.got = 0
        self.dropped = 0
        self.too_large = 0
        """Of these, so many as were larger than an item may be; the others could not be pickled."""
        self.lost = 0
        self.unreadable = 0
        """Of these, so many as were taken and could not be unpickled; the others never left their process."""
        self.done = 0
        self.outstanding: dict[int, tuple[int, Any]] = {}
        """stamp -> (item id, description) of what was put and not yet got, in order of putting."""
        self.objects: set[int] = set()
        """Stamps of those that are no plain values: of these, something else may have been pickled."""
        self.put_by: Counter[int] = Counter()
        """Process id -> items put, less those that were dropped."""
        self.takers: Counter[str] = Counter()
        """Process name -> items got."""
        self.done_by: Counter[str] = Counter()
        """Process name -> calls of task_done()."""

    def record_put(self, stamp: int, item: Any) -> int:
        """Enter an item; return its id, which counts from 1 within the queue."""
        number = self.put = self.put + 1
        pid = stamp >> _PID_SHIFT
        self.put_by[pid] = self.put_by.get(pid, 0) + 1  # a Counter's own way for what is missing is a slow one
        self.outstanding[stamp] = number, item
        return number

    def record_get(self, stamp: int, taker: str) -> tuple[int | None, Any]:
        """Strike an item out; return its id and description, or (None, None) if its put was never recorded."""
        self.got += 1
        self.takers[taker] = self.takers.get(taker, 0) + 1
        return self.outstanding.pop(stamp, (None, None))

    def record_unreadable(self, stamp: int, taker: str) -> tuple[int | None, Any]:
        """Strike out an item that was taken and could not be unpickled; return its id and description."""
        self.lost += 1
        self.unreadable += 1
        self.takers[taker] += 1
        return self.outstanding.pop(stamp, (None, None))

    def record_drop(self, stamp: int, *, too_large: bool) -> int | None:
        """Strike out an item that could not be pickled, or was too large; return its id."""
        self.dropped += 1
        self.too_large += too_large
        self.put_by[stamp >> _PID_SHIFT] -= 1
        return self.outstanding.pop(stamp, (None, None))[0]

    def record_done(self, taker: str) -> None:
        """Enter a call of task_done()."""
        self.done += 1
        self.done_by[taker] += 1

    def owes(self, taker: str) -> bool:
        """Tell whether a process has got more items than it has called task_done() for."""
        return self.takers[taker] > self.done_by[taker]

    def write_off(self, pid: int, flushed: int) -> list[tuple[int, Any]]:
        """Strike out what a process that is over had put but never written to the pipe; return those items."""
        if self.spec.type == "SimpleQueue":  # has no buffer: what was put was written
            return []
        missing = self.put_by[pid] - flushed
        if missing <= 0:
            return []
        own = [stamp for stamp in self.outstanding if stamp >> _PID_SHIFT == pid][-missing:]
        self.lost += len(own)
        return [self.outstanding.pop(stamp) for stamp in own]

    def broken(self, living: set[int]) -> int:
        """Return how many items may have been in the midst of being written when their process ended.

        What reaches the pipe is counted before it is written, so that is at most one of each process.
        """
        putters = [stamp >> _PID_SHIFT for stamp in self.outstanding]
        each_its_own = len(set(putters)) == len(putters) and living.isdisjoint(putters)
        return len(putters) if each_its_own else 0

    @property
    def unfinished(self) -> int | None:
        """How many times task_done() is missing; None for a queue that has no such method."""
        return self.put - self.done if self.spec.type == "JoinableQueue" else None

    @property
    def left(self) -> int:
        """How many items were put and not got, lost or dropped."""
        return self.put - self.got - self.dropped - self.lost

    def summary(self) -> StuckQueue:
        """Return the counts, as `scenario.stalled` has them."""
        return StuckQueue(
            queue=self.spec.name,
            type=self.spec.type,
            put=self.put,
            got=self.got,
            left=self.left,
            unfinished=self.unfinished,
        )
