"""Locks, semaphores, events, conditions and barriers: multiprocessing's own, which also record.

An acquire is recorded after it, a release before it: whoever gets the lock next is told later. Whether a release will
fail is asked beforehand, so that none is told that did not happen. What has to wait is told twice: when it begins to
wait, and when it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import context, synchronize
from typing import TYPE_CHECKING, Any

from run_scenario.record import codes, layout
from run_scenario.record.recorder import recorder

if TYPE_CHECKING:
    from run_scenario.model import SyncSpec


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
    raise TypeError(f"nobody knows how to create {spec!r}")


def _fixed(code: int, index: int, since: int = 0, value: int = 0) -> None:
    recorder.fixed(code, layout.V_INT, index, 0, value, since)


class _Recorded:
    """What an object takes to a spawned child besides its own state: its position, and the run it belongs to."""

    _index: int

    def __getstate__(self) -> Any:
        inherited = getattr(super(), "__getstate__", None)
        state = inherited() if inherited else None
        if not isinstance(state, tuple):  # object's own, which is not aware that only a child may get this
            context.assert_spawning(self)
            state = dict(self.__dict__)
        return self._index, recorder.home, state

    def __setstate__(self, state: Any) -> None:
        self._index = state[0]
        recorder.adopt(state[1])
        if isinstance(state[2], dict):
            self.__dict__.update(state[2])
        else:
            super().__setstate__(state[2])  # type: ignore[misc]


class _RecordedSemLock(_Recorded):
    """Recording for locks and semaphores, mixed in before multiprocessing's class."""

    _semlock: Any

    def __init__(self, index: int, ctx: context.BaseContext, *args: Any) -> None:
        self._index = index
        super().__init__(*args, ctx=ctx)  # type: ignore[call-arg]

    def _make_methods(self) -> None:
        """Leave `acquire` and `release` to be the methods below: multiprocessing would hide them by the C ones."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if self._semlock.acquire(False):
            recorder.fixed(codes.ACQUIRED, layout.V_INT, self._index, 0, 0, 0)
            return True
        if not block:
            _fixed(codes.NOT_ACQUIRED, self._index)
            return False
        return self._wait_for_it(timeout)

    def _wait_for_it(self, timeout: float | None) -> bool:
        _fixed(codes.ACQUIRING, self._index)
        since = recorder.waiting(codes.W_ACQUIRE, self._index, timeout)
        try:
            acquired: bool = self._semlock.acquire(True, timeout)
        finally:
            recorder.moving()
        _fixed(codes.ACQUIRED if acquired else codes.NOT_ACQUIRED, self._index, since)
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
        semlock = self._semlock
        if semlock._is_zero():
            recorder.fixed(codes.RELEASED, layout.V_INT, self._index, 0, 0, 0)
        semlock.release()


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


class _Waiting:
    """The time that a thread spends in a wait with waits of its own inside, such as that for a condition's lock."""

    def __init__(self, kind: int, index: int, timeout: float | None) -> None:
        self._before = recorder.current_wait()
        self.since = recorder.waiting(kind, index, timeout)
        self._word = recorder.current_wait()

    def over(self) -> None:
        recorder.end_wait(self._word, self._before)


def _wait_for_answer(index: int, call: Callable[..., Any], *args: Any) -> Any:
    """Make a call that may have to wait for those whom it wakes up."""
    waiting = _Waiting(codes.W_ANSWER, index, None)
    try:
        return call(*args)
    finally:
        waiting.over()


class Event(_Recorded, synchronize.Event):
    """`multiprocessing.Event`, recorded."""

    def __init__(self, index: int, ctx: context.BaseContext) -> None:
        self._index = index
        super().__init__(ctx=ctx)

    def set(self) -> None:
        _fixed(codes.EVENT_SET, self._index)
        _wait_for_answer(self._index, super().set)

    def clear(self) -> None:
        _wait_for_answer(self._index, super().clear)
        _fixed(codes.EVENT_CLEARED, self._index)

    def is_set(self) -> bool:
        answer: bool = _wait_for_answer(self._index, super().is_set)
        _fixed(codes.EVENT_ASKED, self._index, value=answer)
        return answer

    def wait(self, timeout: float | None = None) -> bool:
        _fixed(codes.EVENT_WAITING, self._index)
        waiting = _Waiting(codes.W_EVENT, self._index, timeout)
        try:
            answer: bool = super().wait(timeout)
        finally:
            waiting.over()
        _fixed(codes.EVENT_WAITED, self._index, waiting.since, answer)
        return answer


class Condition(_Recorded, synchronize.Condition):
    """`multiprocessing.Condition`, recorded; without a lock from outside, it has a recorded RLock."""

    def __init__(self, index: int, ctx: context.BaseContext, lock: Any) -> None:
        self._index = index
        super().__init__(lock or RLock(index, ctx), ctx=ctx)

    def wait(self, timeout: float | None = None) -> bool:
        _fixed(codes.CONDITION_WAITING, self._index)
        waiting = _Waiting(codes.W_CONDITION, self._index, timeout)
        try:
            answer: bool = super().wait(timeout)
        finally:
            waiting.over()
        _fixed(codes.CONDITION_WOKEN, self._index, waiting.since, answer)
        return answer

    def notify(self, n: int = 1) -> None:
        _fixed(codes.CONDITION_NOTIFIED, self._index, value=min(n, 1 << 31))
        _wait_for_answer(self._index, super().notify, n)


class Barrier(_Recorded, synchronize.Barrier):
    """`multiprocessing.Barrier`, recorded."""

    _timeout: float | None

    def __init__(self, index: int, ctx: context.BaseContext, parties: int, timeout: float | None) -> None:
        self._index = index
        synchronize.Barrier.__init__(self, parties, timeout=timeout, ctx=ctx)

    def __setstate__(self, state: Any) -> None:
        if len(state) == 3 and isinstance(state[2], tuple):
            super().__setstate__(state)
        else:  # multiprocessing's own constructor fills the object so
            synchronize.Barrier.__setstate__(self, state)  # type: ignore[attr-defined]

    def wait(self, timeout: float | None = None) -> int:
        _fixed(codes.BARRIER_WAITING, self._index)
        waiting = _Waiting(codes.W_BARRIER, self._index, self._timeout if timeout is None else timeout)
        try:
            number: int = super().wait(timeout)
        except BaseException:
            _fixed(codes.BARRIER_BROKEN, self._index, waiting.since)
            raise
        finally:
            waiting.over()
        _fixed(codes.BARRIER_PASSED, self._index, waiting.since, number)
        return number

    def abort(self) -> None:
        _fixed(codes.BARRIER_ABORTED, self._index)
        super().abort()

    def reset(self) -> None:
        _fixed(codes.BARRIER_RESET, self._index)
        super().reset()
