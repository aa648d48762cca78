"""Logs made by hand, and expectations as a scenario's author writes them: what the tests of `expect` share."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from run_scenario import loader
from run_scenario.expect import Judge, Verdict
from run_scenario.scenario.expectations import Expectation

Event = dict[str, Any]

SCENARIO = """\
version: 1
queues: {q: {collect: 1}, r: {collect: 1}}
sync: {gate: {type: Lock}, line: {type: Barrier, parties: 2}, flag: {type: Event}, seats: {type: Semaphore}}
processes:
  - {name: A, target: produce, to: q, kwargs: {count: 1}}
  - {name: B, target: produce, to: r, kwargs: {count: 1}}
  - {name: C, target: hold_lock, uses: {lock: gate}}
  - {name: D, target: meet, uses: {barrier: line}}
  - {name: E, target: wait_for_event, uses: {event: flag}}
  - {name: F, steps: [{acquire: seats}, {release: seats}]}
expect:
"""


@functools.cache
def expectations(text: str) -> tuple[Expectation, ...]:
    """Return the expectations written in `text`, a YAML list, in a scenario with processes A to F."""
    indented = "".join(f"  {line}\n" for line in text.strip().splitlines())
    loaded = loader.load_text(SCENARIO + indented, use_cache=False)
    assert () == loaded.errors, [str(problem) for problem in loaded.errors]
    assert loaded.scenario is not None
    return loaded.scenario.expect


def log(*events: tuple[str, str] | tuple[str, str, dict[str, Any]], step: float = 0.1) -> list[Event]:
    """Return a log of events, each given as process, name and fields; `step` seconds lie between two of them."""
    made = []
    for index, (process, event, *fields) in enumerate(events):
        common = {"event": event, "seq": index + 1, "t": round(index * step, 6), "process": process, "pid": 1}
        made.append({**common, **(fields[0] if fields else {})})
    return made


def judge(text: str, events: Iterable[Event], *, complete: bool = True) -> Verdict:
    """Return the verdict on a single expectation; `complete`: the log has its end."""
    (expectation,) = expectations(text)
    judge = Judge([expectation])
    judge.take(events)
    return next(v for v in judge.finish(complete) if v.expectation == expectation)
