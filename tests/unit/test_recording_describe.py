"""How items are shown: small plain data, made without running anybody's code."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgpack import Packer

from effort import examples
from run_scenario import targets
from run_scenario.recording.describe import DEPTH_LIMIT, ELEMENTS_LIMIT, TEXT_LIMIT, describe, describe_elements
from run_scenario.scenario.data import in_words
from run_scenario.scenario.model import CallSpec

Point = namedtuple("Point", "x y")


@dataclass
class Order:
    """An item as programs have them."""

    kind: ClassVar[str] = "order"
    id: int
    parts: Any = ()
    note: str = field(default="", init=False)


@dataclass(slots=True, frozen=True)
class Slots:
    """The same without a dictionary."""

    id: int
    unset: int = field(init=False)


class Colour(Enum):
    """A name for a value."""

    RED = 1
    NONE = None


class Level(IntEnum):
    """A name for a number."""

    HIGH = 3


class Access(Flag):
    """Names for bits."""

    READ = 1
    WRITE = 2


class Plain:
    """An object with attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Slotted:
    """An object without a dictionary."""

    __slots__ = ("x",)


class Hostile:
    """An object whose every method would be noticed."""

    def __init__(self) -> None:
        object.__setattr__(self, "secret", 1)

    def _refuse(self, *args: Any) -> Any:
        raise AssertionError("code of the item was run")

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __bool__ = __getattr__ = __getattribute__ = _refuse  # type: ignore[assignment]
    __hash__ = __format__ = __reduce__ = __class_getitem__ = _refuse  # type: ignore[assignment]


class Proxy:
    """An object that computes its own dictionary, as the proxies of some web frameworks do, and now cannot."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        raise RuntimeError("working outside of request context")


class HostileText(str):
    """A str that is more than a str."""

    __repr__ = __str__ = __len__ = __getitem__ = Hostile._refuse  # type: ignore[assignment]


def of_hostile_class() -> Any:
    """Return an object whose class's class refuses too; made here, out of sight of those who look at classes."""

    class HostileMeta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise AssertionError("code of the item's class was run")

    class OfHostileMeta(metaclass=HostileMeta):
        pass

    return OfHostileMeta()


EXAMPLES = [
    (None, None),
    (True, True),
    (7, 7),
    (2**63 - 1, 2**63 - 1),
    (-(2**63), -(2**63)),
    (2**63, "<int of 64 bits>"),
    (1.5, 1.5),
    (math.inf, "inf"),
    (-math.inf, "-inf"),
    (math.nan, "nan"),
    ("text", "text"),
    ("x" * 201, "x" * 200 + "… <201 characters>"),
    (b"ab", "b'ab'"),
    (bytearray(b"ab"), "b'ab'"),
    (b"x" * 33, "<bytes of 33>"),
    ((1, [2, (3,)]), {"tuple": [1, [2, {"tuple": [3]}]]}),
    ([[[[1]]]], [[["<list>"]]]),
    ([[[(1,)]]], [[["<tuple>"]]]),
    ({"a": {"b": 1}, 2: None}, {"a": {"b": 1}, "2": None}),
    ({(0, 1): "x", date(2026, 1, 31): "y"}, {"(0, 1)": "x", "2026-01-31": "y"}),
    ({"b", "a", 1 << 70}, {"set": ["<int of 71 bits>", "a", "b"]}),
    (frozenset({b"x", None}), {"frozenset": ["b'x'", None]}),
    ({(1, 2)}, {"set": [{"tuple": [1, 2]}]}),
    (set(range(17)), "<set of 17>"),
    (frozenset(), {"frozenset": []}),
    (date(2026, 1, 31), {"object": "datetime:date", "text": "2026-01-31"}),
    (
        datetime(2026, 1, 31, 12, 30, tzinfo=UTC),
        {"object": "datetime:datetime", "text": "2026-01-31T12:30:00+00:00"},
    ),
    (
        datetime(2026, 1, 31, 12, 30, tzinfo=ZoneInfo("Etc/GMT-1")),
        {"object": "datetime:datetime", "text": "2026-01-31T12:30:00+01:00"},
    ),
    (time(12, 30), {"object": "datetime:time", "text": "12:30:00"}),
    (timedelta(1, 0, 500_000), {"object": "datetime:timedelta", "seconds": 86_400.5}),
    (Decimal("1.50"), {"object": "decimal:Decimal", "text": "1.50"}),
    (PurePosixPath("a") / "b", {"object": "pathlib:PurePosixPath", "text": "a/b"}),
    (Path("a"), {"object": f"pathlib:{type(Path()).__name__}", "text": "a"}),
    (Colour.RED, {"object": f"{__name__}:Colour", "name": "RED", "value": 1}),
    (Colour.NONE, {"object": f"{__name__}:Colour", "name": "NONE", "value": None}),
    (Level.HIGH, {"object": f"{__name__}:Level", "name": "HIGH", "value": 3}),
    (Access.READ, {"object": f"{__name__}:Access", "name": "READ", "value": 1}),
    (Point(1, (2,)), {"object": f"{__name__}:Point", "fields": {"x": 1, "y": {"tuple": [2]}}}),
    (Order(1), {"object": f"{__name__}:Order", "fields": {"id": 1, "parts": {"tuple": []}, "note": ""}}),
    (Slots(1), {"object": f"{__name__}:Slots", "fields": {"id": 1}}),
    (
        [[[Colour.RED, Order(1)]]],
        [[[{"object": f"{__name__}:Colour", "name": "RED", "value": 1}, f"<{__name__}.Order>"]]],
    ),
    (Counter("aa"), {"object": "collections:Counter", "value": {"a": 2}}),
    (OrderedDict(a=1), {"object": "collections:OrderedDict", "value": {"a": 1}}),
    (defaultdict(int, {1: 2}), {"object": "collections:defaultdict", "value": {"1": 2}}),
    (type("S", (str,), {"__module__": "m"})("x" * 201), {"object": "m:S", "value": "x" * 200 + "… <201 characters>"}),
    (type("B", (bytes,), {"__module__": "m"})(b"x" * 33), {"object": "m:B", "value": "<bytes of 33>"}),
    (type("F", (frozenset,), {"__module__": "m"})(range(17)), {"object": "m:F", "value": "<frozenset of 17>"}),
    (type("L", (list,), {"__module__": "m"})(range(17)), {"object": "m:L", "value": [*range(16), "… 1 more"]}),
    (sys.flags, {"object": "sys:flags", "value": {"tuple": [*list(sys.flags)[:16], f"… {len(sys.flags) - 16} more"]}}),
    (object(), "<object>"),
    (targets.make_item(CallSpec("is_prime", (7,)), pytest.fail), "is_prime(7)"),
    (targets.make_item(CallSpec("greet", ("Ada", object()), {"n": [1]}), pytest.fail), "greet('Ada', <object>, n=[1])"),
]


