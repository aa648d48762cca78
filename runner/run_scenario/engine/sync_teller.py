"""What happens to locks, semaphores, events, conditions and barriers, told; and who holds what, and since when."""

from __future__ import annotations

from typing import Any

from run_scenario.engine.events import EventMaker, waited
from run_scenario.model import Resource, SharedSpec, SyncSpec
from run_scenario.record.reader import Speaker

GROUPS = {
    "Lock": ("lock", "lock"),
    "RLock": ("lock", "lock"),
    "Semaphore": ("semaphore", "semaphore"),
    "BoundedSemaphore": ("semaphore", "semaphore"),
    "Event": ("event", "flag"),
    "Condition": ("condition", "condition"),
    "Barrier": ("barrier", "barrier"),
}
"""Type -> what its events' names begin with, and the field that names the object. (`event` is the event's own name.)"""


_WITH_LOCK = ("Condition", "Value", "Array")
"""Types that may have a lock of their own, which is called after them."""

Key = tuple[int, int]
"""Who holds: a process id, and the number of the worker's thread there, 0 for the process itself."""


class Hold:
    """One process or thread that has acquired and not released."""

    def __init__(self, process: str, key: Key, times: int = 0) -> None:
        self.process, self.key, self.times = process, key, times


class SyncTeller:
    """Tells the events of synchronization objects; its methods `on_NAME` take the records NAME."""

    def __init__(self, resources: tuple[Resource, ...], events: EventMaker) -> None:
        self._resources = resources
        self._make = events.make
        self.holds: dict[int, dict[Key, Hold]] = {}
        """Position of a lock or semaphore -> who holds it -> the hold."""
        self.abandoned: dict[int, list[str]] = {}
        """Position -> names of the processes that have ended without releasing it."""
        self.poisoned: dict[int, list[str]] = {}
        """Position of an event, condition or barrier -> names of the processes that have ended while they used it."""

    def spec(self, index: int) -> SyncSpec | SharedSpec:
        """Return the synchronization object at a position, or the Value or Array that has a lock of its own."""
        spec = self._resources[index]
        if not isinstance(spec, SyncSpec | SharedSpec):
            raise IndexError(index)
        return spec

    def holders(self, index: int) -> list[str]:
        """Return the names of the processes that hold it, those that have ended included."""
        return [hold.process for hold in self.holds.get(index, {}).values()]

    def _tell(self, reader: Speaker, t: int, deed: str, f: list[Any], *, held: bool = False, **fields: Any) -> None:
        """Make an event; `held` if it is about what is acquired and released: of a condition or a value, its lock."""
        spec = self.spec(f[0])
        group, field = GROUPS["Lock" if held and spec.type in _WITH_LOCK else spec.type]
        self._make(t, f"{group}.{deed}", reader.name, reader.pid, "debug", **{field: spec.name}, **fields)

    def on_acquiring(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "waiting", f, held=True, held_by=self.holders(f[0]))

    def on_acquired(self, reader: Speaker, t: int, f: list[Any]) -> None:
        holds = self.holds.setdefault(f[0], {})
        key = reader.pid, reader.worker
        holds.setdefault(key, Hold(reader.name, key)).times += 1
        self._tell(reader, t, "acquired", f, held=True, waited=waited(t, f[3]))

    def on_not_acquired(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "not_acquired", f, held=True, waited=waited(t, f[3]), held_by=self.holders(f[0]))

    def on_released(self, reader: Speaker, t: int, f: list[Any]) -> None:
        """Tell a release; only a Lock's or a semaphore's may come from somebody who does not hold it."""
        holds = self.holds.setdefault(f[0], {})
        hold = holds.get((reader.pid, reader.worker)) or next(iter(holds.values()), None)
        owner = hold.process if hold else None
        if hold is not None:
            hold.times -= 1
            if not hold.times:
                del holds[hold.key]
                self._forgive(f[0], hold.process)
        self._tell(reader, t, "released", f, held=True, owner=owner)

    def _forgive(self, index: int, process: str) -> None:
        gone = self.abandoned.get(index, [])
        if process in gone:
            gone.remove(process)

    def on_event_set(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "set", f)

    def on_event_cleared(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "cleared", f)

    def on_event_asked(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "is_set", f, answer=bool(f[2]))

    def on_event_waiting(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "waiting", f)

    def on_event_waited(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "waited", f, answer=bool(f[2]), waited=waited(t, f[3]))

    def on_condition_waiting(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "waiting", f)

    def on_condition_woken(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "waited", f, answer=bool(f[2]), waited=waited(t, f[3]))

    def on_condition_notified(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "notified", f, most=f[2])

    def on_barrier_waiting(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "waiting", f)

    def on_barrier_passed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "passed", f, number=f[2], waited=waited(t, f[3]))

    def on_barrier_broken(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "broken", f, waited=waited(t, f[3]))

    def on_barrier_aborted(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "aborted", f)

    def on_barrier_reset(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "reset", f)

    def write_off(self, t: int, process: str, pid: int, thread: bool = False) -> None:
        """Tell what a process or a thread that is over still held: it will not release it any more."""
        for index, holds in self.holds.items():
            gone = self.abandoned.setdefault(index, [])
            for hold in holds.values():
                ended = hold.process == process if thread else hold.key[0] == pid
                if ended and hold.process not in gone:
                    gone.append(hold.process)
                    spec = self.spec(index)
                    group, field = GROUPS["Lock" if spec.type in _WITH_LOCK else spec.type]
                    fields = {field: spec.name}
                    self._make(t, f"{group}.abandoned", hold.process, pid, "warning", **fields)
