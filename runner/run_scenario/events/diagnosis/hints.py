"""What explains an exception whose own words do not: one earlier fact of the same log, as a value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter

from msgspec import UNSET

from run_scenario.events import types
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.reasons import Hint
from run_scenario.scenario.model import Scenario
from run_scenario.scenario.resources import pipe_end
from run_scenario.values import Value

_OF_A_LOST_SERVER = frozenset(
    ("FileNotFoundError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "EOFError")
)
_SAID_BY_INPUT = "EOF when reading a line"
"""The message of input(): recv() at the end of a pipe raises EOFError as well."""
_OF_A_LOST_END = ("BrokenPipeError", "EOFError")
_CUT_OFF = "got end of file during message"
"""The message of recv() where the sender has ended in the middle of one."""
_CLOSED_END = "handle is closed"
"""The message of every call on an end of a pipe that the process itself has closed."""
_CALLS = {"BrokenPipeError": "send", "OSError": "recv"}
_CLOSED_QUEUE = re.compile(r"Queue <.*> is closed")
_UNKNOWN_OBJECT = re.compile(r" in serve_client\n\s+self\.id_to_local_proxy_obj\[ident\]\n")
"""In the message of an error that a manager sends: it has not found what a proxy stands for."""
_MISSING_MEMORY = re.compile(r"\[Errno 2\] No such file or directory: '/(?P<name>[^/]+)'")
_OTHER_END = {"left": "right", "right": "left"}


_SEQ = attrgetter("seq")


class Failure(Value):
    """An exception that has left a target or a task."""

    process: str
    exception: str
    message: str
    traceback: str | None
    """None: it is not recorded."""
    null_input: bool
    """Whether standard input was /dev/null there."""
    last_n: int
    """How many events of that process there have been: the last one has this `n`."""
    through: tuple[str, ...] | None
    """The modules of our primitives through which it has come, such as `pipes`; None: that is not recorded."""


_OF_DEBUGGERS = ("BdbQuit", "SystemExit")
"""With what pdb ends at the end of its input; from Python 3.14 on, with the latter."""


def hint(failure: Failure, scenario: Scenario, facts: FactBook) -> Hint | None:
    """Return what explains a failure; None where no fact does."""
    name = failure.exception
    if failure.null_input and (name in _OF_DEBUGGERS or (name, failure.message) == ("EOFError", _SAID_BY_INPUT)):
        is_debugged = name in _OF_DEBUGGERS and not scenario.script
        return Hint("null_input", None, name=failure.process, is_debugged=is_debugged)
    if name == "RemoteError" and _UNKNOWN_OBJECT.search(failure.message):
        return Hint("proxy_outlived", None)
    if name == "FileNotFoundError" and (missing := _MISSING_MEMORY.fullmatch(failure.message)):
        return _removed_memory(missing["name"], facts)
    if name in _OF_A_LOST_SERVER and _is_in_managers(failure):
        return _ended_manager(facts)
    if name == "BrokenProcessPool" and failure.process == MAIN_NAME:
        return _broken_executor(failure, facts)
    if name == "AssertionError" and " in _terminate_pool\n" in _last_part(failure):
        return _ended_thread(facts)
    if name == "BrokenBarrierError":
        return _broken_barrier(failure, scenario, facts)
    if name in _OF_A_LOST_END or (name, failure.message) == ("OSError", _CUT_OFF):
        return _closed_end(failure, scenario, facts)
    if (name, failure.message) == ("OSError", _CLOSED_END) and failure.through and "pipes" in failure.through:
        return _end_closed_before(failure, scenario, facts)
    if name == "ValueError" and _CLOSED_QUEUE.fullmatch(failure.message):
        return _closed_queue(failure, scenario, facts)
    return None


def _last_part(failure: Failure) -> str:
    """Return the traceback of the exception itself, without those of what was handled meanwhile."""
    return (failure.traceback or "").rpartition("During handling of")[2]


def _is_in_managers(failure: Failure) -> bool:
    """Tell whether a call on a proxy failed by itself: what the manager's process has raised comes out converted."""
    text = _last_part(failure)
    return "/multiprocessing/managers.py" in text and "convert_to_error(" not in text


