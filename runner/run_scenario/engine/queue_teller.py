"""What happens on queues, told: puts, gets and everything else, entered in the queues' books at the same time."""

from __future__ import annotations

from typing import Any

from run_scenario.engine.accounts import QueueAccount
from run_scenario.engine.events import EventMaker, waited
from run_scenario.engine.exits import MAIN_NAME
from run_scenario.limits import LIMITS
from run_scenario.model import QueueSpec
from run_scenario.record import codes
from run_scenario.record.reader import Speaker

_MOST_LEFT_SHOWN = 10


class QueueTeller:
    """Tells the events of a scenario's queues; its methods `on_NAME` take the records NAME."""

    def __init__(self, queues: tuple[QueueSpec, ...], events: EventMaker) -> None:
        self.accounts = [QueueAccount(spec) for spec in queues]
        self._make = events.make

    @property
    def put(self) -> int:
        """How many items there were."""
        return sum(account.put for account in self.accounts)

    def counts(self) -> dict[str, int]:
        """Return how many items there were, and what became of them."""
        books = self.accounts
        return {
            "put": self.put,
            "got": sum(a.got for a in books),
            "dropped": sum(a.dropped for a in books),
            "lost": sum(a.lost for a in books),
            "left": sum(a.left for a in books),
        }

    def on_put(self, reader: Speaker, t: int, f: list[Any]) -> None:
        queue, stamp, item, since = f
        account = self.accounts[queue]
        item_id = account.record_put(stamp, item)
        name = account.spec.name
        self._make(
            t,
            "queue.put",
            reader.name,
            reader.pid,
            "debug",
            queue=name,
            item_id=item_id,
            item=item,
            waited=waited(t, since),
        )

    def on_get(self, reader: Speaker, t: int, f: list[Any]) -> None:
        queue, stamp, item, since = f
        account = self.accounts[queue]
        item_id, put = account.record_get(stamp, reader.name)
        if item == codes.SAME:
            item = put
        elif type(item) in (list, dict) and put != item and item_id is not None:
            self._mutated(reader, t, account.spec.name, item_id, put, item)
        name = account.spec.name
        self._make(
            t,
            "queue.get",
            reader.name,
            reader.pid,
            "debug",
            queue=name,
            item_id=item_id,
            item=item,
            waited=waited(t, since),
        )

    def _mutated(self, reader: Speaker, t: int, queue: str, item_id: int, put: Any, got: Any) -> None:
        # Told of plain containers only: an object may choose itself what of it is pickled.
        fields = {"queue": queue, "item_id": item_id, "put": put, "got": got}
        self._make(t, "queue.item_mutated", reader.name, reader.pid, "warning", **fields)

    def _queue_event(self, reader: Speaker, t: int, event: str, queue: int, **fields: Any) -> None:
        name = self.accounts[queue].spec.name
        self._make(t, f"queue.{event}", reader.name, reader.pid, "debug", queue=name, **fields)

    def on_empty(self, reader: Speaker, t: int, f: list[Any]) -> None:
        queue, answer, by_get = f
        said_empty = self.accounts[queue].said_empty
        (said_empty.add if answer else said_empty.discard)(reader.name)
        self._queue_event(reader, t, "empty", queue, empty=answer, call="get" if by_get else "empty")

    def on_full(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "full", f[0], full=f[1], call="put" if f[2] else "full")

    def on_task_done(self, reader: Speaker, t: int, f: list[Any]) -> None:
        account = self.accounts[f[0]]
        account.record_done(reader.name)
        self._queue_event(reader, t, "task_done", f[0], unfinished=account.unfinished)

    def on_queue_joining(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "joining", f[0])

    def on_queue_joined(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "joined", f[0], waited=waited(t, f[1]))

    def on_closed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "closed", f[0])

    def on_thread_joined(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._queue_event(reader, t, "thread_joined", f[0], waited=waited(t, f[1]))

    def on_dropped(self, reader: Speaker, t: int, f: list[Any]) -> None:
        account = self.accounts[f[0]]
        item_id = account.record_drop(f[1], too_large=LIMITS["payload"].option in f[3])
        fields = {"queue": account.spec.name, "item_id": item_id, "item": f[2], "error": f[3]}
        self._make(t, "queue.item_dropped", reader.name, reader.pid, "error", **fields)

    def write_off(self, t: int, process: str, pid: int, flushed: list[int]) -> None:
        """Tell what a process that is over had put but never written to the pipes."""
        for index, account in enumerate(self.accounts):
            lost = account.write_off(pid, flushed[index]) if account.put_by[pid] else []
            if lost:
                fields = {"queue": account.spec.name, "count": len(lost)}
                self._make(t, "queue.items_lost", process, pid, "warning", **fields)

    def tell_left_over(self, t: int, main_pid: int | None) -> None:
        """Tell, when everybody is gone, which items nobody took."""
        for account in self.accounts:
            if account.left > 0:
                items = [item for _, item in account.outstanding.values()]
                fields: dict[str, Any] = {"queue": account.spec.name, "count": account.left}
                fields |= {"items": items[:_MOST_LEFT_SHOWN], "pills": sum(item is None for item in items)}
                self._make(t, "queue.left_over", MAIN_NAME, main_pid, "warning", **fields)
