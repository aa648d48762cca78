"""What the main program of a scenario creates besides processes: queues, pipes, locks, shared data and pools.

Frozen values, as in `model`, which has them all as well.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from run_scenario.errors import Location
from run_scenario.scenario.data import Items
from run_scenario.values import Value

QueueType = Literal["Queue", "JoinableQueue", "SimpleQueue"]
SyncType = Literal["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Barrier"]
SharedType = Literal[
    "Value",
    "Array",
    "SharedMemory",
    "ShareableList",
    "dict",
    "list",
    "Namespace",
    "ManagerQueue",
    "ManagerValue",
    "ManagerArray",
]
PoolType = Literal["Pool", "executor"]
MANAGED = ("dict", "list", "Namespace", "ManagerQueue", "ManagerValue", "ManagerArray")

NAMED_BY: dict[str, tuple[str, ...]] = {
    "queue": get_args(QueueType),
    "pipe": ("Pipe",),
    "lock": ("Lock", "RLock", "Condition", "Value", "Array"),
    "semaphore": ("Semaphore", "BoundedSemaphore"),
    "flag": ("Event",),
    "condition": ("Condition",),
    "barrier": ("Barrier",),
    "value": ("Value", "ManagerValue"),
    "array": ("Array", "ManagerArray", "ShareableList"),
    "memory": ("SharedMemory", "ShareableList"),
    "object": MANAGED,
    "pool": get_args(PoolType),
}
"""Field of events -> types of the resources whose name can be in it; `object` also names all else in a manager."""


class QueueSpec(Value):
    """A queue, and what the main program does with it."""

    name: str
    type: QueueType = "Queue"
    maxsize: int = 0
    items: Items = ()
    poison_pills: int = 0
    collect: int = 0
    close: bool = False
    join_thread: bool = False
    join: bool = False
    family: str = ""
    """The name of all replicas together, if it is one of several."""
    where: Location | None = None


PipeEnd = Literal["left", "right"]
PIPE_ENDS: tuple[PipeEnd, ...] = ("left", "right")
"""What the two connections that `Pipe()` returns are called, in their order."""


class PipeSpec(Value):
    """A pipe: two connections, called `NAME.left` and `NAME.right`."""

    name: str
    duplex: bool = True
    """If not, `NAME.left` only receives and `NAME.right` only sends, as what `Pipe(duplex=False)` returns."""
    close_unused: bool = True
    """Whether each process closes the ends that it has and does not use, so that EOF arrives when all others have."""
    family: str = ""
    """The name of all replicas together, if it is one of several."""
    where: Location | None = None


class SyncSpec(Value):
    """A lock, semaphore, event, condition or barrier."""

    name: str
    type: SyncType
    value: int = 1
    """Initial value of a semaphore."""
    parties: int = 0
    """How many a barrier waits for."""
    timeout: float | None = None
    """A barrier's default timeout, in seconds."""
    lock: str = ""
    """Name of the lock that a condition uses; empty: an RLock of its own."""
    is_managed: bool = False
    """Whether a manager's process holds it, and others have proxies."""
    family: str = ""
    """The name of all replicas together, if it is one of several."""
    where: Location | None = None


class SharedSpec(Value):
    """Data that several processes see: in shared memory, or held by a manager."""

    name: str
    type: SharedType
    typecode: str = ""
    """Of a Value or an Array: a type code of the `array` module."""
    value: Any = None
    """What it holds in the beginning."""
    size: int = 0
    """Elements of an Array, or bytes of a block of shared memory, where there is no `value`."""
    lock: bool | str = True
    """Whether a Value or an Array has a lock of its own (an RLock); or the name of the lock that it uses."""
    remote: bool = False
    """Whether it has a manager of its own, and processes get that manager's address and connect by themselves."""
    authkey: str = ""
    """Of a remote one: the key that processes have to know to connect."""
    family: str = ""
    """The name of all replicas together, if it is one of several."""
    where: Location | None = None

    @property
    def initial(self) -> Any:
        """What a Value or an Array of a manager begins with, which is given to it in any case."""
        if self.value is not None:
            return self.value.encode() if self.typecode == "c" else self.value
        zero = {"c": b"\0", "u": "\0", "f": 0.0, "d": 0.0}.get(self.typecode, 0)
        return [zero] * self.size if self.type == "ManagerArray" else zero

    @property
    def is_managed(self) -> bool:
        """Whether a manager's process holds it."""
        return self.type in MANAGED

    @property
    def has_to_be_released(self) -> bool:
        """Whether the main program has to do something so that nothing of it is left: unlink it, stop its manager."""
        return self.remote or self.type in ("SharedMemory", "ShareableList")


NOT_WAITING = ("map_async", "starmap_async", "apply_async", "submit")
"""Methods of pools that return at once: their result is asked for later."""


