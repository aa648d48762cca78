"""One event, one sentence: what happened to the process that the event is about.

A sentence has no subject (`is alive`): the view writes the process before it. Fields that are missing do no harm, so
that the log of another version still reads well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.counting import plural
from run_scenario.report.text import sanitize, seconds, value, values
from run_scenario.scenario.parameters import assignments
from run_scenario.scenario.resources import call_name, pipe_end, task_name

Event = Mapping[str, Any]

OUTCOMES = {
    "passed": "passed",
    "failed": "failed",
    "stalled": "stalled",
    "timed_out": "timed out",
    "limit_exceeded": "stopped",
    "interrupted": "interrupted",
    "refused": "refused",
    "internal_error": "broken off",
}
"""The outcomes of a run, in words."""

COMMON = frozenset(("event", "level", "timestamp", "t", "seq", "run", "scenario", "process", "pid", "n"))
"""The fields of every event."""

_MAIN = "MainProcess"
_REPORTED_BEFORE = frozenset(("returned", "exception", "sys.exit", "refused"))
"""Causes of an end that an earlier event has reported: `process.finished`, `process.failed` and so on."""

_NOTABLE_WAIT = 0.1
"""Seconds; a shorter wait is not mentioned."""

_SYNC_FIELDS = {"event": "flag"}
"""Where the field that names the object is not called like its kind."""


def sentence(event: Event) -> str:
    """Return what happened, as one line that is safe on a terminal."""
    kind = str(event.get("event", ""))
    render = _SENTENCES.get(kind)
    return sanitize((render(event) if render else _unknown(kind, event)) + _times(event))


def explanation(event: Event) -> list[str]:
    """Return the lines below a verdict that is not passed: why it matters, what was found, the events that show it."""
    lines = [str(event[key]) for key in ("because", "reason") if event.get(key)]
    for each in event.get("evidence") or ():
        if isinstance(each, Mapping):
            t = each.get("t")
            moment = f"{t:.3f} s" if isinstance(t, int | float) else "?"
            lines.append(f"  event {each.get('seq')}, {moment}: {each.get('process')} {sentence(each)}")
    return lines


def _unknown(kind: str, event: Event) -> str:
    fields = (f"{name}={value(content)}" for name, content in event.items() if name not in COMMON)
    return " ".join((kind, *fields))


# What many sentences have in common


def _after(event: Event, doing: str = "waiting ") -> str:
    waited = event.get("waited") or 0.0
    return f" after {doing}{seconds(waited)}" if waited >= _NOTABLE_WAIT else ""


def _by(event: Event) -> str:
    return str(event.get("by") or "somebody")


def _why(event: Event) -> str:
    return f": {event['reason']}" if event.get("reason") else ""


def _exception(event: Event) -> str:
    message = event.get("message")
    lines = [line.strip() for line in str(message).splitlines() if line.strip(" -")]
    if len(lines) > 1:  # such as a traceback that a manager sends
        message = f"{lines[0]} … {lines[-1]}"
    return f"{event.get('exception')}: {message}" if message else str(event.get("exception"))


def _hint(event: Event) -> str:
    return f" ({event['hint']})" if event.get("hint") else ""


def _pid(event: Event, field: str = "pid") -> str:
    """Return a process id as an addition; the events that are shown as evidence have none of their own."""
    return "" if event.get(field) is None else f" (pid {event[field]})"


def _so_many_are(count: int, noun: str) -> str:
    return plural(count, noun, "is")


def _queue(event: Event) -> str:
    return f"'{event.get('queue', '?')}'"


def _end(event: Event) -> str:
    return pipe_end(str(event.get("pipe", "?")), event.get("end", "?"))


def _pool(event: Event) -> str:
    return f"pool '{event.get('pool', '?')}'"


def _task(event: Event) -> str:
    return task_name(*(event.get(field) for field in ("method", "call", "task", "function", "place")))


def _call(event: Event) -> str:
    return call_name(*(event.get(field) for field in ("method", "call", "function", "place")))


def _sync(event: Event) -> str:
    """Return kind and name of a lock, semaphore, event, condition or barrier."""
    kind = str(event.get("event")).partition(".")[0]
    return f"{kind} '{event.get(_SYNC_FIELDS.get(kind, kind), '?')}'"


# The scenario


def _scenario_started(event: Event) -> str:
    title = event.get("title") or event.get("scenario")
    facts = (
        *assignments(event.get("params") or {}),
        str(event.get("start_method")),
        f"Python {event.get('python')}",
        *_pinned(event),
        *_allowed(event),
        "no deadline" if event.get("timeout") is None else f"deadline {seconds(event.get('timeout'))}",
    )
    return f"{title} ({', '.join(facts)})"


def _pinned(event: Event) -> tuple[str, ...]:
    cpus = [str(cpu) for cpu in event.get("pinned_to") or ()]
    return (f"on CPU {', '.join(cpus)} alone",) if cpus else ()


def _allowed(event: Event) -> tuple[str, ...]:
    """Return which file has allowed which packages; what was allowed on the command line is not repeated."""
    by_file: dict[str, list[str]] = {}
    for each in event.get("allowed") or ():
        if each.get("by") != "--allow":
            by_file.setdefault(str(each.get("by")), []).append(str(each.get("package")))
    return tuple(f"{file} allows {', '.join(packages)}" for file, packages in by_file.items())


def _scenario_stalled(event: Event) -> str:
    what = "at the deadline" if event.get("cause") == "deadline" else "stalled"
    return f"{what}{_why(event)}"


def _ctrl_c(event: Event) -> str:
    return "Ctrl-C (SIGINT)" if event.get("signal") == "SIGINT" else str(event.get("signal"))


def _scenario_finished(event: Event) -> str:
    outcome = str(event.get("outcome"))
    return f"{OUTCOMES.get(outcome, outcome)} after {seconds(event.get('duration'))}"


# Processes


def _starting(event: Event) -> str:
    daemon = bool(event.get("daemon"))
    match event.get("worker"):
        case "serial":
            verb, how = "calls", ""
        case "thread":
            verb, how = "starts", " as a daemon thread" if daemon else " as a thread"
        case _:
            verb, how = "starts", ", as a daemon" if daemon else ""
    return f"{_by(event)} {verb} it{how}: {event.get('target')}"


def _started(event: Event) -> str:
    parent, daemon = event.get("parent"), ", a daemon" if event.get("daemon") else ""
    number = _pid(event)
    known = event.get("pid") is not None
    if parent is None:
        return f"runs as pid {event['pid']}: the main program" if known else "runs as the main program"
    match event.get("worker"):
        case "thread":
            return f"runs as a thread of {parent}{number}{daemon}"
        case "serial":
            return f"runs in {parent}{number}{daemon}"
    as_child = f"as pid {event['pid']}, child" if known else "as a child"
    if event.get("start_method") == "forkserver":
        return f"runs {as_child} of the fork server{_pid(event, 'ppid')}, started by {parent}{daemon}"
    return f"runs {as_child} of {parent}{_pid(event, 'ppid')}{daemon}"


def _finished(event: Event) -> str:
    what = "came to its end" if event.get("process") == _MAIN else "finished: its target returned"
    return f"{what} after {seconds(event.get('duration'))}"


def _exiting(event: Event) -> str:
    """Return with what sys.exit() was called, and the exit code that this means: None is 0, anything else is 1."""
    argument = event.get("exitcode")
    if argument is None or isinstance(argument, int):
        return f"calls sys.exit(): exit code {argument or 0:d}"
    return f"calls sys.exit({value(argument)}): exit code 1"


def _exited(event: Event) -> str:
    code, cause = event.get("exitcode"), event.get("cause")
    if code is None:
        is_plain = event.get("worker") in ("thread", "serial") and cause in _REPORTED_BEFORE
        return "ended" if is_plain else f"ended{_why(event)}"
    end = f"ended with exit code {code}"
    if cause == "stopped_by_runner":
        return f"{end}: {event.get('by')} sent {event.get('signal')}"
    return end if cause in _REPORTED_BEFORE else end + _why(event)


def _joining(event: Event) -> str:
    timeout = event.get("timeout")
    limit = "" if timeout is None else f", for {seconds(timeout)} at most"
    return f"{_by(event)} waits for its end{limit}"


def _restarting(event: Event) -> str:
    after = f" in {seconds(event.get('delay'))}" if event.get("delay") else ""
    return f"{_by(event)} starts it again{after} ({event.get('attempt')} of {event.get('maximum')})"


def _join_timed_out(event: Event) -> str:
    return f"has not ended: {_by(event)} waited {seconds(event.get('waited'))} and goes on"


def _orphaned(event: Event) -> str:
    parent, pid, command = event.get("parent"), event.get("ppid"), event.get("command")
    name = f" {parent}" if parent and parent != f"pid {pid}" else ""
    number = f" (pid {pid})" if pid else ""
    # Whoever was only forked has the name of this command; and of whoever has a name, its interpreter says nothing.
    of_another = command and command != "run-scenario" and event.get("process") == f"pid {event.get('pid')}"
    return f"lost its parent{name}{number}" + (f"; it runs {command}" if of_another else "")


def _lingering(event: Event) -> str:
    names = [str(name) for name in event.get("threads") or ()]
    if len(names) == 1:
        return f"does not end yet: its thread {names[0]} goes on"
    return f"does not end yet: its threads {', '.join(names)} go on"


def _own_thread_failed(event: Event) -> str:
    return f"has lost its thread '{event.get('thread')}', which failed with {_exception(event)}"


def _exit_functions_missed(event: Event) -> str:
    names = ", ".join(str(name) for name in event.get("functions") or ())
    return f"ends without what it registered with atexit: {names} (before Python 3.13, a forked process never calls it)"


def _output(event: Event) -> str:
    sign = "!" if event.get("stream") == "stderr" else "|"
    return f"{sign} {event.get('text', '')}{' …' if event.get('truncated') else ''}"


# Steps of the main program


def _step(event: Event) -> str:
    subject, method = event.get("subject"), event.get("method")
    return f"{subject}.{method}" if subject else str(method)


# Queues


def _times(event: Event) -> str:
    """Return how often something was asked and answered so."""
    times = event.get("times")
    return f" ×{times:,}" if isinstance(times, int) and times > 1 else ""


def _within(event: Event) -> str:
    """Return after which timeout a call has given up, if it had one."""
    return f" within {seconds(event['timeout'])}" if event.get("timeout") is not None else ""


def _empty(event: Event) -> str:
    if event.get("call") == "get":
        return f"got nothing from {_queue(event)}{_within(event)}: it was empty"
    return f"asks whether {_queue(event)} is empty: {bool(event.get('empty'))}"


def _full(event: Event) -> str:
    if event.get("call") == "put":
        return f"put nothing on {_queue(event)}{_within(event)}: it was full"
    return f"asks whether {_queue(event)} is full: {bool(event.get('full'))}"


def _task_done(event: Event) -> str:
    unfinished = event.get("unfinished")
    left = "" if unfinished is None else f", {unfinished:,} unfinished"
    return f"task_done() on {_queue(event)}{left}"


def _item_mutated(event: Event) -> str:
    put, got = value(event.get("put")), value(event.get("got"))
    return f"got {got} from {_queue(event)}, but {put} was put: it was changed before it was pickled"


def _queue_left_over(event: Event) -> str:
    count, pills = event.get("count", 0), event.get("pills", 0)
    known = values(event.get("items") or (), count)
    of_these = f" ({plural(pills, 'poison pill')})" if pills else ""
    return f"{_so_many_are(count, 'item')} left on {_queue(event)}{of_these}" + (f": {known}" if known else "")


# Pipes


def _polled(event: Event) -> str:
    answer = "there is something" if event.get("ready") else "there is nothing"
    return f"polls {_end(event)}: {answer}{_after(event)}"


def _pipe_left_over(event: Event) -> str:
    count = event.get("count", 0)
    left = f"{_so_many_are(count, 'object')} left in the pipe to {_end(event)}"
    return f"{left}: {values(event.get('items') or (), count)}"


# Locks, semaphores, events, conditions, barriers


def _held(event: Event) -> str:
    holders = [str(holder) for holder in event.get("held_by") or ()]
    return f", held by {', '.join(holders)}" if holders else ""


def _released(event: Event) -> str:
    owner = event.get("owner")
    whose = "" if owner in (None, event.get("process")) else f", which {owner} had acquired"
    return f"releases {_sync(event)}{whose}"


def _event_waited(event: Event) -> str:
    answer = "was set" if event.get("answer") else "was not set in time"
    return f"{_sync(event)} {answer}{_after(event)}"


def _condition_waited(event: Event) -> str:
    answer = "was notified" if event.get("answer") else "was not notified in time"
    return f"{_sync(event)} {answer}{_after(event)}"


def _abandoned(event: Event) -> str:
    return f"leaves {_sync(event)} broken: {event.get('reason')}"


_LOCKS: dict[str, Callable[[Event], str]] = {
    "waiting": lambda e: f"waits for {_sync(e)}{_held(e)}",
    "acquired": lambda e: f"acquired {_sync(e)}{_after(e)}",
    "not_acquired": lambda e: f"did not get {_sync(e)}{_held(e)}{_after(e)}",
    "released": _released,
    "abandoned": lambda e: _abandoned(e) if e.get("reason") else f"has ended without releasing {_sync(e)}",
}
"""What locks and semaphores have in common."""


# Shared data and managers


def _element(event: Event) -> str:
    if "value" in event:
        return str(event["value"])
    index = event.get("index")
    return str(event.get("array", "?")) + ("" if index is None else f"[{index}]")


def _overwritten(event: Event) -> str:
    lost = f"the {value(event.get('lost'))} that {event.get('writer')} has written to {_element(event)}"
    return f"overwrites {lost} since it was read, and leaves that update out"


def _manager(event: Event) -> str:
    return f"{event.get('manager')}{_pid(event, 'manager_pid')}"


def _manager_called(event: Event) -> str:
    arguments = [value(argument) for argument in event.get("arguments") or ()]
    arguments += [f"{key}={value(argument)}" for key, argument in (event.get("keywords") or {}).items()]
    call = f"calls {event.get('object')}.{event.get('method')}({', '.join(arguments)})"
    after = _after(event, "")  # the call itself took that long
    if event.get("error"):
        return f"{call}, which raised {event.get('error')}{after}"
    result = "" if event.get("result") is None else f": {value(event.get('result'))}"
    return f"{call}{result}{after}"


def _by_signal(event: Event) -> str:
    return f", by {event['signal']}" if event.get("signal") else ""


def _helper_lost(event: Event) -> str:
    by = f", by {event['signal']}," if event.get("signal") else ""
    return f"multiprocessing's {event.get('helper')}{_pid(event, 'helper_pid')}{by} has ended too early{_why(event)}"


def _stripped(event: Event) -> str:
    written, read = value(event.get("written")), value(event.get("read"))
    return f"{_element(event)} was written as {written} and is read as {read}: a ShareableList drops zeros at the end"


def _memory_left_over(event: Event) -> str:
    left = f"nobody who is recorded has removed shared memory '{event.get('memory')}' ({event.get('name')})"
    if event.get("remains"):
        return f"{left}: it was still there when all had ended"
    return f"{left}: it was gone in the end, for multiprocessing's resource tracker removes what is registered with it"


_ELEMENTS: dict[str, Callable[[Event], str]] = {
    "read": lambda e: f"reads {value(e.get('content'))} from {_element(e)}",
    "written": lambda e: f"writes {value(e.get('content'))} to {_element(e)}",
    "overwritten": _overwritten,
    "final": lambda e: f"{_element(e)} is {value(e.get('content'))} in the end",
}
"""What values and arrays have in common."""


# Pools


def _worker_end(event: Event) -> str:
    signal = event.get("signal")
    return f"ended by {signal}" if signal else f"ended with exit code {event.get('exitcode')}"


def _worker_lost(event: Event) -> str:
    when = "while it waited for a task" if event.get("task") is None else f"with {_task(event)}"
    raised = f", which raised {event['exception']}" if event.get("exception") else ""
    by = ", which its executor sent because it had lost another" if event.get("by") == "executor" else ""
    return f"was lost {when}{raised}: {_worker_end(event)}{by}"


_POOL_THREADS = {"results": "takes the results", "tasks": "hands out the tasks", "workers": "starts workers"}
_WHILE = {"unpickling": " while it unpickled what a worker had sent", "callback": " in a callback"}


_WORKER_FAILED = {
    "initializer": "fails: its initializer raised",
    "unpickling": "fails, because it cannot unpickle its next task:",
}


def _thread_failed(event: Event) -> str:
    thread = _POOL_THREADS.get(str(event.get("thread")), "runs it")
    when = _WHILE.get(str(event.get("doing")), "")
    return f"its thread that {thread} for {_pool(event)} has ended{when}: {_exception(event)}"


def _crash_loop(event: Event) -> str:
    why = f" ({event.get('reason')})" if event.get("reason") else ""
    pool, workers = _pool(event), event.get("workers", 0)
    if event.get("goes_on"):
        return f"has started {plural(workers, 'worker')} for {pool} that ended without doing anything{why}"
    return f"starts no more workers for {pool}: {plural(workers, 'worker', 'has')} ended without doing anything{why}"


_TERMINATED_BY = {"with": ", as its `with` block ends", "collected": ", as nothing refers to it any more"}


_ASKS = {"submit": "result()", **dict.fromkeys(("map", "imap", "imap_unordered"), "to go through its results")}
"""Method -> how its result is asked for, if not by get(); a `map` that does not wait is that of an executor."""


_NOT_PICKLED = {
    "task": "it was never given to a worker, because it cannot be pickled:",
    "result": "its result never came, because it cannot be pickled:",
}


def _not_retrieved(event: Event) -> str:
    calls = event.get("calls") or 1
    more = f", and so had {plural(calls - 1, 'more call')} of this pool" if calls > 1 else ""
    failed = _NOT_PICKLED.get(str(event.get("part")), "it had raised")
    if calls > 1 and failed in _NOT_PICKLED.values():
        more = f", and {plural(calls - 1, 'more call')} of this pool failed, too"
    ask = _ASKS.get(str(event.get("method")), "get()")
    return (
        f"never asked for the result of {_call(event)} of {_pool(event)}: {failed} "
        f"{_exception(event)}{more} ({ask} would have raised it here)"
    )


def _tasks_left_over(event: Event) -> str:
    tasks, given = event.get("tasks") or 0, event.get("given") or 0
    why = {
        "with": "its `with` block ended, which terminates its workers",
        "collected": "nothing referred to it any more, which terminates its workers",
        "terminate": "it was terminated",
        "None": "the program ended",
    }
    return (
        f"{tasks} of {plural(given, 'task')} of {_pool(event)} {'was' if tasks == 1 else 'were'} not done when "
        f"{why.get(str(event.get('terminated')), 'it was terminated')}, and nobody had asked for the results of "
        f"{_call(event)} (ask for them before that with get(), or call close() and join())"
    )


def _pool_called(event: Event) -> str:
    tasks = "tasks" if event.get("tasks") is None else plural(event["tasks"], "task")
    place = f" ({event['place']})" if event.get("place") else ""
    return f"calls {event.get('method')}({event.get('function')}, …) of {_pool(event)}{place}: {tasks}"


def _task_started(event: Event) -> str:
    arguments = ", ".join(value(argument) for argument in event.get("arguments") or ())
    return f"begins {_task(event)}: {arguments}"


# Expectations


def _verdict(event: Event, result: str) -> str:
    return f"{result}{_position(event)}: {event.get('expectation')}"


def _position(event: Event) -> str:
    if event.get("line") is None:
        return ""
    if event.get("event") == "expectation.passed" or not event.get("file"):
        return f" (line {event['line']})"
    return f" ({event['file']}:{event['line']})"


def _not_over(event: Event) -> str:
    return "still ran" if event.get("running") else "had not been waited for"


_SENTENCES: dict[str, Callable[[Event], str]] = {
    "scenario.started": _scenario_started,
    "scenario.stalled": _scenario_stalled,
    "scenario.signalled": lambda e: f"{_ctrl_c(e)} comes{_why(e)}",
    "scenario.limit_reached": lambda e: f"is stopped: {e.get('reason')}",
    "scenario.timed_out": lambda e: f"the deadline of {seconds(e.get('timeout'))} has passed",
    "scenario.interrupted": lambda e: f"interrupted by {e.get('signal')}",
    "scenario.refused": lambda e: f"refused{_why(e)}",
    "scenario.failed": lambda e: f"the run itself failed{_why(e)}",
    "scenario.finished": _scenario_finished,
    "process.starting": _starting,
    "process.started": _started,
    "process.finished": _finished,
    "process.exiting": _exiting,
    "process.failed": lambda e: f"failed with {_exception(e)}{_hint(e)}",
    "process.thread_failed": _own_thread_failed,
    "process.exit_functions_missed": _exit_functions_missed,
    "process.exited": _exited,
    "process.lingering": _lingering,
    "process.joining": _joining,
    "process.joined": lambda e: f"joined by {_by(e)} after {seconds(e.get('waited'))}",
    "process.join_timed_out": _join_timed_out,
    "process.restarting": _restarting,
    "process.alive": lambda e: f"{_by(e)} asks is_alive(): {bool(e.get('alive'))}",
    "process.interrupting": lambda e: f"{_by(e)} interrupts it{_why(e)}",
    "process.terminating": lambda e: f"{_by(e)} terminates it{_why(e)}",
    "process.killing": lambda e: f"{_by(e)} kills it{_why(e)}",
    "process.raising_signal": lambda e: f"sends {e.get('signal')} to itself",
    "process.escalated": lambda e: f"does not react to SIGTERM, {_by(e)} sends SIGKILL{_why(e)}",
    "process.orphaned": _orphaned,
    "process.misreported": lambda e: f"{_by(e)} gets exit code {e.get('exitcode')}{_why(e)}",
    "process.left": lambda e: f"{_not_over(e)} when the recorded block was left",
    "process.not_ended": lambda e: f"was not seen to end{_why(e)}",
    "process.output": _output,
    "process.output_cut_off": lambda e: f"its further output is left out: {e.get('reason')}",
    "step.called": lambda e: f"{_step(e)}: {value(e.get('result'))}",
    "step.raised": lambda e: f"{_step(e)} raised {_exception(e)}, as expected",
    "queue.put": lambda e: f"put {value(e.get('item'))} on {_queue(e)}{_after(e)}",
    "queue.get": lambda e: f"got {value(e.get('item'))} from {_queue(e)}{_after(e)}",
    "queue.empty": _empty,
    "queue.full": _full,
    "queue.task_done": _task_done,
    "queue.joining": lambda e: f"waits until every item of {_queue(e)} is done",
    "queue.joined": lambda e: f"every item of {_queue(e)} is done after {seconds(e.get('waited'))}",
    "queue.closed": lambda e: f"closes {_queue(e)}: it will put nothing more",
    "queue.thread_joined": lambda e: f"has written all it put on {_queue(e)} after {seconds(e.get('waited'))}",
    "queue.item_dropped": lambda e: f"{value(e.get('item'))} never reached {_queue(e)}: {e.get('error')}",
    "queue.get_failed": lambda e: (
        f"{value(e.get('item'))} from {_queue(e)} is lost: cannot unpickle it: {e.get('error')}"
    ),
    "queue.item_mutated": _item_mutated,
    "queue.items_lost": lambda e: f"{plural(e.get('count', 0), 'item')} that it put on {_queue(e)} never arrived",
    "queue.left_over": _queue_left_over,
    "queue.abandoned": lambda e: f"leaves {_queue(e)} broken{_why(e)}",
    "pipe.sent": lambda e: f"sends {value(e.get('item'))} at {_end(e)}",
    "pipe.send_waited": lambda e: f"could send at {_end(e)}{_after(e) or ' after a moment'}",
    "pipe.received": lambda e: f"received {value(e.get('item'))} at {_end(e)}{_after(e)}",
    "pipe.eof": lambda e: f"reached the end of {_end(e)}: no process has the other end open{_after(e)}",
    "pipe.broken": lambda e: f"{e.get('call')}() on {_end(e)} failed: {e.get('error')}",
    "pipe.polled": _polled,
    "pipe.closed": lambda e: f"closes {_end(e)}",
    "pipe.left_over": _pipe_left_over,
    **{f"lock.{action}": render for action, render in _LOCKS.items()},
    **{f"semaphore.{action}": render for action, render in _LOCKS.items()},
    "event.set": lambda e: f"sets {_sync(e)}",
    "event.cleared": lambda e: f"clears {_sync(e)}",
    "event.is_set": lambda e: f"asks whether {_sync(e)} is set: {bool(e.get('answer'))}",
    "event.waiting": lambda e: f"waits for {_sync(e)} to be set",
    "event.waited": _event_waited,
    "event.abandoned": _abandoned,
    "condition.waiting": lambda e: f"waits for {_sync(e)} to be notified",
    "condition.waited": _condition_waited,
    "condition.notified": lambda e: f"notifies {_sync(e)}: {e.get('most')} at most",
    "condition.abandoned": _abandoned,
    "barrier.waiting": lambda e: f"arrived at {_sync(e)}",
    "barrier.passed": lambda e: f"passes {_sync(e)}{_after(e)}",
    "barrier.broken": lambda e: f"finds {_sync(e)} broken{_after(e)}",
    "barrier.aborted": lambda e: f"aborts {_sync(e)}",
    "barrier.reset": lambda e: f"resets {_sync(e)}",
    "barrier.abandoned": _abandoned,
    **{f"value.{action}": render for action, render in _ELEMENTS.items()},
    **{f"array.{action}": render for action, render in _ELEMENTS.items()},
    "array.stripped": _stripped,
    "shared_memory.created": lambda e: f"creates shared memory '{e.get('memory')}': {plural(e.get('size', 0), 'byte')}",
    "shared_memory.attached": lambda e: f"attaches to shared memory '{e.get('memory')}'",
    "shared_memory.closed": lambda e: f"closes shared memory '{e.get('memory')}'",
    "shared_memory.left_over": _memory_left_over,
    "shared_memory.unlinked": lambda e: f"removes shared memory '{e.get('memory')}'",
    "manager.started": lambda e: f"has started {_manager(e)} at {e.get('address')}",
    "manager.lost": lambda e: f"{_manager(e)} has ended too early{_by_signal(e)}",
    "manager.shut_down": lambda e: f"has shut {e.get('manager')} down",
    "manager.called": _manager_called,
    "helper.lost": _helper_lost,
    "pool.created": lambda e: f"creates {_pool(e)}, {e.get('type')}: {plural(e.get('processes') or 0, 'worker')}",
    "pool.worker_started": lambda e: f"works for {_pool(e)}{_pid(e)}",
    "pool.worker_failed": lambda e: (
        f"{_WORKER_FAILED.get(str(e.get('doing')), 'fails outside of a task:')} {_exception(e)}"
    ),
    "pool.worker_exited": lambda e: f"{_worker_end(e)} after {plural(e.get('tasks') or 0, 'task')} for {_pool(e)}",
    "pool.worker_lost": _worker_lost,
    "pool.thread_failed": _thread_failed,
    "pool.crash_loop": _crash_loop,
    "pool.called": _pool_called,
    "pool.task_started": _task_started,
    "pool.task_finished": lambda e: f"finished {_task(e)} after {seconds(e.get('duration'))}: {value(e.get('result'))}",
    "pool.task_failed": lambda e: f"failed at {_task(e)}: {_exception(e)}{_hint(e)}",
    "pool.result": lambda e: f"takes result {e.get('position')} of {e.get('method')}(): {value(e.get('result'))}",
    "pool.returned": lambda e: f"has the result of {_call(e)}{_after(e)}: {value(e.get('result'))}",
    "pool.called_back": lambda e: (
        f"calls back {e.get('function')}({value(e.get('argument'))}), the {e.get('keyword')} of {e.get('method')}()"
    ),
    "pool.call_failed": lambda e: f"{_call(e)} of {_pool(e)} raised {_exception(e)}",
    "pool.not_pickled": lambda e: f"{_call(e)} of {_pool(e)}: {_NOT_PICKLED.get(str(e.get('part')))} {_exception(e)}",
    "pool.closed": lambda e: f"closes {_pool(e)}",
    "pool.terminated": lambda e: f"terminates {_pool(e)}{_TERMINATED_BY.get(str(e.get('by')), '')}",
    "pool.joined": lambda e: f"has joined {_pool(e)}{_after(e)}",
    "pool.exception_not_retrieved": _not_retrieved,
    "pool.left_over": _tasks_left_over,
    "expectation.passed": lambda e: _verdict(e, "as expected"),
    "expectation.failed": lambda e: _verdict(e, "not as expected"),
    "expectation.inconclusive": lambda e: _verdict(e, "could not be judged"),
    "recording.incomplete": lambda e: f"not everything is recorded: {e.get('missing')}",
    "resource.made": lambda e: f"has made the {e.get('type')} '{e.get('resource')}'",
    "ipc.leaked": lambda e: f"{e.get('reason')}: {', '.join(map(str, e.get('names') or ()))}",
    "log.message": lambda e: f"{str(e.get('level', '')).upper()} {e.get('logger')}: {e.get('message')}",
}
"""Event -> its sentence."""
