"""Events as columns: a million of them in some twenty megabytes of JSON, without loss.

What all events have is written once: the kind, the process and the time as lists of numbers; `seq`, `n`, `pid`,
`timestamp`, `run`, `scenario` and `level` only where they are not what one would expect from the event before. Each
other field is a column of its kind, in the shortest form that holds it: one value for all rows, numbers, differences,
microseconds, or places in the pool of distinct values.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from run_scenario.report.sentences import COMMON, Event

Json = dict[str, Any]

MICRO = 1_000_000
_ABSENT = -1
"""The place, in a column of places, of a field that this event does not have."""
_EXACT = 2**53
"""Beyond it a number of JavaScript is not exact."""
_MISSING = object()
_NEAR = 100
"""Microseconds by which the timestamp of an event may differ from its `t` to be told by the difference."""


class Place(int):
    """A place in the pool, other than a number that stands for itself."""

    __slots__ = ()


class Pool:
    """Distinct values, each written once and then known by its place."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._texts: dict[str, Place] = {}
        self._others: dict[str, Place] = {}

    def place(self, value: Any) -> Place:
        """Return the place of `value`; the same object each time, for there may be a million of them."""
        if isinstance(value, str):
            known, key = self._texts, value
        else:
            known, key = self._others, _text(value)
        place = known.get(key)
        if place is None:
            place = known[key] = Place(len(self.values))
            self.values.append(value)
        return place


class Columns:
    """Takes a run's events one by one, and returns them as columns."""

    def __init__(self) -> None:
        self.pool = Pool()
        self._kinds: dict[str, int] = {}
        self._processes: dict[str, int] = {}
        self._kind = array("I")
        self._process = array("I")
        self._t = array("q")
        self._shift = array("b")
        self._fields: dict[str, dict[str, _Column]] = {}
        self._rows: dict[str, int] = {}
        self._unexpected: dict[str, list[Any]] = {name: [] for name in ("seq", "n", "pid", "level", "timestamp", "run")}
        self._expected = _Expected()

    def __len__(self) -> int:
        return len(self._t)

    def add(self, event: Event) -> None:
        """Take the next event."""
        kind, process = str(event.get("event", "")), str(event.get("process", ""))
        self._kind.append(self._kinds.setdefault(kind, len(self._kinds)))
        self._process.append(self._processes.setdefault(process, len(self._processes)))
        micros = round(_finite(event.get("t")) * MICRO)
        for name, value in self._expected.surprises(event, kind, process):
            self._unexpected[name].append((len(self._t), value))
        shift = self._expected.shift(event, micros)
        if shift is None:
            self._unexpected["timestamp"].append((len(self._t), event.get("timestamp")))
        self._shift.append(shift or 0)
        self._t.append(micros)
        self._add_fields(kind, event)

    def _add_fields(self, kind: str, event: Event) -> None:
        row = self._rows.get(kind, 0)
        self._rows[kind] = row + 1
        fields = self._fields.setdefault(kind, {})
        for name, value in event.items():
            if name in COMMON:
                continue
            column = fields.get(name)
            if column is None:
                column = fields[name] = _Column()
            column.fill(row)
            # A number is kept as it is; all else only once, so that a log of a million events fits into memory.
            number = type(value) is int or (type(value) is float and math.isfinite(value))
            column.append(value if number else self.pool.place(value))

    def to_json(self) -> Json:
        """Return everything as JSON can hold it; the long lists are iterators and arrays (see `json_parts`).

        What is in the pool is known only when all before it has been written.
        """
        return {
            "kinds": list(self._kinds),
            "processes": list(self._processes),
            "kind": self._kind,
            "process": self._process,
            "t": _differences(self._t),
            "shift": self._shift if any(self._shift) else [],
            "start": self._expected.to_json(),
            "unexpected": {name: iter(pairs) for name, pairs in self._unexpected.items() if pairs},
            "fields": {kind: self._encoded(kind, fields) for kind, fields in self._fields.items()},
            "values": map(_exact, self.pool.values),
        }

    def _encoded(self, kind: str, fields: dict[str, _Column]) -> Json:
        for column in fields.values():
            column.fill(self._rows[kind])
        return {name: _encode(column, self.pool) for name, column in fields.items()}


