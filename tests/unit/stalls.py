"""Deadlocks made by hand: who waits, the ledgers of the queues, who holds what, and the events so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from example_events import event as example

from run_scenario.events.diagnosis.diagnosis import diagnose, stuck_process, stuck_thread
from run_scenario.events.diagnosis.facts import FactBook
from run_scenario.events.diagnosis.graph import Situation, WaitForGraph
from run_scenario.events.diagnosis.reports import Frame, Waiting
from run_scenario.events.queue_ledger import QueueLedger
from run_scenario.events.types import ALL, Event, ScenarioStalled
from run_scenario.recording import codes, layout
from run_scenario.report.diagnosis import explain
from run_scenario.scenario.model import QueueSpec, Scenario

EVENT: Any = reduce(or_, ALL)
"""Any event, as its type."""


def waiting(
    process: str,
    kind: int = codes.MOVING,
    resource: int = layout.NO_RESOURCE,
    pid: int = 1,
    *,
    until: int = 0,
    state: str = "S",
    frames: tuple[Frame, ...] = (),
    around: tuple[tuple[int, int], ...] = (),
) -> Waiting:
    """Return what one process waits for."""
    return Waiting(process, pid, state, kind, resource, 5, until, frames, around)


def ledger(queue: QueueSpec, put: int = 0, got: int = 0, done: int = 0, by: int = 1, taker: str = "C") -> QueueLedger:
    """Return a queue's ledger after so many puts, gets and task_done()s."""
    ledger = QueueLedger(queue)
    for number in range(put):
        ledger.record_put((by << 40) + number, number)
    for number in range(got):
        ledger.record_get((by << 40) + number, taker)
    for _ in range(done):
        ledger.record_done(taker)
    return ledger


def happened(*events: Mapping[str, Any]) -> list[Event]:
    """Return events numbered from 1, one a second; fields that are not given are those of the examples."""
    return [_typed(number, **event) for number, event in enumerate(events, start=1)]


def _typed(seq: int, event: str, process: str, **fields: Any) -> Event:
    made: Event = msgspec.convert(example(event, process, float(seq), seq=seq, **fields), EVENT)
    return made


def stall(
    scenario: Scenario,
    who: Sequence[Waiting],
    *,
    ledgers: Sequence[QueueLedger] = (),
    ended: Mapping[str, str] | Sequence[str] = (),
    holders: Mapping[int, Sequence[str]] | None = None,
    events: Sequence[Event] = (),
    cause: Any = "deadlock",
    makers: Mapping[str, str] | None = None,
) -> ScenarioStalled:
    """Return what is found out about a deadlock; its texts are still missing."""
    facts = FactBook()
    facts.note(events)
    held = holders or {}
    situation = Situation(
        scenario=scenario,
        waiting=who,
        ended=ended if isinstance(ended, Mapping) else dict.fromkeys(ended, "returned"),
        ledgers=dict(enumerate(ledgers)),
        holders=lambda index: held.get(index, ()),
        facts=facts,
        name_of=lambda pid: next((w.process for w in who if w.pid == pid), f"pid {pid}"),
        seconds=lambda t: t / 1e9,
        makers=makers or {},
    )
    graph = WaitForGraph(situation)
    return ScenarioStalled(
        reason="",
        cause=cause,
        processes=[stuck_process(graph, w, 1.0) for w in who if not w.thread],
        threads=[stuck_thread(graph, w, 1.0) for w in who if w.thread],
        queues=[each.summary() for each in ledgers],
        diagnosis=diagnose(graph, cause, 1.0),
    )


def sentence(*args: Any, **more: Any) -> str:
    """Return the sentence about such a deadlock."""
    return explain(stall(*args, **more))[0]
