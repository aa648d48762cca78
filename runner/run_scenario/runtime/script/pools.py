"""Has the pools and executors of own code recorded: their workers, calls, tasks and results.

A pool is handed not a function itself but something that calls it and records that, together with the number of the
task. What comes back is what comes back anyway.
"""

from __future__ import annotations

import functools
import itertools
import operator
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import pool
from multiprocessing.context import BaseContext
from types import ModuleType
from typing import Any

from run_scenario.recording import codes
from run_scenario.recording.data import MOST_PARTS, NotDataError, data_of
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import packed_timeout, recorder
from run_scenario.recording.replacements import replace
from run_scenario.runtime import cpython
from run_scenario.runtime.child import output_capture
from run_scenario.runtime.child.own_frames import message_of
from run_scenario.runtime.primitives.plain_repr import shown_plainly
from run_scenario.runtime.primitives.pools import (
    Callback,
    Initializer,
    PairedTask,
    RecordedPool,
    Task,
    Workers,
    note_broken_call,
    record_failing_threads,
)
from run_scenario.runtime.script.announcements import announce_resource, is_wanted, place
from run_scenario.runtime.script.belongings import recorded_in
from run_scenario.runtime.script.calls import call_of, path_of
from run_scenario.runtime.script.forks import report_of_main
from run_scenario.scenario.resources import PoolSpec


class _Calls:
    """What all calls on one pool are recorded with."""

    def __init__(self, index: int, workers: Workers) -> None:
        self.index = index
        self._workers = workers
        self._numbers = itertools.count(1)

    def begin(
        self,
        method: str,
        function: Any,
        tasks: Any,
        callback: Any = None,
        failed: Any = None,
        *,
        given: tuple[Any, Any] = ((), {}),
        chunksize: int | None = None,
    ) -> int:
        """Record that a call is made; return its number, from 1.

        `tasks`: its items, or how many there are; `given`: arguments by position, and by name.
        """
        number = next(self._numbers)
        path, arguments = call_of(function, *given)
        names = [cpython.name_of(each) if callable(each) else "" for each in (function, callback, failed)]
        recorder.emit(codes.POOL_CALL_MADE, self.index, number, method, *names, *place())
        over = None
        if not isinstance(tasks, int):
            over = _form(tasks)
            tasks = len(tasks) if hasattr(tasks, "__len__") else None
        back = {"callback": callback, "error_callback": failed}
        callbacks = {keyword: path_of(each) for keyword, each in back.items() if callable(each)}
        recorder.emit(codes.POOL_CALLED, self.index, number, tasks, path, arguments, over, chunksize, callbacks)
        return number

    def wait(self, number: int, ask: Callable[..., Any], timeout: float | None) -> Any:
        """Ask for the result of a call, and record it; `ask` gets the timeout."""
        since = recorder.begin_wait_for(number, codes.W_POOL_RESULT, self.index, timeout)
        result = self._asked(number, ask, timeout)
        self.note_result()
        recorder.emit(codes.POOL_RETURNED, self.index, number, describe(result), since)
        return result

    def ask_exception(self, number: int, ask: Callable[..., Any], timeout: float | None) -> Any:
        """Ask what a call has raised: if it has, the script knows as if it had asked for the result."""
        recorder.begin_wait_for(number, codes.W_POOL_RESULT, self.index, timeout)
        raised = self._asked(number, ask, timeout)
        if raised is not None:
            self.note_failure(number, raised)
        return raised

    def _asked(self, number: int, ask: Callable[..., Any], timeout: float | None) -> Any:
        """Return the answer; the wait for it, which has begun, is over then."""
        try:
            return ask(timeout)
        except BaseException as error:
            self.note_failure(number, error, timeout)
            raise
        finally:
            recorder.end_wait()

    def ask_successful(self, number: int, ask_successful: Callable[[], bool], ask: Callable[..., Any]) -> bool:
        """Ask whether a call has raised; if so, the script knows as if it had asked for the result."""
        successful = ask_successful()
        if not successful:
            try:
                ask(0)
            except BaseException as error:
                self.note_failure(number, error)
        return successful

    def note_failure(self, number: int, error: BaseException, timeout: float | None = None) -> None:
        """Record that a call has raised, or asking for its result with a timeout."""
        packed = packed_timeout(timeout)
        seconds = [(packed - 1) / 1e9] if packed else []
        recorder.emit(codes.POOL_CALL_FAILED, self.index, number, type(error).__name__, message_of(error), *seconds)

    def note_result(self) -> None:
        """Note that workers do something."""
        self._workers.tasks_seen += 1

    def each(self, number: int, results: Iterator[Any], timeout: float | None = None) -> Iterator[Any]:
        """Yield results one by one, as they are taken; `timeout` is for all of them together."""
        for position in itertools.count():
            since = recorder.begin_wait_for(number, codes.W_POOL_RESULT, self.index, timeout)
            try:
                result = next(results)
            except StopIteration:
                return
            except BaseException as error:
                recorder.end_wait()
                self.note_failure(number, error, timeout)
                raise
            finally:
                recorder.end_wait()
            self.note_result()
            recorder.emit(codes.POOL_RESULT, self.index, number, position, describe(result), since)
            yield result