@pytest.mark.parametrize(("value", "expected"), EXAMPLES)
def test_examples(value: Any, expected: Any) -> None:
    """Plain data is itself as far as JSON has it, all else a text that says what it is."""
    described = describe(value)
    assert expected == described
    assert type(expected) is type(described)


def test_objects() -> None:
    """An object is its class with its attributes; one without a dictionary its class alone."""
    assert describe(Plain(x=1, y="z")).endswith("Plain(x=1, y='z')")
    assert describe(Slotted()).endswith("Slotted>")
    assert describe(Plain(**{f"a{n}": "x" * 50 for n in range(50)})).endswith("…")
    assert describe(Plain(day=date(2026, 1, 31))).endswith("Plain(day=2026-01-31)")


@pytest.mark.parametrize(
    "make",
    [
        lambda: int,
        lambda: Plain,
        Hostile,
        lambda: HostileText("x"),
        of_hostile_class,
        Proxy,
        lambda: Plain(inner=Hostile()),
    ],
)
def test_no_code_of_the_item_runs(make: Any) -> None:
    """Not repr(), not str(), not len(), not __getattribute__, not the metaclass's."""
    item = make()
    for value in (item, [item], {"k": item}, (item, (item, [item, [item]]))):
        assert describe(value)


def test_long_containers() -> None:
    """Of many elements the first are shown, and how many more there are."""
    assert [*range(ELEMENTS_LIMIT), "… 84 more"] == describe(list(range(100)))
    mapping = describe({n: n for n in range(100)})
    assert (ELEMENTS_LIMIT + 1, "84 more") == (len(mapping), mapping["…"])


def test_what_contains_itself() -> None:
    """It ends at the depth limit."""
    loop: list[Any] = []
    loop.append(loop)
    described = describe(loop)
    for _ in range(DEPTH_LIMIT - 1):
        (described,) = described
    assert ["<list>"] == described


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.complex_numbers()
    | st.decimals()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.dates()
    | st.timedeltas()
    | st.sampled_from([*Colour, *Access, Access(3), Path("x" * 5000), type("N" * 5000, (int,), {})(1)])
    | st.builds(object)
    | st.builds(Hostile)
    | st.builds(HostileText)
    | st.functions()
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=40)
        | st.tuples(inner, inner)
        | st.dictionaries(st.none() | st.integers() | st.text() | st.binary() | st.tuples(st.integers()), inner)
        | st.builds(Plain, x=inner, y=inner)
        | st.builds(Order, id=inner, parts=inner)
        | st.builds(Point, x=inner, y=inner)
        | st.lists(inner, max_size=40).map(type("List", (list,), {}))
        | st.dictionaries(st.text(), inner).map(OrderedDict)
        | st.sets(st.integers() | st.text() | st.dates() | st.tuples(st.integers())).map(frozenset)
    ),
    max_leaves=60,
)


def count(described: Any) -> int:
    """Return how many values there are in a description, keys included."""
    if isinstance(described, list):
        return 1 + sum(map(count, described))
    if isinstance(described, dict):
        return 1 + sum(1 + count(value) for value in described.values())
    assert described is None or type(described) in (bool, int, float, str)
    if isinstance(described, str):
        assert len(described) <= TEXT_LIMIT + 40
    if isinstance(described, float):
        assert math.isfinite(described)
    return 1


@examples(300)
@given(ANYTHING)
def test_any_item_is_described(value: Any) -> None:
    """A description is bounded plain data that msgpack takes and JSON can say, whatever the item is."""
    described = describe(value)
    assert count(described) <= 9 * (ELEMENTS_LIMIT + 2) ** DEPTH_LIMIT
    assert in_words(described)
    Packer(use_bin_type=True, unicode_errors="surrogatepass").pack(described)
    assert json.loads(json.dumps(described, allow_nan=False)) == described


class Endless:
    """A sequence that is too long to be copied."""

    read = 0

    def __len__(self) -> int:
        return 10**12

    def __getitem__(self, position: int) -> int:
        self.read += 1
        return position


def test_of_many_elements_only_those_are_read_that_are_shown() -> None:
    """A list of all of them would take more room than they do, and more time than the program."""
    sequence = Endless()
    assert [*range(16), "… 999999999984 more"] == describe_elements(sequence)
    assert 16 == sequence.read


@pytest.mark.parametrize("count", [0, 16, 17, 1000])
def test_elements_are_described_as_those_of_a_list(count: int) -> None:
    """However many there are."""
    elements = range(count)
    assert describe(list(elements)) == describe_elements(elements)
