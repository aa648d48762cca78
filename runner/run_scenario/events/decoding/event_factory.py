"""Gives events their place in the log: number, time and names, in the order in which they come."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from run_scenario.events.types.base import Event, optional_fields
from run_scenario.events.types.expectations import ExpectationEvent
from run_scenario.events.types.runs import RunEvent

Owner = tuple[str, int | None]
"""Who has made a resource: the name of a process, and its process id."""

_AT_THE_END = (RunEvent, ExpectationEvent)
"""Events that a log gets also when it is full."""


_MICROSECONDS = tuple([f"{number:03}Z" for number in range(1000)])
"""Ends of timestamps: to format them each time is dear."""


class EventFactory:
    """Completes the events of one run.

    `began` and `wall` are the same moment, the run's beginning, on the monotonic and on the wall clock, in ns.
    """

    def __init__(self, run: str, scenario: str, began: int, wall: int) -> None:
        self._run = run
        self._scenario = scenario
        self._began = began
        self._offset = wall - began
        self._latest = began
        self._millisecond = began - 1_000_000
        """When the present millisecond of the wall clock began, on the monotonic clock."""
        self._millisecond_text = ""
        self._of_process: defaultdict[str, int] = defaultdict(int)
        self.emitted: list[Event] = []
        """Events that nobody has taken yet."""
        self.count = 0
        self.left_out = 0
        """Events that were left out because the log is full."""
        self._full = False
        self._most_waiting = sys.maxsize
        self._hand_on: Callable[[], object] = lambda: None

    @property
    def latest(self) -> int:
        """When the last event was (monotonic ns)."""
        return self._latest

    def emit(self, t: int, process: str, pid: int | None, event: Event) -> None:
        """Append an event that happened at `t` (monotonic ns) and is about `process`."""
        # This is run for every event of a log: each line of it costs.
        if len(self.emitted) >= self._most_waiting:
            self._hand_on()  # which may find that the log is full
        if self._full and not isinstance(event, _AT_THE_END):
            self.left_out += 1
            return
        # Ends that are seen late, and records of threads that were interrupted, must not turn the clock back.
        if t < self._latest:
            t = self._latest
        self._latest = t
        self.count = seq = self.count + 1
        numbers = self._of_process
        numbers[process] = n = numbers[process] + 1
        after = (t - self._millisecond) // 1000
        if after >= 1000:
            after = self._begin_millisecond(t)
        event.timestamp = self._millisecond_text + _MICROSECONDS[after]
        event.t = (t - self._began) // 1000 / 1e6
        event.seq = seq
        event.run = self._run
        event.scenario = self._scenario
        event.process = process
        event.pid = pid
        event.n = n
        self.emitted.append(event)

    def _begin_millisecond(self, t: int) -> int:
        """Begin the millisecond of the wall clock in which `t` lies; return how many microseconds later that is."""
        milliseconds, rest = divmod(t + self._offset, 1_000_000)
        seconds, milliseconds = divmod(milliseconds, 1000)
        self._millisecond = t - rest
        self._millisecond_text = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}"
        return rest // 1000

    def emit_with(self, t: int, process: str, pid: int | None, event: Event, more: Sequence[Any]) -> None:
        """As `emit`; `more` are the values of the event's optional fields, in the order of its class.

        Raises:
            ValueError: it has fewer optional fields.
        """
        names = optional_fields(type(event))
        if len(more) > len(names):
            raise ValueError(f"{type(event).__name__} has no optional fields for {more}")
        self.emit(t, process, pid, event)
        given = dict(zip(names, more, strict=False))
        if "times" in given:
            if given["times"] <= 1:  # an answer that was given once
                return
            given["until"] = max(event.t, self.seconds(given["until"]))
        for name, value in given.items():
            setattr(event, name, value)

    def count_of(self, process: str) -> int:
        """Return how many events about a process there have been."""
        return self._of_process.get(process, 0)

    def hand_on_after(self, most: int, hand_on: Callable[[], object]) -> None:
        """Have `hand_on` called, which takes the events, as soon as one comes where so many wait for that."""
        self._most_waiting, self._hand_on = most, hand_on

    @property
    def is_full(self) -> bool:
        """Whether the log takes only the last events."""
        return self._full

    def fill_up(self) -> None:
        """Leave out all events from now on but those that say how the run ended."""
        self._full = True

    def take(self) -> list[Event]:
        """Return the events emitted since the last time."""
        emitted, self.emitted = self.emitted, []
        return emitted

    def seconds(self, t: int) -> float:
        """Return a monotonic time as seconds since the run began, to the microsecond, as events have it."""
        return (t - self._began) // 1000 / 1e6


def waited(t: int, since: Any) -> float:
    """Return how long a wait took in seconds: from `since` (0: it did not wait) to `t`, both in ns."""
    if not since or type(since) is not int or since >= t:
        return 0.0
    return (t - since) // 1000 / 1e6


def timeout_of(packed: int) -> float | UnsetType:
    """Return a timeout in seconds, of a record that has it as `recorder.packed_timeout` does."""
    return (packed - 1) / 1e9 if packed else UNSET
