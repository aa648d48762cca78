"""What the main program does, step by step, derived from a scenario: the script that nobody had to write."""

from __future__ import annotations

from collections.abc import Iterator

from run_scenario.language.pipe_ends import PipeEnds
from run_scenario.model import (
    CallPool,
    CloseEnd,
    CloseQueue,
    Collect,
    Create,
    CreateProcess,
    EndPool,
    GetResult,
    IsAlive,
    Join,
    JoinQueue,
    JoinThread,
    Pin,
    PoolSpec,
    ProcessSpec,
    PutItems,
    PutPills,
    QueueSpec,
    Release,
    Scenario,
    SharedSpec,
    ShutDownManager,
    Sleep,
    Start,
    StartManager,
    Step,
    StopIfAlive,
)


def plan(scenario: Scenario) -> tuple[Step, ...]:
    """Return the main program's steps in the order of the textbook scripts.

    Pin the program to its CPUs; create the resources and the processes; start each process after its delay, and close
    the ends of pipes that the main program has handed over; put items,
    then pills; close; join queues; collect results; use the pools, one
    after the other; join the processes;
    remove what shared memory would keep, and stop the managers. All in file order.
    """
    return (
        *_begin(scenario),
        *_serve(scenario.queues),
        *(step for pool in scenario.pools for step in _use(pool)),
        *_end(scenario.processes),
        *_release(scenario.shared),
    )


def _begin(scenario: Scenario) -> Iterator[Step]:
    if scenario.cpus is not None:
        yield Pin(scenario.cpus)
    has_manager = False
    for resource in scenario.resources:
        if isinstance(resource, PoolSpec):
            continue  # their workers come after the processes, whose numbers count on
        if isinstance(resource, SharedSpec) and resource.is_managed and not resource.remote and not has_manager:
            has_manager = True
            yield StartManager()
        yield Create(resource)
    for process in scenario.processes:
        yield CreateProcess(process)
    ends = PipeEnds(scenario)
    yield from map(CloseEnd, ends.unused())
    for process in scenario.processes:
        if process.delay > 0:
            yield Sleep(process.delay)
        yield Start(process.name, ends.inherited(process))
        yield from map(CloseEnd, ends.handed_over(process))


def _serve(queues: tuple[QueueSpec, ...]) -> Iterator[Step]:
    for queue in queues:
        if queue.items:
            yield PutItems(queue.name, queue.items)
    for queue in queues:
        if queue.poison_pills:
            yield PutPills(queue.name, queue.poison_pills)
    for queue in queues:
        # close() also closes the main program's reading end: what it still collects from stays open.
        if not queue.collect:
            yield from _close(queue)
    for queue in queues:
        if queue.join:
            yield JoinQueue(queue.name)
    for queue in queues:
        if queue.collect:
            yield Collect(queue.name, queue.collect)
            yield from _close(queue)


def _use(pool: PoolSpec) -> Iterator[Step]:
    """Yield the life of a pool: its calls in order, the results that nobody waited for, its end."""
    yield Create(pool)
    calls = list(enumerate(pool.calls, start=1))
    for number, call in calls:
        yield CallPool(pool.name, number, call)
    for number, call in calls:
        if not call.waits:
            yield GetResult(pool.name, number, call)
    yield EndPool(pool.name, pool.end)


def _close(queue: QueueSpec) -> Iterator[Step]:
    if queue.close:
        yield CloseQueue(queue.name)
    if queue.join_thread:
        yield JoinThread(queue.name)


def _end(processes: tuple[ProcessSpec, ...]) -> Iterator[Step]:
    for process in processes:
        if not process.join:
            continue
        yield Join(process.name, process.join_timeout)
        if process.join_timeout is not None:
            yield IsAlive(process.name)
        if process.stop is not None:
            yield StopIfAlive(process.name, process.stop)


def _release(shared: tuple[SharedSpec, ...]) -> Iterator[Step]:
    for spec in shared:
        if spec.has_to_be_released:
            yield Release(spec)
    if any(spec.is_managed and not spec.remote for spec in shared):
        yield ShutDownManager()
