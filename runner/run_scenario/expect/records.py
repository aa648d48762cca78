"""A log as records: flat dictionaries with the same keys, such as data frames are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from run_scenario.expect.verdicts import Event


def records_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return one record an event; a column whose values are of several kinds is text, for it can have one type only."""
    flat = [dict(_flattened(each)) for each in events]
    kinds: dict[str, set[str]] = {}
    for record in flat:
        for column, value in record.items():
            kinds.setdefault(column, set()).add(_kind(value))
    mixed = {column for column, found in kinds.items() if len(found - {""}) > 1 or _OTHER in found}
    columns = {column: (_written if column in mixed else _as_it_is) for column in kinds}
    return [{column: show(record.get(column)) for column, show in columns.items()} for record in flat]


def _flattened(each: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in each.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_OTHER = "something else"
_KINDS: dict[type, str] = {bool: "truth", int: "number", float: "number", str: "text", type(None): ""}


def _kind(value: Any) -> str:
    """Return what a value is; empty for nothing."""
    if isinstance(value, list):
        inner = {_KINDS.get(type(each), _OTHER) for each in value} - {""}
        return _OTHER if len(inner) > 1 or _OTHER in inner else " ".join(("list of", *inner))
    return _KINDS.get(type(value), _OTHER)


def _as_it_is(value: Any) -> Any:
    return value


def _written(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=repr)
