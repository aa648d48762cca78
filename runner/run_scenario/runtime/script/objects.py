"""Has multiprocessing make recorded objects for own code, a script or a target, wherever that asks it for one.

The functions of `multiprocessing` and of its contexts are replaced; what multiprocessing makes for itself, such as the
locks inside a queue, stays as it is. The objects are subclasses of multiprocessing's own.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable
from multiprocessing.context import BaseContext
from types import ModuleType
from typing import Any, cast

from run_scenario.recording.data import MOST_PARTS, NotDataError, data_of
from run_scenario.recording.recorder import recorder
from run_scenario.recording.replacements import replace
from run_scenario.runtime import cpython
from run_scenario.runtime.child import output_capture
from run_scenario.runtime.child.output_capture import Streams
from run_scenario.runtime.script.announcements import announce_missing, announce_resource, is_wanted
from run_scenario.runtime.script.subprocesses import note_unrecorded

Make = Callable[..., Any]
"""Makes an object in a context: it gets the context, and what the script has given."""


def record_objects() -> None:
    """Have objects recorded that are made from now on, in this process and those that are forked from it."""
    _record_what_is_imported()
    if output_capture.wanted() is Streams.PLAIN:  # a scenario has no way to record them
        note_unrecorded()
    for name, make in _MAKERS.items():
        replace(BaseContext, name, _recorded(name, make, getattr(BaseContext, name)))
        # The names that `multiprocessing` itself has are methods of its default context.
        replace(multiprocessing, name, getattr(multiprocessing.Queue.__self__, name))  # type: ignore[attr-defined]


def record_objects_for_now() -> None:
    """Do so until all is put back, in a program that may know the functions by names of its own already."""
    _record_what_is_imported()
    for name, make in _MAKERS.items():
        function: Any = vars(BaseContext)[name]
        makers[name] = _recorded(name, make, cpython.copied(function))
        cpython.forward(function, __name__, f"makers[{name!r}]")


makers: dict[str, Callable[..., Any]] = {}
"""Name of a context's function -> what it hands its calls on to while it is replaced."""


def _record_what_is_imported() -> None:
    copies = dict.fromkeys(_COPIES, _say_that_it_is_not_recorded)
    output_capture.hook_when_imported(
        {
            "concurrent.futures.process": _record_executors,
            "multiprocessing.pool": _record_pools,
            "multiprocessing.managers": _record_managed,
            "multiprocessing.shared_memory": _record_memory,
            **copies,
        }
    )


def _record_managed(module: Any) -> None:
    cpython.note_what_managers_make(module.BaseManager, _note_managed)


def _record_memory(module: Any) -> None:
    from run_scenario.runtime.script.memory import record_memory  # not before: it needs the module that is imported now

    record_memory(module)


def _note_managed(*made: Any) -> None:
    from run_scenario.runtime.script.managed import note  # not before: it needs the module that is imported just now

    note(*made)


_COPIES = ("billiard", "multiprocess", "torch.multiprocessing", "loky")
"""Libraries with a multiprocessing of their own."""


def _say_that_it_is_not_recorded(module: ModuleType) -> None:
    announce_missing(f"{module.__name__} has a multiprocessing of its own: what it makes is not recorded")


def _record_executors(module: ModuleType) -> None:
    from run_scenario.runtime.script.pools import record_executors

    record_executors(module)


def _record_pools(module: Any) -> None:
    """Have the pools recorded that are made by their class itself, `multiprocessing.pool.Pool(…)`, from now on."""
    plainly = module.Pool.__init__
    if hasattr(plainly, "__wrapped__"):
        return

    @functools.wraps(plainly)
    def init(
        self: Any,
        processes: int | None = None,
        initializer: Any = None,
        initargs: Any = (),
        maxtasksperchild: int | None = None,
        context: BaseContext | None = None,
    ) -> None:
        given = processes, initializer, initargs, maxtasksperchild
        if type(self) is module.Pool and recorder.run_ref.folder and is_wanted():
            from run_scenario.runtime.script.pools import Pool, begin  # not before: they need this module

            def new() -> Pool:
                self.__class__ = Pool
                return cast("Pool", self)

            if begin(new, context or multiprocessing.get_context(), *given):
                return
        plainly(self, *given, context)

    replace(module.Pool, "__init__", init)


