"""What explains an exception whose own words do not: one earlier fact of the same log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from msgspec import UNSET

from run_scenario.events import types
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.scenario.model import Scenario
from run_scenario.scenario.resources import task_name
from run_scenario.values import Value

_OF_A_LOST_SERVER = frozenset(
    ("FileNotFoundError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "EOFError")
)
_SAID_BY_INPUT = "EOF when reading a line"
"""The message of input(): recv() at the end of a pipe raises EOFError as well."""
_OF_A_LOST_END = ("BrokenPipeError", "EOFError")
_CUT_OFF = "got end of file during message"
"""The message of recv() where the sender has ended in the middle of one."""
_CALLS = {"BrokenPipeError": "send", "OSError": "recv"}
_CLOSED_QUEUE = re.compile(r"Queue <.*> is closed")
_UNKNOWN_OBJECT = re.compile(r" in serve_client\n\s+self\.id_to_local_proxy_obj\[ident\]\n")
"""In the message of an error that a manager sends: it has not found what a proxy stands for."""
_MISSING_MEMORY = re.compile(r"\[Errno 2\] No such file or directory: '/(?P<name>[^/]+)'")
_OTHER_END = {"left": "right", "right": "left"}


_SEQ = attrgetter("seq")


_MOST_ENDS = 3


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


class Hint(NamedTuple):
    """What explains a failure, in words, and the number of the event that says so."""

    text: str
    seq: int | None


def hint(failure: Failure, scenario: Scenario, facts: FactBook) -> Hint | None:
    """Return what explains a failure; None where no fact does."""
    name = failure.exception
    if failure.null_input and (name == "BdbQuit" or (name, failure.message) == ("EOFError", _SAID_BY_INPUT)):
        given = "" if failure.process == MAIN_NAME else ", which multiprocessing gives to every process that it starts"
        way_out = "; `run-scenario run FILE --no-capture` gives a debugger the terminal"
        is_debugged = name == "BdbQuit" and not scenario.script
        return Hint(f"standard input is /dev/null there{given}{way_out if is_debugged else ''}", None)
    if name == "RemoteError" and _UNKNOWN_OBJECT.search(failure.message):
        return Hint(
            "its manager does not hold it any more, as when nobody has a proxy left before this process has its own: "
            "keep one where the process is started",
            None,
        )
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
    if isinstance(end, types.ManagerShutDown):
        who = "the main program" if end.process == MAIN_NAME else end.process
        return Hint(f"{who} had shut {end.manager} down after {end.t:.2f} s, and what it held is gone", end.seq)
    by = f" by {end.signal}" if end.signal else ""
    return Hint(f"{end.manager} had ended{by} after {end.t:.2f} s, and what it held is gone", end.seq)


def _removed_memory(name: str, facts: FactBook) -> Hint | None:
    created = max((e for e in facts.each(types.SharedMemoryCreated) if e.name == name), key=_SEQ, default=None)
    if created is None:
        return None
    removed = facts.last(types.SharedMemoryUnlinked, created.memory)
    if removed is not None:
        who = "the main program" if removed.process == MAIN_NAME else removed.process
        return Hint(f"{who} had removed shared memory '{created.memory}' after {removed.t:.2f} s", removed.seq)
    for attached in facts.each(types.SharedMemoryAttached, created.memory):
        process, tracker = attached.process, attached.tracker_pid
        if UNSET in (tracker, created.tracker_pid) or tracker == created.tracker_pid:
            continue
        ended = facts.last(types.ProcessExited, process)
        ended = ended or next((e for e in facts.each(types.ProcessExited) if e.pid == tracker), None)
        if ended is not None:
            who = process if ended.process == process else "it"
            return Hint(
                f"{process} had attached to shared memory '{created.memory}' with a resource tracker of its own, which "
                f"removes it when all have ended that have this tracker: {who} ended after {ended.t:.2f} s",
                ended.seq,
            )
    return None


def _broken_executor(failure: Failure, facts: FactBook) -> Hint | None:
    failed = max(facts.each(types.PoolCallFailed), key=attrgetter("seq"), default=None)
    if failed is None or failed.exception != "BrokenProcessPool":
        return None
    if initializer := facts.last(types.PoolWorkerFailed, failed.pool):
        raised = f"{initializer.exception}: {initializer.message}" if initializer.message else initializer.exception
        return Hint(f"the initializer raised {raised} in {initializer.process}", initializer.seq)
    if "result_reader.recv()" in (failure.traceback or ""):
        return _unloadable_result(failed, facts)
    return _lost_worker(failed, facts)


def _unloadable_result(failed: types.PoolCallFailed, facts: FactBook) -> Hint:
    """Explain an executor that could not unpickle what a worker had sent, which it takes for the worker's end."""
    raised = list(facts.each(types.PoolTaskFailed, failed.pool))
    if len(raised) != 1 or facts.count(types.PoolTaskFailed, failed.pool, raised[0].call) != 1:
        return Hint("no worker had ended: what one of them sent cannot be unpickled", failed.seq)
    [task] = raised
    name = task_name(task.method, task.call, task.task, task.function or None, task.place or None)
    return Hint(f"no worker had ended: what {name} sent cannot be unpickled; it had raised {task.exception}", task.seq)