_OF_ONE_TASK = ("apply", "apply_async", "submit")


def call_name(method: str | None, call: int | None, function: str | None = None, place: str | None = None) -> str:
    """Return a call on a pool in words: `submit(work, …) (call 2, script.py:12)`.

    What was called, and in which line, is known of own code; the number is said of calls that make one task alone, of
    which there may be many.
    """
    number = f"call {call}" if method in _OF_ONE_TASK and call is not None else ""
    which = ", ".join(filter(None, (number, place)))
    return f"{method}({f'{function}, …' if function else ''})" + (f" ({which})" if which else "")


_TWO_ENDS = re.compile(r"(?P<left>[^,()]+), (?P<right>[^,()#]+)(?P<place>(?: #\d+)? \(.*\))")
"""The name of a pipe that a script has assigned to two variables: `a, b (script.py:7)`, the next `a, b #2 (…)`."""


def pipe_end(pipe: str, end: object) -> str:
    """Return how an end of a pipe is named: `rope.left`; of a script's, by the variable that it was assigned to."""
    both = _TWO_ENDS.fullmatch(pipe)
    return f"{both[str(end)]}{both['place']}" if both and end in ("left", "right") else f"{pipe}.{end}"


def task_name(
    method: str | None, call: int | None, task: int | None, function: str | None = None, place: str | None = None
) -> str:
    """Return a task of a pool in words; where a call makes but one, it is named like the call."""
    name = call_name(method, call, function, place)
    return name if method in _OF_ONE_TASK else f"task {task} of {name}"


class PoolCall(Value):
    """One call that the main program makes on a pool."""

    method: str
    function: str
    items: Items = ()
    """What a `map` goes over."""
    args: Any = ()
    """The positional arguments: a tuple, or an expression in its place."""
    kwargs: Any = {}  # noqa: RUF012 (never changed)
    """The keyword arguments: a dict, or an expression in its place."""
    chunksize: int | None = None
    timeout: float | None = None
    raises: str = ""
    """Name of the exception that the call is expected to raise; the main program then goes on."""
    callback: str = ""
    """Name of the function that is called with the result, in a thread of the main program."""
    error_callback: str = ""
    """The same for the exception of a task that failed."""
    computed: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    """Those of `items`, `args` and `kwargs` that are computed when the call is made, with expressions in them."""
    number: int = 1
    """Its position among the calls of its pool, from 1."""
    where: Location | None = None
    place: str = ""
    """Of a call of own code: file and line, as `script.py:12`; empty: not known."""

    @property
    def callbacks(self) -> dict[str, str]:
        """Names of the functions that it calls back, by keyword argument."""
        named = {"callback": self.callback, "error_callback": self.error_callback}
        return {keyword: name for keyword, name in named.items() if name}

    @property
    def waits(self) -> bool:
        """Whether the call itself waits for the result."""
        return self.method not in NOT_WAITING


class PoolSpec(Value):
    """A pool of worker processes, and the calls that the main program makes on it, in order."""

    name: str
    type: PoolType = "Pool"
    processes: int | None = None
    """None: as many as there are CPUs."""
    maxtasksperchild: int | None = None
    initializer: str = ""
    initargs: tuple[Any, ...] = ()
    uses: tuple[str, ...] = ()
    """Names of resources that the initializer is given behind `initargs`: each worker inherits them."""
    calls: tuple[PoolCall, ...] = ()
    end: Literal["close", "terminate"] = "close"
    """What the main program calls before it joins the pool."""
    where: Location | None = None


Resource = QueueSpec | PipeSpec | SyncSpec | SharedSpec | PoolSpec
"""What the main program creates besides processes."""


def recorded_resource(kind: str, name: str, size: int, lock: str) -> Resource:
    """Return what a script has made: the class of that name; `size` is what its constructor takes, if a number.

    `lock` is the name of the lock that a condition or a value uses.

    Raises:
        ValueError: there is no such class.
    """
    if kind in get_args(QueueType):
        return QueueSpec(name, kind, maxsize=size)  # type: ignore[arg-type]
    if kind in get_args(SyncType):
        return SyncSpec(name, kind, value=size, parties=size, lock=lock)  # type: ignore[arg-type]
    if kind.startswith("managed "):
        spec = recorded_resource(kind.removeprefix("managed "), name, size, lock)
        return spec.replace(is_managed=True) if isinstance(spec, SyncSpec) else spec
    if kind in get_args(SharedType):
        return SharedSpec(name, kind, size=size, lock=lock or True)  # type: ignore[arg-type]
    if kind in get_args(PoolType):
        return PoolSpec(name, kind, processes=size)  # type: ignore[arg-type]
    if kind == "Pipe":
        return PipeSpec(name, duplex=bool(size), close_unused=False)
    raise ValueError(kind)
