"""Values and the elements of arrays, as they are recorded wherever they are held."""

from __future__ import annotations

import operator
from typing import Any

from run_scenario.recording import layout
from run_scenario.recording.describe import describe
from run_scenario.recording.recorder import recorder

_SMALL = 1 << 63
REFUSALS = (TypeError, ValueError, IndexError, OverflowError, AttributeError)
"""What a write raises that does not happen."""


def record_element(code: int, index: int, place: Any, content: Any) -> None:
    """Record that an element was read or written; `code` is that of a value or of an array (see `codes`)."""
    if type(content) is int and -_SMALL <= content < _SMALL and type(place) is int:
        recorder.fixed(code, layout.V_INT, index, place, content, 0)
    else:
        recorder.emit(code, index, place, describe(content), 0)


def place_of(i: Any, length: int) -> int | str | None:
    """Return which element is meant, as it is recorded: its index from 0, or a slice in words."""
    if isinstance(i, slice):
        start, stop, step = i.indices(length)
        return f"{start}:{stop}" + (f":{step}" if step != 1 else "")
    at = operator.index(i)
    return at if at >= 0 else at + length
