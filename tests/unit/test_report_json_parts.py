"""A JSON document in pieces is the one that is written at once."""

from __future__ import annotations

import json
from array import array
from functools import partial

import pytest

from run_scenario.report.json_parts import json_parts

DUMPS = partial(json.dumps, separators=(",", ":"))


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, 2_500])
def test_pieces_are_the_whole(count: int) -> None:
    """Iterators and arrays are lists, of any length; everything else is as it is."""
    numbers = list(range(count))
    whole = {"a": numbers, "b": [{"c": [str(n) for n in numbers]}, {}, []], "é": [None, "</x>", 1.5, True], "d": {}}
    pieces = {**whole, "a": array("i", numbers), "b": [{"c": map(str, numbers)}, {}, []]}
    found = list(json_parts(pieces, DUMPS))
    assert DUMPS(whole) == "".join(found)
    assert max(map(len, found)) < 10_000
