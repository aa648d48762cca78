"""Values and arrays in shared memory: multiprocessing's own, which also record.

A read is recorded after it, a write before it: so a reader of what was written comes later in the log. With a lock,
both are recorded while it is held, as multiprocessing's own `value` does its work.
"""

from __future__ import annotations

import contextlib
import functools
from _thread import get_ident
from collections.abc import Iterator
from multiprocessing import context, sharedctypes
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes
from run_scenario.recording.describe import describe, describe_elements
from run_scenario.recording.polling import MOST_OPEN, Polled
from run_scenario.recording.recorder import recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives.elements import REFUSALS, place_of, record_element
from run_scenario.runtime.primitives.plain_repr import shown_plainly
from run_scenario.runtime.primitives.sync import RLock

if TYPE_CHECKING:
    from run_scenario.scenario.model import SharedSpec


def create_shared(spec: SharedSpec, index: int, ctx: context.BaseContext, lock: Any) -> Any:
    """Return the Value or Array that `spec` describes; `lock` is the one that it names, if it names one.

    Raises:
        OSError: out of memory or semaphores.
    """
    own = None if spec.lock is False else lock or RLock(index, ctx)
    if spec.type == "Value":
        content = spec.value if spec.typecode not in ("c",) or spec.value is None else str(spec.value).encode()
        plain = sharedctypes.RawValue(spec.typecode, *([] if content is None else [content]))
        return raw(RawValue, plain, index) if own is None else Value(plain, own, ctx, index)
    filled = spec.value.encode() if isinstance(spec.value, str) and spec.typecode == "c" else spec.value
    elements: Any = sharedctypes.RawArray(spec.typecode, spec.size if filled is None else filled)
    if own is None:
        return raw(RawArray, elements, index)
    return (String if spec.typecode == "c" else Array)(elements, own, ctx, index)


def record_final(made: Any) -> None:
    """Record what a Value or an Array holds at the end of the main program."""
    recorder.emit(codes.VALUE_FINAL, made._index, made._final())


def is_simple(content: Any) -> bool:
    """Tell whether ctypes data is a single number or character: what is made of several has no `value`."""
    return any(base.__name__ == "_SimpleCData" for base in type(content).__mro__)  # a Structure may have a `value`, too


def _stored_at(array: Any, i: Any, content: Any) -> tuple[int | str | None, Any]:
    """Return the place of elements and what they will hold once `content` was written there.

    Raises:
        TypeError, ValueError, …: it cannot be written.
    """
    place = place_of(i, len(array))
    kind = cpython.element_type(array)
    if isinstance(place, int):
        return range(len(array))[place], _unless_equal(content, kind(content).value)
    scratch = (kind * len(range(*i.indices(len(array)))))()
    scratch[:] = content
    return place, _unless_equal(content, scratch[:])


def _stored(value: Any, content: Any) -> Any:
    """Return what a value will be once `content` was written to it; raises as `_stored_at`."""
    scratch = type(value)()
    scratch.value = content
    return _unless_equal(content, scratch.value)


def _unless_equal(given: Any, stored: Any) -> Any:
    """Return what was given, unless something else is stored: what does not fit into a C type is cut off."""
    return given if given == stored else stored


def _rebuild(kind: Any, index: int, run_ref: Any, *parts: Any) -> Any:
    recorder.join_run(run_ref)
    return raw(kind, *parts, index) if len(parts) == 1 else kind(*parts, None, index)


class _Elements:
    """Reading and writing of single elements, recorded; the object is `_obj`, what protects it is `_inside()`."""

    _index: int
    _obj: Any
    _polled: dict[Any, Polled]

    def _inside(self) -> Any:
        return contextlib.nullcontext()

    def __len__(self) -> int:
        return len(self._obj)

    def __getitem__(self, i: Any) -> Any:
        return self._read_at(i)

    def _read_at(self, i: Any) -> Any:
        content = self._obj[i]
        place = i if type(i) is int and i >= 0 else place_of(i, len(self._obj))
        (self._polled.get(place) or self._poll_of(place)).note(content)
        return content

    def _poll_of(self, place: Any) -> Polled:
        if len(self._polled) >= MOST_OPEN:
            self._polled.clear()
        polled = self._polled[place] = recorder.polled(codes.ARRAY_READ, self._index, place)
        return polled

    def __setitem__(self, i: Any, content: Any) -> None:
        with self._inside():
            with contextlib.suppress(*REFUSALS):  # the write itself raises, and nothing was written
                place, stored = _stored_at(self._obj, i, content)
                record_element(codes.ARRAY_WRITTEN, self._index, place, stored)
            self._obj[i] = content

    def _final(self) -> Any:
        # Of characters, a slice is a text as long as the array; of numbers, a list that takes five times as much room.
        return describe_elements(self._obj) if type(self._obj[:0]) is list else describe(self._obj[:])


