"""What a run came to: its outcome in one sentence, each process's end, each queue's balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from run_scenario.views.sentences import OUTCOMES, Event, why_stalled
from run_scenario.views.takings import Taking, shares, who_took
from run_scenario.views.text import plural, scrub, seconds

_CAUSES = {
    "returned": "returned",
    "exception": "failed",
    "sys.exit": "sys.exit()",
    "terminated": "terminated",
    "killed": "killed",
    "daemon": "terminated as a daemon",
    "signal": "ended by a signal",
    "crash": "crashed",
    "vanished": "vanished without a word",
    "swept": "stopped by run-scenario",
    "ended": "ended by itself",
    "cut_off": "cut off with its program",
    "unstarted": "never came to its target",
    "unknown": "ended, nobody knows how",
    "refused": "refused the scenario",
}


@dataclass(slots=True)
class _Process:
    pid: int | None = None
    started: bool = False
    exception: str = ""
    exit: Event | None = None


@dataclass(slots=True)
class _Queue:
    put: int = 0
    got: int = 0
    missing: int = 0
    """Dropped or lost: put, but never arrived."""
    left: int | None = None
    takers: defaultdict[str, Taking] = field(default_factory=lambda: defaultdict(Taking))


class ProcessRow(NamedTuple):
    """How a process ended, as text."""

    process: str
    pid: str
    ending: str
    exit_code: str
    cpu: str
    allowed: bool


class QueueRow(NamedTuple):
    """What went through a queue, as text."""

    queue: str
    put: str
    got: str
    left: str
    got_by: str
    clean: bool
    """Whether nothing was left over or lost."""


@dataclass(slots=True)
class _Pool:
    tasks: int = 0
    failed: int = 0
    lost: int = 0
    done_by: Counter[str] = field(default_factory=Counter)


class PoolRow(NamedTuple):
    """What a pool has done, as text."""

    pool: str
    done: str
    failed: str
    lost: str
    done_by: str
    clean: bool
    """Whether no task was lost."""


class Summary:
    """Gathers a summary event by event; its size depends on the processes and queues, not on the events."""

    def __init__(self) -> None:
        self._processes: dict[str, _Process] = {}
        self._queues: dict[str, _Queue] = {}
        self._pools: dict[str, _Pool] = {}
        self._stalled = ""
        self._end: Event | None = None

    @property
    def complete(self) -> bool:
        """Whether the run's last event was seen."""
        return self._end is not None

    def add(self, events: Iterable[Event]) -> None:
        """Take the next events into account."""
        for event in events:
            room, _, deed = str(event.get("event")).partition(".")
            if room == "queue":
                self._add_queue(deed, event)
            elif room == "pool":
                self._add_pool(deed, event)
            elif room == "process" and deed != "output":
                self._add_process(deed, event)
            elif room == "scenario" and deed == "finished":
                self._end = event
            elif room == "scenario" and deed == "stalled":
                self._stalled = why_stalled(event.get("reason"))

    def _add_process(self, deed: str, event: Event) -> None:
        process = self._processes.setdefault(str(event.get("process")), _Process())
        process.pid = event.get("pid") or process.pid
        if deed == "started":
            process.started = True
        elif deed == "failed":
            process.exception = str(event.get("exception"))
        elif deed == "exited":
            process.exit = event

    def _add_queue(self, deed: str, event: Event) -> None:
        queue = self._queues.setdefault(str(event.get("queue")), _Queue())
        if deed == "put":
            queue.put += 1
        elif deed == "get":
            queue.got += 1
            queue.takers[str(event.get("process"))].take(event.get("item"))
        elif deed == "item_dropped":
            queue.missing += 1
        elif deed == "items_lost":
            queue.missing += event.get("count") or 0
        elif deed == "left_over":
            queue.left = event.get("count")

    def _add_pool(self, deed: str, event: Event) -> None:
        pool = self._pools.setdefault(str(event.get("pool")), _Pool())
        if deed in ("task_finished", "task_failed"):
            pool.tasks += 1
            pool.failed += deed == "task_failed"
            pool.done_by[str(event.get("process"))] += 1
        elif deed == "worker_lost":
            pool.lost += 1

    def outcome(self) -> str:
        """Return one sentence: `passed after 3.01 s`, `stalled after 1.2 s: …`."""
        return "" if self._end is None else verdict(self._end, self._stalled)

    def ran(self) -> bool:
        """Whether any of the scenario was run: it was not refused."""
        return self._end is None or self._end.get("outcome") != "refused"

    def passed(self) -> bool:
        """Whether the run ended as the scenario wants it."""
        return self._end is not None and self._end.get("outcome") == "passed"

    def process_rows(self) -> list[ProcessRow]:
        """Return a row for each process, in the order in which they came up."""
        return [_process_row(name, process) for name, process in self._processes.items()]

    def pool_rows(self) -> list[PoolRow]:
        """Return a row for each pool, in the order in which they were used."""
        return [_pool_row(name, pool) for name, pool in self._pools.items()]

    def queue_rows(self) -> list[QueueRow]:
        """Return a row for each queue, in the order in which they were used."""
        return [_queue_row(name, queue) for name, queue in self._queues.items()]


