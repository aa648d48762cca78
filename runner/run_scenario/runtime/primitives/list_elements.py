"""The elements of ShareableLists: which one is meant, and what has room there.

This module does not import `multiprocessing.shared_memory`: own code has its shared memory recorded as soon as that is
imported, by a module that needs this one.
"""

from __future__ import annotations

import operator
from typing import Any

from run_scenario.runtime import cpython

_BIG = 1 << 63


def element_place(row: Any, position: Any) -> int:
    """Return which element of a ShareableList is meant, counted from 0."""
    at = operator.index(position)
    return at if at >= 0 else at + len(row)


def fits(row: Any, position: Any, value: Any) -> bool:
    """Tell whether a value can be stored in a ShareableList there: a text has as much room as the first one had."""
    if not hasattr(position, "__index__") or not 0 <= (place := element_place(row, position)) < len(row):
        return False
    if isinstance(value, str | bytes):
        offsets = cpython.allocated_offsets(row)
        length = len(value.encode() if isinstance(value, str) else value)
        return bool(length <= offsets[place + 1] - offsets[place])
    return value is None or type(value) in (bool, float) or (type(value) is int and -_BIG <= value < _BIG)