def _form(items: Any) -> Any:
    """Return the items of a call as a scenario writes them; None if they are no data, or not known before."""
    if type(items) not in (list, tuple, range) or len(items) > MOST_PARTS:
        return None
    try:
        return data_of(list(items))
    except NotDataError:
        return None


def make_pool(
    ctx: BaseContext,
    plainly: Any,
    processes: int | None = None,
    initializer: Callable[..., Any] | None = None,
    initargs: Iterable[Any] = (),
    maxtasksperchild: int | None = None,
) -> Any:
    """Return a pool as a context's `Pool` does; None if it is not to be recorded."""
    return begin(lambda: Pool.__new__(Pool), ctx, processes, initializer, initargs, maxtasksperchild)


def begin(
    new: Callable[[], Pool],
    ctx: BaseContext,
    processes: Any = None,
    initializer: Callable[..., Any] | None = None,
    initargs: Iterable[Any] = (),
    maxtasksperchild: Any = None,
) -> Pool | None:
    """Have a pool, made by `new`, begin, and return it; None if it is not recorded: then none is made."""
    size = _size(processes)
    if size <= 0 or not (initializer is None or callable(initializer)):
        return None
    if maxtasksperchild is not None and not (isinstance(maxtasksperchild, int) and maxtasksperchild > 0):
        return None  # refused by multiprocessing, as the others are
    initargs = tuple(initargs)
    more = _begun_with(ctx, initializer, initargs)
    if maxtasksperchild:
        more["maxtasksperchild"] = maxtasksperchild
    index = announce_resource("Pool", size, **more)
    if index is None:
        return None
    made = new()
    made.__init__(index, size, ctx, initializer, initargs, maxtasksperchild)  # type: ignore[misc]
    return made


def _size(processes: Any) -> int:
    """Return how many workers are asked for; 0 if that is no number."""
    try:
        return (os.cpu_count() or 1) if processes is None else operator.index(processes)
    except TypeError:
        return 0


def _begun_with(ctx: BaseContext, initializer: Any, initargs: tuple[Any, ...]) -> dict[str, Any]:
    """Return how workers are started and what they do first, for the log: a path, empty if there is none."""
    method = ctx.get_start_method()
    given, whole = recorded_in([initializer, initargs], forked=method == "fork")
    # Whoever is forked has all that there is, whatever its tasks are.
    begun = {"start_method": method, "given": given, "given_all": whole and method != "fork"}
    if initializer is None:
        return begun
    path, arguments = call_of(initializer, initargs, {})
    return {**begun, "initializer": path, "initargs": arguments}


