"""The words in which behaviours annotate their parameters; `_descriptions` reads them by name.

For the type checker they are aliases; at run time nobody imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.managers import DictProxy, ListProxy, Namespace
from multiprocessing.queues import JoinableQueue, Queue
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from multiprocessing.synchronize import Barrier, Condition, Event, Lock, RLock, Semaphore
from typing import Any, TypeAlias

Inbox: TypeAlias = "Queue[Any]"
"""A queue that the target gets from: `from:`."""

TaskInbox: TypeAlias = "JoinableQueue[Any]"
"""An inbox on which the target calls `task_done()`; if it has a parameter `task_done`, as that one says."""

PillInbox: TypeAlias = "JoinableQueue[Any]"
"""A TaskInbox that the target takes from until a poison pill (None) comes."""

Outbox: TypeAlias = "Queue[Any]"
"""A queue that the target puts on: `to:`."""

PassingOutbox: TypeAlias = "Queue[Any]"
"""An outbox on which a poison pill that came out of the inbox is passed on."""

Work: TypeAlias = Callable[[Any], Any]
"""What is done with an item: a work function's name, or `package.module:function`."""

Seconds: TypeAlias = float
Count: TypeAlias = int
ExitCode: TypeAlias = int
SignalName: TypeAlias = str
ExceptionName: TypeAlias = str
Items: TypeAlias = list[Any]
"""A list; each `{call: …}` in it is handed over as the object that it stands for."""

AnyLock: TypeAlias = Lock | RLock
AnySemaphore: TypeAlias = Semaphore
AnyEvent: TypeAlias = Event
AnyCondition: TypeAlias = Condition
AnyBarrier: TypeAlias = Barrier

ReceivingEnd: TypeAlias = Connection
"""An end of a pipe at which the target receives: `from:`."""
SendingEnd: TypeAlias = Connection
"""An end of a pipe at which the target sends: `to:`."""
AnyEnd: TypeAlias = Connection
"""An end of a duplex pipe."""

AnyValue: TypeAlias = "Synchronized[Any]"
LockedValue: TypeAlias = "Synchronized[Any]"
"""A value that has a lock: not one with `lock: false`."""
AnyArray: TypeAlias = "SynchronizedArray[Any]"
AnyMemory: TypeAlias = Any
"""A SharedMemory: what checkers know of its `buf` is that it may be None."""
AnyDict: TypeAlias = "DictProxy[str, Any]"
AnyList: TypeAlias = "ListProxy[Any]"
AnyNamespace: TypeAlias = Namespace
AnyServer: TypeAlias = tuple[str, int]
"""Where a remote manager listens."""
