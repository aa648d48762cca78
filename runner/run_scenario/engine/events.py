"""Makes the log's events: the fields that all have, numbered and stamped in the order in which they are told."""

from __future__ import annotations

import time
from typing import Any

Event = dict[str, Any]


_LAST_WORDS = ("scenario.", "expectation.")


class EventMaker:
    """Builds the events of one run.

    `began` and `wall` are the same moment, the run's beginning, on the monotonic and on the wall clock, in ns.
    """

    def __init__(self, run: str, scenario: str, began: int, wall: int) -> None:
        self._run = run
        self._scenario = scenario
        self._began = began
        self._offset = wall - began
        self._latest = began
        self._second = -1
        self._second_text = ""
        self._of_process: dict[str, int] = {}
        self.made: list[Event] = []
        """Events made and not yet taken."""
        self.count = 0
        self.left_out = 0
        """Events that were not made because the log is full."""
        self._full = False

    def make(self, t: int, event: str, process: str, pid: int | None, level: str = "info", **fields: Any) -> None:
        """Append an event that happened at `t` (monotonic ns) and is about `process`."""
        if self._full and not event.startswith(_LAST_WORDS):
            self.left_out += 1
            return
        # Ends that are told late, and records of threads that were interrupted, must not turn the clock back.
        if t < self._latest:
            t = self._latest
        self._latest = t
        self.count += 1
        n = self._of_process[process] = self._of_process.get(process, 0) + 1
        second, rest = divmod(t + self._offset, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        self.made.append(
            {
                "event": event,
                "level": level,
                "timestamp": f"{self._second_text}.{rest // 1000:06d}Z",
                "t": (t - self._began) // 1000 / 1e6,
                "seq": self.count,
                "run": self._run,
                "scenario": self._scenario,
                "process": process,
                "pid": pid,
                "n": n,
                **fields,
            }
        )

    def fill_up(self) -> None:
        """Make no more events but those that say how it ended."""
        self._full = True

    def take(self) -> list[Event]:
        """Return the events made since the last time."""
        made, self.made = self.made, []
        return made

    def seconds(self, t: int) -> float:
        """Return a monotonic time as seconds since the run began, to the microsecond, as events have it."""
        return (t - self._began) // 1000 / 1e6


def waited(t: int, since: Any) -> float:
    """Return how long a wait took in seconds: from `since` (0: it did not wait) to `t`, both in ns."""
    return max(0, t - since) // 1000 / 1e6 if since and isinstance(since, int) else 0.0