class Pool(RecordedPool):
    """`multiprocessing.pool.Pool`, recorded, and shown as such: it is never pickled."""

    __module__ = pool.Pool.__module__

    def __init__(
        self,
        index: int,
        size: int,
        ctx: BaseContext,
        initializer: Callable[..., Any] | None,
        initargs: Iterable[Any],
        maxtasksperchild: int | None,
    ) -> None:
        workers = _workers(PoolSpec("", "Pool", size, maxtasksperchild), index, ctx, size)
        self._index = index
        self._calls = _Calls(index, workers)
        recorder.emit(codes.POOL_CREATED, index, size)
        first = initializer and Initializer(initializer, index, of_executor=False)
        super().__init__(size, first, tuple(initargs), maxtasksperchild, workers)
        for thread in cpython.pool_threads(self):
            _mark_passive(thread, index)
        record_failing_threads(self, index)
        # One that nobody needs any more terminates its workers, too.
        self._forgotten = weakref.finalize(self, recorder.emit, codes.POOL_TERMINATED, index, "collected")
        self._forgotten.atexit = False

    def apply(self, func: Callable[..., Any], args: Any = (), kwds: Any = {}) -> Any:  # noqa: B006 (its signature)
        return self._apply("apply", func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Any = (),
        kwds: Any = {},  # noqa: B006
        callback: Any = None,
        error_callback: Any = None,
    ) -> Any:
        return self._apply("apply_async", func, args, kwds, callback, error_callback)

    def _apply(self, method: str, func: Any, args: Any, kwds: Any, callback: Any = None, failed: Any = None) -> Any:
        number = self._calls.begin(method, func, 1, callback, failed, given=(args, kwds))
        task = Task(func, self._calls.index, number)
        back = self._back(number, callback=callback, error_callback=failed)
        return self._result(number, super().apply_async(task, (0, *args), kwds, **back))

    def map(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = None) -> Any:
        return self._map("map", func, iterable, chunksize).get()

    def starmap(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = None) -> Any:
        return self._map("starmap", func, iterable, chunksize).get()

    def map_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Any = None,
        error_callback: Any = None,
    ) -> Any:
        return self._map("map_async", func, iterable, chunksize, callback, error_callback)

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Any = None,
        error_callback: Any = None,
    ) -> Any:
        return self._map("starmap_async", func, iterable, chunksize, callback, error_callback)

    def _map(
        self, method: str, func: Any, iterable: Any, chunksize: Any, callback: Any = None, failed: Any = None
    ) -> Any:
        items = list(iterable)
        number = self._calls.begin(method, func, items, callback, failed, chunksize=chunksize)
        back = self._back(number, callback=callback, error_callback=failed)
        if method.startswith("starmap"):
            task: Any = Task(func, self._calls.index, number)
            made = super().starmap_async(task, [(n, *item) for n, item in enumerate(items)], chunksize, **back)
        else:
            task = PairedTask(func, self._calls.index, number)
            made = super().map_async(task, list(enumerate(items)), chunksize, **back)
        return self._result(number, made)

    def imap(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = 1) -> Any:
        return self._iterate("imap", func, iterable, chunksize)

    def imap_unordered(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = 1) -> Any:
        return self._iterate("imap_unordered", func, iterable, chunksize)

    def _iterate(self, method: str, func: Any, iterable: Any, chunksize: Any) -> Any:
        number = self._calls.begin(method, func, iterable, chunksize=chunksize if chunksize != 1 else None)
        task = PairedTask(func, self._calls.index, number)
        results = getattr(super(), method)(task, enumerate(iterable), chunksize)
        if isinstance(results, pool.IMapIterator):
            results.recorded = self._calls, number, itertools.count()  # type: ignore[attr-defined]
            ordered = not isinstance(results, pool.IMapUnorderedIterator)
            results.__class__ = _Results if ordered else _UnorderedResults
            return results
        return self._calls.each(number, iter(results))

    def _back(self, number: int, **called: Any) -> dict[str, Any]:
        back = {
            keyword: Callback(function, self._calls.index, number, keyword) if callable(function) else function
            for keyword, function in called.items()
        }
        if back["error_callback"] is None:
            back["error_callback"] = functools.partial(note_broken_call, self._calls.index, number)
        return back

    def _result(self, number: int, made: Any) -> Any:
        ask, ask_successful = made.get, made.successful
        made.get = lambda timeout=None: self._calls.wait(number, ask, timeout)
        made.successful = lambda: self._calls.ask_successful(number, ask_successful, ask)
        return made

    def close(self) -> None:
        super().close()
        recorder.emit(codes.POOL_CLOSED, self._calls.index)

    def __exit__(self, *raised: Any) -> None:
        if self._forgotten.detach():
            recorder.emit(codes.POOL_TERMINATED, self._calls.index, "with")
        super().__exit__(*raised)

    def terminate(self) -> None:
        if self._forgotten.detach():
            recorder.emit(codes.POOL_TERMINATED, self._calls.index)
        recorder.begin_wait(codes.W_POOL_JOIN, self._calls.index)
        try:
            super().terminate()
        finally:
            recorder.end_wait()

    def join(self) -> None:
        since = recorder.begin_wait(codes.W_POOL_JOIN, self._calls.index)
        try:
            super().join()
        finally:
            recorder.end_wait()
        recorder.emit(codes.POOL_JOINED, self._calls.index, since)


