"""Locks, semaphores, events, conditions and barriers: multiprocessing's own, which also record.

An acquire is recorded after it, a release before it: so the next one to get the lock comes later in the log. Whether a
release will fail is asked beforehand, so that none is recorded that did not happen. An operation that has to wait is
recorded twice: when it begins to wait, and when it is over.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from multiprocessing import context, synchronize
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes, layout
from run_scenario.recording.packing import whole_number
from run_scenario.recording.recorder import packed_timeout, recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.primitives.plain_repr import shown_plainly
from run_scenario.runtime.primitives.waiting import Waiting

if TYPE_CHECKING:
    from run_scenario.scenario.model import SyncSpec


def create_sync(spec: SyncSpec, index: int, ctx: context.BaseContext, lock: Any = None) -> Any:
    """Return the object that `spec` describes; `lock` is the one that a condition uses, if not one of its own.

    Raises:
        OSError: out of semaphores.
    """
    match spec.type:
        case "Lock":
            return Lock(index, ctx)
        case "RLock":
            return RLock(index, ctx)
        case "Semaphore":
            return Semaphore(index, ctx, spec.value)
        case "BoundedSemaphore":
            return BoundedSemaphore(index, ctx, spec.value)
        case "Event":
            return Event(index, ctx)
        case "Condition":
            return Condition(index, ctx, lock)
        case "Barrier":
            return Barrier(index, ctx, spec.parties, spec.timeout)
    raise TypeError(f"unknown kind of resource: {spec!r}")


def _fixed(code: int, index: int, since: int = 0, value: int = 0, timeout: float | None = None) -> None:
    recorder.fixed(code, layout.V_INT, index, packed_timeout(timeout), value, since)


class _Recorded:
    """What an object takes to a spawned child besides its own state: its position, and the run it belongs to."""

    _index: int

    def _set_index(self, index: int) -> None:
        self._index = index

    def __getstate__(self) -> Any:
        inherited = getattr(super(), "__getstate__", None)
        state = inherited() if inherited else None
        if not isinstance(state, tuple):  # object's own, which is not aware that only a child may get this
            context.assert_spawning(self)
            state = dict(self.__dict__)
        return self._index, recorder.run_ref, state

    def __setstate__(self, state: Any) -> None:
        self._set_index(state[0])
        recorder.join_run(state[1])
        if isinstance(state[2], dict):
            self.__dict__.update(state[2])
        else:
            super().__setstate__(state[2])  # type: ignore[misc]


class _RecordedSemLock(_Recorded):
    """Recording for locks and semaphores, mixed in before multiprocessing's class."""

    _semlock: Any

    def __init__(self, index: int, ctx: context.BaseContext, *args: Any) -> None:
        self._set_index(index)
        super().__init__(*args, ctx=ctx)  # type: ignore[call-arg]

    def _set_index(self, index: int) -> None:
        self._index = index
        self._not_acquired = recorder.polled(codes.NOT_ACQUIRED, index)

    def _make_methods(self) -> None:
        """Leave `acquire` and `release` to be the methods below: multiprocessing would hide them by the C ones."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if self._semlock.acquire(False):
            recorder.fixed(codes.ACQUIRED, layout.V_INT, self._index, 0, 0, 0)
            return True
        if not block or (timeout is not None and timeout <= 0):
            self._not_acquired.note(False)
            return False
        return self._wait_for_it(timeout)

    def _wait_for_it(self, timeout: float | None) -> bool:
        _fixed(codes.ACQUIRING, self._index)
        since = recorder.begin_wait(codes.W_ACQUIRE, self._index, timeout)
        try:
            acquired: bool = self._semlock.acquire(True, timeout)
        finally:
            recorder.end_wait()
        if acquired:
            _fixed(codes.ACQUIRED, self._index, since)
        else:
            _fixed(codes.NOT_ACQUIRED, self._index, since, timeout=timeout)
        return acquired

    def release(self) -> None:
        self.__exit__()

    def _can_release(self) -> bool:
        return True

    # `with` is what is done by the hundred thousand: these two make as few calls as can be.

    def __enter__(self) -> bool:
        if self._semlock.acquire(False):
            recorder.fixed(codes.ACQUIRED, layout.V_INT, self._index, 0, 0, 0)
            return True
        return self._wait_for_it(None)

    def __exit__(self, *_: object) -> None:
        if self._can_release():
            recorder.fixed(codes.RELEASED, layout.V_INT, self._index, 0, 0, 0)
        self._semlock.release()


class Lock(_RecordedSemLock, synchronize.Lock):
    """`multiprocessing.Lock`, recorded."""

    def __exit__(self, *_: object) -> None:
        if self._semlock._is_zero():
            recorder.fixed(codes.RELEASED, layout.V_INT, self._index, 0, 0, 0)
        self._semlock.release()


class RLock(_RecordedSemLock, synchronize.RLock):
    """`multiprocessing.RLock`, recorded."""

    def _can_release(self) -> bool:
        return bool(self._semlock._is_mine())


class Semaphore(_RecordedSemLock, synchronize.Semaphore):
    """`multiprocessing.Semaphore`, recorded."""


class BoundedSemaphore(_RecordedSemLock, synchronize.BoundedSemaphore):
    """`multiprocessing.BoundedSemaphore`, recorded."""

    def _can_release(self) -> bool:
        return bool(self._semlock._get_value() < self._semlock.maxvalue)


def _wait_for_answer(index: int, call: Callable[..., Any], *args: Any) -> Any:
    """Make a call that may have to wait for those whom it wakes up."""
    waiting = Waiting(codes.W_ANSWER, index, None)
    try:
        return call(*args)
    finally:
        waiting.over()


class Event(_Recorded, synchronize.Event):
    """`multiprocessing.Event`, recorded."""

    _cond: Any
    _flag: Any

    def __init__(self, index: int, ctx: context.BaseContext) -> None:
        self._index = index
        self._asked = recorder.polled(codes.EVENT_ASKED, index)
        self._word: tuple[Any, int, int] = None, 0, 0
        super().__init__(ctx=ctx)

    def __getstate__(self) -> Any:
        self._word = None, 0, 0
        return super().__getstate__()

    def set(self) -> None:
        _wait_for_answer(self._index, self._set)

    def _set(self) -> None:
        # As multiprocessing has it: whoever never gets the lock inside has set nothing.
        with self._cond:
            _fixed(codes.EVENT_SET, self._index)
            self._flag.acquire(False)
            self._flag.release()
            self._cond.notify_all()

    def clear(self) -> None:
        _wait_for_answer(self._index, super().clear)
        _fixed(codes.EVENT_CLEARED, self._index)

    def is_set(self) -> bool:
        answer: bool
        waits, ident, word = self._word  # taken at once, as others may put theirs in its place
        if waits is not recorder.waits or ident != get_ident():
            word = recorder.wait_word(codes.W_ANSWER, self._index)
            self._word = waits, _, _ = recorder.waits, get_ident(), word
        waits[word] = monotonic_ns()
        try:
            self._cond.acquire()
            try:
                answer = self._flag.acquire(False)
                if answer:
                    self._flag.release()
            finally:
                self._cond.release()
        finally:
            waits[word] = 0
        self._asked.note(answer)
        return answer

    def wait(self, timeout: float | None = None) -> bool:
        _fixed(codes.EVENT_WAITING, self._index)
        waiting = Waiting(codes.W_EVENT, self._index, timeout)
        try:
            answer: bool = super().wait(timeout)
        finally:
            waiting.over()
        _fixed(codes.EVENT_WAITED, self._index, waiting.since, answer, timeout)
        return answer


class Condition(_Recorded, synchronize.Condition):
    """`multiprocessing.Condition`, recorded; without a lock from outside, it has a recorded RLock."""

    _lock: Any

    def __init__(self, index: int, ctx: context.BaseContext, lock: Any) -> None:
        self._index = index
        super().__init__(lock or RLock(index, ctx), ctx=ctx)

    def _is_owned(self) -> bool:
        """Tell whether this process has the lock, without which nothing is waited for or notified."""
        return cpython.is_held_here(self._lock)

    def wait(self, timeout: float | None = None) -> bool:
        if not self._is_owned():
            return super().wait(timeout)  # raises
        _fixed(codes.CONDITION_WAITING, self._index)
        waiting = Waiting(codes.W_CONDITION, self._index, timeout)
        try:
            answer: bool = super().wait(timeout)
        finally:
            waiting.over()
        _fixed(codes.CONDITION_WOKEN, self._index, waiting.since, answer, timeout)
        return answer

    def notify(self, n: int = 1) -> None:
        number = whole_number(n)
        if number is not None and self._is_owned():
            _fixed(codes.CONDITION_NOTIFIED, self._index, value=min(number, 1 << 31))
        _wait_for_answer(self._index, super().notify, n)


@shown_plainly
class Barrier(_Recorded, synchronize.Barrier):
    """`multiprocessing.Barrier`, recorded."""

    _timeout: float | None
    _cond: Any

    def __init__(
        self, index: int, ctx: context.BaseContext, parties: int, timeout: float | None, action: Any = None
    ) -> None:
        self._index = index
        synchronize.Barrier.__init__(self, parties, action, timeout, ctx=ctx)

    def __setstate__(self, state: Any) -> None:
        if len(state) == 3 and isinstance(state[2], tuple):
            super().__setstate__(state)
        else:  # multiprocessing's own constructor fills the object so
            synchronize.Barrier.__setstate__(self, state)  # type: ignore[attr-defined]

    def wait(self, timeout: float | None = None) -> int:
        _fixed(codes.BARRIER_WAITING, self._index)
        waiting = Waiting(codes.W_BARRIER, self._index, self._timeout if timeout is None else timeout)
        try:
            number: int = super().wait(timeout)
        except BaseException:
            _fixed(codes.BARRIER_BROKEN, self._index, waiting.since, timeout=timeout)
            raise
        finally:
            waiting.over()
        _fixed(codes.BARRIER_PASSED, self._index, waiting.since, number)
        return number

    def abort(self) -> None:
        with self._cond:  # it can be acquired again
            _fixed(codes.BARRIER_ABORTED, self._index)
            super().abort()

    def reset(self) -> None:
        with self._cond:
            _fixed(codes.BARRIER_RESET, self._index)
            super().reset()
