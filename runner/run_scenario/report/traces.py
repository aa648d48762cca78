"""A run for other people's viewers: Perfetto or chrome://tracing, and ShiViz."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from run_scenario.events.history.history import History, read
from run_scenario.expect.clocks import Clocks
from run_scenario.report.json_parts import json_parts
from run_scenario.report.sentences import Event, sentence
from run_scenario.report.summary import lane_exit
from run_scenario.report.terminal.cells import ascii_of
from run_scenario.report.text import value

_QUEUES = 1
"""The process id that queues are shown under; no process of a run has it."""

_SHIVIZ = r"(?<host>\S+) (?<clock>\{.*\})\n(?<event>.*)"
"""How ShiViz is to read the lines; it takes this from the first line of the file."""


def perfetto(events: Iterable[Event]) -> Iterator[str]:
    """Yield Chrome's trace format, as JSON: slices, instants, an arrow from each put to its get, lengths of queues."""
    history = read(events)
    parts = chain(_metadata(history), _slices(history), _flows(history), _counters(history))
    run, scenario = ("", "") if history.started is None else (history.started.run, history.started.scenario)
    other = {"run": run, "scenario": scenario, "title": history.title}
    document = {"traceEvents": parts, "displayTimeUnit": "ms", "otherData": other}
    yield from json_parts(document, partial(json.dumps, separators=(",", ":")))
    yield "\n"


def _micro(t: float) -> float:
    return round(t * 1e6, 3)


def _tracks(history: History) -> dict[str, tuple[int, int]]:
    """Return process and thread id of each lane: threads are under their program, and no two lanes are the same."""
    tracks: dict[str, tuple[int, int]] = {}
    for number, lane in enumerate(history.lanes.values(), 1):
        pid = lane.pid or 10_000_000 + number
        tid = pid if lane.worker == "process" else 20_000_000 + number
        while (pid, tid) in tracks.values():  # a pid may come again in one run
            tid += 1
        tracks[lane.name] = (pid, tid)
    return tracks


def _metadata(history: History) -> Iterator[dict[str, Any]]:
    named: set[int] = set()
    for index, (name, (pid, tid)) in enumerate(_tracks(history).items()):
        if pid not in named:
            named.add(pid)
            yield {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}
            yield {"ph": "M", "name": "process_sort_index", "pid": pid, "args": {"sort_index": index}}
        yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}
    if history.channels:
        yield {"ph": "M", "name": "process_name", "pid": _QUEUES, "args": {"name": "items in queues"}}


def _slices(history: History) -> Iterator[dict[str, Any]]:
    tracks = _tracks(history)
    for name, lane in history.lanes.items():
        segments, (pid, tid) = history.segments_of(lane), tracks[name]
        if not segments:
            continue
        start, end = segments[0].start, segments[-1].end
        args = {"target": lane.target, "end": lane_exit(lane), "reason": "" if lane.end is None else lane.end.reason}
        common = {"ph": "X", "pid": pid, "tid": tid}
        yield {**common, "name": name, "cat": "process", "ts": _micro(start), "dur": _micro(end - start), "args": args}
        for each in segments:
            title = each.what or each.state
            length = _micro(each.end - each.start)
            yield {**common, "name": title, "cat": each.state, "ts": _micro(each.start), "dur": length}
        for mark in lane.marks:
            yield {"ph": "i", "s": "t", "pid": pid, "tid": tid, "name": mark.text, "ts": _micro(mark.t)}


def _flows(history: History) -> Iterator[dict[str, Any]]:
    """Yield an arrow for each item; it binds to the slices that enclose its two ends."""
    tracks = _tracks(history)
    for number, message in enumerate(history.messages, 1):
        common = {"name": message.channel, "cat": "item", "id": number}
        (pid, tid), (other_pid, other_tid) = tracks[message.producer], tracks[message.consumer]
        args = {"item": value(message.item)}
        yield {**common, "ph": "s", "pid": pid, "tid": tid, "ts": _micro(message.put), "args": args}
        yield {**common, "ph": "f", "bp": "e", "pid": other_pid, "tid": other_tid, "ts": _micro(message.got)}


def _counters(history: History) -> Iterator[dict[str, Any]]:
    for channel in history.channels.values():
        for t, depth in channel.depths:
            yield {"ph": "C", "pid": _QUEUES, "name": channel.name, "ts": _micro(t), "args": {"items": depth}}


def shiviz(events: Iterable[Event]) -> Iterator[str]:
    """Yield a log with vector clocks, as ShiViz reads it: its first line says how."""
    clocks = Clocks()
    hosts: dict[str, str] = {}
    yield f"{_SHIVIZ}\n\n"
    for event in events:
        clocks.see(event)
        actor = clocks.actor(event)
        clock = {_host(name, hosts): moment for name, moment in clocks.now(event).items()}
        subject = str(event.get("process"))
        about = "" if subject == actor else f"{subject}: "
        yield f"{_host(actor, hosts)} {json.dumps(clock)}\n{ascii_of(f'{about}{sentence(event)}')}\n"


def _host(name: str, hosts: dict[str, str]) -> str:
    """Return a process's name without blanks and braces, different from all others."""
    known = hosts.get(name)
    if known is None:
        wanted = re.sub(r"[^A-Za-z0-9_.-]+", "_", name) or "_"
        known, number = wanted, 2
        while known in hosts.values():
            known, number = f"{wanted}_{number}", number + 1
        hosts[name] = known
    return known
