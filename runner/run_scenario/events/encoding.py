"""Events as JSON Lines (ASCII only, finite numbers, one object a line), as the mappings that they mean, and back.

The hot path encodes an event type with msgspec, without a dict in between. What msgspec writes otherwise than a log has
it (characters beyond ASCII, numbers that are not finite, objects that JSON has no word for) goes the slow way, by
the standard library's `json`. Both ways give the same line for everything else: tests compare.

A log of another version, or a damaged one, lacks fields or has something else in them. Such an event is read as far as
it goes: what is there and fits is kept, of the rest nothing is claimed.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import asdict

from run_scenario.errors import Status
from run_scenario.events.types import ALL, Event, name_of
from run_scenario.events.types.base import optional_fields
from run_scenario.events.types.runs import RunEvent

_DEEPEST = 50
"""Levels of nesting beyond which an odd value is written as text."""

_ENCODER = msgspec.json.Encoder()
_encode = _ENCODER.encode
_AT_ONCE = 256
"""Events that are encoded by one call: of these, only the lines that need it are made again."""


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
    return line if _is_as_in_a_log(line) else _safe_line(event)


def lines_of(events: Sequence[Event | Mapping[str, Any]]) -> bytes:
    """Return events as lines of JSON, each with its newline; it never raises, whatever they hold."""
    return b"".join([_some_lines(events[at : at + _AT_ONCE]) for at in range(0, len(events), _AT_ONCE)])


def _some_lines(events: Sequence[Event | Mapping[str, Any]]) -> bytes:
    try:
        data = _ENCODER.encode_lines(events)
    except (ValueError, TypeError, RecursionError):
        return b"".join([line_of(event) + b"\n" for event in events])
    if _is_as_in_a_log(data):
        return data
    lines = data.split(b"\n")  # msgspec writes no other newlines
    for at, event in enumerate(events):
        if not _is_as_in_a_log(lines[at]):
            lines[at] = _safe_line(event)
    return b"\n".join(lines)


def _is_as_in_a_log(text: bytes) -> bool:
    """Return whether JSON of msgspec is what a log has; False also for some that only looks as if it were not."""
    # msgspec escapes only what JSON demands, not even DEL, and writes null for a nan.
    return text.isascii() and b"null" not in text and b"\x7f" not in text


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


# Reading


_KINDS: dict[str, type[Event]] = {name_of(kind): kind for kind in ALL}
_PLAIN = (str, int, float, bool, list, dict)
"""Types whose empty value stands for what a log does not have; a choice of texts has an empty text."""
_ASSUMED = {"worker": "process", "allowed": True, "exit_status": int(Status.MACHINERY), "count": 1}
"""Fields of which another value is assumed where a log does not have them, so that nothing is claimed."""

S = TypeVar("S", bound=msgspec.Struct)


def as_event(line: Mapping[str, Any]) -> Event:
    """Return the event that a line of a log means; one of an unknown name has only what all events have."""
    kind = _KINDS.get(line["event"], Event)
    try:
        return msgspec.convert(line, kind)
    except (msgspec.ValidationError, ValueError, OverflowError):  # such as half a surrogate pair, a number too large
        return _as_far_as_it_goes(line, kind)


def _as_far_as_it_goes(fields: Mapping[str, Any], kind: type[S]) -> S:
    found = {}
    for name, hint in _hints(kind).items():
        if name in fields:
            found[name] = _fitted(fields[name], hint, name)
        elif name in _required(kind):
            found[name] = _fitted(None, hint, name)
    return kind(**found)


@functools.cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


@functools.cache
def _required(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(kind) if field.required)


def _fitted(value: Any, hint: Any, name: str) -> Any:
    """Return a value as a field of this type can have it; what cannot be one becomes what stands for nothing."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        choices = get_args(hint)
        if value is None and NoneType in choices:
            return None
        hint = next(
            (choice for choice in choices if isinstance(choice, type) and isinstance(value, choice)), choices[0]
        )
        return _fitted(value, hint, name)
    if value is None and hint is not Any:
        return _nothing(origin or hint, name)
    if origin is list:
        return [_fitted(each, get_args(hint)[0], name) for each in value] if isinstance(value, list) else []
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _as_far_as_it_goes(value if isinstance(value, Mapping) else {}, hint)
    if hint is str or origin is Literal:
        return value if isinstance(value, str) else str(value)
    if hint is float:
        return float(value) if isinstance(value, int | float) else 0.0
    if hint in (int, bool) or origin is dict:
        return value if isinstance(value, origin or hint) else _nothing(origin or hint, name)
    return value


def _nothing(kind: Any, name: str) -> Any:
    if name in _ASSUMED:
        return _ASSUMED[name]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _as_far_as_it_goes({}, kind)
    return kind() if kind in _PLAIN else ""
