"""Pools of worker processes: multiprocessing's own and concurrent.futures' own, whose workers record their tasks.

A task is recorded where it is done: pools are handed not a function itself but something that calls it, and records
that. With each item goes its number in the call. The pool's own machinery (threads, queues, chunks) is as it is in any
program.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import context, pool
from time import monotonic, monotonic_ns, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any

from run_scenario.recording import codes, layout
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import recorder
from run_scenario.recording.replacements import replace
from run_scenario.recording.usage import Usage
from run_scenario.runtime import cpython
from run_scenario.runtime.child import exit_functions, own_children
from run_scenario.runtime.child.bootstrap import (
    has_null_input,
    join_run,
    parent_of,
    record_lingering,
    record_missed_exit_functions,
)
from run_scenario.runtime.child.output_capture import Streams
from run_scenario.runtime.child.own_frames import leave_out_own_frames, message_of
from run_scenario.runtime.child.reports import Report, report_exitcode_of
from run_scenario.runtime.primitives.plain_repr import shown_plainly

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from run_scenario.scenario.model import PoolCall, PoolSpec

_FUTILE = 5
"""How many workers, for each that the pool has, may end without having done a task before no more are started."""
_MOST_ARGUMENTS = 4
_MANY = 64
"""Tasks of one call, from which on there are many."""
_SMALL = 1 << 63

_REAPED_WITHIN = 0.2
"""Seconds within which the end of a worker that has broken its executor is seen."""
_REAPING_PAUSE = 0.002

Setup = tuple[str, int, tuple[int, ...], Streams]
"""Folder and number of queues of the run, what a forked child must not keep open, what becomes of its streams."""


class WorkerRun:
    """A pool worker's `run`: the original one, between records of its beginning and its end."""

    def __init__(self, process: Any, index: int, setup: Setup) -> None:
        self._process = process
        self._index = index
        self._setup = setup
        self.left_out: list[list[str]] = []
        """The threads of the program that forks it, as `own_children.threads_left_out_of` returns them."""
        self.managed: Any = None
        """Where the scenario has a manager: what a spawned worker needs to record the calls of proxies."""

    def __call__(self) -> None:
        folder, queues, private, streams = self._setup
        for descriptor in private:
            os.close(descriptor)
        process = self._process
        try:
            join_run(folder, process.name, queues, streams=streams)
        except OSError as error:
            if streams is not Streams.PLAIN:
                raise
            recorder.give_up(error)  # a script's pool goes on without
        parent = parent_of(process)
        recorder.emit(codes.POOL_WORKER_STARTED, self._index, process.name, os.getpid(), parent, *self.left_out)
        recorder.begin_wait(codes.W_POOL_TASK, self._index)
        exit_functions.watch()
        if self.managed:
            from run_scenario.runtime.primitives import managers

            managers.watch(self.managed)
        try:
            type(process).run(process)
        except BaseException as error:
            recorder.end_wait()
            self._record_failure(error)
            leave_out_own_frames(error)
            raise
        finally:
            record_lingering(-1)
            record_missed_exit_functions()
            recorder.begin_wait(codes.W_EXIT)

    def _record_failure(self, error: BaseException) -> None:
        frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        doing = ["initializer"] if Initializer.__call__.__code__ in frames else []
        if cpython.was_taking_task(error.__traceback__):
            doing = ["unpickling"]
        recorder.emit(codes.POOL_WORKER_FAILED, self._index, type(error).__name__, message_of(error), *doing)


class Initializer:
    """A pool's initializer, in which a worker does not wait for a task yet; of an executor it has no exception."""

    def __init__(self, function: Callable[..., Any], index: int, *, of_executor: bool) -> None:
        self._function = function
        self._index = index
        self._of_executor = of_executor

    def __call__(self, *args: Any) -> None:
        recorder.end_wait()
        try:
            self._function(*args)
        except Exception as error:
            if self._of_executor:  # its worker logs it, and returns
                name, text = type(error).__name__, message_of(error)
                recorder.emit(codes.POOL_WORKER_FAILED, self._index, name, text, "initializer")
            raise
        recorder.begin_wait(codes.W_POOL_TASK, self._index)


