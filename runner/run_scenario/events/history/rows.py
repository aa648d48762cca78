"""`Rows`: named tuples by the million, kept by their columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from heapq import merge
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints, overload

from run_scenario.counting import plural

R = TypeVar("R", bound=tuple[Any, ...])

_MOST = 2**63 - 1


class Rows(Sequence[R], Generic[R]):
    """A list of named tuples of one type, each of which is made when it is asked for.

    A tuple of two times and two texts takes 250 bytes, and here 24: a column of floats has 8 bytes for each, one of
    integers, too (what is larger than they hold is the largest that they do), one of truth values 1, and one of texts 4
    for its place among those that are different. Values of other types are kept as they are.
    """

    __slots__ = ("_columns", "_kind", "_texts")

    def __init__(self, kind: type[R], rows: Iterable[R] = ()) -> None:
        self._kind = kind
        self._columns: list[MutableSequence[Any]] = []
        self._texts: list[_Texts | None] = []
        """For each column: the texts that are meant by its numbers, if it is one of texts."""
        for column in _columns_of(kind):
            self._columns.append([] if column.code is None else array(column.code))
            self._texts.append(_Texts() if column.is_text else None)
        self.extend(rows)

    def append(self, row: R) -> None:
        """Add a row at the end."""
        for column, texts, value in zip(self._columns, self._texts, row, strict=True):
            if texts is not None:
                column.append(texts.place(value))
            elif isinstance(column, array) and value > _MOST:
                column.append(_MOST if column.typecode == "q" else value)
            else:
                column.append(value)

    def extend(self, rows: Iterable[R]) -> None:
        """Add rows at the end."""
        for row in rows:
            self.append(row)

    def pop(self) -> R:
        """Remove the last row, and return it."""
        last = self[-1]
        for column in self._columns:
            column.pop()
        return last

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> list[R]: ...

    def __getitem__(self, index: int | slice) -> R | list[R]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        return self._row(*(column[index] for column in self._columns))

    def _row(self, *found: Any) -> R:
        values = [
            value if texts is None else texts.values[value] for texts, value in zip(self._texts, found, strict=True)
        ]
        return self._kind(*values)

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[R]:
        return map(self._row, *self._columns)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        more = ", …" if len(self) > 3 else ""
        return f"<{plural(len(self), 'row')}: {', '.join(map(repr, islice(self, 3)))}{more}>"

    def ascending(self) -> Iterator[R]:
        """Yield the rows as `sorted` would; nearly in order as they mostly are, those that are not are set aside."""
        late: list[int] = []
        latest: R | None = None
        for number, row in enumerate(self):
            if latest is None or latest <= row:
                latest = row
            else:
                late.append(number)
        if not late:
            return iter(self)
        aside = set(late)
        in_order = (row for number, row in enumerate(self) if number not in aside)
        return merge(in_order, sorted(map(self.__getitem__, late)))

    def sort(self, key: str) -> None:
        """Sort the rows by one of their fields; those that are alike in it stay in their order."""
        by = self._columns[[column.name for column in _columns_of(self._kind)].index(key)]
        order = sorted(range(len(self)), key=by.__getitem__)
        for number, column in enumerate(self._columns):
            values = map(column.__getitem__, order)
            self._columns[number] = array(column.typecode, values) if isinstance(column, array) else list(values)


class _Texts:
    """Different texts, each with its place."""

    __slots__ = ("_places", "values")

    def __init__(self) -> None:
        self.values: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self.values)
            self.values.append(text)
        return place


class _Column(NamedTuple):
    name: str
    code: str | None
    """The type of its array; None: a list."""
    is_text: bool


_CODES: dict[object, str] = {float: "d", int: "q", bool: "b", str: "I"}
_known: dict[type, tuple[_Column, ...]] = {}


def _columns_of(kind: type[tuple[Any, ...]]) -> tuple[_Column, ...]:
    found = _known.get(kind)
    if found is None:
        hints = get_type_hints(kind)
        found = _known[kind] = tuple(_Column(name, *_code(hints[name])) for name in kind._fields)  # type: ignore[attr-defined]
    return found


def _code(hint: Any) -> tuple[str | None, bool]:
    values = getattr(hint, "__args__", ())
    is_text = hint is str or (bool(values) and all(isinstance(value, str) for value in values))  # or a Literal of them
    return ("I", True) if is_text else (_CODES.get(hint), False)