def _is_of(failure: Failure, event: types.Event, others: Sequence[types.Event], module: str) -> bool:
    """Tell whether a failed call that was recorded is where an exception comes from.

    It is, if the call is the last that its process has recorded; or the only one of its kind, and the exception comes
    through it. An exception of the same type may come from elsewhere, and one that was recorded may have been handled.
    """
    if failure.through is not None and module not in failure.through:
        return False
    return event.n == failure.last_n or (failure.through is not None and not others)


def _ended_manager(facts: FactBook) -> Hint | None:
    over: list[types.ManagerShutDown | types.ManagerLost] = list(facts.each(types.ManagerShutDown))
    over += facts.each(types.ManagerLost)
    if len(over) != 1:
        return None  # of several it is not known which one the proxy belongs to
    [end] = over
    return Hint("manager_ended", end.seq, (end,))


def _removed_memory(name: str, facts: FactBook) -> Hint | None:
    created = max((e for e in facts.each(types.SharedMemoryCreated) if e.name == name), key=_SEQ, default=None)
    if created is None:
        return None
    removed = facts.last(types.SharedMemoryUnlinked, created.memory)
    if removed is not None:
        return Hint("memory_removed", removed.seq, (removed,), created.memory)
    for attached in facts.each(types.SharedMemoryAttached, created.memory):
        process, tracker = attached.process, attached.tracker_pid
        if UNSET in (tracker, created.tracker_pid) or tracker == created.tracker_pid:
            continue
        ended = facts.last(types.ProcessExited, process)
        ended = ended or next((e for e in facts.each(types.ProcessExited) if e.pid == tracker), None)
        if ended is not None:
            return Hint("memory_of_tracker", ended.seq, (attached, ended), created.memory)
    return None


def _broken_executor(failure: Failure, facts: FactBook) -> Hint | None:
    failed = max(facts.each(types.PoolCallFailed), key=attrgetter("seq"), default=None)
    if failed is None or failed.exception != "BrokenProcessPool":
        return None
    if worker := facts.last(types.PoolWorkerFailed, failed.pool):
        return Hint("worker_failed", worker.seq, (worker,))
    if "result_reader.recv()" in (failure.traceback or ""):
        return _unloadable_result(failed, facts)
    return _lost_worker(failed, facts)


def _unloadable_result(failed: types.PoolCallFailed, facts: FactBook) -> Hint:
    """Explain an executor that could not unpickle what a worker had sent, which it takes for the worker's end."""
    raised = list(facts.each(types.PoolTaskFailed, failed.pool))
    if len(raised) != 1 or facts.count(types.PoolTaskFailed, failed.pool, raised[0].call) != 1:
        return Hint("unloadable_result", failed.seq)
    return Hint("unloadable_result", raised[0].seq, tuple(raised))


def _lost_worker(failed: types.PoolCallFailed, facts: FactBook) -> Hint | None:
    lost = list(facts.each(types.PoolWorkerLost, failed.pool))
    # An executor that has lost a worker ends the others by SIGTERM, and they are lost as well.
    independent = [event for event in lost if event.signal != "SIGTERM"]
    if not independent and len(lost) != 1:
        return None
    broken_by = sorted(independent or lost, key=attrgetter("seq"))
    return Hint("workers_lost", broken_by[0].seq, tuple(broken_by))


def _ended_thread(facts: FactBook) -> Hint | None:
    terminated = max(facts.each(types.PoolTerminated), key=attrgetter("seq"), default=None)
    ended = facts.last(types.PoolThreadFailed, terminated.pool, "results") if terminated else None
    if ended is None:
        return None
    return Hint("pool_thread_ended", ended.seq, (ended,))


