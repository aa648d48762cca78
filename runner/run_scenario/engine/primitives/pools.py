"""Pools of worker processes: multiprocessing's own and concurrent.futures' own, whose workers record their tasks.

A task is recorded where it is done (see `tasks`). The pool's own machinery (threads, queues, chunks) is as it is in any
program.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from multiprocessing import context, pool
from types import TracebackType
from typing import TYPE_CHECKING, Any

from run_scenario.engine.bootstrap import join_run, record_lingering
from run_scenario.engine.platform import Usage
from run_scenario.engine.primitives.tasks import PairedTask, Task
from run_scenario.record import codes
from run_scenario.record.describe import describe
from run_scenario.record.recorder import recorder

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from run_scenario.model import PoolCall, PoolSpec

_FUTILE = 5
"""How many workers, for each that the pool has, may end without having done a task before no more are started."""

Home = tuple[str, int, tuple[int, ...]]
"""Folder and number of queues of the run, and what a forked child must not keep open."""


class WorkerRun:
    """A pool worker's `run`: the original one, between records of its beginning and its end."""

    def __init__(self, process: Any, index: int, home: Home) -> None:
        self._process = process
        self._index = index
        self._home = home

    def __call__(self) -> None:
        folder, queues, private = self._home
        for descriptor in private:
            os.close(descriptor)
        process = self._process
        join_run(folder, process.name, queues)
        recorder.emit(codes.POOL_WORKER_STARTED, self._index, process.name, os.getpid(), os.getppid())
        recorder.waiting(codes.W_POOL_TASK, self._index)
        try:
            type(process).run(process)
        except BaseException as error:
            recorder.moving()
            text = str(error)[:500]
            recorder.emit(codes.POOL_WORKER_FAILED, self._index, type(error).__name__, text)
            raise
        finally:
            record_lingering(-1)
            recorder.waiting(codes.W_EXIT)


