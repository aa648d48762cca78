"""The queues that scenarios use: multiprocessing's own, which also record.

A stamp ties the get of an item to its put; it is kept beside the pipe (see `message_numbers`). Where a method's body is
repeated here instead of calling multiprocessing's, it is because the record has to be made in the middle of it: after
the semaphore was acquired, but before another process can see the effect.
"""

from __future__ import annotations

import itertools
import os
from _thread import get_ident
from collections.abc import Callable
from functools import partial
from multiprocessing import context, queues, util
from queue import Empty, Full
from time import monotonic, monotonic_ns
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes, layout
from run_scenario.recording.data import beyond_description
from run_scenario.recording.describe import MOST_BYTES, describe
from run_scenario.recording.polling import Polled
from run_scenario.recording.recorder import packed_timeout, recorder
from run_scenario.runtime import cpython
from run_scenario.runtime.child.own_frames import leave_out_own_frames
from run_scenario.runtime.primitives.message_numbers import UNKNOWN, MessageNumbers
from run_scenario.runtime.primitives.plain_repr import shown_plainly
from run_scenario.runtime.primitives.wire import PLAIN, check_size, loads, pickled, receiver, sender, unpickle

if TYPE_CHECKING:
    from run_scenario.scenario.model import QueueSpec

_emit = recorder.emit
_LEAST, _MOST = -1 << 63, (1 << 63) - 1
"""What a fixed record has room for."""
_KINDS = {None: layout.V_NONE, False: layout.V_FALSE, True: layout.V_TRUE}


def _record_put(queue: int, stamp: int, item: Any, since: int) -> None:
    kind = type(item)
    if kind is int and _LEAST <= item <= _MOST:
        recorder.fixed(codes.PUT, layout.V_INT, queue, stamp, item, since)
    elif item is None or kind is bool:
        recorder.fixed(codes.PUT, _KINDS[item], queue, stamp, 0, since)
    elif kind is bytes and len(item) > MOST_BYTES:
        recorder.fixed(codes.PUT, layout.V_BYTES, queue, stamp, len(item), since)
    else:  # an object may choose itself what is pickled of it, be it something plain
        _emit(codes.PUT, queue, stamp, describe(item), since, kind not in PLAIN, *beyond_description(item))


def _record_get(queue: int, stamp: int, item: Any, since: int) -> Any:
    if type(item) in PLAIN and stamp != UNKNOWN:
        recorder.fixed(codes.GET, layout.V_SAME, queue, stamp, 0, since)
    else:
        _emit(codes.GET, queue, stamp, describe(item), since)
    return item


def _unpickled(queue: int, stamp: int, data: Any) -> Any:
    try:
        return loads(data) if type(data) is bytes else unpickle(data)
    except BaseException as error:
        _record_unreadable(queue, stamp, error)
        raise


def _record_unreadable(queue: int, stamp: int, error: BaseException) -> None:
    _emit(codes.GET_FAILED, queue, stamp, _reason_of(error))


def _reason_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _stamps() -> Callable[[], int]:
    return itertools.count((os.getpid() << 40) + 1).__next__


_next_stamp = _stamps()


def _restart_stamps() -> None:
    global _next_stamp
    _next_stamp = _stamps()


os.register_at_fork(after_in_child=_restart_stamps)


class _PairPickler:
    """Stands for ForkingPickler where a queue's feeder is handed pairs of stamp and item: it pickles the item."""

    def __init__(self, queue: int) -> None:
        self._queue = queue
        self.stamp = UNKNOWN
        """Of what was pickled last: that is written next."""

    def dumps(self, pair: tuple[int, Any]) -> Any:
        self.stamp, item = pair
        try:
            return pickled(item)
        except BaseException as error:
            # The feeder ends with it, without a word: of a process that is ending, or by what is no Exception.
            if util.is_exiting() or not isinstance(error, Exception):
                _record_dropped(self._queue, pair, error)
            raise


def _record_dropped(queue: int, pair: tuple[int, Any], error: BaseException) -> None:
    _emit(codes.DROPPED, queue, pair[0], describe(pair[1]), _reason_of(error), False)


