"""Records of pools and their workers, decoded; and which tasks were lost with their worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from signal import SIGTERM
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from run_scenario.events import types
from run_scenario.events.decoding.event_factory import EventFactory, Owner, waited
from run_scenario.events.decoding.made import with_names
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.diagnosis.hints import Failure
from run_scenario.events.diagnosis.pools import is_heard, unheard_failures
from run_scenario.events.exit_cause import signal_of
from run_scenario.events.types import Event
from run_scenario.events.types.pools import Doing, PoolThread, WorkerDoing
from run_scenario.recording.data import RecordedArgument
from run_scenario.recording.segment_reader import Source
from run_scenario.recording.usage import Packed
from run_scenario.scenario.model import PoolCall, PoolSpec, Resource


class PoolDecoder:
    """Emits the events of pools; its methods `on_NAME` take the fields of the records NAME.

    `note_name(pid, name)` is called for each worker, so that reports know it; `is_over()` tells whether the main
    program has done, or failed at, its last step; `hint(failure)` returns the fields of what explains an exception; and
    `write_off(t, name, pid, False)` tells what a worker that has ended takes with it.
    """

    def __init__(
        self,
        resources: Sequence[Resource],
        events: EventFactory,
        note_name: Callable[[int, str], None],
        is_over: Callable[[], bool],
        hint: Callable[[Failure], dict[str, Any]],
        write_off: Callable[[int, str, int, bool], None],
    ) -> None:
        self._resources = resources
        self._emit = events.emit
        self._count_of = events.count_of
        self._note_name = note_name
        self._is_over = is_over
        self._hint = hint
        self._write_off = write_off
        self._doing: dict[int, tuple[int, int, int, int]] = {}
        """Process id -> pool, call, task, and since when (ns)."""
        self._done: Counter[int] = Counter()
        """Process id -> tasks done."""
        self._have_lost: set[int] = set()
        """Positions of the pools that have lost a worker."""
        self._ending: dict[int, str] = {}
        """Process id -> the exception of the task that ends it: one that a Pool's worker does not catch."""
        self._failures: dict[int, str] = {}
        self._terminated: set[int] = set()
        self._raising: set[tuple[int, int]] = set()
        self._finished: set[tuple[int, int]] = set()
        """Pool and call, a task of which has raised, or returned."""
        self._tasks: Counter[tuple[int, int]] = Counter()
        """Pool and call -> its tasks that are not over."""
        self.of_worker: dict[int, str] = {}
        """Process id of a worker -> its pool."""
        self.workers: dict[int, str] = {}
        """The names of the workers whose end nobody has seen, by their process ids."""
        self._made: dict[int, dict[int, PoolCall]] = {}
        """Position of a pool that own code has made -> its calls, by number."""

    def spec(self, index: int) -> PoolSpec:
        """Return the pool at a position."""
        spec = self._resources[index]
        if not isinstance(spec, PoolSpec):
            raise IndexError(index)
        return spec

    def call(self, index: int, number: int) -> PoolCall:
        """Return a call on a pool by its number, from 1."""
        call = self._made.get(index, {}).get(number)
        if call is not None:
            return call
        if number < 1:
            raise IndexError(number)
        return self.spec(index).calls[number - 1]

    def add_call(self, index: int, call: PoolCall) -> None:
        """Take in a call that own code makes."""
        self._made.setdefault(index, {})[call.number] = call

    def with_calls(self, index: int) -> PoolSpec:
        """Return the pool at a position with the calls that own code has made until now."""
        spec = self.spec(index)
        return spec.replace(calls=tuple(self._made[index].values())) if index in self._made else spec

    def _place(self, index: int, call: int) -> tuple[str, str]:
        """Return the names of a pool and of the method of one of its calls."""
        return self.spec(index).name, self.call(index, call).method

    def _of_own_code(self, index: int, call: int) -> dict[str, Any]:
        """Return which function and which line of own code a call is of; nothing for one that a scenario describes."""
        made = self.call(index, call)
        return {"function": made.function, "place": made.place} if made.place else {}

    def on_pool_created(self, source: Source, t: int, pool: int, processes: int) -> Event:
        spec = self.spec(pool)
        return types.PoolCreated(pool=spec.name, type=spec.type, processes=processes)

    # Workers

    def on_pool_worker_started(self, source: Source, t: int, pool: int, name: str, pid: int, ppid: int) -> Event:
        self._note_name(pid, name)
        self.workers[pid] = name
        self.of_worker[pid] = self.spec(pool).name
        return types.PoolWorkerStarted(pool=self.of_worker[pid], ppid=ppid)

    def on_pool_worker_failed(
        self,
        source: Source,
        t: int,
        pool: int,
        exception: str,
        message: str,
        doing: WorkerDoing | UnsetType = UNSET,
    ) -> Event | None:
        if source.pid in self._ending:
            return None  # it was the task that failed so, and that has been emitted
        self._failures[pool] = f"{exception}: {message}" if message else str(exception)
        return types.PoolWorkerFailed(pool=self.spec(pool).name, exception=exception, message=message, doing=doing)

    def on_pool_worker_reaped(
        self,
        source: Source,
        t: int,
        pool: int,
        pid: int,
        code: int,
        name: str,
        usage: Packed,
        by: Literal["executor"] | UnsetType = UNSET,
    ) -> None:
        signal = signal_of(code)
        exited = types.PoolWorkerExited(pool=self.spec(pool).name, exitcode=code, signal=signal, tasks=self._done[pid])
        self._emit(t, name, pid, exited)
        self.workers.pop(pid, None)
        self._write_off(t, name, pid, False)
        doing = self._doing.pop(pid, None)
        if pool in self._terminated or (doing is None and (not signal or self._is_stopping(pool, code))):
            return
        if self._is_over() and code == -SIGTERM and self.spec(pool).type == "Pool":
            return  # a program terminates its pools as it ends
        self._lose(t, name, pid, pool, code, doing, by)

    def see_exit(self, t: int, name: str, pid: int, code: int) -> None:
        """Emit which task went with a worker that has ended, and that its executor has not noticed.

        An executor only watches the workers that it knew of when it last began to wait (up to CPython 3.13 at least:
        one that submit() starts just then, it misses). A Pool looks after all of its workers again and again.
        """
        doing = self._doing.get(pid)
        if doing is not None and self.spec(doing[0]).type == "executor":
            self._lose(t, name, pid, doing[0], code, self._doing.pop(pid), UNSET)

    def _lose(
        self,
        t: int,
        name: str,
        pid: int,
        pool: int,
        code: int,
        doing: tuple[int, int, int, int] | None,
        by: Literal["executor"] | UnsetType,
    ) -> None:
        self._have_lost.add(pool)
        call, task = doing[1:3] if doing else (None, None)
        lost = types.PoolWorkerLost(
            level="error" if doing else "warning",
            pool=self.spec(pool).name,
            exitcode=code,
            signal=signal_of(code),
            call=call,
            method=None if call is None else self.call(pool, call).method,
            task=task,
            exception=self._ending.pop(pid, None),
            by=by,
            **({} if call is None else self._of_own_code(pool, call)),
        )
        self._emit(t, name, pid, lost)

    def _is_stopping(self, index: int, code: int) -> bool:
        """Tell whether workers may be ended so: an executor that has lost one ends all others, by SIGTERM."""
        broken = self.spec(index).type == "executor" and (index in self._have_lost or code == -15)
        return broken or self._is_over()

    def on_pool_thread_failed(
        self, source: Source, t: int, pool: int, thread: PoolThread, doing: Doing, exception: str, message: str
    ) -> Event:
        return types.PoolThreadFailed(
            pool=self.spec(pool).name, thread=thread, doing=doing, exception=exception, message=message
        )

    def on_pool_crash_loop(self, source: Source, t: int, pool: int, workers: int) -> Event:
        reason = self._failures.get(pool, "")
        return types.PoolCrashLoop(pool=self.spec(pool).name, workers=workers, reason=reason)

    # Tasks

    def on_pool_task_started(
        self, source: Source, t: int, pool: int, call: int, task: int, arguments: list[Any]
    ) -> None:
        name, method = self._place(pool, call)
        event = types.PoolTaskStarted(pool=name, call=call, method=method, task=task, arguments=arguments)
        self._emit(t, source.name, source.pid, event)
        self._doing[source.pid] = pool, call, task, t

    def _end_task(self, source: Source, t: int) -> float:
        self._done[source.pid] += 1
        doing = self._doing.pop(source.pid, None)
        return waited(t, doing[3]) if doing else 0.0

    def on_pool_task_finished(self, source: Source, t: int, pool: int, call: int, task: int, result: Any) -> Event:
        duration = self._end_task(source, t)
        self._tasks[pool, call] -= 1
        self._finished.add((pool, call))
        name, method = self._place(pool, call)
        return types.PoolTaskFinished(pool=name, call=call, method=method, task=task, result=result, duration=duration)

    def on_pool_task_failed(
        self,
        source: Source,
        t: int,
        pool: int,
        call: int,
        task: int,
        exception: str,
        message: str,
        no_exception: bool = False,
        null_input: bool = False,
    ) -> Event:
        name, method = self._place(pool, call)
        self._raising.add((pool, call))
        doing = self._doing.get(source.pid)
        duration = self._end_task(source, t)
        if no_exception and doing and self.spec(pool).type == "Pool":
            # It goes on up to the worker's end: nobody is sent a result, and the task is lost with its worker.
            self._done[source.pid] -= 1
            self._doing[source.pid], self._ending[source.pid] = doing, exception
        so_far = self._count_of(source.name)
        found = self._hint(Failure(source.name, exception, message, None, null_input, so_far, None))
        return types.PoolTaskFailed(
            pool=name,
            call=call,
            method=method,
            task=task,
            exception=exception,
            message=message,
            duration=duration,
            **found,
            **self._of_own_code(pool, call),
        )

    # Calls

    def on_pool_called(
        self,
        source: Source,
        t: int,
        pool: int,
        call: int,
        tasks: int | None,
        path: str | UnsetType = UNSET,
        arguments: list[RecordedArgument] | UnsetType = UNSET,
        over: list[Any] | UnsetType | None = UNSET,
        chunksize: int | UnsetType | None = UNSET,
        callbacks: dict[str, str] | UnsetType = UNSET,
    ) -> Event:
        name, method = self._place(pool, call)
        self._tasks[pool, call] += tasks or 0
        function = self.call(pool, call).function
        return types.PoolCalled(
            pool=name,
            call=call,
            method=method,
            function=function,
            tasks=tasks,
            path=path,
            arguments=UNSET if arguments is UNSET else with_names(arguments, self._resources),
            over=over,
            chunksize=chunksize,
            callbacks=callbacks,
            place=self.call(pool, call).place or UNSET,
        )

    def on_pool_result(
        self, source: Source, t: int, pool: int, call: int, position: int, result: Any, since: int
    ) -> Event:
        name, method = self._place(pool, call)
        return types.PoolResult(
            pool=name, call=call, method=method, position=position, result=result, waited=waited(t, since)
        )

    def on_pool_returned(self, source: Source, t: int, pool: int, call: int, result: Any, since: int) -> Event:
        name, method = self._place(pool, call)
        return types.PoolReturned(
            pool=name, call=call, method=method, result=result, waited=waited(t, since), **self._of_own_code(pool, call)
        )

    def on_pool_called_back(
        self,
        source: Source,
        t: int,
        pool: int,
        call: int,
        keyword: Literal["callback", "error_callback"],
        argument: Any,
    ) -> Event:
        name, method = self._place(pool, call)
        function = self.call(pool, call).callbacks[keyword]
        return types.PoolCalledBack(
            pool=name, call=call, method=method, keyword=keyword, function=function, argument=argument
        )

    def on_pool_call_failed(self, source: Source, t: int, pool: int, call: int, exception: str, message: str) -> Event:
        name, method = self._place(pool, call)
        level: types.Level = "info" if self.call(pool, call).raises else "error"
        return types.PoolCallFailed(
            level=level,
            pool=name,
            call=call,
            method=method,
            exception=exception,
            message=message,
            **self._of_own_code(pool, call),
        )

    def on_pool_call_broken(
        self, source: Source, t: int, pool: int, call: int, exception: str, message: str
    ) -> Event | None:
        if (pool, call) in self._raising:
            return None  # it was a task that raised, and that has been emitted
        name, method = self._place(pool, call)
        return types.PoolNotPickled(
            pool=name,
            call=call,
            method=method,
            part="result" if (pool, call) in self._finished else "task",
            exception=exception,
            message=message,
            **self._of_own_code(pool, call),
        )

    # The end

    def on_pool_closed(self, source: Source, t: int, pool: int) -> Event:
        return types.PoolClosed(pool=self.spec(pool).name)

    def on_pool_terminated(self, source: Source, t: int, pool: int) -> Event:
        self._terminated.add(pool)
        return types.PoolTerminated(pool=self.spec(pool).name)

    def on_pool_joined(self, source: Source, t: int, pool: int, since: int) -> Event:
        return types.PoolJoined(pool=self.spec(pool).name, waited=waited(t, since))

    def emit_unheard(self, t: int, owner: Callable[[str], Owner], facts: FactBook, *, ended_well: bool) -> None:
        """Emit, when everybody is gone, what the results that nobody has asked for would have told.

        `ended_well`: the main program has ended by itself, and not because something had failed.
        """
        for index, resource in enumerate(self._resources):
            if isinstance(resource, PoolSpec):
                spec = self.with_calls(index)
                events = [self._not_retrieved(index, spec, facts), self._left_over(index, spec, facts, ended_well)]
                for event in filter(None, events):
                    self._emit(t, *owner(spec.name), event)

    def _not_retrieved(self, index: int, spec: PoolSpec, facts: FactBook) -> Event | None:
        # Whoever has taken some of the results one by one did not want all.
        failed = [
            event
            for event in unheard_failures(facts, spec.name)
            if not facts.last(types.PoolResult, spec.name, event.call)
        ]
        if not failed:
            return None
        first = failed[0]
        return types.PoolExceptionNotRetrieved(
            pool=spec.name,
            call=first.call,
            method=first.method,
            task=first.task if isinstance(first, types.PoolTaskFailed) else None,
            function=self.call(index, first.call).function,
            exception=first.exception,
            message=first.message,
            calls=len(failed),
            place=self.call(index, first.call).place or UNSET,
            part=first.part if isinstance(first, types.PoolNotPickled) else UNSET,
        )

    def _left_over(self, index: int, spec: PoolSpec, facts: FactBook, ended_well: bool) -> Event | None:
        terminated = facts.last(types.PoolTerminated, spec.name)
        # An executor is never left by its program before all is done; what was cancelled, the script has cancelled.
        if spec.type != "Pool" or (terminated is None and not ended_well):
            return None
        given = {call.number: event.tasks for call in spec.calls if (event := self._unasked(spec.name, call, facts))}
        left = {number: count for number in given if (count := self._tasks[index, number]) > 0}
        if not left:
            return None
        first = self.call(index, min(left))
        return types.PoolLeftOver(
            level="info" if terminated and terminated.by is UNSET else "warning",
            pool=spec.name,
            call=first.number,
            method=first.method,
            tasks=sum(left.values()),
            given=sum(given[number] or 0 for number in left),
            terminated=None if terminated is None else "terminate" if terminated.by is UNSET else terminated.by,
            **self._of_own_code(index, first.number),
        )

    def _unasked(self, pool: str, call: PoolCall, facts: FactBook) -> types.PoolCalled | None:
        """Return a call of whose results none was asked for, and no task of which has failed; None for any other."""
        key = pool, call.number
        taken = is_heard(facts, *key) or facts.last(types.PoolResult, *key) or facts.last(types.PoolCallFailed, *key)
        failed = facts.last(types.PoolTaskFailed, *key) or facts.last(types.PoolNotPickled, *key)
        return None if taken or failed else facts.last(types.PoolCalled, *key)
