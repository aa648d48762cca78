"""Values and arrays in shared memory: multiprocessing's own, which also record.

A read is recorded after it, a write before it: whoever reads what was written is told later. With a lock, both are
recorded while it is held, as multiprocessing's own `value` does its work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from multiprocessing import context, sharedctypes
from typing import TYPE_CHECKING, Any

from run_scenario.engine.primitives.sync import RLock
from run_scenario.record import codes, layout
from run_scenario.record.describe import describe
from run_scenario.record.recorder import recorder

if TYPE_CHECKING:
    from run_scenario.model import SharedSpec

_SMALL = 1 << 63


def create_shared(spec: SharedSpec, index: int, ctx: context.BaseContext, lock: Any) -> Any:
    """Return the Value or Array that `spec` describes; `lock` is the one that it names, if it names one.

    Raises:
        OSError: out of memory or semaphores.
    """
    own = None if spec.lock is False else lock or RLock(index, ctx)
    if spec.type == "Value":
        content = spec.value if spec.typecode not in ("c",) or spec.value is None else str(spec.value).encode()
        plain = sharedctypes.RawValue(spec.typecode, *([] if content is None else [content]))
        return RawValue(plain, index) if own is None else Value(plain, own, ctx, index)
    filled = spec.value.encode() if isinstance(spec.value, str) and spec.typecode == "c" else spec.value
    elements: Any = sharedctypes.RawArray(spec.typecode, spec.size if filled is None else filled)
    if own is None:
        return RawArray(elements, index)
    return (String if spec.typecode == "c" else Array)(elements, own, ctx, index)


def _record(code: int, index: int, place: Any, content: Any) -> None:
    if type(content) is int and -_SMALL <= content < _SMALL and type(place) is int:
        recorder.fixed(code, layout.V_INT, index, place, content, 0)
    else:
        recorder.emit(code, index, place, describe(content), 0)


def _place(i: Any, length: int) -> int | str | None:
    """Return which element is meant, as it is told: its index from 0, or a slice in words."""
    if isinstance(i, int):
        return i if i >= 0 else i + length
    start, stop, step = i.indices(length)
    return f"{start}:{stop}" + (f":{step}" if step != 1 else "")


def _rebuild(kind: Any, index: int, home: Any, *parts: Any) -> Any:
    recorder.adopt(home)
    return kind(*parts, index) if len(parts) == 1 else kind(*parts, None, index)


class _Elements:
    """Reading and writing of single elements, recorded; the object is `_obj`, what guards it `_inside()`."""

    _index: int
    _obj: Any

    def _inside(self) -> Any:
        return contextlib.nullcontext()

    def __len__(self) -> int:
        return len(self._obj)

    def __getitem__(self, i: Any) -> Any:
        with self._inside():
            content = self._obj[i]
            _record(codes.ARRAY_READ, self._index, _place(i, len(self._obj)), content)
        return content

    def __setitem__(self, i: Any, content: Any) -> None:
        with self._inside():
            place = _place(i, len(self._obj))
            if isinstance(place, str) or 0 <= place < len(self._obj):  # type: ignore[operator]
                _record(codes.ARRAY_WRITTEN, self._index, place, content)
            self._obj[i] = content

    def final(self) -> None:
        """Record what it holds at the end of the main program."""
        recorder.emit(codes.VALUE_FINAL, self._index, describe(self._obj[:]))


class _Whole:
    """Reading and writing of `value`, recorded."""

    _index: int
    _obj: Any
    _read, _written = codes.VALUE_READ, codes.VALUE_WRITTEN
    _at: int | None = 0

    def _inside(self) -> Any:
        return contextlib.nullcontext()

    @property
    def value(self) -> Any:
        with self._inside():
            content = self._obj.value
            _record(self._read, self._index, self._at, content)
        return content

    @value.setter
    def value(self, content: Any) -> None:
        with self._inside():
            _record(self._written, self._index, self._at, content)
            self._obj.value = content

    def final(self) -> None:
        """Record what it holds at the end of the main program."""
        recorder.emit(codes.VALUE_FINAL, self._index, describe(self._obj.value))


class _Locked:
    """With a lock: it is handed to spawned children together with the memory."""

    _index: int
    _obj: Any
    _lock: Any

    def __init__(self, obj: Any, lock: Any, ctx: Any, index: int) -> None:
        self._index = index
        super().__init__(obj, lock, ctx)  # type: ignore[call-arg]

    def __reduce__(self) -> Any:
        context.assert_spawning(self)
        return _rebuild, (type(self), self._index, recorder.home, self._obj, self._lock)

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """Hold the lock for one access; it is not told, as nobody has written it there."""
        semaphore = self._lock._semlock
        if not semaphore.acquire(False):
            recorder.waiting(codes.W_ACQUIRE, getattr(self._lock, "_index", self._index))
            try:
                semaphore.acquire()
            finally:
                recorder.moving()
        try:
            yield
        finally:
            semaphore.release()


class Value(_Locked, _Whole, sharedctypes.Synchronized):  # type: ignore[type-arg]
    """What `multiprocessing.Value(typecode, …)` returns, recorded."""


class Array(_Locked, _Elements, sharedctypes.SynchronizedArray):  # type: ignore[type-arg]
    """What `multiprocessing.Array(typecode, …)` returns, recorded."""


class String(_Locked, _Elements, _Whole, sharedctypes.SynchronizedString):
    """What `multiprocessing.Array("c", …)` returns, recorded."""

    _read, _written, _at = codes.ARRAY_READ, codes.ARRAY_WRITTEN, None
    final = _Whole.final


class _Raw:
    """Without a lock: what `multiprocessing.sharedctypes` returns, in a shell that records."""

    def __init__(self, obj: Any, index: int) -> None:
        self._obj = obj
        self._index = index

    def __reduce__(self) -> Any:
        context.assert_spawning(self)
        return _rebuild, (type(self), self._index, recorder.home, self._obj)

    def __getattr__(self, name: str) -> Any:
        if name == "_obj":
            raise AttributeError(name)
        return getattr(self._obj, name)


class RawValue(_Raw, _Whole):
    """What `multiprocessing.RawValue(typecode, …)` returns, recorded."""


class RawArray(_Raw, _Elements):
    """What `multiprocessing.RawArray(typecode, …)` returns, recorded."""
