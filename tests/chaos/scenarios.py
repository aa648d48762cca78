"""Random scenarios: short, with something of everything, and one process that notes what it has been told is done."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

METHODS = ("fork", "spawn", "forkserver")
TIMEOUT = 3.0
"""Seconds; whoever was stopped for good is ended by the deadline."""

Part = dict[str, Any]


def _queue(rng: random.Random) -> Part:
    kind = rng.choice(["Queue", "JoinableQueue", "SimpleQueue"])
    task_done = kind == "JoinableQueue" and rng.random() < 0.5
    worker = {"name": "Worker", "replicas": 2, "target": "consume", "from": "tasks", "kwargs": {"task_done": task_done}}
    producer = {"name": "Producer", "target": "produce", "to": "tasks"}
    producer["kwargs"] = {"count": 30, "interval": 0.01, "poison_pills": 2}
    queue: Part = {"type": kind} | ({"join": False} if kind == "JoinableQueue" else {})
    return {"queues": {"tasks": queue}, "processes": [worker, producer]}


def _locks(rng: random.Random) -> Part:
    worker = {"name": "Holder", "replicas": 3, "target": "hold_lock", "uses": {"lock": "gate"}}
    worker["kwargs"] = {"times": 20, "seconds": 0.005}
    meeting = {"name": "Meeting", "replicas": 2, "target": "meet", "uses": {"barrier": "line"}}
    sync = {"gate": {"type": rng.choice(["Lock", "RLock"])}, "line": {"type": "Barrier", "parties": 2}}
    return {"sync": sync, "processes": [worker, meeting]}


def _pool(rng: random.Random) -> Part:
    call = {rng.choice(["map", "imap", "map_async"]): "sleep_for", "over": [0.05] * 8, "chunksize": 1}
    return {"pools": {"crunch": {"processes": 2, "calls": [call]}}}


def _shared(rng: random.Random) -> Part:
    shared = {
        "stock": {"type": "dict"},
        "board": {"type": "SharedMemory", "size": 1000},
        "hits": {"type": "Value", "typecode": "i"},
    }
    writer = {"name": "Writer", "replicas": 2, "target": "put_into", "uses": {"mapping": "stock"}}
    writer["kwargs"] = {"key": "a", "value": rng.randrange(10)}
    return {"shared": shared, "processes": [writer]}


def _tree(rng: random.Random) -> Part:
    stubborn = {"name": "Stubborn", "target": "actors:be_stubborn", "join_timeout": 0.3, "kill": True}
    return {"processes": [stubborn, {"name": "Busy", "target": "spin", "kwargs": {"seconds": 0.3}}]}


def _threads(rng: random.Random) -> Part:
    return {"processes": [{"name": "Thread", "target": "sleep", "worker": "thread", "kwargs": {"seconds": 0.5}}]}


PARTS = (_queue, _locks, _pool, _shared, _tree, _threads)


def make(rng: random.Random, noted: Path) -> str:
    """Return the text of a scenario whose process Noting writes into a file how many of its puts have returned."""
    noting = {"name": "Noting", "target": "actors:put_and_note", "to": "noted", "kwargs": {"path": str(noted)}}
    parts = [part(rng) for part in rng.sample(PARTS, k=rng.choice([1, 1, 2]))]
    whole: Part = {"version": 1, "timeout": TIMEOUT, "start_method": rng.choice(METHODS), "queues": {"noted": {}}}
    whole["processes"] = [{**noting, "exitcode": "any"}]
    for part in parts:
        for section, content in part.items():
            if section == "processes":
                whole["processes"] += content
            else:
                whole.setdefault(section, {}).update(content)
    return json.dumps(whole)
