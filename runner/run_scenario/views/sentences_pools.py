"""The sentences of pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from run_scenario.views.text import plural, seconds, value

Event = Mapping[str, Any]

_NOTABLE_WAIT = 0.1
"""Seconds from which on a wait is worth a word."""


def _pool(event: Event) -> str:
    return f"pool '{event.get('pool', '?')}'"


def _task(event: Event) -> str:
    return f"task {event.get('task')} of {event.get('method')}()"


def _after(event: Event) -> str:
    waited = event.get("waited") or 0.0
    return f" after waiting {seconds(waited)}" if waited >= _NOTABLE_WAIT else ""


def _raised(event: Event) -> str:
    message = event.get("message")
    return f"{event.get('exception')}: {message}" if message else str(event.get("exception"))


def _started(event: Event) -> str:
    arguments = ", ".join(value(argument) for argument in event.get("arguments") or ())
    return f"begins {_task(event)}: {arguments}"


def _ended(event: Event) -> str:
    signal = event.get("signal")
    return f"ended by {signal}" if signal else f"ended with exit code {event.get('exitcode')}"


def _called(event: Event) -> str:
    tasks = plural(event.get("tasks") or 0, "task")
    return f"calls {event.get('method')}({event.get('function')}, …) of {_pool(event)}: {tasks}"


def _lost(event: Event) -> str:
    when = "while it waited for a task" if event.get("task") is None else f"with {_task(event)}"
    return f"was lost {when}: {_ended(event)}"


def _crash_loop(event: Event) -> str:
    why = f" ({event.get('reason')})" if event.get("reason") else ""
    return f"starts no more workers for {_pool(event)}: {event.get('workers')} have ended without doing anything{why}"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "pool.created": lambda e: f"creates {_pool(e)}, {e.get('type')}: {plural(e.get('processes') or 0, 'worker')}",
    "pool.worker_started": lambda e: f"works for {_pool(e)} (pid {e.get('pid')})",
    "pool.worker_failed": lambda e: f"fails outside of a task: {_raised(e)}",
    "pool.worker_exited": lambda e: f"{_ended(e)} after {plural(e.get('tasks') or 0, 'task')} for {_pool(e)}",
    "pool.worker_lost": _lost,
    "pool.crash_loop": _crash_loop,
    "pool.called": _called,
    "pool.task_started": _started,
    "pool.task_finished": lambda e: f"finished {_task(e)} after {seconds(e.get('duration'))}: {value(e.get('result'))}",
    "pool.task_failed": lambda e: f"failed at {_task(e)}: {_raised(e)}",
    "pool.result": lambda e: f"takes result {e.get('position')} of {e.get('method')}(): {value(e.get('result'))}",
    "pool.returned": lambda e: f"has the result of {e.get('method')}(){_after(e)}: {value(e.get('result'))}",
    "pool.call_failed": lambda e: f"{e.get('method')}() of {_pool(e)} raised {_raised(e)}",
    "pool.closed": lambda e: f"closes {_pool(e)}",
    "pool.terminated": lambda e: f"terminates {_pool(e)}",
    "pool.joined": lambda e: f"has joined {_pool(e)}{_after(e)}",
}
"""Event -> its sentence."""
