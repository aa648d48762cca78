"""What keeps the main program waiting for a pool: tasks that were lost, a lock that was, or a thread that has ended."""

from __future__ import annotations

import os

from run_scenario.events import types
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.diagnosis.graph import WaitForGraph
from run_scenario.events.diagnosis.reports import Waiting
from run_scenario.scenario.model import PoolCall, PoolSpec


def lost_tasks(graph: WaitForGraph, w: Waiting) -> list[types.PoolWorkerLost]:
    """Return the ends of workers that took along a task without which this wait cannot end.

    A result needs the tasks of its own call. The end of a pool that is closed needs those of all calls, also of those
    that the main program has given up; that of a pool that is terminated needs none.
    """
    spec, facts = graph.spec(w), graph.situation.facts
    if not isinstance(spec, PoolSpec) or (spec.type != "Pool" and w.operation != "result"):
        return []  # an executor that has noticed the end of a worker is broken, and its calls fail
    lost = [event for event in facts.each(types.PoolWorkerLost, spec.name) if event.call is not None]
    if w.operation == "join_pool":
        return [] if facts.last(types.PoolTerminated, spec.name) else lost
    call = next((each for each in spec.calls if each.number == w.call), None) or _awaited_call(spec, facts)
    if call is None:
        return []
    lost = [event for event in lost if event.call == call.number]
    if call.method != "imap":
        return lost
    # The results of imap() come in order: those after the next one are not what it waits for.
    chunk = call.chunksize or 1
    taken = facts.count(types.PoolResult, spec.name, call.number)
    return [event for event in lost if event.task is not None and event.task // chunk == taken // chunk]


def has_lost_unpickled(graph: WaitForGraph, w: Waiting) -> bool:
    """Tell whether a worker has ended because it could not unpickle its task, and all others have nothing to do."""
    spec, facts = graph.spec(w), graph.situation.facts
    if not isinstance(spec, PoolSpec) or spec.type != "Pool" or facts.last(types.PoolTerminated, spec.name):
        return False
    failed = facts.last(types.PoolWorkerFailed, spec.name)
    workers = [each for each in graph.waiting if each.process in facts.workers.get(spec.name, ())]
    return (
        failed is not None and failed.doing == "unpickling" and all(each.operation == "next_task" for each in workers)
    )


def _awaited_call(spec: PoolSpec, facts: FactBook) -> PoolCall | None:
    """Return the call whose result the main program waits for, where that is not recorded.

    It is the last one made, if that waits for its own result; else results are asked for in the order of the calls.
    """
    made = [call for call in spec.calls if facts.last(types.PoolCalled, spec.name, call.number)]
    unheard = [call for call in made if not is_heard(facts, spec.name, call.number)]
    if unheard and unheard[-1] is made[-1] and made[-1].waits:
        return made[-1]
    return next((call for call in unheard if not call.waits), None)


def is_heard(facts: FactBook, pool: str, call: int) -> bool:
    """Tell whether the main program has all of the result of a call, or what it raised."""
    key = pool, call
    if facts.last(types.PoolReturned, *key) or facts.last(types.PoolCallFailed, *key):
        return True
    called = facts.last(types.PoolCalled, *key)
    # Results that are taken one by one have no event at the end.
    return called is not None and called.tasks is not None and facts.count(types.PoolResult, *key) >= called.tasks


def is_closed_to_workers(graph: WaitForGraph, w: Waiting) -> bool:
    """Tell whether a lock that nobody has any more keeps every worker from its next task, and who waits with them.

    It is the lock that a pool lets one worker in with at a time: to wait for a task is to have it. So it is gone only
    if all who live wait to be let in. If one of them is in a task, that may be what is waited for.
    """
    pool, facts = graph.blocked(w).resource or "", graph.situation.facts
    # terminate() takes that lock itself, and keeps it.
    if facts.last(types.PoolTerminated, pool) and _calls(w)[:1] != [("pool.py", "_help_stuff_finish")]:
        return False
    workers = [each for each in graph.waiting if each.process in facts.workers.get(pool, ())]
    at_the_door = [("synchronize.py", "__enter__"), ("queues.py", "get")]
    return bool(workers) and all(each.operation == "next_task" and _calls(each)[:2] == at_the_door for each in workers)


def _calls(w: Waiting) -> list[tuple[str, str]]:
    return [(os.path.basename(frame.file), frame.function) for frame in w.frames]


def ended_thread(graph: WaitForGraph, w: Waiting) -> types.PoolThreadFailed | None:
    """Return the end of one of a pool's own threads without which this wait cannot end.

    Without the thread that takes results none comes. Those that hand out tasks and start workers are not missed by a
    worker that has its task: that may be what is waited for.
    """
    pool, facts = graph.blocked(w).resource or "", graph.situation.facts
    failed = {event.thread: event for event in facts.each(types.PoolThreadFailed, pool)}
    for thread in ("results", "executor"):
        if thread in failed:
            return failed[thread]
    workers = [each for each in graph.waiting if each.process in facts.workers.get(pool, ())]
    if w.operation == "result" and any(each.operation != "next_task" for each in workers):
        return None
    if w.operation == "result" and (workers or lost_tasks(graph, w)):
        return failed.get("tasks")
    return failed.get("tasks") or failed.get("workers")


def unheard_failures(facts: FactBook, pool: str) -> list[types.PoolTaskFailed | types.PoolNotPickled]:
    """Return how calls of a pool have failed of which the main program has not heard: the last failure of each."""
    failed: list[types.PoolTaskFailed | types.PoolNotPickled] = list(facts.each(types.PoolTaskFailed, pool))
    failed += facts.each(types.PoolNotPickled, pool)
    return sorted((event for event in failed if not _is_known(facts, event)), key=lambda event: event.seq)


def _is_known(facts: FactBook, failed: types.PoolTaskFailed | types.PoolNotPickled) -> bool:
    key = failed.pool, failed.call
    if facts.last(types.PoolReturned, *key) or facts.last(types.PoolCalledBack, *key):
        return True
    asked = facts.last(types.PoolCallFailed, *key)
    if asked is None:
        return False
    return asked.exception != "TimeoutError" or failed.exception == "TimeoutError"  # else it has not waited for it


def only_unheard_failure(facts: FactBook, pool: str) -> types.PoolTaskFailed | None:
    """Return what a task of a pool has raised in a call that the main program has not heard of, if only one has."""
    unheard = [event for event in unheard_failures(facts, pool) if isinstance(event, types.PoolTaskFailed)]
    if len(unheard) == 1 and facts.count(types.PoolTaskFailed, pool, unheard[0].call) == 1:
        return unheard[0]
    return None