def _check_size(queue: int, pickler: _PairPickler, data: Any) -> None:
    try:
        check_size(data)
    except ValueError as error:  # recorded here: the error of a process that is about to end is lost
        reason = f"{type(error).__name__}: {error}"
        _emit(codes.DROPPED, queue, pickler.stamp, f"<pickle of {len(data)} bytes>", reason, True)
        raise


def _feeder_failed(queue: int, plainly: Callable[[Exception, Any], None], error: Exception, pair: Any) -> None:
    """Stand for the static method of a queue that its feeder calls with what it could not send."""
    if type(pair) is tuple:  # it could not be pickled; otherwise these are bytes that could not be written
        _record_dropped(queue, pair, error)
    leave_out_own_frames(error)
    plainly(error, pair)
    recorder.begin_wait(codes.W_FEED, queue)  # for the next item: it may never have written one


def create_queue(spec: QueueSpec, index: int, ctx: context.BaseContext) -> Queue | JoinableQueue | SimpleQueue:
    """Return the queue that `spec` describes; `index` is its position among the scenario's queues.

    Raises:
        OSError: out of file descriptors or semaphores.
    """
    if spec.type == "SimpleQueue":
        return SimpleQueue(index, ctx)
    kind = JoinableQueue if spec.type == "JoinableQueue" else Queue
    return kind(index, ctx, spec.maxsize)


