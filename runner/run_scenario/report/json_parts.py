"""A JSON document piece by piece, for one that is not to be in memory as a whole."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

_AT_ONCE = 1_000
"""Values of a list that are written together."""


def json_parts(value: Any, dumps: Callable[[Any], str]) -> Iterator[str]:
    """Yield the texts that make up what `dumps`, which writes no spaces, would return of a value.

    Its dictionaries and lists are gone through; an iterator or an array in them is a list of plain values, which are
    made as they are written.
    """
    if isinstance(value, dict):
        opening = "{"
        for key, each in value.items():
            yield f"{opening}{dumps(key)}:"
            yield from json_parts(each, dumps)
            opening = ","
        yield "{}" if opening == "{" else "}"
    elif isinstance(value, list):
        opening = "["
        for each in value:
            yield opening
            yield from json_parts(each, dumps)
            opening = ","
        yield "[]" if opening == "[" else "]"
    elif isinstance(value, Iterator | array):
        opening, values = "[", iter(value)
        while batch := list(islice(values, _AT_ONCE)):
            yield opening + dumps(batch)[1:-1]
            opening = ","
        yield "[]" if opening == "[" else "]"
    else:
        yield dumps(value)
