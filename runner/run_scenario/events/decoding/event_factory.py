"""Gives events their place in the log: number, time and names, in the order in which they come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType

from run_scenario.events.types.base import Event, optional_fields
from run_scenario.events.types.expectations import ExpectationEvent
from run_scenario.events.types.runs import RunEvent

if TYPE_CHECKING:
    from run_scenario.events.diagnosis.hints import Hint

Owner = tuple[str, int | None]
"""Who has made a resource: the name of a process, and its process id."""

_AT_THE_END = (RunEvent, ExpectationEvent)
"""Events that a log gets also when it is full."""


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
        self._second = -1
        self._second_text = ""
        self._of_process: dict[str, int] = {}
        self.emitted: list[Event] = []
        """Events that nobody has taken yet."""
        self.count = 0
        self.left_out = 0
        """Events that were left out because the log is full."""
        self._full = False
        self._most_waiting: float = math.inf
        self._hand_on: Callable[[], object] = lambda: None

    @property
    def latest(self) -> int:
        """When the last event was (monotonic ns)."""
        return self._latest

    def emit(self, t: int, process: str, pid: int | None, event: Event) -> None:
        """Append an event that happened at `t` (monotonic ns) and is about `process`."""
        if len(self.emitted) >= self._most_waiting:
            self._hand_on()  # which may find that the log is full
        if self._full and not isinstance(event, _AT_THE_END):
            self.left_out += 1
            return
        # Ends that are seen late, and records of threads that were interrupted, must not turn the clock back.
        if t < self._latest:
            t = self._latest
        self._latest = t
        self.count += 1
        n = self._of_process[process] = self._of_process.get(process, 0) + 1
        second, rest = divmod(t + self._offset, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        event.timestamp = f"{self._second_text}.{rest // 1000:06d}Z"
        event.t = (t - self._began) // 1000 / 1e6
        event.seq = self.count
        event.run = self._run
        event.scenario = self._scenario
        event.process = process
        event.pid = pid
        event.n = n
        self.emitted.append(event)

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

    def hand_on_after(self, most: float, hand_on: Callable[[], object]) -> None:
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


def hint_fields(found: Hint | None) -> dict[str, Any]:
    """Return the fields `hint` and `hint_seq` of a failure; none where nothing explains it."""
    if found is None:
        return {}
    return {"hint": found.text} | ({} if found.seq is None else {"hint_seq": found.seq})


def waited(t: int, since: Any) -> float:
    """Return how long a wait took in seconds: from `since` (0: it did not wait) to `t`, both in ns."""
    return max(0, t - since) // 1000 / 1e6 if since and isinstance(since, int) else 0.0


def timeout_of(packed: int) -> float | UnsetType:
    """Return a timeout in seconds, of a record that has it as `recorder.packed_timeout` does."""
    return (packed - 1) / 1e9 if packed else UNSET