class _NextRecorded:
    """The results of imap(), taken one by one."""

    recorded: tuple[_Calls, int, Any]

    def next(self, timeout: float | None = None) -> Any:
        calls, number, positions = self.recorded
        since = recorder.begin_wait_for(number, codes.W_POOL_RESULT, calls.index, timeout)
        try:
            result = super().next(timeout)  # type: ignore[misc]
        except StopIteration:
            recorder.end_wait()
            raise
        except BaseException as error:
            recorder.end_wait()
            calls.note_failure(number, error, timeout)
            raise
        recorder.end_wait()
        calls.note_result()
        recorder.emit(codes.POOL_RESULT, calls.index, number, next(positions), describe(result), since)
        return result

    __next__ = next


@shown_plainly
class _Results(_NextRecorded, pool.IMapIterator):  # type: ignore[type-arg]
    """`multiprocessing.pool.IMapIterator`, recorded."""


@shown_plainly
class _UnorderedResults(_NextRecorded, pool.IMapUnorderedIterator):  # type: ignore[type-arg]
    """`multiprocessing.pool.IMapUnorderedIterator`, recorded."""


def _workers(spec: PoolSpec, index: int, ctx: BaseContext, size: int) -> Workers:
    folder, queues, _ = recorder.run_ref
    setup = folder, queues, (), output_capture.wanted()
    return Workers(spec, index, ctx, setup, size, report_of_main(), gives_up=False)


def _mark_passive(thread: threading.Thread, index: int) -> None:
    if thread.native_id is not None:
        recorder.mark_passive(thread.native_id, codes.W_HELP, index)


# Executors


class _Recording(threading.local):
    """Whether this thread is inside a method of an executor that is recorded as a whole."""

    inside = False


_recording = _Recording()