class Workers:
    """Makes the processes of one pool, and gives up when they end again and again without doing anything."""

    def __init__(self, spec: PoolSpec, index: int, ctx: context.BaseContext, home: Home, size: int) -> None:
        self._spec = spec
        self._index = index
        self._ctx = ctx
        forked = ctx.get_start_method() == "fork"
        self._home: Home = (home[0], home[1], home[2] if forked else ())
        self._most = _FUTILE * size + size
        self._started = 0
        self.tasks_seen = 0

    def Process(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 (it stands for the class)
        """Return a process as `context.Process` does, one that records."""
        if not self._spec.maxtasksperchild and self._started >= self._most and not self.tasks_seen:
            recorder.emit(codes.POOL_CRASH_LOOP, self._index, self._started)
            raise SystemExit  # ends the pool's thread that starts workers, without a word
        self._started += 1
        process: Any = self._ctx.Process(*args, **kwargs)  # type: ignore[attr-defined]
        process.run = WorkerRun(process, self._index, self._home)

        def start_recorded() -> None:
            del process.start  # nothing of ours is pickled with it
            process.start()
            _record_reaping(process._popen, self._index, process.name)

        process.start = start_recorded
        return process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


def _record_reaping(popen: Any, index: int, name: str) -> None:
    """Have `popen.poll` record the exit code of a worker, once."""
    poll = popen.poll

    def recorded(*flags: int) -> int | None:
        known = popen.returncode
        code: int | None = poll(*flags)
        if known is None and code is not None:
            recorder.emit(codes.POOL_WORKER_REAPED, index, popen.pid, code, name, Usage().packed())
        return code

    popen.poll = recorded


class _Pool(pool.Pool):
    """`multiprocessing.pool.Pool`, whose workers are made by `Workers`."""

    _worker_handler: threading.Thread
    _task_handler: threading.Thread
    _result_handler: threading.Thread

    @staticmethod
    def Process(ctx: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 (so it is called there)
        return ctx.Process(*args, **kwargs)


class Calls:
    """A pool and the calls that the main program makes on it, one after the other."""

    def __init__(
        self, spec: PoolSpec, index: int, ctx: context.BaseContext, home: Home, initializer: Callable[..., Any] | None
    ) -> None:
        self._spec = spec
        self._index = index
        self._pending: dict[int, Any] = {}
        size = spec.processes or os.cpu_count() or 1
        recorder.emit(codes.POOL_CREATED, index, size)
        self._workers = Workers(spec, index, ctx, home, size)
        self._pool: Any = self._make(size, initializer)
        self._mark_threads()

    def _make(self, size: int, initializer: Callable[..., Any] | None) -> _Pool | Executor:
        spec = self._spec
        if spec.type == "Pool":
            return _Pool(size, initializer, spec.initargs, spec.maxtasksperchild, self._workers)
        from concurrent.futures import ProcessPoolExecutor

        limit = {"max_tasks_per_child": spec.maxtasksperchild} if spec.maxtasksperchild else {}
        made: Any = ProcessPoolExecutor
        executor: Executor = made(size, self._workers, initializer, spec.initargs, **limit)
        return executor

    def _mark_threads(self) -> None:
        """Have the threads of the pool itself count as waiting for others whenever they do not run."""
        inner = self._pool
        names = ("_worker_handler", "_task_handler", "_result_handler", "_executor_manager_thread")
        threads = [getattr(inner, name, None) for name in names]
        if self._spec.type == "executor":
            threads += [thread for thread in threading.enumerate() if thread.name == "QueueFeederThread"]
        for thread in threads:
            if thread is not None and thread.native_id is not None:
                recorder.mark_passive(thread.native_id, codes.W_FEED, self._index)

    # Calls

    def call(self, number: int, call: PoolCall, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
        """Make the call with this number (from 1); what it returns at once is kept for `result`.

        Raises:
            Exception: whatever the call raises that the scenario does not expect of it.
        """
        chunk = None if call.chunksize is None else call.chunksize
        told = len(call.items) if call.method not in ("apply", "apply_async", "submit") else 1
        recorder.emit(codes.POOL_CALLED, self._index, number, told)
        with _Expected(self, number, call):
            if self._spec.type == "executor":
                self._call_executor(number, call, function, kwargs)
            else:
                self._call_pool(number, call, function, kwargs, chunk)
            self._mark_threads()

    def _call_pool(
        self, number: int, call: PoolCall, function: Callable[..., Any], kwargs: dict[str, Any], chunk: int | None
    ) -> None:
        made, method = self._pool, call.method
        if method in ("apply", "apply_async"):
            task = Task(function, self._index, number)
            answer = made.apply_async(task, (0, *call.args), kwargs)
        elif method in ("starmap", "starmap_async"):
            task = Task(function, self._index, number)
            answer = made.starmap_async(task, [(n, *item) for n, item in enumerate(call.items)], chunk)
        else:
            task, pairs = PairedTask(function, self._index, number), list(enumerate(call.items))
            if method in ("imap", "imap_unordered"):
                self._iterate(number, call, getattr(made, method)(task, pairs, chunk or 1))
                return
            answer = made.map_async(task, pairs, chunk)
        # What map() and apply() do is to ask for the result at once; so there is one place that waits.
        self._pending[number] = answer
        if not method.endswith("_async"):
            self._get(number, call)

    def _call_executor(self, number: int, call: PoolCall, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
        if call.method == "submit":
            task = Task(function, self._index, number)
            self._pending[number] = self._pool.submit(task, 0, *call.args, **kwargs)
            return
        task = PairedTask(function, self._index, number)
        found = self._pool.map(task, list(enumerate(call.items)), timeout=call.timeout, chunksize=call.chunksize or 1)
        self._iterate(number, call, found)

    def result(self, number: int, call: PoolCall) -> None:
        """Ask for the result of a call that did not wait for it."""
        if number in self._pending:
            with _Expected(self, number, call):
                self._get(number, call)

    def _get(self, number: int, call: PoolCall) -> None:
        answer = self._pending.pop(number)
        since = recorder.waiting(codes.W_POOL_RESULT, self._index, call.timeout)
        try:
            result = answer.result(call.timeout) if self._spec.type == "executor" else answer.get(call.timeout)
        finally:
            recorder.moving()
        self._workers.tasks_seen += 1
        recorder.emit(codes.POOL_RETURNED, self._index, number, describe(result), since)

    def _iterate(self, number: int, call: PoolCall, results: Any) -> None:
        """Take results one by one; those of an executor's map() come through an ordinary iterator."""
        for position in range(len(call.items)):
            timed = call.timeout if hasattr(results, "next") else None
            since = recorder.waiting(codes.W_POOL_RESULT, self._index, timed)
            try:
                result = results.next(call.timeout) if hasattr(results, "next") else next(results)
            finally:
                recorder.moving()
            self._workers.tasks_seen += 1
            recorder.emit(codes.POOL_RESULT, self._index, number, position, describe(result), since)

    def note_failure(self, number: int, error: BaseException) -> None:
        """Record what a call raised in the main program."""
        recorder.emit(codes.POOL_CALL_FAILED, self._index, number, type(error).__name__, str(error)[:500])

    # The end

    def close(self) -> None:
        """Take no more tasks."""
        if self._spec.type == "Pool":
            self._pool.close()
        recorder.emit(codes.POOL_CLOSED, self._index)

    def terminate(self) -> None:
        """Stop the workers at once."""
        recorder.emit(codes.POOL_TERMINATED, self._index)
        if self._spec.type == "Pool":
            self._pool.terminate()
            return
        self._pool.shutdown(wait=False, cancel_futures=True)

    def shutdown(self) -> None:
        """Take no more tasks, and wait for the end of the workers."""
        self.close()
        self.join()

    def join(self) -> None:
        """Wait for the end of the workers."""
        since = recorder.waiting(codes.W_POOL_JOIN, self._index)
        try:
            if self._spec.type == "Pool":
                self._pool.join()
            else:
                self._pool.shutdown()
        finally:
            recorder.moving()
        recorder.emit(codes.POOL_JOINED, self._index, since)


class _Expected:
    """Records the exception of a call, and holds back the one that the scenario expects."""

    def __init__(self, calls: Calls, number: int, call: PoolCall) -> None:
        self._calls, self._number, self._call = calls, number, call

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        self._calls.note_failure(self._number, error)
        return any(base.__name__ == self._call.raises for base in type(error).__mro__)
