"""Records of queues, decoded: puts, gets and everything else; each queue's ledger is kept at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory, Owner, timeout_of, waited
from run_scenario.events.queue_ledger import QueueLedger
from run_scenario.events.types import Event
from run_scenario.recording import codes
from run_scenario.recording.segment_reader import Source
from run_scenario.scenario.data import in_words, is_object
from run_scenario.scenario.model import QueueSpec

_MOST_LEFT_SHOWN = 10


def _is_another(item: Any, put: Any) -> bool:
    return type(put) is type(item) and put != item and not is_object(item) and not is_object(put)


class QueueDecoder:
    """Emits the events of a scenario's queues; its methods `on_NAME` take the fields of the records NAME."""

    def __init__(self, queues: tuple[QueueSpec, ...], events: EventFactory) -> None:
        self.ledgers = {index: QueueLedger(spec) for index, spec in enumerate(queues)}
        """By the number by which records name the queue."""
        self._emit = events.emit

    def add(self, index: int, spec: QueueSpec) -> None:
        """Take in a queue that a program has made."""
        self.ledgers[index] = QueueLedger(spec)

    @property
    def put(self) -> int:
        """How many items there were."""
        return sum(ledger.put for ledger in self.ledgers.values())

    def counts(self) -> dict[str, int]:
        """Return how many items there were, and what became of them."""
        ledgers = self.ledgers.values()
        return {
            "put": self.put,
            "got": sum(ledger.got for ledger in ledgers),
            "dropped": sum(ledger.dropped for ledger in ledgers),
            "lost": sum(ledger.lost for ledger in ledgers),
            "left": sum(ledger.left for ledger in ledgers),
        }

    def on_put(
        self, source: Source, t: int, queue: int, stamp: int, item: Any, since: int, is_object: bool = False
    ) -> Event:
        ledger = self.ledgers[queue]
        item_id = ledger.record_put(stamp, item)
        if is_object:
            ledger.objects.add(stamp)
        return types.QueuePut(queue=ledger.spec.name, item_id=item_id, item=item, waited=waited(t, since))

    def on_get(self, source: Source, t: int, queue: int, stamp: int, item: Any, since: int) -> Event:
        ledger = self.ledgers[queue]
        name = ledger.spec.name
        item_id, put = ledger.record_get(stamp, source.name)
        is_object = stamp in ledger.objects
        if is_object:
            ledger.objects.discard(stamp)
        if item == codes.SAME:
            item = f"<what {put if isinstance(put, str) else in_words(put)} was pickled as>" if is_object else put
        elif type(item) in (list, dict) and _is_another(item, put) and item_id is not None:
            # Only plain containers are compared: an object may choose itself what of it is pickled.
            mutated = types.QueueItemMutated(queue=name, item_id=item_id, put=put, got=item)
            self._emit(t, source.name, source.pid, mutated)
        return types.QueueGet(queue=name, item_id=item_id, item=item, waited=waited(t, since))

    def on_empty(self, source: Source, t: int, queue: int, empty: bool, by_get: int) -> Event:
        timeout = timeout_of(by_get - 1) if by_get else UNSET
        return types.QueueEmpty(
            queue=self._name(queue), empty=empty, call="get" if by_get else "empty", timeout=timeout
        )

    def on_full(self, source: Source, t: int, queue: int, full: bool, by_put: int) -> Event:
        timeout = timeout_of(by_put - 1) if by_put else UNSET
        return types.QueueFull(queue=self._name(queue), full=full, call="put" if by_put else "full", timeout=timeout)

    def on_task_done(self, source: Source, t: int, queue: int) -> Event:
        ledger = self.ledgers[queue]
        ledger.record_done(source.name)
        return types.QueueTaskDone(queue=ledger.spec.name, unfinished=ledger.unfinished)

    def on_queue_joining(self, source: Source, t: int, queue: int) -> Event:
        return types.QueueJoining(queue=self._name(queue))

    def on_queue_joined(self, source: Source, t: int, queue: int, since: int) -> Event:
        return types.QueueJoined(queue=self._name(queue), waited=waited(t, since))

    def on_closed(self, source: Source, t: int, queue: int) -> Event:
        return types.QueueClosed(queue=self._name(queue))

    def on_thread_joined(self, source: Source, t: int, queue: int, since: int) -> Event:
        return types.QueueThreadJoined(queue=self._name(queue), waited=waited(t, since))

    def on_dropped(
        self, source: Source, t: int, queue: int, stamp: int, item: Any, error: str, too_large: bool
    ) -> Event:
        ledger = self.ledgers[queue]
        item_id = ledger.record_drop(stamp, too_large=too_large)
        return types.QueueItemDropped(queue=ledger.spec.name, item_id=item_id, item=item, error=error)

    def on_get_failed(self, source: Source, t: int, queue: int, stamp: int, error: str) -> Event:
        ledger = self.ledgers[queue]
        item_id, item = ledger.record_unreadable(stamp, source.name)
        return types.QueueGetFailed(queue=ledger.spec.name, item_id=item_id, item=item, error=error)

    def _name(self, queue: int) -> str:
        return self.ledgers[queue].spec.name

    def write_off(self, t: int, process: str, pid: int, flushed: Callable[[int], int]) -> None:
        """Emit what a process that is over had put but not written to the pipes; `flushed(queue)`: how many it has."""
        for index, ledger in self.ledgers.items():
            lost = ledger.write_off(pid, flushed(index)) if ledger.put_by[pid] else []
            if lost:
                self._emit(t, process, pid, types.QueueItemsLost(queue=ledger.spec.name, count=len(lost)))

    def emit_left_over(self, t: int, owner: Callable[[str], Owner]) -> None:
        """Emit, when everybody is gone, which items nobody took."""
        for ledger in self.ledgers.values():
            if ledger.left > 0:
                items = [item for _, item in ledger.outstanding.values()]
                pills = sum(item is None for item in items)
                event = types.QueueLeftOver(
                    queue=ledger.spec.name, count=ledger.left, items=items[:_MOST_LEFT_SHOWN], pills=pills
                )
                self._emit(t, *owner(ledger.spec.name), event)