class _Whole:
    """Reading and writing of `value`, recorded."""

    _index: int
    _obj: Any
    _whole: Polled
    _read, _written = codes.VALUE_READ, codes.VALUE_WRITTEN
    _at: int | None = 0

    def _inside(self) -> Any:
        return contextlib.nullcontext()

    @property
    def value(self) -> Any:
        with self._inside():
            content = self._obj.value
            self._whole.note(content)
        return content

    @value.setter
    def value(self, content: Any) -> None:
        with self._inside():
            with contextlib.suppress(*REFUSALS):
                record_element(self._written, self._index, self._at, _stored(self._obj, content))
            self._obj.value = content

    def _final(self) -> Any:
        return describe(self._obj.value)


class _Recorded:
    """What either has: its position, and what its reads are recorded by."""

    _read: int = codes.ARRAY_READ
    _at: int | None = None
    _obj: Any

    def _record(self, obj: Any, index: int) -> None:
        """Record what is done to `obj`."""
        self._obj = obj
        self._index = index
        self._polled: dict[Any, Polled] = {}
        self._whole = recorder.polled(self._read, index, self._at)

    def _reduced(self, kind: Any, *more: Any) -> Any:
        context.assert_spawning(self)
        return _rebuild, (kind, self._index, recorder.run_ref, self._obj, *more)


class _Locked(_Recorded):
    """With a lock: it is handed to spawned children together with the memory."""

    _obj: Any
    _lock: Any

    def __init__(self, obj: Any, lock: Any, ctx: Any, index: int) -> None:
        self._record(obj, index)
        super().__init__(obj, lock, ctx)  # type: ignore[call-arg]
        semaphore = cpython.semlock_of(self._lock)
        self._take, self._leave = semaphore.acquire, semaphore.release

    def __reduce__(self) -> Any:
        return self._reduced(type(self), self._lock)

    def __getitem__(self, i: Any) -> Any:
        if not self._take(False):
            self._wait()
        try:
            return self._read_at(i)  # type: ignore[attr-defined]
        finally:
            self._leave()

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """Hold the lock for one access; the lock is not recorded, as no target asks for it."""
        if not self._take(False):
            self._wait()
        try:
            yield
        finally:
            self._leave()

    def _wait(self) -> None:
        recorder.begin_wait(codes.W_ACQUIRE, getattr(self._lock, "_index", self._index))
        try:
            self._take()
        finally:
            recorder.end_wait()


@shown_plainly
class Value(_Locked, _Whole, sharedctypes.Synchronized):  # type: ignore[type-arg]
    """What `multiprocessing.Value(typecode, …)` returns, recorded."""

    _read, _at = codes.VALUE_READ, 0

    def _get(self) -> Any:
        # As `_Whole` has it, in as few calls as can be: this is what is polled the most.
        if not self._take(False):
            self._wait()
        try:
            content = self._obj.value
            fold = self._whole.fold
            if content == fold.known and get_ident() == fold.ident:  # as in `note`
                fold.words[0] = number = fold.count()
                if number < fold.due or fold.look_up(number):
                    return content
            self._whole.note_anew(content)
            return content
        finally:
            self._leave()

    value = property(_get, _Whole.value.fset)  # type: ignore[attr-defined]


@shown_plainly
class Array(_Locked, _Elements, sharedctypes.SynchronizedArray):  # type: ignore[type-arg]
    """What `multiprocessing.Array(typecode, …)` returns, recorded."""


@shown_plainly
class String(_Locked, _Elements, _Whole, sharedctypes.SynchronizedString):
    """What `multiprocessing.Array("c", …)` returns, recorded."""

    _read, _written, _at = codes.ARRAY_READ, codes.ARRAY_WRITTEN, None
    _final = _Whole._final


class _Raw(_Recorded):
    """Without a lock: the ctypes object itself, of a subclass of its type that records.

    What is read or written past its methods, as through a `memoryview`, is not recorded.
    """

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._obj.__reduce_ex__(protocol)  # a copy is in no shared memory, and records nothing

    def __repr__(self) -> str:
        return repr(self._obj)


class RawValue(_Raw, _Whole):
    """What `multiprocessing.RawValue(typecode, …)` returns, recorded: the part of it that is not ctypes'."""

    _read, _at = codes.VALUE_READ, 0

    def _get(self) -> Any:
        content = self._obj.value
        self._whole.note(content)
        return content

    value = property(_get, _Whole.value.fset)  # type: ignore[attr-defined]


class RawArray(_Raw, _Elements):
    """What `multiprocessing.RawArray(typecode, …)` returns, recorded: the part of it that is not ctypes'."""


def raw(kind: Any, plain: Any, index: int) -> Any:
    """Return a RawValue or a RawArray, whichever class is given, in the memory of a plain one."""
    ctype: Any = type(plain)
    made = cpython.in_memory_of(plain, _recording_type(kind, ctype), lambda made: made._reduced(kind))
    made._record(plain, index)
    return made


@functools.cache
def _recording_type(kind: Any, ctype: Any) -> Any:
    """Return the subclass of a ctypes type whose objects record; its name is that of the plain type."""
    return type(ctype)(ctype.__name__, (kind, ctype), {"__module__": ctype.__module__})