class _RecordedQueue:
    """Recording for Queue and JoinableQueue, mixed in before multiprocessing's class."""

    _index: int
    _closed: bool
    _sem: Any
    _notempty: Any
    _thread: Any
    _buffer: Any
    _rlock: Any
    _reader: Any
    _recv_bytes: Any
    _poll: Any
    _writer: Any

    def __init__(self, index: int, ctx: context.BaseContext, maxsize: int = 0) -> None:
        self._set_index(index)
        super().__init__(maxsize, ctx=ctx)  # type: ignore[call-arg]

    def _set_index(self, index: int) -> None:
        self._index = index
        self._numbers = MessageNumbers(index)
        self._asked_empty, self._asked_full = (recorder.polled(code, index) for code in (codes.EMPTY, codes.FULL))
        self._got_nothing, self._put_nothing = (recorder.polled(code, index, 1) for code in (codes.EMPTY, codes.FULL))

    def __getstate__(self) -> Any:
        return self._index, recorder.run_ref, super().__getstate__()

    def __setstate__(self, state: Any) -> None:
        recorder.join_run(state[1])
        self._set_index(state[0])
        super().__setstate__(state[2])  # type: ignore[misc]

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        since = 0 if self._sem.acquire(False) else self._wait_for_room(block, timeout)
        with self._buffer_lock:
            self._enter(obj, since)

    def _enter(self, obj: Any, since: int) -> None:
        """Hand an item to the thread that feeds the pipe; the caller has the buffer's lock."""
        if self._thread is None:
            self._start_thread()
        stamp = _next_stamp()
        if type(obj) is int and _LEAST <= obj <= _MOST:
            recorder.fixed(codes.PUT, layout.V_INT, self._index, stamp, obj, since)
        else:
            _record_put(self._index, stamp, obj, since)
        self._buffer.append((stamp, obj))
        if self._idle_feeder:
            self._notempty.notify()

    def _wait_for_room(self, block: bool, timeout: float | None) -> int:
        since = recorder.begin_wait(codes.W_PUT, self._index, timeout)
        try:
            if not (block and self._sem.acquire(True, timeout)):
                self._gave_up(codes.FULL, self._put_nothing, timeout if block else None)
                raise Full
        finally:
            recorder.end_wait()
        return since

    def _gave_up(self, code: int, at_once: Polled, timeout: float | None) -> None:
        """Record that get() or put() has given up: `at_once`, or after a timeout."""
        if timeout is None or timeout <= 0:
            at_once.note(True)
        else:
            recorder.note_answer((code, self._index, 1 + packed_timeout(timeout)), True)

    def _reset(self, after_fork: bool = False) -> None:
        self._word = 0, 0  # thread, and its wait word: they are the process's own
        self._word_now: tuple[Any, int, int] = None, 0, 0
        super()._reset(after_fork)  # type: ignore[misc]
        self._recv_bytes = receiver(self._reader)
        self._idle_feeder = cpython.waiters_of(self._notempty)
        # The locks in C: `with` calls nothing in Python, and no signal handler can come between acquire() and `try`.
        self._buffer_lock, self._readers_lock = cpython.lock_of(self._notempty), cpython.semlock_of(self._rlock)

    def _start_thread(self) -> None:
        pickler = _PairPickler(self._index)
        # The thread has nothing that leads to the queue, which could otherwise never be collected, nor the thread end.
        send, numbers = sender(self._writer, partial(_check_size, self._index, pickler)), self._numbers

        def send_numbered(data: Any) -> None:
            numbers.write(pickler.stamp, data)
            try:
                send(data)
            except BaseException:
                numbers.take_back()
                raise

        self._send_bytes = recorder.feeding(self._index, send_numbered)
        try:
            cpython.start_feeder_with(queues.Queue, pickler)(self)
        except RuntimeError as error:
            _emit(codes.TROUBLE, f"cannot start the thread of a queue: {error}; raise the limit (ulimit -u)")
            raise
        # It may wait for the lock of the writers before it has written anything.
        recorder.mark_passive(self._thread.native_id, codes.W_FEED, self._index)

    @property
    def _on_queue_feeder_error(self) -> Callable[[Exception, Any], None]:
        return partial(_feeder_failed, self._index, super()._on_queue_feeder_error)  # type: ignore[misc]

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not block or (timeout is not None and timeout <= 0):
            return self._get_now()
        if timeout is not None:
            return self._get_within(timeout)
        # From here on, as few calls as can be: this is done by the hundred thousand.
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        ident = get_ident()
        thread, wait = self._word  # taken at once: another thread may put its own in its place
        if ident != thread:
            wait = recorder.wait_word(codes.W_GET, self._index)
            self._word = ident, wait
        waits = recorder.waits
        since = waits[wait] = monotonic_ns()
        try:
            with self._readers_lock:
                waits[wait] = -since  # whoever ends here takes the lock along
                data = self._recv_bytes()
                stamp = self._numbers.read(data)
                waits[wait] = 0
        except BaseException:
            waits[wait] = 0
            raise
        self._sem.release()
        try:
            item = loads(data) if type(data) is bytes else unpickle(data)
        except BaseException as error:
            _record_unreadable(self._index, stamp, error)
            raise
        if type(item) in PLAIN and stamp:
            recorder.fixed(codes.GET, layout.V_SAME, self._index, stamp, 0, since)
            return item
        return _record_get(self._index, stamp, item, since)

    def _get_now(self) -> Any:
        """Get what is there, or nothing: what polls a queue does this all the time, and so it is short."""
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        waits, ident, word = self._word_now
        if waits is not recorder.waits or ident != get_ident():
            word = recorder.wait_word(codes.W_GET_TIMED, self._index)
            self._word_now = waits, _, _ = recorder.waits, get_ident(), word
        data, stamp = None, UNKNOWN
        if self._rlock.acquire(False):
            since = monotonic_ns()
            waits[word + 1] = since + 1
            waits[word] = -since  # whoever ends here takes the lock along
            try:
                if self._poll():
                    data = self._recv_bytes()
                    stamp = self._numbers.read(data)
                    self._sem.release()
            finally:
                waits[word] = 0
                self._rlock.release()
        if data is None:
            self._got_nothing.note(True)
            raise Empty
        return _record_get(self._index, stamp, _unpickled(self._index, stamp, data), since)

    def _get_within(self, timeout: float) -> Any:
        since = recorder.begin_wait(codes.W_GET_TIMED, self._index, timeout)
        try:
            data, stamp = self._receive_within(timeout)
        except Empty:
            self._gave_up(codes.EMPTY, self._got_nothing, timeout)
            raise
        finally:
            recorder.end_wait()
        return _record_get(self._index, stamp, _unpickled(self._index, stamp, data), since)

    def _receive_within(self, timeout: float) -> tuple[bytes | memoryview, int]:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        deadline = monotonic() + timeout
        if not self._rlock.acquire(True, timeout):
            raise Empty
        try:
            recorder.lock_held()
            if not self._poll(deadline - monotonic()):
                raise Empty
            data: bytes | memoryview = self._recv_bytes()
            stamp = self._numbers.read(data)
            self._sem.release()
            return data, stamp
        finally:
            recorder.end_wait()
            self._rlock.release()

    def empty(self) -> bool:
        answer: bool = super().empty()  # type: ignore[misc]
        self._asked_empty.note(answer)
        return answer

    def full(self) -> bool:
        answer: bool = super().full()  # type: ignore[misc]
        self._asked_full.note(answer)
        return answer

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        _emit(codes.CLOSED, self._index)

    def join_thread(self) -> None:
        since = recorder.begin_wait(codes.W_JOIN_THREAD, self._index)
        try:
            super().join_thread()  # type: ignore[misc]
        finally:
            recorder.end_wait()
        _emit(codes.THREAD_JOINED, self._index, since)