class Workers:
    """Makes the processes of one pool, and gives up when they end again and again without doing anything."""

    def __init__(
        self,
        spec: PoolSpec,
        index: int,
        ctx: context.BaseContext,
        setup: Setup,
        size: int,
        report: Report | None,
        *,
        gives_up: bool = True,
    ) -> None:
        self._spec = spec
        self._report = report
        self._index = index
        self._ctx = ctx
        forked = ctx.get_start_method() == "fork"
        self._setup: Setup = (setup[0], setup[1], setup[2] if forked else (), setup[3])
        self._most = _FUTILE * size + size
        self._gives_up = gives_up
        self._started = 0
        self._terminates = False
        self._reapings: list[_Reaping] = []
        """Of an executor: those of the workers that live."""
        self.tasks_seen = 0

    def Process(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 (it stands for the class)
        """Return a process as `context.Process` does, one that records."""
        if not self._spec.maxtasksperchild and self._started >= self._most and not self.tasks_seen:
            if not self._gives_up and self._started == self._most:
                recorder.emit(codes.POOL_CRASH_LOOP, self._index, self._started, True)
            if self._gives_up:
                recorder.emit(codes.POOL_CRASH_LOOP, self._index, self._started)
                raise SystemExit  # ends the pool's thread that starts workers, without a word
        self._started += 1
        process: Any = self._ctx.Process(*args, **kwargs)  # type: ignore[attr-defined]
        process.run = WorkerRun(process, self._index, self._setup)
        if self._spec.uses and "run_scenario.runtime.primitives.managers" in sys.modules:
            from run_scenario.runtime.primitives import managers

            process.run.managed = managers.known()

        def start_recorded() -> None:
            del process.start  # nothing of ours is pickled with it
            process.run.left_out = own_children.threads_left_out_of(process)
            process.start()
            del process.run  # the child has it; held in a circle, a process would keep its files open
            if self._spec.type == "executor":
                popen = cpython.popen_of(process)
                report_exitcode_of(self._report, popen)  # it may never be asked for it
                reaping = _Reaping(popen, self._index, process.name, self._before_terminating)
                self._reapings = [*(each for each in self._reapings if each.code is None), reaping]
            else:
                _Reaping(cpython.popen_of(process), self._index, process.name)

        process.start = start_recorded
        return process

    def _before_terminating(self) -> None:
        """Record, before an executor terminates its first worker, which other has broken it."""
        if not self._terminates:
            self._terminates = True
            self.record_ended()

    def record_ended(self) -> None:
        """Record the ends of workers of which one has broken the executor: that is the cause of what comes next."""
        until = monotonic() + _REAPED_WITHIN
        # A process that ends closes its files, by which its executor sees it, a moment before it can be waited for. The
        # executor then terminates the others: their ends come of the one that is looked for.
        while monotonic() < until:
            ended = [reaping.ask() for reaping in self._reapings]
            if None not in ended or any(code not in (None, 0, -signal.SIGTERM) for code in ended):
                return
            sleep(_REAPING_PAUSE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


class _Reaping:
    """Records the exit code of a worker, once, whoever asks its `popen` for it."""

    def __init__(self, popen: Any, index: int, name: str, before_terminating: Callable[[], None] | None = None) -> None:
        """Begin; `before_terminating`, of an executor's worker, is called before it is terminated."""
        self.code: int | None = None
        """The exit code, once it has been recorded."""
        self._is_terminated = False
        if before_terminating is not None:
            self._terminate, self._before_terminating = popen.terminate, before_terminating
            popen.terminate = self.terminate
        self._popen = popen
        self._poll = popen.poll
        self._index = index
        self._name = name
        # Two threads at once would both read the one answer that a fork server gives, and one of them make up another.
        self._polling = threading.Lock()
        popen.poll = self.poll

    def poll(self, *flags: int) -> int | None:
        """Do what `popen.poll` does."""
        with self._polling:
            return self._ask(*flags)

    def terminate(self) -> None:
        """Do what `popen.terminate` does."""
        self._before_terminating()
        self._is_terminated = True
        self._terminate()

    def ask(self) -> int | None:
        """Return the code, if it can be had at once: whoever waits for the end of this worker may have to wait long."""
        if self.code is None and self._polling.acquire(blocking=False):
            try:
                self._ask(os.WNOHANG)
            finally:
                self._polling.release()
        return self.code

    def _ask(self, *flags: int) -> int | None:
        code: int | None = self._poll(*flags)
        if self.code is None and code is not None:
            by = ["executor"] if self._is_terminated and code == -signal.SIGTERM else []
            usage = Usage().packed()
            recorder.emit(codes.POOL_WORKER_REAPED, self._index, self._popen.pid, code, self._name, usage, *by)
            self.code = code
            del self._popen.poll  # from now on it knows; held in a circle, it would keep its files open
            vars(self._popen).pop("terminate", None)
        return code


@shown_plainly
class RecordedPool(pool.Pool):
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
        self,
        spec: PoolSpec,
        index: int,
        ctx: context.BaseContext,
        setup: Setup,
        initializer: Callable[..., Any] | None,
        report: Report | None,
        given: Sequence[Any] = (),
    ) -> None:
        """`given`: the resources that the initializer gets besides its arguments."""
        self._spec = spec
        self._index = index
        self._pending: list[tuple[PoolCall, Any]] = []
        """Calls whose result has not been asked for yet, each with what it returned at once."""
        size = spec.processes or os.cpu_count() or 1
        recorder.emit(codes.POOL_CREATED, index, size)
        self._workers = Workers(spec, index, ctx, setup, size, report)
        self._pool: Any = self._make(size, initializer, (*spec.initargs, *given))
        self._mark_threads()
        record_failing_threads(self._pool, index)

    def _make(
        self, size: int, initializer: Callable[..., Any] | None, initargs: tuple[Any, ...]
    ) -> RecordedPool | Executor:
        spec = self._spec
        if initializer is not None:
            initializer = Initializer(initializer, self._index, of_executor=spec.type == "executor")
        if spec.type == "Pool":
            return RecordedPool(size, initializer, initargs, spec.maxtasksperchild, self._workers)
        from concurrent.futures import ProcessPoolExecutor

        limit = {"max_tasks_per_child": spec.maxtasksperchild} if spec.maxtasksperchild else {}
        made: Any = ProcessPoolExecutor
        executor: Executor = made(size, self._workers, initializer, initargs, **limit)
        cpython.when_feeder_starts(executor, self._mark)
        return executor

    def _mark_threads(self) -> None:
        """Have the threads of the pool itself count as waiting for others whenever they do not run."""
        for thread in cpython.pool_threads(self._pool):
            self._mark(thread)

    def _mark(self, thread: threading.Thread) -> None:
        if thread.native_id is not None:
            recorder.mark_passive(thread.native_id, codes.W_HELP, self._index)

    # Calls

    def call(self, call: PoolCall, function: Callable[..., Any], callbacks: dict[str, Callable[..., Any]]) -> Any:
        """Make a call, and return its result; what one that does not wait returns at once is kept for `result`.

        `callbacks`: what is called with its result or its exception, by keyword argument.

        Raises:
            Exception: whatever the call raises that the scenario does not expect of it.
        """
        count = len(call.items) if call.method not in ("apply", "apply_async", "submit") else 1
        recorder.emit(codes.POOL_CALLED, self._index, call.number, count)
        result: Any = None
        with _Expected(self, call.number, call):
            if self._spec.type == "executor":
                result = self._call_executor(call, function)
            else:
                back = {key: Callback(each, self._index, call.number, key) for key, each in callbacks.items()}
                result = self._call_pool(call, function, back)
            self._mark_threads()
        return result

    def _call_pool(self, call: PoolCall, function: Callable[..., Any], called: dict[str, Callback]) -> Any:
        made, method, number, chunk = self._pool, call.method, call.number, call.chunksize
        back: dict[str, Any] = {"error_callback": partial(note_broken_call, self._index, number), **called}
        if method in ("apply", "apply_async"):
            task = Task(function, self._index, number)
            answer = made.apply_async(task, (0, *call.args), dict(call.kwargs), **back)
        elif method in ("starmap", "starmap_async"):
            task = Task(function, self._index, number)
            answer = made.starmap_async(task, [(n, *item) for n, item in enumerate(call.items)], chunk, **back)
        else:
            task, pairs = PairedTask(function, self._index, number), list(enumerate(call.items))
            if method in ("imap", "imap_unordered"):
                return self._iterate(call, getattr(made, method)(task, pairs, chunk or 1))
            answer = made.map_async(task, pairs, chunk, **back)
        # What map() and apply() do is to ask for the result at once; so there is one place that waits.
        if not method.endswith("_async"):
            return self._get(call, answer)
        self._pending.append((call, answer))
        return None

    def _call_executor(self, call: PoolCall, function: Callable[..., Any]) -> Any:
        if call.method == "submit":
            task = Task(function, self._index, call.number)
            self._pending.append((call, self._pool.submit(task, 0, *call.args, **call.kwargs)))
            return None
        task = PairedTask(function, self._index, call.number)
        found = self._pool.map(task, list(enumerate(call.items)), timeout=call.timeout, chunksize=call.chunksize or 1)
        return self._iterate(call, found)

    def result(self, wanted: PoolCall | None) -> Any:
        """Ask for the result of a call that did not wait for it: this one, or the first not asked for yet.

        Nothing is asked of a call that an executor refused, as the scenario expects.

        Raises:
            LookupError: there is none left.
            Exception: whatever the call raises that the scenario does not expect of it.
        """
        pending = (each for each in self._pending if wanted is None or each[0].number == wanted.number)
        found = next(pending, None)
        if found is None and wanted is None:
            raise LookupError(f"all results of the pool {self._spec.name!r} have been asked for")
        result: Any = None
        if found is not None:
            self._pending.remove(found)
            with _Expected(self, found[0].number, found[0]):
                result = self._get(*found)
        return result

    def _get(self, call: PoolCall, answer: Any) -> Any:
        since = recorder.begin_wait_for(call.number, codes.W_POOL_RESULT, self._index, call.timeout)
        try:
            result = answer.result(call.timeout) if self._spec.type == "executor" else answer.get(call.timeout)
        finally:
            recorder.end_wait()
        self._workers.tasks_seen += 1
        recorder.emit(codes.POOL_RETURNED, self._index, call.number, describe(result), since)
        return result

    def _iterate(self, call: PoolCall, results: Any) -> list[Any]:
        """Take results one by one; those of an executor's map() come through an ordinary iterator."""
        taken: list[Any] = []
        for position in range(len(call.items)):
            timed = call.timeout if hasattr(results, "next") else None
            since = recorder.begin_wait_for(call.number, codes.W_POOL_RESULT, self._index, timed)
            try:
                result = results.next(call.timeout) if hasattr(results, "next") else next(results)
            finally:
                recorder.end_wait()
            self._workers.tasks_seen += 1
            recorder.emit(codes.POOL_RESULT, self._index, call.number, position, describe(result), since)
            taken.append(result)
        return taken

    def note_ended_workers(self) -> None:
        """Record which workers have ended: an executor says that it is broken before it waits for any of them."""
        self._workers.record_ended()

    def note_failure(self, number: int, error: BaseException) -> None:
        """Record what a call raised in the main program."""
        recorder.emit(codes.POOL_CALL_FAILED, self._index, number, type(error).__name__, message_of(error))

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
            recorder.begin_wait(codes.W_POOL_JOIN, self._index)
            try:
                self._pool.terminate()
            finally:
                recorder.end_wait()
            return
        self._pool.shutdown(wait=False, cancel_futures=True)

    def shutdown(self) -> None:
        """Take no more tasks, and wait for the end of the workers."""
        self.close()
        self.join()

    def join(self) -> None:
        """Wait for the end of the workers."""
        since = recorder.begin_wait(codes.W_POOL_JOIN, self._index)
        try:
            if self._spec.type == "Pool":
                self._pool.join()
            else:
                self._pool.shutdown()
        finally:
            recorder.end_wait()
        recorder.emit(codes.POOL_JOINED, self._index, since)


def record_failing_threads(made: Any, index: int) -> None:
    """Have it recorded when one of the own threads of a pool ends by an exception: nothing takes its place."""
    before, pool_of = threading.excepthook, weakref.ref(made)

    def record(failed: threading.ExceptHookArgs) -> None:
        kind, error = cpython.kind_of_pool_thread(pool_of(), failed.thread), failed.exc_value
        # The thread that starts workers is ended so by us, see `Workers`; that is recorded as a crash loop.
        if kind and not (kind == "workers" and failed.exc_type is SystemExit):
            doing = cpython.pool_thread_was(failed.exc_traceback)
            text = message_of(error) if error is not None else ""
            recorder.emit(codes.POOL_THREAD_FAILED, index, kind, doing, failed.exc_type.__name__, text)
            if kind == "results":
                _mark_useless_threads(pool_of(), index)
        before(failed)

    replace(threading, "excepthook", record)


def _mark_useless_threads(made: Any, index: int) -> None:
    # Results that nobody takes wake the thread that replaces workers again and again, for nothing.
    for thread in cpython.pool_threads(made):
        if thread.native_id is not None and cpython.kind_of_pool_thread(made, thread) == "workers":
            recorder.mark_passive(thread.native_id, codes.W_NO_MORE, index)


class Callback:
    """What a pool calls in a thread of the main program, with a result or an exception; recorded before that."""

    def __init__(self, function: Callable[..., Any], index: int, call: int, keyword: str) -> None:
        self._function = function
        self._place = index, call, keyword

    def __call__(self, argument: Any) -> None:
        shown = describe(argument)
        if isinstance(argument, BaseException):
            shown = f"{type(argument).__name__}: {argument}"[:500]
        recorder.emit(codes.POOL_CALLED_BACK, *self._place, shown)
        self._function(argument)


def note_broken_call(index: int, call: int, error: BaseException) -> None:
    """Record that a call has failed, whose result may never be asked for; what a task raised, its worker has recorded.

    Of an executor that is broken, the worker that has broken it tells.
    """
    if not any(base.__name__ == "BrokenExecutor" for base in type(error).__mro__):
        recorder.emit(codes.POOL_CALL_BROKEN, index, call, type(error).__name__, message_of(error))


class _Expected:
    """Records the exception of a call, and holds back the one that the scenario expects."""

    def __init__(self, calls: Calls, number: int, call: PoolCall) -> None:
        self._calls, self._number, self._call = calls, number, call

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or isinstance(error, KeyboardInterrupt | GeneratorExit):
            return False
        if type(error).__name__ == "BrokenProcessPool":
            self._calls.note_ended_workers()
        self._calls.note_failure(self._number, error)
        return any(base.__name__ == self._call.raises for base in type(error).__mro__)


class Task:
    """A function that a pool calls, recorded. It is called with the task's number (from 0) and the arguments."""

    def __init__(self, function: Callable[..., Any], index: int, call: int) -> None:
        self._function = function
        self._index = index
        self._call = call
        self._waits: Any = None
        self._word = 0

    def __getstate__(self) -> Any:
        return self._function, self._index, self._call, recorder.run_ref

    def __setstate__(self, state: Any) -> None:
        function, index, call, run_ref = state
        recorder.join_run(run_ref)
        Task.__init__(self, function, index, call)

    def __call__(self, number: int, /, *args: Any, **kwargs: Any) -> Any:
        if recorder.waits is not self._waits:
            self._find_word()
        self._waits[self._word] = 0
        arguments = [describe(value) for value in (*args, *kwargs.values())[:_MOST_ARGUMENTS]]
        recorder.emit(codes.POOL_TASK_STARTED, self._index, self._call, number, arguments)
        try:
            result = self._function(*args, **kwargs)
        except BaseException as error:
            self._record_failure(number, error)
            raise
        else:
            recorder.emit(codes.POOL_TASK_FINISHED, self._index, self._call, number, describe(result))
            return result
        finally:
            recorder.waits[self._word] = monotonic_ns()

    def _find_word(self) -> None:
        """Find the word that holds since when a worker has been waiting for a task."""
        self._word = recorder.wait_word(codes.W_POOL_TASK, self._index)
        self._waits = recorder.waits  # a fork makes new ones

    def _record_failure(self, number: int, error: BaseException) -> None:
        text, name = message_of(error), type(error).__name__
        # What is no Exception is not caught by a Pool's worker: it ends it, and the task has no result.
        no_exception = not isinstance(error, Exception)
        null_input = has_null_input(error)
        recorder.emit(codes.POOL_TASK_FAILED, self._index, self._call, number, name, text, no_exception, null_input)
        leave_out_own_frames(error)


class PairedTask(Task):
    """A task that is called with one pair of number and argument: so `map` hands them over.

    Of many small ones each is recorded in the short form; where there are few, that would be one more file a worker.
    """

    def __call__(self, pair: Any) -> Any:
        number, argument = pair
        if number < _MANY or type(argument) is not int or not -_SMALL <= argument < _SMALL:
            try:
                return super().__call__(number, argument)
            except BaseException as error:
                leave_out_own_frames(error)  # this one
                raise
        index, place = self._index, self._call << layout.TASK_BITS | number
        if recorder.waits is not self._waits:
            self._find_word()
        self._waits[self._word] = 0
        recorder.fixed(codes.POOL_TASK_STARTED, layout.V_INT, index, place, argument, 0)
        try:
            result = self._function(argument)
        except BaseException as error:
            self._record_failure(number, error)
            raise
        else:
            if type(result) is int and -_SMALL <= result < _SMALL:
                recorder.fixed(codes.POOL_TASK_FINISHED, layout.V_INT, index, place, result, 0)
            else:
                recorder.emit(codes.POOL_TASK_FINISHED, index, self._call, number, describe(result))
            return result
        finally:
            recorder.waits[self._word] = monotonic_ns()
