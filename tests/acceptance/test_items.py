"""Items that JSON has no word for: put and got, told, expected, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recorded import record

from run_scenario.report.sentences import sentence

SCRIPT = """
import multiprocessing
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import PurePosixPath
from typing import NamedTuple

def refuse(*args):
    raise AssertionError("code of the item was run")

@dataclass
class Order:
    id: int
    day: date
    __repr__ = __eq__ = __len__ = __iter__ = __bool__ = __str__ = refuse

class Pair(NamedTuple):
    left: object
    right: object

class Colour(Enum):
    RED = 1

def items():
    day = date(2026, 1, 31)
    return [(1, 2), [1, 2], {2, 1}, day, Order(7, day), Pair(1, Colour.RED), PurePosixPath("a/b"), Counter("aa"), b"ab"]

def take(tasks, answers, number):
    for _ in range(number):
        answers.send(tasks.get())

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    tasks = multiprocessing.Queue()
    here, there = multiprocessing.Pipe()
    taker = multiprocessing.Process(target=take, args=(tasks, there, len(items())), name="Taker")
    taker.start()
    for item in items():
        tasks.put(item)
    for _ in items():
        here.recv()
    taker.join()
    with multiprocessing.Pool(1) as pool:
        pool.apply(tuple, ([3],))
"""
DAY = {"object": "datetime:date", "text": "2026-01-31"}
PAIR = {"left": 1, "right": {"object": "__main__:Colour", "name": "RED", "value": 1}}
ITEMS: list[Any] = [
    {"tuple": [1, 2]},
    [1, 2],
    {"set": [1, 2]},
    DAY,
    {"object": "__main__:Order", "fields": {"id": 7, "day": DAY}},
    {"object": "__main__:Pair", "fields": PAIR},
    {"object": "pathlib:PurePosixPath", "text": "a/b"},
    {"object": "collections:Counter", "value": {"a": 2}},
    "b'ab'",
]
EXPECTATIONS = """
version: 1
expect:
- {count: {event: queue.get, item: {tuple: [1, 2]}}, is: 1}
- {count: {event: queue.get, item: [1, 2]}, is: 2}
- exists: {event: queue.get, item: {set: [1, 2]}}
- exists: {event: pipe.received, item: {date: '2026-01-31'}}
- exists: {event: queue.get, item: {object: '__main__:Order', fields: {id: 7, day: {date: '2026-01-31'}}}}
- exists: {event: queue.get, item.fields.right.name: RED}
- exists: {event: queue.put, item: {object: pathlib:PurePosixPath, text: a/b}}
- exists: {event: queue.get, item: {bytes: ab}}
- exists: {event: pool.returned, result: {tuple: [3]}}
- absent: {event: queue.get, item: {date: '2026-02-01'}}
"""


def test_items_are_told_as_they_are(tmp_path: Path, method: str) -> None:
    """In each process alike, without a call of their own; an expectation has them as data, and a view as Python."""
    expect = tmp_path / "expectations.yaml"
    expect.write_text(EXPECTATIONS)
    recorded = record(tmp_path, SCRIPT, method, options=("--expect", str(expect)))
    assert (0, "") == (recorded.status, recorded.stdout), recorded.stderr
    log = recorded.log
    for name in ("queue.put", "queue.get", "pipe.sent", "pipe.received"):
        assert ITEMS == [event["item"] for event in log.all(name)]
    assert not log.all("queue.item_mutated")
    assert "10 expectations met" in recorded.stderr
    put = [sentence(event) for event in log.all("queue.put")]
    assert put[0].startswith("put (1, 2) on ")
    assert put[2].startswith("put {1, 2} on ")
    assert put[4].startswith("put __main__.Order(id=7, day=2026-01-31) on ")