def record_executors(module: ModuleType) -> None:
    """Have the executors recorded that are made from now on; `module` is concurrent.futures.process."""
    kind: Any = module.ProcessPoolExecutor
    if hasattr(kind, "recorded"):
        return
    replace(kind, "recorded", True)
    make_plainly, submit_plainly, map_plainly, shutdown_plainly = kind.__init__, kind.submit, kind.map, kind.shutdown

    def make(
        self: Any,
        max_workers: int | None = None,
        mp_context: Any = None,
        initializer: Any = None,
        initargs: Any = (),
        **more: Any,
    ) -> None:
        size = _size(max_workers)
        is_recorded = size > 0 and recorder.run_ref.folder and is_wanted()
        if not is_recorded or not (initializer is None or callable(initializer)):
            make_plainly(self, max_workers, mp_context, initializer, initargs, **more)
            return
        initargs = tuple(initargs)
        ctx = mp_context or cpython.context_for_executor(more.get("max_tasks_per_child"))
        begun = _begun_with(ctx, initializer, initargs)
        index = announce_resource("executor", size, **begun)
        if index is None:
            make_plainly(self, max_workers, mp_context, initializer, initargs, **more)
            return
        workers = _workers(PoolSpec("", "executor", size), index, ctx, size)
        first = initializer and Initializer(initializer, index, of_executor=True)
        make_plainly(self, max_workers, workers, first, initargs, **more)
        recorder.emit(codes.POOL_CREATED, index, size)
        self._calls_recorded = _Calls(index, workers), workers
        record_failing_threads(self, index)
        cpython.when_feeder_starts(self, lambda thread: _mark_passive(thread, index))

    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        calls, _ = getattr(self, "_calls_recorded", (None, None))
        if calls is None or _recording.inside:
            return submit_plainly(self, fn, *args, **kwargs)
        number = calls.begin("submit", fn, 1, given=(args, kwargs))
        try:
            future = submit_plainly(self, Task(fn, calls.index, number), 0, *args, **kwargs)
        except BaseException as error:  # it is broken, or shut down
            calls.note_failure(number, error)
            raise
        _mark_threads(self, calls.index)
        # Either tells the script what the task has raised.
        ask, ask_exception = future.result, future.exception
        future.add_done_callback(lambda done: _note_if_broken(calls.index, number, done, ask_exception))
        future.result = lambda timeout=None: calls.wait(number, ask, timeout)
        future.exception = lambda timeout=None: calls.ask_exception(number, ask_exception, timeout)
        return future

    def map_(self: Any, fn: Callable[..., Any], *iterables: Any, **more: Any) -> Any:
        calls, _ = getattr(self, "_calls_recorded", (None, None))
        if calls is None:
            return map_plainly(self, fn, *iterables, **more)
        items = list(zip(*iterables, strict=False))
        number = calls.begin("map", fn, [item for (item,) in items] if len(iterables) == 1 else len(items))
        _recording.inside = True
        try:
            task = Task(fn, calls.index, number)
            results = map_plainly(self, task, itertools.count(), *(zip(*items, strict=True) if items else [()]), **more)
        except BaseException as error:  # as for submit
            calls.note_failure(number, error)
            raise
        finally:
            _recording.inside = False
        _mark_threads(self, calls.index)
        return calls.each(number, results, more.get("timeout"))

    def shutdown(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
        calls, workers = getattr(self, "_calls_recorded", (None, None))
        if calls is None or workers is None:
            shutdown_plainly(self, wait, cancel_futures=cancel_futures)
            return
        recorder.emit(codes.POOL_CLOSED, calls.index)
        since = recorder.begin_wait(codes.W_POOL_JOIN, calls.index)
        try:
            shutdown_plainly(self, wait, cancel_futures=cancel_futures)
        finally:
            recorder.end_wait()
        workers.record_ended()
        if wait:
            recorder.emit(codes.POOL_JOINED, calls.index, since)

    for name, method in (("__init__", make), ("submit", submit), ("map", map_), ("shutdown", shutdown)):
        replace(kind, name, functools.wraps(getattr(kind, name))(method))


def _note_if_broken(index: int, number: int, done: Any, ask_exception: Callable[[], Any]) -> None:
    error = None if done.cancelled() else ask_exception()
    if error is not None:
        note_broken_call(index, number, error)


def _mark_threads(executor: Any, index: int) -> None:
    for thread in cpython.pool_threads(executor):
        _mark_passive(thread, index)