def _recorded(name: str, make: Make, plainly: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plainly)
    def made(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not recorder.run_ref.folder or not is_wanted():
            return plainly(self, *args, **kwargs)
        try:
            # To ask for it settles the start method, once and for all, which a plain Pipe() leaves open.
            ctx = self if make is _pipe else self.get_context()
            found, refused = make(ctx, plainly, *args, **kwargs), False
        except Exception:  # what cannot be made, multiprocessing itself refuses below, in its own words
            found, refused = None, True
        if found is None:
            found = plainly(self, *args, **kwargs)
            if refused:
                announce_missing(f"a {name} with unusual arguments")
        return found

    return made


def _queue(kind: str) -> Make:
    def make(ctx: BaseContext, plainly: Any, maxsize: Any = 0) -> Any:
        return announce_resource(kind, maxsize, make=lambda index: _made_queue(kind, index, ctx, maxsize))

    return make


def _made_queue(kind: str, *given: Any) -> Any:
    from run_scenario.runtime.primitives import queues

    try:
        return getattr(queues, kind)(*given)
    except OSError as error:  # should that have come from what a plain one needs, too, it will raise as well
        announce_missing(f"queues for whose message numbers there is no room: {(error.strerror or '').lower()}")
        return None


def _simple_queue(ctx: BaseContext, plainly: Any) -> Any:
    return announce_resource("SimpleQueue", make=lambda index: _made_queue("SimpleQueue", index, ctx))


def _lock(kind: str) -> Make:
    def make(ctx: BaseContext, plainly: Any) -> Any:
        from run_scenario.runtime.primitives import sync

        return announce_resource(kind, make=lambda index: getattr(sync, kind)(index, ctx))

    return make


def _semaphore(kind: str) -> Make:
    def make(ctx: BaseContext, plainly: Any, value: Any = 1) -> Any:
        from run_scenario.runtime.primitives import sync

        return announce_resource(kind, value, make=lambda index: getattr(sync, kind)(index, ctx, value))

    return make


def _condition(ctx: BaseContext, plainly: Any, lock: Any = None) -> Any:
    from run_scenario.runtime.primitives.sync import Condition

    return announce_resource("Condition", lock=_number_of(lock), make=lambda index: Condition(index, ctx, lock))


def _barrier(ctx: BaseContext, plainly: Any, parties: Any, action: Any = None, timeout: Any = None) -> Any:
    from run_scenario.runtime.primitives.sync import Barrier

    more: dict[str, Any] = {}
    if timeout is not None:
        more["timeout"] = timeout if type(timeout) in (int, float) else float(timeout)
    return announce_resource(
        "Barrier", parties, make=lambda index: Barrier(index, ctx, parties, timeout, action), **more
    )


def _pipe(ctx: BaseContext, plainly: Any, duplex: Any = True) -> Any:
    from run_scenario.runtime.primitives.pipes import recorded_ends

    return announce_resource("Pipe", bool(duplex), make=lambda index: recorded_ends(index, plainly(ctx, duplex)))


def _value(ctx: BaseContext, plainly: Any, typecode_or_type: Any, *args: Any, lock: Any = True) -> Any:
    from multiprocessing import sharedctypes

    from run_scenario.runtime.primitives import shared, sync

    raw = sharedctypes.RawValue(typecode_or_type, *args)
    if lock is False or not shared.is_simple(raw):
        return None

    def make(index: int) -> Any:
        return shared.Value(raw, sync.RLock(index, ctx) if lock in (True, None) else lock, ctx, index)

    return announce_resource("Value", lock=_number_of(lock), make=make, **_typed(raw, raw.value))


def _array(ctx: BaseContext, plainly: Any, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
    from multiprocessing import sharedctypes

    from run_scenario.runtime.primitives import shared, sync

    if lock is False or not (isinstance(typecode_or_type, str) or shared.is_simple(typecode_or_type())):
        return None
    raw: Any = sharedctypes.RawArray(typecode_or_type, size_or_initializer)
    kind = shared.String if hasattr(raw, "raw") else shared.Array

    def make(index: int) -> Any:
        return kind(raw, sync.RLock(index, ctx) if lock in (True, None) else lock, ctx, index)

    return announce_resource("Array", len(raw), _number_of(lock), make=make, **_typed(raw, raw[: MOST_PARTS + 1]))


def _typed(raw: Any, content: Any) -> dict[str, Any]:
    """Return the type code of what is in shared memory, and what it holds, if that is data and not much."""
    typecode = {"typecode": cpython.typecode_of(raw)}
    try:
        return typecode | {"value": data_of(content)}
    except NotDataError:
        return typecode


def _pool(ctx: BaseContext, plainly: Any, *args: Any, **kwargs: Any) -> Any:
    from run_scenario.runtime.script.pools import make_pool

    return make_pool(ctx, plainly, *args, **kwargs)


def _number_of(lock: Any) -> int:
    number: int = getattr(lock, "_index", -1)
    return number


_MAKERS: dict[str, Make] = {
    "Queue": _queue("Queue"),
    "JoinableQueue": _queue("JoinableQueue"),
    "SimpleQueue": _simple_queue,
    "Lock": _lock("Lock"),
    "RLock": _lock("RLock"),
    "Event": _lock("Event"),
    "Semaphore": _semaphore("Semaphore"),
    "BoundedSemaphore": _semaphore("BoundedSemaphore"),
    "Condition": _condition,
    "Barrier": _barrier,
    "Pipe": _pipe,
    "Value": _value,
    "Array": _array,
    "Pool": _pool,
}
