"""Events of shared data: values, arrays, shared memory, and the objects of managers."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from run_scenario.events.types.base import Bytes, Event, Item, Level, Seconds, Times, Until, about

ElementIndex = Annotated[
    int | str | None,
    about("Index of the element, from 0; of several, a slice; null for the whole text of an array of characters."),
]


Tracker = Annotated[
    int | UnsetType,
    about(
        "Of own code: process id of the resource tracker with which this has registered it. That removes it when the "
        "process has ended that has started the tracker, and all that have inherited it. Not there where it is not "
        "known, as in a spawned process."
    ),
]


class ValueEvent(Event, kw_only=True):
    """What happens to a Value."""

    level: Level = "debug"
    value: Annotated[str, about("Name of the value.")]


class ArrayEvent(Event, kw_only=True):
    """What happens to an Array or a ShareableList."""

    level: Level = "debug"
    array: Annotated[str, about("Name of the array or list.")]


class MemoryEvent(Event, kw_only=True):
    """What happens to a block of shared memory."""

    level: Level = "debug"
    memory: Annotated[str, about("Name of the block, or of the list in it.")]


class ValueRead(ValueEvent, kw_only=True, tag="value.read"):
    """The process has read the value."""

    content: Item
    times: Times = UNSET
    until: Until = UNSET


class ValueWritten(ValueEvent, kw_only=True, tag="value.written"):
    """The process writes the value."""

    content: Item


class ValueOverwritten(ValueEvent, kw_only=True, tag="value.overwritten"):
    """The process has overwritten what another had written since it read the value, and leaves that update out."""

    level: Level = "warning"
    lost: Item
    writer: Annotated[str, about("Name of the process whose update is left out.")]


class ValueFinal(ValueEvent, kw_only=True, tag="value.final"):
    """What the value holds when the main program has done its last step."""

    level: Level = "info"
    content: Item


class ArrayRead(ArrayEvent, kw_only=True, tag="array.read"):
    """The process has read an element."""

    index: ElementIndex
    content: Item
    times: Times = UNSET
    until: Until = UNSET


class ArrayWritten(ArrayEvent, kw_only=True, tag="array.written"):
    """The process writes an element."""

    index: ElementIndex
    content: Item


class ArrayOverwritten(ArrayEvent, kw_only=True, tag="array.overwritten"):
    """The process has overwritten what another had written since it read the element, and leaves that update out."""

    level: Level = "warning"
    index: ElementIndex
    lost: Item
    writer: Annotated[str, about("Name of the process whose update is left out.")]


class ArrayStripped(ArrayEvent, kw_only=True, tag="array.stripped"):
    """What is read is not what was written: a ShareableList drops the zeros at the end of a text or of bytes."""

    level: Level = "warning"
    index: Annotated[int | str | None, about("Index of the element, from 0.")]
    written: Annotated[Any, about("What was written there last.")]
    read: Annotated[Any, about("What is read there.")]


class ArrayFinal(ArrayEvent, kw_only=True, tag="array.final"):
    """What the array or list holds when the main program has done its last step."""

    level: Level = "info"
    content: Item


class SharedMemoryCreated(MemoryEvent, kw_only=True, tag="shared_memory.created"):
    """The process has created a block of shared memory."""

    name: Annotated[str, about("Name of the block for the system.")]
    size: Annotated[Bytes, about("Its size in bytes.")]
    tracker_pid: Tracker = UNSET


class SharedMemoryAttached(MemoryEvent, kw_only=True, tag="shared_memory.attached"):
    """The process has attached to a block of shared memory. (A forked process already is.)"""

    name: Annotated[str, about("Name of the block for the system.")]
    size: Annotated[Bytes, about("Its size in bytes.")]
    tracker_pid: Tracker = UNSET


class SharedMemoryClosed(MemoryEvent, kw_only=True, tag="shared_memory.closed"):
    """The process has closed its view of the block."""


class SharedMemoryUnlinked(MemoryEvent, kw_only=True, tag="shared_memory.unlinked"):
    """The block is removed from the system."""


class SharedMemoryLeftOver(MemoryEvent, kw_only=True, tag="shared_memory.left_over"):
    """Everybody is gone, and nobody who was recorded has unlinked a block that own code had created."""

    level: Level = "warning"
    name: Annotated[str, about("Name of the block for the system.")]
    remains: Annotated[
        bool,
        about(
            "Whether it was still there when all processes had ended, multiprocessing's resource tracker, too, which "
            "removes what is registered with it. What is called after the run is removed then: ipc.leaked."
        ),
    ]


class ManagerStarted(Event, kw_only=True, tag="manager.started"):
    """A manager's process has been started."""

    manager: Annotated[str, about("Name of the manager's process.")]
    manager_pid: Annotated[int | None, about("Process id of the manager.")]
    address: Annotated[str, about("Where it listens.")]


class ManagerShutDown(Event, kw_only=True, tag="manager.shut_down"):
    """A manager's process has been stopped."""

    manager: Annotated[str, about("Name of the manager's process.")]
    manager_pid: Annotated[int | None, about("Process id of the manager.")]


class ManagerCalled(Event, kw_only=True, tag="manager.called"):
    """The process has called a method of what a manager holds."""

    level: Level = "debug"
    object: Annotated[str, about("Name of what the manager holds.")]
    method: Annotated[str, about("What was called.")]
    arguments: Annotated[list[Any], about("What it was called with; the first of many.")]
    keywords: Annotated[dict[str, Any], about('What it was called with by name: `timeout=1.0` is {"timeout": 1.0}.')]
    result: Item
    error: Annotated[str | None, about("The exception that the call raised, and its message; null if none.")]
    waited: Annotated[Seconds, about("Seconds until the answer.")]


class ManagerLost(Event, kw_only=True, tag="manager.lost"):
    """A manager's process has ended although it was still needed: whoever asks it gets an error."""

    level: Level = "error"
    manager: Annotated[str, about("Name of the manager's process.")]
    manager_pid: Annotated[int, about("Process id of the manager.")]
    exitcode: Annotated[int | None, about("Its exit code; null: nobody could learn it.")]
    signal: Annotated[str | None, about("The signal that ended it; null: none did.")]
