"""Items as they are shown in the log: small plain data, made without running anybody's code.

A description is None, a bool, an int of at most 64 bits, a finite float, a str, or a list or dict of those. Calling
`repr()` on a user's object could print, raise, take for ever or change what is measured, so objects are described
from their type and their attributes alone.
"""

from __future__ import annotations

import itertools
import sys
from types import GetSetDescriptorType
from typing import Any

TEXT_LIMIT = 200
"""Longest text kept of one value, in characters."""
ELEMENTS_LIMIT = 16
"""Most elements kept of one container."""
DEPTH_LIMIT = 3
MOST_BYTES = 32
"""Most bytes that are shown; of more, only the number."""

_PLAIN = (type(None), bool, int, float, str, bytes)
"""Types of elements of a set that is shown."""
_INT_LIMIT = 1 << 63
_PRIMITIVES = "run_scenario.runtime.primitives."
_MEMORY = "multiprocessing.shared_memory"
_CALLS = "run_scenario.targets._call"


def describe(value: Any, depth: int = 0) -> Any:
    """Return the description of any object; never raises and runs no code of the object's class."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -_INT_LIMIT <= value < _INT_LIMIT else f"<int of {value.bit_length()} bits>"
    if kind is float:
        return value if value - value == 0.0 else repr(value)
    if kind is str:
        return value if len(value) <= TEXT_LIMIT else f"{value[:TEXT_LIMIT]}… <{len(value)} characters>"
    if kind is bytes or kind is bytearray:
        return describe_bytes(len(value), kind.__name__) if len(value) > MOST_BYTES else bytes.__repr__(bytes(value))
    if depth >= DEPTH_LIMIT:
        return f"<{_name(kind)}>"
    return _describe_container(value, kind, depth)


def describe_bytes(number: int, kind: str = "bytes") -> str:
    """Return the description of so many bytes, more than MOST_BYTES."""
    return f"<{kind} of {number}>"


def _describe_container(value: Any, kind: type, depth: int) -> Any:
    if kind is list or kind is tuple:
        parts = [describe(v, depth + 1) for v in value[:ELEMENTS_LIMIT]]
        if len(value) > ELEMENTS_LIMIT:
            parts.append(f"… {len(value) - ELEMENTS_LIMIT} more")
        return parts
    if kind is dict:
        return _describe_mapping(value, depth)
    if kind is set or kind is frozenset:
        return _describe_set(value, kind)
    if _own(kind, "__module__") == "datetime" and kind is getattr(sys.modules.get("datetime"), kind.__name__, None):
        return _describe_date(value, kind)
    return _describe_object(value, kind, depth)


def _in_code(value: Any) -> str:
    """Return the description of what is a part of something that is shown as Python code."""
    described = describe(value, DEPTH_LIMIT - 1)
    # What is none of these is described in words, without quotes.
    return repr(described) if type(value) is str or type(described) is not str else described


def _describe_set(value: Any, kind: type) -> str:
    """Return a small set of plain values as Python writes it, in an order that is always the same."""
    elements = list(value) if len(value) <= ELEMENTS_LIMIT else [value]
    if not elements or any(type(element) not in _PLAIN for element in elements):
        return f"<{kind.__name__} of {len(value)}>"
    text = f"{{{', '.join(sorted(map(_in_code, elements)))}}}"
    text = text if kind is set else f"frozenset({text})"
    return text if len(text) <= TEXT_LIMIT else f"<{kind.__name__} of {len(value)}>"


def _describe_date(value: Any, kind: type) -> str:
    """Return a date or a time as ISO 8601 has it, unless somebody's own class says in which zone that is."""
    zone = getattr(value, "tzinfo", None)
    if not hasattr(kind, "isoformat") or type(zone) not in (type(None), sys.modules["datetime"].timezone):
        return f"<{_name(kind)}>"
    return str(value.isoformat())


def _describe_mapping(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    # Copied in one step: another thread may be changing it.
    pairs = list(itertools.islice(value.items(), ELEMENTS_LIMIT + 1))
    described = {}
    for position, (key, element) in enumerate(pairs):
        if position == ELEMENTS_LIMIT:
            described["…"] = f"{len(value) - ELEMENTS_LIMIT} more"
            break
        described[str(describe(key, DEPTH_LIMIT))] = describe(element, depth + 1)
    return described


def _describe_object(value: Any, kind: type, depth: int) -> str:
    if _own(kind, "__module__") == _CALLS:  # one of our own task objects, as the call that it makes: is_prime(7)
        parts = [_in_code(part) for part in value.args[:ELEMENTS_LIMIT]]
        parts += [f"{key}={_in_code(part)}" for key, part in itertools.islice(value.kwargs.items(), ELEMENTS_LIMIT)]
        name = getattr(value.function, "__name__", None) or _name(type(value.function))
        return str(describe(f"{name}({', '.join(parts)})", depth))
    if _own(kind, "__module__").startswith((_PRIMITIVES, _MEMORY)):  # stand for multiprocessing's own
        return f"<multiprocessing {_own(kind, '__name__')}>"
    attributes = _attributes(value, kind)
    if attributes is None:
        return f"<{_name(kind)}>"
    shown = [f"{key}={describe(element, DEPTH_LIMIT)!r}" for key, element in attributes]
    text = f"{_name(kind)}({', '.join(shown)})"
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}…"


def _attributes(value: Any, kind: type) -> list[tuple[str, Any]] | None:
    """Return the first of an object's attributes; None if it has no dictionary, or one that its class computes."""
    for base in type.__getattribute__(kind, "__mro__"):
        slot = type.__getattribute__(base, "__dict__").get("__dict__")
        if slot is not None:
            if type(slot) is not GetSetDescriptorType:
                return None
            found = slot.__get__(value)
            if type(found) is not dict:  # that of a class, which is a proxy
                return None
            pairs = list(itertools.islice(found.items(), ELEMENTS_LIMIT))
            return [(key, element) for key, element in pairs if type(key) is str]
    return None


def _name(kind: type) -> str:
    module, name = _own(kind, "__module__"), _own(kind, "__qualname__")
    return name if module == "builtins" else f"{module}.{name}"


def _own(kind: type, attribute: str) -> str:
    """Return an attribute of a class that ought to be a text, past whatever its metaclass says."""
    found = type.__getattribute__(kind, attribute)
    return found if type(found) is str else "?"
