"""What pools and their workers do, told; and which tasks went down with their worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from run_scenario.engine.events import EventMaker, waited
from run_scenario.engine.exits import signal_name
from run_scenario.model import PoolCall, PoolSpec, Resource
from run_scenario.record.reader import Speaker


class Lost:
    """A worker that has ended: with a task, which multiprocessing gives to no other, or while it waited for one."""

    def __init__(self, worker: str, end: str, call: int | None = None, task: int | None = None) -> None:
        self.worker, self.end, self.call, self.task = worker, end, call, task


class PoolTeller:
    """Tells the events of pools; its methods `on_NAME` take the records NAME.

    `note_name(pid, name)` is called for each worker, so that reports know it; `is_over()` tells whether the main
    program has done, or failed at, its last step.
    """

    def __init__(
        self,
        resources: tuple[Resource, ...],
        events: EventMaker,
        note_name: Callable[[int, str], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._resources = resources
        self._make = events.make
        self._note_name = note_name
        self._is_over = is_over
        self._doing: dict[int, tuple[int, int, int, int]] = {}
        """Process id -> pool, call, task, and since when (ns)."""
        self._done: Counter[int] = Counter()
        """Process id -> tasks done."""
        self.lost: dict[int, list[Lost]] = {}
        self.crash_loops: dict[int, str] = {}
        """Position of a pool -> how its last worker ended, where all of them ended at once."""
        self._failures: dict[int, str] = {}
        self._raised: dict[tuple[int, int], str] = {}
        """Pool and call -> what a task of it has raised, until the main program has heard of it."""
        self._terminated: set[int] = set()

    def spec(self, index: int) -> PoolSpec:
        """Return the pool at a position."""
        spec = self._resources[index]
        if not isinstance(spec, PoolSpec):
            raise IndexError(index)
        return spec

    def call(self, index: int, number: int) -> PoolCall:
        """Return a call on a pool by its number, from 1."""
        if number < 1:
            raise IndexError(number)
        return self.spec(index).calls[number - 1]

    def _tell(self, reader: Speaker, t: int, deed: str, index: int, level: str = "info", **fields: Any) -> None:
        self._make(t, f"pool.{deed}", reader.name, reader.pid, level, pool=self.spec(index).name, **fields)

    def _tell_call(self, reader: Speaker, t: int, deed: str, f: list[Any], level: str = "info", **more: Any) -> None:
        self._tell(reader, t, deed, f[0], level, call=f[1], method=self.call(f[0], f[1]).method, **more)

    def on_pool_created(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "created", f[0], type=self.spec(f[0]).type, processes=f[1])

    # Workers

    def on_pool_worker_started(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._note_name(f[2], f[1])
        self._tell(reader, t, "worker_started", f[0], ppid=f[3])

    def on_pool_worker_failed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._failures[f[0]] = f"{f[1]}: {f[2]}" if f[2] else str(f[1])
        self._tell(reader, t, "worker_failed", f[0], "error", exception=f[1], message=f[2])

    def on_pool_worker_reaped(self, reader: Speaker, t: int, f: list[Any]) -> None:
        index, pid, code, name, _ = f
        signal = signal_name(-code) if code < 0 else None
        fields = {"pool": self.spec(index).name, "exitcode": code, "signal": signal}
        self._make(t, "pool.worker_exited", name, pid, "info", **fields, tasks=self._done[pid])
        doing = self._doing.pop(pid, None)
        if doing is not None and index not in self._terminated:
            _, call, task, _ = doing
            end = f"was ended by {signal}" if signal else f"ended with exit code {code}"
            self.lost.setdefault(index, []).append(Lost(name, end, call, task))
            method = self.call(index, call).method
            self._make(t, "pool.worker_lost", name, pid, "error", **fields, call=call, method=method, task=task)
        elif signal and not self._is_stopping(index, code):
            self.lost.setdefault(index, []).append(Lost(name, f"was ended by {signal}"))
            self._make(t, "pool.worker_lost", name, pid, "warning", **fields, call=None, method=None, task=None)

    def _is_stopping(self, index: int, code: int) -> bool:
        """Tell whether workers may be ended so: an executor that has lost one ends all others, by SIGTERM."""
        broken = self.spec(index).type == "executor" and (index in self.lost or code == -15)
        return broken or index in self._terminated or self._is_over()

    def on_pool_crash_loop(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self.crash_loops[f[0]] = self._failures.get(f[0], "")
        self._tell(reader, t, "crash_loop", f[0], "error", workers=f[1], reason=self.crash_loops[f[0]])

    # Tasks

    def on_pool_task_started(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell_call(reader, t, "task_started", f, "debug", task=f[2], arguments=f[3])
        self._doing[reader.pid] = f[0], f[1], f[2], t

    def _end_task(self, reader: Speaker, t: int) -> float:
        self._done[reader.pid] += 1
        doing = self._doing.pop(reader.pid, None)
        return waited(t, doing[3]) if doing else 0.0

    def on_pool_task_finished(self, reader: Speaker, t: int, f: list[Any]) -> None:
        duration = self._end_task(reader, t)
        self._tell_call(reader, t, "task_finished", f, "debug", task=f[2], result=f[3], duration=duration)

    def on_pool_task_failed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._raised[f[0], f[1]] = f"task {f[2]} of {self.call(f[0], f[1]).method}() raised {f[3]}"
        fields = {"task": f[2], "exception": f[3], "message": f[4], "duration": self._end_task(reader, t)}
        self._tell_call(reader, t, "task_failed", f, "warning", **fields)

    # Calls

    def on_pool_called(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell_call(reader, t, "called", f, function=self.call(f[0], f[1]).function, tasks=f[2])

    def on_pool_result(self, reader: Speaker, t: int, f: list[Any]) -> None:
        fields = {"position": f[2], "result": f[3], "waited": waited(t, f[4])}
        self._tell_call(reader, t, "result", f, "debug", **fields)

    def on_pool_returned(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._raised.pop((f[0], f[1]), None)
        self._tell_call(reader, t, "returned", f, result=f[2], waited=waited(t, f[3]))

    def on_pool_call_failed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        expected = bool(self.call(f[0], f[1]).raises)
        self._raised.pop((f[0], f[1]), None)
        level = "info" if expected else "error"
        self._tell_call(reader, t, "call_failed", f, level, exception=f[2], message=f[3])

    # The end

    def on_pool_closed(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "closed", f[0])

    def on_pool_terminated(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._terminated.add(f[0])
        self._tell(reader, t, "terminated", f[0])

    def on_pool_joined(self, reader: Speaker, t: int, f: list[Any]) -> None:
        self._tell(reader, t, "joined", f[0], waited=waited(t, f[1]))

    def unheard(self, index: int) -> str:
        """Return what a task has raised that the main program was never told; empty if there is nothing."""
        return next((what for (pool, _), what in self._raised.items() if pool == index), "")


class PoolStandstill:
    """Explains why a result of a pool will never come."""

    def __init__(self, pools: PoolTeller | None) -> None:
        self._pools = pools

    def reason(self, who: str, index: int) -> str:
        """Return one sentence about who waits for a result of the pool, or for its end."""
        if self._pools is None:
            return ""
        spec = self._pools.spec(index)
        start = f"{who} waits for ever for pool '{spec.name}'"
        if index in self._pools.crash_loops:
            why = self._pools.crash_loops[index]
            return f"{start}: its workers end as soon as they are started" + (f" ({why})" if why else "")
        for lost in self._pools.lost.get(index, ()):
            if lost.call is not None:
                method = self._pools.call(index, lost.call).method
                return (
                    f"{start}: {lost.worker} {lost.end} while it was doing task {lost.task} of {method}(), and a Pool "
                    "never gives a lost task to another worker"
                )
        if what := self._pools.unheard(index):
            return (
                f"{start}: {what}, which cannot be unpickled, and so ended the pool's thread that takes results "
                "(give the exception arguments that its class can be called with again)"
            )
        for lost in self._pools.lost.get(index, ()):
            return (
                f"{start}: {lost.worker} {lost.end} while it waited for a task, and took the lock with it that lets "
                "one worker in at a time"
            )
        return ""