def _lost_worker(failed: types.PoolCallFailed, facts: FactBook) -> Hint | None:
    lost = list(facts.each(types.PoolWorkerLost, failed.pool))
    # An executor that has lost a worker ends the others by SIGTERM, and they are lost as well.
    independent = [event for event in lost if event.signal != "SIGTERM"]
    if not independent and len(lost) != 1:
        return None
    broken_by = sorted(independent or lost, key=attrgetter("seq"))
    ends = [_end_of_worker(event) for event in broken_by[:_MOST_ENDS]]
    if len(broken_by) > _MOST_ENDS:
        ends.append(f"{len(broken_by) - _MOST_ENDS} more were lost")
    which = ": one of these ends broke the pool" if len(broken_by) > 1 else ""
    return Hint(f"{' and '.join(ends)}{which}", broken_by[0].seq)


def _end_of_worker(event: types.PoolWorkerLost) -> str:
    end = f"was ended by {event.signal}" if event.signal else f"ended with exit code {event.exitcode}"
    when = f"in {task_name(event.method, event.call, event.task, event.function or None, event.place or None)}"
    return f"{event.process} {end} {when if event.call is not None else 'while it had no task'}"


def _ended_thread(facts: FactBook) -> Hint | None:
    terminated = max(facts.each(types.PoolTerminated), key=attrgetter("seq"), default=None)
    ended = facts.last(types.PoolThreadFailed, terminated.pool, "results") if terminated else None
    if ended is None:
        return None
    return Hint(f"the pool's thread that takes results had ended by {ended.exception} after {ended.t:.2f} s", ended.seq)


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
    deed = "aborted" if isinstance(done, types.BarrierAborted) else "reset"
    who = "the main program" if done.process == MAIN_NAME else done.process
    return Hint(f"{who} had {deed} barrier '{barrier}' after {done.t:.2f} s", done.seq)


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
    text = f"no process has '{handle}' open any more"
    if not ended or len(ended) < len(users):
        return Hint(text, last.seq)
    names = " and ".join(exited.process for exited in ended)
    return Hint(f"{text}: {names} had ended", ended[-1].seq)


def _closed_queue(failure: Failure, scenario: Scenario, facts: FactBook) -> Hint | None:
    closed = [e for spec in scenario.resources if (e := facts.last(types.QueueClosed, spec.name, failure.process))]
    if len(closed) != 1:
        return None  # of several it is not known which one was meant
    [event] = closed
    who = "the main program" if event.process == MAIN_NAME else event.process
    return Hint(f"{who} itself had closed queue '{event.queue}' after {event.t:.2f} s", event.seq)
