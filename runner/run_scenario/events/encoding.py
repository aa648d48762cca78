"""Events as JSON Lines (ASCII only, finite numbers, one object a line), and as the mappings that they mean.

The hot path encodes an event type with msgspec, without a dict in between. What msgspec writes otherwise than a log has
it (characters beyond ASCII, numbers that are not finite, objects that JSON has no word for) goes the slow way, by
the standard library's `json`. Both ways give the same line for everything else: tests compare.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import asdict

from run_scenario.events.types.base import Event, optional_fields
from run_scenario.events.types.runs import RunEvent

_DEEPEST = 50
"""Levels of nesting beyond which an odd value is written as text."""

_encode = msgspec.json.Encoder().encode


def as_mapping(event: Event) -> dict[str, Any]:
    """Return an event as what its line in the log is read as."""
    mapping: dict[str, Any] = {"event": event.__struct_config__.tag, **asdict(event)}
    for name in optional_fields(type(event)):
        if mapping[name] is msgspec.UNSET:
            del mapping[name]
    if isinstance(event, RunEvent):  # the only ones in which other structures stand
        mapping.update({name: msgspec.to_builtins(each) for name, each in mapping.items() if _is_structured(each)})
    return mapping


def _is_structured(value: Any) -> bool:
    return isinstance(value, list | msgspec.Struct)


def line_of(event: Event | Mapping[str, Any]) -> bytes:
    """Return an event as a line of JSON, without its newline; it never raises, whatever the event holds."""
    try:
        line = _encode(event)
    except (ValueError, TypeError, RecursionError):
        return _safe_line(event)
    # msgspec escapes only what JSON demands, not even DEL, and writes null for a nan: such events, and some that only
    # look like it, go the other way.
    if line.isascii() and b"null" not in line and b"\x7f" not in line:
        return line
    return _safe_line(event)


def _safe_line(event: Event | Mapping[str, Any]) -> bytes:
    mapping = as_mapping(event) if isinstance(event, Event) else event
    try:
        text = _dump(mapping)
    except (ValueError, TypeError, RecursionError):
        text = _dump(_finite(mapping))
    if _SURROGATE.search(text):  # half a pair is no character: strict readers of JSON take no such line
        text = _dump(_finite(mapping, encode=_without_surrogates))
    return text.encode("ascii")


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""May be half a pair; a whole one, and a text that only looks like it, are left as they are."""


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _as_it_is(text: str) -> str:
    return text


_dump = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=repr).encode


def _finite(item: Any, depth: int = 0, *, encode: Callable[[str], str] = _as_it_is) -> Any:
    """Return `item` with everything that JSON cannot say (nan, infinities, odd keys, cycles) as text."""
    if isinstance(item, str):
        return encode(item)
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int):
        return item if item.bit_length() <= 1024 else hex(item)
    if isinstance(item, float):
        return item if math.isfinite(item) else repr(item)
    if depth > _DEEPEST:
        return "…"
    if isinstance(item, Mapping):
        pairs = ((key if isinstance(key, str) else repr(key), value) for key, value in item.items())
        return {encode(key): _finite(value, depth + 1, encode=encode) for key, value in pairs}
    if isinstance(item, list | tuple):
        return [_finite(value, depth + 1, encode=encode) for value in item]
    return repr(item)
