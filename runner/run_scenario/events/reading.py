"""The lines of a log, as JSON has them, read as the types of their events.

A log of another version, or a damaged one, lacks fields or has something else in them. Such an event is read as far as
it goes: what is there and fits is kept, of the rest nothing is claimed.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from run_scenario.errors import Status
from run_scenario.events.types import ALL, Event, name_of

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
