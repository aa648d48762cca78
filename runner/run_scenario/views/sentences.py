"""One event, one sentence: what happened to the process that the event is about.

A sentence has no subject (`is alive`): the view writes the process before it. Every field is looked up gently, so
that the log of another version still reads well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.views import (
    sentences_expectations,
    sentences_main,
    sentences_pipes,
    sentences_pools,
    sentences_shared,
    sentences_sync,
)
from run_scenario.views.text import plural, scrub, seconds, value, values

Event = Mapping[str, Any]

OUTCOMES = {
    "passed": "passed",
    "failed": "failed",
    "stalled": "stalled",
    "timed_out": "timed out",
    "too_much": "stopped",
    "interrupted": "interrupted",
    "refused": "refused",
    "broken": "broken off",
}

COMMON = frozenset(("event", "level", "timestamp", "t", "seq", "run", "scenario", "process", "pid", "n"))
"""The fields of every event."""

_MAIN = "MainProcess"
_TOLD_BEFORE = frozenset(("returned", "exception", "sys.exit", "refused"))
"""Causes of an end that an event before has told: `process.finished`, `process.failed` and so on."""

_NOTABLE_WAIT = 0.1
"""Seconds from which on it is worth a word that a put or a get had to wait."""


def sentence(event: Event) -> str:
    """Return what happened, as one line that is safe on a terminal."""
    kind = str(event.get("event", ""))
    tell = _SENTENCES.get(kind)
    return scrub(tell(event) if tell else _unknown(kind, event))


def _unknown(kind: str, event: Event) -> str:
    fields = (f"{name}={value(content)}" for name, content in event.items() if name not in COMMON)
    return " ".join((kind, *fields))


def _queue(event: Event) -> str:
    return f"'{event.get('queue', '?')}'"


def _by(event: Event) -> str:
    return str(event.get("by") or "somebody")


def _why(event: Event) -> str:
    return f": {event['reason']}" if event.get("reason") else ""


def _waited(event: Event) -> str:
    waited = event.get("waited") or 0.0
    return f" after waiting {seconds(waited)}" if waited >= _NOTABLE_WAIT else ""


def why_stalled(reason: object) -> str:
    """Return who waits for what, without that the deadline was reached: everybody who asks says so himself."""
    return str(reason or "").removeprefix("the deadline was reached: ")


# scenario


def _scenario_stalled(event: Event) -> str:
    what = "the deadline has passed" if event.get("cause") == "deadline" else "stalled"
    why = why_stalled(event.get("reason"))
    return f"{what}: {why}" if why else what


def _scenario_started(event: Event) -> str:
    title = event.get("title") or event.get("scenario")
    facts = (
        str(event.get("start_method")),
        f"Python {event.get('python')}",
        *_pinned(event),
        f"deadline {seconds(event.get('timeout'))}",
    )
    return f"{title} ({', '.join(facts)})"


def _pinned(event: Event) -> tuple[str, ...]:
    cpus = [str(cpu) for cpu in event.get("pinned_to") or ()]
    return (f"on CPU {', '.join(cpus)} alone",) if cpus else ()


def _scenario_finished(event: Event) -> str:
    outcome = str(event.get("outcome"))
    return f"{OUTCOMES.get(outcome, outcome)} after {seconds(event.get('duration'))}"


# process


def _starting(event: Event) -> str:
    how = {"thread": " as a daemon thread", "serial": ""} if event.get("daemon") else {"thread": " as a thread"}
    daemon = ", as a daemon" if event.get("daemon") else ""
    verb = "calls" if event.get("worker") == "serial" else "starts"
    return f"{_by(event)} {verb} it{how.get(str(event.get('worker')), daemon)}: {event.get('target')}"


def _started(event: Event) -> str:
    if event.get("parent") is None:
        return f"runs as pid {event.get('pid')}: the main program"
    daemon = ", a daemon" if event.get("daemon") else ""
    if event.get("worker") in ("thread", "serial"):
        what = "as a thread of" if event["worker"] == "thread" else "in"
        return f"runs {what} {event.get('parent')} (pid {event.get('pid')}){daemon}"
    return f"runs as pid {event.get('pid')}, child of {event.get('parent')} (pid {event.get('ppid')}){daemon}"


def _finished(event: Event) -> str:
    what = "did its last step" if event.get("process") == _MAIN else "finished: its target returned"
    return f"{what} after {seconds(event.get('duration'))}"


def _failed(event: Event) -> str:
    message = event.get("message")
    return f"failed with {event.get('exception')}" + (f": {message}" if message else "")


def _exited(event: Event) -> str:
    code = event.get("exitcode")
    if code is None:
        alone = event.get("worker") in ("thread", "serial") and event.get("cause") in _TOLD_BEFORE
        return "ended" if alone else f"ended{_why(event)}"
    end = f"ended with exit code {code}"
    cause = event.get("cause")
    if cause == "swept":
        return f"{end}: {event.get('by')} sent {event.get('signal')}"
    return end if cause in _TOLD_BEFORE else end + _why(event)


def _joining(event: Event) -> str:
    timeout = event.get("timeout")
    limit = "" if timeout is None else f", for {seconds(timeout)} at most"
    return f"{_by(event)} waits for its end{limit}"


def _timed_out_join(event: Event) -> str:
    return f"has not ended: {_by(event)} waited {seconds(event.get('waited'))} and goes on"


def _alive(event: Event) -> str:
    return f"{_by(event)} asks is_alive(): {bool(event.get('alive'))}"


def _orphaned(event: Event) -> str:
    parent = event.get("ppid")
    command = event.get("command")
    return "lost its parent" + (f" (pid {parent})" if parent else "") + (f": {command}" if command else "")


def _threads(event: Event) -> str:
    names = [str(name) for name in event.get("threads") or ()]
    return (
        f"its {'thread' if len(names) == 1 else 'threads'} {', '.join(names)} {'goes' if len(names) == 1 else 'go'} on"
    )


def _output(event: Event) -> str:
    cut = " …" if event.get("truncated") else ""
    return f"{'!' if event.get('stream') == 'stderr' else '|'} {event.get('text', '')}{cut}"


# queue


def _put(event: Event) -> str:
    return f"put {value(event.get('item'))} on {_queue(event)}{_waited(event)}"


def _get(event: Event) -> str:
    return f"got {value(event.get('item'))} from {_queue(event)}{_waited(event)}"


def _empty(event: Event) -> str:
    if event.get("call") == "get":
        return f"got nothing from {_queue(event)}: it was empty"
    return f"asks whether {_queue(event)} is empty: {bool(event.get('empty'))}"


def _full(event: Event) -> str:
    if event.get("call") == "put":
        return f"put nothing on {_queue(event)}: it was full"
    return f"asks whether {_queue(event)} is full: {bool(event.get('full'))}"


def _task_done(event: Event) -> str:
    unfinished = event.get("unfinished")
    left = "" if unfinished is None else f", {unfinished:,} unfinished"
    return f"task_done() on {_queue(event)}{left}"


def _dropped(event: Event) -> str:
    return f"{value(event.get('item'))} never reached {_queue(event)}: {event.get('error')}"


def _mutated(event: Event) -> str:
    put, got = value(event.get("put")), value(event.get("got"))
    return f"got {got} from {_queue(event)}, but {put} was put: it was changed before it was pickled"


def _lost(event: Event) -> str:
    return f"{plural(event.get('count', 0), 'item')} that it put on {_queue(event)} never arrived"


def _left_over(event: Event) -> str:
    count, pills = event.get("count", 0), event.get("pills", 0)
    known = values(event.get("items") or (), count)
    of_these = f" ({plural(pills, 'poison pill')})" if pills else ""
    return f"{plural(count, 'item')} left on {_queue(event)}{of_these}" + (f": {known}" if known else "")


def _helper(event: Event) -> str:
    by = f", by {event['signal']}," if event.get("signal") else ""
    return f"multiprocessing's {event.get('helper')} (pid {event.get('helper_pid')}){by}"


_SENTENCES: dict[str, Callable[[Event], str]] = {
    **sentences_expectations.SENTENCES,
    **sentences_main.SENTENCES,
    **sentences_pipes.SENTENCES,
    **sentences_pools.SENTENCES,
    **sentences_shared.SENTENCES,
    **sentences_sync.SENTENCES,
    "scenario.started": _scenario_started,
    "scenario.stalled": _scenario_stalled,
    "scenario.limit_reached": lambda e: f"is stopped: {e.get('reason')}",
    "process.output_cut_off": lambda e: f"its further output is left out: {e.get('reason')}",
    "scenario.timed_out": lambda e: f"the deadline of {seconds(e.get('timeout'))} has passed",
    "scenario.interrupted": lambda e: f"interrupted by {e.get('signal')}",
    "scenario.refused": lambda e: f"refused{_why(e)}",
    "scenario.failed": lambda e: f"the run itself failed{_why(e)}",
    "scenario.finished": _scenario_finished,
    "process.starting": _starting,
    "process.started": _started,
    "process.finished": _finished,
    "process.exiting": lambda e: f"calls sys.exit(): exit code {e.get('exitcode')}",
    "process.failed": _failed,
    "process.exited": _exited,
    "process.lingering": lambda e: f"does not end yet: {_threads(e)}",
    "process.joining": _joining,
    "process.joined": lambda e: f"joined by {_by(e)} after {seconds(e.get('waited'))}",
    "process.join_timed_out": _timed_out_join,
    "process.alive": _alive,
    "process.terminating": lambda e: f"{_by(e)} terminates it{_why(e)}",
    "process.killing": lambda e: f"{_by(e)} kills it{_why(e)}",
    "process.escalated": lambda e: f"does not heed SIGTERM, {_by(e)} sends SIGKILL{_why(e)}",
    "process.orphaned": _orphaned,
    "process.misreported": lambda e: f"{_by(e)} is told exit code {e.get('exitcode')}{_why(e)}",
    "process.output": _output,
    "queue.put": _put,
    "queue.get": _get,
    "queue.empty": _empty,
    "queue.full": _full,
    "queue.task_done": _task_done,
    "queue.joining": lambda e: f"waits until every item of {_queue(e)} is done",
    "queue.joined": lambda e: f"every item of {_queue(e)} is done after {seconds(e.get('waited'))}",
    "queue.closed": lambda e: f"closes {_queue(e)}: it will put nothing more",
    "queue.thread_joined": lambda e: f"has written all it put on {_queue(e)} after {seconds(e.get('waited'))}",
    "queue.item_dropped": _dropped,
    "queue.item_mutated": _mutated,
    "queue.items_lost": _lost,
    "queue.left_over": _left_over,
    "queue.poisoned": lambda e: f"leaves {_queue(e)} broken{_why(e)}",
    "helper.lost": lambda e: f"{_helper(e)} has ended too early{_why(e)}",
    "ipc.leaked": lambda e: f"{e.get('reason')}: {', '.join(map(str, e.get('names') or ()))}",
    "log.message": lambda e: f"{str(e.get('level', '')).upper()} {e.get('logger')}: {e.get('message')}",
}
