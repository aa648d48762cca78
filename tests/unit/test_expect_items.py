"""Items that are expected: in YAML and in Python, as they are in the log; and what can never match."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from effort import examples
from expecting import judge, log
from run_scenario import EventLog, event, load, loader
from run_scenario.events.fields import compared
from run_scenario.recording.describe import describe


@dataclass
class Order:
    """An item as programs have them."""

    id: int
    parts: Any = ()


class Pair(NamedTuple):
    """Another one."""

    left: Any
    right: Any


class Colour(Enum):
    """A name for a value."""

    RED = 1


def events_of(item: Any) -> list[dict[str, Any]]:
    """Return the log of a run in which an item was put."""
    return log(("A", "queue.put", {"queue": "q", "item_id": 1, "item": describe(item)}))


DAY = date(2026, 1, 31)
WRITTEN: list[tuple[Any, str, bool]] = [
    # item, condition in YAML, whether it holds
    (DAY, "item: {date: '2026-01-31'}", True),
    (DAY, "item: {date: '20260131'}", True),
    (DAY, "item: {is: {date: '2026-01-31'}}", True),
    (DAY, "item: {is_not: {date: '2026-01-31'}}", False),
    (DAY, "item: {one_of: [1, {date: '2026-01-31'}]}", True),
    (DAY, "item: {object: datetime:date, text: '2026-01-31'}", True),
    (DAY, "item: '2026-01-31'", True),
    (DAY, "item: {matches: '2026-*'}", True),
    (DAY, "item.text: {matches: '2026-*'}", True),
    (DAY, "item: {date: '2026-02-01'}", False),
    (DAY, "item: {datetime: '2026-01-31'}", False),
    ("2026-01-31", "item: {date: '2026-01-31'}", False),
    ({"date": "2026-01-31"}, "item: {date: '2026-01-31'}", False),
    ({"date": "2026-01-31"}, "item: {dict: [[date, '2026-01-31']]}", True),
    (datetime(2026, 1, 31, 12, 30), "item: {datetime: '2026-01-31 12:30'}", True),
    ((1, 2), "item: {tuple: [1, 2]}", True),
    ((1, 2), "item: [1, 2]", True),
    ((1, 2), "item: {contains: 2}", True),
    ((1, (True,)), "item: [1, [1]]", False),
    ([1, 2], "item: {tuple: [1, 2]}", False),
    ([(1, {2})], "item: [{tuple: [1, {set: [2]}]}]", True),
    ({3, 1, 2}, "item: {set: [1, 2, 3]}", True),
    ({3, 1, 2}, "item: {contains: 2}", True),
    ({3, 1, 2}, "item: '{1, 2, 3}'", True),
    ({1}, "item: {frozenset: [1]}", False),
    (frozenset({1}), "item: {frozenset: [1]}", True),
    (b"ab", "item: {bytes: ab}", True),
    (b"\x00", "item: {hex: '00'}", True),
    ({1: "one"}, "item: {dict: [[1, one]]}", True),
    ({(1, 2): 0}, "item: {dict: [[{tuple: [1, 2]}, 0]]}", True),
    (Order(1), f"item: {{object: '{__name__}:Order', fields: {{id: 1, parts: {{tuple: []}}}}}}", True),
    (Order(1), f"item: {{fields: {{parts: {{tuple: []}}, id: 1}}, object: '{__name__}:Order'}}", True),
    (Order(1), "item.fields.id: 1", True),
    (Order(1), f"item: {{matches: '{__name__}.Order(id=1*'}}", True),
    (Order(2), f"item: {{object: '{__name__}:Order', fields: {{id: 1, parts: {{tuple: []}}}}}}", False),
    (Pair(1, 2), f"item: {{object: '{__name__}:Pair', fields: {{left: 1, right: 2}}}}", True),
    (Colour.RED, "item.name: RED", True),
    (timedelta(minutes=1), "item.seconds: {at_most: 60}", True),
    (None, "item: {is_not: null}", False),
    (DAY, "item: {is_not: null}", True),
]


@pytest.mark.parametrize(("item", "condition", "holds"), WRITTEN)
def test_in_yaml(item: Any, condition: str, holds: bool) -> None:
    """As a scenario writes data, as the log has it, or by a part of it; a list is met by a tuple, too."""
    found = judge(f"- exists: {{event: queue.put, {condition}}}", events_of(item))
    assert ("passed" if holds else "failed") == found.result
    text = yaml.safe_dump({"version": 1, "expect": [yaml.safe_load(f"exists: {{event: queue.put, {condition}}}")]})
    assert not loader.load_text(text, use_cache=False, kind="expectations").problems


ITEMS = [DAY, datetime(2026, 1, 31, tzinfo=UTC), timedelta(1), (1, (2,)), {1, "a"}, frozenset({(1,)}), b"x", 1.5, [DAY]]
ITEMS += [PurePosixPath("a"), Decimal("1.0"), Colour.RED, Pair(DAY, (1,)), Order(1, [b"x"]), {"k": {1}}]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: type(item).__name__)
def test_in_python(item: Any) -> None:
    """An item is expected as it is, in a log and in the dictionary of a scenario; each is equal to itself only."""
    for other in ITEMS:
        assert (item is other) == bool(EventLog(events_of(other)).exists(event("queue.put", item={"is": item})))
    found = EventLog(events_of([item]))
    assert found.exists("queue.put", item={"contains": item})
    assert found.one("queue.put", item={"one_of": [[item], 7]})
    expect = [
        {"exists": {"event": "queue.put", "item": {"one_of": (item,)}}},
        {"absent": {"event": "queue.put", "item": {"is": item}}},
    ]
    processes = [{"target": "produce", "to": "q", "kwargs": {"count": 1}}]
    scenario = load({"queues": {"q": {"collect": 1}}, "processes": processes, "expect": expect})
    for expectation in scenario.expect:
        operands = [each.operand for each in expectation.matchers[0].conditions if each.field == "item"]
        assert operands in ([describe(item)], [(describe(item),)])


def test_a_record_has_a_form_as_one_value() -> None:
    """In a table, an item that JSON has no word for does not become columns; a mapping does."""
    (record,) = EventLog(events_of((1, 2))).records()
    assert '{"tuple": [1, 2]}' == record["item"]
    (record,) = EventLog(events_of({"a": 1})).records()
    assert 1 == record["item.a"]


def test_who_compares_itself() -> None:
    """An operand that says itself what it is equal to is asked."""
    assert EventLog(events_of(0.1 + 0.2)).exists("queue.put", item=pytest.approx(0.3))


NEVER: list[tuple[Any, str]] = [
    ("x" * 201, "the first 200 characters of a text"),
    (list(range(17)), "the first 16 elements of a list"),
    (set(range(17)), "the first 16 elements of a set"),
    ({str(n): n for n in range(17)}, "the first 16 keys of a mapping"),
    ([[[[1]]]], "3 levels"),
    ([[[Order(1)]]], "3 levels"),
    (OrderedDict.fromkeys(range(17)), "the first 16 keys of a mapping"),
    (type("L", (list,), {})(range(17)), "the beginning of what is as long as this"),
    (Order(1, "x" * 201), "the first 200 characters of a text"),
    (1 << 70, "the size of an integer beyond 64 bits"),
    (b"x" * 33, "the number of bytes of more than 32"),
    (object(), "a description of an object such as this, '<object>'"),
]


@pytest.mark.parametrize(("operand", "expected"), NEVER, ids=[expected for _, expected in NEVER])
@pytest.mark.parametrize("operator", ["is", "is_not", "contains", "one_of"])
def test_what_never_matches(operand: Any, expected: str, operator: str) -> None:
    """Of so much the log has only a part: that it was all of it cannot be seen, so it is refused."""
    operand = [operand] if operator == "one_of" else operand
    with pytest.raises(ValueError, match=f"can never match: the log has only {expected}"):
        EventLog(events_of(1)).exists(event("queue.put", item={operator: operand}))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"item: {'x' * 201}", "22: error: this can never match: the log has only the first 200 characters of a text"),
        ("item: {date: soon}", "22: error: `date` cannot be 'soon'"),
        ("item: {is: {tuple: 1}}", "27: error: `tuple` cannot be 1"),
        ("item: {object: 'a:B', args: [1]}", "36: error: unknown key 'args' in a condition"),
        (
            "item: {is: {object: 'a:B', args: [1]}}",
            "27: error: what an object consists of when it is made is not known",
        ),
        ("item: {object: 'a:B', name: X}", "22: error: no object in the log has name beside its class"),
        ("item: {date: '2026-01-31', at_least: 1}", "23: error: 'date' does not compare"),
        ("item_id: {date: '2026-01-31'}", "25: error: `item_id` is never a mapping"),
    ],
)
def test_what_is_wrong_in_yaml(condition: str, expected: str) -> None:
    """It is an error at its place, before the run."""
    text = f"version: 1\nexpect:\n- exists: {{{condition}, event: queue.get}}\n"
    (found,) = loader.load_text(text, file="e.yaml", use_cache=False, kind="expectations").problems
    assert loader.format_problem(found).startswith("e.yaml:3:")
    assert expected.partition(": ")[2] in loader.format_problem(found)


SMALL = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.dates() | st.binary(max_size=3)
DATA = st.recursive(
    SMALL,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(["a", "date", "tuple"]), inner, min_size=2)
        | st.builds(Order, inner, inner)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=8,
)


@examples(200)
@given(DATA)
def test_what_is_expected_is_what_is_told(item: Any) -> None:
    """The form of an operand is the description of the item, unless that tells only a part."""
    try:
        operand = compared("item", "is", item)
    except ValueError:
        assert "<" in str(describe(item))  # what lies too deep
        return
    assert describe(item) == operand
    assert operand == compared("item", "is", operand)
