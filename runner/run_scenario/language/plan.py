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
    Do,
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
    """Return the main program's steps: those of `main`, or else those that textbook scripts have, in their order.

    Pin the program to its CPUs; create the resources and the processes; start each process after its delay, and close
    the ends of pipes that the main program has handed over; put items,
    then pills; close; join queues; collect results; use the pools, one
    after the other; join the processes;
    remove what shared memory would keep, and stop the managers. All in file order.
    """
    if scenario.main is not None:
        return (*_create(scenario), *_written(scenario, scenario.main), *_release(scenario.shared))
    return (
        *_create(scenario),
        *_start(scenario),
        *_serve(scenario.queues),
        *(step for pool in scenario.pools for step in _use(pool)),
        *_end(scenario.processes),
        *_release(scenario.shared),
    )


def _written(scenario: Scenario, steps: tuple[Do, ...]) -> Iterator[Step]:
    """Yield the steps of `main`, with what goes with them."""
    specs = {process.name: process for process in scenario.processes}
    pools = {pool.name: pool for pool in scenario.pools}
    calls = {pool.name: enumerate(pool.calls, start=1) for pool in scenario.pools}
    pending: dict[str, list[GetResult]] = {pool.name: [] for pool in scenario.pools}
    order = [specs[step.subject] for step in steps if step.verb == "start"]
    ends = PipeEnds(scenario, order, {step.subject for step in steps})
    yield from map(CloseEnd, ends.unused())
    for step in steps:
        if step.verb == "start" and not step.raises:
            yield Start(step.subject, ends.inherited(specs[step.subject]))
            yield from map(CloseEnd, ends.handed_over(specs[step.subject]))
        elif step.verb == "sleep":
            yield Sleep(step.value)
        elif step.verb == "use":
            yield from _use(pools[step.subject])
        elif step.verb == "create":
            yield Create(pools[step.subject])
        elif step.verb == "call":
            number, call = next(calls[step.subject])
            yield CallPool(step.subject, number, call)
            if not call.waits:
                pending[step.subject].append(GetResult(step.subject, number, call))
        elif step.verb == "result":
            yield pending[step.subject].pop(0)
        else:
            yield step


def _create(scenario: Scenario) -> Iterator[Step]:
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


def _start(scenario: Scenario) -> Iterator[Step]:
    ends = PipeEnds(scenario, scenario.processes)
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