def _pool_row(name: str, pool: _Pool) -> PoolRow:
    failed, lost = (str(count or "") for count in (pool.failed, pool.lost))
    return PoolRow(scrub(name), f"{pool.tasks:,}", failed, lost, shares(pool.done_by), not pool.lost)


def verdict(end: Event, stalled: str = "") -> str:
    """Return what a `scenario.finished` says, as one sentence; `stalled` is why nothing moved, if that is known.

    Why a scenario was refused is not told here: its problems are, each with its place in the file.
    """
    outcome = str(end.get("outcome"))
    told = () if outcome == "refused" else end.get("reasons") or ()
    reasons = [why_stalled(reason) for reason in told]
    if stalled and stalled not in reasons:
        reasons.insert(0, stalled)
    why = ": " + "; ".join(reasons) if reasons else _as_expected(end)
    option = " (the deadline is that of --timeout, or of `timeout:`)" if outcome == "timed_out" else ""
    return scrub(f"{OUTCOMES.get(outcome, outcome)} after {seconds(end.get('duration'))}{option}{why}")


def _as_expected(end: Event) -> str:
    counts = end.get("counts")
    count = counts.get("expectations") if isinstance(counts, Mapping) else None
    return f", {plural(count, 'expectation')} met" if count and end.get("outcome") == "passed" else ""


def _process_row(name: str, process: _Process) -> ProcessRow:
    end = process.exit or {}
    user, system = end.get("cpu_user"), end.get("cpu_system")
    code = end.get("exitcode")
    return ProcessRow(
        scrub(name),
        "" if process.pid is None else str(process.pid),
        scrub(ending(process.exit, process.exception, started=process.started)),
        "" if code is None else str(code),
        "" if user is None or system is None else f"{user + system:.2f} s",
        bool(end.get("allowed", True)),
    )


def ending(end: Event | None, exception: str = "", *, started: bool = True) -> str:
    """Return how a process ended, from what was logged of its end and the exception that its target raised."""
    if end is None:
        return "no end was seen" if started else "was not started"
    cause = str(end.get("cause"))
    words = _CAUSES.get(cause, cause)
    if cause == "daemon" and end.get("worker") == "thread":
        words = "cut off as a daemon"
    details = [text for text in (exception, str(end.get("signal") or "")) if text]
    return f"{words}: {', '.join(details)}" if details else words


def _queue_row(name: str, queue: _Queue) -> QueueRow:
    left = max(0, queue.put - queue.got - queue.missing) if queue.left is None else queue.left
    missing = f" ({queue.missing:,} lost)" if queue.missing else ""
    shown = who_took(queue.takers)
    return QueueRow(
        scrub(name), f"{queue.put:,}", f"{queue.got:,}", f"{left:,}{missing}", shown, not left and not queue.missing
    )