@shown_plainly
class Queue(_RecordedQueue, queues.Queue):  # type: ignore[type-arg]
    """`multiprocessing.Queue`, recorded."""


@shown_plainly
class JoinableQueue(_RecordedQueue, queues.JoinableQueue):  # type: ignore[type-arg]
    """`multiprocessing.JoinableQueue`, recorded."""

    _cond: Any
    _unfinished_tasks: Any

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        since = 0 if self._sem.acquire(False) else self._wait_for_room(block, timeout)
        with self._notempty:
            self._cond.acquire()
            try:
                self._enter(obj, since)
                self._unfinished_tasks.release()
            finally:
                self._cond.release()

    def task_done(self) -> None:
        condition, unfinished = self._cond, self._unfinished_tasks
        if not condition.acquire(False):
            self._wait_in(condition.acquire)
        try:
            if not unfinished.acquire(False):
                raise ValueError("task_done() called too many times")
            recorder.fixed(codes.TASK_DONE, 0, self._index, 0, 0, 0)
            if cpython.is_zero(unfinished):
                self._wait_in(condition.notify_all)  # for the answers of those who join
        finally:
            condition.release()

    def _wait_in(self, call: Callable[[], object]) -> None:
        recorder.begin_wait(codes.W_TASK, self._index)
        try:
            call()
        finally:
            recorder.end_wait()

    def join(self) -> None:
        _emit(codes.QUEUE_JOINING, self._index)
        since = recorder.begin_wait(codes.W_JOIN_QUEUE, self._index)
        try:
            super().join()
        finally:
            recorder.end_wait()
        _emit(codes.QUEUE_JOINED, self._index, since)


@shown_plainly
class SimpleQueue(queues.SimpleQueue):  # type: ignore[type-arg]
    """`multiprocessing.SimpleQueue`, recorded."""

    _index: int
    _rlock: Any
    _wlock: Any
    _reader: Any
    _writer: Any

    def __init__(self, index: int, ctx: context.BaseContext) -> None:
        self._set_index(index)
        super().__init__(ctx=ctx)

    def _set_index(self, index: int) -> None:
        self._index = index
        self._numbers = MessageNumbers(index)
        self._asked_empty = recorder.polled(codes.EMPTY, index)

    def __getstate__(self) -> Any:
        return self._index, recorder.run_ref, super().__getstate__()

    def __setstate__(self, state: Any) -> None:
        recorder.join_run(state[1])
        self._set_index(state[0])
        super().__setstate__(state[2])

    def put(self, obj: Any) -> None:
        stamp = _next_stamp()
        data = pickled(obj)
        check_size(data)
        since = recorder.begin_wait(codes.W_PUT, self._index)
        try:
            with self._wlock:
                recorder.lock_held()
                _record_put(self._index, stamp, obj, since)
                self._numbers.write(stamp, data)
                try:
                    self._writer.send_bytes(data)
                except OSError as error:
                    self._numbers.take_back()
                    _record_dropped(self._index, (stamp, obj), error)
                    raise
                recorder.end_wait()
        finally:
            recorder.end_wait()

    def get(self) -> Any:
        since = recorder.begin_wait(codes.W_GET, self._index)
        try:
            with self._rlock:
                recorder.lock_held()
                data = self._reader.recv_bytes()
                stamp = self._numbers.read(data)
                recorder.end_wait()
        finally:
            recorder.end_wait()
        return _record_get(self._index, stamp, _unpickled(self._index, stamp, data), since)

    def close(self) -> None:
        super().close()
        _emit(codes.CLOSED, self._index)

    def empty(self) -> bool:
        answer: bool = super().empty()
        self._asked_empty.note(answer)
        return answer