def _broken_barrier(failure: Failure, scenario: Scenario, facts: FactBook) -> Hint | None:
    process = failure.process
    broken = [e for spec in scenario.resources if (e := facts.last(types.BarrierBroken, spec.name, process))]
    broken.sort(key=attrgetter("seq"))
    if not broken or not _is_of(failure, broken[-1], broken[:-1], "sync"):
        return None
    barrier = broken[-1].barrier
    done = _breaking(barrier, process, facts)
    if done is None:
        return None
    return Hint("barrier_broken", done.seq, (done,), barrier)


def _breaking(barrier: str, process: str, facts: FactBook) -> types.BarrierAborted | types.BarrierReset | None:
    """Return what broke the wait of a process at a barrier; None if it was a timeout, or that is not decided."""
    came = facts.last(types.BarrierWaiting, barrier, process)
    aborted, reset = facts.last(types.BarrierAborted, barrier), facts.last(types.BarrierReset, barrier)
    if came is None:
        return None
    meanwhile = [each for each in (aborted, reset) if each is not None and each.seq > came.seq]
    if meanwhile:
        first = min(meanwhile, key=attrgetter("seq"))
        # If another's wait had ended so before, it was that one's timeout.
        before = any(came.seq < each.seq < first.seq for each in facts.each(types.BarrierBroken, barrier))
        return None if before else first
    # abort() lasts until reset().
    return aborted if aborted and (reset is None or reset.seq < aborted.seq) else None


def _closed_end(failure: Failure, scenario: Scenario, facts: FactBook) -> Hint | None:
    broken: list[types.PipeBroken | types.PipeEof] = []
    for pipe, end in ((spec.name, end) for spec in scenario.resources for end in _OTHER_END):
        if failure.exception == "EOFError":
            if eof := facts.last(types.PipeEof, pipe, end, failure.process):
                broken.append(eof)
            continue
        event, call = facts.last(types.PipeBroken, pipe, end, failure.process), _CALLS[failure.exception]
        if event is not None and event.call == call:
            broken.append(event)
    broken.sort(key=attrgetter("seq"))
    if not broken or not _is_of(failure, broken[-1], broken[:-1], "pipes"):
        return None
    [*_, last] = broken
    handle = f"{last.pipe}.{_OTHER_END[last.end]}"
    users = [each.name for each in scenario.processes if handle in {b.resource for b in each.bindings}]
    ended = [exited for name in users if (exited := facts.last(types.ProcessExited, name))]
    if not ended or len(ended) < len(users):
        return Hint("ends_closed", last.seq, name=pipe_end(last.pipe, _OTHER_END[last.end]))
    return Hint("ends_closed", ended[-1].seq, tuple(ended), pipe_end(last.pipe, _OTHER_END[last.end]))


def _end_closed_before(failure: Failure, scenario: Scenario, facts: FactBook) -> Hint | None:
    ends = [(spec.name, end) for spec in scenario.resources for end in _OTHER_END]
    closed = [event for pipe, end in ends if (event := facts.last(types.PipeClosed, pipe, end, failure.process))]
    # Those that a scenario does not give to a process were closed before its target was called.
    given = {b.resource for each in scenario.processes if each.name == failure.process for b in each.bindings}
    closed = [event for event in closed if not given or f"{event.pipe}.{event.end}" in given]
    if len(closed) != 1:
        return None  # of several it is not known which one was meant
    [event] = closed
    return Hint("end_closed", event.seq, (event,), pipe_end(event.pipe, event.end))


def _closed_queue(failure: Failure, scenario: Scenario, facts: FactBook) -> Hint | None:
    closed = [e for spec in scenario.resources if (e := facts.last(types.QueueClosed, spec.name, failure.process))]
    if len(closed) != 1:
        return None  # of several it is not known which one was meant
    [event] = closed
    return Hint("queue_closed", event.seq, (event,))
