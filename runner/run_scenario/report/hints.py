"""Sentences of what explains an exception whose own words do not; made of the values of `events.diagnosis.hints`."""

from __future__ import annotations

from collections.abc import Sequence

from run_scenario.events import types
from run_scenario.events.exit_cause import MAIN_NAME
from run_scenario.events.reasons import Hint
from run_scenario.scenario.resources import task_name

_MOST_ENDS = 3
"""Lost workers whose ends are told."""


def hint_sentence(hint: Hint) -> str:
    """Return what explains a failure, in one sentence."""
    match hint.kind, hint.events:
        case "null_input", _:
            given = "" if hint.name == MAIN_NAME else ", which multiprocessing gives to every process that it starts"
            way_out = "; `run-scenario run FILE --no-capture` gives a debugger the terminal" if hint.is_debugged else ""
            return f"standard input is /dev/null there{given}{way_out}"
        case "proxy_outlived", _:
            return (
                "its manager does not hold it any more, as when nobody has a proxy left before this process has its "
                "own: keep one where the process is started"
            )
        case "manager_ended", (types.ManagerShutDown() as end,):
            return f"{_who(end)} had shut {end.manager} down after {end.t:.2f} s, and what it held is gone"
        case "manager_ended", (types.ManagerLost() as end,):
            by = f" by {end.signal}" if end.signal else ""
            return f"{end.manager} had ended{by} after {end.t:.2f} s, and what it held is gone"
        case "memory_removed", (removed,):
            return f"{_who(removed)} had removed shared memory '{hint.name}' after {removed.t:.2f} s"
        case "memory_of_tracker", (attached, ended):
            who = ended.process if ended.process == attached.process else "it"
            return (
                f"{attached.process} had attached to shared memory '{hint.name}' with a resource tracker of its own, "
                f"which removes it when all have ended that have this tracker: {who} ended after {ended.t:.2f} s"
            )
        case "worker_failed", (types.PoolWorkerFailed() as failed,):
            raised = f"{failed.exception}: {failed.message}" if failed.message else failed.exception
            if failed.doing == "initializer":
                return f"the initializer raised {raised} in {failed.process}"
            what = "could not unpickle its next task" if failed.doing == "unpickling" else "failed outside of a task"
            return f"{failed.process} {what}: {raised}"
        case "unloadable_result", (types.PoolTaskFailed() as task,):
            name = task_name(task.method, task.call, task.task, task.function or None, task.place or None)
            return f"no worker had ended: what {name} sent cannot be unpickled; it had raised {task.exception}"
        case "unloadable_result", _:
            return "no worker had ended: what one of them sent cannot be unpickled"
        case "workers_lost", lost:
            return _lost_workers(lost)
        case "pool_thread_ended", (types.PoolThreadFailed() as thread,):
            return f"the pool's thread that takes results had ended by {thread.exception} after {thread.t:.2f} s"
        case "barrier_broken", (done,):
            action = "aborted" if isinstance(done, types.BarrierAborted) else "reset"
            return f"{_who(done)} had {action} barrier '{hint.name}' after {done.t:.2f} s"
        case "ends_closed", ends:
            text = f"no process has '{hint.name}' open any more"
            return f"{text}: {' and '.join(end.process for end in ends)} had ended" if ends else text
        case "end_closed", (closed,):
            return f"{_who(closed)} itself had closed '{hint.name}' after {closed.t:.2f} s"
        case "queue_closed", (types.QueueClosed() as closed,):
            return f"{_who(closed)} itself had closed queue '{closed.queue}' after {closed.t:.2f} s"
    raise ValueError(f"no sentence for {hint}")


def _who(event: types.Event) -> str:
    return "the main program" if event.process == MAIN_NAME else event.process


def _lost_workers(lost: Sequence[types.Event]) -> str:
    ends = [_end_of_worker(event) for event in lost[:_MOST_ENDS] if isinstance(event, types.PoolWorkerLost)]
    if len(lost) > _MOST_ENDS:
        ends.append(f"{len(lost) - _MOST_ENDS} more were lost")
    which = ": one of these ends broke the pool" if len(lost) > 1 else ""
    return f"{' and '.join(ends)}{which}"


def _end_of_worker(event: types.PoolWorkerLost) -> str:
    end = f"was ended by {event.signal}" if event.signal else f"ended with exit code {event.exitcode}"
    when = f"in {task_name(event.method, event.call, event.task, event.function or None, event.place or None)}"
    return f"{event.process} {end} {when if event.call is not None else 'while it had no task'}"