class _Expected:
    """What an event's common fields will be, if nothing unusual happens."""

    def __init__(self) -> None:
        self._seq = 0
        self._n: dict[str, int] = {}
        self._pid: dict[str, Any] = {}
        self._level: dict[str, Any] = {}
        self._origin: datetime | None = None
        self._run: tuple[Any, Any] | None = None

    def surprises(self, event: Event, kind: str, process: str) -> Iterable[tuple[str, Any]]:
        """Yield each field that is not as expected, with its value."""
        self._seq += 1
        if event.get("seq") != self._seq:
            yield "seq", event.get("seq")
            self._seq = event["seq"] if isinstance(event.get("seq"), int) else self._seq
        n = self._n.get(process, 0) + 1
        if event.get("n") != n:
            yield "n", event.get("n")
            n = event["n"] if isinstance(event.get("n"), int) else n
        self._n[process] = n
        for name, known, key in (("pid", self._pid, process), ("level", self._level, kind)):
            if event.get(name) != known.get(key):
                known[key] = event.get(name)
                yield name, known[key]
        if self._run != (event.get("run"), event.get("scenario")):
            self._run = (event.get("run"), event.get("scenario"))
            yield "run", self._run

    def shift(self, event: Event, micros: int) -> int | None:
        """Return how many microseconds later than by its `t` an event's timestamp is; None if that is not all.

        Both are rounded, so that a microsecond is usual.
        """
        found = event.get("timestamp")
        if self._origin is None:
            try:
                self._origin = datetime.fromisoformat(str(found)) - timedelta(microseconds=micros)
            except (ValueError, OverflowError):
                self._origin = datetime.fromtimestamp(0, UTC)
        if found == _timestamp(self._origin, micros):
            return 0
        try:
            shift = (datetime.fromisoformat(found) - self._origin) // timedelta(microseconds=1) - micros  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None
        return shift if abs(shift) <= _NEAR and found == _timestamp(self._origin, micros + shift) else None

    def to_json(self) -> Json:
        """Return the moment that times are counted from."""
        return {"origin": self._origin.isoformat() if self._origin else None}


class _Column:
    """The values of a field: numbers, places in the pool, and `_MISSING`; mostly 5 bytes each, of a float 13."""

    def __init__(self) -> None:
        self._sorts = bytearray()
        """For each value, what is meant by its number in `_numbers`."""
        self._numbers = array("i")
        self._floats = array("d")
        self._integers: list[int] = []
        """Those of more than 64 bits."""

    def __len__(self) -> int:
        return len(self._sorts)

    def fill(self, rows: int) -> None:
        """Have at least so many values."""
        for _ in range(len(self), rows):
            self._add(_NOTHING, 0)

    def append(self, value: float) -> None:
        """Add a value: a number, or a place."""
        if type(value) is float:
            self._add(_FLOAT, len(self._floats))
            self._floats.append(value)
        elif type(value) is Place:
            self._add(_PLACE, value)
        elif -(2**63) <= value < 2**63:
            self._add(_INTEGER, int(value))
        else:
            self._add(_LONG, len(self._integers))
            self._integers.append(int(value))

    def _add(self, sort: int, number: int) -> None:
        try:
            self._numbers.append(number)
        except OverflowError:
            self._numbers = array("q", self._numbers)
            self._numbers.append(number)
        self._sorts.append(sort)

    def integers(self) -> array[int] | None:
        """Return the values if all are integers of 64 bits."""
        return self._numbers if self._sorts.count(_INTEGER) == len(self._sorts) else None

    def __iter__(self) -> Iterator[Any]:
        for sort, number in zip(self._sorts, self._numbers, strict=True):
            if sort == _INTEGER:
                yield number
            elif sort == _FLOAT:
                yield self._floats[number]
            elif sort == _PLACE:
                yield Place(number)
            else:
                yield _MISSING if sort == _NOTHING else self._integers[number]


_NOTHING, _INTEGER, _FLOAT, _PLACE, _LONG = range(5)


def _timestamp(origin: datetime, micros: int) -> str:
    then = origin + timedelta(microseconds=micros)
    return then.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _encode(column: _Column, pool: Pool) -> Json:
    """Return a column in the shortest of its forms."""
    integers = column.integers()
    if integers is not None and min(integers) > -_EXACT and max(integers) < _EXACT:
        return _numbers(integers)
    if all(type(value) in (int, float) for value in column):
        exact = all(abs(value) < _EXACT / MICRO and round(value * MICRO) / MICRO == value for value in column)
        if exact:
            micros = array("q", (round(value * MICRO) for value in column))
            return {"same": micros[0] / MICRO} if _alike(micros) else {"micros": micros}
    places = array("q", (_place(value, pool) for value in column))
    return {"all": places[0]} if _alike(places) else {"places": places}


def _place(value: Any, pool: Pool) -> int:
    if value is _MISSING:
        return _ABSENT
    return value if type(value) is Place else pool.place(value)


def _numbers(column: array[int]) -> Json:
    if _alike(column):
        return {"same": column[0]}
    shorter = sum(map(abs, _differences(column))) < sum(map(abs, column))
    return {"steps": _differences(column)} if shorter else {"numbers": column}


def _alike(column: array[int]) -> bool:
    return column.count(column[0]) == len(column)


def _differences(column: Iterable[int]) -> Iterator[int]:
    before = 0
    for number in column:
        yield number - before
        before = number


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=repr)


def _exact(value: Any) -> Any:
    """Return `value` with the integers that JavaScript would round as text, marked as such."""
    if type(value) is int and not -_EXACT < value < _EXACT:
        return {"$integer": str(value)}
    if isinstance(value, list | tuple):
        return [_exact(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _exact(each) for key, each in value.items()}
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _finite(t: Any) -> float:
    return t if isinstance(t, int | float) and math.isfinite(t) else 0.0
