"""Events of queues."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET

from run_scenario.events.types.base import (
    CallTime,
    Count,
    Data,
    Event,
    Item,
    Level,
    NonEmpty,
    Ordinal,
    Reason,
    Timeout,
    Times,
    Until,
    about,
)


class QueueEvent(Event, kw_only=True):
    """What happens at a queue."""

    level: Level = "debug"
    queue: Annotated[NonEmpty, about("Name of the queue.")]


class QueuePut(QueueEvent, kw_only=True, tag="queue.put"):
    """An item was put on a queue."""

    item_id: Annotated[Count, about("Identifies the item within its queue: ties its get to its put.")]
    item: Item
    waited: CallTime
    data: Data = UNSET


class QueueGet(QueueEvent, kw_only=True, tag="queue.get"):
    """An item was taken from a queue."""

    item_id: Annotated[Count | None, about("Ties the get to its put; null if it is not known.")]
    item: Item
    waited: CallTime


class QueueEmpty(QueueEvent, kw_only=True, tag="queue.empty"):
    """A queue was found, or said to be, empty or not."""

    empty: Annotated[bool, about("The answer.")]
    call: Annotated[Literal["empty", "get"], about("What was called.")]
    times: Times = UNSET
    until: Until = UNSET
    timeout: Timeout = UNSET


class QueueFull(QueueEvent, kw_only=True, tag="queue.full"):
    """A queue was found, or said to be, full or not."""

    full: Annotated[bool, about("The answer.")]
    call: Annotated[Literal["full", "put"], about("What was called.")]
    times: Times = UNSET
    until: Until = UNSET
    timeout: Timeout = UNSET


class QueueTaskDone(QueueEvent, kw_only=True, tag="queue.task_done"):
    """task_done() was called."""

    unfinished: Annotated[Count | None, about("Items that are not done yet, after this one.")]


class QueueJoining(QueueEvent, kw_only=True, tag="queue.joining"):
    """The queue's join() begins."""


class QueueJoined(QueueEvent, kw_only=True, tag="queue.joined"):
    """The queue's join() returned: every item is done."""

    waited: CallTime


class QueueClosed(QueueEvent, kw_only=True, tag="queue.closed"):
    """close() was called: this process will put nothing more."""


class QueueThreadJoined(QueueEvent, kw_only=True, tag="queue.thread_joined"):
    """join_thread() returned: all that this process put has been written."""

    waited: CallTime


class QueueItemDropped(QueueEvent, kw_only=True, tag="queue.item_dropped"):
    """An item was put but could not be sent."""

    level: Level = "error"
    item_id: Annotated[Count | None, about("Which item; null if it is not known.")]
    item: Item
    error: Annotated[str, about("Why.")]


class QueueGetFailed(QueueEvent, kw_only=True, tag="queue.get_failed"):
    """An item was taken and is lost: it cannot be unpickled, and get() has raised that."""

    level: Level = "error"
    item_id: Annotated[Count | None, about("Which item; null if it is not known.")]
    item: Item
    error: Annotated[str, about("Why.")]


class QueueItemMutated(QueueEvent, kw_only=True, tag="queue.item_mutated"):
    """What was got is not what was put: a list or a dict that was changed between put() and its pickling."""

    level: Level = "warning"
    item_id: Annotated[Count, about("Identifies the item within its queue: ties its get to its put.")]
    put: Annotated[Any, about("The item as it was when it was put.")]
    got: Annotated[Any, about("The item as it arrived.")]


class QueueItemsLost(QueueEvent, kw_only=True, tag="queue.items_lost"):
    """Items that this process had put never arrived."""

    level: Level = "warning"
    count: Annotated[Ordinal, about("How many.")]


class QueueLeftOver(QueueEvent, kw_only=True, tag="queue.left_over"):
    """At the end, items are left on the queue."""

    level: Level = "warning"
    count: Annotated[Ordinal, about("How many.")]
    items: Annotated[list[Any], about("The first ten.", max_length=10)]
    pills: Annotated[Count, about("How many of them are poison pills (None).")]


class QueueAbandoned(QueueEvent, kw_only=True, tag="queue.abandoned"):
    """The process has ended inside a queue's method, with a lock of it: nobody can use that side of it any more."""

    level: Level = "warning"
    side: Annotated[
        Literal["read", "write", "join"],
        about("What cannot be done any more: get() by anybody, put() by others, task_done() of the last item."),
    ]
    reason: Reason
